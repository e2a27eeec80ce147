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

/* ---- two servers at a time: a pick reckons many, and most of what it takes is divisions and roots ---- */

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_bits __attribute__((vector_size(16)));

static inline pair pair_above_zero(pair v)
{
	return (pair)((pair_bits)v & (pair_bits)(v > 0.0));
}

static inline pair pair_root(pair v)
{
	return (pair){ __builtin_sqrt(v[0]), __builtin_sqrt(v[1]) };
}

/*
 * exp(−x) for x ≥ 0, from its series: within 0.4 % up to x = 1 and falling for ever, which is all that matters to z. In this
 * form (Estrin's) its products do not wait for each other.
 */
static inline pair decay(pair x)
{
	pair square = x * x;

	return 1 / (1 + x + square * (1.0 / 2 + x * (1.0 / 6) + square * (1.0 / 24)));
}

/*
 * What is left of y in flight after dt: one implicit Euler step of the pointwise stationary fluid flow, in which a server is
 * busy for y / (half + y) of the time (Wang, Tipper and Banerjee, "Approximate Analysis of Nonstationary Loss Queues Using
 * Pointwise Stationary Fluid Flow Approximation", 1996).
 */
static inline pair drained(pair y, pair mu, pair dt, double half)
{
	pair w = y - mu * dt - half;

	return (w + pair_root(w * w + 4 * half * y)) / 2;
}

/* What is left of est and z of both by now. */
static inline __attribute__((always_inline)) void drain_two(const struct server_load *a, const struct server_load *b,
							    double half, double now, pair *est, pair *z)
{
	pair dt = pair_above_zero(now - (pair){ GET(a->at), GET(b->at) }), mu = { GET(a->mu), GET(b->mu) },
	     dir = { GET(a->dir), GET(b->dir) }, left;

	*est = (pair){ GET(a->est), GET(b->est) };
	*z = (pair){ GET(a->z), GET(b->z) } * decay(dt * (1 / RD));
	left = drained(pair_above_zero(*est - *z) + dir * dt, mu, dt, half);
	*est = *z + left;
}

/* ---- one ---- */

/* h of its backend: what a pick asks once, not of each server that it looks at. */
static inline double half_busy(const struct backend *backend)
{
	return GET(backend->state->half_busy);
}

/* What is left of est and z by now. */
static inline void drain(const struct server_load *load, double half, double now, double *est, double *z)
{
	pair both, under_way;

	drain_two(load, load, half, now, &both, &under_way);
	*est = both[0];
	*z = under_way[0];
}

/* It has its maxconn. */
static inline bool is_full(const struct server_load *load, double est)
{
	return est >= GET(load->limit);
}

/*
 * What one more client would cost. n in flight wait for n² / 2 mu, to which it adds (n + ½) / mu; of those who come in company,
 * of other agents' or of its own, some are there before it: up to (n + 1¼) / mu, as simulated.
 */
static inline double cost_of(const struct server_load *load, double half, double est)
{
	return (est + 1.5 * half - 0.25) * GET(load->scale);
}

#endif
