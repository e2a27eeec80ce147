/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random source of one thread: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
 * Generators", ACM TOMS 47, 2021), seeded by splitmix64. For choices among servers, not for secrets.
 */
#ifndef SPOA_REDIRECT_BASE_RANDOM_H
#define SPOA_REDIRECT_BASE_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);

/* From the kernel: different in every process and thread. */
void random_seed_fresh(struct random *random);

static inline uint64_t random_bits(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = s[1] * 5, t = s[1] << 17;

	result = (result << 7 | result >> 57) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/* 0 … n − 1, n > 0; the bias of the multiplication (Lemire 2019) is below 2⁻³² for every fleet. */
static inline uint32_t random_below(struct random *random, uint32_t n)
{
	return (uint32_t)(((random_bits(random) >> 32) * n) >> 32);
}

#endif
