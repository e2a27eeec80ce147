/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where health and load come from: each server's checks and agent, asked in turn on the control thread's loop, none
 * waiting for another. What they say goes to fleet (states) and to the backend's policy (reports).
 */
#ifndef SPOA_REDIRECT_LOAD_H
#define SPOA_REDIRECT_LOAD_H

#include <ev.h>

#include "spoa-redirect/fleet.h"

struct load;

/*
 * Begins to ask, each server from a moment of its own on. Control thread. fleet and log outlive it.
 * NULL: out of memory.
 */
struct load *load_start(struct ev_loop *loop, struct fleet *fleet, const struct log *log);

/*
 * Another configuration, which has adopted the states of the one before: questions to servers that both have go on as
 * they are. False: out of memory, some of the new servers are not asked. The old fleet and log are not looked at again.
 */
bool load_move(struct load *load, struct fleet *fleet, const struct log *log);

/* What became of a report that was brought. */
enum load_pushed {
	LOAD_PUSHED,          /* it is used */
	LOAD_PUSHED_NOWHERE,  /* there is no such server */
	LOAD_PUSHED_UNASKED,  /* the server has no `load-push` */
	LOAD_PUSHED_REJECTED, /* why: it is counted at the server, and the log says it once */
};

/*
 * A report for a server by its name, brought by somebody who may: the JSON record of the manual, {"q":3,"u":0.4}. Nothing
 * of json is kept. now: clock_now(). why is always set. Control thread.
 */
enum load_pushed load_push(struct load *load, struct slice backend, struct slice server, struct slice json, double now,
			   enum load_rejection *why);

/* The same for a server at hand, whether it has `load-push` or not: what people set. */
enum load_rejection load_set(struct load *load, struct server *server, struct slice json, double now);

/* Stops asking and closes what is open. NULL is fine. */
void load_stop(struct load *load);

#endif
