/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matcher.h"

#include "index.h"

struct matcher {
	const struct sample *sample;
	enum sample_type type;
	bool nocase;
	unsigned slot; /* of the argument that is the sample; REQUEST_MAX_SLOTS: there is more to it */
	struct index *index;
};

struct matcher *matcher_new(struct arena *arena, const struct sample *sample, const struct patterns *patterns)
{
	struct matcher *matcher = arena_alloc(arena, sizeof(*matcher));

	if (!matcher)
		return NULL;
	matcher->sample = sample;
	matcher->slot = sample_argument(sample);
	matcher->type = patterns_type(patterns);
	matcher->nocase = patterns_nocase(patterns);
	matcher->index = index_new(arena, matcher->type, matcher->nocase, false);
	return matcher->index ? matcher : NULL;
}

bool matcher_fits(const struct matcher *matcher, const struct sample *sample, const struct patterns *patterns)
{
	return sample_same(matcher->sample, sample) && matcher->type == patterns_type(patterns) &&
	       matcher->nocase == patterns_nocase(patterns);
}

bool matcher_add(struct arena *arena, struct matcher *matcher, const struct patterns *patterns, uint32_t acl)
{
	size_t n;
	const struct pattern *list = patterns_list(patterns, &n);
	enum match_kind kind = patterns_kind(patterns);

	if (kind == MATCH_FOUND || kind == MATCH_BOOL)
		return index_add(arena, matcher->index, kind, NULL, acl);
	for (size_t i = 0; i < n; i++)
		if (!index_add(arena, matcher->index, kind, &list[i], acl))
			return false;
	return true;
}

bool matcher_seal(struct arena *arena, struct matcher *matcher)
{
	return index_seal(arena, matcher->index);
}

void matcher_run(const struct matcher *matcher, struct request *request, struct rules_scratch *scratch, uint64_t *holds)
{
	bool many = sample_has_many(matcher->sample);
	struct sample_cursor cursor = { 0 };
	struct sample_value value;
	struct slice text;

	if (matcher->slot < REQUEST_MAX_SLOTS && matcher->type == SAMPLE_STRING &&
	    (text = request_bytes(request, matcher->slot)).ptr) {
		index_match_string(matcher->index, text, scratch, holds);
		return;
	}
	while (sample_next(matcher->sample, request, scratch, &cursor, &value)) {
		index_match(matcher->index, &value, scratch, holds);
		if (!many)
			return;
	}
}
