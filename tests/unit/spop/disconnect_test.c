/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

struct frame_row {
	const char *name;
	enum spop_frame_type type;
	enum spop_error error;
	const char *hex;
};

/* The first as HAProxy ≤ 3.0 writes it when `timeout idle` is over. */
static const struct frame_row frames[] = {
	{ "engine_2", SPOP_HAPROXY_DISCONNECT, SPOP_ERR_TIMEOUT,
	  "00 00 00 31 02 00 00 00 01 00 00 0b 73 74 61 74 75 73 2d 63 6f 64 65 03 02 07 6d 65 73 73 61 67 65 08 12 61"
	  "20 74 69 6d 65 6f 75 74 20 6f 63 63 75 72 72 65 64" },
	{ "agent_0", SPOP_AGENT_DISCONNECT, SPOP_ERR_NONE,
	  "00 00 00 25 66 00 00 00 01 00 00 0b 73 74 61 74 75 73 2d 63 6f 64 65 03 00 07 6d 65 73 73 61 67 65 08 06 6e"
	  "6f 72 6d 61 6c" },
	{ "agent_8", SPOP_AGENT_DISCONNECT, SPOP_ERR_BAD_VERSION,
	  "00 00 00 32 66 00 00 00 01 00 00 0b 73 74 61 74 75 73 2d 63 6f 64 65 03 08 07 6d 65 73 73 61 67 65 08 13 75"
	  "6e 73 75 70 70 6f 72 74 65 64 20 76 65 72 73 69 6f 6e" },
};

static struct spop_slice text_of(enum spop_error error)
{
	const char *text = spop_error_text(error);

	return (struct spop_slice){ (const uint8_t *)text, strlen(text) };
}

static void encodes(void **state)
{
	const struct frame_row *row = *state;
	struct spop_slice whole = hex_new(row->hex);
	uint8_t out[128];
	struct spop_writer writer;

	for (size_t room = 0; room <= whole.len; room++) {
		memset(out, 0xaa, sizeof(out));
		spop_writer_init(&writer, out, room);
		assert_int_equal(spop_put_disconnect(&writer, row->type, row->error, text_of(row->error)),
				 room == whole.len);
		assert_hex(written(&writer, out), room == whole.len ? row->hex : "");
		assert_int_equal(out[room], 0xaa);
	}
	slice_free(whole);
}

static void decodes(void **state)
{
	const struct frame_row *row = *state;
	struct spop_slice bytes = hex_new(row->hex), in = bytes, message;
	struct spop_frame frame;
	uint64_t status;

	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(frame.type, row->type);
	assert_true(spop_disconnect_decode(&frame, &status, &message));
	assert_int_equal(status, row->error);
	assert_true(slice_same(message, text_of(row->error)));
	slice_free(bytes);
}

struct row {
	const char *name;
	const char *payload;
	bool good;
	uint64_t status;
	const char *message;
};

#define CODE "0b 73 74 61 74 75 73 2d 63 6f 64 65"
#define MESSAGE "07 6d 65 73 73 61 67 65"

static const struct row rows[] = {
	{ "without_message", CODE "03 04", true, 4, "" },
	{ "message_first", MESSAGE "08 01 78" CODE "03 04", true, 4, "x" },
	{ "unknown_keys", "01 61 11" CODE "03 04" "00 00" "01 62 08 01 79", true, 4, "" },
	{ "last_wins", CODE "03 04" CODE "03 05", true, 5, "" },
	{ "key_with_prefix", CODE "03 04" "0c 73 74 61 74 75 73 2d 63 6f 64 65 73 03 05", true, 4, "" },
	{ "int_any_type_int32", CODE "02 04", true, 4, "" },
	{ "int_any_type_int64", CODE "04 04", true, 4, "" },
	{ "int_any_type_uint64", CODE "05 f0 01", true, 256, "" },
	{ "int_any_type_-1_is_no_small_status", CODE "04 ff f0 fe fe fe fe fe fe fe 0e", true, UINT64_MAX, "" },
	{ "int_any_type_string", CODE "08 01 34", false, 0, NULL },
	{ "int_any_type_null", CODE "00", false, 0, NULL },
	{ "message_of_wrong_type", CODE "03 04" MESSAGE "03 04", false, 0, NULL },
	{ "without_status", MESSAGE "08 01 78", false, 0, NULL },
	{ "nothing", "", false, 0, NULL },
	{ "cut", CODE "03 04" MESSAGE "08 02 78", false, 0, NULL },
	{ "trailing_byte", CODE "03 04 00", false, 0, NULL },
};

static void items_are_judged(void **state)
{
	const struct row *row = *state;
	struct spop_slice payload = hex_new(row->payload), message;
	const struct spop_frame frame = { SPOP_HAPROXY_DISCONNECT, SPOP_FIN, 0, 0, payload };
	uint64_t status;

	assert_int_equal(spop_disconnect_decode(&frame, &status, &message), row->good);
	if (row->good) {
		assert_int_equal(status, row->status);
		assert_text(message, row->message);
	}
	slice_free(payload);
}

static void only_disconnects(void **state)
{
	struct spop_slice payload = hex_new(CODE "03 04"), message;
	struct spop_frame frame = { SPOP_AGENT_DISCONNECT, SPOP_FIN, 0, 0, payload };
	uint64_t status;

	(void)state;
	assert_true(spop_disconnect_decode(&frame, &status, &message));
	frame.stream_id = 1; /* ids_zero_hello */
	assert_false(spop_disconnect_decode(&frame, &status, &message));
	frame.stream_id = 0;
	frame.frame_id = 1;
	assert_false(spop_disconnect_decode(&frame, &status, &message));
	frame.frame_id = 0;
	frame.flags = SPOP_ABORT;
	assert_false(spop_disconnect_decode(&frame, &status, &message));
	frame.flags = 0xfffffff1;
	assert_true(spop_disconnect_decode(&frame, &status, &message));
	frame.type = SPOP_HAPROXY_HELLO;
	assert_false(spop_disconnect_decode(&frame, &status, &message));
	slice_free(payload);
}

/* HAProxy's words: spoe_frm_err_reasons[] up to 3.0, spop_err_reasons[] since; SPOE.txt 3.5 is wordier. */
static void disco_codes(void **state)
{
	static const struct {
		uint64_t status;
		const char *text;
	} texts[] = {
		{ 0, "normal" },
		{ 1, "I/O error" },
		{ 2, "a timeout occurred" },
		{ 3, "frame is too big" },
		{ 4, "invalid frame received" },
		{ 5, "version value not found" },
		{ 6, "max-frame-size value not found" },
		{ 7, "capabilities value not found" },
		{ 8, "unsupported version" },
		{ 9, "max-frame-size too big or too small" },
		{ 10, "fragmentation not supported" },
		{ 11, "invalid interlaced frames" },
		{ 12, "frame-id not found" },
		{ 13, "resource allocation error" },
		{ 14, "an unknown error occurred" },
		{ 98, "an unknown error occurred" },
		{ 99, "an unknown error occurred" },
		{ 256, "an unknown error occurred" },
		{ UINT32_MAX, "an unknown error occurred" },
		{ UINT64_C(1) << 32, "an unknown error occurred" },
		{ UINT64_MAX, "an unknown error occurred" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_string_equal(spop_error_text(texts[i].status), texts[i].text);
}

/* It may be sent before a frame size is agreed on. */
static void disconnect_keeps_to_256(void **state)
{
	uint8_t text[226], out[400];
	struct spop_slice longest = { text, 225 }, too_long = { text, 226 };
	struct spop_writer writer;

	(void)state;
	memset(text, 'x', sizeof(text));
	spop_writer_init(&writer, out, sizeof(out));
	assert_true(spop_put_disconnect(&writer, SPOP_AGENT_DISCONNECT, SPOP_ERR_UNKNOWN, longest));
	assert_int_equal(writer.at - out, 256 + 4);
	spop_writer_init(&writer, out, sizeof(out));
	assert_false(spop_put_disconnect(&writer, SPOP_AGENT_DISCONNECT, SPOP_ERR_UNKNOWN, too_long));
	assert_ptr_equal(writer.at, out);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(only_disconnects),
		cmocka_unit_test(disco_codes),
		cmocka_unit_test(disconnect_keeps_to_256),
	};
	struct CMUnitTest whole[COUNT(frames)], judged[COUNT(rows)];
	int failed = cmocka_run_group_tests_name("spop disconnect", others, NULL, NULL);

	ADD_ROWS(whole, encodes, frames);
	failed += cmocka_run_group_tests_name("spop disconnect: encode", whole, NULL, NULL);
	ADD_ROWS(whole, decodes, frames);
	failed += cmocka_run_group_tests_name("spop disconnect: decode", whole, NULL, NULL);
	ADD_ROWS(judged, items_are_judged, rows);
	failed += cmocka_run_group_tests_name("spop disconnect: items", judged, NULL, NULL);
	return failed;
}
