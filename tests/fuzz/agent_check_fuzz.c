/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an agent-check hears, as the answer to one question.
 * - What follows the line's end changes nothing, and more bytes do not make a complete answer incomplete.
 * - A line without an end changes nothing at all.
 * - Weights stay at most 256, states and figures within their ranges, and the usable servers are those that are up.
 * - What the configuration disabled stays in maintenance.
 * - "up ready 100%" takes back whatever was said.
 */
#include <math.h>
#include <string.h>

#include "site.h"
#include "spoa/load/probe.h"
#include "spoa/net/net.h"

#define SERVERS 3u

static const char text[] = "frontend f\n bind 127.0.0.1:1\n default_backend load\n"
			   "backend load\n balance least-load\n"
			   " server s 192.0.2.1:80 redir https://a.example agent-check agent-port 1 weight 100\n"
			   " server t 192.0.2.2:80 redir https://b.example disabled\n"
			   " server u 192.0.2.3:80 redir https://c.example\n"
			   "backend turns\n balance roundrobin\n"
			   " server s 192.0.2.1:80 redir https://a.example agent-check agent-port 1 weight 255\n"
			   " server t 192.0.2.2:80 redir https://b.example disabled\n"
			   " server u 192.0.2.3:80 redir https://c.example\n";

struct seen {
	int status;
	uint32_t weight, n_usable;
	double u;
};

static struct seen look(const struct backend *backend, unsigned i)
{
	const struct server *server = backend->servers[i];

	return (struct seen){ .status = atomic_load(&server->state->status),
			      .weight = atomic_load(&server->state->weight),
			      .n_usable = atomic_load(&backend->state->n_usable),
			      .u = atomic_load(&server->state->load.u) };
}

static void hear(struct load *load, struct server *server, struct slice answer)
{
	struct probe probe = { .kind = &agent_kind, .server = server, .load = load };

	agent_kind.done(&probe, PROBE_ANSWERED, answer, SITE_NOW);
}

static void check_server(const struct backend *backend, unsigned i)
{
	const struct server_load *load = &backend->servers[i]->state->load;
	struct seen seen = look(backend, i);

	must(seen.weight <= 256 && seen.status >= SERVER_UP && seen.status <= SERVER_MAINT);
	must(!backend->servers[i]->disabled || seen.status == SERVER_MAINT);
	must(seen.u <= 1 && (seen.u >= 0 || seen.u == -1));
	must(isfinite(load->est) && load->est >= 0 && isfinite(load->z) && isfinite(load->mu) && load->mu >= 0);
	must(isfinite(load->dir) && isfinite(load->scale));
}

static void check_backend(const struct backend *backend)
{
	uint32_t n = atomic_load(&backend->state->n_usable), up = 0;

	for (unsigned i = 0; i < SERVERS; i++) {
		check_server(backend, i);
		up += server_status(backend->servers[i]) == SERVER_UP;
	}
	must(n == up);
	for (uint32_t i = 0; i < n; i++)
		must(server_status(backend_usable(backend, i)) == SERVER_UP);
}

static struct slice first_line(struct slice answer)
{
	size_t end = 0;

	while (end < answer.len && answer.ptr[end] != '\r' && answer.ptr[end] != '\n')
		end++;
	return slice_of(answer.ptr, end);
}

static void check_complete(struct slice answer)
{
	size_t line = first_line(answer).len;

	must(agent_kind.complete(answer) == (line < answer.len));
	must(!agent_kind.complete(slice_of(answer.ptr, line)));
	must(line == answer.len || agent_kind.complete(slice_of(answer.ptr, line + 1)));
}

static struct slice first_line_with_end(struct slice answer)
{
	size_t line = first_line(answer).len;

	return slice_of(answer.ptr, line < answer.len ? line + 1 : line);
}

static void check_answer(struct load *load, struct backend *backend, struct slice answer)
{
	struct seen whole, before, line;

	for (unsigned i = 0; i < SERVERS; i++) {
		hear(load, backend->servers[i], SLICE("up ready 100%\n"));
		check_backend(backend);
		must(backend->servers[i]->disabled || server_status(backend->servers[i]) == SERVER_UP);
		must(look(backend, i).weight == backend->servers[i]->weight);
	}
	for (unsigned i = 0; i < SERVERS; i++) {
		hear(load, backend->servers[i], answer);
		check_backend(backend);
		whole = look(backend, i);
		hear(load, backend->servers[i], SLICE("up ready 100%\n"));
		before = look(backend, i);
		hear(load, backend->servers[i], first_line(answer));
		line = look(backend, i);
		must(before.status == line.status && before.weight == line.weight && before.u == line.u);
		hear(load, backend->servers[i], first_line_with_end(answer));
		line = look(backend, i);
		must(whole.status == line.status && whole.weight == line.weight && whole.n_usable == line.n_usable);
		must(whole.u == line.u);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site site;
	static struct log silent;
	struct load load = { .log = &silent };

	if (!site.arena) {
		site_of(&site, text);
		site.settings->log.n = 0;
	}
	if (size > PROBE_ROOM)
		size = PROBE_ROOM;
	load.fleet = site.fleet;
	check_complete(slice_of(data, size));
	for (size_t i = 0; i < fleet_count(site.fleet); i++)
		check_answer(&load, fleet_backend(site.fleet, i), slice_of(data, size));
	return 0;
}
