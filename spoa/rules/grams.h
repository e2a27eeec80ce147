/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As pairs.h, by four bytes at a time and in a table of its own size: for so many patterns that most pairs stand in one of
 * them. Wu and Manber, "A fast algorithm for multi-pattern searching", TR-94-17, choose the block by the same reasoning.
 */
#ifndef SPOA_RULES_GRAMS_H
#define SPOA_RULES_GRAMS_H

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/slice.h"

#define GRAM 4u

struct grams {
	size_t window; /* the shortest pattern, or less */
	unsigned shift;
	uint64_t *bits; /* NULL: not made */
};

static inline uint32_t grams_place(const struct grams *grams, const uint8_t *four)
{
	uint32_t gram;

	memcpy(&gram, four, sizeof(gram));
	return (uint32_t)(gram * 0x9e3779b1u) >> grams->shift;
}

/* For n patterns, none of them shorter than window, which is at least GRAM. False: out of memory. */
static inline bool grams_init(struct arena *arena, struct grams *grams, size_t window, size_t n)
{
	unsigned log = 12;

	while (log < 22 && (1ull << log) < 8 * n * (window - GRAM + 1))
		log++;
	*grams = (struct grams){ .window = window, .shift = 32 - log, .bits = arena_alloc(arena, (1ull << log) / 8) };
	return grams->bits != NULL;
}

static inline void grams_add(struct grams *grams, struct slice text)
{
	for (size_t i = 0; i + GRAM <= grams->window; i++) {
		uint32_t place = grams_place(grams, text.ptr + i);

		grams->bits[place / 64] |= 1ull << place % 64;
	}
}

/* The next place from `at` on where a pattern may begin; the text's length if there is none. */
static inline size_t grams_next(const struct grams *grams, struct slice text, size_t at)
{
	size_t window = grams->window;

	for (; at + window <= text.len; at += window - GRAM + 1) {
		uint32_t place = grams_place(grams, text.ptr + at + window - GRAM);

		if (grams->bits[place / 64] >> place % 64 & 1)
			return at;
	}
	return text.len;
}

#endif
