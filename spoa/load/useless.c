/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration says of reports and what changes nothing by it, which nobody would notice. */
#include "settings.h"

/* Each is said once a backend: most likely it is in a default-server. */
static const struct server *first_of(const struct backend *backend, bool (*is)(const struct server *server))
{
	for (size_t i = 0; i < backend->n_servers; i++)
		if (is(backend->servers[i]))
			return backend->servers[i];
	return NULL;
}

static bool is_pushed(const struct server *server)
{
	return server->load_push;
}

/* The shortest time between two reports that are asked for; 0: none are. */
static double interval(const struct server *server)
{
	double check = server->load_check.enabled ? server->load_check.inter : 0, agent = 0;

	if (server->agent.enabled && server->backend->balance->reads_utilisation)
		agent = server->agent.inter;
	return check <= 0 || (agent > 0 && agent < check) ? agent : check;
}

static bool is_stale_too_soon(const struct server *server)
{
	return server->load_stale > 0 && !server->load_push && server->load_stale <= interval(server);
}

void load_warn_useless(const struct load_settings *settings, const struct fleet *fleet, bool takes_pushes,
		       struct config *config)
{
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct server *pushed = first_of(fleet_backend(fleet, i), is_pushed),
				    *stale = first_of(fleet_backend(fleet, i), is_stale_too_soon);

		if (pushed && !takes_pushes && settings->n_binds == 0)
			config_say_at(config, CONFIG_WARNING, pushed->place,
				      "server '%s': 'load-push' has no effect: there is no 'load-bind', 'http' with "
				      "'http-token-file' or 'stats socket' in 'global' that reports could come to",
				      pushed->name);
		if (stale)
			config_say_at(
				config, CONFIG_WARNING, stale->place,
				"server '%s': 'load-stale' is not longer than the %g s between two reports: before "
				"each the load is unknown",
				stale->name, interval(stale));
	}
}
