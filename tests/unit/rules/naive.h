/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules and requests as plain data, and what HAProxy's manual (sections 7.1 and 7.2) says of them, evaluated line by line
 * and byte by byte: slow and obvious, to compare the rules engine with.
 */
#ifndef TESTS_UNIT_RULES_NAIVE_H
#define TESTS_UNIT_RULES_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MOST_TEXT     72
#define MOST_PATTERNS 40
#define MOST_LINES    110
#define MOST_TERMS    5
#define MOST_HEADERS  4
#define Y_ARGUMENTS   40

struct text {
	size_t len;
	char bytes[MOST_TEXT];
};

enum naive_sample { PATH, QUERY, HOST, XA, METHOD, SRC, Y, SAMPLES };

enum way { STR, BEG, END, SUB, DIR, DOM, REG, IP, FOUND, WAYS };

/* "path -i -m beg a b c" */
struct expression {
	enum naive_sample sample;
	unsigned y; /* which argument, of Y */
	enum way way;
	bool nocase;
	bool suffixed; /* path_beg for path -m beg */
	size_t n;
	struct text patterns[MOST_PATTERNS];
};

struct term {
	bool negated, starts_group;
	bool twice; /* "!!", which changes nothing */
	int acl;    /* a named one; −1: `anonymous` */
	struct expression anonymous;
};

enum line_kind { ACL, USE_BACKEND, DEFAULT_BACKEND };

struct line {
	enum line_kind kind;
	unsigned name; /* of the acl or backend */
	struct expression expression;
	bool unless;
	size_t n; /* terms; 0: no condition */
	struct term terms[MOST_TERMS];
};

struct rules {
	size_t n;
	struct line lines[MOST_LINES];
};

struct header {
	enum naive_sample name; /* HOST or XA */
	struct text value;
};

enum y_kind { Y_STRING, Y_NUMBER, Y_TRUE, Y_ADDRESS };

struct wish {
	bool has[SAMPLES]; /* not of headers */
	struct text texts[SAMPLES];
	struct header headers[MOST_HEADERS];
	size_t n_headers;
	bool blob; /* the headers come as hdrs, else each as an argument of its own, once */
	uint8_t src[16];
	unsigned src_size;
	enum y_kind y_kind;
	int64_t number;
	uint64_t y_arguments; /* bits of those that come */
};

/* All that may stand behind reg. */
extern const char *const naive_regexes[];
extern const size_t naive_regex_count;

/* The name of the backend that the rules choose, −1: none. */
int naive_choose(const struct rules *rules, const struct wish *wish);

/* ---- by chance ---- */

void naive_seed(uint64_t seed);

/* wide: more acls and more samples than a machine word has bits. */
void naive_make_rules(struct rules *rules, bool wide);

/* A request whose values are cut from the same pieces as the patterns of the rules made last. */
void naive_make_wish(struct wish *wish);

/* ---- as a configuration ---- */

extern const char *const naive_sample_names[SAMPLES];

void naive_print_rules(const struct rules *rules, FILE *out);

#endif
