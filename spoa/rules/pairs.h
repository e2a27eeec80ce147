/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in a text some pattern may begin, told by pairs of bytes: after Wu and Manber, "A fast algorithm for multi-pattern
 * searching", TR-94-17. Of many patterns it says less and less, and costs a look or two. Of few, one pair of each is looked
 * for at sixteen places at a time, and most texts are done with.
 */
#ifndef SPOA_RULES_PAIRS_H
#define SPOA_RULES_PAIRS_H

#include "spoa-redirect/base/block.h"
#include "spoa-redirect/base/slice.h"

#define PAIRS      4096u
#define MAX_WINDOW 32u
#define ANCHORS    4u

struct pairs {
	size_t window; /* the shortest pattern, MAX_WINDOW at most; 0: there is none */
	uint64_t bits[PAIRS / 64];
	unsigned n_anchors;                 /* more than there is room for: they are not looked for */
	uint8_t anchors[ANCHORS][2][BLOCK]; /* each byte of a pair, sixteen times */
};

/* The rarer both bytes are in what clients ask for, the lower; an anchor is the pattern's rarest pair. */
static inline unsigned pairs_frequency(const uint8_t *two)
{
	static const char common[] = "zqxjkvbywgpfmucdlhrsnioate9876543210_=&-./";
	unsigned sum = 0;

	for (unsigned i = 0; i < 2; i++) {
		const char *at = two[i] ? strchr(common, two[i]) : NULL;

		sum += at ? (unsigned)(at - common) + 1 : 0;
	}
	return sum;
}

static inline void pairs_add_anchor(struct pairs *pairs, struct slice text)
{
	const uint8_t *best = text.ptr;

	if (text.len < 2)
		pairs->n_anchors = ANCHORS + 1;
	if (pairs->n_anchors > ANCHORS)
		return;
	for (size_t i = 1; i + 1 < text.len; i++)
		if (pairs_frequency(text.ptr + i) < pairs_frequency(best))
			best = text.ptr + i;
	for (unsigned i = 0; i < pairs->n_anchors; i++)
		if (pairs->anchors[i][0][0] == best[0] && pairs->anchors[i][1][0] == best[1])
			return;
	for (unsigned i = 0; i < 2 && pairs->n_anchors < ANCHORS; i++)
		memset(pairs->anchors[pairs->n_anchors][i], best[i], sizeof(pairs->anchors[0][i]));
	pairs->n_anchors++;
}

/* Ones where a pair stands, of the sixteen from here on: seventeen bytes. */
static inline block pairs_anchored(const uint8_t *at, block first, block second)
{
	return (block)(block_load(at) == first) & (block)(block_load(at + 1) == second);
}

/* No pattern is in the text. False: one may be. */
static inline bool pairs_absent(const struct pairs *pairs, struct slice text)
{
	block found = { 0 };
	const uint8_t *last;

	if (text.len < pairs->window || pairs->window == 0)
		return true;
	if (pairs->n_anchors > ANCHORS || text.len <= BLOCK)
		return false;
	last = text.ptr + text.len - BLOCK - 1;
	for (unsigned i = 0; i < pairs->n_anchors; i++) {
		block first = block_load(pairs->anchors[i][0]), second = block_load(pairs->anchors[i][1]);

		for (const uint8_t *at = text.ptr; at < last; at += BLOCK)
			found |= pairs_anchored(at, first, second);
		found |= pairs_anchored(last, first, second);
	}
	return !block_any(found);
}

static inline bool pairs_have(const struct pairs *pairs, const uint8_t *two)
{
	unsigned bit = ((unsigned)two[0] << 4 ^ two[1]) & (PAIRS - 1);

	return pairs->bits[bit / 64] >> bit % 64 & 1;
}

static inline void pairs_add(struct pairs *pairs, struct slice text)
{
	size_t length = text.len < MAX_WINDOW ? text.len : MAX_WINDOW;

	pairs_add_anchor(pairs, text);
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
