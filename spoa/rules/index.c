/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index.h"

#include "affixes.h"
#include "networks.h"
#include "regexes.h"
#include "spans.h"
#include "spoa-redirect/base/random.h"

struct range {
	int64_t min, max;
	uint32_t hit;
};

struct index {
	enum sample_type type;
	bool nocase;
	_Atomic(struct index *) more;
	void *tag;
	unsigned kinds; /* bits of enum match_kind: what strings are compared with */
	struct hits hits;
	uint32_t found;
	uint32_t truth;  /* of a boolean */
	uint32_t always; /* empty substrings */
	struct range *ranges, *sizes;
	size_t n_ranges, n_sizes;
	struct literals whole;
	struct affixes beginnings, ends;
	struct spans dirs, doms;
	struct substrings *substrings;
	uint32_t substring_acl; /* of all substrings, unless they are of several */
	bool substring_acls;
	struct regexes regexes;
	struct networks networks;
};

/* ---- building ---- */

struct index *index_new(struct arena *arena, enum sample_type type, bool nocase, bool first_only)
{
	struct index *index = arena_alloc(arena, sizeof(*index));
	struct random random;
	uint64_t seed;

	if (!index)
		return NULL;
	random_seed_fresh(&random);
	seed = random_bits(&random);
	index->type = type;
	index->nocase = nocase;
	index->hits.first_only = first_only;
	index->found = index->truth = index->always = HIT_NONE;
	literals_init(&index->whole, seed);
	affixes_init(&index->beginnings, false, seed);
	affixes_init(&index->ends, true, seed);
	spans_init(&index->dirs, SPAN_DIR, seed);
	spans_init(&index->doms, SPAN_DOM, seed);
	networks_init(&index->networks, seed);
	regexes_init(&index->regexes, seed);
	return index;
}

static bool add_substring(struct arena *arena, struct index *index, struct slice text, uint32_t acl)
{
	if (text.len == 0)
		return hits_add(arena, &index->hits, acl, &index->always);
	if (!index->substrings)
		index->substrings = substrings_new(arena);
	else
		index->substring_acls |= acl != index->substring_acl;
	index->substring_acl = acl;
	return index->substrings && substrings_add(arena, index->substrings, text, acl, &index->hits);
}

static bool add_range(struct arena *arena, struct index *index, struct range **ranges, size_t *n,
		      const struct pattern *pattern, uint32_t acl)
{
	struct range *slot = arena_grow(arena, ranges, n, sizeof(*slot));

	if (!slot)
		return false;
	*slot = (struct range){ pattern->min, pattern->max, HIT_NONE };
	return hits_add(arena, &index->hits, acl, &slot->hit);
}

struct index_hits index_added(const struct index *index)
{
	return (struct index_hits){ { index->hits.touched[0], index->hits.touched[1] } };
}

bool index_drop(struct index *index, const struct index_hits *hits, uint32_t dead)
{
	bool shared = false;

	for (size_t i = 0; i < COUNT(hits->hit); i++)
		if (hits->hit[i] != HIT_NONE)
			shared |= hits_drop(&index->hits, hits->hit[i], dead);
	return shared;
}

struct index *index_more(const struct index *index)
{
	return atomic_load_explicit(&index->more, memory_order_acquire);
}

void index_set_more(struct index *index, struct index *more)
{
	atomic_store_explicit(&index->more, more, memory_order_release);
}

void *index_tag(const struct index *index)
{
	return index->tag;
}

void index_set_tag(struct index *index, void *tag)
{
	index->tag = tag;
}

bool index_add(struct arena *arena, struct index *index, enum match_kind kind, const struct pattern *pattern,
	       uint32_t acl)
{
	hits_begin(&index->hits);
	index->kinds |= 1u << kind;
	switch (kind) {
	case MATCH_STR:
		return literals_add(arena, &index->whole, pattern->text, acl, &index->hits);
	case MATCH_BEG:
		return affixes_add(arena, &index->beginnings, pattern->text, acl, &index->hits);
	case MATCH_END:
		return affixes_add(arena, &index->ends, pattern->text, acl, &index->hits);
	case MATCH_SUB:
		return add_substring(arena, index, pattern->text, acl);
	case MATCH_DIR:
		return spans_add(arena, &index->dirs, pattern->text, acl, &index->hits);
	case MATCH_DOM:
		return spans_add(arena, &index->doms, pattern->text, acl, &index->hits);
	case MATCH_REG:
		return regexes_add(arena, &index->regexes, pattern, index->nocase, acl, &index->hits);
	case MATCH_IP:
		return networks_add(arena, &index->networks, &pattern->address, pattern->prefix, acl, &index->hits);
	case MATCH_INT:
		return add_range(arena, index, &index->ranges, &index->n_ranges, pattern, acl);
	case MATCH_LEN:
		return add_range(arena, index, &index->sizes, &index->n_sizes, pattern, acl);
	case MATCH_BOOL:
		return hits_add(arena, &index->hits, acl, &index->truth);
	case MATCH_FOUND:
		return hits_add(arena, &index->hits, acl, &index->found);
	}
	return false;
}

bool index_seal(struct arena *arena, struct index *index)
{
	return regexes_seal(arena, &index->regexes) &&
	       (!index->substrings || substrings_seal(arena, index->substrings));
}

/* ---- matching ---- */

static void match_substrings(const struct index *index, struct slice text, struct sink *sink)
{
	struct substrings_cursor cursor = { 0 };
	uint32_t hit;

	while ((hit = substrings_next(index->substrings, text, &cursor)) != HIT_NONE) {
		sink_take(sink, hit);
		if (!index->substring_acls && sink_holds(sink, index->substring_acl))
			return; /* not for one that was taken away, another may be there */
	}
}

static void match_ranges(const struct range *ranges, size_t n, int64_t number, struct sink *sink)
{
	for (size_t i = 0; i < n; i++)
		if (number >= ranges[i].min && number <= ranges[i].max)
			sink_take(sink, ranges[i].hit);
}

/* Mostly there is nothing to fold; and what was just written is slow to read across the writes' bounds. */
static struct slice fold(struct rules_scratch *scratch, struct slice text)
{
	if (slice_is_lower(text))
		return text;
	if (text.len > sizeof(scratch->fold))
		text.len = sizeof(scratch->fold);
	slice_lower(scratch->fold, text);
	return slice_of(scratch->fold, text.len);
}

static inline bool has_kind(const struct index *index, enum match_kind kind)
{
	return index->kinds & 1u << kind;
}

/* A row of tests instead of a jump by the kind: nothing has to be guessed, and what all kinds need stays at hand. */
static inline void match_text(const struct index *index, struct slice text, struct rules_scratch *scratch,
			      struct sink *sink)
{
	struct slice folded = index->nocase ? fold(scratch, text) : text;

	if (has_kind(index, MATCH_STR))
		sink_take(sink, literals_find(&index->whole, folded));
	if (has_kind(index, MATCH_BEG))
		affixes_match(&index->beginnings, folded, sink);
	if (has_kind(index, MATCH_END))
		affixes_match(&index->ends, folded, sink);
	if (has_kind(index, MATCH_SUB)) {
		sink_take(sink, index->always);
		if (index->substrings)
			match_substrings(index, folded, sink);
	}
	if (has_kind(index, MATCH_DIR))
		spans_match(&index->dirs, folded, sink);
	if (has_kind(index, MATCH_DOM))
		spans_match(&index->doms, folded, sink);
	if (has_kind(index, MATCH_REG))
		regexes_match(&index->regexes, text, folded, scratch, sink);
	if (has_kind(index, MATCH_LEN))
		match_ranges(index->sizes, index->n_sizes, (int64_t)text.len, sink);
}

static void match_value(const struct index *index, struct sample_value *value, struct rules_scratch *scratch,
			struct sink *sink)
{
	sink_take(sink, index->found);
	if (!sample_cast(value, index->type, scratch))
		return;
	switch (index->type) {
	case SAMPLE_ADDRESS:
		if (sink->holds)
			networks_match(&index->networks, &value->address, sink);
		else
			networks_match_best(&index->networks, &value->address, sink);
		break;
	case SAMPLE_INT:
		match_ranges(index->ranges, index->n_ranges, value->number, sink);
		break;
	case SAMPLE_BOOL:
		sink_take(sink, value->number ? index->truth : HIT_NONE);
		break;
	case SAMPLE_STRING:
		match_text(index, value->string, scratch, sink);
		break;
	}
}

/* All of it in one piece: the calls in between took a tenth of a decision. */
__attribute__((flatten)) void index_match(const struct index *index, struct sample_value *value,
					  struct rules_scratch *scratch, uint64_t *holds)
{
	struct sink sink = { .hits = &index->hits, .holds = holds };

	match_value(index, value, scratch, &sink);
}

__attribute__((flatten)) void index_match_string(const struct index *index, struct slice text,
						 struct rules_scratch *scratch, uint64_t *holds)
{
	struct sink sink = { .hits = &index->hits, .holds = holds };

	sink_take(&sink, index->found);
	match_text(index, text, scratch, &sink);
}

void index_match_address(const struct index *index, const struct spop_value *argument, uint64_t *holds)
{
	struct sink sink = { .hits = &index->hits, .holds = holds };
	struct address address = { .size = argument->type == SPOP_IPV4 ? 4 : 16 };

	memcpy(address.bytes, argument->address, address.size);
	sink_take(&sink, index->found);
	networks_match(&index->networks, &address, &sink);
}

uint32_t index_best(const struct index *index, struct sample_value *value, struct rules_scratch *scratch,
		    const uint32_t *weights)
{
	struct sink sink = { .hits = &index->hits, .weights = weights, .best = HIT_NONE };

	match_value(index, value, scratch, &sink);
	return sink.best;
}
