/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

#define EMPTY_ACK "00 00 00 07 67 00 00 00 01 07 01"
#define NOTIFY "00 00 00 0c 03 00 00 00 01 f0 f1 1e 01 01 6d 00"
#define ABORT "00 00 00 07 00 00 00 00 03 4d 01"
#define HALF_NOTIFY "00 00 00 10 03 00 00 00 00 4d 01 01 6d 01 01 62 08 10 61 62"

struct row {
	const char *name;
	const char *hex;
	uint32_t max;
	enum spop_status status;
	struct spop_frame frame; /* without the payload */
	const char *payload;
};

#define FRAME(type, flags, stream, frame) { (type), (flags), (stream), (frame), { NULL, 0 } }

static const struct row good[] = {
	{ "ack_without_actions", EMPTY_ACK, 16380, SPOP_OK, FRAME(SPOP_ACK, SPOP_FIN, 7, 1), "" },
	{ "frame_len_be", NOTIFY, 16380, SPOP_OK, FRAME(SPOP_NOTIFY, SPOP_FIN, 65536, 1), "01 6d 00" },
	{ "fragment", HALF_NOTIFY, 16380, SPOP_OK, FRAME(SPOP_NOTIFY, 0, 77, 1), "01 6d 01 01 62 08 10 61 62" },
	{ "abort", ABORT, 16380, SPOP_OK, FRAME(SPOP_UNSET, SPOP_FIN | SPOP_ABORT, 77, 1), "" },
	{ "flags_reserved_ignored", "00 00 00 07 67 ff ff ff f1 07 01", 16380, SPOP_OK,
	  FRAME(SPOP_ACK, 0xfffffff1, 7, 1), "" },
	{ "flags_be", "00 00 00 07 67 01 02 03 04 07 01", 16380, SPOP_OK, FRAME(SPOP_ACK, 0x01020304, 7, 1), "" },
	{ "unknown_type", "00 00 00 07 c8 00 00 00 01 00 00", 16380, SPOP_OK, FRAME(200, SPOP_FIN, 0, 0), "" },
	{ "ids_of_64_bits",
	  "00 00 00 19 03 00 00 00 01" "ff f0 fe fe fe fe fe fe fe 0e" "fe f0 fe fe fe fe fe fe fe 0e",
	  16380, SPOP_OK, FRAME(SPOP_NOTIFY, SPOP_FIN, UINT64_MAX, UINT64_MAX - 1), "" },
	{ "frame_max_exact", EMPTY_ACK, 7, SPOP_OK, FRAME(SPOP_ACK, SPOP_FIN, 7, 1), "" },
};

static const struct row bad[] = {
	{ "frame_max", EMPTY_ACK, 6, SPOP_TOO_BIG, { 0 }, NULL },
	{ "frame_max_from_the_length_alone", "00 00 40 00", 16383, SPOP_TOO_BIG, { 0 }, NULL },
	{ "frame_max_by_the_highest_byte", "01 00 00 07 67 00 00 00 01 07 01", 16380, SPOP_TOO_BIG, { 0 }, NULL },
	{ "frame_max_2^32-1", "ff ff ff ff", UINT32_MAX - 1, SPOP_TOO_BIG, { 0 }, NULL },
	{ "frame_len_2^32-1_waits", "ff ff ff ff 67 00 00 00 01 07 01", UINT32_MAX, SPOP_MORE, { 0 }, NULL },
	{ "frame_len_2^32-4_waits", "ff ff ff fc 67 00 00 00 01 07 01", UINT32_MAX, SPOP_MORE, { 0 }, NULL },
	{ "frame_min7_0", "00 00 00 00", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "frame_min7_1", "00 00 00 01 67", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "frame_min7_6_from_the_length_alone", "00 00 00 06", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "frame_min7_6", "00 00 00 06 67 00 00 00 01 07 01 00", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "frame_min7_7_waits", "00 00 00 07", 16380, SPOP_MORE, { 0 }, NULL },
	{ "frame_min7_before_max", "00 00 00 06", 5, SPOP_INVALID, { 0 }, NULL },
	{ "nothing", "", 16380, SPOP_MORE, { 0 }, NULL },
	{ "three_bytes_of_the_length", "ff ff ff", 16380, SPOP_MORE, { 0 }, NULL },
	{ "one_byte_missing", "00 00 00 07 67 00 00 00 01 07", 16380, SPOP_MORE, { 0 }, NULL },
	{ "stream_id_leaves_no_frame_id", "00 00 00 07 67 00 00 00 01 f0 01 01", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "stream_id_unended", "00 00 00 07 67 00 00 00 01 f0 80 01", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "frame_id_unended", "00 00 00 08 67 00 00 00 01 01 f0 80 01", 16380, SPOP_INVALID, { 0 }, NULL },
	{ "stream_id_over_64_bits", "00 00 00 10 67 00 00 00 01" "ff ff ff ff ff ff ff ff ff 0e" "01", 16380,
	  SPOP_INVALID, { 0 }, NULL },
};

static void decodes(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex), in = bytes;
	struct spop_frame frame;

	assert_int_equal(spop_frame_decode(&in, row->max, &frame), SPOP_OK);
	assert_int_equal(frame.type, row->frame.type);
	assert_int_equal(frame.flags, row->frame.flags);
	assert_int_equal(frame.stream_id, row->frame.stream_id);
	assert_int_equal(frame.frame_id, row->frame.frame_id);
	assert_hex(frame.payload, row->payload);
	assert_int_equal(in.len, 0);
	assert_ptr_equal(in.ptr, bytes.ptr + bytes.len);
	slice_free(bytes);
}

static void is_not_decoded(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->hex), in = bytes;
	struct spop_frame frame;

	assert_int_equal(spop_frame_decode(&in, row->max, &frame), row->status);
	assert_ptr_equal(in.ptr, bytes.ptr);
	assert_int_equal(in.len, bytes.len);
	slice_free(bytes);
}

static void encodes(void **state)
{
	const struct row *row = *state;
	struct spop_slice payload = hex_new(row->payload);
	uint8_t out[64];
	struct spop_writer writer;

	spop_writer_init(&writer, out, sizeof(out));
	spop_frame_begin_flags(&writer, (enum spop_frame_type)row->frame.type, row->frame.flags, row->frame.stream_id,
			       row->frame.frame_id);
	spop_put_bytes(&writer, payload.ptr, payload.len);
	assert_true(spop_frame_end(&writer, row->max));
	assert_hex(written(&writer, out), row->hex);
	slice_free(payload);
}

static void frame_reassemble_bytes(void **state)
{
	struct spop_slice bytes = hex_new(NOTIFY EMPTY_ACK);

	(void)state;
	for (size_t len = 0; len < 16; len++) {
		struct spop_slice cut = slice_new(bytes.ptr, len), in = cut;
		struct spop_frame frame;

		assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_MORE);
		assert_ptr_equal(in.ptr, cut.ptr);
		assert_int_equal(in.len, len);
		slice_free(cut);
	}
	slice_free(bytes);
}

static void frame_coalesced(void **state)
{
	static const uint8_t types[] = { SPOP_NOTIFY, SPOP_ACK, SPOP_NOTIFY };
	struct spop_slice bytes = hex_new(NOTIFY EMPTY_ACK HALF_NOTIFY "00 00"), in = bytes;
	struct spop_frame frame;

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
		assert_int_equal(frame.type, types[i]);
	}
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_MORE);
	assert_int_equal(in.len, 2);
	slice_free(bytes);
}

static void good_frames_before_a_bad_one(void **state)
{
	struct spop_slice bytes = hex_new(EMPTY_ACK "00 00 00 06" EMPTY_ACK), in = bytes;
	struct spop_frame frame;

	(void)state;
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_INVALID);
	assert_ptr_equal(in.ptr, bytes.ptr + 11);
	slice_free(bytes);
}

/* ---- the writer ---- */

static void flags_fin_always(void **state)
{
	uint8_t out[64];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_frame_begin(&writer, SPOP_ACK, 7, 1);
	assert_true(spop_frame_end(&writer, 16380));
	assert_hex(written(&writer, out), EMPTY_ACK);
}

static void put_notify(struct spop_writer *writer)
{
	spop_frame_begin(writer, SPOP_NOTIFY, 65536, 1);
	spop_put_string(writer, SPOP_SLICE("m"));
	spop_put_byte(writer, 0);
}

static void overflow_leaves_nothing(void **state)
{
	(void)state;
	for (size_t room = 11; room < 11 + 16; room++) {
		uint8_t out[32];
		struct spop_writer writer;

		memset(out, 0xaa, sizeof(out));
		spop_writer_init(&writer, out, room);
		spop_frame_begin(&writer, SPOP_ACK, 7, 1);
		assert_true(spop_frame_end(&writer, 16380));
		put_notify(&writer);
		assert_true(writer.full);
		assert_false(spop_frame_end(&writer, 16380));
		assert_hex(written(&writer, out), EMPTY_ACK);
		for (size_t i = room; i < sizeof(out); i++)
			assert_int_equal(out[i], 0xaa);
	}
}

static void writer_goes_on_after_overflow(void **state)
{
	uint8_t out[26];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	put_notify(&writer);
	spop_put_bytes(&writer, "0123456789abc", 13);
	assert_false(spop_frame_end(&writer, 16380));
	put_notify(&writer);
	assert_true(spop_frame_end(&writer, 16380));
	assert_hex(written(&writer, out), NOTIFY);
}

/* What is small enough again after something was not must not get in. */
static void nothing_after_what_did_not_fit(void **state)
{
	uint8_t out[16];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_put_bytes(&writer, "01234567", 8);
	spop_put_bytes(&writer, "0123456789", 10);
	spop_put_byte(&writer, 'x');
	spop_put_bytes(&writer, "x", 1);
	spop_put_varint(&writer, 1);
	spop_put_bytes(&writer, "", 0);
	assert_true(writer.full);
	assert_int_equal(writer.at - out, 8);
}

static void frame_end_keeps_to_max(void **state)
{
	uint8_t out[64];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	put_notify(&writer);
	assert_false(spop_frame_end(&writer, 11));
	assert_ptr_equal(writer.at, out);
	put_notify(&writer);
	assert_true(spop_frame_end(&writer, 12));
	assert_hex(written(&writer, out), NOTIFY);
}

static void frame_no_zero(void **state)
{
	uint8_t out[64];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	assert_false(spop_frame_end(&writer, 16380)); /* none was begun */
	assert_ptr_equal(writer.at, out);
	spop_put_bytes(&writer, "0123456789", 10);
	assert_false(spop_frame_end(&writer, 16380));
	assert_int_equal(writer.at - out, 10);
	assert_false(writer.full);
}

static void frame_ends_once(void **state)
{
	uint8_t out[26];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	put_notify(&writer);
	assert_true(spop_frame_end(&writer, 16380));
	assert_false(spop_frame_end(&writer, 16380));
	assert_hex(written(&writer, out), NOTIFY);
	spop_put_bytes(&writer, "0123456789abcdef", 16);
	assert_true(writer.full);
	assert_false(spop_frame_end(&writer, 16380));
	assert_hex(written(&writer, out), NOTIFY);
}

/* An answer is begun, then its question turns out to be invalid: what is said is the DISCONNECT alone. */
static void open_frame_is_given_up(void **state)
{
	uint8_t out[64], alone[64];
	struct spop_writer writer, other;

	(void)state;
	spop_writer_init(&other, alone, sizeof(alone));
	assert_true(spop_put_disconnect(&other, SPOP_AGENT_DISCONNECT, SPOP_ERR_INVALID, SPOP_SLICE("bye")));
	for (size_t len = 0; len < sizeof(out) + 8; len++) {
		spop_writer_init(&writer, out, sizeof(out));
		spop_frame_begin(&writer, SPOP_ACK, 7, 1);
		for (size_t i = 0; i < len; i++) /* at last it does not fit */
			spop_put_byte(&writer, 0);
		assert_true(spop_put_disconnect(&writer, SPOP_AGENT_DISCONNECT, SPOP_ERR_INVALID, SPOP_SLICE("bye")));
		assert_slice(written(&writer, out), alone, (size_t)(other.at - alone));
	}
}

static void slice_of_a_static(void **state)
{
	static const struct spop_slice name = SPOP_SLICE_INIT("ip_score");

	(void)state;
	assert_text(name, "ip_score");
}

/* Actions may be prepared once and put into frames later. */
static void writer_without_a_frame(void **state)
{
	uint8_t out[4];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_put_string(&writer, SPOP_SLICE("abc"));
	assert_false(writer.full);
	assert_hex(written(&writer, out), "03 61 62 63");
	spop_put_byte(&writer, 0);
	assert_true(writer.full);
	assert_hex(written(&writer, out), "03 61 62 63");
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(frame_reassemble_bytes),
		cmocka_unit_test(frame_coalesced),
		cmocka_unit_test(good_frames_before_a_bad_one),
		cmocka_unit_test(flags_fin_always),
		cmocka_unit_test(overflow_leaves_nothing),
		cmocka_unit_test(writer_goes_on_after_overflow),
		cmocka_unit_test(nothing_after_what_did_not_fit),
		cmocka_unit_test(frame_end_keeps_to_max),
		cmocka_unit_test(frame_no_zero),
		cmocka_unit_test(frame_ends_once),
		cmocka_unit_test(open_frame_is_given_up),
		cmocka_unit_test(slice_of_a_static),
		cmocka_unit_test(writer_without_a_frame),
	};
	struct CMUnitTest each[COUNT(good)], not[COUNT(bad)];
	int failed = cmocka_run_group_tests_name("spop frame", others, NULL, NULL);

	ADD_ROWS(each, decodes, good);
	failed += cmocka_run_group_tests_name("spop frame: decode", each, NULL, NULL);
	ADD_ROWS(each, encodes, good);
	failed += cmocka_run_group_tests_name("spop frame: encode", each, NULL, NULL);
	ADD_ROWS(not, is_not_decoded, bad);
	failed += cmocka_run_group_tests_name("spop frame: not decoded", not, NULL, NULL);
	return failed;
}
