/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An automaton says what PCRE2 says, of whatever is regular. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/automaton.h"

#define TEXTS	    40u
#define MATCH_LIMIT 2000u /* of PCRE2, which else takes minutes for some */

static bool is_regular(const char *regex)
{
	struct arena *arena = arena_new();
	bool is = automaton_new(arena, slice_of_string(regex), false) != NULL;

	arena_free(arena);
	return is;
}

static bool holds(const char *regex, const char *text, bool nocase)
{
	struct arena *arena = arena_new();
	struct automaton *automaton = automaton_new(arena, slice_of_string(regex), nocase);
	size_t at = 0;
	bool matched;

	assert_non_null(automaton);
	matched = automaton_match(automaton, slice_of_string(text), false, &at);
	arena_free(arena);
	return matched;
}

static void what_rules_are_made_of_is_regular(void **state)
{
	(void)state;
	assert_true(holds("^/(a+)+$", "/aaaaaaaaaaaaaaaaaaaaaaaa", false));
	assert_false(holds("^/(a+)+$", "/aaaaaaaaaaaaaaaaaaaaaaaa!", false));
	assert_true(holds("^/(a|aa)+$", "/aaa", false));
	assert_true(holds("\\.(mp4|webm|m3u8)$", "/films/x.webm", false));
	assert_false(holds("\\.(mp4|webm|m3u8)$", "/films/x.webm/", false));
	assert_true(holds("^/[a-z0-9_-]+/\\d{2,4}(/|$)", "/abc/123", false));
	assert_false(holds("^/[a-z0-9_-]+/\\d{2,4}(/|$)", "/abc/12345", false));
	assert_true(holds("^/API/", "/api/x", true));
	assert_true(holds("[^a]$", "b\n", false));
	assert_true(holds("^$", "\n", false));
	assert_true(holds("", "", false));
}

/* Long enough for what goes by sixteen bytes. */
static void long_texts_are_told_by_each_byte(void **state)
{
	static const struct {
		const char *regex;
		char many, last;
		bool holds;
	} cases[] = {
		{ "^/(a+)+$", 'a', 'a', true },	  { "^/(a+)+$", 'a', '!', false },   { "^/(a+)+$", 'a', '\n', true },
		{ "/[a-z0-9]+$", 'q', '7', true }, { "/[a-z0-9]+$", 'q', '_', false }, { "/[^x]*$", 'y', 'x', false },
		{ "/[^x]*z$", 'y', 'z', true },	  { "/.*[!]", 'a', '!', true },	     { "/.*[!]", 'a', 'b', false },
		{ "/[acegi]+$", 'e', 'i', true }, { "/[acegi]+$", 'e', 'f', false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t length = 2; length < 100; length++) {
			char text[102] = "/";

			memset(text + 1, cases[i].many, length - 1);
			text[length] = cases[i].last;
			if (holds(cases[i].regex, text, false) != cases[i].holds)
				fail_msg("'%s' and '%s'", cases[i].regex, text);
		}
}

static void what_is_more_than_regular_is_left_to_pcre2(void **state)
{
	static const char *const more[] = {
		"(a)\\1", "a(?=b)",    "a++",         "(?i)a",           "\\bfoo",  "(?>a|b)",
		"a{,2}",  "x{a",       "[[:alpha:]]", "\\x41",           "\\Qa\\E", "(*UTF)a",
		"a$b",    "[\\Q]\\E]", "^*a",         "(a|b)*a(a|b){9}", "(?#x)",   "(a{100}){100}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(more); i++)
		if (is_regular(more[i]))
			fail_msg("%s", more[i]);
}

static bool is_guarded(const char *regex, const char *text)
{
	struct arena *arena = arena_new();
	struct automaton *guard = automaton_new_guard(arena, slice_of_string(regex), false);
	size_t at = 0;
	bool guarded = guard && !automaton_match(guard, slice_of_string(text), false, &at);

	arena_free(arena);
	return guarded;
}

static void what_pcre2_would_try_in_vain_is_kept_from_it(void **state)
{
	(void)state;
	assert_true(is_guarded("^/(?=a)(a+)+$", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
	assert_false(is_guarded("^/(?=a)(a+)+$", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(is_guarded("^/(?=b)(a+)+$", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_true(is_guarded("^/(x*)*\\by$", "/xxxxxxxxxxxxxxxxxxxxxxx!"));
	assert_true(is_guarded("^(a*)-\\1x$", "aaaa-aaaay"));
	assert_false(is_guarded("\\bimg(?!/)", "nothing that takes long"));
	assert_false(is_guarded("(?i)(a+)+$", "b"));
}

/* ---- against PCRE2 itself ---- */

static const char *const pieces[] = { "a",   "b",   "c",    "ab",   "A",     "a",     "\n",    "(",     ")",
				      "[",   "]",   "|",    "*",    "+",     "?",     ".",     "^",     "$",
				      "\\",  "{2}", "{1,}", "{,2}", "(?:",   "(a|b)", "[ab]",  "[^a]",  "[A-c]",
				      "\\d", "\\w", "\\s",  "\\.",  "{0,2}", "(^|a)", "(b|$)", "(a*)*", "-" };

static const char *const more_pieces[] = { "a",	  "b",	  "(a)",  "\\1", "\\b",   "\\B",   "\\K",   "(?=a",  "(?!b",	 "(?<=a",
					   "(?<!", "(?>", "(",	  ")",	 "*",	  "+",	  "?",	  "*+",	   "++",	 "?+",
					   "|",	  ".",	  "[^b]", "^",	 "$",	  "(a+)+", "\\12", "(?=ab)", "(?!aab)", "\\A" };

static void make(struct random *random, char *text, const char *const *from, unsigned n, unsigned most)
{
	*text = 0;
	for (unsigned i = random_below(random, most); i > 0; i--)
		strcat(text, from[random_below(random, n)]);
}

static pcre2_match_context *limits;

static void compare(struct random *random, const char *regex, bool nocase, const pcre2_code *code,
		    pcre2_match_data *data, const struct automaton *automaton, unsigned *matched)
{
	static const char *const letters[] = { "a", "b",  "c", "A", "ab", "ba",		    "-",
						       ".", "1", "\n", " ", "B", "aaaaaaaaaaaaaaaaaaaaaaaa", "ababababababababab" };

	for (unsigned i = 0; i < TEXTS; i++) {
		char text[300];
		size_t at = 0;
		int result;
		bool mine;

		make(random, text, letters, COUNT(letters), 9);
		result = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits);
		if (result == PCRE2_ERROR_MATCHLIMIT)
			continue;
		assert_true(result >= 0 || result == PCRE2_ERROR_NOMATCH);
		mine = automaton_match(automaton, slice_of_string(text), false, &at);
		*matched += mine;
		if (mine != (result >= 0))
			fail_msg("'%s'%s and '%s': %d", regex, nocase ? " -i" : "", text, mine);
		/* in pieces, as where each string that may begin a match is looked for */
		for (size_t from = at = 0;
		     (mine = automaton_match(automaton, slice_of_string(text), true, &at)) == false; from = at)
			if (at == from || at == strlen(text))
				break;
		if (*text && mine != (result >= 0))
			fail_msg("'%s'%s and '%s' in pieces: %d", regex, nocase ? " -i" : "", text, mine);
	}
}

/* What a guard does not match, PCRE2 does not either. */
static bool check_guard(struct random *random, const char *regex, bool nocase, pcre2_match_data *data,
			const pcre2_code *code, unsigned *kept)
{
	static const char *const letters[] = { "a", "b", "ab", "aa", "-", "\n", "\1", "c", "A", "aaaaaaaaaaaaaaaaaaaaaaa" };
	struct arena *arena = arena_new();
	const struct automaton *guard = automaton_new_guard(arena, slice_of_string(regex), nocase);

	for (unsigned i = 0; guard && i < TEXTS; i++) {
		char text[300];
		size_t at = 0;

		make(random, text, letters, COUNT(letters), 9);
		if (automaton_match(guard, slice_of_string(text), false, &at))
			continue;
		++*kept;
		if (pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits) >= 0)
			fail_msg("'%s'%s and '%s' are kept apart", regex, nocase ? " -i" : "", text);
	}
	arena_free(arena);
	return guard != NULL;
}

/* NULL: PCRE2 does not take it. */
static pcre2_code *compile(const char *regex, bool nocase)
{
	PCRE2_SIZE at;
	int error;

	return pcre2_compile((PCRE2_SPTR)regex, strlen(regex), nocase ? PCRE2_CASELESS : 0, &error, &at, NULL);
}

static void a_guard_keeps_nothing_away_that_matches(void **state)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	unsigned guards = 0, kept = 0;
	struct random random;

	(void)state;
	random_seed(&random, 8);
	for (unsigned i = 0; i < 100000; i++) {
		bool nocase = random_below(&random, 2);
		char regex[200];
		pcre2_code *code;

		make(&random, regex, more_pieces, COUNT(more_pieces), 10);
		code = compile(regex, nocase);
		if (!code)
			continue;
		guards += check_guard(&random, regex, nocase, data, code, &kept);
		pcre2_code_free(code);
	}
	pcre2_match_data_free(data);
	assert_true(guards > 1000 && kept > 10000);
}

static void every_text_is_told_as_pcre2_does(void **state)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	unsigned compiled = 0, regular = 0, matched = 0;
	struct random random;

	(void)state;
	random_seed(&random, 7);
	for (unsigned i = 0; i < 100000; i++) {
		struct arena *arena;
		struct automaton *automaton;
		bool nocase = random_below(&random, 2);
		char regex[200];
		pcre2_code *code;

		make(&random, regex, pieces, COUNT(pieces), 10);
		code = compile(regex, nocase);
		if (!code)
			continue;
		arena = arena_new();
		automaton = automaton_new(arena, slice_of_string(regex), nocase);
		compiled++;
		regular += automaton != NULL;
		if (automaton)
			compare(&random, regex, nocase, code, data, automaton, &matched);
		arena_free(arena);
		pcre2_code_free(code);
	}
	pcre2_match_data_free(data);
	assert_true(regular > 10000 && matched > 100000);
}

int main(void)
{
	int failed;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rules_are_made_of_is_regular),
		cmocka_unit_test(long_texts_are_told_by_each_byte),
		cmocka_unit_test(what_is_more_than_regular_is_left_to_pcre2),
		cmocka_unit_test(what_pcre2_would_try_in_vain_is_kept_from_it),
		cmocka_unit_test(a_guard_keeps_nothing_away_that_matches),
		cmocka_unit_test(every_text_is_told_as_pcre2_does),
	};

	limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(limits, MATCH_LIMIT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pcre2_match_context_free(limits);
	return failed;
}
