/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/load.h"

#include <stdlib.h>

#include "probe.h"
#include "spoa-redirect/base/clock.h"

#define REFRESH       0.1 /* seconds: decisions.md, "Selection" */
#define FIRST_ROUND   1.0 /* the first questions are spread over at most this long */
#define FIRST_ANSWERS 3.0 /* until then it is no news that nobody has answered yet */

static size_t count_probes(const struct fleet *fleet)
{
	size_t n = 0;

	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			n += (size_t)backend->servers[j]->check.enabled + backend->servers[j]->agent.enabled;
	}
	return n;
}

static void add(struct load *load, struct server *server, const struct probe_kind *kind)
{
	load->probes[load->n++] =
		(struct probe){ .kind = kind, .server = server, .load = load, .loop = load->loop, .fd = -1 };
}

static void add_all(struct load *load)
{
	for (size_t i = 0; i < fleet_count(load->fleet); i++) {
		const struct backend *backend = fleet_backend(load->fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++) {
			struct server *server = backend->servers[j];

			if (server->check.enabled)
				add(load, server, backend->httpchk.enabled ? &health_http_kind : &health_tcp_kind);
			if (server->agent.enabled)
				add(load, server, &agent_kind);
		}
	}
}

static double first_of(const struct probe *probe, size_t i, size_t n)
{
	double interval = probe->kind->interval(probe->server);

	return (interval < FIRST_ROUND ? interval : FIRST_ROUND) * (double)i / (double)n;
}

static bool asks_agents(const struct backend *backend)
{
	for (size_t i = 0; i < backend->n_servers; i++)
		if (backend->servers[i]->agent.enabled)
			return true;
	return false;
}

/* Once what was known has grown too old everywhere, a person should hear of it; and again only after it was known. */
static void say_unknown(struct load *load, size_t i)
{
	const struct backend *backend = fleet_backend(load->fleet, i);
	bool unknown = atomic_load_explicit(&backend->state->mean_cost, memory_order_relaxed) < 0 &&
		       backend_n_usable(backend) > 1;

	if (unknown && !load->unknown_said[i])
		log_line(load->log, asks_agents(backend) ? LOG_WARNING : LOG_NOTICE,
			 "backend %s: no server's load is known, choosing at random by weight", backend->name);
	load->unknown_said[i] = unknown;
}

static void on_refresh(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct load *load = timer->data;

	double now = clock_now();

	(void)loop;
	(void)events;
	fleet_refresh(load->fleet, now);
	if (now - load->started < FIRST_ANSWERS)
		return;
	for (size_t i = 0; i < fleet_count(load->fleet); i++)
		if (fleet_backend(load->fleet, i)->balance->reads_utilisation)
			say_unknown(load, i);
}

struct load *load_start(struct ev_loop *loop, struct fleet *fleet, const struct log *log)
{
	struct load *load = calloc(1, sizeof(*load));
	size_t n = count_probes(fleet);

	if (!load)
		return NULL;
	*load = (struct load){ .loop = loop, .fleet = fleet, .log = log, .started = clock_now() };
	load->probes = calloc(n + 1, sizeof(*load->probes));
	load->unknown_said = calloc(fleet_count(fleet) + 1, sizeof(*load->unknown_said));
	if (!load->probes || !load->unknown_said) {
		load_stop(load);
		return NULL;
	}
	add_all(load);
	for (size_t i = 0; i < load->n; i++)
		probe_start(&load->probes[i], first_of(&load->probes[i], i, n));
	ev_timer_init(&load->refresh, on_refresh, REFRESH, REFRESH);
	load->refresh.data = load;
	ev_timer_start(loop, &load->refresh);
	return load;
}

void load_stop(struct load *load)
{
	if (!load)
		return;
	for (size_t i = 0; i < load->n; i++)
		probe_stop(&load->probes[i]);
	if (load->refresh.data)
		ev_timer_stop(load->loop, &load->refresh);
	free(load->probes);
	free(load->unknown_said);
	free(load);
}
