/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many substrings looked for in one pass over a text, whatever their number: Aho and Corasick, "Efficient string
 * matching", CACM 18(6), 1975, as a table over classes of bytes. Where no pattern has begun, the text is skipped by pairs
 * of bytes. Built once, then only read.
 */
#ifndef SPOA_RULES_SUBSTRINGS_H
#define SPOA_RULES_SUBSTRINGS_H

#include "literals.h"

struct substrings;
struct grams;

struct substrings *substrings_new(struct arena *arena);

/* text is not empty; it stays the caller's, for as long. False: out of memory. */
bool substrings_add(struct arena *arena, struct substrings *substrings, struct slice text, uint32_t acl,
		    struct hits *hits);

/* After the last one. False: out of memory. */
bool substrings_seal(struct arena *arena, struct substrings *substrings);

/* Where it stopped after something was found; { 0 } before the first. */
struct substrings_cursor {
	size_t at;
	uint32_t state;
	uint32_t output;           /* states that end a pattern at `at`, still to be told; 0: none */
	const struct grams *grams; /* that tell of this text */
};

/* The first hit of the next pattern that text holds, HIT_NONE: no more. One that occurs twice is told twice. */
uint32_t substrings_next(const struct substrings *substrings, struct slice text, struct substrings_cursor *cursor);

#endif
