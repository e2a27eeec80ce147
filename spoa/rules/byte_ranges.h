/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of bytes as few ranges, or as all that is outside them, so that sixteen bytes are looked at together. */
#ifndef SPOA_RULES_BYTE_RANGES_H
#define SPOA_RULES_BYTE_RANGES_H

#include "spoa-redirect/base/block.h"
#include "spoa-redirect/base/slice.h"

#define BYTE_RANGES 3u

struct byte_ranges {
	uint8_t low[BYTE_RANGES], span[BYTE_RANGES]; /* which have no byte in common */
	uint8_t n;
	bool outside;
};

/* False: the bytes that are `value` in `has` are none, or too many ranges. */
static inline bool byte_ranges_take(const bool has[256], bool value, struct byte_ranges *ranges)
{
	unsigned n = 0;

	for (unsigned byte = 0; byte < 256; byte++) {
		if (has[byte] != value)
			continue;
		if (byte > 0 && has[byte - 1] == value) {
			ranges->span[n - 1]++;
			continue;
		}
		if (n == BYTE_RANGES)
			return false;
		ranges->low[n] = (uint8_t)byte;
		ranges->span[n++] = 0;
	}
	ranges->n = (uint8_t)n;
	ranges->outside = !value;
	return n > 0;
}

/* False: it is empty, or has no such form. */
static inline bool byte_ranges_of(const bool has[256], struct byte_ranges *ranges)
{
	return byte_ranges_take(has, true, ranges) || byte_ranges_take(has, false, ranges);
}

static inline block byte_ranges_in_one(const struct byte_ranges *ranges, unsigned i, block bytes)
{
	block low = block_of(ranges->low[i]), span = block_of(ranges->span[i]);

	return (block)(bytes - low <= span);
}

/* Ones where a byte is in the set. */
static inline block byte_ranges_in(const struct byte_ranges *ranges, unsigned n, block bytes)
{
	block in = block_of(ranges->outside ? UINT8_MAX : 0);

	for (unsigned i = 0; i < n; i++)
		in ^= byte_ranges_in_one(ranges, i, bytes);
	return in;
}

/* The first place from `at` on, by sixteens, where not all bytes are in the set; in front of it all are. */
static inline size_t byte_ranges_skip(const struct byte_ranges *ranges, struct slice text, size_t at)
{
	if (ranges->n == 1)
		while (text.len - at >= BLOCK && block_all(byte_ranges_in(ranges, 1, block_load(text.ptr + at))))
			at += BLOCK;
	else
		while (text.len - at >= BLOCK &&
		       block_all(byte_ranges_in(ranges, ranges->n, block_load(text.ptr + at))))
			at += BLOCK;
	return at;
}

#endif
