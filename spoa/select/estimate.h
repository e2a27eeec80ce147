/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in flight at a server by now, and what one more client would cost there: what the picks and the learning of
 * least-load share. Names are those of selection.md, section 2.
 */
#ifndef SPOA_SELECT_ESTIMATE_H
#define SPOA_SELECT_ESTIMATE_H

#include "spoa-redirect/fleet.h"

#define RD 0.05 /* redirect delay in seconds: the client's way to its server */

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

/* It has its maxconn. */
static inline bool is_full(const struct server_load *load, double est)
{
	return est >= GET(load->limit);
}

static inline double cost_of(const struct server_load *load, double est)
{
	return (est + 1) * GET(load->scale);
}

#endif
