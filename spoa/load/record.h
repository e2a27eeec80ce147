/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one source says of a server at one moment, however it was written: selection.md, section 1. Pure functions. */
#ifndef SPOA_LOAD_RECORD_H
#define SPOA_LOAD_RECORD_H

#include "spoa-redirect/fleet.h"

enum record_health { RECORD_NO_HEALTH, RECORD_UP, RECORD_DOWN };
enum record_admin { RECORD_NO_ADMIN, RECORD_READY, RECORD_DRAIN, RECORD_MAINT };

#define RECORD_CAPACITY 0x01u
#define RECORD_T        0x02u
#define RECORD_RATE     0x04u

struct record {
	struct load_report report; /* u is not clamped yet */
	unsigned also;             /* RECORD_… */
	double capacity;           /* requests that it serves at a time */
	double t;                  /* the sender's clock */
	double rate;               /* completed a second, where there is no counter */
	bool counts_us;            /* its counters count the question that brought it */
	enum record_health health;
	enum record_admin admin;
	struct slice text; /* as it came, as long as the call goes on; for a person to see what was not taken */
	const char *why;   /* for the log, the source's until it is taken; NULL: the source's name */
};

static inline void record_set(struct record *record, unsigned figure, double *field, double value)
{
	record->report.has |= figure;
	*field = value;
}

/* One figure by its bit, LOAD_U to LOAD_B. */
double *report_figure(struct load_report *report, unsigned figure);

/* {"q":3,"A":1200,"C":1197,"u":0.4,"capacity":8,"state":"up","t":1700000000.5}, any of them; others are passed over. */
enum load_rejection record_parse_json(struct slice text, struct record *record);

/* Whether the whole of it can be true. */
enum load_rejection record_check(const struct record *record);

/* A figure as it is written in text, "NaN" and "+Inf" included; all of it. */
bool number_parse(struct slice text, double *number);

#endif
