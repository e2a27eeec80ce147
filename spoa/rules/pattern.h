/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The patterns of one acl line, all compared by one method. Built while a configuration is read, then only read. */
#ifndef SPOA_RULES_PATTERN_H
#define SPOA_RULES_PATTERN_H

#include "automaton.h"
#include "sample.h"

/* HAProxy's ways of matching. */
enum match_kind {
	MATCH_STR,
	MATCH_BEG,
	MATCH_END,
	MATCH_SUB,
	MATCH_DIR,
	MATCH_DOM,
	MATCH_REG,
	MATCH_IP,
	MATCH_INT,
	MATCH_LEN,
	MATCH_BOOL,
	MATCH_FOUND,
};

struct pattern {
	struct slice text; /* folded when case is ignored */
	struct address address;
	unsigned prefix;             /* bits of the network */
	struct automaton *automaton; /* of a regex that is regular, */
	pcre2_code *regex;           /* and of one that is not, */
	struct automaton *guard;     /* perhaps with what has to match, too */
	bool jit;                    /* it was compiled to machine code */
	int64_t min, max;            /* of an integer or a length, both included */
};

struct patterns;

/*
 * method: HAProxy's name for -m; NULL: the one that fits the sample's type. nocase: -i. NULL: reported.
 */
struct patterns *patterns_new(struct config_words *words, const char *method, enum sample_type type, bool nocase);

/* False: reported (a bad network, a bad regex); `where` precedes the message, for a line of a file. */
bool patterns_add(struct config_words *words, struct patterns *patterns, struct slice text, const char *where);

/* Reads one without keeping it in the list. False: reported. */
bool patterns_read(struct config_words *words, struct patterns *patterns, struct slice text, const char *where,
		   struct pattern *pattern);

#define PATTERNS_MOST_LINES 5000000u

/*
 * One line of a file of patterns or of a map, counted from 1: without its end and the blanks before it, empty for a comment.
 * False: reported, for it is no text, or one line too many; `where` precedes the message.
 */
bool patterns_take_line(struct config_words *words, struct slice *line, unsigned number, const char *where);

/* Whether the method has no patterns: `found`, `bool`. */
bool patterns_are_none(const struct patterns *patterns);

/* "eq", "ge", "gt", "le" or "lt" before integers: how those that follow are meant. False: it is none of them, or no integers. */
bool patterns_set_operator(struct patterns *patterns, const char *word);

/* What the sample's value has to be cast to first. */
enum sample_type patterns_type(const struct patterns *patterns);

/* HAProxy's name of the way of matching. */
const char *patterns_method(const struct patterns *patterns);
enum match_kind patterns_kind(const struct patterns *patterns);
bool patterns_nocase(const struct patterns *patterns);
const struct pattern *patterns_list(const struct patterns *patterns, size_t *n);

#endif
