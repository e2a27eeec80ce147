/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `stick on`: a key's client stays where it was, which without a table is where its place on the ring is, as long as that
 * server is not much worse off than the one that the policy would choose: selection.md, section 2, "Stickiness". As in
 * HAProxy, one that drains keeps those clients, and weights that change move nobody.
 */
#include <math.h>

#include "estimate.h"
#include "least_load.h"
#include "ring.h"
#include "select.h"
#include "stick.h"

static uint32_t configured_weight(const struct server *server)
{
	return server->weight ? server->weight : 1;
}

void stick_refresh(const struct backend *backend, double now)
{
	static const struct ring_rule rule = { .weight = configured_weight, .keeps_draining = true };

	ring_refresh(backend, &rule, now);
}

static struct server *whose(const struct ring *ring, uint64_t key)
{
	uint32_t i = ring_find(ring, (uint32_t)(key >> 32));

	for (uint32_t step = 0; step < ring->n; step++, i = i + 1 == ring->n ? 0 : i + 1)
		if (ring_holder(ring, i))
			return ring_holder(ring, i);
	return NULL;
}

/* The best that the policy saw: where it drew lots among the next few, the first of them. */
static double best_cost(const struct backend *backend, const struct server *chosen, double now,
			const struct picker *picker)
{
	double best = backend->balance->cost(backend, chosen, now);

	for (uint32_t i = 0; i < picker->n; i++)
		if (picker->shares[i].times > 0)
			best = fmin(best, backend->balance->cost(backend, picker->shares[i].server, now));
	return best;
}

/* Whether it is not much worse off than whom the policy chooses, *chosen if that was asked. why: NULL, or why not. */
static bool is_kept(struct backend *backend, struct server *server, double now, struct picker *picker,
		    struct server **chosen, const char **why)
{
	double most;

	*why = "at its maxconn";
	if (select_is_full(server, now))
		return false;
	*why = NULL;
	if (!backend->balance->cost || GET(backend->state->mean_cost) < 0)
		return true;
	*chosen = backend->balance->pick(backend, 0, now, picker);
	if (!*chosen)
		return true;
	if (*chosen == server)
		return false; /* by the policy itself */
	most = 2 * best_cost(backend, *chosen, now, picker) + 1 / GET(server->state->load.mu);
	if (backend->balance->cost(backend, server, now) <= most)
		return true;
	*why = "at more than twice the cost of the best";
	return false;
}

struct server *stick_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	const struct ring *ring = atomic_load_explicit(&backend->state->ring, memory_order_acquire);
	struct server *server = NULL, *chosen = NULL;
	const char *why;

	if (key != 0 && ring && atomic_load_explicit(&ring->n_holders, memory_order_relaxed) > 0)
		server = whose(ring, key);
	picker->kept = server && is_kept(backend, server, now, picker, &chosen, &why);
	if (picker->kept)
		return server;
	return chosen ? chosen : backend->balance->pick(backend, 0, now, picker);
}

/* What the policy would do for one that it has chosen is none of its turns, nor of its peers'. */
void stick_book(struct server *server, double now)
{
	struct picker alone = { .n = 0 };

	least_load_book(server, now, &alone);
}

static void stick_tell(struct backend *backend, const struct ring *ring, uint64_t key, double now,
		       struct picker *picker, struct select_place *place)
{
	struct server *server = whose(ring, key), *chosen = NULL;

	place->owner = ring->slots[ring->nodes[ring_find(ring, (uint32_t)(key >> 32))].slot];
	place->to = server;
	if (server && !is_kept(backend, server, now, picker, &chosen, &place->why) && place->why)
		place->full = server;
}

bool select_find_place(struct backend *backend, uint64_t key, double now, struct picker *picker,
		       struct select_place *place)
{
	const struct ring *ring = atomic_load_explicit(&backend->state->ring, memory_order_acquire);

	*place = (struct select_place){ .at = (double)(key >> 32) / 4294967296.0 };
	if (key == 0 || !ring || ring->n == 0)
		return false;
	if (backend->hash.sticks)
		stick_tell(backend, ring, key, now, picker, place);
	else
		hash_tell(backend, ring, key, now, place);
	return true;
}
