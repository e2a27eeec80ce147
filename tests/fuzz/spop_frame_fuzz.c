/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a connection's input. What is decoded from them is written again, and must be
 * - a frame: the same bytes, as numbers have one encoding, and flags and unknown types are kept;
 * - strings, messages' heads and actions' heads: the same bytes;
 * - a value: the same bytes but for what a decoder drops: the flags of values that are no booleans, three of the four
 *   of a boolean, and a negative INT32 of 32 bits, which is written with 64;
 * - HELLO and DISCONNECT, where order, duplicates and unknown items are dropped: the same meaning.
 * Payloads are read as all kinds, whatever the frame's type: fuzzing need not find them together.
 * Seeds: spop_frame_seeds.py beside this file cuts the recordings into frames.
 */
#include <stdlib.h>
#include <string.h>

#include "spop.h"

#define MAX_FRAME 16380u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must stay in every build. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool same(struct spop_slice a, struct spop_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* What a decoder took from *in. */
static struct spop_slice taken(struct spop_slice before, struct spop_slice after)
{
	must(after.len <= before.len && after.ptr == before.ptr + (before.len - after.len));
	return (struct spop_slice){ before.ptr, before.len - after.len };
}

static struct spop_slice written(const struct spop_writer *writer, const uint8_t *start)
{
	must(!writer->full);
	return (struct spop_slice){ start, (size_t)(writer->at - start) };
}

/* ---- values ---- */

static bool value_same(const struct spop_value *a, const struct spop_value *b)
{
	switch (a->type) {
	case SPOP_NULL:
		return b->type == SPOP_NULL;
	case SPOP_BOOL:
		return b->type == SPOP_BOOL && a->boolean == b->boolean;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
		return a->type == b->type && a->integer == b->integer;
	case SPOP_UINT64:
		return b->type == SPOP_UINT64 && a->natural == b->natural;
	case SPOP_IPV4:
		return b->type == SPOP_IPV4 && memcmp(a->address, b->address, 4) == 0;
	case SPOP_IPV6:
		return b->type == SPOP_IPV6 && memcmp(a->address, b->address, 16) == 0;
	case SPOP_STRING:
	case SPOP_BINARY:
		return a->type == b->type && same(a->bytes, b->bytes);
	}
	return false;
}

/* -1 in an INT32 may have been 2^32-1: five bytes and the type's. */
static bool is_short_negative(const struct spop_value *value, size_t size)
{
	return value->type == SPOP_INT32 && value->integer < 0 && size <= 6;
}

static void check_written_value(const struct spop_value *value, struct spop_slice original)
{
	uint8_t *out = malloc(original.len + SPOP_MAX_VARINT);
	struct spop_writer writer;
	struct spop_slice again;
	struct spop_value second;

	must(out);
	spop_writer_init(&writer, out, original.len + SPOP_MAX_VARINT);
	spop_put_value(&writer, value);
	again = written(&writer, out);
	must(again.ptr[0] == (original.ptr[0] & (value->type == SPOP_BOOL ? 0x1f : 0x0f)));
	if (!is_short_negative(value, original.len))
		must(again.len == original.len && memcmp(again.ptr + 1, original.ptr + 1, again.len - 1) == 0);
	must(spop_take_value(&again, &second) && again.len == 0 && value_same(value, &second));
	free(out);
}

static bool check_value(struct spop_slice *in, struct spop_value *value)
{
	struct spop_slice before = *in;

	if (!spop_take_value(in, value)) {
		must(in->ptr == before.ptr && in->len == before.len);
		return false;
	}
	check_written_value(value, taken(before, *in));
	return true;
}

/* ---- lists ---- */

static void check_numbers(struct spop_slice in)
{
	for (;;) {
		struct spop_slice before = in;
		uint8_t out[SPOP_MAX_VARINT];
		struct spop_writer writer;
		uint64_t number;

		if (!spop_take_varint(&in, &number))
			return;
		spop_writer_init(&writer, out, sizeof(out));
		spop_put_varint(&writer, number);
		must(same(written(&writer, out), taken(before, in)));
		must(spop_varint_size(number) == taken(before, in).len);
	}
}

/* An argument is a string and a value, taken at once. */
static bool check_argument(struct spop_slice *in)
{
	struct spop_slice parts = *in, whole = *in, name, first;
	struct spop_value value, second;
	bool good = spop_take_string(&parts, &first) && check_value(&parts, &second);

	must(spop_take_argument(&whole, &name, &value) == good);
	if (!good) {
		must(whole.ptr == in->ptr && whole.len == in->len);
		return false;
	}
	must(whole.ptr == parts.ptr && whole.len == parts.len && same(name, first) && value_same(&value, &second));
	*in = whole;
	return true;
}

static void check_messages(struct spop_slice in)
{
	while (in.len > 0) {
		struct spop_slice before = in;
		struct spop_message message;
		uint8_t *out;
		struct spop_writer writer;

		if (!spop_take_message(&in, &message))
			return;
		out = malloc(taken(before, in).len);
		must(out);
		spop_writer_init(&writer, out, taken(before, in).len);
		spop_put_message(&writer, message.name, message.arguments);
		must(same(written(&writer, out), taken(before, in)));
		free(out);
		for (; message.arguments > 0; message.arguments--)
			if (!check_argument(&in))
				return;
	}
}

static void check_actions(struct spop_slice in)
{
	while (in.len > 0) {
		struct spop_slice before = in, original, again;
		struct spop_action action, second;
		struct spop_writer writer;
		uint8_t *out;

		if (!spop_take_action(&in, &action)) {
			must(in.ptr == before.ptr && in.len == before.len);
			return;
		}
		original = taken(before, in);
		out = malloc(original.len + SPOP_MAX_VARINT);
		must(out);
		spop_writer_init(&writer, out, original.len + SPOP_MAX_VARINT);
		if (action.unset)
			spop_put_unset_var(&writer, action.scope, action.name);
		else
			spop_put_set_var(&writer, action.scope, action.name, &action.value);
		again = written(&writer, out);
		must(!action.unset || same(again, original));
		must(spop_take_action(&again, &second) && again.len == 0);
		must(action.unset == second.unset && action.scope == second.scope && same(action.name, second.name));
		must(value_same(&action.value, &second.value));
		free(out);
	}
}

/* ---- whole frames ---- */

static struct spop_frame written_frame(const struct spop_writer *writer, const uint8_t *start)
{
	struct spop_slice in = written(writer, start);
	struct spop_frame frame;

	must(spop_frame_decode(&in, SPOP_MIN_FRAME_SIZE, &frame) == SPOP_OK && in.len == 0);
	return frame;
}

typedef enum spop_error hello_decoder(const struct spop_frame *frame, struct spop_hello *hello);
typedef bool hello_writer(struct spop_writer *writer, const struct spop_hello *hello);

static void check_hello(const struct spop_frame *frame, hello_decoder *decode, hello_writer *put, bool engine)
{
	uint8_t out[SPOP_MIN_FRAME_SIZE + SPOP_LENGTH_SIZE];
	struct spop_writer writer;
	struct spop_hello hello, second, answer;
	struct spop_frame again;

	if (decode(frame, &hello) != SPOP_ERR_NONE)
		return;
	must(hello.max_frame_size >= SPOP_MIN_FRAME_SIZE);
	spop_writer_init(&writer, out, sizeof(out));
	if (put(&writer, &hello)) { /* texts may be long */
		again = written_frame(&writer, out);
		must(decode(&again, &second) == SPOP_ERR_NONE && same(hello.version, second.version));
		must(hello.max_frame_size == second.max_frame_size && hello.capabilities == second.capabilities);
		must(!engine || (hello.healthcheck == second.healthcheck && same(hello.engine_id, second.engine_id)));
	}
	answer = spop_hello_agree(&hello, MAX_FRAME, SPOP_CAN_PIPELINE | SPOP_CAN_FRAGMENT);
	must(answer.max_frame_size <= hello.max_frame_size && answer.max_frame_size <= MAX_FRAME);
	spop_writer_init(&writer, out, sizeof(out));
	must(spop_put_agent_hello(&writer, &answer));
	again = written_frame(&writer, out);
	must(spop_agent_hello_decode(&again, &second) == SPOP_ERR_NONE);
	must(answer.max_frame_size == second.max_frame_size && answer.capabilities == second.capabilities);
}

static void check_disconnect(const struct spop_frame *frame)
{
	uint8_t out[SPOP_MIN_FRAME_SIZE + SPOP_LENGTH_SIZE];
	struct spop_writer writer;
	struct spop_frame again;
	struct spop_slice message, second_message;
	uint64_t status, second;

	if (!spop_disconnect_decode(frame, &status, &message) || status > INT32_MAX)
		return;
	spop_writer_init(&writer, out, sizeof(out));
	if (!spop_put_disconnect(&writer, (enum spop_frame_type)frame->type, (enum spop_error)status, message))
		return;
	again = written_frame(&writer, out);
	must(again.type == frame->type);
	must(spop_disconnect_decode(&again, &second, &second_message));
	must(status == second && same(message, second_message));
}

static void check_payload(struct spop_slice payload)
{
	struct spop_frame frame = { SPOP_HAPROXY_HELLO, SPOP_FIN, 0, 0, payload };

	check_numbers(payload);
	check_messages(payload);
	check_actions(payload);
	check_hello(&frame, spop_hello_decode, spop_put_hello, true);
	frame.type = SPOP_AGENT_HELLO;
	check_hello(&frame, spop_agent_hello_decode, spop_put_agent_hello, false);
	frame.type = SPOP_AGENT_DISCONNECT;
	check_disconnect(&frame);
}

static void check_written_frame(const struct spop_frame *frame, struct spop_slice original)
{
	uint8_t *out = malloc(original.len);
	struct spop_writer writer;
	uint32_t length = (uint32_t)(original.len - SPOP_LENGTH_SIZE);

	must(out);
	for (size_t room = original.len - 1; room <= original.len; room++) {
		spop_writer_init(&writer, out, room);
		spop_frame_begin_flags(&writer, (enum spop_frame_type)frame->type, frame->flags, frame->stream_id,
				       frame->frame_id);
		spop_put_bytes(&writer, frame->payload.ptr, frame->payload.len);
		must(spop_frame_end(&writer, length) == (room == original.len));
		must(room == original.len || writer.at == out);
	}
	must(same(written(&writer, out), original));
	free(out);
}

/* Of a frame that is cut, no more is said than of the whole. */
static void check_cut(struct spop_slice whole, enum spop_status status)
{
	for (size_t len = 0; len < whole.len && len < 16; len++) {
		struct spop_slice cut = { whole.ptr, len }, in = cut;
		struct spop_frame frame;
		enum spop_status early = spop_frame_decode(&in, MAX_FRAME, &frame);

		must(early == SPOP_MORE || (early == status && status != SPOP_OK));
		must(in.ptr == cut.ptr && in.len == cut.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spop_slice in = { data, size }, before = in;
	struct spop_frame frame;
	enum spop_status status;

	check_payload(in);
	while ((status = spop_frame_decode(&in, MAX_FRAME, &frame)) == SPOP_OK) {
		check_written_frame(&frame, taken(before, in));
		check_cut(taken(before, in), SPOP_OK);
		check_payload(frame.payload);
		check_hello(&frame, spop_hello_decode, spop_put_hello, true);
		check_disconnect(&frame);
		before = in;
	}
	must(in.ptr == before.ptr && in.len == before.len);
	check_cut(in, status);
	return 0;
}
