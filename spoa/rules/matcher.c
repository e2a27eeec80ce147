/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matcher.h"

#include "list.h"

struct matcher {
	const struct sample *sample;
	enum sample_type type;
	bool nocase;
	unsigned slot; /* of the argument that is the sample; REQUEST_MAX_SLOTS: there is more to it */
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
	matcher->slot = sample_argument(sample);
	matcher->type = patterns_type(patterns);
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

static void run(const struct matcher *matcher, const struct index *index, struct request *request,
		struct rules_scratch *scratch, uint64_t *holds)
{
	bool many = sample_has_many(matcher->sample);
	struct sample_cursor cursor = { 0 };
	struct sample_value value;
	struct slice text;

	if (matcher->slot < REQUEST_MAX_SLOTS && matcher->type == SAMPLE_STRING &&
	    (text = request_bytes(request, matcher->slot)).ptr) {
		index_match_string(index, text, scratch, holds);
		return;
	}
	while (sample_next(matcher->sample, request, scratch, &cursor, &value)) {
		index_match(index, &value, scratch, holds);
		if (!many)
			return;
	}
}

void matcher_run(const struct matcher *matcher, struct request *request, struct rules_scratch *scratch, uint64_t *holds)
{
	const struct index *index = atomic_load_explicit(&matcher->index, memory_order_acquire);

	do
		run(matcher, index, request, scratch, holds);
	while (__builtin_expect((index = index_more(index)) != NULL, false));
}
