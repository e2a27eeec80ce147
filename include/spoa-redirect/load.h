/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where health and load come from: each server's checks and agent, asked in turn on the control thread's loop, none
 * waiting for another. What they say goes to fleet (states) and to the backend's policy (reports).
 */
#ifndef SPOA_REDIRECT_LOAD_H
#define SPOA_REDIRECT_LOAD_H

#include <ev.h>

#include "spoa-redirect/base/captures.h"
#include "spoa-redirect/base/inherited.h"
#include "spoa-redirect/fleet.h"

struct load;

/* What `global` says of reports that come by themselves, as datagrams. */
struct load_settings;
struct load_settings *load_settings_new(struct arena *arena);
struct config_room load_room(struct load_settings *settings);

/* Once all lines are read: reports what is wrong. */
void load_settings_finish(const struct load_settings *settings, struct config *config);

/*
 * The same once the servers are finished: warns of what is without effect. takes_pushes: reports can be brought by other ways
 * than datagrams.
 */
void load_warn_useless(const struct load_settings *settings, const struct fleet *fleet, bool takes_pushes,
		       struct config *config);

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

/*
 * Where datagrams come to, in two steps, so that what can fail does so first: load_prepare() opens the addresses that are
 * new, from what was inherited, which may be NULL; false: why, with errno, and nothing has changed. load_receive() reads all of them,
 * with the keys of these settings, and closes those that are gone; or load_unprepare() forgets what was prepared. The
 * settings are not looked at afterwards. Control thread, as all of these.
 */
bool load_prepare(struct load *load, const struct load_settings *settings, struct inherited *inherited, char *why,
		  size_t size);
void load_receive(struct load *load);
void load_unprepare(struct load *load);

/* Their sockets, as many as there is room for, and how many; once another process has them, no more is read here. */
size_t load_sockets(const struct load *load, struct listening_socket *to, size_t room);
void load_give_away(struct load *load);

/* What became of datagrams. */
enum load_datagram {
	LOAD_DATAGRAM_TAKEN,
	LOAD_DATAGRAM_MALFORMED,
	LOAD_DATAGRAM_FORGED,   /* by none of the keys */
	LOAD_DATAGRAM_UNKNOWN,  /* there is no such server */
	LOAD_DATAGRAM_UNASKED,  /* it has no `load-push` */
	LOAD_DATAGRAM_OUTDATED, /* its number is not above the one before */
	LOAD_DATAGRAM_REJECTED, /* for what the record says */
	LOAD_DATAGRAMS
};

/* For metrics: "taken"; how many ever; how many the kernel had no room for. */
const char *load_datagram_name(enum load_datagram outcome);
uint64_t load_datagrams(const struct load *load, enum load_datagram outcome);
uint64_t load_datagrams_lost(const struct load *load);

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

/* The last reports that were not taken. */
struct captures *load_captures(const struct load *load);

/* Stops asking and closes what is open. NULL is fine. */
void load_stop(struct load *load);

#endif
