/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The better of a few servers drawn by weight (Mitzenmacher 2001), as HAProxy's `random`: the one with less in flight for
 * what it completes. A turn of round robin's, drawn at random, is a draw by weight.
 */
#include <math.h>

#include "estimate.h"
#include "least_load.h"
#include "roundrobin.h"
#include "select.h"

#define DEFAULT_DRAWS 2u
#define MORE_DRAWS    64u /* where servers are full */

static double random_cost(const struct backend *backend, const struct server *server, double now)
{
	double est, z;

	drain(&server->state->load, half_busy(backend), now, &est, &z);
	return (est + 1) / GET(server->state->load.mu);
}

static struct server *random_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	struct backend_state *state = backend->state;
	uint32_t n = atomic_load_explicit(&state->n_schedule, memory_order_acquire);
	server_slot *schedule = atomic_load_explicit(&state->schedule, memory_order_acquire);
	unsigned draws = backend->draws ? backend->draws : DEFAULT_DRAWS, most = draws + MORE_DRAWS;
	struct server *best = NULL;
	double least = INFINITY, half = half_busy(backend);

	(void)key;
	picker->n = 0;
	for (unsigned i = 0; n > 0 && i < most && draws > 0; i++) {
		struct server *server =
			atomic_load_explicit(&schedule[random_below(&picker->random, n)], memory_order_relaxed);
		const struct server_load *load = &server->state->load;
		double est, z, cost;

		drain(load, half, now, &est, &z);
		if (is_full(load, est))
			continue;
		draws--;
		cost = (est + 1) / GET(load->mu);
		if (cost >= least)
			continue;
		least = cost;
		best = server;
	}
	return best;
}

const struct balance balance_random = {
	.name = "random",
	.prepare = roundrobin_prepare,
	.refresh = roundrobin_refresh,
	.report = least_load_report,
	.pick = random_pick,
	.cost = random_cost,
	.book = least_load_book,
};
