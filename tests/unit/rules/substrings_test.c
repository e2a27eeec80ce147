/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pass over a text tells the same patterns as a plain search for each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/substrings.h"

#define MOST_PATTERNS 300u
#define MOST_TEXT     200u

/* Pattern i is that of acl i. */
struct search {
	struct arena *arena;
	struct substrings *substrings;
	struct hits hits;
	struct slice patterns[MOST_PATTERNS];
	uint32_t n;
};

static void search_open(struct search *search)
{
	search->arena = arena_new();
	search->substrings = substrings_new(search->arena);
	search->hits = (struct hits){ .n = 0 };
	search->n = 0;
	assert_non_null(search->substrings);
}

static void search_add(struct search *search, struct slice pattern)
{
	struct slice copy = arena_slice(search->arena, pattern);

	assert_true(search->n < MOST_PATTERNS && pattern.len > 0);
	assert_true(substrings_add(search->arena, search->substrings, copy, search->n, &search->hits));
	search->patterns[search->n++] = copy;
}

/* How often each pattern is told. */
static void search_run(const struct search *search, struct slice text, unsigned *told)
{
	struct substrings_cursor cursor = { 0 };
	uint32_t hit;
	size_t steps = 0;

	memset(told, 0, MOST_PATTERNS * sizeof(*told));
	while ((hit = substrings_next(search->substrings, text, &cursor)) != HIT_NONE) {
		assert_true(++steps <= text.len * search->n);
		for (; hit != HIT_NONE; hit = search->hits.hits[hit].next)
			told[search->hits.hits[hit].acl]++;
	}
}

static unsigned count_plainly(struct slice text, struct slice pattern)
{
	unsigned n = 0;

	for (size_t at = 0; at + pattern.len <= text.len; at++)
		n += memcmp(text.ptr + at, pattern.ptr, pattern.len) == 0;
	return n;
}

/* Text on a piece of heap of just its size, so that a sanitizer sees one byte too far. Returns how many were told. */
static unsigned compare(const struct search *search, struct slice text)
{
	uint8_t *copy = malloc(text.len + (text.len == 0));
	unsigned told[MOST_PATTERNS], sum = 0;

	assert_non_null(copy);
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	search_run(search, slice_of(copy, text.len), told);
	for (uint32_t i = 0; i < search->n; i++) {
		if (told[i] != count_plainly(text, search->patterns[i]))
			fail_msg("'%.*s' in '%.*s': %u times", SLICE_ARGS(search->patterns[i]), SLICE_ARGS(text),
				 told[i]);
		sum += told[i];
	}
	free(copy);
	return sum;
}

static const struct {
	const char *patterns[10], *text;
	unsigned told;
} cases[] = {
	{ { "a" }, "", 0 },
	{ { "a" }, "a", 1 },
	{ { "a" }, "bbbabba", 2 },
	{ { "a", "b", "c" }, "abcabc", 6 },
	{ { "ab" }, "a", 0 },
	{ { "ab" }, "aab", 1 },
	{ { "aa" }, "aaaa", 3 },
	{ { "aba" }, "ababa", 2 },
	{ { "he", "she", "his", "hers" }, "ushers", 3 }, /* the paper's own */
	{ { "a", "ab", "abc", "abcd" }, "abcd", 4 },
	{ { "d", "cd", "bcd", "abcd" }, "abcd", 4 },
	{ { "abcd", "bc" }, "abcx", 1 },
	{ { "abcde", "c" }, "abcdx", 1 },
	{ { "aaaab", "aab", "b" }, "aaaaaab", 3 },
	{ { "abcabd", "bcabc" }, "abcabcabd", 2 },
	{ { "same", "same" }, "some same", 2 },
	{ { "film", "films/", "/f" }, "/films/a", 3 },
	{ { "0123456789012345678901234567890123456789" }, "012345678901234567890123456789012345678", 0 },
	{ { "0123456789012345678901234567890123456789" }, "0123456789012345678901234567890123456789", 1 },
	{ { "0123456789012345678901234567890123456789", "9", "89012" },
	  "x0123456789012345678901234567890123456789x",
	  8 },
};

static void known_texts_hold_known_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct search search;

		search_open(&search);
		for (size_t j = 0; cases[i].patterns[j]; j++)
			search_add(&search, slice_of_string(cases[i].patterns[j]));
		assert_true(substrings_seal(search.arena, search.substrings));
		assert_int_equal(compare(&search, slice_of_string(cases[i].text)), cases[i].told);
		arena_free(search.arena);
	}
}

static void each_of_all_bytes_may_be_a_pattern(void **state)
{
	struct search search;
	uint8_t all[256];

	(void)state;
	search_open(&search);
	for (unsigned i = 0; i < 256; i++) {
		all[i] = (uint8_t)i;
		search_add(&search, slice_of(&all[i], 1));
	}
	assert_true(substrings_seal(search.arena, search.substrings));
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(compare(&search, slice_of(&all[i], 1)), 1);
	assert_int_equal(compare(&search, slice_of(all, sizeof(all))), 256);
	arena_free(search.arena);
}

/* All bytes in patterns of two: more classes than a byte has values, with the one for none. */
static void bytes_of_no_pattern_are_told_from_all(void **state)
{
	struct search search;
	uint8_t pair[2], text[512];

	(void)state;
	search_open(&search);
	for (unsigned i = 0; i < 255; i++) {
		pair[0] = (uint8_t)i;
		pair[1] = (uint8_t)(i + 1);
		search_add(&search, slice_of(pair, 2));
	}
	assert_true(substrings_seal(search.arena, search.substrings));
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	assert_int_equal(compare(&search, slice_of(text, sizeof(text))), 510);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(511 - i);
	assert_int_equal(compare(&search, slice_of(text, sizeof(text))), 0);
	arena_free(search.arena);
}

/* A pattern at each place of texts of each length, alone: whatever is skipped, it is not. */
static void a_pattern_is_found_wherever_it_stands(void **state)
{
	static const size_t lengths[] = { 1, 2, 3, 4, 7, 8, 31, 32, 33, 34, 40, 64, 70 };
	uint8_t text[MOST_TEXT], pattern[70];

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)('a' + i % 23);
	for (size_t k = 0; k < COUNT(lengths); k++) {
		struct search search;

		search_open(&search);
		search_add(&search, slice_of(pattern, lengths[k]));
		assert_true(substrings_seal(search.arena, search.substrings));
		for (size_t before = 0; before < 70; before++) {
			for (size_t behind = 0; behind < 40; behind += 13) {
				memset(text, '.', sizeof(text));
				memcpy(text + before, pattern, lengths[k]);
				assert_true(compare(&search, slice_of(text, before + lengths[k] + behind)) > 0);
				compare(&search, slice_of(text, before + lengths[k] - 1));
			}
		}
		arena_free(search.arena);
	}
}

static size_t make(struct random *random, uint8_t *to, size_t min, size_t max, unsigned letters)
{
	size_t len = min + random_below(random, (uint32_t)(max - min + 1));

	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)('a' + random_below(random, letters));
	return len;
}

/* Over so few letters patterns overlap, begin, end and hold each other, and occur. */
static void random_texts_are_searched_as_plainly(void **state)
{
	static const struct {
		size_t min, max;
	} sizes[] = { { 1, 4 }, { 1, 40 }, { 2, 3 }, { 2, 12 }, { 5, 9 }, { 30, 36 }, { 40, 40 } };
	struct random random;
	unsigned long long told = 0;

	(void)state;
	random_seed(&random, 7);
	for (unsigned round = 0; round < 1000; round++) {
		size_t kind = round % COUNT(sizes);
		unsigned letters = 1 + random_below(&random, 4), n = 1 + random_below(&random, 40);
		struct search search;
		uint8_t bytes[MOST_TEXT];

		search_open(&search);
		for (unsigned i = 0; i < n; i++)
			search_add(&search,
				   slice_of(bytes, make(&random, bytes, sizes[kind].min, sizes[kind].max, letters)));
		assert_true(substrings_seal(search.arena, search.substrings));
		for (unsigned i = 0; i < 10; i++) {
			size_t len = make(&random, bytes, 0, MOST_TEXT, letters + i % 2);
			struct slice cut = search.patterns[random_below(&random, search.n)];

			if (i % 3 == 0 && len >= cut.len)
				memcpy(bytes + random_below(&random, (uint32_t)(len - cut.len + 1)), cut.ptr, cut.len);
			told += compare(&search, slice_of(bytes, len));
		}
		arena_free(search.arena);
	}
	assert_true(told > 100000);
}

/* So many, and few of them short, that blocks of four bytes lead through the texts in which none of the short ones stands. */
static void many_long_patterns_are_found_as_few_are(void **state)
{
	struct random random;
	unsigned told = 0;

	(void)state;
	random_seed(&random, 21);
	for (unsigned round = 0; round < 40; round++) {
		unsigned shortest = 5 + round % 6;
		struct search search;
		uint8_t text[MOST_TEXT];

		search_open(&search);
		for (unsigned i = 0; i < round % 4; i++)
			search_add(&search, slice_of(text, make(&random, text, 1 + round % 3, 4, 3 + round % 3)));
		for (unsigned i = round % 4; i < MOST_PATTERNS; i++) {
			size_t len = shortest + random_below(&random, 4);

			for (size_t j = 0; j < len; j++)
				text[j] = (uint8_t)('a' + random_below(&random, 3));
			search_add(&search, slice_of(text, len));
		}
		assert_true(substrings_seal(search.arena, search.substrings));
		for (unsigned i = 0; i < 100; i++) {
			size_t len = random_below(&random, MOST_TEXT);

			for (size_t j = 0; j < len; j++)
				text[j] = (uint8_t)('a' + random_below(&random, 4));
			told += compare(&search, slice_of(text, len));
		}
		arena_free(search.arena);
	}
	assert_true(told > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_hold_known_patterns),
		cmocka_unit_test(each_of_all_bytes_may_be_a_pattern),
		cmocka_unit_test(bytes_of_no_pattern_are_told_from_all),
		cmocka_unit_test(a_pattern_is_found_wherever_it_stands),
		cmocka_unit_test(random_texts_are_searched_as_plainly),
		cmocka_unit_test(many_long_patterns_are_found_as_few_are),
	};

	return cmocka_run_group_tests_name("rules: substrings", tests, NULL, NULL);
}
