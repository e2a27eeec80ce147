/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of texts finds what a search through all of them would, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/literals.h"

#define MOST  40u /* bytes: some beyond what is a key by itself, and beyond both ends as numbers */
#define MANY  10000u
#define SEEDS 20u

struct set {
	struct arena *arena;
	struct literals literals;
	struct hits hits;
};

static void set_open(struct set *set, uint64_t seed)
{
	*set = (struct set){ .arena = arena_new() };
	literals_init(&set->literals, seed);
}

static void set_add(struct set *set, struct slice text, uint32_t acl)
{
	assert_true(literals_add(set->arena, &set->literals, text, acl, &set->hits));
}

static bool set_has(const struct set *set, struct slice text, uint32_t acl)
{
	for (uint32_t at = literals_find(&set->literals, text); at != HIT_NONE; at = set->hits.hits[at].next)
		if (set->hits.hits[at].acl == acl)
			return true;
	return false;
}

static size_t set_count(const struct set *set, struct slice text)
{
	size_t n = 0;

	for (uint32_t at = literals_find(&set->literals, text); at != HIT_NONE; at = set->hits.hits[at].next)
		n++;
	return n;
}

/* Text on a piece of heap of just its size. */
static struct slice copy_new(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return slice_of(copy, len);
}

static void copy_free(struct slice copy)
{
	free((void *)(uintptr_t)copy.ptr);
}

static void nothing_is_in_an_empty_set(void **state)
{
	struct set set;

	(void)state;
	set_open(&set, 1);
	assert_int_equal(literals_find(&set.literals, SLICE("")), HIT_NONE);
	assert_int_equal(literals_find(&set.literals, slice_of(NULL, 0)), HIT_NONE);
	assert_int_equal(literals_find(&set.literals, SLICE("a text of more than sixteen bytes")), HIT_NONE);
	arena_free(set.arena);
}

static void a_text_of_no_bytes_is_one(void **state)
{
	struct set set;

	(void)state;
	set_open(&set, 1);
	set_add(&set, SLICE("a"), 1);
	assert_int_equal(literals_find(&set.literals, SLICE("")), HIT_NONE);
	set_add(&set, slice_of(NULL, 0), 2);
	assert_true(set_has(&set, SLICE(""), 2));
	assert_true(set_has(&set, slice_of(NULL, 0), 2));
	assert_false(set_has(&set, slice_of("\0", 1), 2));
	assert_false(set_has(&set, SLICE("a"), 2));
	arena_free(set.arena);
}

/* Of each length one text; each is found, and none that is a byte longer, shorter or other at any place. */
static void texts_of_all_lengths_are_told_apart(void **state)
{
	static uint8_t bytes[MOST + 1];

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct set set;

		set_open(&set, seed * 0x9e3779b97f4a7c15);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(seed + i * 7);
		for (uint32_t len = 0; len <= MOST; len += 2)
			set_add(&set, slice_of(bytes, len), len);
		for (uint32_t len = 0; len <= MOST; len++) {
			struct slice copy = copy_new(bytes, len);

			assert_int_equal(set_has(&set, copy, len), len % 2 == 0);
			assert_int_equal(set_count(&set, copy), len % 2 == 0);
			for (size_t at = 0; at < len; at++) {
				((uint8_t *)(uintptr_t)copy.ptr)[at] ^= 0x80;
				assert_int_equal(literals_find(&set.literals, copy), HIT_NONE);
				((uint8_t *)(uintptr_t)copy.ptr)[at] ^= 0x80;
			}
			copy_free(copy);
		}
		arena_free(set.arena);
	}
}

/* Zeros are bytes like others, also where a key is the text itself. */
static void zeros_count(void **state)
{
	static const uint8_t zeros[MOST];
	struct set set;

	(void)state;
	set_open(&set, 3);
	for (uint32_t len = 0; len <= MOST; len++)
		set_add(&set, slice_of(zeros, len), len);
	for (uint32_t len = 0; len <= MOST; len++) {
		assert_true(set_has(&set, slice_of(zeros, len), len));
		assert_int_equal(set_count(&set, slice_of(zeros, len)), 1);
	}
	arena_free(set.arena);
}

static void one_text_may_be_that_of_several_acls(void **state)
{
	static const char *const texts[] = { "", "a", "12345678", "123456789", "more than sixteen bytes of text" };
	struct set set;

	(void)state;
	set_open(&set, 4);
	for (uint32_t acl = 0; acl < 100; acl++)
		for (size_t i = 0; i < COUNT(texts); i++)
			if (acl % (i + 1) == 0) {
				set_add(&set, slice_of_string(texts[i]), acl);
				set_add(&set, slice_of_string(texts[i]), acl); /* twice in one line */
			}
	for (size_t i = 0; i < COUNT(texts); i++) {
		for (uint32_t acl = 0; acl < 100; acl++)
			assert_int_equal(set_has(&set, slice_of_string(texts[i]), acl), acl % (i + 1) == 0);
		assert_int_equal(set_count(&set, slice_of_string(texts[i])), 99 / (i + 1) + 1);
	}
	assert_int_equal(set.literals.n, COUNT(texts));
	arena_free(set.arena);
}

/* Texts that differ in a few digits, of lengths around what is a key by itself. */
static struct slice many_text(char *to, size_t room, unsigned i)
{
	static const char *const forms[] = { "%u", "/%05u.m", "video/%u", "%u.example.com",
					     "a-rather-long-name-%u-of-a-host" };

	snprintf(to, room, forms[i % COUNT(forms)], i);
	return slice_of_string(to);
}

static void ten_thousand_are_found_each(void **state)
{
	static char texts[MANY][48];
	char other[48];
	struct set set;

	(void)state;
	set_open(&set, 5);
	for (unsigned i = 0; i < MANY; i++)
		set_add(&set, many_text(texts[i], sizeof(texts[i]), i), i);
	assert_int_equal(set.literals.n, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(set_has(&set, many_text(other, sizeof(other), i), i));
		assert_int_equal(set_count(&set, slice_of_string(other)), 1);
	}
	for (unsigned i = MANY; i < 3 * MANY; i++)
		assert_int_equal(literals_find(&set.literals, many_text(other, sizeof(other), i)), HIT_NONE);
	arena_free(set.arena);
}

/* Over few letters texts repeat; a set beside it that is searched from end to end says what is in. */
static void random_texts_are_found_as_by_a_search(void **state)
{
	static char texts[400][MOST];
	struct random random;
	struct set set;
	size_t lengths[400];

	(void)state;
	random_seed(&random, 6);
	set_open(&set, random_bits(&random));
	for (size_t i = 0; i < COUNT(texts); i++) {
		lengths[i] = random_below(&random, i % 2 ? 6 : MOST);
		for (size_t j = 0; j < lengths[i]; j++)
			texts[i][j] = "ab"[random_below(&random, 2)];
		if (i < 200)
			set_add(&set, slice_of(texts[i], lengths[i]), (uint32_t)i);
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct slice text = slice_of(texts[i], lengths[i]);
		size_t expected = 0;

		for (size_t j = 0; j < 200; j++) {
			bool same = slice_eq(text, slice_of(texts[j], lengths[j]));

			expected += same;
			assert_int_equal(set_has(&set, text, (uint32_t)j), same);
		}
		assert_int_equal(set_count(&set, text), expected);
	}
	arena_free(set.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_in_an_empty_set),
		cmocka_unit_test(a_text_of_no_bytes_is_one),
		cmocka_unit_test(texts_of_all_lengths_are_told_apart),
		cmocka_unit_test(zeros_count),
		cmocka_unit_test(one_text_may_be_that_of_several_acls),
		cmocka_unit_test(ten_thousand_are_found_each),
		cmocka_unit_test(random_texts_are_found_as_by_a_search),
	};

	return cmocka_run_group_tests_name("rules: literals", tests, NULL, NULL);
}
