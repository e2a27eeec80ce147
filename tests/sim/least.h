/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least of n costs that change one at a time, and any of those that share it. */
#ifndef SIM_LEAST_H
#define SIM_LEAST_H

#include "spoa-redirect/base/random.h"

struct least {
	unsigned n, leaves; /* a power of two */
	double *cost;       /* a tree: node i has 2i and 2i + 1 below it */
	unsigned *ties;     /* how many leaves below have that cost */
};

/* All infinite. Out of memory it ends the program. */
void least_init(struct least *least, unsigned n);
void least_release(struct least *least);

void least_set(struct least *least, unsigned i, double cost);

unsigned least_pick(const struct least *least, struct random *random);

static inline double least_cost(const struct least *least)
{
	return least->cost[1];
}

#endif
