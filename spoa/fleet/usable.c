/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may be picked: slots and their standbys, below maxload if any is, then backups. decisions.md, "Who may be picked". */
#include "fleet.h"

bool server_over_maxload(const struct server *server, double now)
{
	const struct server *told = server->real ? server->real : server;
	enum load_source source;

	if (server->maxload <= 0)
		return false;
	source = load_owner(told, LOAD_U, now);
	return source < LOAD_SOURCES && told->state->said[source].report.u > server->maxload;
}

static bool can_serve(const struct server *server)
{
	return server_status(server) == SERVER_UP;
}

/* A server that has more than its maxload keeps its slot: its standby is for when it cannot serve. */
static struct server *slot_holder(struct server *server)
{
	if (server->backup || server->standby_of)
		return NULL;
	if (can_serve(server))
		return server;
	return server->standby && can_serve(server->standby) ? server->standby : NULL;
}

static struct server *backup(struct server *server)
{
	return server->backup && can_serve(server) ? server : NULL;
}

/* Those that `who` makes of the servers, up to `most` of them. over: also those above their maxload. */
static uint32_t fill(struct backend *backend, struct server *(*who)(struct server *server), bool over, uint32_t most,
		     double now)
{
	struct seat *seats = atomic_load_explicit(&backend->state->usable, memory_order_relaxed);
	uint32_t n = 0;

	for (size_t i = 0; i < backend->n_servers && n < most; i++) {
		struct server *server = who(backend->servers[i]);

		if (server && (over || !server_over_maxload(server, now)))
			seat_give(&seats[n++], server);
	}
	return n;
}

/* Where all are above it, it tells nothing. */
static uint32_t fill_below(struct backend *backend, struct server *(*who)(struct server *server), uint32_t most,
			   double now)
{
	uint32_t n = fill(backend, who, false, most, now);

	return n > 0 || !backend->state->some_maxload ? n : fill(backend, who, true, most, now);
}

void usable_fill(struct backend *backend, double now)
{
	struct backend_state *state = backend->state;
	uint32_t n;

	state->some_maxload = state->due = false;
	state->active = state->spare = 0;
	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];

		state->some_maxload |= server->maxload > 0;
		*server_counts_in(server) += can_serve(server);
	}
	n = fill_below(backend, slot_holder, UINT32_MAX, now);
	if (n == 0)
		n = fill_below(backend, backup, backend->allbackups ? UINT32_MAX : 1, now);
	atomic_store_explicit(&backend->state->n_usable, n, memory_order_release);
}
