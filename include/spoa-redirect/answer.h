/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One decision: request view → rules → backend → server → Location → variables, within one configuration and
 * without a lock, an allocation or a copy of request bytes other than into the answer.
 */
#ifndef SPOA_REDIRECT_ANSWER_H
#define SPOA_REDIRECT_ANSWER_H

#include <stdio.h>

#include "spoa-redirect/base/captures.h"
#include "spoa-redirect/base/counter.h"
#include "spoa-redirect/fleet.h"
#include "spoa-redirect/rules.h"
#include "spop.h"

/* The variable `reason`, in the order in which they are found out; the last two have a server and a Location. */
enum answer_reason {
	REASON_EXCLUDED,
	REASON_BAD_REQUEST,
	REASON_NO_RULE,
	REASON_METHOD,
	REASON_NO_SERVER,
	REASON_LOOP,
	REASON_DRY_RUN, /* it would have been a redirect */
	REASON_REDIRECT,
	REASONS,
};

const char *answer_reason_name(enum answer_reason reason);

/* What was decided for one message. */
struct decision {
	enum answer_reason reason;
	const struct rule *rule;    /* NULL: none held */
	struct backend *backend;    /* NULL: none was chosen */
	struct server *server;      /* likewise */
	bool dry_run;               /* it redirects nobody, and is booked in the shadow */
	struct backend *instead_of; /* the rule's, where the one chosen is its fallback; NULL: it is the rule's */
};

/* What of a request goes into a Location: slices of the frame, and how long they will be when encoded. */
struct location {
	struct slice path, query;
	size_t path_length, query_length;
};

/* One decision as a person is shown it. What is longer than its room is cut; no query, which may hold secrets. */
struct decision_sample {
	double at; /* monotonic */
	enum answer_reason reason;
	unsigned code;           /* 0: no redirect */
	unsigned line;           /* of the rule; 0: none held */
	bool cut, query;         /* the path is longer; there was a query */
	uint16_t n_host, n_path; /* bytes as they came, of any encoding, without an end */
	char host[64], path[176];
	char method[12], frontend[32], backend[32], server[32], file[80];
};

#define SAMPLES      32u  /* the last ones that a worker keeps */
#define SAMPLE_EVERY 0.05 /* seconds between two of them; of a burst, all in a second's allowance */

/* Those of one worker, read by any thread without stopping it. */
struct samples;

/* Tells those that nobody is about to write, the newest first. */
void samples_visit(const struct samples *samples, void (*visit)(void *into, const struct decision_sample *sample),
		   void *into);

/* What one worker brings and counts. */
struct answer_scratch {
	struct rules_scratch *rules;
	struct picker picker;
	unsigned worker; /* its number */
	struct samples *samples;
	double next_sample;        /* not before */
	struct captures *captures; /* of requests that cannot be redirected; shared, NULL: nobody wants them */
	struct request request;
	struct location location; /* of that request */
	uint8_t made[2 * 8192];   /* or what `redirect location` makes of it */
	counter decisions[REASONS];
	counter unknown_messages;
	counter unknown_backends; /* names that came of a request, and are no backend's */
	counter fallbacks;        /* decisions for a fallback-backend */
	counter missing_arguments;
	counter shortened; /* answers that lack something because it did not fit the frame */
};

bool answer_scratch_init(struct answer_scratch *scratch);
void answer_scratch_release(struct answer_scratch *scratch);

/*
 * more: what is decided next is not the last of its turn, so that its successor's server can be looked for ahead. Its worker's
 * word; where it is wrong nothing is lost but time.
 */
void answer_expect(struct answer_scratch *scratch, bool more);

/*
 * Makes what was put off while deciding. Its worker: when a turn of the loop ends, and before it lets go of a configuration,
 * whose servers are concerned.
 */
void answer_settle(struct answer_scratch *scratch, double now);

/* A frontend joined to its backends. */
struct route;

/* The frontends that one listener answers for, by message. */
struct routes;

/*
 * Joins each frontend of the names to the fleet's backends and prepares what their answers are made of. What is wrong
 * (an unknown backend, one message twice) is reported to config. NULL: out of memory.
 */
struct routes *routes_new(struct arena *arena, const struct log *log, struct config *config);
bool routes_add(struct routes *routes, const struct frontend *frontend, const struct fleet *fleet);

/* Of a listener that is gone: every message is unknown. */
const struct routes *routes_none(void);

/* Once for a configuration: bytes of answers that do not depend on the request. False: out of memory. */
bool answer_prepare(struct arena *arena, struct fleet *fleet);

/*
 * The same for a server that came at run time, before anybody may pick it; and once it has come, or one has gone: arena is
 * the configuration's, fresh the one that came, or NULL. Control thread. False: out of memory.
 */
bool answer_prepare_server(struct server *server);
bool answer_servers_changed(struct arena *arena, struct backend *backend, struct server *fresh,
			    struct retired **retired);

/* So many messages of a NOTIFY are decided at most; more of them are as if nobody knew them, so that none takes long. */
#define ANSWER_MESSAGES 16u

/*
 * Decides the messages of one NOTIFY and appends its ACK, of at most max bytes, to the writer. False: the payload is
 * invalid (status 4), nothing was written. Any worker.
 */
bool answer_notify(const struct routes *routes, struct answer_scratch *scratch, const struct spop_frame *notify,
		   double now, uint32_t max, struct spop_writer *writer);

/* The ACK of a NOTIFY whose messages were too long to be read: its reason is bad-request. Any worker. */
void answer_refuse(struct answer_scratch *scratch, const struct spop_frame *notify, uint32_t max,
		   struct spop_writer *writer);

/* The Location of the request that was decided last, if this server is chosen; its length, 0 if there is no room. */
size_t answer_location(struct answer_scratch *scratch, const struct frontend *frontend, const struct server *server,
		       char *to, size_t room);

/* A route of its own, for who has no bind to ask by. NULL: out of memory, or reported to config. */
const struct route *route_new(struct arena *arena, const struct frontend *frontend, const struct fleet *fleet,
			      struct config *config);

/* A request to be explained, in the words of the command line. */
struct explain_request {
	const char *url, *method, *src; /* src: NULL, none */
	char **headers, **arguments;    /* "Name: value" and "name=value" */
	size_t n_headers, n_arguments;
	bool json;
	size_t most;  /* lines and servers that are told, and the chosen ones; 0: all, with finer chances */
	FILE *errors; /* what is wrong with it */
	const char *prefix;
};

/*
 * Decides the request for each frontend and writes how: the lines that were tried with the values that they compared, the
 * servers with their states and loads, and the answer. Nothing is booked or counted. False: the request cannot be.
 */
bool answer_explain(const struct explain_request *asked, struct arena *arena, const struct ruleset *ruleset,
		    const struct fleet *fleet, struct config *config, FILE *out);

/* Why a server that may not be picked may not, for people. Control thread. */
const char *answer_why_not(const struct server *server);

/* One request, for who wants the decision and not the bytes: nothing is booked or counted. Behind rules_begin(). */
struct decision answer_decide(const struct route *route, struct answer_scratch *scratch, double now);

#endif
