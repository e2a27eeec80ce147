/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Smooth weighted round robin. The control thread writes down a whole round of turns whenever servers or weights
 * change. A pick reads whose turn it is and a booking moves on, however many servers there are; what is not booked
 * takes no turn, and workers that pick at the same moment may send to the same server.
 */
#include <stdlib.h>

#include "estimate.h"
#include "least_load.h"
#include "roundrobin.h"
#include "select.h"

#define MIN_ROOM        1024u
#define ROOM_PER_SERVER 8u
#define MOST_LOOKS      64u /* at servers that are full */

struct turn {
	double when;
	struct server *server;
};

static uint32_t turns_for(uint32_t servers)
{
	uint32_t wanted = servers * ROOM_PER_SERVER;

	return wanted > MIN_ROOM ? wanted : MIN_ROOM;
}

bool roundrobin_prepare(struct arena *arena, struct backend *backend, uint32_t room)
{
	struct backend_state *state = backend->state;
	server_slot *old = atomic_load_explicit(&state->schedule, memory_order_relaxed);
	server_slot *slots = arena_array(arena, turns_for(room), sizeof(*slots));

	if (!slots || !least_load_prepare(arena, backend, room))
		return false;
	for (uint32_t i = 0; i < atomic_load_explicit(&state->n_schedule, memory_order_relaxed); i++)
		atomic_init(&slots[i], atomic_load_explicit(&old[i], memory_order_relaxed));
	atomic_store_explicit(&state->schedule, slots, memory_order_release);
	return true;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b > 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* To some, what is set at run time is but 0 or not. */
static uint32_t weight_of(const struct server *server)
{
	if (!server->backend->balance->fixed_weights)
		return server_share(server);
	return server->weight ? server->weight : 1;
}

static uint64_t signature(const struct backend *backend, uint32_t n)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (uint32_t i = 0; i < n; i++) {
		const struct server *server = backend_usable(backend, i);

		sum = (sum ^ server->index) * 0x100000001b3;
		sum = (sum ^ weight_of(server)) * 0x100000001b3;
	}
	return sum | 1;
}

static int by_time(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->when != y->when)
		return x->when < y->when ? -1 : 1;
	return (x->server->index > y->server->index) - (x->server->index < y->server->index);
}

/*
 * A server of weight w takes its turns at the middles of w equal parts of the round. Weights are divided by what
 * they have in common, and shrunk where a round would still be too long; nobody's falls below one turn.
 */
static uint32_t make_turns(const struct backend *backend, uint32_t n, struct turn *turns)
{
	uint32_t common = 0, made = 0, limit = turns_for(backend->state->room) - n;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		common = gcd(common, weight_of(backend_usable(backend, i)));
		sum += weight_of(backend_usable(backend, i));
	}
	sum /= common ? common : 1;
	for (uint32_t i = 0; i < n; i++) {
		struct server *server = backend_usable(backend, i);
		uint64_t share = weight_of(server) / (common ? common : 1);

		if (sum > limit)
			share = share * limit / sum;
		if (share == 0)
			share = 1;
		for (uint64_t turn = 0; turn < share; turn++)
			turns[made++] = (struct turn){ ((double)turn + 0.5) / (double)share, server };
	}
	return made;
}

void roundrobin_refresh(struct backend *backend, double now)
{
	struct backend_state *state = backend->state;
	uint32_t n = backend_n_usable(backend), made;
	server_slot *schedule = atomic_load_explicit(&state->schedule, memory_order_relaxed);
	uint64_t mark = signature(backend, n);
	struct turn *turns;

	least_load_refresh(backend, now);
	if (mark == state->signature)
		return;
	turns = malloc(turns_for(state->room) * sizeof(*turns));
	if (!turns)
		return; /* the old turns go on; the next refresh tries again */
	made = make_turns(backend, n, turns);
	qsort(turns, made, sizeof(*turns), by_time);
	for (uint32_t i = 0; i < made; i++)
		atomic_store_explicit(&schedule[i], turns[i].server, memory_order_relaxed);
	atomic_store_explicit(&state->n_schedule, made, memory_order_release);
	state->signature = mark;
	free(turns);
}

static struct server *roundrobin_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	struct backend_state *state = backend->state;
	uint32_t n = atomic_load_explicit(&state->n_schedule, memory_order_acquire), turn;
	server_slot *schedule;

	(void)key;
	picker->n = 0;
	if (n == 0)
		return NULL;
	turn = atomic_load_explicit(&state->turn, memory_order_relaxed) % n;
	schedule = atomic_load_explicit(&state->schedule, memory_order_acquire);
	for (uint32_t i = 0; i < n && i < MOST_LOOKS; i++, turn = turn + 1 == n ? 0 : turn + 1) {
		struct server *server = atomic_load_explicit(&schedule[turn], memory_order_relaxed);

		if (!select_is_full(server, now))
			return server;
	}
	return NULL;
}

static void roundrobin_book(struct server *server, double now, struct picker *picker)
{
	atomic_fetch_add_explicit(&server->backend->state->turn, 1, memory_order_relaxed);
	least_load_book(server, now, picker);
}

const struct balance balance_roundrobin = {
	.name = "roundrobin",
	.prepare = roundrobin_prepare,
	.refresh = roundrobin_refresh,
	.report = least_load_report,
	.pick = roundrobin_pick,
	.book = roundrobin_book,
};

const struct balance balance_static_rr = {
	.name = "static-rr",
	.prepare = roundrobin_prepare,
	.refresh = roundrobin_refresh,
	.report = least_load_report,
	.pick = roundrobin_pick,
	.book = roundrobin_book,
	.fixed_weights = true,
};
