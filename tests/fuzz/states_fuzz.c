/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of servers' states, as `state-file` names one.
 * - What is refused changes nothing; what is taken leaves a fleet that can be picked from.
 * - What is written of that is taken back, by another fleet, without a difference.
 */
#include "site.h"
#include "spoa/net/net.h"

static const char text[] = "frontend f\n bind 127.0.0.1:1\n default_backend a\n"
			   "backend a\n balance least-load\n"
			   " server s 192.0.2.1:80 redir https://a.example check agent-check agent-port 1 weight 100\n"
			   " server t 192.0.2.2:80 redir https://b.example disabled\n"
			   "backend b\n balance roundrobin\n"
			   " server s 192.0.2.1:80 redir https://a.example\n"
			   " server u 192.0.2.3:80 redir https://c.example weight 256\n";

static void check_fleet(const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (uint32_t j = 0; j < backend_n_usable(backend); j++)
			must(server_status(backend_usable(backend, j)) == SERVER_UP);
		for (size_t j = 0; j < backend->n_servers; j++)
			must(atomic_load(&backend->servers[j]->state->weight) <= 256);
	}
}

static void check_back(const struct fleet *fleet)
{
	struct site other;
	char *written = NULL;
	size_t length;
	FILE *out = open_memstream(&written, &length);

	fleet_put_states(fleet, out, NULL, 1, false, SITE_NOW);
	must(fclose(out) == 0);
	site_of(&other, text);
	other.settings->log.n = 0;
	must(fleet_take_states(other.fleet, slice_of(written, length), SITE_NOW) == 0);
	must(fleet_states_sum(other.fleet) == fleet_states_sum(fleet));
	free(written);
	arena_free(other.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site site;
	uint64_t before;

	site_of(&site, text);
	site.settings->log.n = 0;
	before = fleet_states_sum(site.fleet);
	if (fleet_take_states(site.fleet, slice_of(data, size), SITE_NOW) != 0)
		must(fleet_states_sum(site.fleet) == before);
	check_fleet(site.fleet);
	check_back(site.fleet);
	arena_free(site.arena);
	return 0;
}
