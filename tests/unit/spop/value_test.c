/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

#define MINUS_5 "fb f0 fe fe fe fe fe fe fe 0e"
#define MINUS_1 "ff f0 fe fe fe fe fe fe fe 0e"
#define TEXT(literal) .bytes = { (const uint8_t *)(literal), sizeof(literal) - 1 }

static const uint8_t v4[4] = { 192, 0, 2, 7 };
static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };

struct row {
	const char *name;
	const char *hex;
	struct spop_value value;
};

/* As we write them, and read them. */
static const struct row values[] = {
	{ "null_arg", "00", { .type = SPOP_NULL } },
	{ "bool_bytes_false", "01", { .type = SPOP_BOOL, .boolean = false } },
	{ "bool_bytes_true", "11", { .type = SPOP_BOOL, .boolean = true } },
	{ "int32_0", "02 00", { .type = SPOP_INT32, .integer = 0 } },
	{ "int32_max", "02 ff f0 fe fe 3e", { .type = SPOP_INT32, .integer = INT32_MAX } },
	{ "int_neg_int32", "02 " MINUS_1, { .type = SPOP_INT32, .integer = -1 } },
	{ "int32_min", "02 f0 f1 fe fe be fe fe fe fe 0e", { .type = SPOP_INT32, .integer = INT32_MIN } },
	{ "int32_2^32", "02 f0 f1 fe fe 7e", { .type = SPOP_INT32, .integer = 1ll << 32 } },
	{ "int32_2^40_as_haproxy_reads_it", "02 f0 f1 fe fe fe fe 00", { .type = SPOP_INT32, .integer = 1ll << 40 } },
	{ "uint32_301", "03 fd 03", { .type = SPOP_UINT32, .integer = 301 } },
	{ "uint32_max", "03 ff f0 fe fe 7e", { .type = SPOP_UINT32, .integer = UINT32_MAX } },
	{ "int64_7", "04 07", { .type = SPOP_INT64, .integer = 7 } },
	{ "int_neg_int64", "04 " MINUS_5, { .type = SPOP_INT64, .integer = -5 } },
	{ "int64_2^32-1_is_positive", "04 ff f0 fe fe 7e", { .type = SPOP_INT64, .integer = UINT32_MAX } },
	{ "int64_max", "04 ff f0 fe fe fe fe fe fe fe 06", { .type = SPOP_INT64, .integer = INT64_MAX } },
	{ "int64_min", "04 f0 f1 fe fe fe fe fe fe fe 06", { .type = SPOP_INT64, .integer = INT64_MIN } },
	{ "uint64_2^63", "05 f0 f1 fe fe fe fe fe fe fe 06", { .type = SPOP_UINT64, .natural = 1ull << 63 } },
	{ "uint64_max", "05 " MINUS_1, { .type = SPOP_UINT64, .natural = UINT64_MAX } },
	{ "ip_network_order_v4", "06 c0 00 02 07", { .type = SPOP_IPV4, .address = v4 } },
	{ "ip_network_order_v6", "07 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01",
	  { .type = SPOP_IPV6, .address = v6 } },
	{ "ipv6_mapped", "07 00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 07",
	  { .type = SPOP_IPV6, .address = mapped } },
	{ "string", "08 0b 65 78 61 6d 70 6c 65 2e 6f 72 67", { .type = SPOP_STRING, TEXT("example.org") } },
	{ "string_empty_is_not_null", "08 00", { .type = SPOP_STRING, TEXT("") } },
	{ "string_with_nul", "08 03 61 00 62", { .type = SPOP_STRING, TEXT("a\0b") } },
	{ "binary", "09 03 00 01 ff", { .type = SPOP_BINARY, TEXT("\x00\x01\xff") } },
	{ "binary_empty", "09 00", { .type = SPOP_BINARY, TEXT("") } },
};

/* Read, but not written so. */
static const struct row spellings[] = {
	{ "bool_bytes_21_is_false", "21", { .type = SPOP_BOOL, .boolean = false } },
	{ "bool_bytes_31_is_true", "31", { .type = SPOP_BOOL, .boolean = true } },
	{ "bool_bytes_f1_is_true", "f1", { .type = SPOP_BOOL, .boolean = true } },
	{ "bool_bytes_e1_is_false", "e1", { .type = SPOP_BOOL, .boolean = false } },
	{ "type_mask_null", "f0", { .type = SPOP_NULL } },
	{ "type_mask_int32", "12 05", { .type = SPOP_INT32, .integer = 5 } },
	{ "type_mask_uint32", "23 05", { .type = SPOP_UINT32, .integer = 5 } },
	{ "type_mask_int64", "44 " MINUS_5, { .type = SPOP_INT64, .integer = -5 } },
	{ "type_mask_uint64", "85 05", { .type = SPOP_UINT64, .natural = 5 } },
	{ "type_mask_ipv4", "16 c0 00 02 07", { .type = SPOP_IPV4, .address = v4 } },
	{ "type_mask_string", "18 01 61", { .type = SPOP_STRING, TEXT("a") } },
	{ "type_mask_binary", "f9 01 61", { .type = SPOP_BINARY, TEXT("a") } },
	{ "int32_neg_in_32_bits", "02 ff f0 fe fe 7e", { .type = SPOP_INT32, .integer = -1 } },
	{ "int32_min_in_32_bits", "02 f0 f1 fe fe 3e", { .type = SPOP_INT32, .integer = INT32_MIN } },
};

struct refusal {
	const char *name;
	const char *hex;
};

static const struct refusal refusals[] = {
	{ "nothing", "" },
	{ "int_without_number", "04" },
	{ "int_of_too_many_bits", "04 ff ff ff ff ff ff ff ff ff 0e" },
	{ "ipv4_of_3", "06 c0 00 02" },
	{ "ipv6_of_15", "07 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00" },
	{ "string_without_length", "08" },
	{ "string_one_short", "08 03 61 62" },
	{ "len_no_wrap_2^64-1", "08 " MINUS_1 " 61 61 61 61" },
	{ "len_no_wrap_2^64-16", "08 f0 f0 fe fe fe fe fe fe fe 0e 61 61 61 61" },
	{ "len_no_wrap_2^63", "09 f0 f1 fe fe fe fe fe fe fe 06 61 61 61 61" },
	{ "len_no_wrap_2^32", "09 f0 f1 fe fe 7e 61 61 61 61" },
};

static void decodes(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex), in = bytes;
	struct spop_value value;

	assert_true(spop_take_value(&in, &value));
	assert_true(value_same(&value, &row->value));
	assert_int_equal(in.len, 0);
	assert_ptr_equal(in.ptr, bytes.ptr + bytes.len);
	slice_free(bytes);
}

static void encodes(void **state)
{
	const struct row *row = *state;
	uint8_t out[64];
	struct spop_writer writer;

	spop_writer_init(&writer, out, sizeof(out));
	spop_put_value(&writer, &row->value);
	assert_false(writer.full);
	assert_hex(written(&writer, out), row->hex);
}

static void is_refused_when_cut(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex);

	for (size_t len = 0; len < bytes.len; len++) {
		struct spop_slice cut = slice_new(bytes.ptr, len), in = cut;
		struct spop_value value;

		assert_false(spop_take_value(&in, &value));
		assert_ptr_equal(in.ptr, cut.ptr);
		assert_int_equal(in.len, len);
		slice_free(cut);
	}
	slice_free(bytes);
}

static void does_not_fit_less_room(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex);

	for (size_t room = 0; room < bytes.len; room++) {
		uint8_t out[64];
		struct spop_writer writer;

		memset(out, 0xaa, sizeof(out));
		spop_writer_init(&writer, out, room);
		spop_put_value(&writer, &row->value);
		assert_true(writer.full);
		assert_int_equal(out[room], 0xaa);
	}
	slice_free(bytes);
}

static void is_refused(void **state)
{
	const struct refusal *refusal = *state;
	struct spop_slice bytes = hex_new(refusal->hex), in = bytes;
	struct spop_value value;

	assert_false(spop_take_value(&in, &value));
	assert_ptr_equal(in.ptr, bytes.ptr);
	assert_int_equal(in.len, bytes.len);
	slice_free(bytes);
}

static void type_reserved(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		uint8_t bytes[32] = { (uint8_t)first };
		struct spop_slice in = { bytes, sizeof(bytes) };
		struct spop_value value;

		assert_int_equal(spop_take_value(&in, &value), (first & 0x0f) < 10);
		if ((first & 0x0f) >= 10)
			assert_ptr_equal(in.ptr, bytes);
	}
}

static void type_reserved_is_never_written(void **state)
{
	(void)state;
	for (unsigned type = SPOP_BINARY + 1; type < 300; type++) {
		struct spop_value value = { .type = (enum spop_type)type };
		uint8_t out[32];
		struct spop_writer writer;

		spop_writer_init(&writer, out, sizeof(out));
		spop_put_value(&writer, &value);
		assert_true(writer.full);
	}
}

static void string_lies_in_the_input(void **state)
{
	struct spop_slice bytes = hex_new("03 61 62 63 64"), in = bytes, string;

	(void)state;
	assert_true(spop_take_string(&in, &string));
	assert_ptr_equal(string.ptr, bytes.ptr + 1);
	assert_int_equal(string.len, 3);
	assert_int_equal(in.len, 1);
	slice_free(bytes);
}

static void string_longer_than_its_length_byte(void **state)
{
	static const size_t lengths[] = { 239, 240, 2287, 2288 };

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint8_t text[2288], out[2300];
		struct spop_slice in, string, given = { text, lengths[i] };
		struct spop_writer writer;

		memset(text, 'x', sizeof(text));
		spop_writer_init(&writer, out, sizeof(out));
		spop_put_string(&writer, given);
		in = written(&writer, out);
		assert_int_equal(in.len, lengths[i] + spop_varint_size(lengths[i]));
		assert_true(spop_take_string(&in, &string));
		assert_true(slice_same(string, given));
		in.len = lengths[i] + spop_varint_size(lengths[i]) - 1;
		in.ptr = out;
		assert_false(spop_take_string(&in, &string));
	}
}

static void argument_is_taken_whole_or_not(void **state)
{
	struct spop_slice bytes = hex_new("03 73 72 63 06 c0 00 02 07 01 71 00"), in = bytes, name;
	struct spop_value value;

	(void)state;
	for (size_t len = 0; len < 9; len++) {
		struct spop_slice cut = slice_new(bytes.ptr, len), rest = cut;

		assert_false(spop_take_argument(&rest, &name, &value));
		assert_ptr_equal(rest.ptr, cut.ptr);
		assert_int_equal(rest.len, len);
		slice_free(cut);
	}
	assert_true(spop_take_argument(&in, &name, &value));
	assert_text(name, "src");
	assert_int_equal(value.type, SPOP_IPV4);
	assert_memory_equal(value.address, v4, 4);
	assert_true(spop_take_argument(&in, &name, &value));
	assert_text(name, "q");
	assert_int_equal(value.type, SPOP_NULL);
	assert_int_equal(in.len, 0);
	slice_free(bytes);
}

/* An empty slice may have no address. */
static void nothing_has_no_address(void **state)
{
	struct spop_value value = { .type = SPOP_STRING };
	struct spop_slice in = { NULL, 0 }, name;
	uint8_t out[2];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_put_value(&writer, &value);
	assert_hex(written(&writer, out), "08 00");
	assert_false(spop_take_value(&in, &value));
	assert_false(spop_take_argument(&in, &name, &value));
	assert_null(in.ptr);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(type_reserved),
		cmocka_unit_test(type_reserved_is_never_written),
		cmocka_unit_test(string_lies_in_the_input),
		cmocka_unit_test(string_longer_than_its_length_byte),
		cmocka_unit_test(argument_is_taken_whole_or_not),
		cmocka_unit_test(nothing_has_no_address),
	};
	struct CMUnitTest each[COUNT(values)], read[COUNT(spellings)], refused[COUNT(refusals)];
	int failed = cmocka_run_group_tests_name("spop value", others, NULL, NULL);

	ADD_ROWS(each, decodes, values);
	failed += cmocka_run_group_tests_name("spop value: decode", each, NULL, NULL);
	ADD_ROWS(each, encodes, values);
	failed += cmocka_run_group_tests_name("spop value: encode", each, NULL, NULL);
	ADD_ROWS(each, is_refused_when_cut, values);
	failed += cmocka_run_group_tests_name("spop value: cut short", each, NULL, NULL);
	ADD_ROWS(each, does_not_fit_less_room, values);
	failed += cmocka_run_group_tests_name("spop value: no room", each, NULL, NULL);
	ADD_ROWS(read, decodes, spellings);
	failed += cmocka_run_group_tests_name("spop value: other spellings", read, NULL, NULL);
	ADD_ROWS(refused, is_refused, refusals);
	failed += cmocka_run_group_tests_name("spop value: refused", refused, NULL, NULL);
	return failed;
}
