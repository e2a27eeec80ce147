/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What list.c, search.c and change.c share. */
#ifndef SPOA_RULES_LIST_PRIV_H
#define SPOA_RULES_LIST_PRIV_H

#include "list.h"

struct lists {
	struct arena *arena;
	struct pattern_list **list;
	size_t n;
	struct search *searches;
};

struct pattern_list {
	struct lists *lists;
	const char *path; /* NULL: of an acl line */
	bool is_map;
	unsigned id;
	char *description;
	struct element *first, *last;
	size_t n;
	unsigned current, newest; /* versions */
	struct element **buckets;
	size_t n_buckets; /* a power of two; 0: none yet */
	struct list_use *uses;
};

struct list_use {
	struct list_use *next; /* of the list's */
	struct list_use *next_of_search;
	struct pattern_list *list;
	struct search *search;
	struct patterns *patterns; /* how to read one */
	uint32_t acl;
};

/* One index of the chain, with what it is made of. */
struct piece {
	struct retired retired;
	struct arena *arena; /* its own; NULL: the configuration's */
	struct index *index;
	struct map_entries *entries; /* NULL: of acls */
	struct member *members;
	size_t n_members, n_dead, n_added;
};

/* An element, and whose. */
struct member {
	struct element *element;
	struct spot *spot;
	struct index_hits hits;
	uint32_t entry;
};

struct spot {
	struct spot *next;
	struct list_use *use;
	struct piece *piece; /* NULL: not searched for now */
	struct index_hits hits;
	uint32_t entry; /* of a map */
	bool own;       /* of malloc() */
};

enum { BASE, MIDDLE, FRESH, PIECES };

struct search {
	struct search *next; /* of the lists' */
	bool is_map, nocase;
	enum sample_type type;
	_Atomic(struct index *) *head;
	uint32_t dead;
	struct list_use *uses;
	struct piece *pieces[PIECES];
	struct member *pending; /* to be added; hits are not set */
	size_t n_pending, room;
	bool rebuild; /* all of it, anew */
};

/* ---- list.c ---- */

uint64_t list_hash(struct slice text);
void list_link(struct pattern_list *list, struct element *element);
void list_unlink(struct pattern_list *list, struct element *element);
struct element *list_find(const struct pattern_list *list, struct slice text);

/* ---- search.c ---- */

/* The element is to be found there from the next search_sync() on. False: out of memory. */
bool search_want(struct element *element, struct list_use *use);

/* It is not found any more; all_anew: from the next search_sync() on, which makes all of it anew. */
void search_forget(struct element *element, bool all_anew);

/* What was wanted is found. What workers may be reading still is added to *retired. False: out of memory. */
bool search_sync(struct search *search, struct retired **retired);

/* Of two patterns of a map that match, the heavier counts. */
uint32_t search_weight(enum match_kind kind, const struct pattern *pattern);

void search_release(struct search *search);
void piece_release(struct retired *retired);

/* NULL: out of memory. */
struct map_value *map_value_new(struct slice text);
void map_value_release(struct retired *retired);

#endif
