/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matcher.h"

#include "list.h"

struct matcher {
	const struct sample *sample;
	enum sample_type type;
	bool nocase;
	unsigned slot; /* of the argument that is the sample; REQUEST_MAX_SLOTS: there is more to it */
	bool is_list;  /* … unless it holds a comma */
	struct search *search;
	_Atomic(struct index *) index; /* the first of the search */
};

struct matcher *matcher_new(struct lists *lists, struct arena *arena, const struct sample *sample,
			    const struct patterns *patterns, uint32_t dead)
{
	struct matcher *matcher = arena_alloc(arena, sizeof(*matcher));

	if (!matcher)
		return NULL;
	matcher->sample = sample;
	matcher->type = patterns_type(patterns);
	matcher->slot = sample_argument(sample, &matcher->is_list);
	matcher->nocase = patterns_nocase(patterns);
	matcher->search = search_new(lists, false, matcher->type, matcher->nocase, &matcher->index, dead);
	return matcher->search ? matcher : NULL;
}

bool matcher_fits(const struct matcher *matcher, const struct sample *sample, const struct patterns *patterns)
{
	return sample_same(matcher->sample, sample) && matcher->type == patterns_type(patterns) &&
	       matcher->nocase == patterns_nocase(patterns);
}

struct search *matcher_search(const struct matcher *matcher)
{
	return matcher->search;
}

static __attribute__((noinline)) void run_values(const struct matcher *matcher, const struct index *index,
						 struct request *request, struct rules_scratch *scratch,
						 uint64_t *holds)
{
	bool many = sample_has_many(matcher->sample);
	struct sample_cursor cursor = { 0 };
	struct sample_value value;

	while (sample_next(matcher->sample, request, scratch, &cursor, &value)) {
		index_match(index, &value, scratch, holds);
		if (!many)
			return;
	}
}

/* An argument as it came, as most samples are. False: it is not that simple. */
static inline bool run_argument(const struct matcher *matcher, const struct index *index, struct request *request,
				struct rules_scratch *scratch, uint64_t *holds)
{
	const struct spop_value *value = &request->values[matcher->slot];
	struct slice text;

	if (matcher->type == SAMPLE_STRING && (value->type == SPOP_STRING || value->type == SPOP_BINARY)) {
		text = slice_of_spop(value->bytes);
		if (matcher->is_list) {
			if (memchr(text.ptr, ',', text.len))
				return false;
			text = slice_trim(text);
		}
		index_match_string(index, text, scratch, holds);
		return true;
	}
	if (matcher->type != SAMPLE_ADDRESS || (value->type != SPOP_IPV4 && value->type != SPOP_IPV6))
		return false;
	index_match_address(index, value, holds);
	return true;
}

/* All of it in one piece: the calls in between took a tenth of a decision. */
__attribute__((flatten)) void matcher_run(const struct matcher *matcher, struct request *request,
					  struct rules_scratch *scratch, uint64_t *holds)
{
	const struct index *index = atomic_load_explicit(&matcher->index, memory_order_acquire);

	do
		if (matcher->slot >= REQUEST_MAX_SLOTS || !run_argument(matcher, index, request, scratch, holds))
			run_values(matcher, index, request, scratch, holds);
	while (__builtin_expect((index = index_more(index)) != NULL, false));
}
