/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `explain` finds out, in the order in which it is found; two ways to write it. */
#ifndef SPOA_ANSWER_EXPLAIN_H
#define SPOA_ANSWER_EXPLAIN_H

#include <stdio.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/select.h"

/* What a backend hashes of the request, and where that leads. */
struct explain_key {
	const struct hash_key *key; /* NULL: it hashes nothing */
	struct slice value;         /* ptr NULL: the request has none */
	bool placed;
	struct select_place place; /* where it is placed */
};

/* Each function is given the teller itself. */
struct explain_teller {
	struct rules_visitor rules; /* into: the teller itself */
	FILE *out;
	unsigned depth;         /* how many braces are open, for JSON */
	bool further;           /* something stands in the innermost already */
	struct explain_key key; /* of the backend */
	void (*begin)(struct explain_teller *teller);
	void (*frontend)(struct explain_teller *teller, const struct frontend *frontend);
	/* instead_of: whose fallback it is; NULL: it is the rule's */
	void (*backend)(struct explain_teller *teller, const struct backend *backend, const struct backend *instead_of);
	/* chance: of being picked now, 0 to 1. */
	void (*server)(struct explain_teller *teller, const struct server *server, double chance);
	/* location: empty where there is none. */
	void (*decision)(struct explain_teller *teller, const struct decision *decision, struct slice location);
	void (*end)(struct explain_teller *teller);
};

struct explain_teller explain_text(void);
struct explain_teller explain_json(void);

/* What is known of its load: "75 %, 0.4 s ago, 3.1 in flight", "unknown". */
const char *explain_load(const struct server *server, char *text, size_t size);

/* What that follows from, "" if it is not known: "known, 3 in flight reported, 0.2 under way, …". */
const char *explain_estimate(const struct server *server, char *text, size_t size);

/* Figures of a report, by their names; ended by one without a name. */
extern const struct explain_figure {
	const char *name;
	unsigned figure; /* LOAD_… */
} explain_figures[];

/* Who told which of them, as far as it counts, and what was not used: "q by load-push, u by agent-check, 3 rejected (…)". */
const char *explain_sources(const struct server *server, char *text, size_t size);

/* What the policy compares, of one more client there; < 0: it compares nothing, or the server is full. */
double explain_cost(const struct server *server);

/* Why a place's server does not get the request: "s2 is MAINT; s3 is at its bound"; "": it does. */
const char *explain_passed(const struct select_place *place, char *text, size_t size);

/* Why a server may not be picked, "" if it may. */
const char *explain_why_not(const struct server *server);

#endif
