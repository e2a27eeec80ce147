/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels and directories, and rows of them, stand where a plain look says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/spans.h"

#define SPANS 60u
#define TEXTS 4000u
#define MOST  40u

static struct slice make(struct random *random, uint8_t *room, size_t most)
{
	size_t length = random_below(random, (unsigned)most + 1);

	for (size_t i = 0; i < length; i++)
		room[i] = (uint8_t) "aaab/.:?"[random_below(random, 8)];
	return slice_of(room, length);
}

static bool is_delimiter(uint8_t c, enum span_kind kind)
{
	return c && strchr(kind == SPAN_DIR ? "/?" : "/?.:", c);
}

/* As the manual says: delimiters around the pattern do not count, and one stands on each of its sides, or the text's end. */
static bool stands_there(struct slice text, struct slice span, enum span_kind kind)
{
	while (span.len > 0 && is_delimiter(span.ptr[0], kind))
		span = slice_from(span, 1);
	while (span.len > 0 && is_delimiter(span.ptr[span.len - 1], kind))
		span.len--;
	for (size_t at = 0; span.len > 0 && at + span.len <= text.len; at++)
		if (slice_eq(slice_of(text.ptr + at, span.len), span) &&
		    (at == 0 || is_delimiter(text.ptr[at - 1], kind)) &&
		    (at + span.len == text.len || is_delimiter(text.ptr[at + span.len], kind)))
			return true;
	return false;
}

/* Returns how many were found. */
static unsigned compare(enum span_kind kind, uint64_t seed, uint32_t n)
{
	static uint8_t rooms[SPANS][MOST];
	struct slice all[SPANS];
	struct arena *arena = arena_new();
	struct hits hits = { .n = 0 };
	struct random random;
	struct spans spans;
	unsigned found = 0;

	random_seed(&random, seed);
	spans_init(&spans, kind, random_bits(&random));
	for (uint32_t i = 0; i < n; i++) {
		all[i] = make(&random, rooms[i], i % 4 ? 6 : 20);
		hits_begin(&hits);
		assert_true(spans_add(arena, &spans, all[i], i, &hits));
	}
	for (unsigned k = 0; k < TEXTS; k++) {
		uint64_t holds[SPANS / 64 + 1] = { 0 };
		struct sink sink = { .hits = &hits, .holds = holds };
		uint8_t room[MOST];
		struct slice text = make(&random, room, MOST);

		spans_match(&spans, text, &sink);
		for (uint32_t i = 0; i < n; i++) {
			if (sink_holds(&sink, i) != stands_there(text, all[i], kind))
				fail_msg("'%.*s' in '%.*s'", SLICE_ARGS(all[i]), SLICE_ARGS(text));
			found += sink_holds(&sink, i);
		}
	}
	arena_free(arena);
	return found;
}

static void directories_stand_where_a_plain_look_says(void **state)
{
	unsigned found = 0, few = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++) {
		found += compare(SPAN_DIR, seed, SPANS);
		few += compare(SPAN_DIR, seed, 4);
	}
	assert_true(found > TEXTS && few > 0);
}

static void labels_stand_where_a_plain_look_says(void **state)
{
	unsigned found = 0, few = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++) {
		found += compare(SPAN_DOM, seed, SPANS);
		few += compare(SPAN_DOM, seed, 4);
	}
	assert_true(found > TEXTS && few > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_stand_where_a_plain_look_says),
		cmocka_unit_test(labels_stand_where_a_plain_look_says),
	};

	return cmocka_run_group_tests_name("rules: spans", tests, NULL, NULL);
}
