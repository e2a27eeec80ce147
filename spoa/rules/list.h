/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns by the list that they stand in, as HAProxy knows them at run time: of a file, whoever uses it, or of one acl
 * line. What a list is looked up by are indexes of others, a matcher's or a map's; each such user searches a chain of at
 * most three: what the configuration said, and two small ones of what was added since, the second for the very last.
 * What is deleted stays in its index as a hit that leads nowhere. Once there is too much of either, all is put into one
 * index anew, which takes the place of the chain.
 *
 * Workers see nothing but indexes; all functions here are the control thread's, or whoever's builds the configuration.
 */
#ifndef SPOA_RULES_LIST_H
#define SPOA_RULES_LIST_H

#include "index.h"
#include "spoa-redirect/base/retired.h"
#include "spoa-redirect/rules.h"

struct list_use;
struct spot;

/* A pattern, and of maps the value that stands for it. */
struct element {
	struct element *next, *previous;
	struct element *same_bucket;
	struct slice text, value;
	unsigned version;   /* of the list; only that one is searched which is current */
	unsigned line;      /* of the file */
	bool own;           /* of malloc(), with its text and value: it came at run time */
	bool own_value;     /* likewise, the value alone */
	struct spot *spots; /* where it is found */
};

/* Those of the configuration that is being read; made at the first call. NULL: out of memory, reported. */
struct lists *lists_of(struct config_words *words);

/* The one of a file, to be filled by its first user: *fresh. NULL: reported. */
struct pattern_list *lists_file(struct config_words *words, const char *path, bool is_map, bool *fresh);

/* One of an acl line, by the sample's name. NULL: reported. */
struct pattern_list *lists_inline(struct config_words *words, struct slice sample);

/* While the configuration is read. NULL: out of memory. */
struct element *list_append(struct arena *arena, struct pattern_list *list, struct slice text, struct slice value,
			    unsigned line);

/* Each line of a file, as HAProxy's -f: empty lines and those that begin with # left out. False: reported. */
bool list_read(struct config_words *words, struct pattern_list *list, const char *path);

struct element *list_first(const struct pattern_list *list);

/* Once all are known: HAProxy's numbers, maps behind acls. lists may be NULL. */
void lists_number(struct lists *lists);

/* ---- who looks them up ---- */

/* The values of a map, beside the index that tells their numbers. */
struct map_entries {
	_Atomic(struct map_value *) *values;
	uint32_t *weights;
	bool *fours; /* of IPv4 networks */
	size_t n;
	/* how far each of the arrays above has grown */
	size_t n_weights, n_fours;
};

struct map_value {
	struct retired retired;
	bool own; /* of malloc() */
	struct slice text;
};

/* A chain of indexes, of one matcher or one map. */
struct search;

/*
 * head: where its readers begin. dead: what the hits of deleted patterns become, a bit that nobody reads.
 * NULL: out of memory.
 */
struct search *search_new(struct lists *lists, bool is_map, enum sample_type type, bool nocase,
			  _Atomic(struct index *) *head, uint32_t dead);

/* `list` is searched there, its patterns read by the rules of `patterns`. NULL: out of memory. */
struct list_use *search_use(struct search *search, struct pattern_list *list, struct patterns *patterns, uint32_t acl);

/* One of the list's elements, as it was read, into the first index. False: out of memory. */
bool search_add(struct list_use *use, struct element *element, const struct pattern *pattern);

/* Of a way of matching that has no patterns: `found`, `bool`. False: out of memory. */
bool search_add_none(struct list_use *use);

/* After the last one. False: out of memory. */
bool search_seal(struct search *search);

#endif
