/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What least-load is compared with, as simple as each is. */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "least.h"
#include "lots.h"
#include "policy.h"
#include "spoa-redirect/fleet.h"

#define LEAST_IDLE    0.01 /* HAProxy's agents say "0%" only to drain */
#define WEIGHT_MEMORY 60.0 /* seconds, of what weighted round robin makes of reports */
#define WEIGHT_PRIOR  30.0 /* completions that the configured weight counts as there */
#define LI_STEPS      20   /* basic LI works its shares out so often in a period */

unsigned policy_weight(const struct cell *cell, unsigned server)
{
	return cell->weighted ? (unsigned)lround(256 * cell_speed(cell, server) / cell->fastest) : 1;
}

/* Of one server. */
struct seen {
	double weight;
	double q;
	double C, B, rate, busy; /* last told; and decayed sums */
	bool away;
};

struct compared {
	const struct cell *cell;
	struct random random;
	struct seen *servers;
	struct least least;
	struct lots lots;
	double refreshed; /* basic LI's shares */
	struct ranked {
		double level;
		unsigned server;
	} * ranked;
};

static void *compared_open(const struct cell *cell, unsigned agent)
{
	struct compared *c = calloc(1, sizeof(*c));

	if (!c || !(c->servers = calloc(cell->servers, sizeof(*c->servers))) ||
	    !(c->ranked = calloc(cell->servers, sizeof(*c->ranked))))
		err(1, "compared");
	c->cell = cell;
	random_seed(&c->random, cell->seed * 1000 + 500 + agent);
	least_init(&c->least, cell->servers);
	lots_init(&c->lots, cell->servers);
	for (unsigned i = 0; i < cell->servers; i++) {
		c->servers[i].weight = policy_weight(cell, i);
		lots_set(&c->lots, i, c->servers[i].weight);
		least_set(&c->least, i, 1 / c->servers[i].weight);
	}
	c->refreshed = -INFINITY;
	return c;
}

static void compared_close(void *instance)
{
	struct compared *c = instance;

	least_release(&c->least);
	lots_release(&c->lots);
	free(c->servers);
	free(c->ranked);
	free(c);
}

static unsigned pick_least(void *instance, double now)
{
	struct compared *c = instance;

	(void)now;
	return least_pick(&c->least, &c->random);
}

static unsigned pick_by_lot(void *instance, double now)
{
	struct compared *c = instance;

	(void)now;
	return lots_draw(&c->lots, &c->random);
}

/* ---- random by weight, and by weight times what is idle ---- */

static void lot_away(void *instance, unsigned server, bool away, double now)
{
	struct compared *c = instance;

	(void)now;
	c->servers[server].away = away;
	lots_set(&c->lots, server, away ? 0 : c->servers[server].weight);
}

static void idle_report(void *instance, unsigned server, const struct sim_report *report, double now)
{
	struct compared *c = instance;

	(void)now;
	if (!c->servers[server].away)
		lots_set(&c->lots, server, c->servers[server].weight * fmax(1 - report->u, LEAST_IDLE));
}

/* ---- round robin by requests per busy second, earliest deadline first ---- */

/* Completions per busy second, as configured; of servers of which nothing is known those of the average one. */
static double wrr_prior(const struct compared *c, unsigned server)
{
	const struct cell *cell = c->cell;
	double average = (cell->slowest + cell->fastest) / 2;

	return (cell->weighted ? cell_speed(cell, server) : average) / cell->work;
}

static void *wrr_open(const struct cell *cell, unsigned agent)
{
	struct compared *c = compared_open(cell, agent);

	for (unsigned i = 0; i < cell->servers; i++) {
		c->servers[i].weight = wrr_prior(c, i);
		least_set(&c->least, i, uniform(&c->random) / c->servers[i].weight);
	}
	return c;
}

static unsigned wrr_pick(void *instance, double now)
{
	struct compared *c = instance;
	unsigned server = least_pick(&c->least, &c->random);

	(void)now;
	least_set(&c->least, server, least_cost(&c->least) + 1 / c->servers[server].weight);
	return server;
}

static void wrr_report(void *instance, unsigned server, const struct sim_report *report, double now)
{
	struct compared *c = instance;
	struct seen *seen = &c->servers[server];
	double kept = exp(-c->cell->period / WEIGHT_MEMORY);

	(void)now;
	seen->rate = seen->rate * kept + report->C - seen->C;
	seen->busy = seen->busy * kept + report->B - seen->B;
	seen->C = report->C;
	seen->B = report->B;
	seen->weight = (seen->rate + WEIGHT_PRIOR) / (seen->busy + WEIGHT_PRIOR / wrr_prior(c, server));
}

static void wrr_away(void *instance, unsigned server, bool away, double now)
{
	struct compared *c = instance;

	(void)now;
	least_set(&c->least, server, away ? INFINITY : least_cost(&c->least) + 1 / c->servers[server].weight);
}

/* ---- least reported, of two that are drawn by weight or of as many as least-load looks at ---- */

static void *even_open(const struct cell *cell, unsigned agent)
{
	struct compared *c = compared_open(cell, agent);

	for (unsigned i = 0; i < cell->servers; i++)
		lots_set(&c->lots, i, 1);
	return c;
}

static void even_away(void *instance, unsigned server, bool away, double now)
{
	(void)now;
	lots_set(&((struct compared *)instance)->lots, server, !away);
}

static void note_q(void *instance, unsigned server, const struct sim_report *report, double now)
{
	(void)now;
	((struct compared *)instance)->servers[server].q = report->q;
}

static double reported_cost(const struct seen *seen)
{
	return (seen->q + 1) / seen->weight;
}

static unsigned better(const struct compared *c, unsigned a, unsigned b)
{
	return reported_cost(&c->servers[b]) < reported_cost(&c->servers[a]) ? b : a;
}

static unsigned pick_better_of_two(void *instance, double now)
{
	struct compared *c = instance;
	unsigned first = lots_draw(&c->lots, &c->random);

	(void)now;
	return better(c, first, lots_draw(&c->lots, &c->random));
}

/* Beginning anywhere breaks ties at random. */
static unsigned pick_lowest(void *instance, double now)
{
	struct compared *c = instance;
	unsigned n = c->cell->servers, at = lots_draw(&c->lots, &c->random), best = at;

	(void)now;
	for (unsigned i = 1; i < n && i < PICK_SAMPLE; i++) {
		at = n > PICK_SAMPLE ? lots_draw(&c->lots, &c->random) : (at + 1) % n;
		if (!c->servers[at].away)
			best = better(c, best, at);
	}
	return best;
}

static void lowest_away(void *instance, unsigned server, bool away, double now)
{
	((struct compared *)instance)->servers[server].away = away;
	even_away(instance, server, away, now);
}

/* ---- basic load interpretation (Dahlin 1999): what comes in a period fills up what was reported to one level ---- */

static int by_level(const void *a, const void *b)
{
	double x = ((const struct ranked *)a)->level, y = ((const struct ranked *)b)->level;

	return (x > y) - (x < y);
}

static void li_work_out(struct compared *c)
{
	const struct cell *cell = c->cell;
	double capacity = 0, fill, weights = 0, level = 0;
	unsigned n = 0, filled = 0;

	for (unsigned i = 0; i < cell->servers; i++) {
		capacity += cell_speed(cell, i);
		lots_set(&c->lots, i, 0);
		if (!c->servers[i].away)
			c->ranked[n++] = (struct ranked){ c->servers[i].q / c->servers[i].weight, i };
	}
	qsort(c->ranked, n, sizeof(*c->ranked), by_level);
	fill = cell->load * capacity / cell->work / cell->requests * cell->period;
	while (filled < n) {
		const struct seen *next = &c->servers[c->ranked[filled].server];

		if (filled > 0 && level <= c->ranked[filled].level)
			break;
		weights += next->weight;
		fill += next->q;
		level = fill / weights;
		filled++;
	}
	for (unsigned i = 0; i < filled; i++) {
		const struct seen *seen = &c->servers[c->ranked[i].server];

		lots_set(&c->lots, c->ranked[i].server, fmax(level * seen->weight - seen->q, 0));
	}
}

static unsigned li_pick(void *instance, double now)
{
	struct compared *c = instance;

	if (now - c->refreshed >= c->cell->period / LI_STEPS) {
		li_work_out(c);
		c->refreshed = now;
	}
	return lots_draw(&c->lots, &c->random);
}

/* Whoever leaves gets nothing until then, and nobody's share grows. */
static void li_away(void *instance, unsigned server, bool away, double now)
{
	struct compared *c = instance;

	lot_away(c, server, away, now);
	c->refreshed = -INFINITY;
}

/* ---- those who see everything ---- */

static void see_with(struct compared *c, unsigned server, const struct sim_truth *truth, double thinking)
{
	double there = truth->present + truth->under_way + thinking * truth->thinking;

	c->servers[server].q = there;
	least_set(&c->least, server, c->servers[server].away ? INFINITY : (there + 1) / truth->speed);
}

static void see_requests(void *instance, unsigned server, const struct sim_truth *truth)
{
	see_with(instance, server, truth, 0);
}

static void see_clients(void *instance, unsigned server, const struct sim_truth *truth)
{
	see_with(instance, server, truth, 1);
}

static void see_half(void *instance, unsigned server, const struct sim_truth *truth)
{
	see_with(instance, server, truth, 0.5);
}

/* The world shows the server again behind this. */
static void note_away(void *instance, unsigned server, bool away, double now)
{
	(void)now;
	((struct compared *)instance)->servers[server].away = away;
}

/* ---- the table ---- */

static const struct policy policies[] = {
	{ .name = "weighted", .open = compared_open, .close = compared_close, .pick = pick_by_lot, .away = lot_away },
	{ .name = "idle-weighted",
	  .open = compared_open,
	  .close = compared_close,
	  .pick = pick_by_lot,
	  .report = idle_report,
	  .away = lot_away },
	{ .name = "wrr",
	  .remembers = true,
	  .open = wrr_open,
	  .close = compared_close,
	  .pick = wrr_pick,
	  .report = wrr_report,
	  .away = wrr_away },
	{ .name = "lowest",
	  .open = even_open,
	  .close = compared_close,
	  .pick = pick_lowest,
	  .report = note_q,
	  .away = lowest_away },
	{ .name = "power-of-two",
	  .open = compared_open,
	  .close = compared_close,
	  .pick = pick_better_of_two,
	  .report = note_q,
	  .away = lot_away },
	{ .name = "basic-li",
	  .open = compared_open,
	  .close = compared_close,
	  .pick = li_pick,
	  .report = note_q,
	  .away = li_away },
	{ .name = "omniscient",
	  .open = compared_open,
	  .close = compared_close,
	  .pick = pick_least,
	  .away = note_away,
	  .see = see_requests },
	{ .name = "omniscient-clients",
	  .open = compared_open,
	  .close = compared_close,
	  .pick = pick_least,
	  .away = note_away,
	  .see = see_clients },
	{ .name = "omniscient-half",
	  .open = compared_open,
	  .close = compared_close,
	  .pick = pick_least,
	  .away = note_away,
	  .see = see_half },
};

const struct policy *policy_find(const char *name)
{
	if (strcmp(name, policy_least_load.name) == 0)
		return &policy_least_load;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++)
		if (strcmp(name, policies[i].name) == 0)
			return &policies[i];
	return NULL;
}
