/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How samples get their values out of a request; each function is named by rows of sample.c's table. */
#ifndef SPOA_RULES_FETCH_H
#define SPOA_RULES_FETCH_H

#include "convert.h"

struct row;

struct sample {
	const struct row *row;
	unsigned slot;         /* of the argument that it reads */
	enum sample_type type; /* of what comes out, behind all converters */
	const struct converter *converters;
	struct slice argument; /* in its parentheses: a header's name in lower case, a cookie's, a parameter's */
};

/* The next value of the sample; false: no more. */
typedef bool fetch(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		   struct sample_cursor *cursor, struct sample_value *value);

fetch fetch_argument; /* whatever the argument is */
fetch fetch_bool;     /* the argument as a boolean */
fetch fetch_pathq;    /* path, and query behind a question mark */
fetch fetch_base;     /* host, then path */
fetch fetch_hdr;      /* values between the commas of each line of a header */
fetch fetch_fhdr;     /* whole lines of a header */
fetch fetch_hdr_cnt;  /* how many values fetch_hdr has */
fetch fetch_cook;     /* values of a cookie */
fetch fetch_param;    /* values of a parameter of the query */

#endif
