/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole exchanges: NOTIFYs as HAProxy sends them, ACKs as one line of text. */
#ifndef TESTS_UNIT_ANSWER_REQUEST_H
#define TESTS_UNIT_ANSWER_REQUEST_H

#include "spoa/answer/routes.h"
#include "tests/unit/message.h"
#include "tests/unit/site.h"

#define MAX_MESSAGES 4u
#define MAX_FRAME    16384u

/* The decision on one message "route", without its answer. What the request says stays until the next one. */
static inline struct decision decide(struct site *site, const struct argument *arguments)
{
	static uint8_t bytes[4096];
	struct spop_writer writer;
	struct spop_slice payload = { bytes, 0 };
	struct spop_message message;
	const struct route *route;

	spop_writer_init(&writer, bytes, sizeof(bytes));
	put_request(&writer, "route", arguments);
	assert_false(writer.full);
	payload.len = (size_t)(writer.at - bytes);
	assert_true(spop_take_message(&payload, &message));
	route = routes_find(site->routes, message.name);
	assert_non_null(route);
	assert_true(request_take(route->frontend->names, message.arguments, &payload, &site->scratch.request));
	rules_begin(site->scratch.rules);
	return answer_decide(route, &site->scratch, SITE_START);
}

struct request_message {
	const char *name; /* NULL: the last one was before */
	struct argument arguments[MAX_ARGUMENTS];
};

/* The payload of a NOTIFY, on heap of just its size: one step too far is noticed. */
static inline struct spop_slice payload_new(const struct request_message *messages, size_t room)
{
	struct spop_writer writer;
	uint8_t *bytes = malloc(room), *copy;
	size_t length;

	spop_writer_init(&writer, bytes, room);
	for (unsigned i = 0; i < MAX_MESSAGES && messages[i].name; i++)
		put_request(&writer, messages[i].name, messages[i].arguments);
	assert_false(writer.full);
	length = (size_t)(writer.at - bytes);
	copy = malloc(length + !length);
	memcpy(copy, bytes, length);
	free(bytes);
	return (struct spop_slice){ copy, length };
}

/* One action as "name=text", "name=#number"; anything that is never sent fails. */
static inline size_t render(char *to, size_t room, const struct spop_action *action)
{
	assert_false(action->unset);
	assert_int_equal(action->scope, SPOP_TXN);
	if (action->value.type == SPOP_UINT32)
		return (size_t)snprintf(to, room, " %.*s=#%lld", SLICE_ARGS(action->name),
					(long long)action->value.integer);
	assert_int_equal(action->value.type, SPOP_STRING);
	return (size_t)snprintf(to, room, " %.*s=%.*s", SLICE_ARGS(action->name), SLICE_ARGS(action->value.bytes));
}

/* An ACK of at most max bytes as one line. */
static inline const char *read_ack(struct spop_slice *in, uint32_t max, uint64_t stream, uint64_t id)
{
	static char text[3 * MAX_FRAME];
	struct spop_action action;
	struct spop_frame frame;
	size_t used = 0;

	assert_int_equal(spop_frame_decode(in, max, &frame), SPOP_OK);
	assert_true(frame.type == SPOP_ACK && frame.flags == SPOP_FIN);
	assert_true(frame.stream_id == stream && frame.frame_id == id);
	while (frame.payload.len > 0) {
		assert_true(spop_take_action(&frame.payload, &action));
		used += render(text + used, sizeof(text) - used, &action);
	}
	assert_true(used > 0);
	return text + 1;
}

/* What is answered, in a frame of at most max bytes. */
static inline const char *answer(struct site *site, struct spop_slice payload, uint32_t max)
{
	static uint8_t bytes[2 * MAX_FRAME];
	struct spop_frame notify = { SPOP_NOTIFY, SPOP_FIN, 300, 7, payload };
	struct spop_writer writer;
	struct spop_slice written;
	const char *text;

	spop_writer_init(&writer, bytes, sizeof(bytes));
	assert_true(answer_notify(site->routes, &site->scratch, &notify, SITE_START, max, &writer));
	select_settle(&site->scratch.picker, SITE_START);
	written = (struct spop_slice){ bytes, (size_t)(writer.at - bytes) };
	text = read_ack(&written, max, 300, 7);
	assert_int_equal(written.len, 0);
	return text;
}

struct exchange {
	struct request_message messages[MAX_MESSAGES];
	const char *answer;
};

/* Each NOTIFY's ACK, one after the other. */
static inline void expect_answers(struct site *site, const struct exchange *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct spop_slice payload = payload_new(cases[i].messages, MAX_FRAME);

		assert_string_equal(answer(site, payload, MAX_FRAME), cases[i].answer);
		free((void *)(uintptr_t)payload.ptr);
	}
}

#endif
