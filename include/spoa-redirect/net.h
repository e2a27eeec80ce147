/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes in, bytes out: listeners, workers with one libev loop each, and SPOP connections. One thread of its own
 * accepts and hands each connection to the worker with the fewest; over maxconn it leaves newcomers in the backlog.
 */
#ifndef SPOA_REDIRECT_NET_H
#define SPOA_REDIRECT_NET_H

#include <ev.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/base/captures.h"
#include "spoa-redirect/base/counter.h"
#include "spoa-redirect/base/inherited.h"
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

/* What a command needs, as in HAProxy. */
enum stats_level { LEVEL_USER, LEVEL_OPERATOR, LEVEL_ADMIN };
const char *stats_level_name(enum stats_level level);

/* A `stats socket` line, or `http` without a level. */
struct stats_socket {
	struct listening where;
	enum stats_level level;
	bool expose; /* a process that takes over gets the listening sockets here */
	struct config_place place;
};

/* The i-th, NULL behind the last; `http`, NULL if there is none; seconds that a client may say nothing. */
const struct stats_socket *net_settings_stats(const struct net_settings *settings, size_t i);
const struct stats_socket *net_settings_http(const struct net_settings *settings);
double net_settings_stats_timeout(const struct net_settings *settings);

/* What a change over HTTP has to bring, `http-token-file`; ptr NULL: nothing may be changed there. */
struct slice net_settings_http_token(const struct net_settings *settings);

/* `state-file`; NULL: none. */
const char *net_settings_state_file(const struct net_settings *settings);

/* `user` and `group`: what to be, once everything is bound. */
struct identity {
	const char *user, *group; /* as they are written; NULL: not said */
	uid_t uid;
	gid_t gid; /* of the group, or else the user's own */
	struct config_place place;
};
const struct identity *net_settings_identity(const struct net_settings *settings);

/* Where the i-th `bind` listens; NULL behind the last. */
const struct endpoint *net_settings_bind(const struct net_settings *settings, size_t i);

/* How many workers it asks for. */
unsigned net_settings_workers(const struct net_settings *settings);

struct net;

/*
 * Binds and listens. settings outlive it. What is listened on already is taken from inherited, which may be NULL. NULL:
 * what failed is in why, and nothing is left behind. The functions below are for the thread that called this one.
 */
struct net *net_open(const struct net_settings *settings, struct inherited *inherited, char *why, size_t size);

/* Starts the threads, with the rights that the caller has by now; until then connections wait. False: why. */
bool net_start(struct net *net, char *why, size_t size);

/*
 * Another configuration, in two steps, so that what can fail does so first: net_prepare() binds the addresses that are
 * new in it; false: why, and errno, and nothing has changed. net_move() has every request decided by it that is read from now on;
 * once that has passed (net_pass()), no thread looks at the settings, the rules or the fleet before it any more.
 * Listening sockets and connections go on; those of addresses that are gone close when nothing is under way.
 */
bool net_prepare(struct net *net, const struct net_settings *settings, char *why, size_t size);
void net_move(struct net *net, const struct net_settings *settings);

/* Warns of what another configuration has otherwise than the process was started with, where only a restart changes that. */
void net_warn(const struct net *net, const struct net_settings *settings, struct config *config);

/*
 * Wakes every thread; once net_has_passed() that mark, each has been between two events, with nothing of a configuration
 * in use, and what they did before happened before. `passed` is sent to `loop` each time that a thread was.
 */
void net_tell_passing(struct net *net, struct ev_loop *loop, ev_async *passed);
unsigned net_pass(struct net *net);
bool net_has_passed(const struct net *net, unsigned mark);

/* From now on health checks (`option spop-check`) are told to go elsewhere; all else goes on. */
void net_drain(struct net *net);

/*
 * Closes the listeners, and says AGENT-DISCONNECT on each connection with the answer to what it asks next; after a moment
 * without a question, or if hasty at once, without one.
 */
void net_leave(struct net *net, bool hasty);

/* The sockets that are listened on, as many as there is room for; how many that is. */
size_t net_sockets(const struct net *net, struct listening_socket *to, size_t room);

/* Files of sockets that were taken over are ours from now on. */
void net_own(struct net *net);

/*
 * When we leave, connections go to whoever has the other end of the channel, of a pair of stream sockets, as they are and
 * between two frames; −1: they do not. net owns the channel. In the other process: they come, on the loop's thread; when
 * the one before has ended, `ended` is called.
 */
void net_bequeath(struct net *net, int channel);
void net_inherit(struct net *net, struct ev_loop *loop, int channel, void (*ended)(void *into), void *into);

/* Another process has these sockets: their files stay. Before net_leave(). */
void net_give_away(struct net *net);

/* Connections that are open now; that were ever accepted. Any thread. */
size_t net_connections(const struct net *net);
uint64_t net_accepted(const struct net *net);

/* What has happened since the start. */
enum net_count {
	NET_NOTIFIES,    /* answered NOTIFYs */
	NET_REFUSED,     /* HELLOs with something wrong */
	NET_LATE_HELLOS, /* HELLOs that did not come */
	NET_LATE_FRAMES, /* frames that did not become complete, or were not taken */
	NET_IDLE,        /* closed after `timeout idle` */
	NET_OVERFLOWS,   /* peers over `output-limit` */
	NET_BAD_FRAMES,  /* connections ended for a frame behind HELLO that breaks the protocol */
	NET_DROPPED,     /* fragmented NOTIFYs that were too long */
	NET_ENDED,       /* HAProxy's DISCONNECTs with an error */
	NET_COUNTS
};

/* Of answer times: from when a worker woke up for what it read to when the answer was written. */
#define NET_TIMES 13u
extern const double net_times[NET_TIMES]; /* seconds; upper ends of the buckets, the last one has none */

struct net_sums {
	uint64_t counts[NET_COUNTS];
	uint64_t decisions[REASONS];
	uint64_t unknown_messages, unknown_backends, fallbacks, missing_arguments, shortened,
		regex_limits;          /* answer.h's */
	uint64_t times[NET_TIMES + 1]; /* answers by bucket */
	double time;                   /* seconds of all of them */
	uint64_t accepted, full;       /* connections; how often accepting paused for maxconn */
	uint64_t starved;              /* how often one could not be taken for want of descriptors or memory */
	size_t connections, maxconn;   /* now; at most */
	unsigned workers;
};

/* Any thread. */
void net_sum(const struct net *net, struct net_sums *sums);

/* Some of the last decisions, worker by worker, each one's newest first. Any thread. */
void net_samples(const struct net *net, void (*visit)(void *into, const struct decision_sample *sample), void *into);

/* The last bad frames and requests. Any thread. */
struct captures *net_captures(const struct net *net);

/* Numbered 0 … n − 1 in what they count. */
unsigned net_workers(const struct net *net);

/* Ends the threads, whatever is still open. NULL is fine. */
void net_stop(struct net *net);

#endif
