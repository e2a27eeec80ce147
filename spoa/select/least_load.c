/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Water-filling on an estimate of what is in flight at each server: selection.md, section 2, for servers that report
 * their utilisation, and one agent. Names are that section's.
 */
#include <math.h>
#include <stdlib.h>

#include "select.h"
#include "spoa-redirect/select.h"

#define RD            0.05 /* redirect delay: the client's way to its server */
#define SAMPLE        16u  /* servers that a pick looks at */
#define PRIOR         30.0 /* completions that the configured weight counts as */
#define MEMORY        20.0 /* seconds, of cC and cB */
#define MEAN_MEMORY   10.0 /* seconds, of the period and of r_own */
#define FULL          0.97 /* from here on a utilisation says only "full" */
#define MIN_RATE      1e-3
#define MIN_AGE_BOUND 5.0  /* load-stale by default: max(5 s, 5 periods) */
#define MIN_INTERVAL  1e-3 /* closer reports replace each other */
#define MAX_DRAWS     64u

#define GET(field)        atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

static void atomic_add(_Atomic double *sum, double more)
{
	double before = GET(*sum);

	while (!atomic_compare_exchange_weak_explicit(sum, &before, before + more, memory_order_relaxed,
						      memory_order_relaxed))
		continue;
}

/* exp(−x) for x ≥ 0, from its series: within 0.4 % up to x = 1 and falling for ever, which is all that matters to z. */
static double decay(double x)
{
	return 1 / (1 + x * (1 + x * (1.0 / 2 + x * (1.0 / 6 + x * (1.0 / 24)))));
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* What is left of est and z by now: pointwise stationary fluid flow, one implicit Euler step. */
static inline void drain(const struct server_load *load, double now, double *est, double *z)
{
	double dt = now - GET(load->at), y;

	*est = GET(load->est);
	*z = GET(load->z);
	if (dt <= 0)
		return;
	*z *= decay(dt * (1 / RD));
	y = larger(*est - *z, 0);
	/* (y + dir dt) / (1 + mu dt / (1 + y)), with one division */
	y = (y + GET(load->dir) * dt) * (1 + y) / (1 + y + GET(load->mu) * dt);
	*est = *z + y;
}

double select_in_flight(const struct server *server, double now, double *under_way)
{
	double est;

	drain(&server->state->load, now, &est, under_way);
	return est;
}

/* ---- how well a server's load is known ---- */

static enum load_knowledge knowledge(const struct server *server, double now)
{
	const struct server_load *load = &server->state->load;
	double reported = GET(load->reported), period = GET(load->period), bound = server->load_stale;

	if (reported < 0)
		return LOAD_UNKNOWN;
	if (bound <= 0)
		bound = larger(MIN_AGE_BOUND, 5 * period);
	if (now - reported > bound)
		return LOAD_UNKNOWN;
	/* before a second report the period is not known: what is configured stands for it */
	if (period <= 0)
		period = server->agent.inter;
	return now - reported > 3 * period ? LOAD_STALE : LOAD_KNOWN;
}

static double cost_of(const struct server_load *load, double est)
{
	return (est + 1) * GET(load->scale);
}

/* What one more client would cost there; what is not known is taken as average, what is old as no better than most. */
static inline double cost(const struct backend *backend, const struct server *server, double now)
{
	const struct server_load *load = &server->state->load;
	int known = GET(load->known);
	double est, z;

	drain(load, now, &est, &z);
	if (__builtin_expect(known == LOAD_KNOWN, true))
		return cost_of(load, est);
	if (known == LOAD_UNKNOWN)
		return GET(backend->state->mean_cost) + z / GET(load->mu);
	return larger(cost_of(load, est), GET(backend->state->median_cost));
}

/* ---- picking ---- */

static struct server *pick_by_weight(const struct backend *backend, uint32_t n, struct random *random)
{
	uint32_t most = GET(backend->state->max_weight);
	struct server *server = NULL;

	for (unsigned draw = 0; draw < MAX_DRAWS; draw++) {
		server = backend_usable(backend, random_below(random, n));
		if (random_below(random, most ? most : 1) < server_weight(server))
			break;
	}
	return server;
}

static struct server *least_load_pick(struct backend *backend, uint64_t key, double now, struct random *random)
{
	uint32_t n = backend_n_usable(backend), looks = n < SAMPLE ? n : SAMPLE, at;
	struct server *best = NULL;
	double least = INFINITY;

	(void)key;
	if (n <= 1)
		return n ? backend_usable(backend, 0) : NULL;
	if (GET(backend->state->mean_cost) < 0)
		return pick_by_weight(backend, n, random);
	/* beginning anywhere breaks ties at random */
	at = random_below(random, n);
	for (uint32_t i = 0; i < looks; i++) {
		struct server *server = backend_usable(backend, at);
		double this = cost(backend, server, now);

		if (n > SAMPLE)
			at = random_below(random, n);
		else if (++at == n)
			at = 0;
		if (this >= least && best)
			continue;
		least = this;
		best = server;
	}
	return best;
}

/* The worker that moves the time on stores what has drained; the others add to it. */
static void least_load_book(struct server *server, double now)
{
	struct server_load *load = &server->state->load;
	double at = GET(load->at), est, z;

	drain(load, now, &est, &z);
	if (now > at &&
	    atomic_compare_exchange_strong_explicit(&load->at, &at, now, memory_order_relaxed, memory_order_relaxed)) {
		SET(load->est, est + 1);
		SET(load->z, z + 1);
	} else {
		atomic_add(&load->est, 1);
		atomic_add(&load->z, 1);
	}
	atomic_fetch_add_explicit(&load->booked, 1, memory_order_relaxed);
}

/* ---- what the control thread learns ---- */

/* mu, as learnt, scaled by what was said of the weight since. */
static void set_mu(const struct backend *backend, struct server *server)
{
	struct server_load *load = &server->state->load;
	double configured = server->weight ? server->weight : 1, mu0 = configured * backend->state->rate;
	double mu = (load->cC + PRIOR) / (load->cB + PRIOR / mu0);

	mu = larger(mu * server_weight(server) / configured, 1e-9);
	SET(load->mu, mu);
	SET(load->scale, (1 + larger(GET(load->dir), 0) / mu) / mu);
}

static double blend(double mean, double fresh, double elapsed, double memory)
{
	return mean + (1 - exp(-elapsed / memory)) * (fresh - mean);
}

static void learn(struct server_load *load, const struct load_report *report, double elapsed)
{
	uint64_t booked = GET(load->booked);
	double period = GET(load->period), kept = exp(-elapsed / MEMORY);

	SET(load->period, period > 0 ? blend(period, elapsed, elapsed, MEAN_MEMORY) : elapsed);
	load->cC = load->cC * kept + (double)(booked - load->booked_then);
	load->cB = load->cB * kept + report->u * elapsed;
	load->booked_then = booked;
}

static void least_load_report(struct server *server, const struct load_report *report, double now)
{
	struct server_load *load = &server->state->load;
	double reported = GET(load->reported), est, z, told;

	if (!(report->has & LOAD_U))
		return;
	if (reported < 0)
		load->booked_then = GET(load->booked);
	else if (now - reported >= MIN_INTERVAL)
		learn(load, report, now - reported);
	set_mu(server->backend, server);
	drain(load, now, &est, &z);
	told = report->u / (1.03 - report->u);
	if (report->u >= FULL && server->backend->state->mean_mu > 0)
		est = larger(est, GET(load->mu) / server->backend->state->mean_mu * told + z);
	else
		est = told + z;
	SET(load->at, now);
	SET(load->est, est);
	SET(load->z, z);
	SET(load->u, report->u);
	SET(load->reported, now);
	SET(load->known, LOAD_KNOWN);
}

/* R, the fleet's rate per unit of weight: decisions.md, "Selection". */
static void refresh_rate(struct backend *backend, double now)
{
	struct backend_state *state = backend->state;
	double completions = 0, busy = 0, weights = 0, elapsed = now - state->refreshed;
	uint64_t booked = 0;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];
		const struct server_load *load = &server->state->load;

		completions += load->cC;
		busy += load->cB * server->weight;
		weights += server->weight;
		booked += GET(load->booked);
	}
	if (elapsed > 0 && state->refreshed > 0)
		state->own_rate =
			blend(state->own_rate, (double)(booked - state->booked_then) / elapsed, elapsed, MEAN_MEMORY);
	state->booked_then = booked;
	state->refreshed = now;
	if (completions >= PRIOR && busy > 0)
		state->rate = completions / busy;
	else
		state->rate = weights > 0 ? state->own_rate / weights : 0;
	state->rate = larger(state->rate, MIN_RATE);
}

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
	double sum = 0, mus = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct server *server = backend_usable(backend, i);
		double est, z;

		most = server_weight(server) > most ? server_weight(server) : most;
		mus += GET(server->state->load.mu);
		if (GET(server->state->load.known) != LOAD_KNOWN)
			continue;
		drain(&server->state->load, now, &est, &z);
		state->sorted[known] = cost_of(&server->state->load, est);
		sum += state->sorted[known++];
	}
	state->mean_mu = n ? mus / n : 0;
	SET(state->max_weight, most);
	SET(state->median_cost, median(state->sorted, known));
	SET(state->mean_cost, known ? sum / known : -1);
}

/* What most of those have in flight who have been here all the while. */
static double median_est(const struct backend *backend, double now)
{
	uint32_t n = backend_n_usable(backend), known = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct server_load *load = &backend_usable(backend, i)->state->load;
		double z;

		if (load->was_up && GET(load->known) == LOAD_KNOWN)
			drain(load, now, &backend->state->sorted[known++], &z);
	}
	return median(backend->state->sorted, known);
}

/* Those that come back begin as most others stand now, not empty: else all would go there at once. */
static void welcome(const struct backend *backend, double now)
{
	double est = median_est(backend, now);

	for (size_t i = 0; i < backend->n_servers; i++) {
		struct server_load *load = &backend->servers[i]->state->load;
		bool up = server_status(backend->servers[i]) == SERVER_UP;

		if (up && !load->was_up) {
			SET(load->est, est);
			SET(load->z, 0);
			SET(load->at, now);
		}
		load->was_up = up;
	}
}

static void least_load_refresh(struct backend *backend, double now)
{
	refresh_rate(backend, now);
	for (size_t i = 0; i < backend->n_servers; i++) {
		set_mu(backend, backend->servers[i]);
		SET(backend->servers[i]->state->load.known, knowledge(backend->servers[i], now));
	}
	welcome(backend, now);
	refresh_costs(backend, now);
}

static bool least_load_prepare(struct arena *arena, struct backend *backend, uint32_t room)
{
	double *sorted = arena_array(arena, room, sizeof(*sorted));

	if (!sorted)
		return false;
	if (!backend->state->sorted)
		atomic_init(&backend->state->mean_cost, -1);
	backend->state->sorted = sorted;
	return true;
}

const struct balance balance_least_load = {
	.name = "least-load",
	.prepare = least_load_prepare,
	.refresh = least_load_refresh,
	.report = least_load_report,
	.pick = least_load_pick,
	.book = least_load_book,
	.reads_utilisation = true,
};
