/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <err.h>
#include <math.h>
#include <stdlib.h>

#include "least.h"

void least_init(struct least *least, unsigned n)
{
	*least = (struct least){ .n = n, .leaves = 1 };
	while (least->leaves < n)
		least->leaves *= 2;
	least->cost = calloc(2 * least->leaves, sizeof(*least->cost));
	least->ties = calloc(2 * least->leaves, sizeof(*least->ties));
	if (!least->cost || !least->ties)
		err(1, "least");
	for (unsigned i = 0; i < 2 * least->leaves; i++)
		least->cost[i] = INFINITY;
	for (unsigned i = 0; i < n; i++)
		least_set(least, i, INFINITY);
}

void least_release(struct least *least)
{
	free(least->cost);
	free(least->ties);
}

void least_set(struct least *least, unsigned i, double cost)
{
	unsigned at = least->leaves + i;

	least->cost[at] = cost;
	least->ties[at] = 1;
	for (at /= 2; at > 0; at /= 2) {
		double a = least->cost[2 * at], b = least->cost[2 * at + 1];

		least->cost[at] = a < b ? a : b;
		least->ties[at] = (a <= b ? least->ties[2 * at] : 0) + (b <= a ? least->ties[2 * at + 1] : 0);
	}
}

unsigned least_pick(const struct least *least, struct random *random)
{
	unsigned which = least->ties[1] > 1 ? random_below(random, least->ties[1]) : 0, at = 1;

	while (at < least->leaves) {
		unsigned left = least->cost[2 * at] <= least->cost[2 * at + 1] ? least->ties[2 * at] : 0;

		at *= 2;
		if (which >= left) {
			which -= left;
			at++;
		}
	}
	return at - least->leaves;
}
