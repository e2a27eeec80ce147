/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums that one thread adds to and any may read: no more than a plain addition, and never torn. */
#ifndef SPOA_REDIRECT_BASE_COUNTER_H
#define SPOA_REDIRECT_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

static inline uint64_t counter_get(const counter *sum)
{
	return atomic_load_explicit(sum, memory_order_relaxed);
}

/* The owner's thread only. */
static inline void counter_add(counter *sum, uint64_t more)
{
	atomic_store_explicit(sum, counter_get(sum) + more, memory_order_relaxed);
}

#endif
