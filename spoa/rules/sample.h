/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sample: one thing about a request, by HAProxy's name for it; some have several values (hdr). */
#ifndef SPOA_RULES_SAMPLE_H
#define SPOA_RULES_SAMPLE_H

#include "request.h"
#include "scratch.h"

enum sample_type { SAMPLE_STRING, SAMPLE_ADDRESS, SAMPLE_INT, SAMPLE_BOOL };

struct address {
	uint8_t bytes[16];
	unsigned size; /* 4 or 16 */
};

struct sample_value {
	enum sample_type type;
	struct slice string;
	struct address address;
	int64_t number; /* of an integer or a boolean */
};

struct sample;

/* Where one is among a sample's values: { 0 } before the first. */
struct sample_cursor {
	unsigned taken;
	struct slice list;      /* what is left of the header or query being split */
	struct spop_slice blob; /* headers not looked at yet */
};

/*
 * Parses "hdr(host)" and adds to *names what it reads; *needs gets the slots' bits. `word` may end in a method
 * of matching (path_beg, hdr_dom(host)): *method is its name then, else NULL. NULL: reported.
 */
const struct sample *sample_parse(struct config_words *words, const char *word, struct request_names *names,
				  uint64_t *needs, const char **method);

/* Whether both read the same thing of a request. */
bool sample_same(const struct sample *a, const struct sample *b);

/* What it gives by itself, before any cast. */
enum sample_type sample_type(const struct sample *sample);

/* The next value; false: no more. What `value` points at lives until the next call. */
bool sample_next(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		 struct sample_cursor *cursor, struct sample_value *value);

/*
 * The one value that it has outside of acls, as HAProxy chooses it: of headers and cookies the last, of parameters the
 * first. False: none.
 */
bool sample_final(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		  struct sample_value *value);

/*
 * The slot of the argument that it gives as it came; REQUEST_MAX_SLOTS: it does something to it. *is_list: only one without
 * a comma, and without the blanks at its ends.
 */
unsigned sample_argument(const struct sample *sample, bool *is_list);

/* As it is written, without argument and converters. */
const char *sample_name(const struct sample *sample);

/* Whether it gives the path, perhaps with more behind it: "/…". */
bool sample_is_path(const struct sample *sample);

/* Whether it may have more than one. */
bool sample_has_many(const struct sample *sample);

/* Casts as HAProxy does, see sample_casts[] there. False: that cannot be. */
bool sample_cast(struct sample_value *value, enum sample_type type, struct rules_scratch *scratch);

bool address_parse(struct slice text, struct address *address);

#endif
