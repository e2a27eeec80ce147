/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

struct number {
	const char *name;
	uint64_t value;
	const char *hex;
};

/* SPOE.txt 3.1; the smallest and the largest of each length, and values that one meets. */
static const struct number numbers[] = {
	{ "1_byte_min", 0, "00" },
	{ "1_byte_max", 239, "ef" },
	{ "2_bytes_min", 240, "f0 00" },
	{ "2_bytes_max", 2287, "ff 7f" },
	{ "varint_add_not_or", 2288, "f0 80 00" },
	{ "3_bytes_max", 264431, "ff ff 7f" },
	{ "4_bytes_min", 264432, "f0 80 80 00" },
	{ "4_bytes_max", 33818863, "ff ff ff 7f" },
	{ "5_bytes_min", 33818864, "f0 80 80 80 00" },
	{ "5_bytes_max", 4328786159, "ff ff ff ff 7f" },
	{ "6_bytes_min", 4328786160, "f0 80 80 80 80 00" },
	{ "6_bytes_max", 554084600047, "ff ff ff ff ff 7f" },
	{ "7_bytes_min", 554084600048, "f0 80 80 80 80 80 00" },
	{ "7_bytes_max", 70922828777711, "ff ff ff ff ff ff 7f" },
	{ "8_bytes_min", 70922828777712, "f0 80 80 80 80 80 80 00" },
	{ "8_bytes_max", 9078122083518703, "ff ff ff ff ff ff ff 7f" },
	{ "9_bytes_min", 9078122083518704, "f0 80 80 80 80 80 80 80 00" },
	{ "9_bytes_max", 1161999626690365679, "ff ff ff ff ff ff ff ff 7f" },
	{ "10_bytes_min", 1161999626690365680, "f0 80 80 80 80 80 80 80 80 00" },
	{ "10_bytes_max", UINT64_MAX, "ff f0 fe fe fe fe fe fe fe 0e" },
	{ "10_bytes_0e_that_fits", 17302900691186223344u, "f0 80 80 80 80 80 80 80 80 0e" },
	{ "241", 241, "f1 00" },
	{ "255", 255, "ff 00" },
	{ "256", 256, "f0 01" },
	{ "301", 301, "fd 03" },
	{ "16380", 16380, "fc f0 06" },
	{ "65535", 65535, "ff f0 1e" },
	{ "65536", 65536, "f0 f1 1e" },
	{ "2^31-1", INT32_MAX, "ff f0 fe fe 3e" },
	{ "2^31", 1ull << 31, "f0 f1 fe fe 3e" },
	{ "2^32-1", UINT32_MAX, "ff f0 fe fe 7e" },
	{ "2^53", 1ull << 53, "f0 f1 fe fe fe fe fe 7e" },
	{ "2^63-1", INT64_MAX, "ff f0 fe fe fe fe fe fe fe 06" },
	{ "2^63", 1ull << 63, "f0 f1 fe fe fe fe fe fe fe 06" },
	{ "-5", (uint64_t)-5, "fb f0 fe fe fe fe fe fe fe 0e" },
};

struct refusal {
	const char *name;
	const char *hex;
};

/* No byte behind these makes them a number, so some follow. */
static const struct refusal refusals[] = {
	{ "varint_max10_11_bytes", "f0 80 80 80 80 80 80 80 80 80 00" },
	{ "varint_max10_without_end", "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff" },
	{ "varint_max10_tenth_80", "f0 80 80 80 80 80 80 80 80 80 00 00" },
	{ "varint_max10_tenth_10", "f0 80 80 80 80 80 80 80 80 10 00" },
	{ "varint_max10_tenth_7f", "f0 80 80 80 80 80 80 80 80 7f 00" },
	{ "varint_max10_tenth_0f", "f0 80 80 80 80 80 80 80 80 0f 00" },
	{ "varint_max10_2^64", "f0 f1 fe fe fe fe fe fe fe 0e 00" },
	{ "varint_max10_carry", "ff ff ff ff ff ff ff ff ff 0e 00" },
	{ "varint_empty", "" },
};

static void decodes(void **state)
{
	const struct number *number = *state;
	struct spop_slice bytes = hex_new(number->hex), in = bytes;
	uint64_t value = 77;

	assert_true(spop_take_varint(&in, &value));
	assert_int_equal(value, number->value);
	assert_int_equal(in.len, 0);
	assert_ptr_equal(in.ptr, bytes.ptr + bytes.len);
	slice_free(bytes);
}

static void encodes(void **state)
{
	const struct number *number = *state;
	uint8_t out[SPOP_MAX_VARINT];
	struct spop_writer writer;

	spop_writer_init(&writer, out, sizeof(out));
	spop_put_varint(&writer, number->value);
	assert_false(writer.full);
	assert_hex(written(&writer, out), number->hex);
	assert_int_equal(spop_varint_size(number->value), writer.at - out);
}

static void is_refused_when_cut(void **state)
{
	const struct number *number = *state;
	struct spop_slice bytes = hex_new(number->hex);

	for (size_t len = 0; len < bytes.len; len++) {
		struct spop_slice cut = slice_new(bytes.ptr, len), in = cut;
		uint64_t value;

		assert_false(spop_take_varint(&in, &value));
		assert_ptr_equal(in.ptr, cut.ptr);
		assert_int_equal(in.len, len);
		slice_free(cut);
	}
	slice_free(bytes);
}

static void leaves_what_follows(void **state)
{
	const struct number *number = *state;
	struct spop_slice bytes = hex_new(number->hex), longer;
	uint8_t room[SPOP_MAX_VARINT + 2];
	uint64_t value;

	memcpy(room, bytes.ptr, bytes.len);
	memset(room + bytes.len, 0xff, 2);
	longer = (struct spop_slice){ room, bytes.len + 2 };
	assert_true(spop_take_varint(&longer, &value));
	assert_int_equal(value, number->value);
	assert_int_equal(longer.len, 2);
	slice_free(bytes);
}

static void does_not_fit_one_less(void **state)
{
	const struct number *number = *state;
	uint8_t out[SPOP_MAX_VARINT];
	struct spop_writer writer;

	memset(out, 0xaa, sizeof(out));
	spop_writer_init(&writer, out, spop_varint_size(number->value) - 1);
	spop_put_varint(&writer, number->value);
	assert_true(writer.full);
	assert_true(writer.at <= writer.end);
	assert_int_equal(*writer.end, 0xaa);
}

static void is_refused(void **state)
{
	const struct refusal *refusal = *state;
	struct spop_slice bytes = hex_new(refusal->hex), in = bytes;
	uint64_t value;

	assert_false(spop_take_varint(&in, &value));
	assert_ptr_equal(in.ptr, bytes.ptr);
	assert_int_equal(in.len, bytes.len);
	slice_free(bytes);
}

static void byte_is_taken_once(void **state)
{
	struct spop_slice bytes = hex_new("a5"), in = bytes;
	uint8_t byte;

	(void)state;
	assert_true(spop_take_byte(&in, &byte));
	assert_int_equal(byte, 0xa5);
	assert_false(spop_take_byte(&in, &byte));
	assert_int_equal(in.len, 0);
	slice_free(bytes);
}

int main(void)
{
	static const struct CMUnitTest bytes[] = { cmocka_unit_test(byte_is_taken_once) };
	struct CMUnitTest each[COUNT(numbers)], refused[COUNT(refusals)];
	int failed = cmocka_run_group_tests_name("spop byte", bytes, NULL, NULL);

	ADD_ROWS(refused, is_refused, refusals);
	failed += cmocka_run_group_tests_name("spop varint: refused", refused, NULL, NULL);
	ADD_ROWS(each, decodes, numbers);
	failed += cmocka_run_group_tests_name("spop varint_boundaries: decode", each, NULL, NULL);
	ADD_ROWS(each, encodes, numbers);
	failed += cmocka_run_group_tests_name("spop varint_boundaries: encode", each, NULL, NULL);
	ADD_ROWS(each, is_refused_when_cut, numbers);
	failed += cmocka_run_group_tests_name("spop varint_boundaries: cut short", each, NULL, NULL);
	ADD_ROWS(each, leaves_what_follows, numbers);
	failed += cmocka_run_group_tests_name("spop varint_boundaries: followed by more", each, NULL, NULL);
	ADD_ROWS(each, does_not_fit_one_less, numbers);
	failed += cmocka_run_group_tests_name("spop varint_boundaries: no room", each, NULL, NULL);
	return failed;
}
