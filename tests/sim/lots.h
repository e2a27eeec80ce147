/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One of n, by shares that change one at a time. */
#ifndef SIM_LOTS_H
#define SIM_LOTS_H

#include "spoa-redirect/base/random.h"

struct lots {
	unsigned n, leaves; /* a power of two */
	double *sum;        /* a tree: node i has 2i and 2i + 1 below it */
};

/* All shares 0. Out of memory it ends the program. */
void lots_init(struct lots *lots, unsigned n);
void lots_release(struct lots *lots);

void lots_set(struct lots *lots, unsigned i, double share);

/* Where all shares are 0, anyone. */
unsigned lots_draw(const struct lots *lots, struct random *random);

/* Above 0, at most 1. */
static inline double uniform(struct random *random)
{
	return ((double)(random_bits(random) >> 11) + 1) * 0x1p-53;
}

#endif
