/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generator's connections. Closed loop: each keeps `window` NOTIFYs in flight. Open loop: NOTIFYs are due at a fixed
 * rate whether or not answers come, and latency counts from when one was due (Tene's "coordinated omission").
 */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "histogram.h"
#include "payload.h"
#include "spoa-redirect/base/endpoint.h"

#define DRIVE_RING 1024u /* NOTIFYs in flight of one connection, at most */

struct drive_options {
	struct endpoint agent;
	struct payloads payloads;
	unsigned connections, window;
	double rate;               /* NOTIFYs a second over all connections; 0: closed loop */
	bool awake;                /* a closed loop that never sleeps: the agent need not pay for waking it */
	bool sleeps;               /* an open loop that does, until the next is due: others need the processor, too */
	struct spop_slice expect;  /* a variable that each ACK has to set; empty: none */
	const char *engine_id;
};

struct drive_result {
	struct histogram latency;
	uint64_t answers;
	uint64_t errors;       /* ACKs of nobody, ACKs without what was expected */
	uint64_t disconnected; /* connections that the agent ended */
};

struct drive;

/* Connects and agrees with the agent. NULL: said why. */
struct drive *drive_new(const struct drive_options *options);
void drive_free(struct drive *drive);

/* For so many seconds; the result is of these alone. False: every connection is gone. */
bool drive_run(struct drive *drive, double seconds, struct drive_result *result);

/*
 * Of an open loop only. Asks what was due until the last drive_run() ended, hears all answers, which are added to the result,
 * and does nothing until so many seconds (less than one) are over since then, in which nothing is due. Who answers later is
 * late for what comes next. False: an answer took over a second, or as above.
 */
bool drive_rest(struct drive *drive, double seconds, struct drive_result *result);

#endif
