/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monotonic clock: read once a batch and handed down as `now`, never read inside a decision. */
#ifndef SPOA_REDIRECT_BASE_CLOCK_H
#define SPOA_REDIRECT_BASE_CLOCK_H

#include <time.h>

/* Seconds since an arbitrary start. */
static inline double clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
