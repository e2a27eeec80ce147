/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The string that every match of a regex has to hold: never one that a match can do without. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/required.h"

static void expect(const char *regex, const char *literal)
{
	uint8_t room[REQUIRED_MOST];
	enum required_place place;
	struct slice found = required_literal(slice_of_string(regex), room, &place);

	if (!slice_eq(found, slice_of_string(literal)))
		fail_msg("'%s': '%.*s' instead of '%s'", regex, SLICE_ARGS(found), literal);
}

static void the_longest_plain_string_is_found(void **state)
{
	(void)state;
	expect("/films/", "/films/");
	expect("^/films/[0-9]+/play$", "/films/");
	expect("\\.(mp4|webm)$", ".");
	expect("^/a/.*/longer\\.html$", "/longer.html");
	expect("(?:a|b)common[x]", "common");
	expect("x[]]yy[^]z]zzz", "zzz");
	expect("[[:digit:]]abc[[:alpha:]x]", "abc");
	expect("a\\/b\\-c", "a/b-c");
	expect("q(a(b[)]c)d)rst", "rst");
	expect("\\d+foo\\w*", "foo");
	expect("abc(?!d)", "abc");
	expect("^/(?=longer)abc", "abc");
	expect("(?<=longer(?!d))abc(?>longer|x)(?<!z)", "abc");
	expect("", "");
	expect(".*", "");
}

static void what_may_be_left_out_ends_it(void **state)
{
	(void)state;
	expect("abcd?ef", "abc");
	expect("abcd*ef", "abc");
	expect("abcd+efgh", "abcd");
	expect("abcd+?efghi", "efghi");
	expect("abcd{0,3}ef", "abc");
	expect("abcd{2}ef", "abc");
	expect("(abcdef)?gh", "gh");
	expect("(abcdef)*+gh", "gh");
	expect("ab.cde", "cde");
	expect("abc{x", "abc");
	expect("abc{x|def", "");
	expect("abc{ 1, 2 }def", "def");
}

static void nothing_is_promised_of_what_is_not_understood(void **state)
{
	(void)state;
	expect("abc|def", "");
	expect("(?i)abc", "");
	expect("(a(?i)b)cde", "");
	expect("abc(?(?=d)d|e)", "");
	expect("abc(?<n>d)", "");
	expect("abc(?#d)", "");
	expect("(*UTF)abc", "");
	expect("\\Qabc\\E", "");
	expect("\\x41bc", "");
	expect("(a)\\1bcd", "");
	expect("\\p{L}abc", "");
	expect("[\\Q]\\E]abc", "");
}

static void a_long_string_is_cut(void **state)
{
	char regex[300];
	uint8_t room[REQUIRED_MOST];
	enum required_place place;

	(void)state;
	memset(regex, 'a', sizeof(regex) - 1);
	regex[sizeof(regex) - 1] = 0;
	assert_int_equal(required_literal(slice_of_string(regex), room, &place).len, REQUIRED_MOST);
	assert_int_equal(place, REQUIRED_LEADS);
}

/* ---- against PCRE2 itself ---- */

static const char *const pieces[] = { "a", "b",    "ab",  "ba",    "a",    "b",    "ab",  "(",   ")",   "[",     "]",
				      "|", "*",    "+",   "?",     ".",    "^",    "$",   "\\",  "{2}", "{0,1}", "{",
				      "}", "{,2}", "(?:", "(a|b)", "[ab]", "[^a]", "\\d", "\\.", "?",   "-",
				      "(?=a)", "(?=a", "(?!b)", "(?!ab", "(?<=a)", "(?<!b)", "(?>ab)", "(?>a" };

static void make(struct random *random, char *text, const char *const *from, unsigned n, unsigned most)
{
	*text = 0;
	for (unsigned i = 1 + random_below(random, most); i > 0; i--)
		strcat(text, from[random_below(random, n)]);
}

static bool matches(const pcre2_code *code, pcre2_match_data *data, const char *text)
{
	return pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL) >= 0;
}

static void every_match_holds_it(void **state)
{
	static const char *const letters[] = { "a", "b", "ab", "ba", "-", ".", "1", "a" };
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	unsigned matched = 0, with = 0, lead = 0, begin = 0;
	struct random random;

	(void)state;
	random_seed(&random, 5);
	for (unsigned i = 0; i < 200000; i++) {
		char regex[200], text[100];
		uint8_t room[REQUIRED_MOST];
		struct slice literal;
		enum required_place place;
		pcre2_code *code;
		int error;
		PCRE2_SIZE at, start;

		make(&random, regex, pieces, COUNT(pieces), 9);
		code = pcre2_compile((PCRE2_SPTR)regex, strlen(regex), 0, &error, &at, NULL);
		if (!code)
			continue;
		literal = required_literal(slice_of_string(regex), room, &place);
		lead += place != REQUIRED_ANYWHERE;
		begin += place == REQUIRED_BEGINS;
		with += literal.len > 0;
		for (unsigned j = 0; j < 20; j++) {
			make(&random, text, letters, COUNT(letters), 12);
			if (!matches(code, data, text))
				continue;
			matched++;
			if (literal.len > 0 && !memmem(text, strlen(text), literal.ptr, literal.len))
				fail_msg("'%s' matches '%s' without '%.*s'", regex, text, SLICE_ARGS(literal));
			start = pcre2_get_ovector_pointer(data)[0];
			if (place == REQUIRED_BEGINS && start != 0)
				fail_msg("'%s' matches '%s' at %zu", regex, text, start);
			if (place != REQUIRED_ANYWHERE && memcmp(text + start, literal.ptr, literal.len) != 0)
				fail_msg("'%s' matches '%s' at %zu", regex, text, start);
		}
		pcre2_code_free(code);
	}
	pcre2_match_data_free(data);
	assert_true(matched > 50000 && with > 10000 && lead > 5000 && lead < with && begin > 300 && begin < lead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_plain_string_is_found),
		cmocka_unit_test(what_may_be_left_out_ends_it),
		cmocka_unit_test(nothing_is_promised_of_what_is_not_understood),
		cmocka_unit_test(a_long_string_is_cut),
		cmocka_unit_test(every_match_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
