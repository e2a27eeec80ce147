/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a regex, up to the first byte 0xff, and any as a text behind it; the first byte says whether case counts.
 * What is compiled into an automaton tells what PCRE2 does, in one piece and where its string leads.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "site.h"
#include "spoa/rules/automaton.h"
#include "spoa/rules/required.h"

#define MAX_SIZE 1024u

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
	static pcre2_match_data *data;
	uint8_t room[REQUIRED_MOST];
	struct slice literal;
	enum required_place place;
	bool matched;
	size_t at = 0;
	int result;

	if (!data)
		data = pcre2_match_data_create(1, NULL);
	must(data);
	result = pcre2_match(code, text.ptr, text.len, 0, 0, data, NULL);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		return; /* its limits */
	matched = automaton_match(automaton, text, false, &at);
	must(matched == (result >= 0) && at <= text.len);
	literal = required_literal(regex, room, &place);
	if (literal.len > 0 && place != REQUIRED_ANYWHERE && !nocase)
		must(holds_led(automaton, text, literal) == matched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool nocase = size > 0 && data[0] & 1;
	struct arena *arena = arena_new();
	struct automaton *automaton;
	struct slice regex, text;
	const uint8_t *end;
	pcre2_code *code;
	PCRE2_SIZE where;
	int error;

	must(arena);
	size = size > MAX_SIZE ? MAX_SIZE : size;
	data += size > 0;
	size -= size > 0;
	end = size > 0 ? memchr(data, 0xff, size) : NULL;
	regex = size > 0 ? slice_of(data, end ? (size_t)(end - data) : size) : SLICE("");
	text = end ? slice_of(end + 1, size - regex.len - 1) : SLICE("");
	code = pcre2_compile(regex.ptr, regex.len, nocase ? PCRE2_CASELESS : 0, &error, &where, NULL);
	automaton = code ? automaton_new(arena, regex, nocase) : NULL;
	if (automaton)
		compare(code, automaton, regex, text, nocase);
	pcre2_code_free(code);
	arena_free(arena);
	return 0;
}
