/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of one run, made before it begins: the same seed makes the same clients, so that what is compared had the same to
 * do. And what became of it.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct load_settings {
	unsigned servers;
	double slowest, fastest; /* speeds, evenly spread between */
	double rate;             /* clients a second, a Poisson process */
	double share;            /* of what all servers together can do */
	double shape;            /* of the jobs' Pareto distribution */
	double delay;            /* seconds from the redirect to the server: name, connection, TLS */
	double warm, seconds;    /* what comes before `warm` is not measured; the run ends after both */
	uint64_t seed;
};

/* Times in seconds since the run began; NAN: never. */
struct load_job {
	double start;    /* the client asks HAProxy */
	double work;     /* seconds at speed 1 */
	double arrival;  /* at the server */
	double end;      /* there */
	double received; /* by the client */
	uint32_t server;
};

struct load {
	struct load_settings settings;
	struct load_job *jobs;
	uint32_t n;
};

struct load_result {
	uint32_t measured, failed;
	double mean, p99;               /* seconds at the server */
	double slowdown, slowdown_p99;  /* times what the job takes there alone */
	double client_mean, client_p99; /* seconds from the first request to the end of the answer */
	double fullest;                 /* jobs that the fullest server has more than the average; the caller's */
};

/* Out of memory it ends the program. */
void load_make(struct load *load, const struct load_settings *settings);

double load_speed(const struct load_settings *settings, unsigned server);

/* Of the jobs that began after the warm-up. */
void load_result(const struct load *load, struct load_result *result);

/*
 * The same clients, sent by one who sees each server's jobs and whom he has under way, to where (jobs + 1) / speed is least;
 * computed, with no sockets.
 */
void load_omniscient(const struct load *load, struct load_result *result);

#endif
