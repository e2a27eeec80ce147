/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Content rules: samples of a request, compared with patterns by acls, which choose the name of a backend.
 *
 * A struct ruleset is filled while a configuration is read and never changes afterwards; any number of
 * workers read it. What a request needs while it is decided (the values of its arguments, regex match
 * data) lives in a struct request and a struct rules_scratch of the worker: nothing is allocated.
 *
 * Words and results are HAProxy's (its configuration manual, section 7).
 */
#ifndef SPOA_REDIRECT_RULES_H
#define SPOA_REDIRECT_RULES_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/counter.h"
#include "spoa-redirect/base/slice.h"
#include "spoa-redirect/config.h"
#include "spop.h"

/* ---- the request ---- */

/* Arguments that the agent itself reads; those of a frontend's rules follow behind. */
enum request_slot {
	REQUEST_METHOD,
	REQUEST_PATH,
	REQUEST_QUERY,
	REQUEST_HOST,
	REQUEST_SRC,
	REQUEST_SSL,
	REQUEST_HDRS,
	REQUEST_UPGRADE,   /* hdr(upgrade) */
	REQUEST_PREFLIGHT, /* hdr(access-control-request-method) */
	REQUEST_ID,        /* HAProxy's unique-id, for the log */
	REQUEST_FIRST_OWN,
};

#define REQUEST_MAX_SLOTS 64u
#define REQUEST_GUESSES   16u

/*
 * The values of one message, by slot: slices into the frame. An argument that did not come, or came as
 * NULL, has the type SPOP_NULL; `seen` has the bit of each slot that came at all.
 */
struct request {
	struct spop_value values[REQUEST_MAX_SLOTS];
	uint64_t seen;
	uint8_t guesses[REQUEST_GUESSES]; /* of each argument: the name that was there the last time */
	struct slice pathq;               /* joined at its first use; ptr NULL before */
};

/* Which argument names go to which slot: made once per frontend, read without a lock. */
struct request_names;

/*
 * Reads a message's arguments into *request. False: the payload is no list of that many arguments
 * (status 4). The first of several arguments of one name counts.
 */
bool request_take(const struct request_names *names, unsigned arguments, struct spop_slice *payload,
		  struct request *request);

static inline struct slice slice_of_spop(struct spop_slice s)
{
	return slice_of(s.ptr, s.len);
}

/* A string or binary argument's bytes; ptr NULL when absent or of another type. */
static inline struct slice request_bytes(const struct request *request, unsigned slot)
{
	const struct spop_value *value = &request->values[slot];

	if (value->type != SPOP_STRING && value->type != SPOP_BINARY)
		return slice_of(NULL, 0);
	return slice_of_spop(value->bytes);
}

/* The first value of a header, wherever it came: as an argument of its own in `slot`, or in hdrs. ptr NULL: absent. */
struct slice request_header(const struct request *request, unsigned slot, struct slice name);

/* ---- what a worker brings ---- */

struct rules_scratch;
struct rules_scratch *rules_scratch_new(void);
void rules_scratch_free(struct rules_scratch *scratch);

/* Before the requests that came together: what regexes have taken until now does not count. */
void rules_begin(struct rules_scratch *scratch);

/* Requests since the start for which a regex was given up at its limit. */
uint64_t rules_scratch_limits(const struct rules_scratch *scratch);

/* The regex given up for the request at hand, ptr NULL: none. What its acls would have said is not known then. */
struct slice rules_scratch_given_up(const struct rules_scratch *scratch);

/* ---- telling how ---- */

/* Who wants to know how a frontend decided; each function is called in the order of evaluation. */
struct rules_visitor {
	void *into;
	/* A redirect-unless or use_backend line with its words, and whether it held. */
	void (*line)(void *into, const char *keyword, const char *words, struct config_place place, bool holds);
	/* One of its acls, "" for an anonymous one; `starts_group`: behind "or"; holds: with its negation. */
	void (*acl)(void *into, const char *name, bool negated, bool starts_group, bool holds);
	/* A value of a sample of that acl; ptr NULL: it has none. */
	void (*value)(void *into, const char *sample, struct slice value);
	/* So many lines that did not hold are left out. NULL: nobody asks. */
	void (*skipped)(void *into, size_t n);
	size_t most; /* lines of each keyword that are told one by one, and the chosen one; 0: all */
};

/* ---- frontends ---- */

/* "use_backend NAME if …" or, last and without a condition, "default_backend NAME". */
struct rule {
	const char *backend;
	struct config_place place;
	const char *words;                 /* behind the keyword, as far as they are kept */
	const struct condition *condition; /* NULL: always */
	const struct format *format;       /* the backend's name comes of the request; NULL: it does not */
	size_t index;                      /* among its frontend's rules; behind them come its excludes */
};

/* ---- what backends want to know of a request ---- */

/* Its number among all of its kind, given by ruleset_add_…(). */
struct want {
	size_t number;
	bool numbered;
};

/* ---- what a request makes of a backend's `redirect location` ---- */

/* Its text, read by each frontend that leads there. */
struct made_location {
	const char *text;
	struct config_place place;
	struct want want;
};

/* NULL: it was said what is wrong with it. */
struct made_location *made_location_parse(struct config_words *words, const char *text);

enum location_part { PART_TEXT, PART_SAMPLE, PART_SRV_REDIR, PART_SRV_NAME, PART_BE_NAME };

/* Takes one part; of the last three the text is the caller's to know. False: it cannot be taken. */
typedef bool location_put_part(void *into, enum location_part part, struct slice text);

struct acls;
struct conditions;
struct format;
struct hit_counts;
struct sample;

struct frontend {
	const char *name;
	struct config_place place;
	bool dry_run; /* it redirects nobody */
	const char **messages;
	size_t n_messages;
	const struct rule **rules; /* in order, default_backend last */
	size_t n_rules;
	const struct rule *default_rule; /* NULL: there is none */
	struct rule **excludes;          /* lines of redirect-unless */
	size_t n_excludes;
	const struct format **locations; /* by the numbers of made_locations; NULL: it does not lead there */
	const struct conditions *excluding, *choosing;
	const struct acls *acls;
	const struct sample **keys; /* what backends hash, by the keys' numbers; NULL: it does not lead there */
	const struct request_names *names;
	uint64_t needs;           /* slots that are read */
	uint64_t headers;         /* slots that hdrs may fill as well */
	_Atomic uint64_t *missed; /* slots whose absence was logged already */
	struct hit_counts *hits;  /* NULL: nobody counts */
};

/* ---- keys ---- */

/*
 * What of a request is hashed, so that those with the same go to the same server: a backend names it, and each frontend
 * that leads there reads it.
 */
struct hash_key {
	const char *sample; /* as the configuration has it */
	struct config_place place;
	struct hash_key_part {
		unsigned length, depth; /* of an URI: bytes, and directories; 0: all */
		bool first;             /* of several values, where the others take the last */
		bool domain;            /* of a host its main domain */
	} part;
	struct want want;
};

/* NULL: reported. */
struct hash_key *hash_key_parse(struct config_words *words, const char *sample, struct hash_key_part part);

struct ruleset;
struct ruleset *ruleset_new(struct arena *arena);

/* The rows and the begin of `frontend`, to be handed to config_new(). */
struct config_room ruleset_room(struct ruleset *ruleset);

/* Before ruleset_finish(): whoever leads to that backend is to read this. False: out of memory. */
bool ruleset_add_location(struct ruleset *ruleset, struct made_location *location, const char *backend);

/* Once all lines are read: completes every frontend, and reports what only then shows. */
void ruleset_finish(struct ruleset *ruleset, struct config *config);

/* Before ruleset_finish(): frontends that lead to that backend read the key. False: out of memory. */
bool ruleset_add_key(struct ruleset *ruleset, struct hash_key *key, const char *backend);

size_t ruleset_count(const struct ruleset *ruleset);
const struct frontend *ruleset_frontend(const struct ruleset *ruleset, size_t i);

/* Before the two below, for each request. False: out of memory, which can only be at a frontend's first. */
bool frontend_begin(const struct frontend *frontend, struct rules_scratch *scratch);

/* The redirect-unless line that keeps the request from being redirected; NULL: none does. */
const struct rule *frontend_excludes(const struct frontend *frontend, struct request *request,
				     struct rules_scratch *scratch);

/* The first rule that holds, or the first behind `after`; NULL: none. Any worker, with a scratch of its own. */
const struct rule *frontend_choose(const struct frontend *frontend, struct request *request,
				   struct rules_scratch *scratch, const struct rule *after);

/* The key's bytes, until the next call or the next request; ptr NULL: the request has none, or an empty one. */
struct slice frontend_key(const struct frontend *frontend, const struct hash_key *key, struct request *request,
			  struct rules_scratch *scratch);

/* The name that a rule with a format gives, until the next call. ptr NULL: too long for any backend. */
struct slice rule_backend(const struct rule *rule, struct request *request, struct rules_scratch *scratch);

/* Part by part. False: a part was not taken, or this frontend does not lead where that is made. */
bool frontend_make_location(const struct frontend *frontend, const struct made_location *location,
			    struct request *request, struct rules_scratch *scratch, location_put_part *put, void *into);

/*
 * Lets the visitor see all that frontend_excludes() and frontend_choose() look at, by the same steps, up to the rule that
 * was chosen in the end, NULL: none. After frontend_begin().
 */
void frontend_explain(const struct frontend *frontend, const struct rule *chosen, struct request *request,
		      struct rules_scratch *scratch, const struct rules_visitor *visitor);

/* ---- which lines held ---- */

/* Of one line: how often, and when last; 0: never. */
struct rule_hits {
	counter n;
	_Atomic double last; /* monotonic */
};

/*
 * One worker's of all lines of a frontend, on lines of the cache that no other worker writes; behind the workers' stand
 * those of the configurations before, which the control thread writes.
 */
struct hit_counts {
	unsigned workers;
	size_t stride;
	struct rule_hits *each;
};

/* Before any worker sees the rules. False: out of memory. */
bool ruleset_count_hits(struct ruleset *ruleset, unsigned workers);

/* That worker's thread only. */
static inline void frontend_hit(const struct frontend *frontend, const struct rule *rule, unsigned worker, double now)
{
	const struct hit_counts *hits = frontend->hits;
	struct rule_hits *mine;

	if (!hits || worker >= hits->workers)
		return;
	mine = &hits->each[worker * hits->stride + rule->index];
	counter_add(&mine->n, 1);
	atomic_store_explicit(&mine->last, now, memory_order_relaxed);
}

/* Of all workers. Any thread. */
uint64_t frontend_hits(const struct frontend *frontend, const struct rule *rule, double *last);

/*
 * What was counted for a line of the old rules goes on for the same words in a frontend of the same name. Control
 * thread; again once no worker counts in the old ones any more.
 */
void ruleset_adopt_hits(struct ruleset *ruleset, const struct ruleset *old);

/* ---- patterns at run time ---- */

/*
 * The lists of patterns that acls and maps have, as HAProxy's runtime API knows them. What is changed is found from
 * lists_sync() on, without a worker ever waiting; what they may be looking at still is added to *retired. Control thread.
 */
struct lists;
struct pattern_list;
struct retired;

/* NULL: there are no acls and no maps. */
struct lists *ruleset_lists(const struct ruleset *ruleset);

/* By "#id" or file. NULL: none. */
struct pattern_list *lists_find(const struct lists *lists, const char *name, bool is_map);

/* `show acl`, `show map`: which there are. */
void lists_put(const struct lists *lists, bool maps, FILE *out);

/* False: out of memory, some of it is not found yet. */
bool lists_sync(const struct lists *lists, struct retired **retired);

/* Of an element each: "0x55… pattern", of maps with its value. */
void list_put(const struct pattern_list *list, unsigned version, FILE *out);

/* The version that is searched, and the last one that was prepared. */
unsigned list_version(const struct pattern_list *list);
unsigned list_newest(const struct pattern_list *list);

/* value: NULL but for maps. False: why. */
bool list_add(struct pattern_list *list, unsigned version, const char *text, const char *value, char *why, size_t size);

/* All elements of that text, or the one of "#0x55…". False: there is none. */
bool list_delete(struct pattern_list *list, const char *name);

/* Likewise. False: why. */
bool list_set(struct pattern_list *list, const char *name, const char *value, struct retired **retired, char *why,
	      size_t size);

/* Of one version; NULL: of all. */
void list_clear(struct pattern_list *list, const unsigned *version);

/* A new one, to be filled while the current one is searched. */
unsigned list_prepare(struct pattern_list *list);

/* From the next sync on it is the one that is searched, and older ones are gone. False: out of range. */
bool list_commit(struct pattern_list *list, unsigned version);

/* What a text would match, a line for each way in which the list is used. */
void list_get(const struct pattern_list *list, const char *text, FILE *out);

/* A slot's name as the SPOE file spells it, for messages. */
const char *frontend_slot_name(const struct frontend *frontend, unsigned slot);

#endif
