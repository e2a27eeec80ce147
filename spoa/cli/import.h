/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `import`: HAProxy's configuration as a list of blocks for ours. Whatever the parsers of this program refuse becomes a
 * comment with their own words, so there is no second list of what is supported. All of it lives in one arena.
 */
#ifndef SPOA_CLI_IMPORT_H
#define SPOA_CLI_IMPORT_H

#include <stdio.h>

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/slice.h"

struct import_line {
	const char *text;     /* as it is written for the agent */
	const char *original; /* as HAProxy has it; NULL: it has no such line */
	const char *why;      /* it was not taken over; NULL: it was */
	const char *dropped;  /* words that were not; NULL: none */
	const char *acl;      /* the one that it is a part of; NULL: no acl */
	bool tls;             /* a server that is checked with TLS, which the agent was not told */
	const char *header;   /* that it changes; NULL: none */
	bool matters;         /* without it requests may go elsewhere */
	unsigned at;          /* in HAProxy's file */
	unsigned tried;       /* in the text that was tried last; 0: not in it */
};

enum import_kind { IMPORT_OTHER, IMPORT_DEFAULTS, IMPORT_FRONTEND, IMPORT_BACKEND };

struct import_block {
	enum import_kind kind;
	const char *name;                    /* "" of nameless ones */
	const char *title;                   /* HAProxy's line */
	const char *why;                     /* nothing of it was taken over; NULL: something was */
	const struct import_block *defaults; /* what it begins with; NULL: nothing */
	const char *mode;                    /* NULL: not said */
	struct import_line **lines;
	size_t n;
	unsigned at, tried;
	bool listens, second;   /* the first half of a listen, and the other */
	bool matters, left_out; /* left_out: not asked for, so not even told of */
	bool once;              /* its comments were written already */
};

struct import {
	struct arena *arena;
	const char *file; /* for comments */
	struct import_block **blocks;
	size_t n;
};

/* HAProxy's file into blocks, bytes as they are. False: out of memory. */
bool import_read(struct import *import, struct slice text);

/* What a parser says to such a line in a section of this kind; NULL: nothing, it is fine. */
const char *import_refusal(struct import *import, enum import_kind kind, const char *line);

/* A server's line, or a default-server's, with the words that are understood. */
void import_server(struct import *import, struct import_line *line, char *const *word, const struct slice *raw,
		   size_t n);

/* The blocks that only the frontend needs; "" for all. False: there is no such frontend. */
bool import_select(struct import *import, const char *frontend);

/* Finds out what the agent takes: true and *errors NULL, or what is wrong that is in no line. False: out of memory. */
bool import_try(struct import *import, const char **errors);

/* How many lines matter and are missing. */
size_t import_write(struct import *import, FILE *out);

/* All of the above, for a text; messages go to `notes`. False: it was said there why. */
bool import_text(const char *file, struct slice text, const char *frontend, FILE *out, FILE *notes);

#endif
