/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scratch.h"

#include <stdlib.h>

/* A pattern that backtracks gives up after a few milliseconds instead of holding the worker. */
#define MATCH_LIMIT    100000u
#define DEPTH_LIMIT    10000u
#define HEAP_LIMIT_KIB 1024u

struct rules_scratch *rules_scratch_new(void)
{
	struct rules_scratch *scratch = malloc(sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->limit_hits = 0;
	scratch->holds = NULL;
	scratch->room = 0;
	scratch->match = pcre2_match_data_create(1, NULL);
	scratch->limits = pcre2_match_context_create(NULL);
	if (!scratch->match || !scratch->limits) {
		rules_scratch_free(scratch);
		return NULL;
	}
	pcre2_set_match_limit(scratch->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(scratch->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(scratch->limits, HEAP_LIMIT_KIB);
	return scratch;
}

void rules_scratch_free(struct rules_scratch *scratch)
{
	if (!scratch)
		return;
	pcre2_match_data_free(scratch->match);
	pcre2_match_context_free(scratch->limits);
	free(scratch->holds);
	free(scratch);
}

uint64_t rules_scratch_limits(const struct rules_scratch *scratch)
{
	return scratch->limit_hits;
}

bool rules_scratch_clear(struct rules_scratch *scratch, size_t acls, size_t matchers)
{
	size_t words = (acls + 63) / 64, all = words + (matchers + 63) / 64;

	if (all == 0)
		return true;
	if (all > scratch->room) {
		uint64_t *bigger = realloc(scratch->holds, all * sizeof(*bigger));

		if (!bigger)
			return false;
		scratch->holds = bigger;
		scratch->room = all;
	}
	scratch->ran = scratch->holds + words;
	for (size_t i = 0; i < all; i++)
		scratch->holds[i] = 0;
	return true;
}
