/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "regexes.h"

#include "required.h"
#include "spoa-redirect/base/clock.h"

#define REGEXES_A_LOOK 16u   /* how many run before another look at the clock, on texts that are no longer than */
#define REGEX_TEXT     1024u /* bytes */
#define REGEX_TIME     0.005 /* seconds */
#define MIN_REQUIRED   3u    /* bytes: shorter strings stand in most texts */

/* PCRE2's match limit: enough for what goes over the text a few times, and no more. */
#define MATCHES_ANYWAY 200u
#define MATCHES_A_BYTE 4u

/* ---- building ---- */

void regexes_init(struct regexes *regexes, uint64_t seed)
{
	*regexes = (struct regexes){ .n = 0 };
	affixes_init(&regexes->beginnings, false, seed);
}

static bool add_always(struct arena *arena, struct regexes *regexes, uint32_t number)
{
	uint32_t *slot = arena_grow(arena, &regexes->always, &regexes->n_always, sizeof(*slot));

	if (slot)
		*slot = number;
	return slot != NULL;
}

static bool add_required(struct arena *arena, struct regexes *regexes, struct slice literal, bool begins, bool nocase,
			 uint32_t number)
{
	uint8_t folded[REQUIRED_MOST];
	struct slice copy;

	if (nocase) {
		slice_lower(folded, literal);
		literal.ptr = folded;
	}
	copy = arena_slice(arena, literal);
	if (!copy.ptr)
		return false;
	if (begins)
		return affixes_add(arena, &regexes->beginnings, copy, number, &regexes->beginning_hits);
	if (!regexes->required)
		regexes->required = substrings_new(arena);
	return regexes->required && substrings_add(arena, regexes->required, copy, number, &regexes->required_hits);
}

bool regexes_add(struct arena *arena, struct regexes *regexes, const struct pattern *pattern, bool nocase, uint32_t acl,
		 struct hits *hits)
{
	struct regex *slot = arena_grow(arena, &regexes->items, &regexes->n, sizeof(*slot));
	uint32_t number = (uint32_t)(regexes->n - 1);
	uint8_t room[REQUIRED_MOST];
	enum required_place place;
	struct slice literal = required_literal(pattern->text, room, &place);
	bool begins = place == REQUIRED_BEGINS && !slice_eq(literal, SLICE("/")); /* which all paths begin with */
	bool required = begins || literal.len >= MIN_REQUIRED;

	if (!slot)
		return false;
	*slot = (struct regex){ .text = pattern->text,
				.automaton = pattern->automaton,
				.guard = pattern->guard,
				.code = pattern->regex,
				.hit = HIT_NONE,
				.jit = pattern->jit };
	if (place == REQUIRED_LEADS && required && pattern->automaton)
		slot->leads = (uint32_t)literal.len;
	if (!hits_add(arena, hits, acl, &slot->hit))
		return false;
	return required ? add_required(arena, regexes, literal, begins, nocase, number)
			: add_always(arena, regexes, number);
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

	pcre2_set_match_limit(scratch->limits, MATCHES_ANYWAY + MATCHES_A_BYTE * (uint32_t)text.len);
	if (regex->jit)
		result = pcre2_jit_match(regex->code, subject, text.len, 0, 0, scratch->match, scratch->limits);
	if (result != PCRE2_ERROR_JIT_STACKLIMIT)
		return result;
	return pcre2_match(regex->code, subject, text.len, 0, PCRE2_NO_JIT, scratch->match, scratch->limits);
}

/*
 * Each regex has a limit of its own; all of one NOTIFY together have this one: half of it by the clock, and when that is
 * over, half of the thread's own time. The machine may have stood still, or have given the processor to others.
 */
static bool is_late(struct rules_scratch *scratch, struct slice text)
{
	double now;

	scratch->regexes += 1 + text.len / REGEX_TEXT;
	if (scratch->regexes < REGEXES_A_LOOK)
		return false;
	scratch->regexes = 0;
	now = clock_now();
	if (scratch->until == 0)
		scratch->until = now + REGEX_TIME / 2;
	if (now <= scratch->until)
		return false;
	now = clock_own();
	if (scratch->own_until == 0)
		scratch->own_until = now + REGEX_TIME / 2;
	return now > scratch->own_until;
}

/* From *at on, if matches can only begin there. */
static int match_at(const struct regex *regex, struct slice text, size_t *at, struct rules_scratch *scratch)
{
	size_t begin = 0;

	if (regex->automaton)
		return automaton_match(regex->automaton, text, regex->leads > 0, at) ? 0 : PCRE2_ERROR_NOMATCH;
	if (regex->guard && !automaton_match(regex->guard, text, false, &begin))
		return PCRE2_ERROR_NOMATCH;
	return match_regex(regex, text, scratch);
}

static void run(const struct regex *regex, struct slice text, size_t *at, struct rules_scratch *scratch,
		struct sink *sink)
{
	int result;

	if (scratch->given_up.ptr || sink_has(sink, regex->hit))
		return;
	result = is_late(scratch, text) ? PCRE2_ERROR_MATCHLIMIT : match_at(regex, text, at, scratch);
	if (result >= 0) {
		sink_take(sink, regex->hit);
	} else if (result != PCRE2_ERROR_NOMATCH) {
		scratch->given_up = regex->text;
		counter_add(&scratch->limit_hits, 1);
	}
}

/*
 * One whose string ends at `end`, which may not be the first: each byte is looked at once, however often its string stands
 * there.
 */
static void run_one(const struct regexes *regexes, uint32_t number, struct slice text, size_t end,
		    struct rules_scratch *scratch, struct sink *sink)
{
	const struct regex *regex = &regexes->items[number];
	bool seen = scratch->marks[number / 64] >> number % 64 & 1;
	size_t at = regex->leads ? end - regex->leads : 0;

	if (seen && (!regex->leads || at < scratch->reached[number]))
		return;
	run(regex, text, &at, scratch, sink);
	scratch->marks[number / 64] |= 1ull << number % 64;
	scratch->reached[number] = (uint32_t)at;
}

static void run_required(const struct regexes *regexes, struct slice text, struct slice folded,
			 struct rules_scratch *scratch, struct sink *sink)
{
	struct substrings_cursor cursor = { 0 };
	bool marked = false;
	uint32_t hit;

	while ((hit = substrings_next(regexes->required, folded, &cursor)) != HIT_NONE) {
		if (!marked && !(marked = rules_scratch_marks(scratch, regexes->n))) {
			scratch->given_up = SLICE("out of memory");
			return;
		}
		for (; hit != HIT_NONE; hit = regexes->required_hits.hits[hit].next)
			run_one(regexes, regexes->required_hits.hits[hit].acl, text, cursor.at, scratch, sink);
	}
}

static void run_beginnings(const struct regexes *regexes, struct slice text, struct slice folded,
			   struct rules_scratch *scratch, struct sink *sink)
{
	struct affixes_cursor cursor = { 0 };
	uint32_t hit;

	while ((hit = affixes_next(&regexes->beginnings, folded, &cursor)) != HIT_NONE)
		for (; hit != HIT_NONE; hit = regexes->beginning_hits.hits[hit].next) {
			size_t at = 0;

			run(&regexes->items[regexes->beginning_hits.hits[hit].acl], text, &at, scratch, sink);
		}
}

void regexes_match(const struct regexes *regexes, struct slice text, struct slice folded, struct rules_scratch *scratch,
		   struct sink *sink)
{
	if (regexes->beginnings.n > 0)
		run_beginnings(regexes, text, folded, scratch, sink);
	if (regexes->required)
		run_required(regexes, text, folded, scratch, sink);
	for (size_t i = 0; i < regexes->n_always; i++) {
		size_t at = 0;

		run(&regexes->items[regexes->always[i]], text, &at, scratch, sink);
	}
}
