/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answers of HTTP/1 that polls and checks hear, in whatever pieces they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spoa/load/http.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *name;
	struct slice bytes;
	bool bodiless;
	enum http_read open, closed; /* with more to come, and without */
	unsigned code;
	struct slice body;
	bool keeps;
} cases[] = {
	{ "a length", SLICE(OK "Content-Length: 3\r\n\r\nabc"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("abc"), true },
	{ "in other case, LF alone", SLICE("HTTP/1.1 404 No\ncontent-LENGTH:0\n\n"), false, HTTP_WHOLE, HTTP_WHOLE, 404, SLICE(""), true },
	{ "close", SLICE(OK "connection: x, Close\r\nContent-Length: 1\r\n\r\na"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("a"), false },
	{ "1.0 closes", SLICE("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("a"), false },
	{ "1.0 keeps", SLICE("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 1\r\n\r\na"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("a"), true },
	{ "up to the end", SLICE(OK "\r\nabc"), false, HTTP_MORE, HTTP_WHOLE, 200, SLICE("abc"), false },
	{ "chunks", SLICE(OK "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n002;x=y\r\nde\r\n0\r\nA: b\r\n\r\n"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("abcde"), true },
	{ "chunks before a length", SLICE(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("x"), true },
	{ "interim", SLICE("HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("a"), true },
	{ "no content", SLICE("HTTP/1.1 204 None\r\n\r\n"), false, HTTP_WHOLE, HTTP_WHOLE, 204, SLICE(""), true },
	{ "HEAD", SLICE(OK "Content-Length: 10\r\n\r\n"), true, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE(""), true },
	{ "more than asked for", SLICE(OK "Content-Length: 1\r\n\r\nab"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("a"), false },
	{ "the same length twice", SLICE(OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"), false, HTTP_WHOLE, HTTP_WHOLE, 200, SLICE("a"), true },
	{ "cut", SLICE(OK "Content-Length: 4\r\n\r\nabc"), false, HTTP_MORE, HTTP_INVALID, 200, SLICE(""), false },
	{ "cut in its head", SLICE(OK "Content-Length: 4\r\n"), false, HTTP_MORE, HTTP_INVALID, 200, SLICE(""), false },
	{ "a cut chunk", SLICE(OK "transfer-encoding: chunked\r\n\r\n3\r\nab"), false, HTTP_MORE, HTTP_INVALID, 200, SLICE(""), false },
	{ "nothing", SLICE(""), false, HTTP_MORE, HTTP_INVALID, 0, SLICE(""), false },
	{ "two lengths", SLICE(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), false, HTTP_INVALID, HTTP_INVALID, 200, SLICE(""), false },
	{ "no number", SLICE(OK "Content-Length: -1\r\n\r\n"), false, HTTP_INVALID, HTTP_INVALID, 200, SLICE(""), false },
	{ "an endless length", SLICE(OK "Content-Length: 99999999999999999999\r\n\r\n"), false, HTTP_INVALID, HTTP_INVALID, 200, SLICE(""), false },
	{ "no size", SLICE(OK "transfer-encoding: chunked\r\n\r\nx\r\n"), false, HTTP_INVALID, HTTP_INVALID, 200, SLICE(""), false },
	{ "an endless size", SLICE(OK "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), false, HTTP_INVALID, HTTP_INVALID, 200, SLICE(""), false },
	{ "a chunk without an end", SLICE(OK "transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n"), false, HTTP_INVALID, HTTP_INVALID, 200, SLICE(""), false },
	{ "no HTTP", SLICE("SSH-2.0-OpenSSH_9.2\r\n"), false, HTTP_INVALID, HTTP_INVALID, 0, SLICE(""), false },
	{ "HTTP/2", SLICE("HTTP/2 200\r\n\r\n"), false, HTTP_INVALID, HTTP_INVALID, 0, SLICE(""), false },
};

static void each_answer_is_read_as_it_is_meant(void **state)
{
	uint8_t room[200];
	struct http_answer answer;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum http_read open = http_read(cases[i].bytes, false, cases[i].bodiless, &answer);
		struct slice body;

		if (open != cases[i].open || answer.code != cases[i].code || (open == HTTP_WHOLE && answer.keeps != cases[i].keeps))
			fail_msg("%s: read as %d, code %u, keeps %d", cases[i].name, open, answer.code, answer.keeps);
		if (http_read(cases[i].bytes, true, cases[i].bodiless, &answer) != cases[i].closed)
			fail_msg("%s, closed", cases[i].name);
		body = http_body(&answer, room);
		if (cases[i].closed == HTTP_WHOLE && !slice_eq(body, cases[i].body))
			fail_msg("%s: body '%.*s'", cases[i].name, SLICE_ARGS(body));
		assert_false(answer.keeps); /* nothing is kept that is closed */
	}
}

/* With every byte it is as complete as before, or more: in a copy of just these bytes, for what reads beyond. */
static void no_part_of_an_answer_is_taken_for_the_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_answer answer;

		for (size_t n = 0; cases[i].open == HTTP_WHOLE && n < cases[i].bytes.len; n++) {
			uint8_t *part = malloc(n + 1);
			enum http_read status;

			memcpy(part, cases[i].bytes.ptr, n);
			status = http_read(slice_of(part, n), false, cases[i].bodiless, &answer);
			free(part);
			if (status != HTTP_MORE && strcmp(cases[i].name, "more than asked for") != 0)
				fail_msg("%s: %zu bytes are read as %d", cases[i].name, n, status);
		}
	}
}

static void a_head_has_an_end(void **state)
{
	static uint8_t bytes[HTTP_MOST_HEAD + 100];
	struct http_answer answer;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, OK, sizeof(OK) - 1);
	assert_int_equal(http_read(slice_of(bytes, HTTP_MOST_HEAD), false, false, &answer), HTTP_MORE);
	assert_int_equal(http_read(slice_of(bytes, sizeof(bytes)), false, false, &answer), HTTP_INVALID);
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(http_read(slice_of(bytes, sizeof(bytes)), false, false, &answer), HTTP_INVALID);
}

static void a_header_is_found_by_its_name_alone(void **state)
{
	static const struct slice bytes = SLICE(OK "X-Load: 1\r\nnothing\r\nLOAD :2\r\nload:\t 3 \r\nLoad: 4\r\nContent-Length: 0\r\n\r\n");
	struct http_answer answer;
	struct slice value;

	(void)state;
	assert_int_equal(http_read(bytes, false, false, &answer), HTTP_WHOLE);
	assert_true(http_header(&answer, SLICE("Load"), &value));
	assert_true(slice_eq(value, SLICE("3")));
	assert_false(http_header(&answer, SLICE("nothing"), &value));
	assert_false(http_header(&answer, SLICE("oad"), &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_read_as_it_is_meant),
		cmocka_unit_test(no_part_of_an_answer_is_taken_for_the_whole),
		cmocka_unit_test(a_head_has_an_end),
		cmocka_unit_test(a_header_is_found_by_its_name_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
