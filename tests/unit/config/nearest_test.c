/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "did you mean": the name that one slip in four letters leads to, never one that is merely similar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "spoa-redirect/config.h"

static const char *const names[] = { "balance", "bind", "backend", "use_backend", "default_backend", "server", "acl" };

static const char *nearest(const char *word)
{
	const char *found = config_nearest(word, names, COUNT(names));

	return found ? found : "-";
}

static void one_slip_of_each_kind_is_seen_through(void **state)
{
	(void)state;
	assert_string_equal(nearest("blance"), "balance");   /* left out */
	assert_string_equal(nearest("ballance"), "balance"); /* too many */
	assert_string_equal(nearest("balence"), "balance");  /* another */
	assert_string_equal(nearest("balacne"), "balance");  /* neighbours swapped */
	assert_string_equal(nearest("alc"), "acl");
	assert_string_equal(nearest("bidn"), "bind");
	assert_string_equal(nearest("balance"), "balance");
}

static void longer_words_may_have_more_slips(void **state)
{
	(void)state;
	assert_string_equal(nearest("use-backend"), "use_backend");
	assert_string_equal(nearest("defualt_bakend"), "default_backend");
	assert_string_equal(nearest("sevrr"), "server");
}

static void what_is_far_from_all_has_no_nearest(void **state)
{
	(void)state;
	assert_string_equal(nearest("xyz"), "-");
	assert_string_equal(nearest("stick-table"), "-");
	assert_string_equal(nearest("a"), "-");
	assert_null(config_nearest("acl", names, 0));
}

static void of_two_the_nearer_is_meant_and_of_equals_the_first(void **state)
{
	static const char *const two[] = { "weigh", "weight", "height" };

	(void)state;
	assert_string_equal(config_nearest("weihgt", two, 3), "weight");
	assert_string_equal(config_nearest("wight", two, 3), "weight");
	assert_string_equal(config_nearest("eight", two, 3), "weight");
	assert_string_equal(config_nearest("heights", two, 3), "height");
}

/* Distances are kept for words of up to 40 letters. */
static void long_words_are_compared_within_bounds(void **state)
{
	static const char forty[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmn";
	static const char *const known[] = { forty };
	char word[42];

	(void)state;
	assert_string_equal(config_nearest(forty, known, 1), forty);
	snprintf(word, sizeof(word), "%sx", forty);
	assert_null(config_nearest(word, known, 1));
	word[39] = 0;
	assert_string_equal(config_nearest(word, known, 1), forty);
	assert_null(config_nearest("", known, 1));
}

/* A word so long that any number of slips would be few is still none of the names. */
static void a_word_of_any_length_has_no_nearest_beyond_them(void **state)
{
	char word[400];

	(void)state;
	for (size_t length = 41; length < sizeof(word); length++) {
		memset(word, 'a', length);
		word[length] = 0;
		assert_string_equal(nearest(word), "-");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_slip_of_each_kind_is_seen_through),
		cmocka_unit_test(longer_words_may_have_more_slips),
		cmocka_unit_test(what_is_far_from_all_has_no_nearest),
		cmocka_unit_test(of_two_the_nearer_is_meant_and_of_equals_the_first),
		cmocka_unit_test(long_words_are_compared_within_bounds),
		cmocka_unit_test(a_word_of_any_length_has_no_nearest_beyond_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
