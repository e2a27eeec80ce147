/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that come and go while the agent runs. One that came owns the memory that it is made of, and it is freed once no
 * worker can be looking at it; where arrays have to grow they double, and the old ones stay until the configuration goes.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

#define FIRST_ROOM 8u

/* What a server that came at run time is, beside the server. */
struct guest {
	struct retired retired;
	struct arena *arena;
	char *line; /* behind the name, as it was said */
};

const char *server_line(const struct server *server)
{
	return server->guest ? server->guest->line : NULL;
}

struct arena *server_arena(const struct server *server)
{
	return server->guest ? server->guest->arena : NULL;
}

static void free_guest(struct retired *retired)
{
	arena_free(((struct guest *)retired)->arena);
}

static void free_guests(void *into)
{
	struct backend *backend = into;

	for (size_t i = 0; i < backend->n_servers; i++)
		if (backend->servers[i]->guest)
			free_guest(&backend->servers[i]->guest->retired);
}

/* ---- reading ---- */

static bool split(struct arena *arena, const char *line, struct config_words *words)
{
	char *rest = arena_string(arena, line), *word, **slot;

	words->word = NULL;
	words->left = 0;
	while (rest && (word = strsep(&rest, " \t"))) {
		if (!*word)
			continue;
		slot = arena_grow(arena, &words->word, &words->left, sizeof(*slot));
		if (!slot)
			return false;
		*slot = word;
	}
	return true;
}

static struct server *read_guest(struct arena *arena, struct backend *backend, const char *name, const char *line,
				 struct config *config)
{
	struct config_words words = {
		.config = config, .arena = arena, .section = CONFIG_BACKEND, .keyword = "server"
	};
	struct guest *guest = arena_alloc(arena, sizeof(*guest));
	struct server *server;

	if (!guest || !split(arena, line, &words))
		return NULL;
	words.place.file = "runtime";
	server = server_read(&words, backend, &server_initial, arena_string(arena, name));
	if (server && server->host.name) {
		config_error(&words, "server '%s': names are not resolved for a server that comes at run time", name);
		return NULL;
	}
	if (!server || !server_make_state(arena, server))
		return NULL;
	*guest = (struct guest){ .arena = arena, .line = arena_string(arena, line) };
	server->guest = guest;
	return guest->line ? server : NULL;
}

/* ---- room ---- */

static bool grow_servers(struct fleet *fleet, struct backend *backend)
{
	size_t room = backend->room ? backend->room * 2 : FIRST_ROOM;
	struct server **servers;

	if (backend->n_servers < backend->room)
		return true;
	while (room <= backend->n_servers)
		room *= 2;
	servers = arena_array(fleet->arena, room, sizeof(struct server *));
	if (!servers || (backend->room == 0 && !arena_on_free(fleet->arena, free_guests, backend)))
		return false;
	if (backend->n_servers > 0)
		memcpy(servers, backend->servers, backend->n_servers * sizeof(struct server *));
	backend->servers = servers;
	backend->room = (uint32_t)room;
	return true;
}

/* Workers go on with what they have read. */
static bool grow_state(struct fleet *fleet, struct backend *backend)
{
	struct backend_state *state = backend->state;
	struct seat *old = atomic_load_explicit(&state->usable, memory_order_relaxed), *seats;
	uint32_t room = state->room * 2;

	if (backend->n_servers < state->room)
		return true;
	seats = arena_array(fleet->arena, room, sizeof(*seats));
	if (!seats)
		return false;
	for (uint32_t i = 0; i < backend_n_usable(backend); i++)
		seat_give(&seats[i], atomic_load_explicit(&old[i].server, memory_order_relaxed));
	if (backend->balance->prepare && !backend->balance->prepare(fleet->arena, backend, room))
		return false;
	atomic_store_explicit(&state->usable, seats, memory_order_release);
	state->room = room;
	return true;
}

/* ---- coming and going ---- */

/* As HAProxy: the smallest that is free. */
static uint32_t free_id(const struct backend *backend)
{
	uint32_t id = 1, before;

	do {
		before = id;
		for (size_t i = 0; i < backend->n_servers; i++)
			id += backend->servers[i]->id == id;
	} while (id != before);
	return id;
}

static void say(const struct config *config, char *why, size_t size)
{
	struct config_told told;

	for (size_t i = 0; config && config_told(config, i, &told); i++)
		if (told.severity == CONFIG_ERROR) {
			snprintf(why, size, "%s", told.text);
			return;
		}
}

struct server *backend_add_server(struct fleet *fleet, struct backend *backend, const char *name, const char *line,
				  double now, char *why, size_t size)
{
	struct arena *arena = arena_new();
	struct config *config = arena ? config_new(arena, NULL, 0) : NULL;
	struct server *server = config ? read_guest(arena, backend, name, line, config) : NULL;
	bool known;

	snprintf(why, size, "out of memory");
	if (server)
		server_finish(fleet, arena, server, config, now);
	known = server && config_count(config, CONFIG_ERROR) == 0 && grow_servers(fleet, backend) &&
		grow_state(fleet, backend) && backend_know(backend, server);
	if (!known || !server_link_standby(server, config)) {
		if (known)
			backend_forget(backend, server);
		say(config, why, size);
		arena_free(arena);
		return NULL;
	}
	server->id = free_id(backend);
	server->index = (uint32_t)backend->n_servers;
	server->state->admin = ADMIN_MAINT;
	server->state->paused[PROBED_HEALTH] = server->check.enabled;
	server->state->paused[PROBED_AGENT] = server->agent.enabled;
	atomic_store_explicit(&server->state->status, SERVER_MAINT, memory_order_relaxed);
	backend->servers[backend->n_servers++] = server;
	backend_refresh_usable(backend, now);
	return server;
}

const char *backend_keeps_server(const struct server *server)
{
	if (server->state->admin != ADMIN_MAINT)
		return "Only servers in maintenance mode can be deleted.";
	if (server->standby)
		return "This server cannot be removed: it has a standby.";
	return NULL;
}

void backend_remove_server(struct server *server, double now, struct retired **retired)
{
	struct backend *backend = server->backend;

	for (size_t i = 0; i < backend->n_servers; i++)
		if (backend->servers[i]->standby == server)
			backend->servers[i]->standby = NULL;
	backend_forget(backend, server);
	backend->n_servers--;
	for (size_t i = server->index; i < backend->n_servers; i++) {
		backend->servers[i] = backend->servers[i + 1];
		backend->servers[i]->index = (uint32_t)i;
	}
	backend_refresh_usable(backend, now);
	if (server->guest)
		retired_add(retired, &server->guest->retired, free_guest);
}
