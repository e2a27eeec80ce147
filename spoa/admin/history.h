/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last five minutes, second by second: what was decided, how fast, and of each server its redirects and its load. It
 * goes on over a reload, by names. All of it is allocated once for each server, and of at most so many. Control thread.
 */
#ifndef SPOA_ADMIN_HISTORY_H
#define SPOA_ADMIN_HISTORY_H

#include "spoa-redirect/net.h"

#define HISTORY_SECONDS 300u
#define HISTORY_SERVERS 1000u /* the first ones of the configuration; 2.4 KB each */
#define HISTORY_UNKNOWN UINT16_MAX
#define HISTORY_RECENT  10u /* seconds that "now" is the mean of */

struct history_second {
	double took; /* seconds since the one before */
	uint32_t reasons[REASONS];
	uint32_t times[NET_TIMES + 1]; /* answers by bucket */
	uint32_t connections;
};

struct history_server_second {
	uint32_t redirects;
	uint16_t load;      /* of 10000, as reported; HISTORY_UNKNOWN */
	uint16_t in_flight; /* tenths, as estimated where there are reports */
};

struct history_track {
	char *backend, *server;
	const struct server_state *state; /* as of the last look; compared only */
	uint64_t booked;                  /* by then */
	uint64_t first;                   /* its first second's number */
	struct history_server_second seconds[HISTORY_SECONDS];
};

struct history {
	uint64_t n; /* seconds ever; the i-th stands at i % HISTORY_SECONDS */
	double at;
	struct net_sums sums; /* by then */
	struct history_second seconds[HISTORY_SECONDS];
	struct history_track **tracks; /* in the fleet's order */
	size_t n_tracks;
};

/* What a server's last report told, whatever policy reads it; < 0: it did not, or there was none. */
struct reported {
	double utilisation, in_flight, age;
};

struct reported reported_by(const struct server *server, double now);

/* NULL: out of memory. */
struct history *history_new(const struct net_sums *sums, double now);
void history_free(struct history *history);

/* Once a second. */
void history_take(struct history *history, const struct fleet *fleet, const struct net_sums *sums, double now);

/* Before the tracks are looked at: those of this fleet's servers. */
void history_follow(struct history *history, const struct fleet *fleet);

/* NULL: it is not kept, or not yet. hint: where it may stand, and where the next may. */
const struct history_track *history_find(const struct history *history, const struct server *server, size_t *hint);

/* The first second that is kept, of a server if there is one. */
uint64_t history_first(const struct history *history, const struct history_track *track);

/* The sum of the last so many seconds, and for a server its redirects a second; < 0: there is none yet. */
struct history_second history_recent(const struct history *history, unsigned seconds);
double history_rate(const struct history *history, const struct history_track *track, unsigned seconds);

/* Below which that share of answers stayed, in seconds, as far as the buckets tell; < 0: there was none. */
double history_quantile(const struct history_second *second, double share);

#endif
