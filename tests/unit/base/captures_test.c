/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last things that were bad are kept, the newest first, whoever writes at the same time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "spoa-redirect/base/captures.h"

static void the_last_ones_are_kept(void **state)
{
	struct captures *captures = captures_new();
	struct capture capture;
	char text[20];

	(void)state;
	assert_false(captures_get(captures, 0, &capture));
	for (unsigned i = 0; i < CAPTURES + 5; i++) {
		snprintf(text, sizeof(text), "%u", i);
		captures_take(captures, "frame", slice_of_string(text), SLICE("why"), slice_of_string(text));
	}
	assert_int_equal(captures_count(captures), CAPTURES + 5);
	for (unsigned i = 0; i < CAPTURES; i++) {
		snprintf(text, sizeof(text), "%u", CAPTURES + 4 - i);
		assert_true(captures_get(captures, i, &capture));
		assert_string_equal(capture.who, text);
		assert_int_equal(capture.length, strlen(text));
		assert_memory_equal(capture.bytes, text, strlen(text));
	}
	assert_false(captures_get(captures, CAPTURES, &capture));
	captures_free(captures);
}

/* One that never ends, and others among it. */
static void who_goes_on_and_on_has_one_place(void **state)
{
	struct captures *captures = captures_new();
	struct capture capture;
	char text[20];

	(void)state;
	captures_take_again(captures, "report", SLICE("server web/b"), SLICE("malformed"), SLICE("b"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%u", i);
		captures_take_again(captures, "report", SLICE("server web/a"), SLICE("malformed"), slice_of_string(text));
		if (i == 500)
			captures_take_again(captures, "report", SLICE("server web/a"), SLICE("empty"), SLICE("c"));
	}
	assert_int_equal(captures_count(captures), 1002);
	assert_true(captures_get(captures, 0, &capture));
	assert_int_equal(capture.times, 1000);
	assert_memory_equal(capture.bytes, "999", 3);
	assert_true(captures_get(captures, 1, &capture));
	assert_string_equal(capture.why, "empty");
	assert_int_equal(capture.times, 1);
	assert_true(captures_get(captures, 2, &capture));
	assert_string_equal(capture.who, "server web/b");
	assert_false(captures_get(captures, 3, &capture));
	/* what is pushed out is forgotten */
	for (unsigned i = 0; i < CAPTURES; i++) {
		snprintf(text, sizeof(text), "%u", i);
		captures_take_again(captures, "report", slice_of_string(text), SLICE("malformed"), SLICE(""));
	}
	captures_take_again(captures, "report", SLICE("server web/a"), SLICE("malformed"), SLICE("d"));
	assert_true(captures_get(captures, 0, &capture));
	assert_int_equal(capture.times, 1);
	captures_free(captures);
}

static void what_is_too_long_is_cut(void **state)
{
	struct captures *captures = captures_new();
	char text[CAPTURE_BYTES * 2];
	struct capture capture;

	(void)state;
	memset(text, 'a', sizeof(text));
	captures_take(captures, "frame", slice_of(text, sizeof(text)), slice_of(text, sizeof(text)),
		      slice_of(text, sizeof(text)));
	captures_take(NULL, "frame", SLICE(""), SLICE(""), SLICE(""));
	assert_true(captures_get(captures, 0, &capture));
	assert_int_equal(capture.length, sizeof(text));
	assert_int_equal(strlen(capture.who), sizeof(capture.who) - 1);
	assert_int_equal(strlen(capture.why), sizeof(capture.why) - 1);
	assert_memory_equal(capture.bytes, text, CAPTURE_BYTES);
	captures_free(captures);
}

static void *write_many(void *captures)
{
	for (unsigned i = 0; i < 20000; i++)
		(i % 2 ? captures_take : captures_take_again)(captures, "frame", SLICE("someone"), SLICE("some reason"),
							      SLICE("some bytes"));
	return NULL;
}

static void several_threads_may_write_while_one_reads(void **state)
{
	struct captures *captures = captures_new();
	struct capture capture;
	pthread_t threads[2];

	(void)state;
	captures_take(captures, "frame", SLICE("someone"), SLICE("some reason"), SLICE("some bytes"));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, captures), 0);
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(captures_get(captures, 0, &capture));
		assert_string_equal(capture.who, "someone");
		assert_memory_equal(capture.bytes, "some bytes", capture.length);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	captures_free(captures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones_are_kept),
		cmocka_unit_test(who_goes_on_and_on_has_one_place),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(several_threads_may_write_while_one_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
