/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer of HTTP as polls hear it, from a server that may be anything.
 * - More bytes never make a complete answer incomplete, nor a refused one good; what is whole stays the same whole.
 * - Head and body lie within what was heard, and a body put together is no longer than it came.
 * - Nothing is kept that was closed, or that has more than one answer in it.
 */
#include <stdlib.h>
#include <string.h>

#include "site.h"
#include "spoa/load/http.h"

static bool within(struct slice part, struct slice whole)
{
	return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_end(struct slice bytes, bool bodiless)
{
	struct http_answer answer;
	enum http_read status = http_read(bytes, true, bodiless, &answer);
	uint8_t *room = malloc(bytes.len + 1);
	struct slice body;

	must(status != HTTP_MORE && !answer.keeps);
	must(within(answer.head, bytes) && within(answer.body, bytes));
	memset(room, 0, bytes.len + 1);
	body = http_body(&answer, room);
	must(body.len <= answer.body.len);
	/* in place, as polls do */
	memcpy(room, bytes.ptr, bytes.len);
	if (status == HTTP_WHOLE && answer.body.len > 0) {
		struct http_answer again;

		must(http_read(slice_of(room, bytes.len), true, bodiless, &again) == HTTP_WHOLE);
		must(http_body(&again, room).len == body.len);
	}
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool bodiless = size > 0 && data[0] & 1;
	struct slice bytes = slice_of(data + (size > 0), size > 0 ? size - 1 : 0), value;
	struct http_answer before = { 0 }, answer;
	enum http_read last = HTTP_MORE, status;

	if (bytes.len > 2000)
		bytes.len = 2000;
	for (size_t n = 0; n <= bytes.len; n++) {
		status = http_read(slice_of(bytes.ptr, n), false, bodiless, &answer);
		must(last == HTTP_MORE || status == last);
		if (last == HTTP_WHOLE) {
			must(slice_eq(before.body, answer.body) && before.code == answer.code && !answer.keeps);
			must(before.head.len == answer.head.len);
		}
		if (status == HTTP_WHOLE && last != HTTP_WHOLE)
			before = answer;
		must(status != HTTP_WHOLE || (answer.code >= 200 && answer.code <= 999) || answer.code < 100);
		last = status;
	}
	if (http_header(&answer, SLICE("a"), &value))
		must(within(value, bytes));
	check_end(bytes, bodiless);
	return 0;
}
