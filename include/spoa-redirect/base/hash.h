/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash that is the same on every machine and in every version, for what several agents must agree on. It has no secret:
 * tables of what strangers send need another one.
 */
#ifndef SPOA_REDIRECT_BASE_HASH_H
#define SPOA_REDIRECT_BASE_HASH_H

#include <endian.h>
#include <stdint.h>

#include "spoa-redirect/base/slice.h"

/* Every bit of the result depends on every bit of x: the finaliser of splitmix64 (Steele, Lea and Flood 2014). */
static inline uint64_t hash_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Eight bytes at a time, each folded in by a multiplication and a turn. */
static inline uint64_t hash_of(struct slice bytes)
{
	uint64_t hash = bytes.len * 0x9e3779b97f4a7c15, word;

	while (bytes.len > 0) {
		size_t n = bytes.len < sizeof(word) ? bytes.len : sizeof(word);

		word = 0;
		memcpy(&word, bytes.ptr, n);
		hash = (hash ^ le64toh(word)) * 0xd6e8feb86659fd93;
		hash ^= hash >> 32;
		bytes = slice_from(bytes, n);
	}
	return hash_mix(hash);
}

#endif
