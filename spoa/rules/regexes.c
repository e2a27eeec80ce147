/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "regexes.h"

#include "required.h"
#include "spoa-redirect/base/clock.h"

#define REGEXES_A_LOOK 16u   /* how many run before another look at the clock */
#define REGEX_TIME     0.005 /* seconds */
#define MIN_REQUIRED   3u    /* bytes: shorter strings stand in most texts */

/* ---- building ---- */

static bool add_required(struct arena *arena, struct regexes *regexes, struct slice literal, bool nocase,
			 uint32_t number)
{
	uint8_t folded[REQUIRED_MOST];
	struct slice copy;

	if (nocase) {
		slice_lower(folded, literal);
		literal.ptr = folded;
	}
	copy = arena_slice(arena, literal);
	if (!regexes->required)
		regexes->required = substrings_new(arena);
	return copy.ptr && regexes->required &&
	       substrings_add(arena, regexes->required, copy, number, &regexes->required_hits);
}

bool regexes_add(struct arena *arena, struct regexes *regexes, const struct pattern *pattern, bool nocase, uint32_t acl,
		 struct hits *hits)
{
	struct regex *slot = arena_grow(arena, &regexes->items, &regexes->n, sizeof(*slot));
	uint32_t number = (uint32_t)(regexes->n - 1), *always;
	uint8_t room[REQUIRED_MOST];
	struct slice literal = required_literal(pattern->text, room);

	if (!slot)
		return false;
	*slot = (struct regex){ pattern->text, pattern->regex, HIT_NONE, pattern->jit };
	if (!hits_add(arena, hits, acl, &slot->hit))
		return false;
	if (literal.len >= MIN_REQUIRED)
		return add_required(arena, regexes, literal, nocase, number);
	always = arena_grow(arena, &regexes->always, &regexes->n_always, sizeof(*always));
	if (always)
		*always = number;
	return always != NULL;
}

bool regexes_seal(struct arena *arena, struct regexes *regexes)
{
	return !regexes->required || substrings_seal(arena, regexes->required);
}

/* ---- matching ---- */

/* What is too deep for the compiled code is left to the interpreter, which has other limits. */
static int match_regex(const struct regex *regex, struct slice text, struct rules_scratch *scratch)
{
	const uint8_t *subject = text.len > 0 ? text.ptr : (const uint8_t *)"";
	int result = PCRE2_ERROR_JIT_STACKLIMIT;

	if (regex->jit)
		result = pcre2_jit_match(regex->code, subject, text.len, 0, 0, scratch->match, scratch->limits);
	if (result != PCRE2_ERROR_JIT_STACKLIMIT)
		return result;
	return pcre2_match(regex->code, subject, text.len, 0, PCRE2_NO_JIT, scratch->match, scratch->limits);
}

/* Each regex has a limit of its own; all of one request together have this one. */
static bool is_late(struct rules_scratch *scratch)
{
	double now;

	if (++scratch->regexes % REGEXES_A_LOOK != 0)
		return false;
	now = clock_now();
	if (scratch->until == 0)
		scratch->until = now + REGEX_TIME;
	return now > scratch->until;
}

static void run(const struct regex *regex, struct slice text, struct rules_scratch *scratch, struct sink *sink)
{
	int result;

	if (scratch->given_up.ptr || sink_has(sink, regex->hit))
		return;
	result = is_late(scratch) ? PCRE2_ERROR_MATCHLIMIT : match_regex(regex, text, scratch);
	if (result >= 0) {
		sink_take(sink, regex->hit);
	} else if (result != PCRE2_ERROR_NOMATCH) {
		scratch->given_up = regex->text;
		counter_add(&scratch->limit_hits, 1);
	}
}

/* Each once, however often its string stands there. */
static void run_required(const struct regexes *regexes, struct slice text, struct slice folded,
			 struct rules_scratch *scratch, struct sink *sink)
{
	struct substrings_cursor cursor = { 0 };
	uint64_t *seen = NULL;
	uint32_t hit;

	while ((hit = substrings_next(regexes->required, folded, &cursor)) != HIT_NONE) {
		if (!seen && !(seen = rules_scratch_marks(scratch, regexes->n))) {
			scratch->given_up = SLICE("out of memory");
			return;
		}
		for (; hit != HIT_NONE; hit = regexes->required_hits.hits[hit].next) {
			uint32_t number = regexes->required_hits.hits[hit].acl;

			if (!(seen[number / 64] >> number % 64 & 1))
				run(&regexes->items[number], text, scratch, sink);
			seen[number / 64] |= 1ull << number % 64;
		}
	}
}

void regexes_match(const struct regexes *regexes, struct slice text, struct slice folded, struct rules_scratch *scratch,
		   struct sink *sink)
{
	if (regexes->required)
		run_required(regexes, text, folded, scratch, sink);
	for (size_t i = 0; i < regexes->n_always; i++)
		run(&regexes->items[regexes->always[i]], text, scratch, sink);
}
