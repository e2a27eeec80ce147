/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How what is known of a server gets from one configuration to the next. */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

/* ---- states ---- */

static void release(void *object)
{
	struct server *server = object;

	if (--server->state->users == 0)
		free(server->state);
}

/* On cache lines of its own, so that what workers book does not slow the reading of neighbours. */
bool server_make_state(struct arena *arena, struct server *server)
{
	size_t align = _Alignof(struct server_state) * 2,
	       size = (sizeof(struct server_state) + align - 1) / align * align;
	struct server_state *state = aligned_alloc(align, size);

	if (!state)
		return false;
	memset(state, 0, size);
	atomic_init(&state->load.u, -1);
	atomic_init(&state->load.q, -1);
	atomic_init(&state->load.reported, -1);
	state->users = 1;
	server->state = state;
	return arena_on_free(arena, release, server);
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
