/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sixteen bytes at once, in the vector types of gcc and clang: what a request's strings are searched and checked by. */
#ifndef SPOA_REDIRECT_BASE_BLOCK_H
#define SPOA_REDIRECT_BASE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t block __attribute__((vector_size(16)));
typedef int8_t signed_block __attribute__((vector_size(16)));

#define BLOCK sizeof(block)

static inline block block_load(const uint8_t *bytes)
{
	block b;

	memcpy(&b, bytes, sizeof(b));
	return b;
}

static inline block block_of(uint8_t byte)
{
	block zero = { 0 };

	return zero + byte;
}

/* Ones where a byte is low to high, both below 128: an addition moves high to 127, and what is above becomes negative. */
static inline block block_within(block b, uint8_t low, uint8_t high)
{
	return (block)((signed_block)(b + (uint8_t)(127 - high)) > (int8_t)(127 - high + low - 1));
}

/* Whether any byte is ones; each is ones or zeros, as comparisons give them. */
static inline bool block_any(block b)
{
#ifdef __SSE2__
	typedef char chars __attribute__((vector_size(16)));

	return __builtin_ia32_pmovmskb128((chars)b) != 0;
#else
	uint64_t halves[2];

	memcpy(halves, &b, sizeof(halves));
	return halves[0] | halves[1];
#endif
}

static inline bool block_all(block b)
{
	return !block_any(~b);
}

#endif
