/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/random.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void random_seed(struct random *random, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		random->state[i] = z ^ z >> 31;
	}
}

void random_seed_fresh(struct random *random)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)random;
	random_seed(random, seed);
}
