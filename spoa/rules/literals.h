/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of byte strings, each with the acls that it makes hold: found whole, in the time of one hash, whatever their
 * number. Hashes are seeded at random, for what is looked up comes from clients. Built once, then only read.
 */
#ifndef SPOA_RULES_LITERALS_H
#define SPOA_RULES_LITERALS_H

#include <stdatomic.h>

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/slice.h"

/* The acls of one pattern: a chain in an array that all indexes of a matcher share. */
struct hit {
	_Atomic uint32_t acl; /* changes when its last pattern is deleted, hits_drop() */
	uint32_t next;        /* HIT_NONE: the last */
};

#define HITS_TOUCHED 2u /* of one pattern, at most */

struct hits {
	struct hit *hits;
	size_t n;
	uint32_t *users; /* of each: how many patterns it stands for */
	size_t n_users;
	uint32_t touched[HITS_TOUCHED]; /* by the pattern being added; HIT_NONE */
	bool first_only;                /* of one pattern only the acl that was added first counts */
};

#define HIT_NONE UINT32_MAX
#define HIT_DEAD (UINT32_MAX - 1) /* as an entry of a map: it was deleted */

/* Puts an acl before the chain that begins at *first. False: out of memory. */
bool hits_add(struct arena *arena, struct hits *hits, uint32_t acl, uint32_t *first);

/* Before a pattern is added: none is touched yet. */
void hits_begin(struct hits *hits);

/* A pattern of those is gone; the last one leaves `dead` as its acl. True: others stand for it still. Others may read. */
bool hits_drop(struct hits *hits, uint32_t hit, uint32_t dead);

/* Where what is found goes: the bit of each acl, or, without bits, the best of a map's entries. */
struct sink {
	const struct hits *hits;
	uint64_t *holds;
	const uint32_t *weights; /* of the entries: the heaviest is the best, of equal ones the first */
	uint32_t best;           /* HIT_NONE: nothing was found */
};

static inline void sink_take_best(struct sink *sink, uint32_t entry)
{
	uint32_t best = sink->best;

	if (entry == HIT_DEAD)
		return;
	if (best == HIT_NONE || sink->weights[entry] > sink->weights[best] ||
	    (entry < best && sink->weights[entry] == sink->weights[best]))
		sink->best = entry;
}

/* All acls of the chain that begins at `first`. */
static inline void sink_take(struct sink *sink, uint32_t first)
{
	for (; first != HIT_NONE; first = sink->hits->hits[first].next) {
		uint32_t acl = atomic_load_explicit(&sink->hits->hits[first].acl, memory_order_relaxed);

		if (__builtin_expect(sink->holds != NULL, true))
			sink->holds[acl / 64] |= 1ull << acl % 64;
		else
			sink_take_best(sink, acl);
	}
}

static inline bool sink_holds(const struct sink *sink, uint32_t acl)
{
	return sink->holds && sink->holds[acl / 64] >> acl % 64 & 1;
}

/* Whether nothing of the chain could add to what was found. */
static inline bool sink_has(const struct sink *sink, uint32_t first)
{
	for (; first != HIT_NONE; first = sink->hits->hits[first].next) {
		uint32_t acl = atomic_load_explicit(&sink->hits->hits[first].acl, memory_order_relaxed);

		if (!sink->holds && acl == HIT_DEAD)
			continue;
		if (sink->holds ? !(sink->holds[acl / 64] >> acl % 64 & 1) : sink->best == HIT_NONE || acl < sink->best)
			return false;
	}
	return true;
}

struct literal {
	struct slice text;
	uint32_t hit;
};

/* One of a hash table with open addressing. Up to eight bytes the key is the text itself, else its hash. */
struct literal_place {
	uint64_t key;
	uint32_t length;
	uint32_t item; /* + 1; 0: empty */
};

struct literals {
	struct literal *items;
	size_t n;
	struct literal_place *table;
	size_t mask;
	uint64_t seed;
};

void literals_init(struct literals *literals, uint64_t seed);

/* text stays the caller's, for as long. False: out of memory. */
bool literals_add(struct arena *arena, struct literals *literals, struct slice text, uint32_t acl, struct hits *hits);

/* The first hit of text, HIT_NONE if it is not in the set. */
uint32_t literals_find(const struct literals *literals, struct slice text);

#endif
