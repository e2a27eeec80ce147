/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that values of one type are compared with, in either case or in one: each kind of pattern in a structure of
 * its own, so that a value costs about the same whatever the number of patterns. Built when a configuration is complete,
 * then only read.
 */
#ifndef SPOA_RULES_INDEX_H
#define SPOA_RULES_INDEX_H

#include "pattern.h"

struct index;
struct sink;

/* first_only: as of struct hits. NULL: out of memory. */
struct index *index_new(struct arena *arena, enum sample_type type, bool nocase, bool first_only);

/* pattern: NULL for MATCH_FOUND and MATCH_BOOL. False: out of memory. */
bool index_add(struct arena *arena, struct index *index, enum match_kind kind, const struct pattern *pattern,
	       uint32_t acl);

/* Where the pattern that was added last is found, for index_drop(). */
struct index_hits {
	uint32_t hit[2];
};
struct index_hits index_added(const struct index *index);

/*
 * The pattern leads to `dead` from now on instead of its acl, unless another one that is the same leads there, too: true.
 * Of a map that means that the other one is not found any more. While others read.
 */
bool index_drop(struct index *index, const struct index_hits *hits, uint32_t dead);

/* What is to be searched as well; NULL: nothing. While others read. */
struct index *index_more(const struct index *index);
void index_set_more(struct index *index, struct index *more);

/* Whatever its owner wants to find by it. */
void *index_tag(const struct index *index);
void index_set_tag(struct index *index, void *tag);

/* After the last one. False: out of memory. */
bool index_seal(struct arena *arena, struct index *index);

/* Casts the value, and gives all that it matches to the bits, or to the sink of a map. */
void index_match(const struct index *index, struct sample_value *value, struct rules_scratch *scratch, uint64_t *holds);

/* The same of a string, to an index of strings: what most samples give. */
void index_match_string(const struct index *index, struct slice text, struct rules_scratch *scratch, uint64_t *holds);

/* The same of an argument that is an address, to an index of addresses. */
void index_match_address(const struct index *index, const struct spop_value *argument, uint64_t *holds);

/* The entry of a map whose pattern matches best, by the weights of all: the heaviest, of equal ones the first. HIT_NONE: none. */
uint32_t index_best(const struct index *index, struct sample_value *value, struct rules_scratch *scratch,
		    const uint32_t *weights);

#endif
