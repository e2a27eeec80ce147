/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

/* A NOTIFY with one message of four arguments: string, IPv4 address, null, and an unnamed negative integer. */
#define WORKED \
	"00 00 00 41 03 00 00 00 01 07 01 0e 63 68 65 63 6b 2d 72 65 64 69 72 65 63 74 04 04 68 6f 73 74 08 0b 65 78" \
	"61 6d 70 6c 65 2e 6f 72 67 03 73 72 63 06 c0 00 02 07 01 71 00 00 04 fb f0 fe fe fe fe fe fe fe 0e"

static const uint8_t v4[4] = { 192, 0, 2, 7 };

static void worked_notify_decodes(void **state)
{
	struct spop_slice bytes = hex_new(WORKED), in = bytes, name;
	struct spop_frame frame;
	struct spop_message message;
	struct spop_value value;

	(void)state;
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(frame.type, SPOP_NOTIFY);
	assert_int_equal(frame.stream_id, 7);
	assert_int_equal(frame.frame_id, 1);
	assert_true(spop_take_message(&frame.payload, &message));
	assert_text(message.name, "check-redirect");
	assert_int_equal(message.arguments, 4);
	assert_true(spop_take_argument(&frame.payload, &name, &value));
	assert_text(name, "host");
	assert_int_equal(value.type, SPOP_STRING);
	assert_text(value.bytes, "example.org");
	assert_true(spop_take_argument(&frame.payload, &name, &value));
	assert_text(name, "src");
	assert_int_equal(value.type, SPOP_IPV4);
	assert_memory_equal(value.address, v4, 4);
	assert_true(spop_take_argument(&frame.payload, &name, &value));
	assert_text(name, "q");
	assert_int_equal(value.type, SPOP_NULL);
	assert_true(spop_take_argument(&frame.payload, &name, &value));
	assert_int_equal(name.len, 0); /* notify_unnamed_args */
	assert_int_equal(value.type, SPOP_INT64);
	assert_int_equal(value.integer, -5);
	assert_int_equal(frame.payload.len, 0);
	slice_free(bytes);
}

static void put_worked(struct spop_writer *writer)
{
	const struct spop_value host = { .type = SPOP_STRING, .bytes = SPOP_SLICE("example.org") };
	const struct spop_value src = { .type = SPOP_IPV4, .address = v4 };
	const struct spop_value q = { .type = SPOP_NULL };
	const struct spop_value number = { .type = SPOP_INT64, .integer = -5 };

	spop_frame_begin(writer, SPOP_NOTIFY, 7, 1);
	spop_put_message(writer, SPOP_SLICE("check-redirect"), 4);
	spop_put_argument(writer, SPOP_SLICE("host"), &host);
	spop_put_argument(writer, SPOP_SLICE("src"), &src);
	spop_put_argument(writer, SPOP_SLICE("q"), &q);
	spop_put_argument(writer, SPOP_SLICE(""), &number);
}

static void worked_notify_encodes(void **state)
{
	uint8_t out[128];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	put_worked(&writer);
	assert_true(spop_frame_end(&writer, 16380));
	assert_hex(written(&writer, out), WORKED);
}

static void worked_notify_needs_all_its_room(void **state)
{
	(void)state;
	for (size_t room = 0; room < 69; room++) {
		uint8_t out[128];
		struct spop_writer writer;

		memset(out, 0xaa, sizeof(out));
		spop_writer_init(&writer, out, room);
		put_worked(&writer);
		assert_false(spop_frame_end(&writer, 16380));
		assert_ptr_equal(writer.at, out);
		assert_int_equal(out[room], 0xaa);
	}
}

/* Messages, or -1 for one that does not end where the payload does. */
static int count_messages(struct spop_slice payload, unsigned *arguments)
{
	int n = 0;

	*arguments = 0;
	for (; payload.len > 0; n++) {
		struct spop_message message;
		struct spop_slice name;
		struct spop_value value;

		if (!spop_take_message(&payload, &message))
			return -1;
		for (; message.arguments > 0; message.arguments--, ++*arguments)
			if (!spop_take_argument(&payload, &name, &value))
				return -1;
	}
	return n;
}

struct row {
	const char *name;
	const char *payload;
	int messages;
	unsigned arguments;
};

static const struct row rows[] = {
	{ "notify_empty", "", 0, 0 },
	{ "notify_without_arguments", "01 6d 00", 1, 0 },
	{ "notify_parse_all", "01 6d 01 01 61 00 01 6e 02 01 62 11 01 63 01 01 6f 00", 3, 3 },
	{ "notify_unnamed_message", "00 01 00 00", 1, 1 },
	{ "notify_unnamed_args", "01 6d 02 00 00 00 11", 1, 2 },
	{ "notify_nbargs_strict_one_pair_less", "01 6d 02 01 61 00", -1, 1 },
	{ "notify_nbargs_strict_one_pair_more", "01 6d 01 01 61 00 01 62 00", 2, 1 },
	{ "notify_nbargs_strict_trailing_byte", "01 6d 01 01 61 00 05", -1, 1 },
	{ "notify_nbargs_missing", "01 6d", -1, 0 },
	{ "notify_name_cut", "05 6d 6d", -1, 0 },
	{ "notify_name_of_2^64-1", "ff f0 fe fe fe fe fe fe fe 0e 6d 6d", -1, 0 },
	{ "notify_argument_name_of_2^63", "01 6d 01 f0 f1 fe fe fe fe fe fe fe 06 61 00", -1, 0 },
	{ "notify_argument_without_value", "01 6d 01 01 61", -1, 0 },
	{ "type_reserved_in_an_argument", "01 6d 01 01 61 0a 00 00", -1, 0 },
};

static void counts(void **state)
{
	const struct row *row = *state;
	struct spop_slice payload = hex_new(row->payload);
	unsigned arguments;

	assert_int_equal(count_messages(payload, &arguments), row->messages);
	assert_int_equal(arguments, row->arguments);
	slice_free(payload);
}

static void message_is_taken_whole_or_not(void **state)
{
	struct spop_slice bytes = hex_new("03 61 62 63 07");
	struct spop_message message;

	(void)state;
	for (size_t len = 0; len <= bytes.len; len++) {
		struct spop_slice cut = slice_new(bytes.ptr, len), in = cut;

		assert_int_equal(spop_take_message(&in, &message), len == bytes.len);
		assert_int_equal(in.len, len == bytes.len ? 0 : len);
		slice_free(cut);
	}
	slice_free(bytes);
}

/* Every argument costs at least two bytes; 255 is the most that a byte can count. */
static void most_arguments(void **state)
{
	const struct spop_value null = { .type = SPOP_NULL };
	uint8_t out[1024];
	struct spop_writer writer;
	unsigned arguments;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_put_message(&writer, SPOP_SLICE("m"), 255);
	for (unsigned i = 0; i < 255; i++)
		spop_put_argument(&writer, SPOP_SLICE("a"), &null);
	assert_false(writer.full);
	assert_int_equal(count_messages(written(&writer, out), &arguments), 1);
	assert_int_equal(arguments, 255);
}

static void more_arguments_are_no_frame(void **state)
{
	uint8_t out[64];
	struct spop_writer writer;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_frame_begin(&writer, SPOP_NOTIFY, 1, 1);
	spop_put_message(&writer, SPOP_SLICE("m"), 256);
	assert_true(writer.full);
	assert_false(spop_frame_end(&writer, 16380));
	assert_ptr_equal(writer.at, out);
}

/* As HAProxy sends a message of 300 arguments: the count is 44, and the rest reads as messages, or not at all. */
static void haproxys_count_modulo_256(void **state)
{
	const struct spop_value value = { .type = SPOP_INT64, .integer = 200 };
	uint8_t out[4096];
	struct spop_writer writer;
	unsigned arguments;

	(void)state;
	spop_writer_init(&writer, out, sizeof(out));
	spop_put_message(&writer, SPOP_SLICE("m"), 300 & 0xff);
	for (unsigned i = 0; i < 300; i++)
		spop_put_argument(&writer, SPOP_SLICE("a"), &value);
	assert_false(writer.full);
	assert_int_equal(count_messages(written(&writer, out), &arguments), -1);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(worked_notify_decodes),
		cmocka_unit_test(worked_notify_encodes),
		cmocka_unit_test(worked_notify_needs_all_its_room),
		cmocka_unit_test(message_is_taken_whole_or_not),
		cmocka_unit_test(most_arguments),
		cmocka_unit_test(more_arguments_are_no_frame),
		cmocka_unit_test(haproxys_count_modulo_256),
	};
	struct CMUnitTest each[COUNT(rows)];
	int failed = cmocka_run_group_tests_name("spop message", others, NULL, NULL);

	ADD_ROWS(each, counts, rows);
	failed += cmocka_run_group_tests_name("spop message: lists", each, NULL, NULL);
	return failed;
}
