/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of many regexes those match that PCRE2 says match, each asked alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/base/random.h"
#include "spoa/rules/regexes.h"
#include "spoa/rules/scratch.h"

#define REGEXES     100u
#define TEXTS       300u
#define SETS        60u
#define MATCH_LIMIT 5000u

static const char *const pieces[] = { "a",     "b",     "/",      "abc", "/ab", "bca",   "a",
				      "b",     "^",     "^/",     "$",   ".",   ".*",    "[ab]",
				      "[^/]+", "(a|b)", "(/a)+",  "b?",  "\\.", "(?=a)", "(?!b)",
				      "\\b",   "a++",   "(a)\\1", "{2}", "|",   "c",     "(?<=/)a" };
static const char *const letters[] = { "a",   "b",   "c", "/", "ab", "abc",
				       "bca", "/ab", ".", "A", "B",  "aaaaaaaaaaaaaaaaaaaa" };

static void make(struct random *random, char *text, const char *const *from, unsigned n, unsigned most)
{
	*text = 0;
	for (unsigned i = random_below(random, most) + 1; i > 0; i--)
		strcat(text, from[random_below(random, n)]);
}

struct set {
	struct arena *arena;
	char texts[REGEXES][100];
	pcre2_code *codes[REGEXES];
	struct regexes regexes;
	struct hits hits;
};

static void set_add(struct set *set, struct random *random, uint32_t i, bool nocase)
{
	struct pattern pattern = { .prefix = 0 };
	PCRE2_SIZE at;
	int error;

	do {
		make(random, set->texts[i], pieces, COUNT(pieces), 7);
		set->codes[i] = pcre2_compile((PCRE2_SPTR)set->texts[i], PCRE2_ZERO_TERMINATED,
					      nocase ? PCRE2_CASELESS : 0, &error, &at, NULL);
	} while (!set->codes[i]);
	pattern.text = slice_of_string(set->texts[i]);
	pattern.automaton = automaton_new(set->arena, pattern.text, nocase);
	if (!pattern.automaton) {
		pattern.regex = set->codes[i];
		pattern.guard = automaton_new_guard(set->arena, pattern.text, nocase);
		pattern.jit = i % 2 && pcre2_jit_compile(pattern.regex, PCRE2_JIT_COMPLETE) == 0;
	}
	hits_begin(&set->hits);
	assert_true(regexes_add(set->arena, &set->regexes, &pattern, nocase, i, &set->hits));
}

/* Returns how many match. */
static unsigned compare(struct set *set, struct slice text, bool nocase, struct rules_scratch *scratch,
			pcre2_match_data *data, pcre2_match_context *limits)
{
	uint64_t holds[REGEXES / 64 + 1] = { 0 };
	struct sink sink = { .hits = &set->hits, .holds = holds };
	uint8_t folded[300];
	unsigned found = 0;

	slice_lower(folded, text);
	scratch->given_up = slice_of(NULL, 0);
	rules_begin(scratch);
	regexes_match(&set->regexes, text, nocase ? slice_of(folded, text.len) : text, scratch, &sink);
	if (scratch->given_up.ptr)
		return 0; /* a sanitizer makes all of it slow */
	for (uint32_t i = 0; i < REGEXES; i++) {
		int result = pcre2_match(set->codes[i], text.ptr, text.len, 0, 0, data, limits);
		bool matches = result >= 0;

		if (result == PCRE2_ERROR_MATCHLIMIT)
			return found;
		if (sink_holds(&sink, i) != matches)
			fail_msg("'%s'%s and '%.*s': %d", set->texts[i], nocase ? " -i" : "", SLICE_ARGS(text),
				 !matches);
		found += matches;
	}
	return found;
}

static void those_match_that_match_alone(void **state)
{
	struct rules_scratch *scratch = rules_scratch_new();
	pcre2_match_data *data = pcre2_match_data_create(4, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	unsigned found = 0;
	struct random random;

	(void)state;
	random_seed(&random, 11);
	pcre2_set_match_limit(limits, MATCH_LIMIT);
	for (unsigned round = 0; round < SETS; round++) {
		struct set *set = calloc(1, sizeof(*set));
		bool nocase = round % 2;

		assert_non_null(set);
		set->arena = arena_new();
		regexes_init(&set->regexes, random_bits(&random));
		for (uint32_t i = 0; i < REGEXES; i++)
			set_add(set, &random, i, nocase);
		assert_true(regexes_seal(set->arena, &set->regexes));
		for (unsigned i = 0; i < TEXTS; i++) {
			char text[300];

			make(&random, text, letters, COUNT(letters), 10);
			found += compare(set, slice_of_string(text), nocase, scratch, data, limits);
		}
		for (uint32_t i = 0; i < REGEXES; i++)
			pcre2_code_free(set->codes[i]);
		arena_free(set->arena);
		free(set);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	rules_scratch_free(scratch);
	assert_true(found > SETS * TEXTS);
}

/* ---- their time ---- */

/* Each look at a clock moves it on: the one that all have, and the thread's own. */
static struct {
	bool ours;
	double step, own_step, now, own;
} clocks;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	bool own = clock == CLOCK_THREAD_CPUTIME_ID;
	double now;

	if (!clocks.ours)
		return __real_clock_gettime(clock, time);
	now = own ? (clocks.own += clocks.own_step) : (clocks.now += clocks.step);
	*time = (struct timespec){ .tv_sec = (time_t)now, .tv_nsec = (long)((now - (double)(time_t)now) * 1e9) };
	return 0;
}

/* How many times a regex is run for one NOTIFY until it is given up, 0: never. */
static unsigned given_up_after(double step, double own_step)
{
	struct rules_scratch *scratch = rules_scratch_new();
	struct pattern pattern = { .text = SLICE("b") };
	struct set set = { .arena = arena_new() };
	uint64_t holds[1] = { 0 };
	struct sink sink = { .hits = &set.hits, .holds = holds };
	unsigned runs = 0;

	regexes_init(&set.regexes, 1);
	pattern.automaton = automaton_new(set.arena, pattern.text, false);
	hits_begin(&set.hits);
	assert_true(regexes_add(set.arena, &set.regexes, &pattern, false, 0, &set.hits));
	assert_true(regexes_seal(set.arena, &set.regexes));
	rules_begin(scratch);
	clocks.ours = true;
	clocks.step = step;
	clocks.own_step = own_step;
	while (!scratch->given_up.ptr && runs < 10000) {
		regexes_match(&set.regexes, SLICE("aaa"), SLICE("aaa"), scratch, &sink);
		runs++;
	}
	clocks.ours = false;
	runs = scratch->given_up.ptr ? runs : 0;
	arena_free(set.arena);
	rules_scratch_free(scratch);
	return runs;
}

/* It stands still, or other processes have the processor. */
static void what_the_machine_takes_is_not_theirs(void **state)
{
	(void)state;
	assert_int_equal(given_up_after(1, 0), 0);
	assert_int_equal(given_up_after(1, 1e-9), 0);
}

/* 16 runs for each look, of half a millisecond: at 5 ms of their own they end. */
static void their_own_time_is_limited(void **state)
{
	(void)state;
	assert_in_range(given_up_after(0.0005, 0.0005), 16 * 10, 16 * 14);
	assert_in_range(given_up_after(1, 0.0005), 16 * 5, 16 * 8);
	assert_int_equal(given_up_after(1e-9, 1e-9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_match_that_match_alone),
		cmocka_unit_test(what_the_machine_takes_is_not_theirs),
		cmocka_unit_test(their_own_time_is_limited),
	};

	return cmocka_run_group_tests_name("rules: regexes", tests, NULL, NULL);
}
