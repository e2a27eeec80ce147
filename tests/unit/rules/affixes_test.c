/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts begin and end with what a plain look says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/affixes.h"

#define AFFIXES 300u
#define TEXTS   2000u
#define MOST    90u /* bytes: of more lengths than there are bits */

static struct slice make(struct random *random, uint8_t *room, size_t most)
{
	size_t length = random_below(random, (unsigned)most + 1);

	for (size_t i = 0; i < length; i++)
		room[i] = (uint8_t) "ab"[random_below(random, 8) == 0];
	return slice_of(room, length);
}

static bool stands_there(struct slice text, struct slice affix, bool suffixes)
{
	if (affix.len > text.len)
		return false;
	return slice_eq(slice_of(suffixes ? text.ptr + text.len - affix.len : text.ptr, affix.len), affix);
}

static void compare(bool suffixes, uint64_t seed)
{
	static uint8_t rooms[AFFIXES][MOST];
	struct slice all[AFFIXES];
	struct arena *arena = arena_new();
	struct hits hits = { .n = 0 };
	struct affixes affixes;
	struct random random;
	unsigned found = 0;

	random_seed(&random, seed);
	affixes_init(&affixes, suffixes, random_bits(&random));
	for (uint32_t i = 0; i < AFFIXES; i++) {
		all[i] = make(&random, rooms[i], i % 3 ? MOST : 5);
		hits_begin(&hits);
		assert_true(affixes_add(arena, &affixes, all[i], i, &hits));
	}
	for (unsigned k = 0; k < TEXTS; k++) {
		uint64_t holds[AFFIXES / 64 + 1] = { 0 };
		struct sink sink = { .hits = &hits, .holds = holds };
		uint8_t room[MOST];
		struct slice text = make(&random, room, MOST);

		affixes_match(&affixes, text, &sink);
		for (uint32_t i = 0; i < AFFIXES; i++) {
			assert_int_equal(sink_holds(&sink, i), stands_there(text, all[i], suffixes));
			found += sink_holds(&sink, i);
		}
	}
	assert_true(found > TEXTS && found < TEXTS * AFFIXES / 2);
	arena_free(arena);
}

static void texts_begin_with_what_a_plain_look_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++)
		compare(false, seed);
}

static void texts_end_with_what_a_plain_look_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++)
		compare(true, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_begin_with_what_a_plain_look_says),
		cmocka_unit_test(texts_end_with_what_a_plain_look_says),
	};

	return cmocka_run_group_tests_name("rules: affixes", tests, NULL, NULL);
}
