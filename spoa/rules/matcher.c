/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matcher.h"

#include "affixes.h"
#include "networks.h"
#include "spans.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/base/random.h"
#include "substrings.h"

struct regex {
	struct slice text;
	pcre2_code *code;
	uint32_t hit;
	bool jit;
};

struct range {
	int64_t min, max;
	uint32_t hit;
};

struct matcher {
	const struct sample *sample;
	enum sample_type type;
	bool nocase;
	struct hits hits;
	uint32_t found;
	uint32_t truth; /* of a boolean */
	struct range *ranges, *sizes;
	size_t n_ranges, n_sizes;
	struct literals whole;
	struct affixes beginnings, ends;
	struct spans dirs, doms;
	struct substrings *substrings;
	uint32_t always; /* empty substrings */
	struct regex *regexes;
	size_t n_regexes;
	struct networks networks;
};

#define REGEXES_A_LOOK 16u   /* how many run before another look at the clock */
#define REGEX_TIME     0.005 /* seconds */

/* ---- building ---- */

struct matcher *matcher_new(struct arena *arena, const struct sample *sample, const struct patterns *patterns)
{
	struct matcher *matcher = arena_alloc(arena, sizeof(*matcher));
	struct random random;
	uint64_t seed;

	if (!matcher)
		return NULL;
	random_seed_fresh(&random);
	seed = random_bits(&random);
	matcher->sample = sample;
	matcher->type = patterns_type(patterns);
	matcher->nocase = patterns_nocase(patterns);
	matcher->found = matcher->truth = matcher->always = HIT_NONE;
	literals_init(&matcher->whole, seed);
	affixes_init(&matcher->beginnings, false, seed);
	affixes_init(&matcher->ends, true, seed);
	spans_init(&matcher->dirs, SPAN_DIR, seed);
	spans_init(&matcher->doms, SPAN_DOM, seed);
	networks_init(&matcher->networks, seed);
	return matcher;
}

bool matcher_fits(const struct matcher *matcher, const struct sample *sample, const struct patterns *patterns)
{
	return sample_same(matcher->sample, sample) && matcher->type == patterns_type(patterns) &&
	       matcher->nocase == patterns_nocase(patterns);
}

static bool add_substring(struct arena *arena, struct matcher *matcher, struct slice text, uint32_t acl)
{
	if (text.len == 0)
		return hits_add(arena, &matcher->hits, acl, &matcher->always);
	if (!matcher->substrings)
		matcher->substrings = substrings_new(arena);
	return matcher->substrings && substrings_add(arena, matcher->substrings, text, acl, &matcher->hits);
}

static bool add_regex(struct arena *arena, struct matcher *matcher, const struct pattern *pattern, uint32_t acl)
{
	struct regex *slot = arena_grow(arena, &matcher->regexes, &matcher->n_regexes, sizeof(*slot));

	if (!slot)
		return false;
	*slot = (struct regex){ pattern->text, pattern->regex, HIT_NONE, pattern->jit };
	return hits_add(arena, &matcher->hits, acl, &slot->hit);
}

static bool add_range(struct arena *arena, struct matcher *matcher, struct range **ranges, size_t *n,
		      const struct pattern *pattern, uint32_t acl)
{
	struct range *slot = arena_grow(arena, ranges, n, sizeof(*slot));

	if (!slot)
		return false;
	*slot = (struct range){ pattern->min, pattern->max, HIT_NONE };
	return hits_add(arena, &matcher->hits, acl, &slot->hit);
}

static bool add_one(struct arena *arena, struct matcher *matcher, enum match_kind kind, const struct pattern *pattern,
		    uint32_t acl)
{
	switch (kind) {
	case MATCH_STR:
		return literals_add(arena, &matcher->whole, pattern->text, acl, &matcher->hits);
	case MATCH_BEG:
		return affixes_add(arena, &matcher->beginnings, pattern->text, acl, &matcher->hits);
	case MATCH_END:
		return affixes_add(arena, &matcher->ends, pattern->text, acl, &matcher->hits);
	case MATCH_SUB:
		return add_substring(arena, matcher, pattern->text, acl);
	case MATCH_DIR:
		return spans_add(arena, &matcher->dirs, pattern->text, acl, &matcher->hits);
	case MATCH_DOM:
		return spans_add(arena, &matcher->doms, pattern->text, acl, &matcher->hits);
	case MATCH_REG:
		return add_regex(arena, matcher, pattern, acl);
	case MATCH_IP:
		return networks_add(arena, &matcher->networks, &pattern->address, pattern->prefix, acl, &matcher->hits);
	case MATCH_INT:
		return add_range(arena, matcher, &matcher->ranges, &matcher->n_ranges, pattern, acl);
	case MATCH_LEN:
		return add_range(arena, matcher, &matcher->sizes, &matcher->n_sizes, pattern, acl);
	case MATCH_BOOL:
	case MATCH_FOUND:
		break;
	}
	return true;
}

bool matcher_add(struct arena *arena, struct matcher *matcher, const struct patterns *patterns, uint32_t acl)
{
	size_t n;
	const struct pattern *list = patterns_list(patterns, &n);

	if (patterns_kind(patterns) == MATCH_FOUND)
		return hits_add(arena, &matcher->hits, acl, &matcher->found);
	if (patterns_kind(patterns) == MATCH_BOOL)
		return hits_add(arena, &matcher->hits, acl, &matcher->truth);
	for (size_t i = 0; i < n; i++)
		if (!add_one(arena, matcher, patterns_kind(patterns), &list[i], acl))
			return false;
	return true;
}

bool matcher_seal(struct arena *arena, struct matcher *matcher)
{
	return !matcher->substrings || substrings_seal(arena, matcher->substrings);
}

/* ---- matching ---- */

static void match_substrings(const struct matcher *matcher, struct slice text, uint64_t *holds)
{
	struct substrings_cursor cursor = { 0 };
	uint32_t hit;

	while ((hit = substrings_next(matcher->substrings, text, &cursor)) != HIT_NONE)
		hits_set(&matcher->hits, hit, holds);
}

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

static void match_regexes(const struct matcher *matcher, struct slice text, struct rules_scratch *scratch,
			  uint64_t *holds)
{
	for (size_t i = 0; i < matcher->n_regexes && !scratch->given_up.ptr; i++) {
		const struct regex *regex = &matcher->regexes[i];
		int result = is_late(scratch) ? PCRE2_ERROR_MATCHLIMIT : match_regex(regex, text, scratch);

		if (result >= 0) {
			hits_set(&matcher->hits, regex->hit, holds);
		} else if (result != PCRE2_ERROR_NOMATCH) {
			scratch->given_up = regex->text;
			scratch->limit_hits++;
		}
	}
}

static void match_ranges(const struct matcher *matcher, const struct range *ranges, size_t n, int64_t number,
			 uint64_t *holds)
{
	for (size_t i = 0; i < n; i++)
		if (number >= ranges[i].min && number <= ranges[i].max)
			hits_set(&matcher->hits, ranges[i].hit, holds);
}

static struct slice fold(struct rules_scratch *scratch, struct slice text)
{
	if (text.len > sizeof(scratch->fold))
		text.len = sizeof(scratch->fold);
	slice_lower(scratch->fold, text);
	return slice_of(scratch->fold, text.len);
}

static void match_text(const struct matcher *matcher, struct slice text, struct rules_scratch *scratch, uint64_t *holds)
{
	struct slice folded = matcher->nocase ? fold(scratch, text) : text;

	if (matcher->whole.n > 0)
		hits_set(&matcher->hits, literals_find(&matcher->whole, folded), holds);
	affixes_match(&matcher->beginnings, folded, &matcher->hits, holds);
	affixes_match(&matcher->ends, folded, &matcher->hits, holds);
	spans_match(&matcher->dirs, folded, &matcher->hits, holds);
	spans_match(&matcher->doms, folded, &matcher->hits, holds);
	hits_set(&matcher->hits, matcher->always, holds);
	if (matcher->substrings)
		match_substrings(matcher, folded, holds);
	match_regexes(matcher, text, scratch, holds);
	match_ranges(matcher, matcher->sizes, matcher->n_sizes, (int64_t)text.len, holds);
}

static void match_value(const struct matcher *matcher, struct sample_value *value, struct rules_scratch *scratch,
			uint64_t *holds)
{
	hits_set(&matcher->hits, matcher->found, holds);
	if (!sample_cast(value, matcher->type, scratch))
		return;
	switch (matcher->type) {
	case SAMPLE_ADDRESS:
		networks_match(&matcher->networks, &value->address, &matcher->hits, holds);
		break;
	case SAMPLE_INT:
		match_ranges(matcher, matcher->ranges, matcher->n_ranges, value->number, holds);
		break;
	case SAMPLE_BOOL:
		hits_set(&matcher->hits, value->number ? matcher->truth : HIT_NONE, holds);
		break;
	case SAMPLE_STRING:
		match_text(matcher, value->string, scratch, holds);
		break;
	}
}

void matcher_run(const struct matcher *matcher, struct request *request, struct rules_scratch *scratch, uint64_t *holds)
{
	bool many = sample_has_many(matcher->sample);
	struct sample_cursor cursor = { 0 };
	struct sample_value value;

	while (sample_next(matcher->sample, request, scratch, &cursor, &value)) {
		match_value(matcher, &value, scratch, holds);
		if (!many)
			return;
	}
}
