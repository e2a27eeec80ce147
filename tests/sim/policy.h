/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who chooses: the agent's own code (agent.c), or what it is compared with (compared.c). An instance sees reports, times and
 * its own choices alone, except for the omniscient ones, which see the servers themselves.
 */
#ifndef SIM_POLICY_H
#define SIM_POLICY_H

#include "cell.h"
#include "spoa-redirect/base/random.h"

/* What a server says: of the time since its last report, or since it began. */
struct sim_report {
	double q;       /* requests there */
	double A, C, B; /* accepted, completed, busy seconds so far */
	double u;       /* busy share of the time since */
};

/* How a server really is. */
struct sim_truth {
	double speed;
	unsigned present, under_way; /* requests there, and on their way */
	unsigned thinking;           /* clients that will come back */
};

struct policy {
	const char *name;
	bool remembers; /* what it chose: each agent is an instance of its own */
	void *(*open)(const struct cell *cell, unsigned agent);
	void (*close)(void *instance);
	unsigned (*pick)(void *instance, double now);
	/* Any of these NULL: it does not want to know. */
	void (*report)(void *instance, unsigned server, const struct sim_report *report, double now);
	void (*refresh)(void *instance, double now); /* each 100 ms */
	void (*away)(void *instance, unsigned server, bool away, double now);
	void (*see)(void *instance, unsigned server, const struct sim_truth *truth);
};

extern const struct policy policy_least_load;

/* NULL: none of that name. */
const struct policy *policy_find(const char *name);

/* The weight that the configuration gives a server. */
unsigned policy_weight(const struct cell *cell, unsigned server);

#endif
