/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where all sources end: states go to fleet, figures to the backend's policy. Field by field the first source counts, in
 * the order of enum load_source, whose last report is not stale. The policy hears of a report when the source of its
 * leading figure (q, else u, C, A, B) has come anew; what others said meanwhile comes with that.
 * Counters go on where another source's end, and run backwards only where a server was restarted. Control thread.
 */
#ifndef SPOA_LOAD_REPORT_H
#define SPOA_LOAD_REPORT_H

#include "probe.h"
#include "record.h"

/* verdict: what the parser of the record said; REPORT_TAKEN: it is looked at. Returns what became of it. */
enum load_rejection report_take(struct load *load, struct server *server, enum load_source source,
				enum load_rejection verdict, const struct record *record, double now);

/* The states alone: of a source that tells them before the rest. */
void report_take_states(struct load *load, struct server *server, enum load_source source, const struct record *record,
			double now);

/* Keeps for `show errors` what a source said and why it is of no use. */
void report_capture(struct load *load, const struct server *server, enum load_source source, const char *why,
		    struct slice text);

#endif
