/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of least-load share, also with policies that want to know what is in flight. */
#ifndef SPOA_SELECT_LEAST_LOAD_H
#define SPOA_SELECT_LEAST_LOAD_H

#include "spoa-redirect/fleet.h"

#define PRIOR       30.0 /* completions that the configured weight counts as; 10 to 100 are equal within 5 % */
#define MEAN_MEMORY 10.0 /* seconds, of most means; 5 to 40 are equal within 3 % */

/* learn.c: the balance's report(). */
void least_load_report(struct server *server, const struct load_report *report, double now);

/* mu, as learnt, scaled by what was said of the weight since. */
void learn_set_mu(const struct backend *backend, struct server *server);

/* Its maxconn, as far as it counts. */
void learn_set_limit(const struct server *server);

/* backend_state.half_busy, where so many arrive for each that this agent sends. */
double learn_half_busy(double arrivals);

/* A mean that forgets, by what was seen over `elapsed` seconds. */
double learn_blend(double mean, double fresh, double elapsed, double memory);

/* standing.c: the balance's refresh() and prepare(). */
void least_load_refresh(struct backend *backend, double now);
bool least_load_prepare(struct arena *arena, struct backend *backend, uint32_t room);

/* The balance's book(); with picker->n 0 for whoever chose one server and no other. */
void least_load_book(struct server *server, double now, struct picker *picker);

#endif
