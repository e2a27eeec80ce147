/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times in nanoseconds, each within 1.6 % of the truth: 64 steps for each power of two, as HdrHistogram has them
 * (Gil Tene, hdrhistogram.org). No allocation, at most 2⁶³ ns.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 128u /* up to here one for each value */

struct histogram {
	uint64_t counts[59 * HISTOGRAM_STEPS / 2];
	uint64_t n, max;
};

static inline unsigned histogram_slot(uint64_t value)
{
	unsigned exponent;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	exponent = 63 - (unsigned)__builtin_clzll(value) - 6;
	return exponent * (HISTOGRAM_STEPS / 2) + (unsigned)(value >> exponent);
}

static inline uint64_t histogram_value(unsigned slot)
{
	unsigned exponent;

	if (slot < HISTOGRAM_STEPS)
		return slot;
	exponent = slot / (HISTOGRAM_STEPS / 2) - 1;
	return (uint64_t)(slot - exponent * (HISTOGRAM_STEPS / 2)) << exponent;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[histogram_slot(value)]++;
	histogram->n++;
	if (value > histogram->max)
		histogram->max = value;
}

static inline void histogram_join(struct histogram *histogram, const struct histogram *other)
{
	for (unsigned i = 0; i < sizeof(other->counts) / sizeof(other->counts[0]); i++)
		histogram->counts[i] += other->counts[i];
	histogram->n += other->n;
	if (other->max > histogram->max)
		histogram->max = other->max;
}

/* The value that `share` (0 … 1) of all do not exceed; 0 without any. */
static inline uint64_t histogram_at(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->n), seen = 0;
	unsigned slot = 0;

	if (histogram->n == 0)
		return 0;
	for (;; slot++) {
		seen += histogram->counts[slot];
		if (seen > wanted || seen == histogram->n)
			return histogram_value(slot);
	}
}

#endif
