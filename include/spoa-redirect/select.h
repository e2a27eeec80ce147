/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways to balance: pure functions of a backend's state, the time and a random source, so that a
 * simulation runs the very code that decides in production.
 */
#ifndef SPOA_REDIRECT_SELECT_H
#define SPOA_REDIRECT_SELECT_H

#include "spoa-redirect/fleet.h"

/* What a backend without `balance` uses. */
const struct balance *balance_default(void);

/* "known", "stale", "unknown". */
const char *load_knowledge_name(enum load_knowledge known);

/*
 * What least-load takes to be in flight at a server by now, and how much of it is still under way from clients. Any
 * thread; stores nothing.
 */
double select_in_flight(const struct server *server, double now, double *under_way);

/* The row of `balance`; it fills in what fleet is reading. */
struct config_room balance_room(struct fleet *fleet);

#endif
