/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strings that a text begins or ends with, by a hash for each of their lengths that the two bytes at the text's end allow.
 * Built once, then only read.
 */
#ifndef SPOA_RULES_AFFIXES_H
#define SPOA_RULES_AFFIXES_H

#include "literals.h"

/* Bit i of a byte's mask stands for lengths[i], the last bit for all that are behind it. */
struct affixes {
	struct literals set;
	uint32_t *lengths;
	size_t n;
	bool suffixes;
	uint64_t (*outer)[256], (*inner)[256]; /* of the byte at the end, and of the one next to it */
};

void affixes_init(struct affixes *affixes, bool suffixes, uint64_t seed);

/* text stays the caller's, for as long. False: out of memory. */
bool affixes_add(struct arena *arena, struct affixes *affixes, struct slice text, uint32_t acl, struct hits *hits);

/* Where it stopped after something was found; { 0 } before the first. */
struct affixes_cursor {
	size_t next;
};

/* The first hit of the next that text begins, or ends, with; HIT_NONE: no more. */
uint32_t affixes_next(const struct affixes *affixes, struct slice text, struct affixes_cursor *cursor);

/* Sets the bits of all that text begins, or ends, with. */
void affixes_match(const struct affixes *affixes, struct slice text, struct sink *sink);

#endif
