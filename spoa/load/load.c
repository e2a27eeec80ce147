/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/load.h"

#include <stdlib.h>

#include "names.h"
#include "push.h"
#include "receiver.h"
#include "spoa-redirect/base/clock.h"

#define REFRESH       0.1 /* seconds: decisions.md, "Selection" */
#define FIRST_ROUND   1.0 /* the first questions are spread over at most this long */
#define FIRST_ANSWERS 3.0 /* until then it is no news that nobody has answered yet */

/* ---- who is asked ---- */

static double first_of(const struct probe_kind *kind, const struct server *server, size_t i, size_t n)
{
	double interval = kind->interval(server);

	return (interval < FIRST_ROUND ? interval : FIRST_ROUND) * (double)i / (double)(n ? n : 1);
}

/* One question of one server: as it goes on, or a new one. False: out of memory. */
static bool want(struct load *load, struct server *server, const struct probe_kind *kind)
{
	struct probe *probe = server->state->probes[kind->what], **bigger;

	if (probe) {
		probe_move(probe, kind, server);
		probe->wanted = true;
		return true;
	}
	probe = calloc(1, sizeof(*probe));
	bigger = realloc(load->probes, (load->n + 1) * sizeof(*bigger));
	if (bigger)
		load->probes = bigger;
	if (!probe || !bigger) {
		free(probe);
		return false;
	}
	*probe = (struct probe){
		.kind = kind, .server = server, .load = load, .loop = load->loop, .wanted = true, .fd = -1
	};
	server->state->probes[kind->what] = load->probes[load->n++] = probe;
	return true;
}

static bool want_all(struct load *load)
{
	bool good = true;

	for (size_t i = 0; i < fleet_count(load->fleet); i++) {
		const struct backend *backend = fleet_backend(load->fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++) {
			struct server *server = backend->servers[j];

			if (server->check.enabled)
				good &= want(load, server,
					     backend->httpchk.enabled ? &health_http_kind : &health_tcp_kind);
			if (server->agent.enabled)
				good &= want(load, server, &agent_kind);
			if (server->load_check.enabled)
				good &= want(load, server, &poll_kind);
		}
	}
	return good;
}

/* Of a server that is no longer asked, or no longer there; its state may go with the old configuration. */
static void forget(struct probe *probe)
{
	probe->server->state->probes[probe->kind->what] = NULL;
	probe_stop(probe);
	free(probe);
}

/* Those that nobody wants any more go; the new ones begin, spread over an interval. */
static void sort_out(struct load *load, size_t from)
{
	size_t kept = 0, fresh = load->n - from;

	for (size_t i = 0; i < load->n; i++) {
		struct probe *probe = load->probes[i];

		if (!probe->wanted) {
			forget(probe);
			continue;
		}
		if (i >= from)
			probe_start(probe, first_of(probe->kind, probe->server, i - from, fresh));
		probe->wanted = false;
		load->probes[kept++] = probe;
	}
	load->n = kept;
}

/* ---- what is not known ---- */

static bool asks_load(const struct backend *backend)
{
	for (size_t i = 0; i < backend->n_servers; i++)
		if (backend->servers[i]->agent.enabled || backend->servers[i]->load_check.enabled ||
		    backend->servers[i]->load_push)
			return true;
	return false;
}

/* Once what was known has grown too old everywhere, a person should hear of it; and again only after it was known. */
static void say_unknown(struct load *load, size_t i)
{
	const struct backend *backend = fleet_backend(load->fleet, i);
	bool unknown = atomic_load_explicit(&backend->state->mean_cost, memory_order_relaxed) < 0 &&
		       backend_n_usable(backend) > 1;

	if (unknown && !backend->state->unknown_said)
		log_line(load->log, asks_load(backend) ? LOG_WARNING : LOG_NOTICE,
			 "backend %s: no server's load is known, choosing at random by weight", backend->name);
	backend->state->unknown_said = unknown;
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

	if (!load)
		return NULL;
	*load = (struct load){
		.loop = loop, .fleet = fleet, .log = log, .started = clock_now(), .captures = captures_new()
	};
	load->receiver = receiver_new(load);
	load->names = names_new(load, NAMES_VALID);
	if (!load->captures || !load->receiver || !load->names || !names_want(load->names) || !push_index(load) ||
	    !want_all(load)) {
		load_stop(load);
		return NULL;
	}
	sort_out(load, 0);
	ev_timer_init(&load->refresh, on_refresh, REFRESH, REFRESH);
	load->refresh.data = load;
	ev_timer_start(loop, &load->refresh);
	return load;
}

bool load_move(struct load *load, struct fleet *fleet, const struct log *log)
{
	size_t from = load->n;
	bool good;

	load->fleet = fleet;
	load->log = log;
	load->n_by_name = 0; /* they may go with their configuration */
	good = names_want(load->names);
	good &= push_index(load);
	good &= want_all(load);
	sort_out(load, from);
	return good;
}

struct captures *load_captures(const struct load *load)
{
	return load->captures;
}

void load_stop(struct load *load)
{
	if (!load)
		return;
	for (size_t i = 0; i < load->n; i++)
		forget(load->probes[i]);
	if (load->refresh.data)
		ev_timer_stop(load->loop, &load->refresh);
	free(load->probes);
	receiver_free(load->receiver);
	captures_free(load->captures);
	names_free(load->names);
	free(load->by_name);
	free(load);
}

/* ---- datagrams ---- */

bool load_prepare(struct load *load, const struct load_settings *settings, struct inherited *inherited, char *why,
		  size_t size)
{
	return receiver_prepare(load->receiver, settings, inherited, why, size);
}

void load_receive(struct load *load)
{
	receiver_move(load->receiver);
}

void load_unprepare(struct load *load)
{
	receiver_unprepare(load->receiver);
}

size_t load_sockets(const struct load *load, struct listening_socket *to, size_t room)
{
	return receiver_sockets(load->receiver, to, room);
}

void load_give_away(struct load *load)
{
	receiver_pause(load->receiver);
}

const char *load_datagram_name(enum load_datagram outcome)
{
	static const char *const names[] = {
		[LOAD_DATAGRAM_TAKEN] = "taken",       [LOAD_DATAGRAM_MALFORMED] = "malformed",
		[LOAD_DATAGRAM_FORGED] = "forged",     [LOAD_DATAGRAM_UNKNOWN] = "unknown",
		[LOAD_DATAGRAM_UNASKED] = "unasked",   [LOAD_DATAGRAM_OUTDATED] = "outdated",
		[LOAD_DATAGRAM_REJECTED] = "rejected",
	};

	return names[outcome];
}

uint64_t load_datagrams(const struct load *load, enum load_datagram outcome)
{
	return receiver_count(load->receiver, outcome);
}

uint64_t load_datagrams_lost(const struct load *load)
{
	return receiver_lost(load->receiver);
}
