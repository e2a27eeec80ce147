/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

/* A pattern that backtracks gives up instead of holding the worker; the limit of its steps goes by the text's length. */
#define DEPTH_LIMIT    10000u
#define HEAP_LIMIT_KIB 1024u

/* Of compiled regexes; the machine's own would be 32 KiB. */
#define STACK_FIRST (32u * 1024)
#define STACK_MOST  (1024u * 1024)

struct rules_scratch *rules_scratch_new(void)
{
	struct rules_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->match = pcre2_match_data_create(1, NULL);
	scratch->limits = pcre2_match_context_create(NULL);
	scratch->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
	if (!scratch->match || !scratch->limits || !scratch->stack) {
		rules_scratch_free(scratch);
		return NULL;
	}
	pcre2_set_depth_limit(scratch->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(scratch->limits, HEAP_LIMIT_KIB);
	pcre2_jit_stack_assign(scratch->limits, NULL, scratch->stack);
	return scratch;
}

void rules_scratch_free(struct rules_scratch *scratch)
{
	if (!scratch)
		return;
	pcre2_match_data_free(scratch->match);
	pcre2_match_context_free(scratch->limits);
	pcre2_jit_stack_free(scratch->stack);
	free(scratch->holds);
	free(scratch->marks);
	free(scratch->reached);
	free(scratch);
}

uint64_t rules_scratch_limits(const struct rules_scratch *scratch)
{
	return counter_get(&scratch->limit_hits);
}

struct slice rules_scratch_given_up(const struct rules_scratch *scratch)
{
	return scratch->given_up;
}

bool rules_scratch_marks(struct rules_scratch *scratch, size_t n)
{
	size_t words = n / 64 + 1;

	if (words > scratch->marks_room) {
		free(scratch->marks);
		free(scratch->reached);
		scratch->marks = malloc(words * sizeof(*scratch->marks));
		scratch->reached = malloc(words * 64 * sizeof(*scratch->reached));
		scratch->marks_room = scratch->marks && scratch->reached ? words : 0;
	}
	if (scratch->marks_room == 0)
		return false;
	memset(scratch->marks, 0, words * sizeof(*scratch->marks));
	return true;
}

void rules_begin(struct rules_scratch *scratch)
{
	scratch->regexes = 0;
	scratch->until = scratch->own_until = 0;
}

bool rules_scratch_clear(struct rules_scratch *scratch, size_t acls, size_t matchers)
{
	size_t words = (acls + 63) / 64,
	       all = words + matchers / 64 + 1; /* acls may need no matcher, and look for one */

	scratch->given_up = slice_of(NULL, 0);
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
