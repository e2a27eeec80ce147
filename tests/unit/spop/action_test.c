/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

/* An ACK: set-var txn.location, set-var txn.code (301), unset-var txn.old. */
#define WORKED \
	"00 00 00 39 67 00 00 00 01 07 01 01 03 02 08 6c 6f 63 61 74 69 6f 6e 08 12 68 74 74 70 73 3a 2f 2f 61 2e 65" \
	"78 61 6d 70 6c 65 2f 01 03 02 04 63 6f 64 65 03 fd 03 02 02 02 03 6f 6c 64"

static void ack_setvar_bytes(void **state)
{
	const struct spop_value location = { .type = SPOP_STRING, .bytes = SPOP_SLICE("https://a.example/") };
	const struct spop_value code = { .type = SPOP_UINT32, .integer = 301 };
	uint8_t out[128];

	(void)state;
	for (size_t room = 0; room <= 61; room++) {
		struct spop_writer writer;

		memset(out, 0xaa, sizeof(out));
		spop_writer_init(&writer, out, room);
		spop_frame_begin(&writer, SPOP_ACK, 7, 1);
		spop_put_set_var(&writer, SPOP_TXN, SPOP_SLICE("location"), &location);
		spop_put_set_var(&writer, SPOP_TXN, SPOP_SLICE("code"), &code);
		spop_put_unset_var(&writer, SPOP_TXN, SPOP_SLICE("old"));
		assert_int_equal(spop_frame_end(&writer, 16380), room == 61);
		assert_hex(written(&writer, out), room == 61 ? WORKED : "");
		assert_int_equal(out[room], 0xaa);
	}
}

static void worked_ack_decodes(void **state)
{
	struct spop_slice bytes = hex_new(WORKED), in = bytes;
	struct spop_frame frame;
	struct spop_action action;

	(void)state;
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(frame.type, SPOP_ACK);
	assert_true(spop_take_action(&frame.payload, &action));
	assert_false(action.unset);
	assert_int_equal(action.scope, SPOP_TXN);
	assert_text(action.name, "location");
	assert_int_equal(action.value.type, SPOP_STRING);
	assert_text(action.value.bytes, "https://a.example/");
	assert_true(spop_take_action(&frame.payload, &action));
	assert_text(action.name, "code");
	assert_int_equal(action.value.type, SPOP_UINT32);
	assert_int_equal(action.value.integer, 301);
	assert_true(spop_take_action(&frame.payload, &action));
	assert_true(action.unset);
	assert_text(action.name, "old");
	assert_int_equal(action.value.type, SPOP_NULL);
	assert_int_equal(frame.payload.len, 0);
	slice_free(bytes);
}

struct row {
	const char *name;
	const char *hex;
	bool unset;
	enum spop_scope scope;
};

static const struct row rows[] = {
	{ "set_proc", "01 03 00 01 61 11", false, SPOP_PROC },
	{ "set_sess", "01 03 01 01 61 11", false, SPOP_SESS },
	{ "set_txn", "01 03 02 01 61 11", false, SPOP_TXN },
	{ "set_req", "01 03 03 01 61 11", false, SPOP_REQ },
	{ "set_res", "01 03 04 01 61 11", false, SPOP_RES },
	{ "unset_proc", "02 02 00 01 61", true, SPOP_PROC },
	{ "unset_res", "02 02 04 01 61", true, SPOP_RES },
};

struct refusal {
	const char *name;
	const char *hex;
};

static const struct refusal refusals[] = {
	{ "scope_5", "01 03 05 01 61 11" },
	{ "scope_255", "02 02 ff 01 61" },
	{ "type_0", "00 03 02 01 61 11" },
	{ "type_3", "03 03 02 01 61 11" },
	{ "type_0_like_unset", "00 02 02 01 61" },
	{ "type_3_like_unset", "03 02 02 01 61" },
	{ "set_of_2", "01 02 02 01 61 11" },
	{ "set_of_4", "01 04 02 01 61 11" },
	{ "unset_of_3", "02 03 02 01 61 11" },
	{ "value_reserved", "01 03 02 01 61 0a" },
	{ "name_too_long", "01 03 02 07 61 11" },
};

static void decodes(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex), in = bytes;
	struct spop_action action;

	assert_true(spop_take_action(&in, &action));
	assert_int_equal(in.len, 0);
	assert_int_equal(action.unset, row->unset);
	assert_int_equal(action.scope, row->scope);
	assert_text(action.name, "a");
	assert_int_equal(action.value.type, row->unset ? SPOP_NULL : SPOP_BOOL);
	slice_free(bytes);
}

static void is_refused(void **state)
{
	const struct refusal *refusal = *state;
	struct spop_slice bytes = hex_new(refusal->hex), in = bytes;
	struct spop_action action;

	assert_false(spop_take_action(&in, &action));
	assert_ptr_equal(in.ptr, bytes.ptr);
	assert_int_equal(in.len, bytes.len);
	slice_free(bytes);
}

static void encodes(void **state)
{
	const struct spop_value yes = { .type = SPOP_BOOL, .boolean = true };
	const struct row *row = *state;
	uint8_t out[64];
	struct spop_writer writer;

	spop_writer_init(&writer, out, sizeof(out));
	if (row->unset)
		spop_put_unset_var(&writer, row->scope, SPOP_SLICE("a"));
	else
		spop_put_set_var(&writer, row->scope, SPOP_SLICE("a"), &yes);
	assert_hex(written(&writer, out), row->hex);
}

/* What no peer could read is not written. */
static void unknown_scope_does_not_fit(void **state)
{
	const struct spop_value yes = { .type = SPOP_BOOL, .boolean = true };
	uint8_t out[64];
	struct spop_writer writer;

	(void)state;
	for (int unset = 0; unset < 2; unset++) {
		spop_writer_init(&writer, out, sizeof(out));
		spop_frame_begin(&writer, SPOP_ACK, 7, 1);
		if (unset)
			spop_put_unset_var(&writer, (enum spop_scope)5, SPOP_SLICE("a"));
		else
			spop_put_set_var(&writer, (enum spop_scope)5, SPOP_SLICE("a"), &yes);
		assert_true(writer.full);
		assert_false(spop_frame_end(&writer, 16380));
		assert_ptr_equal(writer.at, out);
	}
}

static void is_refused_when_cut(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex);

	for (size_t len = 0; len < bytes.len; len++) {
		struct spop_slice cut = slice_new(bytes.ptr, len), in = cut;
		struct spop_action action;

		assert_false(spop_take_action(&in, &action));
		assert_ptr_equal(in.ptr, cut.ptr);
		assert_int_equal(in.len, len);
		slice_free(cut);
	}
	slice_free(bytes);
}

int main(void)
{
	static const struct CMUnitTest worked[] = {
		cmocka_unit_test(ack_setvar_bytes),
		cmocka_unit_test(worked_ack_decodes),
		cmocka_unit_test(unknown_scope_does_not_fit),
	};
	struct CMUnitTest each[COUNT(rows)], refused[COUNT(refusals)];
	int failed = cmocka_run_group_tests_name("spop action", worked, NULL, NULL);

	ADD_ROWS(each, decodes, rows);
	failed += cmocka_run_group_tests_name("spop action: decode", each, NULL, NULL);
	ADD_ROWS(each, encodes, rows);
	failed += cmocka_run_group_tests_name("spop action: encode", each, NULL, NULL);
	ADD_ROWS(each, is_refused_when_cut, rows);
	failed += cmocka_run_group_tests_name("spop action: cut short", each, NULL, NULL);
	ADD_ROWS(refused, is_refused, refusals);
	failed += cmocka_run_group_tests_name("spop action: refused", refused, NULL, NULL);
	return failed;
}
