/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked over HTTP and what is answered, without the transport (http.c): a table of methods and paths, routes.c.
 * Control thread. What one request may cost is bounded: its size by the transport, what it is told by limits of each
 * answer, and `explain` by a share of the thread's time.
 */
#ifndef SPOA_ADMIN_WEB_H
#define SPOA_ADMIN_WEB_H

#include <jansson.h>

#include "admin.h"

#define WEB_BODY  4096u /* bytes of a request's body */
#define WEB_QUERY 32u   /* arguments behind the '?' */
#define WEB_NAMES 2u    /* in a path: a backend and a server */
#define WEB_NAME  256u
#define WEB_LIMIT 1000u /* servers, lines or decisions in one answer */
#define WEB_REALM "Bearer realm=\"spoa-redirect\""

struct web_argument {
	const char *name, *value; /* value: "" if there is none */
};

struct web {
	struct admin *admin;
	const char *method, *path;
	const char *authorization; /* NULL: none */
	struct slice body;
	struct web_argument query[WEB_QUERY];
	size_t n_query;
	char names[WEB_NAMES][WEB_NAME];
	/* the answer */
	FILE *out;
	unsigned status;
	const char *type;
	char allow[64]; /* "": the header is not sent */
	unsigned retry; /* seconds; 0: likewise */
};

/* Whom the method and the path mean, and whether they may. NULL: the status and what is put into out are the answer. */
struct web_route;
const struct web_route *web_find(struct web *web);
bool web_route_has_body(const struct web_route *route);
void web_run(struct web *web, const struct web_route *route);

/* The first argument of that name; NULL: none. */
const char *web_argument(const struct web *web, const char *name);

/* A natural number up to most; absent: otherwise. False: it is none, and that was answered. */
bool web_number(struct web *web, const char *name, unsigned otherwise, unsigned most, unsigned *number);

/* The answer: {"error": …} with that status. */
void web_refuse(struct web *web, unsigned status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The answer, which is released. NULL: out of memory. */
void web_json(struct web *web, json_t *json);

/* Of bytes that may be of no encoding: as UTF-8 if they are, else each as a code point of Latin-1. */
json_t *web_text(struct slice bytes);

/* What is no number, or below 0 where that says "unknown", is null. */
json_t *web_real(double value);

/* ---- what is answered, by file ---- */

typedef void web_answer(struct web *web);

/* api.c */
web_answer api_state, api_backends, api_frontends, api_decisions, api_servers, api_servers_of, api_server;
/* api_history.c */
web_answer api_history;
/* api_explain.c */
web_answer api_explain;
/* api_change.c */
web_answer api_put_state, api_put_weight, api_delete_weight, api_put_load;
/* files.c */
web_answer api_openapi, page_css, page_js, page_icon;
/* page.c */
web_answer page_html;

/* ---- what the API and the page have in common, in api.c ---- */

/* Of the last seconds: redirects a second, and of those of its backend; < 0: not known. */
struct share {
	double rate, share;
};

/* Redirects a second to all of a backend's servers, as far as they are kept. */
double backend_rate(const struct history *history, const struct backend *backend, size_t hint);
struct share share_of(const struct history *history, const struct server *server, double all, size_t *hint);

/* Which of the backend's servers may be picked, by index; the caller frees. NULL: out of memory. */
bool *backend_usable_flags(const struct backend *backend);

/* The newest first; the caller frees. NULL: out of memory, and *n is 0. */
struct decision_sample *last_decisions(const struct admin *admin, size_t *n);

/* The one that the path names; NULL: there is none, and that was answered. */
struct server *api_find(struct web *web);

#endif
