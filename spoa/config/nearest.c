/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>
#include <string.h>

#include "spoa-redirect/config.h"

#define MAX_WORD 40u

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Optimal string alignment: a swap of neighbours is one slip, as typists make it. */
static unsigned distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned rows[3][MAX_WORD + 1];

	if (na > MAX_WORD || nb > MAX_WORD)
		return UINT_MAX;
	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[na % 3][nb];
}

const char *config_did_you_mean(struct arena *arena, const char *word, const char *const *names, size_t n)
{
	const char *nearest = config_nearest(word, names, n);
	const char *text = nearest ? arena_printf(arena, ", did you mean '%s'?", nearest) : NULL;

	return text ? text : "";
}

const char *config_nearest(const char *word, const char *const *names, size_t n)
{
	unsigned best = (unsigned)(strlen(word) + 5) / 4 + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned slips = distance(word, names[i]);

		if (slips >= best)
			continue;
		best = slips;
		nearest = names[i];
	}
	return nearest;
}
