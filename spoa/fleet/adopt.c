/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How what is known of a server gets from one configuration to the next. */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

/* ---- states ---- */

#define LINE 64u /* of the processor's caches */

/*
 * States that were made together: freed with the last of them. Their loads, which a pick reads many of, are an odd number of
 * lines apart: so they spread over all sets of a cache (as by Bonwick, "The slab allocator", USENIX 1994), while the allocator
 * would have put them at multiples of eight lines. Each has its own, and what workers book there slows no neighbour's reading.
 */
struct state_block {
	size_t live;
};

enum {
	STRIDE = sizeof(struct server_state) / LINE % 2 ? sizeof(struct server_state)
							: sizeof(struct server_state) + LINE
};
_Static_assert(sizeof(struct server_state) % LINE == 0 && sizeof(struct state_block) <= LINE, "whole lines");

static struct state_block *make_block(size_t n)
{
	size_t size = LINE + n * STRIDE;
	struct state_block *block = aligned_alloc(LINE, size);

	if (block)
		memset(block, 0, size);
	return block;
}

static void release(void *object)
{
	struct server_state *state = ((struct server *)object)->state;

	if (--state->users == 0 && --state->block->live == 0)
		free(state->block);
}

static void init_state(struct server_state *state, struct state_block *block)
{
	atomic_init(&state->load.u, -1);
	atomic_init(&state->load.q, -1);
	atomic_init(&state->load.reported, -1);
	state->users = 1;
	state->block = block;
}

bool server_make_states(struct arena *arena, struct server **servers, size_t n)
{
	struct state_block *block = make_block(n);
	bool good = block != NULL;

	for (size_t i = 0; good && i < n; i++) {
		servers[i]->state = (struct server_state *)((uint8_t *)block + LINE + i * STRIDE);
		init_state(servers[i]->state, block);
		good = arena_on_free(arena, release, servers[i]);
		block->live += good;
	}
	if (block && block->live == 0)
		free(block);
	return good;
}

static void adopt_state(struct server *server, const struct server *old)
{
	release(server);
	server->state = old->state;
	server->state->users++;
	if (!server->real) /* a shadow's status follows from another one's */
		server_restart(server, old);
}

/* ---- by name ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct server *const *)a)->name, (*(struct server *const *)b)->name);
}

/* Mostly both have the same servers in the same order; where not, the old ones are sorted once. */
static struct server *find_old(const struct backend *old, const char *name, size_t at, struct server ***sorted)
{
	struct server wanted = { .name = name }, *key = &wanted, **found;

	if (at < old->n_servers && strcmp(old->servers[at]->name, name) == 0)
		return old->servers[at];
	if (!*sorted && old->n_servers > 0 && (*sorted = malloc(old->n_servers * sizeof(**sorted)))) {
		memcpy(*sorted, old->servers, old->n_servers * sizeof(**sorted));
		qsort(*sorted, old->n_servers, sizeof(**sorted), by_name);
	}
	if (!*sorted)
		return NULL;
	found = bsearch(&key, *sorted, old->n_servers, sizeof(**sorted), by_name);
	return found ? *found : NULL;
}

static void adopt_states(struct backend *backend, const struct backend *old, double now)
{
	struct backend_state *state = backend->state;
	struct server **sorted = NULL;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = find_old(old, backend->servers[i]->name, i, &sorted);

		if (server)
			adopt_state(backend->servers[i], server);
		state->booked_then +=
			atomic_load_explicit(&backend->servers[i]->state->load.booked, memory_order_relaxed);
	}
	free(sorted);
	state->rate = old->state->rate;
	state->own_rate = old->state->own_rate;
	state->peers = old->state->peers;
	if (backend->balance == old->balance && backend->agents == old->agents) {
		atomic_store_explicit(&state->m, atomic_load_explicit(&old->state->m, memory_order_relaxed),
				      memory_order_relaxed);
		atomic_store_explicit(&state->half_busy,
				      atomic_load_explicit(&old->state->half_busy, memory_order_relaxed),
				      memory_order_relaxed);
	}
	state->refreshed = now;
	state->unknown_said = old->state->unknown_said;
}

static void adopt_backend(struct backend *backend, const struct backend *old, double now)
{
	adopt_states(backend, old, now);
	if (backend->shadow && old->shadow)
		adopt_states(backend->shadow, old->shadow, now);
	backend_refresh_usable(backend, now);
}

void fleet_adopt(struct fleet *fleet, const struct fleet *old, double now)
{
	for (size_t i = 0; i < fleet->n; i++) {
		struct backend *backend = fleet->backends[i], *before = NULL;

		if (i < old->n && strcmp(old->backends[i]->name, backend->name) == 0)
			before = old->backends[i];
		else
			before = fleet_find(old, backend->name);
		if (before)
			adopt_backend(backend, before, now);
	}
	fleet_follow(fleet, now);
}
