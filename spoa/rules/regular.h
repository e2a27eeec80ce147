/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regexes that are regular, which is most of them, read as pcre2pattern(3) says into a machine of nodes: Thompson, "Regular
 * expression search algorithm", CACM 11(6), 1968. Whatever PCRE2 has beyond that is refused.
 */
#ifndef SPOA_RULES_REGULAR_H
#define SPOA_RULES_REGULAR_H

#include "spoa-redirect/base/slice.h"

#define REGULAR_NODES 128u

enum regular_kind {
	REGULAR_MATCH,  /* of which there is one, the first */
	REGULAR_BYTES,  /* one of a set, then `next` */
	REGULAR_EITHER, /* `next` or `other` */
	REGULAR_BEGIN,  /* at the text's begin only, `next` */
	REGULAR_END,    /* at its end, or before a last line feed */
};

struct regular_node {
	enum regular_kind kind;
	uint16_t next, other;
	uint16_t set;
};

struct byte_set {
	uint64_t bits[4];
};

struct regular {
	struct regular_node nodes[REGULAR_NODES];
	struct byte_set sets[REGULAR_NODES];
	uint16_t n, n_sets;
	uint16_t start;
	bool unbounded; /* something in it may be any number of times */
};

static inline bool byte_set_has(const struct byte_set *set, unsigned byte)
{
	return set->bits[byte / 64] >> byte % 64 & 1;
}

/*
 * regex is one that PCRE2 compiled. False: it is not regular, too large, or has something that this reader does not know.
 * relaxed: some of what is more than regular is read as what matches more: assertions are left out, what gives nothing back
 * may, and a back reference is any text.
 */
bool regular_read(struct slice regex, bool nocase, bool relaxed, struct regular *regular);

#endif
