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

/* Stops asking and closes what is open. NULL is fine. */
void load_stop(struct load *load);

#endif
