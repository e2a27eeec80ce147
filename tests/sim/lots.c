/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <err.h>
#include <stdlib.h>

#include "lots.h"

void lots_init(struct lots *lots, unsigned n)
{
	*lots = (struct lots){ .n = n, .leaves = 1 };
	while (lots->leaves < n)
		lots->leaves *= 2;
	lots->sum = calloc(2 * lots->leaves, sizeof(*lots->sum));
	if (!lots->sum)
		err(1, "lots");
}

void lots_release(struct lots *lots)
{
	free(lots->sum);
}

void lots_set(struct lots *lots, unsigned i, double share)
{
	unsigned at = lots->leaves + i;

	lots->sum[at] = share;
	for (at /= 2; at > 0; at /= 2)
		lots->sum[at] = lots->sum[2 * at] + lots->sum[2 * at + 1];
}

unsigned lots_draw(const struct lots *lots, struct random *random)
{
	double where;
	unsigned at = 1;

	if (lots->sum[1] <= 0)
		return random_below(random, lots->n);
	where = (1 - uniform(random)) * lots->sum[1];
	while (at < lots->leaves) {
		at *= 2;
		/* rounding never leads to where nothing is */
		if (where >= lots->sum[at] && lots->sum[at + 1] > 0) {
			where -= lots->sum[at];
			at++;
		}
	}
	return at - lots->leaves;
}
