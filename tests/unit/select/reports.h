/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend of alike servers that report their utilisation. What is drawn at random comes from fixed seeds; bounds on
 * counts of draws are four standard deviations wide.
 */
#ifndef TESTS_UNIT_SELECT_REPORTS_H
#define TESTS_UNIT_SELECT_REPORTS_H

#include "tests/unit/site.h"

#define MAX_SERVERS 64u

/* n servers s0, s1 … with an agent; parameters of all. */
static inline void open_fleet(struct site *site, unsigned n, const char *parameters, uint64_t seed)
{
	char *text = malloc(n * 100 + 300);
	size_t used = (size_t)sprintf(text, "backend web\n  default-server agent-check agent-port 9 agent-inter 1s %s\n",
				      parameters);

	assert_true(n <= MAX_SERVERS);
	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.example.com\n", i, i);
	site_open(site, text, seed);
	free(text);
}

static inline struct server *server_at(const struct site *site, unsigned i)
{
	return fleet_backend(site->fleet, 0)->servers[i];
}

static inline void report(const struct site *site, unsigned i, double u, double now)
{
	const struct load_report told = { .has = LOAD_U, .u = u };

	fleet_backend(site->fleet, 0)->balance->report(server_at(site, i), &told, now);
}

static inline void report_all(struct site *site, double u, double now)
{
	for (unsigned i = 0; i < fleet_backend(site->fleet, 0)->n_servers; i++)
		report(site, i, u, now);
	fleet_refresh(site->fleet, now);
}

static inline void expect_about(const unsigned *counts, unsigned n, unsigned mean, unsigned slack)
{
	for (unsigned i = 0; i < n; i++)
		assert_in_range(counts[i], mean - slack, mean + slack);
}

/* What was picked, without booking it, in n draws. */
static inline void draw(struct site *site, unsigned n, double now, unsigned *counts)
{
	struct backend *backend = fleet_backend(site->fleet, 0);

	memset(counts, 0, backend->n_servers * sizeof(*counts));
	for (; n > 0; n--)
		counts[backend->balance->pick(backend, 0, now, &site->scratch.picker)->index]++;
}

#endif
