/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One cell of a grid: what is simulated, and what came of it. Times in seconds of virtual time. */
#ifndef SIM_CELL_H
#define SIM_CELL_H

#include <stdbool.h>
#include <stdint.h>

enum sim_knowledge { KNOWS_QUEUE, KNOWS_UTILISATION };

struct cell {
	const char *policy;
	unsigned servers, agents;
	double load;             /* of what all servers together can do */
	double slowest, fastest; /* speeds, evenly spread between */
	double work;             /* mean, at speed 1 */
	double shape;            /* of the works' Pareto distribution; 0: exponential */
	double delay;            /* from the redirect to the server */

	double period;   /* from one report of a server to its next */
	double late;     /* how long a report is under way, at most */
	double lost;     /* share of the reports */
	double noise;    /* a reported figure is off by up to this share */
	bool own_phases; /* each agent has reports of its own; else all have the same */
	enum sim_knowledge knows;
	bool weighted; /* the weights that are configured are the speeds */

	double requests, think; /* of a client that comes back directly, in the mean; 1: nobody does */
	double single;          /* share of clients with one request for all that */

	double slower;  /* the one in the middle is so many times slower than its weight says */
	double degrade; /* for ten seconds each, one server after the other is so many times slower; 0: none */
	double leave; /* for ten seconds each, one server after the other is away: so long from one to the next; 0: none */

	double warm;      /* not measured */
	unsigned measure; /* requests, about; each server gets at least 20 and it takes at least 30 s */
	uint64_t seed;
};

struct cell_result {
	uint32_t measured, lost;                      /* requests; reports */
	double seconds;                               /* measured, of virtual time */
	double mean, p99;                             /* seconds at the server */
	double slowdown, slowdown_p99, slowdown_p999; /* times what the work takes alone at speed 1 */
	double in_system;                             /* requests at all servers, in the mean over time */
};

/* Everything as in the grids where nobody says otherwise. */
extern const struct cell cell_default;

/* "servers", "100". False: no such name, or no such value. */
bool cell_set(struct cell *cell, const char *name, const char *value);

double cell_speed(const struct cell *cell, unsigned server);

/* False: there is no such policy. Out of memory it ends the program. */
bool cell_run(const struct cell *cell, struct cell_result *result);

#endif
