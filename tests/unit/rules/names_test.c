/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of arguments that are hard to tell apart: each finds the value that came under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "spoa/rules/request.h"

#define MAX_NAMES 16u

static size_t put(uint8_t *to, size_t room, const char *const *headers, size_t n)
{
	struct spop_writer writer;

	spop_writer_init(&writer, to, room);
	for (size_t i = 0; i < n; i++) {
		struct spop_value value = { .type = SPOP_INT64, .integer = (int64_t)i };
		char name[64];
		int length = snprintf(name, sizeof(name), "hdr(%s)", headers[i]);

		spop_put_argument(&writer, (struct spop_slice){ (uint8_t *)name, (size_t)length }, &value);
	}
	assert_false(writer.full);
	return (size_t)(writer.at - to);
}

static void tell_apart(const char *const *headers, size_t n)
{
	struct arena *arena = arena_new();
	struct request_names *names = request_names_new(arena);
	unsigned slots[MAX_NAMES];
	uint8_t bytes[1024];
	struct spop_slice payload = { bytes, put(bytes, sizeof(bytes), headers, n) };
	struct request request = { .seen = 0 };

	for (size_t i = 0; i < n; i++) {
		slots[i] = request_names_add_header(names, slice_of_string(headers[i]));
		assert_true(slots[i] < REQUEST_MAX_SLOTS);
	}
	assert_true(request_names_seal(names));
	assert_true(request_take(names, (unsigned)n, &payload, &request));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(request.values[slots[i]].type, SPOP_INT64);
		assert_int_equal(request.values[slots[i]].integer, i);
	}
	arena_free(arena);
}

static void last_bytes(void **state)
{
	static const char *const headers[] = { "x-tenant-1", "x-tenant-2", "x-tenant-3", "x-teot", "x-tent" };

	(void)state;
	tell_apart(headers, COUNT(headers));
}

static void bytes_inside(void **state)
{
	static const char *const headers[] = { "x-custom-1-header", "x-custom-2-header", "x-custom-3-header",
					       "accept!language", "accept-language" };

	(void)state;
	tell_apart(headers, COUNT(headers));
}

/* Both are hdr_a_b to an engine that allows no other bytes. */
static void same_alias(void **state)
{
	static const char *const headers[] = { "a-b", "a_b" };

	(void)state;
	tell_apart(headers, COUNT(headers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_bytes),
		cmocka_unit_test(bytes_inside),
		cmocka_unit_test(same_alias),
	};

	return cmocka_run_group_tests_name("rules: names of arguments", tests, NULL, NULL);
}
