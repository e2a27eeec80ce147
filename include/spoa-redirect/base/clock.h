/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monotonic clock: read once a batch and handed down as `now`, never read inside a decision. And a thread's own. */
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

/* Seconds of a processor that the calling thread has had. A system call, which clock_now() is not. */
static inline double clock_own(void)
{
	struct timespec own;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
	return (double)own.tv_sec + (double)own.tv_nsec * 1e-9;
}

#endif
