/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in a text some pattern may begin, told by pairs of bytes: after Wu and Manber, "A fast algorithm for multi-pattern
 * searching", TR-94-17. Of many patterns it says less and less, and costs a look or two.
 */
#ifndef SPOA_RULES_PAIRS_H
#define SPOA_RULES_PAIRS_H

#include "spoa-redirect/base/slice.h"

#define PAIRS      4096u
#define MAX_WINDOW 32u

struct pairs {
	size_t window; /* the shortest pattern, MAX_WINDOW at most; 0: there is none */
	uint64_t bits[PAIRS / 64];
};

static inline bool pairs_have(const struct pairs *pairs, const uint8_t *two)
{
	unsigned bit = ((unsigned)two[0] << 4 ^ two[1]) & (PAIRS - 1);

	return pairs->bits[bit / 64] >> bit % 64 & 1;
}

static inline void pairs_add(struct pairs *pairs, struct slice text)
{
	size_t length = text.len < MAX_WINDOW ? text.len : MAX_WINDOW;

	if (pairs->window == 0 || length < pairs->window)
		pairs->window = length;
	for (size_t i = 0; i + 1 < length; i++) {
		unsigned bit = ((unsigned)text.ptr[i] << 4 ^ text.ptr[i + 1]) & (PAIRS - 1);

		pairs->bits[bit / 64] |= 1ull << bit % 64;
	}
}

/*
 * From `at` on; the text's length if there is none. The first `window` bytes of a pattern hold one pair less than that, so
 * looking at every (window − 1)th pair misses none; no look waits for the one before.
 */
static inline size_t pairs_next(const struct pairs *pairs, struct slice text, size_t at)
{
	size_t window = pairs->window;

	if (window < 2)
		return window == 0 ? text.len : at;
	for (; at + window <= text.len; at += window - 1)
		if (pairs_have(pairs, text.ptr + at + window - 2))
			return at;
	return text.len;
}

#endif
