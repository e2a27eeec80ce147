/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a regex, up to the first byte 0xff, and any as a text behind it; the first byte says whether case counts.
 * What is compiled into an automaton tells what PCRE2 does, in one piece and where its string leads; what a guard does not
 * match, PCRE2 does not.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "site.h"
#include "spoa/rules/automaton.h"
#include "spoa/rules/required.h"

#define MAX_SIZE    1024u
#define MATCH_LIMIT 100000u /* of PCRE2, which could take for ever */

static pcre2_match_data *data;
static pcre2_match_context *limits;

static int match(const pcre2_code *code, struct slice text)
{
	if (!limits) {
		data = pcre2_match_data_create(1, NULL);
		limits = pcre2_match_context_create(NULL);
		must(data && limits);
		pcre2_set_match_limit(limits, MATCH_LIMIT);
	}
	return pcre2_match(code, text.ptr, text.len, 0, 0, data, limits);
}

/* From each place where the string with which every match begins stands, unless it went by there already. */
static bool holds_led(const struct automaton *automaton, struct slice text, struct slice literal)
{
	size_t reached = 0;

	for (size_t start = 0; start + literal.len <= text.len; start++) {
		size_t at = start;

		if (start < reached || !slice_eq(slice_of(text.ptr + start, literal.len), literal))
			continue;
		if (automaton_match(automaton, text, true, &at))
			return true;
		reached = at;
	}
	return false;
}

static void compare(const pcre2_code *code, const struct automaton *automaton, struct slice regex, struct slice text,
		    bool nocase)
{
	uint8_t room[REQUIRED_MOST];
	struct slice literal;
	enum required_place place;
	bool matched;
	size_t at = 0;
	int result;

	result = match(code, text);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		return; /* its limits */
	matched = automaton_match(automaton, text, false, &at);
	must(matched == (result >= 0) && at <= text.len);
	literal = required_literal(regex, room, &place);
	if (literal.len > 0 && place != REQUIRED_ANYWHERE && !nocase)
		must(holds_led(automaton, text, literal) == matched);
}

static void check_guard(struct arena *arena, const pcre2_code *code, struct slice regex, struct slice text, bool nocase)
{
	const struct automaton *guard = automaton_new_guard(arena, regex, nocase);
	size_t at = 0;

	if (guard && !automaton_match(guard, text, false, &at))
		must(match(code, text) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	bool nocase = size > 0 && input[0] & 1;
	struct arena *arena = arena_new();
	struct automaton *automaton;
	struct slice regex, text;
	const uint8_t *end;
	pcre2_code *code;
	PCRE2_SIZE where;
	int error;

	must(arena);
	size = size > MAX_SIZE ? MAX_SIZE : size;
	input += size > 0;
	size -= size > 0;
	end = size > 0 ? memchr(input, 0xff, size) : NULL;
	regex = size > 0 ? slice_of(input, end ? (size_t)(end - input) : size) : SLICE("");
	text = end ? slice_of(end + 1, size - regex.len - 1) : SLICE("");
	code = pcre2_compile(regex.ptr, regex.len, nocase ? PCRE2_CASELESS : 0, &error, &where, NULL);
	automaton = code ? automaton_new(arena, regex, nocase) : NULL;
	if (automaton)
		compare(code, automaton, regex, text, nocase);
	else if (code)
		check_guard(arena, code, regex, text, nocase);
	pcre2_code_free(code);
	arena_free(arena);
	return 0;
}
