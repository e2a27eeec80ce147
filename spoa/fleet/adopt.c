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

/* named: whose servers have the names; `old` itself, or whose shadow it is. */
static void adopt_states(struct backend *backend, const struct backend *old, const struct backend *named, double now)
{
	struct backend_state *state = backend->state;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend_find(named, backend->servers[i]->name);

		if (server && named != old)
			server = server->shadow;
		if (server)
			adopt_state(backend->servers[i], server);
		state->booked_then +=
			atomic_load_explicit(&backend->servers[i]->state->load.booked, memory_order_relaxed);
	}
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
	adopt_states(backend, old, old, now);
	if (backend->shadow && old->shadow)
		adopt_states(backend->shadow, old->shadow, old, now);
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
