/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The patterns of one acl line, all compared by one method. Built while a configuration is read, then only read. */
#ifndef SPOA_RULES_PATTERN_H
#define SPOA_RULES_PATTERN_H

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
	MATCH_FOUND,
};

struct pattern {
	struct slice text; /* folded when case is ignored */
	struct address address;
	unsigned prefix; /* bits of the network */
	pcre2_code *regex;
	bool jit; /* it was compiled to machine code */
};

struct patterns;

/*
 * method: HAProxy's name for -m; NULL: the one that fits the sample's type. nocase: -i. NULL: reported.
 */
struct patterns *patterns_new(struct config_words *words, const char *method, enum sample_type type, bool nocase);

/* False: reported (a bad network, a bad regex); `where` precedes the message, for a line of a file. */
bool patterns_add(struct config_words *words, struct patterns *patterns, struct slice text, const char *where);

/* Each line of a file, as HAProxy's -f: empty lines and those that begin with # left out. */
bool patterns_add_file(struct config_words *words, struct patterns *patterns, const char *path);

/* Whether the method is `found`, which has no patterns. */
bool patterns_are_found(const struct patterns *patterns);

/* What the sample's value has to be cast to first. */
enum sample_type patterns_type(const struct patterns *patterns);

enum match_kind patterns_kind(const struct patterns *patterns);
bool patterns_nocase(const struct patterns *patterns);
const struct pattern *patterns_list(const struct patterns *patterns, size_t *n);

#endif
