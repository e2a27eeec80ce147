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
	size_t window; /* the shortest pattern, or less; at least GRAM + 1 */
	unsigned shift, window_shift;
	uint64_t *bits;    /* of fours in the first bytes of patterns; NULL: not made */
	uint64_t *windows; /* of all those first bytes */
};

static inline uint32_t grams_place(const struct grams *grams, const uint8_t *four)
{
	uint32_t gram;

	memcpy(&gram, four, sizeof(gram));
	return (uint32_t)(gram * 0x9e3779b1u) >> grams->shift;
}

/* Of the first and the last bytes of a window, which overlap in a short one. */
static inline uint32_t grams_window_place(const struct grams *grams, const uint8_t *start)
{
	uint64_t head, tail;

	slice_ends_as_numbers(slice_of(start, grams->window), &head, &tail);
	head = (head ^ (tail << 29 | tail >> 35)) * 0x9e3779b97f4a7c15;
	return (uint32_t)(head >> 32) >> grams->window_shift;
}

static inline bool grams_have(const uint64_t *bits, uint32_t place)
{
	return bits[place / 64] >> place % 64 & 1;
}

static inline void grams_set(uint64_t *bits, uint32_t place)
{
	bits[place / 64] |= 1ull << place % 64;
}

/* Of a table with eight or more bits for each of n. */
static inline unsigned grams_log(size_t n)
{
	unsigned log = 12;

	while (log < 22 && (1ull << log) < 8 * n)
		log++;
	return log;
}

/* For n patterns, none of them shorter than window. False: out of memory. */
static inline bool grams_init(struct arena *arena, struct grams *grams, size_t window, size_t n)
{
	unsigned log = grams_log(n * (window - GRAM + 1)), window_log = grams_log(4 * n);

	*grams = (struct grams){ .window = window,
				 .shift = 32 - log,
				 .window_shift = 32 - window_log,
				 .bits = arena_alloc(arena, (1ull << log) / 8),
				 .windows = arena_alloc(arena, (1ull << window_log) / 8) };
	return grams->bits && grams->windows;
}

static inline void grams_add(struct grams *grams, struct slice text)
{
	for (size_t i = 0; i + GRAM <= grams->window; i++)
		grams_set(grams->bits, grams_place(grams, text.ptr + i));
	grams_set(grams->windows, grams_window_place(grams, text.ptr));
}

/* Whether a pattern may begin here. */
static inline bool grams_begin(const struct grams *grams, struct slice text, size_t at)
{
	return at + grams->window <= text.len && grams_have(grams->windows, grams_window_place(grams, text.ptr + at));
}

/*
 * The next place from `at` on where a pattern may begin; the text's length if there is none. One four tells of all the
 * places whose windows hold it; only where some pattern has it is each of them looked at.
 */
static inline size_t grams_next(const struct grams *grams, struct slice text, size_t at)
{
	size_t window = grams->window, step = window - GRAM + 1;

	for (; at + window <= text.len; at += step) {
		if (!grams_have(grams->bits, grams_place(grams, text.ptr + at + window - GRAM)))
			continue;
		for (size_t i = 0; i < step; i++)
			if (grams_begin(grams, text, at + i))
				return at + i;
	}
	return text.len;
}

#endif
