/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regexes, each run only where the text holds what every match of it must: all those strings are looked for in one pass.
 * Those without such a string always run, those that begin where the text does only where it begins with theirs. What is
 * regular runs as an automaton, in time that the text's length bounds; all else by PCRE2, up to a limit that grows with it,
 * and where it might take long only if an automaton that allows more matches. Built once, then only read.
 */
#ifndef SPOA_RULES_REGEXES_H
#define SPOA_RULES_REGEXES_H

#include "affixes.h"
#include "pattern.h"
#include "substrings.h"

struct regex {
	struct slice text;
	const struct automaton *automaton; /* NULL: it is not regular */
	const struct automaton *guard; /* of one that is not: matches whatever the regex does; NULL: there is none */
	pcre2_code *code;              /* NULL: it is */
	uint32_t hit;
	uint32_t leads; /* as long as the required string with which each match begins; 0: it need not */
	bool jit;
};

struct regexes {
	struct regex *items;
	size_t n;
	uint32_t *always; /* numbers of those without a required string */
	size_t n_always;
	struct affixes beginnings;  /* required where the text begins */
	struct hits beginning_hits; /* numbers of those */
	struct substrings *required;
	struct hits required_hits; /* numbers of the others */
};

void regexes_init(struct regexes *regexes, uint64_t seed);

/* nocase: their required strings are folded, and looked for in folded texts. False: out of memory. */
bool regexes_add(struct arena *arena, struct regexes *regexes, const struct pattern *pattern, bool nocase, uint32_t acl,
		 struct hits *hits);

/* After the last one. False: out of memory. */
bool regexes_seal(struct arena *arena, struct regexes *regexes);

/* folded: text, or its lower case when case is ignored. One that is given up at its limit is noted in scratch. */
void regexes_match(const struct regexes *regexes, struct slice text, struct slice folded, struct rules_scratch *scratch,
		   struct sink *sink);

#endif
