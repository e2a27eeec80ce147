/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers that come and go at run time, through all rooms that know them. */
#include "spoa-redirect/site.h"

#include <stdio.h>

static bool refuse_dry_run(const struct backend *backend, char *why, size_t size)
{
	if (backend->shadow)
		snprintf(why, size, "Servers of a backend with 'option dry-run' cannot be added or deleted.");
	return backend->shadow != NULL;
}

bool site_add_server(struct site *site, struct backend *backend, const char *name, const char *line, double now,
		     struct retired **retired, char *why, size_t size)
{
	struct server *server;

	if (refuse_dry_run(backend, why, size))
		return false;
	server = backend_add_server(site->fleet, backend, name, line, now, why, size);
	if (!server)
		return false;
	if (answer_prepare_server(server) && answer_servers_changed(site->arena, backend, server, retired))
		return true;
	backend_remove_server(server, now, retired);
	snprintf(why, size, "out of memory");
	return false;
}

bool site_remove_server(struct site *site, struct server *server, double now, struct retired **retired, char *why,
			size_t size)
{
	struct backend *backend = server->backend;
	const char *keeps = backend_keeps_server(server);

	if (keeps)
		snprintf(why, size, "%s", keeps);
	if (keeps || refuse_dry_run(backend, why, size))
		return false;
	/* first who finds it by another way, so that it is freed after what leads to it */
	backend_remove_server(server, now, retired);
	if (!answer_servers_changed(site->arena, backend, NULL, retired))
		snprintf(why, size, "out of memory");
	return true;
}

void site_keep_guests(struct site *site, const struct site *old, double now)
{
	struct retired *retired = NULL; /* nobody has seen this site yet */
	char why[200];

	for (size_t i = 0; i < fleet_count(old->fleet); i++) {
		const struct backend *before = fleet_backend(old->fleet, i);
		struct backend *backend = fleet_find(site->fleet, before->name);

		for (size_t j = 0; backend && j < before->n_servers; j++) {
			const struct server *server = before->servers[j];

			if (!server_line(server) || backend_find(backend, server->name))
				continue;
			if (!site_add_server(site, backend, server->name, server_line(server), now, &retired, why,
					     sizeof(why)))
				log_line(net_settings_log(site->settings), LOG_WARNING,
					 "Server %s/%s, which came at run time, does not stay: %s.", before->name,
					 server->name, why);
		}
	}
	retired_free(retired);
}
