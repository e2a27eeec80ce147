/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a dry run books in: a backend's twin with states of its own, which follows the backend in who may be picked and
 * hears the same reports. So a trial learns as production does, and production does not notice it.
 */
#include "fleet.h"

static struct server *twin_of(struct arena *arena, struct server *server, struct backend *shadow)
{
	struct server *twin = arena_aligned(arena, sizeof(*twin), _Alignof(struct server));

	if (!twin)
		return NULL;
	*twin = *server;
	twin->backend = shadow;
	twin->real = server;
	return server_make_state(arena, twin) ? twin : NULL;
}

static struct backend *make(const struct fleet *fleet, struct backend *backend)
{
	struct backend *shadow = arena_alloc(fleet->arena, sizeof(*shadow));

	if (!shadow)
		return NULL;
	*shadow = *backend;
	shadow->names = NULL;
	shadow->servers = arena_array(fleet->arena, backend->n_servers + 1, sizeof(*shadow->servers));
	if (!shadow->servers)
		return NULL;
	for (size_t i = 0; i < backend->n_servers; i++)
		if (!(shadow->servers[i] = twin_of(fleet->arena, backend->servers[i], shadow)))
			return NULL;
	if (!backend_make_state(fleet->arena, shadow))
		return NULL;
	for (size_t i = 0; i < backend->n_servers; i++)
		backend->servers[i]->shadow = shadow->servers[i];
	return shadow;
}

static bool make_once(const struct fleet *fleet, struct backend *backend)
{
	if (backend->shadow)
		return true;
	backend->shadow = make(fleet, backend);
	if (backend->shadow)
		shadow_follow(backend, fleet->finished);
	return backend->shadow != NULL;
}

bool backend_prepare_dry_run(const struct fleet *fleet, struct backend *backend)
{
	return make_once(fleet, backend) && (!backend->fallback || make_once(fleet, backend->fallback));
}

static void follow(const struct server *server)
{
	const struct server_state *from = server->state;
	struct server_state *to = server->shadow->state;

	atomic_store_explicit(&to->status, atomic_load_explicit(&from->status, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&to->weight, atomic_load_explicit(&from->weight, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&to->held_back, atomic_load_explicit(&from->held_back, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&to->maxconn, atomic_load_explicit(&from->maxconn, memory_order_relaxed),
			      memory_order_relaxed);
}

void shadow_follow(const struct backend *backend, double now)
{
	struct backend *shadow = backend->shadow;
	struct seat *seats = atomic_load_explicit(&shadow->state->usable, memory_order_relaxed);
	uint32_t n = backend_n_usable(backend);

	for (size_t i = 0; i < backend->n_servers; i++)
		follow(backend->servers[i]);
	for (uint32_t i = 0; i < n; i++)
		seat_give(&seats[i], backend_usable(backend, i)->shadow);
	atomic_store_explicit(&shadow->state->n_usable, n, memory_order_release);
	shadow->balance->refresh(shadow, now);
}
