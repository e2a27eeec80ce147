/* SPDX-License-Identifier: GPL-2.0-or-later */
/* least-load: where the servers of a backend stand, found out by the control thread every 100 ms for all its picks. */
#include <math.h>
#include <stdlib.h>

#include "estimate.h"
#include "least_load.h"
#include "select.h"
#include "stick.h"

#define MIN_RATE     1e-3
#define MOST_CHOICES 64.0

/* ---- how well a server's load is known ---- */

static enum load_knowledge knowledge(const struct server *server, double now)
{
	const struct server_load *load = &server->state->load;
	const struct server *told = server->real ? server->real : server;
	enum load_source source = told->state->merged.source;
	double reported = GET(load->reported), period = GET(load->period);

	if (reported < 0 || now - reported > load_bound(server, source, period))
		return LOAD_UNKNOWN;
	return now - reported > 3 * load_period(server, source, period) ? LOAD_STALE : LOAD_KNOWN;
}

/*
 * What is in flight is known of a server that tells, and only then a limit says something. An agent's word comes first. As
 * the estimate is a mean, its nearest whole number stands for what is there: five that were told are full as long as half
 * of one, in the mean, has not gone, and what is left of one that has gone keeps nobody from a server that takes one.
 */
void learn_set_limit(const struct server *server)
{
	struct server_load *load = &server->state->load;
	uint32_t told = GET(server->state->maxconn), most = told > 0 ? told : server->maxconn;
	bool counts = most > 0 && GET(load->known) != LOAD_UNKNOWN;

	SET(load->limit, counts ? (float)most - 0.5f : INFINITY);
}

static void refresh_knowledge(struct backend *backend, double now)
{
	uint32_t n = 0;

	for (size_t i = 0; i < backend->n_servers; i++) {
		enum load_knowledge known = knowledge(backend->servers[i], now);

		SET(backend->servers[i]->state->load.known, known);
		learn_set_limit(backend->servers[i]);
		n += known != LOAD_UNKNOWN;
	}
	backend->state->n_known = n;
}

/* ---- rates ---- */

static void refresh_own_rate(struct backend_state *state, uint64_t booked, double now)
{
	double elapsed = now - state->refreshed;

	if (elapsed > 0 && state->refreshed > 0)
		state->own_rate = learn_blend(state->own_rate, (double)(booked - state->booked_then) / elapsed, elapsed,
					      MEAN_MEMORY);
	state->booked_then = booked;
	state->refreshed = now;
}

/* R, the fleet's rate per unit of weight: decisions.md, "Selection". */
static void refresh_rate(struct backend *backend, double now)
{
	struct backend_state *state = backend->state;
	double completions = 0, busy = 0, weights = 0;
	uint64_t booked = 0;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];
		const struct server_load *load = &server->state->load;

		completions += load->cC;
		busy += load->cB * server->weight;
		weights += server->weight;
		booked += GET(load->booked);
	}
	refresh_own_rate(state, booked, now);
	if (completions >= PRIOR && busy > 0)
		state->rate = completions / busy;
	else
		state->rate = weights > 0 ? state->own_rate / weights : 0;
	state->rate = larger(state->rate, MIN_RATE);
}

/* K, as far as a peer is likely to have used the same reports. */
static void refresh_choices(struct backend_state *state)
{
	double f = state->own_rate * (state->peers.T + RD), choices;

	choices = round(1 + (GET(state->m) - 1) * (f < 1 ? f : 1));
	SET(state->choices, (uint32_t)(choices < MOST_CHOICES ? choices : MOST_CHOICES));
}

/* ---- costs ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of none: 0. */
static double median(double *values, size_t n)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Median and mean cost of what is known, for those of whom nothing is. */
static void refresh_costs(struct backend *backend, double now)
{
	struct backend_state *state = backend->state;
	uint32_t n = backend_n_usable(backend), known = 0, most = 0;
	double sum = 0, half = half_busy(backend);

	for (uint32_t i = 0; i < n; i++) {
		const struct server *server = backend_usable(backend, i);
		double est, z;

		most = server_share(server) > most ? server_share(server) : most;
		SET(server->state->load.share, (uint16_t)server_share(server));
		if (GET(server->state->load.known) != LOAD_KNOWN)
			continue;
		drain(&server->state->load, half, now, &est, &z);
		state->sorted[known] = cost_of(&server->state->load, half, est);
		sum += state->sorted[known++];
	}
	SET(state->max_weight, most);
	SET(state->median_cost, median(state->sorted, known));
	SET(state->mean_cost, known ? sum / known : -1);
}

/* ---- who comes back ---- */

/* What most of those have in flight who have been here all the while. */
static double median_est(const struct backend *backend, double now)
{
	uint32_t n = backend_n_usable(backend), known = 0;
	double half = half_busy(backend);

	for (uint32_t i = 0; i < n; i++) {
		const struct server *server = backend_usable(backend, i);
		double z;

		if (server->state->load.was_up && GET(server->state->load.known) == LOAD_KNOWN)
			drain(&server->state->load, half, now, &backend->state->sorted[known++], &z);
	}
	return median(backend->state->sorted, known);
}

static bool comes_back(const struct server *server)
{
	return server_status(server) == SERVER_UP && !server->state->load.was_up;
}

/* Those that come back begin as most others stand now, not empty: else all would go there at once. */
static void welcome(const struct backend *backend, double now)
{
	double est = -1;

	for (size_t i = 0; i < backend->n_servers; i++) {
		struct server_load *load = &backend->servers[i]->state->load;

		if (comes_back(backend->servers[i])) {
			if (est < 0)
				est = median_est(backend, now);
			SET(load->est, est);
			SET(load->z, 0);
			SET(load->at, now);
		}
	}
	for (size_t i = 0; i < backend->n_servers; i++)
		backend->servers[i]->state->load.was_up = server_status(backend->servers[i]) == SERVER_UP;
}

void least_load_refresh(struct backend *backend, double now)
{
	refresh_rate(backend, now);
	for (size_t i = 0; i < backend->n_servers; i++)
		learn_set_mu(backend, backend->servers[i]);
	refresh_knowledge(backend, now);
	refresh_choices(backend->state);
	welcome(backend, now);
	refresh_costs(backend, now);
	if (backend->hash.sticks)
		stick_refresh(backend, now);
}

bool least_load_prepare(struct arena *arena, struct backend *backend, uint32_t room)
{
	struct backend_state *state = backend->state;
	double *sorted = arena_array(arena, room, sizeof(*sorted));

	if (!sorted)
		return false;
	if (!state->sorted && (backend->balance->hashes || backend->hash.sticks) && !ring_prepare(arena, state))
		return false;
	if (!state->sorted) {
		atomic_init(&state->mean_cost, -1);
		atomic_init(&state->m, backend->agents);
		atomic_init(&state->choices, backend->agents);
		atomic_init(&state->half_busy, learn_half_busy(backend->agents));
	}
	state->sorted = sorted;
	return true;
}
