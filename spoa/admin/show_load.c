/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show load`: what the policy knows of each server. */
#include <string.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

static double of(const _Atomic double *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static const char *age(const struct server_load *load, double now, char *text, size_t size)
{
	double reported = of(&load->reported);

	snprintf(text, size, reported < 0 ? "-" : "%.1f", now - reported);
	return text;
}

static void put(FILE *out, const struct server *server, double now)
{
	static const char *const known[] = {
		[LOAD_UNKNOWN] = "unknown", [LOAD_STALE] = "stale", [LOAD_KNOWN] = "known"
	};
	const struct server_load *load = &server->state->load;
	double under_way, est = select_in_flight(server, now, &under_way);
	char when[20], u[20];

	snprintf(u, sizeof(u), of(&load->u) < 0 ? "-" : "%.2f", of(&load->u));
	fprintf(out, "%s %s %s %s %s %s %.1f %.1f %.2f %llu\n", server->backend->name, server->name,
		server_status_name(server_status(server)),
		known[atomic_load_explicit(&load->known, memory_order_relaxed)], age(load, now, when, sizeof(when)), u,
		est, under_way, of(&load->mu),
		(unsigned long long)atomic_load_explicit(&load->booked, memory_order_relaxed));
}

void show_load(struct session *session, FILE *out, char **words, size_t n)
{
	const struct fleet *fleet = session->admin->running->site.fleet;
	double now = clock_now();

	if (n > 0 && !fleet_find(fleet, words[0])) {
		fprintf(out, "Can't find backend.\n");
		return;
	}
	fprintf(out, "# be_name srv_name status load age u est under_way mu redirects\n");
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		if (n > 0 && strcmp(words[0], backend->name) != 0)
			continue;
		for (size_t j = 0; j < backend->n_servers; j++)
			put(out, backend->servers[j], now);
	}
}
