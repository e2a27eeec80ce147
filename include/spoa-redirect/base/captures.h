/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last things that were not as they should be: when, from whom, why, and how their bytes began. For a person who
 * looks later; a thread that would have to wait for another one keeps nothing. Any thread.
 */
#ifndef SPOA_REDIRECT_BASE_CAPTURES_H
#define SPOA_REDIRECT_BASE_CAPTURES_H

#include <time.h>

#include "spoa-redirect/base/slice.h"

#define CAPTURES      32u  /* that are kept */
#define CAPTURE_BYTES 256u /* of each */

struct capture {
	struct timespec when; /* of the day */
	const char *what;     /* a constant: "frame" */
	char who[120], why[120];
	uint64_t times; /* that it was taken again; the rest is of the last time */
	size_t length;  /* of the whole */
	uint8_t bytes[CAPTURE_BYTES];
};

struct captures;

/* NULL: out of memory. */
struct captures *captures_new(void);
void captures_free(struct captures *captures);

/* captures may be NULL. */
void captures_take(struct captures *captures, const char *what, struct slice who, struct slice why, struct slice bytes);

/* In place of the last one from the same for the same reason: who goes on and on does not hide the others. */
void captures_take_again(struct captures *captures, const char *what, struct slice who, struct slice why,
			 struct slice bytes);

/* A copy of the i-th before the last one. False: there is none. */
bool captures_get(struct captures *captures, size_t i, struct capture *capture);

/* Ever. */
uint64_t captures_count(struct captures *captures);

#endif
