/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2018), as HAProxy's hash-balance-factor: a key
 * goes to the server whose place on the ring is next and that may have one more. What has no key goes to any place.
 */
#include <math.h>

#include "estimate.h"
#include "least_load.h"
#include "ring.h"
#include "select.h"
#include "spoa-redirect/base/hash.h"
#include "stick.h"

#define MOST_LOOKS 64u   /* at places of the ring whose server may not have more */
#define MOST_FITS  1024u /* servers: behind those places, and of backups */

/* ---- the control thread's ---- */

/* A server that drains keeps its places: they are passed over, or its standby's. */
static uint32_t weight_on_ring(const struct server *server)
{
	uint32_t weight = server_weight(server);

	if (weight == 0)
		weight = server->weight;
	return weight > 0 ? weight : 1;
}

static void refresh_bound(struct backend *backend, double now)
{
	struct backend_state *state = backend->state;
	double in_flight = 0, weights = 0, half = half_busy(backend);

	for (uint32_t i = 0; i < backend_n_usable(backend); i++) {
		const struct server *server = backend_usable(backend, i);
		double est, z;

		drain(&server->state->load, half, now, &est, &z);
		in_flight += est;
		weights += server_weight(server);
	}
	SET(state->in_flight, in_flight);
	SET(state->weights, weights);
}

static void hash_refresh(struct backend *backend, double now)
{
	static const struct ring_rule rule = { .weight = weight_on_ring };

	least_load_refresh(backend, now);
	ring_refresh(backend, &rule, now);
	refresh_bound(backend, now);
}

/* ---- picking ---- */

/* How much of what a server should have at most it has: from 1 on it gets no more while another may. INFINITY: it is full. */
static double fullness(const struct backend *backend, const struct server *server, double now)
{
	const struct backend_state *state = backend->state;
	double est, z, most, weights = GET(state->weights);

	drain(&server->state->load, half_busy(backend), now, &est, &z);
	if (is_full(&server->state->load, est))
		return INFINITY;
	if (backend->hash.balance_factor == 0 || weights <= 0)
		return 0;
	most = ceil((GET(state->in_flight) + 1) * server_weight(server) / weights * backend->hash.balance_factor / 100);
	return est / most;
}

/*
 * The usable server that fits the key best (rendezvous, Thaler and Ravishankar 1998): where it is rarely asked, and of more than
 * MOST_FITS of so many from a place that is the key's, which one server more or less hardly moves. bounded: one that is below
 * its bound. NULL: none.
 */
static struct server *pick_by_fit(const struct backend *backend, uint64_t key, double now, bool bounded)
{
	uint32_t n = backend_n_usable(backend), looks = n < MOST_FITS ? n : MOST_FITS;
	uint32_t at = (uint32_t)((key & UINT32_MAX) * n >> 32);
	struct server *best = NULL;
	uint64_t most = 0;

	for (; looks > 0; looks--, at = at + 1 < n ? at + 1 : 0) {
		struct server *server = backend_usable(backend, at);
		uint64_t fit = hash_mix(key ^ hash_of(slice_of_string(server->name)));

		if ((best && fit <= most) ||
		    (bounded ? !(fullness(backend, server, now) < 1) : select_is_full(server, now)))
			continue;
		most = fit;
		best = server;
	}
	return best;
}

/* Whom the key comes to from `at` on. told: by the way; NULL: nobody asks. */
static inline struct server *seek(const struct backend *backend, const struct ring *ring, uint32_t at, double now,
				  struct select_place *told)
{
	uint32_t i = ring_find(ring, at);
	struct server *best = NULL, *other;
	double least = INFINITY;

	if (told)
		told->owner = ring->slots[ring->nodes[i].slot];
	for (uint32_t step = 0, looks = 0; step < ring->n && looks < MOST_LOOKS;
	     step++, i = i + 1 == ring->n ? 0 : i + 1) {
		struct server *server = ring_holder(ring, i);
		double full;

		if (!server)
			continue;
		full = fullness(backend, server, now);
		if (full < 1)
			return server;
		if (told && !told->full) {
			told->full = server;
			told->why = isinf(full) ? "at its maxconn" : "at its bound";
		}
		looks++;
		if (full >= least)
			continue;
		least = full;
		best = server;
	}
	/* one with few places may lie behind all the places that were looked at */
	other = pick_by_fit(backend, at, now, true);
	return other ? other : best;
}

static struct server *hash_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	const struct ring *ring = atomic_load_explicit(&backend->state->ring, memory_order_acquire);

	picker->n = 0;
	if (key == 0)
		key = random_bits(&picker->random);
	if (!ring || atomic_load_explicit(&ring->n_holders, memory_order_relaxed) == 0)
		return pick_by_fit(backend, key, now, false); /* backups */
	return seek(backend, ring, (uint32_t)(key >> 32), now, NULL);
}

void hash_tell(const struct backend *backend, const struct ring *ring, uint64_t key, double now,
	       struct select_place *place)
{
	place->to = seek(backend, ring, (uint32_t)(key >> 32), now, place);
}

static void hash_book(struct server *server, double now, struct picker *picker)
{
	struct backend_state *state = server->backend->state;

	least_load_book(server, now, picker);
	if (server->backend->hash.balance_factor > 0)
		atomic_add(&state->in_flight, GET(state->m));
}

#define HASHING(text)                                                                                              \
	{                                                                                                          \
		.name = text, .prepare = least_load_prepare, .refresh = hash_refresh, .report = least_load_report, \
		.pick = hash_pick, .book = hash_book, .hashes = true,                                              \
	}

/* They differ in what they hash. */
const struct balance balance_hash = HASHING("hash");
const struct balance balance_hdr = HASHING("hdr");
const struct balance balance_source = HASHING("source");
const struct balance balance_uri = HASHING("uri");
const struct balance balance_url_param = HASHING("url_param");
