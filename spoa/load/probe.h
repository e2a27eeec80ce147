/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One question asked again and again: connect, say something, hear the answer or run out of time. What the answer
 * means is the kind's business (health.c, agent.c, poll.c).
 */
#ifndef SPOA_LOAD_PROBE_H
#define SPOA_LOAD_PROBE_H

#include <ev.h>

#include "format.h"
#include "spoa-redirect/fleet.h"
#include "tls.h"

#define PROBE_ROOM 512u /* bytes of an answer without memory of its own */

enum probe_outcome {
	PROBE_ANSWERED, /* the kind found the answer complete, or the peer closed */
	PROBE_REFUSED,  /* no connection, or it broke: errno is in probe->error */
	PROBE_LATE,     /* no connection in time */
	PROBE_SILENT,   /* connected, but no complete answer in time */
};

struct probe;

struct probe_kind {
	const struct endpoint *(*to)(const struct server *server); /* of a host with a name, but the port */
	const struct host *(*host)(const struct server *server);
	const struct tls_target *(*secure)(const struct server *server); /* NULL: never; its trust NULL: not this one */
	const char *(*question)(const struct server *server);            /* NULL or "": nothing is said */
	/* Whether more has to be heard; NULL: the connection alone is the answer. */
	bool (*complete)(struct slice answer);
	void (*done)(struct probe *probe, enum probe_outcome outcome, struct slice answer, double now);
	double (*interval)(const struct server *server); /* from one question to the next, and its time limit */
	enum probed what;
	size_t most; /* bytes of an answer; it ends there */
};

struct probe {
	const struct probe_kind *kind;
	struct server *server;
	struct load *load;
	struct ev_loop *loop;
	ev_io io;
	ev_timer timer; /* the next question, or the end of patience with this one */
	bool asking, connected;
	bool waiting;         /* of one that is asked: for its host's name */
	bool keep;            /* done() sets it: the connection may serve the next question */
	bool again;           /* this question is asked on a connection that was kept, which may have ended meanwhile */
	bool said_incomplete; /* the kind's */
	bool wanted;          /* by the configuration that is being taken over */
	struct endpoint to;   /* where it is, or was, connected */
	int fd, error;
	bool unresolved;     /* PROBE_REFUSED, for its host is none */
	struct tls *tls;     /* NULL: none */
	bool secured;        /* its handshake is done */
	double due, started; /* when it was to be asked, and was; monotonic */
	size_t said, heard, room;
	uint8_t *answer;                   /* small, or of malloc() while it is longer */
	uint64_t asked;                    /* questions */
	uint64_t asked_then, checked_then; /* poll's: its own and the check's, before the counter that was last heard */
	double counter, counter_told;      /* poll's: without our own questions, and as the server told it */
	double owed;                       /* poll's: of our own questions, what the counter does not have yet */
	bool counted;                      /* poll's: they are known */
	struct format_memory memory;       /* poll's */
	uint8_t small[PROBE_ROOM];
};

struct load {
	struct ev_loop *loop;
	struct fleet *fleet;
	const struct log *log;
	struct probe **probes;
	size_t n;
	ev_timer refresh;
	double started;
	struct receiver *receiver;
	struct names *names;
	double say_starved;      /* not before */
	struct server **by_name; /* all of the fleet's, by backend and name */
	size_t n_by_name;
	struct captures *captures; /* of reports that were not taken; NULL: nobody wants them */
};

/* For people, of PROBE_REFUSED: what went wrong. */
const char *probe_why(const struct probe *probe);

void probe_start(struct probe *probe, double first);
void probe_stop(struct probe *probe);

/* More is known of names: whoever waits for one goes on. */
void probe_wake(struct probe *probe);

/* Goes on for the server of another configuration; what is under way to another address, or with other words, begins anew. */
void probe_move(struct probe *probe, const struct probe_kind *kind, struct server *server);

extern const struct probe_kind health_tcp_kind;
extern const struct probe_kind health_http_kind;
extern const struct probe_kind agent_kind;
extern const struct probe_kind poll_kind;

/* One line of an agent; exported for tests. */
void agent_apply(struct load *load, struct server *server, struct slice line, double now);

#endif
