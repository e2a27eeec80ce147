/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hits.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64u
#define PER_LINE   (CACHE_LINE / sizeof(struct rule_hits))

static size_t lines_of(const struct frontend *frontend)
{
	return frontend->n_rules + frontend->n_excludes;
}

static const struct rule *line_of(const struct frontend *frontend, size_t i)
{
	return i < frontend->n_rules ? frontend->rules[i] : frontend->excludes[i - frontend->n_rules];
}

bool hits_new(struct arena *arena, struct frontend *frontend, unsigned workers)
{
	struct hit_counts *hits = arena_alloc(arena, sizeof(*hits));
	size_t n;

	if (!hits)
		return false;
	hits->workers = workers;
	hits->stride = (lines_of(frontend) + PER_LINE - 1) / PER_LINE * PER_LINE;
	n = hits->stride * (workers + 1);
	if (n == 0)
		return true;
	hits->each = aligned_alloc(CACHE_LINE, n * sizeof(*hits->each));
	if (!hits->each || !arena_on_free(arena, free, hits->each))
		return false;
	for (size_t i = 0; i < n; i++) {
		atomic_init(&hits->each[i].n, 0);
		atomic_init(&hits->each[i].last, 0);
	}
	frontend->hits = hits;
	return true;
}

uint64_t frontend_hits(const struct frontend *frontend, const struct rule *rule, double *last)
{
	const struct hit_counts *hits = frontend->hits;
	uint64_t sum = 0;

	*last = 0;
	for (unsigned i = 0; hits && i <= hits->workers; i++) {
		const struct rule_hits *of = &hits->each[i * hits->stride + rule->index];
		double when = atomic_load_explicit(&of->last, memory_order_relaxed);

		sum += counter_get(&of->n);
		*last = when > *last ? when : *last;
	}
	return sum;
}

/* ---- from one configuration to the next ---- */

/* A line by its words; is_rule keeps `use_backend` and `redirect-unless` apart. */
struct known {
	const struct rule *line;
	bool is_rule;
};

static int compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->is_rule != y->is_rule)
		return x->is_rule - y->is_rule;
	return strcmp(x->line->words, y->line->words);
}

static struct known known_of(const struct frontend *frontend, size_t i)
{
	return (struct known){ line_of(frontend, i), i < frontend->n_rules };
}

static struct known *sorted(const struct frontend *frontend)
{
	size_t n = lines_of(frontend);
	struct known *all = malloc((n + 1) * sizeof(*all));

	for (size_t i = 0; all && i < n; i++)
		all[i] = known_of(frontend, i);
	if (all)
		qsort(all, n, sizeof(*all), compare);
	return all;
}

static void adopt(const struct frontend *frontend, const struct rule *line, const struct frontend *old,
		  const struct rule *from)
{
	struct rule_hits *to = &frontend->hits->each[frontend->hits->workers * frontend->hits->stride + line->index];
	double last;

	atomic_store_explicit(&to->n, frontend_hits(old, from, &last), memory_order_relaxed);
	atomic_store_explicit(&to->last, last, memory_order_relaxed);
}

void hits_adopt(struct frontend *frontend, const struct frontend *old)
{
	size_t n = lines_of(frontend), n_old = lines_of(old);
	struct known *all = NULL;

	if (!frontend->hits || !old->hits)
		return;
	for (size_t i = 0; i < n; i++) {
		struct known line = known_of(frontend, i), *same = NULL, at_same_place;

		/* mostly nothing has moved */
		if (i < n_old) {
			at_same_place = known_of(old, i);
			same = compare(&line, &at_same_place) == 0 ? &at_same_place : NULL;
		}
		if (!same && (all || (all = sorted(old))))
			same = bsearch(&line, all, n_old, sizeof(*all), compare);
		if (same)
			adopt(frontend, line.line, old, same->line);
	}
	free(all);
}
