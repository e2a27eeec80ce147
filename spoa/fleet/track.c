/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `track`: a server whose state follows that of another one, which is checked. HAProxy's manual, 5.2. */
#include <string.h>

#include "fleet.h"

static struct server *find(const struct fleet *fleet, const struct server *server)
{
	const char *slash = strchr(server->track_name, '/');
	const struct backend *backend = server->backend;

	if (!slash)
		return backend_find(backend, server->track_name);
	for (size_t i = 0; i < fleet->n; i++)
		if (slice_eq(slice_of_string(fleet->backends[i]->name),
			     slice_of(server->track_name, (size_t)(slash - server->track_name))))
			return backend_find(fleet->backends[i], slash + 1);
	return NULL;
}

static bool is_checked(const struct server *server)
{
	return server->check.enabled || server->agent.enabled || server->track_name;
}

static bool link_one(const struct fleet *fleet, struct server *server, struct config *config)
{
	struct server *track = find(fleet, server);
	const char *wrong = NULL;

	if (server->check.enabled)
		return config_say_at(config, CONFIG_ERROR, server->place,
				     "server '%s': either 'check' or 'track', not both", server->name);
	if (!track)
		wrong = "there is no such server";
	else if (!is_checked(track))
		wrong = "that server has neither 'check' nor 'agent-check'";
	if (wrong)
		return config_say_at(config, CONFIG_ERROR, server->place, "server '%s': cannot track '%s': %s",
				     server->name, server->track_name, wrong);
	server->track = track;
	return true;
}

/* Each circle is told once, of its first server in the file: there it is cut. */
static void cut_circle(struct server *server, struct config *config)
{
	const struct server *slow = server, *next = server->track;

	/* a circle that the server only leads into is noticed by the slower of two */
	for (bool even = false; next && next != server && next != slow; even = !even) {
		next = next->track;
		if (even)
			slow = slow->track;
	}
	if (next != server)
		return;
	config_say_at(config, CONFIG_ERROR, server->place, "server '%s': 'track %s' leads back to it", server->name,
		      server->track_name);
	server->track = NULL;
}

static void for_each(const struct fleet *fleet, struct config *config,
		     void (*act)(const struct fleet *fleet, struct server *server, struct config *config))
{
	for (size_t i = 0; i < fleet->n; i++)
		for (size_t j = 0; j < fleet->backends[i]->n_servers; j++)
			if (fleet->backends[i]->servers[j]->track_name)
				act(fleet, fleet->backends[i]->servers[j], config);
}

static void link_it(const struct fleet *fleet, struct server *server, struct config *config)
{
	link_one(fleet, server, config);
}

static void cut_it(const struct fleet *fleet, struct server *server, struct config *config)
{
	(void)fleet;
	if (server->track)
		cut_circle(server, config);
}

static void hang_on(const struct fleet *fleet, struct server *server, struct config *config)
{
	(void)fleet;
	(void)config;
	if (!server->track)
		return;
	server->next_tracker = server->track->trackers;
	server->track->trackers = server;
}

void track_finish(const struct fleet *fleet, struct config *config)
{
	for_each(fleet, config, link_it);
	for_each(fleet, config, cut_it);
	for_each(fleet, config, hang_on);
}
