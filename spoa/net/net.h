/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef SPOA_NET_NET_H
#define SPOA_NET_NET_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "spoa-redirect/base/inherited.h"
#include "spoa-redirect/net.h"

#define NET_MAX_FRAME_SIZE (1024u * 1024 - 4) /* the largest that is agreed to */
#define NET_READ_SIZE      (32u * 1024)       /* at once, so that nobody waits long while another one asks much */
#define NET_OUT_SIZE       (NET_MAX_FRAME_SIZE + 4 + 128u * 1024) /* beyond the longest answer */
#define NET_TURN           64u   /* reads that are answered together at most, each of a connection of its own and */
#define NET_TURN_READ      1024u /* of so many bytes at most; */
#define NET_TURN_ANSWERS   (64u * 1024) /* what they have been answered leaves once it is more than this */
#define NET_TURN_LEAST     2u           /* reads that are answered together where few are ready */
#define NET_IN_SIZE        (NET_TURN * NET_TURN_READ + NET_READ_SIZE + 4)
#define NET_QUIET          2.0    /* seconds without a question until a connection that leaves is ended */
#define NET_RETRY          0.2    /* seconds until one that has an heir, but could not go, tries again */
#define NET_MAX_HELD       1000u  /* refused connections that are held; from then on newcomers wait in the backlog */
#define NET_MAX_HELLO      16380u /* the longest HELLO: what HAProxy's own buffers have by default */

_Static_assert(NET_TURN_ANSWERS + NET_MAX_FRAME_SIZE + 4 <= NET_OUT_SIZE,
	       "the longest answer fits behind those of a turn");

/* ---- settings.c ---- */

struct bind {
	const char *frontend;
	struct config_place place;
	struct listening where;
	struct routes *routes; /* of all binds of this address; the first one's only */
	bool repeated;         /* an earlier bind has this address */
};

struct net_settings {
	struct arena *arena;
	unsigned nbthread; /* 0: one per CPU */
	uint64_t maxconn;
	double grace, hard_stop;
	struct config_place grace_place;
	uint32_t max_frame_size;
	uint64_t output_limit;
	int backlog;
	bool busy_poll;
	double hello_timeout, frame_timeout, hold_time, linger_time;
	double idle_timeout; /* 0: none */
	struct log log;
	bool log_given; /* by a line: the default is gone */
	struct bind *binds;
	size_t n_binds;
	const char *frontend; /* the one being read */
	struct stats_socket *stats;
	size_t n_stats;
	double stats_timeout;
	struct stats_socket *http; /* NULL: none */
	const char *state_file;    /* likewise */
	struct slice http_token;   /* ptr NULL: none */
	struct identity identity;
};

/* ---- worker.c ---- */

struct conn;
struct acceptor;

struct worker {
	const struct net_settings *settings; /* as of the last wake */
	_Atomic unsigned generation;         /* of that wake; written by the thread itself */
	struct net *net;
	pthread_t thread;
	struct ev_loop *loop;
	ev_async wake;
	ev_check tock; /* reads the clock once a turn of the loop */
	ev_prepare tick;
	double now;
	_Atomic bool draining, leaving, stopping;
	_Atomic bool hasty; /* it leaves at once what is idle */
	bool has_left;
	_Atomic size_t connections;
	struct conn *conns; /* a list */
	pthread_mutex_t inbox_lock;
	struct newcomer {
		int fd;
		const struct acceptor *acceptor;
		uint32_t max_frame_size;
	} * inbox;
	size_t n_inbox, inbox_room;
	uint8_t *in;  /* what reads bring, each behind up to 3 bytes that the connection's last one left */
	uint8_t *out; /* the answers to it */
	struct turn {
		size_t n, bytes; /* reads that wait for their answers, and what they have of in */
		size_t most;     /* reads that wait: so many are answered at once */
		bool behind;     /* while they are answered: others wait behind the one at hand */
		struct question {
			struct conn *conn;
			struct spop_slice in, out;
		} questions[NET_TURN];
	} turn;
	struct answer_scratch scratch;
	counter counters[NET_COUNTS]; /* as struct net_sums, of this worker */
	counter times[NET_TIMES + 1], nanoseconds;
	double quiet_until; /* no complaint before then, */
	unsigned unsaid;    /* and so many were kept back */
	bool started;
};

/* What it needs, and its thread. False: errno, and worker_stop() is due in any case. */
bool worker_open(struct worker *worker, unsigned number);
bool worker_start(struct worker *worker);

/* A warning about a peer, at most one a second: peers can be wrong as often as they like. */
void worker_complain(struct worker *worker, const char *about, const char *what);
void worker_wake(struct worker *worker);

/* max_frame_size: what was agreed on, 0 before HELLO. Any thread. False: out of memory, the caller still owns fd. */
bool worker_give(struct worker *worker, int fd, const struct acceptor *acceptor, uint32_t max_frame_size);

/* Ends and frees; the worker may never have been started. */
void worker_stop(struct worker *worker);

/* ---- turn.c ---- */

/* Due before the events of a turn of the loop are handled: there are so many, nearly all of them reads. */
void turn_expect(struct worker *worker, unsigned ready);

/* Answers those that wait. Due before anything else is done to one whose question waits, and before the loop does. */
void turn_end(struct worker *worker);

/* ---- conn.c ---- */

/* Takes fd over, closing it when it cannot. */
void conn_open(struct worker *worker, int fd, const struct acceptor *acceptor, uint32_t max_frame_size);

/* Whether its worker stops, or its listener is gone. */
bool conn_is_leaving(const struct conn *conn);

/* Sees to it that it is ended when it is late; due where that may be sooner than before: another `timeout` was set. */
void conn_expect_deadline(struct conn *conn);

/* With the next answer, or when none is asked for: AGENT-DISCONNECT, then closes. */
void conn_leave(struct conn *conn);
void conn_free(struct conn *conn);
struct conn *conn_next(const struct conn *conn);

/* ---- listener.c ---- */

/*
 * A listening socket. It outlives configurations, and the connections that came by it look here for the routes of the
 * newest; one whose address is no longer listened on is kept, without a socket, for their sake.
 */
struct acceptor {
	struct acceptor *next;
	ev_io io;
	struct listener *listener;
	struct endpoint endpoint;
	_Atomic(const struct routes *) routes;
	_Atomic bool retired;
	struct listening_socket socket;
};

struct listener {
	struct net *net;
	const struct net_settings *settings; /* as of the last wake */
	_Atomic unsigned generation;         /* of that wake; written by the thread itself */
	pthread_t thread;
	struct ev_loop *loop;
	ev_async wake;
	ev_timer pause;             /* after running out of descriptors */
	struct acceptor *acceptors; /* a list; the thread's own while it runs, the control thread reads it */
	struct acceptor *fresh;     /* to be added to it at the next wake */
	_Atomic bool paused, closing, stopping;
	_Atomic bool given_away; /* the sockets' files are somebody else's */
	bool closed;
	double say_full, say_starved; /* not before */
	bool started;
};

/* Binds and listens; then its thread. False: why. */
bool listener_open(struct listener *listener, struct inherited *inherited, char *why, size_t size);
bool listener_start(struct listener *listener, char *why, size_t size);

/* One that another process accepted there. False: nobody listens there, or out of memory; fd is the caller's. Control thread. */
bool listener_take(struct listener *listener, const struct endpoint *endpoint, int fd, uint32_t max_frame_size);
void listener_wake(struct listener *listener);

/* Binds what of another configuration is not listened on yet. False: why; nothing is left of it. Control thread. */
bool listener_prepare(struct listener *listener, const struct net_settings *settings, char *why, size_t size);

/* The routes of that configuration from now on; the thread does the rest when it wakes. Control thread. */
void listener_move(struct listener *listener, const struct net_settings *settings);

/* Files of sockets that were taken over, before anything else is done with them. Control thread. */
void listener_own(struct listener *listener, const struct net_settings *settings);

/* Ends the thread and closes the sockets; until listener_free() others may still wake it. */
void listener_stop(struct listener *listener);
void listener_free(struct listener *listener);

/* ---- fixed.c ---- */

/* What no reload changes, as it was at the start. NULL: out of memory. */
struct fixed *fixed_new(const struct net_settings *settings);
void fixed_warn(const struct fixed *fixed, const struct net_settings *settings, struct config *config);
void fixed_free(struct fixed *fixed);

/* ---- net.c ---- */

struct net {
	_Atomic(const struct net_settings *) settings;
	struct fixed *fixed;
	_Atomic unsigned generation; /* counts the times that threads are to look for newer ones */
	struct ev_loop *loop;        /* is told by `passed` each time that one did */
	ev_async *passed;
	struct worker *workers;
	unsigned n_workers;
	struct listener listener;
	_Atomic size_t connections;
	_Atomic size_t held; /* refused ones that wait for their second to pass */
	_Atomic uint64_t accepted;
	_Atomic uint64_t full, starved;
	_Atomic int heir;          /* to whom connections go when we leave; −1: to nobody */
	ev_io inherits;            /* whose connections come here; not active: nobody's */
	void (*ended)(void *into); /* then whose end is told */
	void *ended_into;
	struct captures *captures; /* bad frames and requests */
};

/* A worker has closed one, or one is held no longer. */
void net_closed(struct net *net);
void net_released(struct net *net);

/* The newest settings, and their generation; NULL: the thread, whose generation this is, was asked to look by nobody. */
const struct net_settings *net_newest(struct net *net, const _Atomic unsigned *own, unsigned *generation);

/* From here on the thread looks at nothing older. */
void net_seen(struct net *net, _Atomic unsigned *own, unsigned generation);

#endif
