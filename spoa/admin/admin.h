/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef SPOA_ADMIN_ADMIN_H
#define SPOA_ADMIN_ADMIN_H

#include <ev.h>
#include <stdio.h>

#include "history.h"
#include "spoa-redirect/admin.h"

#define ADMIN_LINE  16384u /* the longest line of commands */
#define ADMIN_WORDS 64u    /* of one command */

struct admin {
	struct running *running;
	struct reload *reload;
	struct admin_about about;
	double started; /* monotonic */
	bool stopping;
	pid_t heir;         /* has our listening sockets; 0: nobody */
	struct door *doors; /* one a `stats socket` */
	size_t n_doors;
	struct session *sessions;
	uint64_t n_sessions;     /* ever */
	struct history *history; /* NULL: nobody looks */
	ev_timer second;
	char run[40];            /* another one after a restart */
	struct http *http;       /* NULL: none */
	struct net_sums cleared; /* as they were at the last `clear counters all` */
	double explain_after;    /* monotonic: not before is anything explained over HTTP again */
};

/* ---- socket.c ---- */

/* A client of the runtime socket. */
struct session {
	struct session *next, **previous;
	struct admin *admin;
	enum stats_level level;
	ev_io io;
	ev_timer timer;
	double patience; /* seconds that it may say nothing */
	bool expose;     /* listening sockets are given away here */
	bool prompt;     /* one line after the other */
	bool waits;      /* for a reload's end */
	bool heard_all;  /* the client says no more, */
	bool ended;      /* nor do we; what it was told still goes out */
	char in[ADMIN_LINE];
	size_t n_in;
	char rest[ADMIN_LINE]; /* commands of the line that come after the one that waits */
	char *out;
	size_t n_out;
	/* a command with "<<" at its end, as long as the lines that belong to it come */
	char *command, *payload; /* NULL: none */
	size_t n_payload, payload_room;
	char payload_end[8]; /* the line that ends it */
};

bool doors_open(struct admin *admin, char *why, size_t size);
void doors_close(struct admin *admin);

/* Their sockets, as many as there is room for; from now on their files are somebody else's. */
size_t doors_sockets(const struct admin *admin, struct listening_socket *to, size_t room);
void doors_give_away(struct admin *admin);
void doors_own(struct admin *admin);

/* The command that waited has ended with this. */
void session_resume(struct session *session, const char *text);

/* ---- command.c ---- */

/* Runs one command; what it says goes to out. */
void command_run(struct session *session, char *line, FILE *out);

/* ---- fields.c ---- */

/* How figures are written: HAProxy's CSV or lines, a line each with its type, JSON. */
enum form { FORM_PLAIN, FORM_TYPED, FORM_JSON };
enum field_kind { FIELD_STR, FIELD_U32, FIELD_S32, FIELD_U64 };

struct field {
	const char *name;
	const char *tags; /* HAProxy's letters for origin, nature and scope */
	enum field_kind kind;
	unsigned position;
};

/* "typed", "json". False: it is neither. */
bool form_take(const char *word, enum form *form);

/* tags: NULL for the field's own. What goes before (of which object) and behind is the caller's. */
void field_put_typed(FILE *out, const struct field *field, const char *tags, const char *value);
void field_put_json(FILE *out, const struct field *field, const char *tags, const char *value);
void field_put_json_string(FILE *out, const char *text);

/* ---- counters.c ---- */

/* As net_sum(), since the last `clear counters all`. */
void counters_sum(const struct admin *admin, struct net_sums *sums);

/* ---- the commands, by file: words[0] is the first behind the command's own ---- */

/* session->payload: the lines that came with it behind "<<"; NULL: none. */
typedef void command(struct session *session, FILE *out, char **words, size_t n);

/* stat.c */
command show_stat;
/* info.c */
command show_info, show_backend, show_servers_state;
/* counters.c */
command clear_counters, show_rules;
/* show_errors.c */
command show_errors;
/* server.c */
command add_server, del_server, set_server, enable_server, disable_server, enable_health, disable_health, enable_agent,
	disable_agent, set_weight, get_weight;
/* patterns.c: words[-1] says whether it is about an acl or a map */
command show_patterns, get_pattern, add_pattern, set_pattern, del_pattern, clear_patterns, prepare_patterns,
	commit_patterns;
/* explain.c */
command explain;
/* hand_over.c */
command hand_over, hand_over_connections;
/* show_load.c */
command show_load;

/* Splits at blanks; a backslash takes what follows it as it is. How many, at most ADMIN_WORDS. */
size_t split_words(char *line, char **words);

#define FIRST_ID 2u /* HAProxy's first proxy */

/* As HAProxy's statistics spell it: "UP 1/3", "no check", "DOWN (agent)". */
const char *status_text(const struct server *server, char *text, size_t size);

/* ---- metrics.c ---- */

/* The text format of Prometheus, version 0.0.4. */
void metrics_write(const struct admin *admin, FILE *out);

/* ---- http.c ---- */

struct http *http_start(struct admin *admin, const struct stats_socket *where, char *why, size_t size);
void http_stop(struct http *http);
struct listening_socket http_socket(const struct http *http);
void http_give_away(struct http *http);
void http_own(struct http *http);

#endif
