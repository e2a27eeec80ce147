/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line into words: HAProxy's configuration manual, 2.2 and 2.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa/config/lexer.h"

#define MAX_WORDS 6u

struct expectation {
	const char *line;
	const char *words[MAX_WORDS + 1]; /* up to the first NULL */
};

/* Of a copy that is exactly as long as the line, so that a sanitizer sees a byte read too many. */
static bool split(struct arena *arena, struct slice line, struct lexer_words *words, const char **why, size_t *at)
{
	uint8_t *copy = malloc(line.len + 1);
	bool good;

	memcpy(copy + 1, line.ptr, line.len);
	good = lexer_split(arena, slice_of(copy + 1, line.len), words, why, at);
	free(copy);
	return good;
}

static void expect(const struct expectation *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *arena = arena_new();
		struct lexer_words words;
		const char *why;
		size_t at;

		if (!split(arena, slice_of_string(cases[i].line), &words, &why, &at))
			fail_msg("<%s>: %s at %zu", cases[i].line, why, at);
		for (size_t j = 0; cases[i].words[j]; j++)
			if (j >= words.n || strcmp(words.word[j], cases[i].words[j]) != 0)
				fail_msg("<%s>: word %zu is <%s>, not <%s>", cases[i].line, j,
					 j < words.n ? words.word[j] : "(none)", cases[i].words[j]);
		if (cases[i].words[words.n])
			fail_msg("<%s>: %zu words", cases[i].line, words.n);
		arena_free(arena);
	}
}

static void refuse(struct slice line, const char *expected, size_t expected_at)
{
	struct arena *arena = arena_new();
	struct lexer_words words;
	const char *why;
	size_t at;

	if (split(arena, line, &words, &why, &at))
		fail_msg("<%.*s> is taken", SLICE_ARGS(line));
	assert_string_equal(why, expected);
	if (at != expected_at)
		fail_msg("<%.*s>: at %zu, not %zu", SLICE_ARGS(line), at, expected_at);
	arena_free(arena);
}

static void blanks_and_tabs_part_words(void **state)
{
	static const struct expectation cases[] = {
		{ "", { NULL } },
		{ " \t  ", { NULL } },
		{ "a", { "a" } },
		{ "  a\t b  ", { "a", "b" } },
		{ "server v1 10.0.0.1:80", { "server", "v1", "10.0.0.1:80" } },
		{ "{ a } !b ||", { "{", "a", "}", "!b", "||" } },
		{ "a\r\v\f", { "a\r\v\f" } },
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void a_hash_begins_a_comment_unless_it_is_quoted(void **state)
{
	static const struct expectation cases[] = {
		{ "# all", { NULL } }, { "a # b", { "a" } },   { "a#b", { "a" } },
		{ "'a'#b'", { "a" } }, { "a\\#b", { "a#b" } }, { "'#a' \"#b\"", { "#a", "#b" } },
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void quotes_keep_what_they_hold_together(void **state)
{
	static const struct expectation cases[] = {
		{ "'a b' c", { "a b", "c" } },
		{ "\"a b\" c", { "a b", "c" } },
		{ "a'b'\"c\"d", { "abcd" } },
		{ "'' \"\"", { "", "" } },
		{ "''a", { "a" } },
		{ "'\"' \"'\"", { "\"", "'" } },
		{ "'a\\n$HOME\\' b", { "a\\n$HOME\\", "b" } },
		{ "\"a\tb\"", { "a\tb" } },
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void escapes_are_haproxy_s_and_others_keep_their_backslash(void **state)
{
	static const struct expectation cases[] = {
		{ "a\\ b", { "a b" } },
		{ "\\\\ \\# \\' \\\"", { "\\", "#", "'", "\"" } },
		{ "a \\\\", { "a", "\\" } },
		{ "a '\\'", { "a", "\\" } },
		{ "a # b \\", { "a" } },
		{ "a b \\", { "a", "b", "\\" } },
		{ "\\n\\r\\t", { "\n\r\t" } },
		{ "\\x41\\x6d\\xfF", { "Am\xff" } },
		{ "^/[0-9]+\\.mp4$ \\d\\w", { "^/[0-9]+\\.mp4$", "\\d\\w" } },
		{ "\"a\\\"b\\\\c\\$d\"", { "a\"b\\c$d" } },
		{ "\\$a", { "\\$a" } },
		{ "\"\\n\\x20\\.\"", { "\n \\." } },
		{ "a\\", { "a\\" } },
	};

	(void)state;
	expect(cases, COUNT(cases));
	refuse(SLICE("\\x4"), "'\\x' expects two hexadecimal digits", 0);
	refuse(SLICE("a \\xg0"), "'\\x' expects two hexadecimal digits", 2);
	refuse(SLICE("a \\x"), "'\\x' expects two hexadecimal digits", 2);
	refuse(SLICE("a\\x00b"), "NUL byte", 5);
}

static void variables_are_filled_in_between_double_quotes(void **state)
{
	static const struct expectation cases[] = {
		{ "\"$UNIT_A\"", { "one" } },
		{ "\"${UNIT_A}\"", { "one" } },
		{ "\"${UNIT_A}s and $UNIT_A.\"", { "ones and one." } },
		{ "a\"$UNIT_A\"b", { "aoneb" } },
		{ "\"$UNIT_LIST\"", { "x y  z" } },
		{ "\"${UNIT_LIST[*]}\"", { "x", "y", "z" } },
		{ "\"a${UNIT_LIST[*]}b\"", { "ax", "y", "zb" } },
		{ "\"$UNIT_NONE\"", { "" } },
		{ "\"${UNIT_NONE[*]}\" a", { "", "a" } },
		{ "\"${UNIT_NONE-two}\"", { "two" } },
		{ "\"${UNIT_NONE-two words}\"", { "two words" } },
		{ "\"${UNIT_NONE[*]-two words}\"", { "two", "words" } },
		{ "\"${UNIT_NONE-}\"", { "" } },
		{ "\"${UNIT_A-two}\"", { "one" } },
		{ "\"$UNIT_QUOTES\"", { "a'b\"c\\n$UNIT_A#" } },
		{ "$UNIT_A '$UNIT_A' ${UNIT_A}", { "$UNIT_A", "$UNIT_A", "${UNIT_A}" } },
	};

	(void)state;
	setenv("UNIT_A", "one", 1);
	setenv("UNIT_LIST", "x y  z", 1);
	setenv("UNIT_QUOTES", "a'b\"c\\n$UNIT_A#", 1); /* a value is a value, whatever it holds */
	unsetenv("UNIT_NONE");
	expect(cases, COUNT(cases));
	refuse(SLICE("a \"$\""), "no variable's name after '$'", 4);
	refuse(SLICE("\"$1\""), "no variable's name after '$'", 2);
	refuse(SLICE("\"${}\""), "no variable's name after '$'", 3);
	refuse(SLICE("\"${UNIT_A"), "no closing '}' after a variable's name", 9);
	refuse(SLICE("\"${UNIT_A\""), "no closing '}' after a variable's name", 9);
	refuse(SLICE("\"${UNIT_A[*\""), "no closing '}' after a variable's name", 9);
	refuse(SLICE("\"${UNIT_NONE-x\""), "no closing '}' after a variable's name", 14);
}

static void an_unmatched_quote_is_told_where_it_begins(void **state)
{
	(void)state;
	refuse(SLICE("'"), "unmatched quote", 0);
	refuse(SLICE("ab \"cd"), "unmatched quote", 3);
	refuse(SLICE("'a' 'b"), "unmatched quote", 4);
	refuse(SLICE("\"a\\\""), "unmatched quote", 0);
	refuse(SLICE("\"a # b"), "unmatched quote", 0);
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state)
{
	(void)state;
	refuse(SLICE("a\0b"), "NUL byte", 1);
	refuse(SLICE("\0"), "NUL byte", 0);
	refuse(SLICE("'\0'"), "NUL byte", 1);
	refuse(SLICE("\"\0\""), "NUL byte", 1);
}

static void words_and_lines_have_any_length(void **state)
{
	const size_t n = 1 << 20;
	char *line = malloc(2 * n + 1);
	struct arena *arena = arena_new();
	struct lexer_words words;
	const char *why;
	size_t at;

	(void)state;
	memset(line, 'a', n);
	assert_true(split(arena, slice_of(line, n), &words, &why, &at));
	assert_int_equal(words.n, 1);
	assert_int_equal(strlen(words.word[0]), n);
	for (size_t i = 0; i < n; i++) {
		line[2 * i] = (char)('a' + i % 26);
		line[2 * i + 1] = ' ';
	}
	assert_true(split(arena, slice_of(line, 2 * n), &words, &why, &at));
	assert_int_equal(words.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(words.word[i][0], 'a' + i % 26);
	arena_free(arena);
	free(line);
}

static void a_word_is_also_there_as_it_is_written(void **state)
{
	static const char line[] = "\t'a b'c  d\\ e \"$UNIT_A\"  f # g";
	static const char *const written[] = { "'a b'c", "d\\ e", "\"$UNIT_A\"", "f" };
	struct arena *arena = arena_new();
	struct lexer_words words;
	const char *why;
	size_t at;

	(void)state;
	assert_true(lexer_split(arena, slice_of_string(line), &words, &why, &at));
	assert_int_equal(words.n, COUNT(written));
	assert_int_equal(words.n_raw, words.n);
	for (size_t i = 0; i < COUNT(written); i++)
		assert_true(slice_eq(words.raw[i], slice_of_string(written[i])));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_and_tabs_part_words),
		cmocka_unit_test(a_hash_begins_a_comment_unless_it_is_quoted),
		cmocka_unit_test(quotes_keep_what_they_hold_together),
		cmocka_unit_test(escapes_are_haproxy_s_and_others_keep_their_backslash),
		cmocka_unit_test(variables_are_filled_in_between_double_quotes),
		cmocka_unit_test(an_unmatched_quote_is_told_where_it_begins),
		cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
		cmocka_unit_test(words_and_lines_have_any_length),
		cmocka_unit_test(a_word_is_also_there_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
