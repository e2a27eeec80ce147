/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in flight at a server by now, and what one more client would cost there: what the picks and the learning of
 * least-load share. Names are those of selection.md, section 2.
 */
#ifndef SPOA_SELECT_ESTIMATE_H
#define SPOA_SELECT_ESTIMATE_H

#include "spoa-redirect/fleet.h"

#define RD   0.05 /* redirect delay in seconds: the client's way to its server */
#define EVEN 0.5  /* what is in flight where a server is busy for half of the time, arrivals being spread evenly */

#define GET(field)        atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

static inline double larger(double a, double b)
{
	return a > b ? a : b;
}

static inline void atomic_add(_Atomic double *sum, double more)
{
	double before = GET(*sum);

	while (!atomic_compare_exchange_weak_explicit(sum, &before, before + more, memory_order_relaxed,
						      memory_order_relaxed))
		continue;
}

/* exp(−x) for x ≥ 0, from its series: within 0.4 % up to x = 1 and falling for ever, which is all that matters to z. */
static inline double decay(double x)
{
	return 1 / (1 + x * (1 + x * (1.0 / 2 + x * (1.0 / 6 + x * (1.0 / 24)))));
}

/*
 * What is left of y in flight after dt: one implicit Euler step of the pointwise stationary fluid flow, in which a server is
 * busy for y / (½ + y) of the time (Wang, Tipper and Banerjee, "Approximate Analysis of Nonstationary Loss Queues Using
 * Pointwise Stationary Fluid Flow Approximation", 1996). That is half of what it is with arrivals at random: ours are spread
 * as evenly as we can, and of evenly spread arrivals half as many wait (Kingman, "The single server queue in heavy traffic",
 * 1961).
 */
static inline double drained(double y, double mu, double dt)
{
	double w = y - mu * dt - EVEN;

	return (w + __builtin_sqrt(w * w + 4 * EVEN * y)) / 2;
}

/* What is left of est and z by now. */
static inline void drain(const struct server_load *load, double now, double *est, double *z)
{
	double dt = now - GET(load->at), y;

	*est = GET(load->est);
	*z = GET(load->z);
	if (dt <= 0)
		return;
	*z *= decay(dt * (1 / RD));
	y = larger(*est - *z, 0);
	*est = *z + drained(y + GET(load->dir) * dt, GET(load->mu), dt);
}

/* It has its maxconn. */
static inline bool is_full(const struct server_load *load, double est)
{
	return est >= GET(load->limit);
}

/* What one more client would cost. */
static inline double cost_of(const struct server *server, double est)
{
	return (est + GET(server->backend->state->self)) * GET(server->state->load.scale);
}

#endif
