/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes in, bytes out: listeners, workers with one libev loop each, and SPOP connections. One thread of its own
 * accepts and hands each connection to the worker with the fewest; over maxconn it leaves newcomers in the backlog.
 */
#ifndef SPOA_REDIRECT_NET_H
#define SPOA_REDIRECT_NET_H

#include <ev.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/base/log.h"
#include "spoa-redirect/config.h"

/* What `global` and the `bind` lines say. */
struct net_settings;
struct net_settings *net_settings_new(struct arena *arena);
struct config_room net_room(struct net_settings *settings);

/* Once all lines are read: which frontends each address serves. Reports what is wrong. */
void net_settings_finish(struct net_settings *settings, const struct ruleset *ruleset, const struct fleet *fleet,
			 struct config *config);

/* Where lines go: `log`, stderr if there is none. */
struct log *net_settings_log(struct net_settings *settings);

/* Everything to stderr as well, whatever the lines say: -d. */
void net_settings_debug(struct net_settings *settings);

/* Seconds from a signal to the end: of listening on (grace), and at most of everything (hard-stop-after). */
double net_settings_grace(const struct net_settings *settings);
double net_settings_hard_stop(const struct net_settings *settings);

struct net;

/*
 * Binds, listens and starts the threads. settings outlive it. NULL: what failed is in why, and nothing is left
 * behind. The functions below are for the thread that called this one.
 */
struct net *net_start(const struct net_settings *settings, char *why, size_t size);

/*
 * Another configuration, in two steps, so that what can fail does so first: net_prepare() binds the addresses that are
 * new in it; false: why, and nothing has changed. net_move() has every request decided by it that is read from now on,
 * and sends `moved` to `loop` when no thread looks at the settings, the rules or the fleet before it any more.
 * Listening sockets and connections go on; those of addresses that are gone close when nothing is under way.
 */
bool net_prepare(struct net *net, const struct net_settings *settings, char *why, size_t size);
void net_move(struct net *net, const struct net_settings *settings, struct ev_loop *loop, ev_async *moved);

/* Whether that is so: what the threads did before happened before this. */
bool net_has_moved(const struct net *net);

/* From now on health checks (`option spop-check`) are told to go elsewhere; all else goes on. */
void net_drain(struct net *net);

/* Closes the listeners, and says AGENT-DISCONNECT on each connection once what it asked is answered. */
void net_leave(struct net *net);

/* Connections that are open now; that were ever accepted. Any thread. */
size_t net_connections(const struct net *net);
uint64_t net_accepted(const struct net *net);

/* Ends the threads, whatever is still open. NULL is fine. */
void net_stop(struct net *net);

#endif
