/* SPDX-License-Identifier: GPL-2.0-or-later */
/* least-load: what the control thread learns from a report. Names are those of selection.md, section 2. */
#include <math.h>

#include "estimate.h"
#include "least_load.h"
#include "select.h"

#define MEMORY       20.0  /* seconds, of cC and cB */
#define PEERS_MEMORY 60.0  /* seconds, of SX and SY; 20 to 300 are equal */
#define MANY         5.0   /* arrivals from which on a ratio says something */
#define MOST_AGENTS  256.0 /* bound of m */
#define FULL         0.97  /* from here on a utilisation says only "full" */
#define MIN_INTERVAL 1e-3  /* closer reports replace each other */
#define LEAST_MU     1e-9

static double clamp(double value, double least, double most)
{
	if (value > most)
		return most;
	return value > least ? value : least;
}

double learn_blend(double mean, double fresh, double elapsed, double memory)
{
	return mean + (1 - exp(-elapsed / memory)) * (fresh - mean);
}

void learn_set_mu(const struct backend *backend, struct server *server)
{
	struct server_load *load = &server->state->load;
	double configured = server->weight ? server->weight : 1, mu0 = configured * backend->state->rate;
	double mu = (load->cC + PRIOR) / (load->cB + PRIOR / mu0);

	mu = larger(mu * server_share(server) / (100 * configured), LEAST_MU);
	SET(load->mu, mu);
	SET(load->scale, (1 + GET(load->dir) / mu) / mu);
}

/* ---- the report ---- */

/* What follows from what is told: in flight is what was accepted and not completed. */
static struct load_report completed(const struct load_report *report)
{
	struct load_report full = *report;

	full.u = clamp(full.u, 0, 1);
	if (!(full.has & LOAD_Q) && (full.has & LOAD_A) && (full.has & LOAD_C)) {
		full.q = larger(full.A - full.C, 0);
		full.has |= LOAD_Q;
	}
	if (!(full.has & LOAD_A) && (full.has & LOAD_C) && (full.has & LOAD_Q)) {
		full.A = full.C + full.q;
		full.has |= LOAD_A;
	}
	if (!(full.has & LOAD_C) && (full.has & LOAD_A) && (full.has & LOAD_Q)) {
		full.C = full.A - full.q;
		full.has |= LOAD_C;
	}
	return full;
}

/* A server that counts from the beginning again. C may follow from A and q, that are not of quite the same moment. */
static bool restarted(const struct load_report *last, const struct load_report *report)
{
	unsigned both = last->has & report->has;

	return ((both & LOAD_A) && report->A < last->A) || ((both & LOAD_B) && report->B < last->B);
}

/* Since the last report: arrivals, completions, busy seconds; what is not told is < 0. */
struct changes {
	double dA, dC, dB;
};

/* Where neither busy time nor utilisation is told, the share of the samples that found work stands for it. */
static struct changes changes_of(const struct load_report *last, const struct load_report *report, double D)
{
	unsigned both = last->has & report->has;
	struct changes changes = { -1, -1, -1 };

	if (both & LOAD_A)
		changes.dA = report->A - last->A;
	if (both & LOAD_C)
		changes.dC = larger(report->C - last->C, 0);
	if (both & LOAD_B)
		changes.dB = report->B - last->B;
	else if (report->has & LOAD_U)
		changes.dB = report->u * D;
	else if (both & LOAD_Q)
		changes.dB = D * ((last->q > 0) + (report->q > 0)) / 2;
	return changes;
}

/* ---- what is learnt ---- */

/*
 * (1 + c²) / 2 with c² the variation of what arrives (Kingman, "The single server queue in heavy traffic", 1961). What this
 * agent sends it spreads as evenly as it can, 0; what others send and who comes back is random, 1: in all 1 − 1/arrivals.
 */
double learn_half_busy(double arrivals)
{
	return 1 - 0.5 / arrivals;
}

/* m lies between a, all arrivals for each assignment of mine, and c, what moves with my choices. */
static void learn_peers(struct backend_state *state, double D, double dA, double own, double x, double y)
{
	struct peers *peers = &state->peers;
	double n = state->n_known ? state->n_known : 1, kept = exp(-D / (MEAN_MEMORY * n)),
	       kept_long = exp(-D / (PEERS_MEMORY * n)), a, c;

	peers->SA = peers->SA * kept + dA;
	peers->SO = peers->SO * kept + own;
	peers->SX = peers->SX * kept_long + x * x;
	peers->SY = peers->SY * kept_long + x * y;
	if (peers->SA <= MANY || peers->SO <= MANY)
		return;
	a = clamp(peers->SA / peers->SO, 1, MOST_AGENTS);
	c = clamp((peers->SY + 1) / (peers->SX + 1), 1, a);
	SET(state->m, cbrt(c * c * a));
	SET(state->half_busy, learn_half_busy(a));
}

/* dA arrivals in D seconds, when `mine` of my expected and `all` of all agents' assignments arrived. */
static void learn_arrivals(struct backend_state *state, struct server_load *load, double D, double dA, double own,
			   double mine, double all)
{
	learn_peers(state, D, dA, own, mine - load->p * D, dA - load->l * D);
	load->p = learn_blend(load->p, mine / D, D, MEAN_MEMORY);
	load->l = learn_blend(load->l, dA / D, D, MEAN_MEMORY);
	load->direct = learn_blend(load->direct, (dA - all) / D, D, MEAN_MEMORY);
	SET(load->dir, larger(load->direct, 0));
}

static void learn_period(struct backend_state *state, struct server_load *load, double D, double now)
{
	double period = GET(load->period), T = state->peers.T;

	if (!load_teaches_period(period, D, now, &load->silent))
		return;
	SET(load->period, period > 0 ? learn_blend(period, D, D, MEAN_MEMORY) : D);
	state->peers.T = T > 0 ? learn_blend(T, D, D / (state->n_known ? state->n_known : 1), MEAN_MEMORY) : D;
}

/* What a report says of D seconds. A server without counters is taken to complete what was assigned to it. */
static void learn(struct server *server, const struct load_report *report, double D, double own, double now)
{
	struct backend_state *state = server->backend->state;
	struct server_load *load = &server->state->load;
	double kept = exp(-D / MEMORY), arrived = 1 - RD * (1 - exp(-D / RD)) / D;
	struct changes changes = changes_of(&load->last, report, D);

	learn_period(state, load, D, now);
	if (changes.dA >= 0)
		learn_arrivals(state, load, D, changes.dA, own, arrived * load->P, arrived * load->F);
	if (changes.dB >= 0) {
		load->cC = load->cC * kept + (changes.dC >= 0 ? changes.dC : arrived * load->F);
		load->cB = load->cB * kept + changes.dB;
	}
}

/* Own assignments since the last report, which P and F now have in them. */
static double take_assignments(struct server_load *load)
{
	uint64_t booked = GET(load->booked);
	double own = (double)(booked - load->booked_then);

	load->booked_then = booked;
	load->P = larger(load->P + own + atomic_exchange_explicit(&load->more_P, 0, memory_order_relaxed), 0);
	load->F = larger(load->F + own + atomic_exchange_explicit(&load->more_F, 0, memory_order_relaxed), 0);
	return own;
}

/* The first report and one after a restart are what later ones are counted from. */
static void take_in(struct server *server, const struct load_report *report, bool begins, double now)
{
	struct server_load *load = &server->state->load;
	double D = now - load->learnt, own, under_way;

	if (!begins && D < MIN_INTERVAL)
		return;
	own = take_assignments(load);
	if (begins)
		D = larger(D, MIN_INTERVAL);
	else
		learn(server, report, D, own, now);
	under_way = RD * (1 - exp(-D / RD)) / D;
	load->P *= under_way;
	load->F *= under_way;
	load->last = *report;
	load->learnt = now;
}

/*
 * What u, over D seconds, makes of the y that was expected at the server. Of the busy share we keep what we knew, which
 * follows our own assignments, and equilibrium is where y = u (h + y). "Full" says that it was never empty, as a random walk
 * by a step up or down for each completion and arrival is once it has come as far as this.
 */
static double corrected(const struct server *server, double y, double u, double D)
{
	if (u < FULL)
		return u * (GET(server->backend->state->half_busy) + y);
	return sqrt((1 + y) * (1 + y) + 2 * GET(server->state->load.mu) * D) - 1;
}

/* Who tells for the first time, or again after long, is taken to be in equilibrium; `y` is what else was expected. */
static double in_flight(const struct server *server, const struct load_report *report, double y, double D)
{
	const struct server_load *load = &server->state->load;

	if (report->has & LOAD_Q)
		return report->q;
	if (GET(load->known) == LOAD_UNKNOWN)
		return report->u / (1.03 - report->u);
	return corrected(server, larger(y, 0), report->u, fmin(D, GET(load->period)));
}

void least_load_report(struct server *server, const struct load_report *told, double now)
{
	struct server_load *load = &server->state->load;
	struct load_report report = completed(told);
	bool first = GET(load->reported) < 0, again = !first && restarted(&load->last, &report);
	double est, z, D = larger(now - load->learnt, 0);

	if (!(report.has & (LOAD_Q | LOAD_U)))
		return;
	take_in(server, &report, first || again, now);
	learn_set_mu(server->backend, server);
	drain(load, half_busy(server->backend), now, &est, &z);
	if (again)
		z = 0;
	SET(load->est, z + in_flight(server, &report, est - z, D));
	SET(load->z, z);
	SET(load->at, now);
	SET(load->u, report.has & LOAD_U ? report.u : -1);
	SET(load->q, report.has & LOAD_Q ? report.q : -1);
	SET(load->reported, now);
	SET(load->known, LOAD_KNOWN);
	learn_set_limit(server);
}
