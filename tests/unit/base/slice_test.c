/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes are compared and cut as a loop over them would. Input lies on a piece of heap of just its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/slice.h"

#define MOST 40u /* bytes: some machine words and a rest */

static uint8_t slow_lower(uint8_t c)
{
	return c >= 65 && c <= 90 ? (uint8_t)(c + 32) : c;
}

/* Each byte value at each place of texts of each length, from and to each alignment. */
static void all_bytes_become_lower_case(void **state)
{
	(void)state;
	for (size_t len = 0; len <= MOST; len++) {
		for (size_t shift = 0; shift < 64; shift++) {
			size_t in = shift % 8, out = shift / 8;
			uint8_t *from = malloc(in + len + 1), *to = malloc(out + len + 1);

			assert_true(from && to);
			for (unsigned round = 0; round < 256; round++) {
				for (size_t i = 0; i < len; i++)
					from[in + i] = (uint8_t)(round + i * 37);
				to[out + len] = 0xa5;
				slice_lower(to + out, slice_of(from + in, len));
				for (size_t i = 0; i < len; i++)
					assert_int_equal(to[out + i], slow_lower(from[in + i]));
				assert_int_equal(to[out + len], 0xa5);
			}
			free(from);
			free(to);
		}
	}
}

/* A carry of one byte never reaches its neighbours. */
static void neighbours_do_not_change_each_other(void **state)
{
	uint8_t pair[8], low[8];

	(void)state;
	for (unsigned all = 0; all < 65536; all++) {
		for (size_t i = 0; i < sizeof(pair); i++)
			pair[i] = (uint8_t)(i % 2 ? all >> 8 : all);
		slice_lower(low, slice_of(pair, sizeof(pair)));
		for (size_t i = 0; i < sizeof(pair); i++)
			assert_int_equal(low[i], slow_lower(pair[i]));
	}
}

static void nothing_may_lie_nowhere(void **state)
{
	struct slice none = slice_of(NULL, 0);
	uint64_t head = 1, tail = 1;
	uint8_t byte = 0x5a;

	(void)state;
	slice_lower(&byte, none);
	assert_int_equal(byte, 0x5a);
	assert_true(slice_eq(none, SLICE("")));
	assert_true(slice_eq_nocase(none, SLICE("")));
	assert_true(slice_starts(SLICE("a"), none));
	assert_true(slice_ends(SLICE("a"), none));
	assert_int_equal(slice_trim(none).len, 0);
	slice_ends_as_numbers(none, &head, &tail);
	assert_int_equal(head | tail, 0);
}

static void texts_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, nocase, starts, ends;
	} cases[] = {
		{ "", "", true, true, true, true },
		{ "a", "", false, false, true, true },
		{ "", "a", false, false, false, false },
		{ "abc", "abc", true, true, true, true },
		{ "abc", "aBc", false, true, false, false },
		{ "abc", "ab", false, false, true, false },
		{ "abc", "bc", false, false, false, true },
		{ "aba", "a", false, false, true, true },
		{ "@`", "`@", false, false, false, false },
		{ "[", "{", false, false, false, false },
		{ "@", "`", false, false, false, false },
		{ "Z", "z", false, true, false, false },
		{ "\xc3\x84", "\xc3\xa4", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice a = slice_of_string(cases[i].a), b = slice_of_string(cases[i].b);

		if (slice_eq(a, b) != cases[i].eq || slice_eq_nocase(a, b) != cases[i].nocase ||
		    slice_starts(a, b) != cases[i].starts || slice_ends(a, b) != cases[i].ends)
			fail_msg("'%s' and '%s'", cases[i].a, cases[i].b);
	}
}

static void blanks_go_from_both_ends(void **state)
{
	static const struct {
		const char *text, *trimmed;
	} cases[] = {
		{ "", "" },       { " ", "" },    { " \t \t", "" },       { "a", "a" },
		{ " a", "a" },    { "a\t", "a" }, { "\t a b \t", "a b" }, { "\na\r", "\na\r" },
		{ "\va", "\va" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (!slice_eq(slice_trim(slice_of_string(cases[i].text)), slice_of_string(cases[i].trimmed)))
			fail_msg("'%s'", cases[i].text);
}

static void a_rest_never_leaves_its_slice(void **state)
{
	struct slice s = SLICE("abc");

	(void)state;
	assert_true(slice_eq(slice_from(s, 0), s));
	assert_true(slice_eq(slice_from(s, 2), SLICE("c")));
	for (size_t from = 3; from < 6; from++) {
		assert_int_equal(slice_from(s, from).len, 0);
		assert_ptr_equal(slice_from(s, from).ptr, s.ptr + 3);
	}
}

/* Parts joined again by the separator are the text: each row lists them between bars. */
static void text_is_split_at_each_separator(void **state)
{
	static const struct {
		const char *text, *parts;
	} cases[] = {
		{ "", "|" },     { "a", "a|" },     { ",", "||" },       { "a,", "a||" },
		{ ",a", "|a|" }, { "a,b", "a|b|" }, { "a,,b", "a||b|" }, { "a b", "a b|" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice rest = slice_of_string(cases[i].text), part;
		char parts[40] = "";

		while (slice_split(&rest, ',', &part)) {
			strncat(parts, (const char *)part.ptr, part.len);
			strcat(parts, "|");
		}
		assert_null(rest.ptr);
		assert_string_equal(parts, cases[i].parts);
	}
}

static void only_digits_are_a_number(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
		uint64_t number;
	} cases[] = {
		{ "0", 10, true, 0 },
		{ "10", 10, true, 10 },
		{ "11", 10, false, 0 },
		{ "007", 10, true, 7 },
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "9", 5, false, 0 },
		{ "", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "1a", 100, false, 0 },
		{ "/", 100, false, 0 },
		{ ":", 100, false, 0 },
		{ "65535", 65535, true, 65535 },
		{ "65536", 65535, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999999", UINT64_MAX, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t number = 4711;
		bool good = slice_to_natural(slice_of_string(cases[i].text), cases[i].max, &number);

		if (good != cases[i].good || number != (good ? cases[i].number : 4711))
			fail_msg("'%s' up to %llu", cases[i].text, (unsigned long long)cases[i].max);
	}
}

/* With the length they tell any two texts of up to 16 bytes apart: here all that differ in one byte. */
static void both_ends_are_the_whole_of_a_short_text(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 16; len++) {
		uint8_t *a = calloc(1, len), *b = calloc(1, len);
		uint64_t a_head, a_tail, b_head, b_tail;

		assert_true(a && b);
		slice_ends_as_numbers(slice_of(a, len), &a_head, &a_tail);
		for (size_t at = 0; at < len; at++) {
			for (unsigned byte = 1; byte < 256; byte++) {
				b[at] = (uint8_t)byte;
				slice_ends_as_numbers(slice_of(b, len), &b_head, &b_tail);
				assert_true(a_head != b_head || a_tail != b_tail);
			}
			b[at] = 0;
		}
		free(a);
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_become_lower_case),
		cmocka_unit_test(neighbours_do_not_change_each_other),
		cmocka_unit_test(nothing_may_lie_nowhere),
		cmocka_unit_test(texts_compare),
		cmocka_unit_test(blanks_go_from_both_ends),
		cmocka_unit_test(a_rest_never_leaves_its_slice),
		cmocka_unit_test(text_is_split_at_each_separator),
		cmocka_unit_test(only_digits_are_a_number),
		cmocka_unit_test(both_ends_are_the_whole_of_a_short_text),
	};

	return cmocka_run_group_tests_name("base: slice", tests, NULL, NULL);
}
