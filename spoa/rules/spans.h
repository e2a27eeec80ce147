/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole words of a text, and rows of words, between delimiters: HAProxy's `dir` and `dom`. By a hash for each row of as
 * many words as some pattern has. Built once, then only read.
 */
#ifndef SPOA_RULES_SPANS_H
#define SPOA_RULES_SPANS_H

#include "literals.h"
#include "pairs.h"

enum span_kind { SPAN_DIR = 1, SPAN_DOM = 2 };

struct spans {
	struct literals set;
	enum span_kind kind;
	uint32_t most;     /* delimiters within a pattern */
	uint64_t withins;  /* bits of their numbers, modulo 64 */
	uint64_t sizes;    /* bits of the patterns' lengths, modulo 64 */
	uint64_t first[4]; /* bits of the bytes that they begin with */
	struct pairs pairs;
};

void spans_init(struct spans *spans, enum span_kind kind, uint64_t seed);

/* text stays the caller's, for as long. False: out of memory. */
bool spans_add(struct arena *arena, struct spans *spans, struct slice text, uint32_t acl, struct hits *hits);

/* Sets the bits of all that stand in text. */
void spans_match(const struct spans *spans, struct slice text, struct sink *sink);

#endif
