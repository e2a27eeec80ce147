/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways to balance: pure functions of a backend's state, the time and a random source, so that a
 * simulation runs the very code that decides in production.
 */
#ifndef SPOA_REDIRECT_SELECT_H
#define SPOA_REDIRECT_SELECT_H

#include "spoa-redirect/fleet.h"
#include "spoa-redirect/rules.h"

/* The policies that there are, in the manual's order; NULL behind the last. Any thread. */
const char *balance_name(size_t i);

/* What a backend without `balance` uses. */
const struct balance *balance_default(void);

/* "known", "stale", "unknown". */
const char *load_knowledge_name(enum load_knowledge known);

/*
 * What least-load takes to be in flight at a server by now, and how much of it is still under way from clients. Any
 * thread; stores nothing.
 */
double select_in_flight(const struct server *server, double now, double *under_way);

/* It has its maxconn. Any thread. */
bool select_is_full(const struct server *server, double now);

/* Where a key stands on the ring of a backend that hashes. */
struct select_place {
	double at;                  /* 0 to 1 */
	const struct server *owner; /* whose place comes next */
	const struct server *to;    /* who serves it; NULL: nobody can */
	const struct server *full;  /* who would, but for: NULL, nobody, or */
	const char *why;            /* "at its bound" */
};

/* False: there is no key, or no ring. Any thread. */
bool select_find_place(struct backend *backend, uint64_t key, double now, struct picker *picker,
		       struct select_place *place);

/* stick.c's, for the two below. */
struct server *stick_pick(struct backend *backend, uint64_t key, double now, struct picker *picker);
void stick_book(struct server *server, double now);

/* Whom a client with that key, 0 for none, is to be sent to: the policy's pick(), unless the client is to stay elsewhere. */
static inline struct server *select_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	return backend->hash.sticks ? stick_pick(backend, key, now, picker)
				    : backend->balance->pick(backend, key, now, picker);
}

/* The client was sent to this server of that backend, by the last select_pick() of that picker. */
static inline void select_book(struct server *server, double now, struct picker *picker)
{
	if (server->backend->hash.sticks && picker->kept)
		stick_book(server, now);
	else
		server->backend->balance->book(server, now, picker);
}

/*
 * Makes the bookings that were put off, and forgets whom was picked ahead. The picker's worker: at the end of each turn of its
 * loop, and before it lets go of a configuration, whose servers they are.
 */
void select_settle(struct picker *picker, double now);

/* The rows of `balance`; it fills in what fleet is reading. */
struct config_room balance_room(struct fleet *fleet);

/*
 * Once all lines are read, and before ruleset_finish() and fleet_finish(): what does not go together is reported, and the
 * frontends are told what backends hash.
 */
void balance_finish(struct fleet *fleet, struct ruleset *ruleset, struct config *config);

#endif
