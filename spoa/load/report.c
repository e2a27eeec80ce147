/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <math.h>

#include "spoa-redirect/base/captures.h"

#define MEAN_MEMORY 10.0 /* seconds, of a source's period */

static const unsigned counters[] = { LOAD_A, LOAD_C, LOAD_B };

/* ---- what is not taken ---- */

void report_capture(struct load *load, const struct server *server, enum load_source source, const char *why,
		    struct slice text)
{
	char who[120], what[120];

	snprintf(who, sizeof(who), "server %.50s/%.50s", server->backend->name, server->name);
	snprintf(what, sizeof(what), "by %s: %s", load_source_name(source), why);
	captures_take_again(load->captures, "report", slice_of_string(who), slice_of_string(what), text);
}

static void reject(struct load *load, struct server *server, enum load_source source, enum load_rejection why,
		   struct slice text)
{
	struct server_state *state = server->state;

	state->rejected[why]++;
	report_capture(load, server, source, load_rejection_text(why), text);
	if (state->rejections_said & 1u << why)
		return;
	state->rejections_said |= 1u << why;
	log_line(load->log, LOG_WARNING,
		 "Server %s/%s: a report by %s %s and is not used; this is said once, and counted.",
		 server->backend->name, server->name, load_source_name(source), load_rejection_text(why));
}

/* ---- what still holds ---- */

static enum load_source leader_of(const struct server *server, double now)
{
	static const unsigned figures[] = { LOAD_Q, LOAD_U, LOAD_C, LOAD_A, LOAD_B };
	enum load_source leader = LOAD_SOURCES;

	for (size_t i = 0; leader == LOAD_SOURCES && i < COUNT(figures); i++)
		leader = load_owner(server, figures[i], now);
	return leader;
}

/* ---- states ---- */

/* Whether no source before this one has told such a state lately. */
static bool may_tell(const struct server *server, enum load_source source, bool health, double now)
{
	for (unsigned before = 0; before < source; before++) {
		const struct load_said *said = &server->state->said[before];

		if (load_is_fresh(server, (enum load_source)before, health ? said->health_at : said->admin_at, now))
			return false;
	}
	return true;
}

/* What the configuration disabled, a report can only put into maintenance. */
void report_take_states(struct load *load, struct server *server, enum load_source source, const struct record *record,
			double now)
{
	static const enum server_admin admins[] = {
		[RECORD_READY] = ADMIN_READY, [RECORD_DRAIN] = ADMIN_DRAIN, [RECORD_MAINT] = ADMIN_MAINT
	};
	struct load_said *said = &server->state->said[source];
	const char *why = record->why ? record->why : load_source_name(source);

	if (record->admin) {
		said->admin_at = now;
		if (may_tell(server, source, false, now) && (record->admin == RECORD_MAINT || !server->disabled)) {
			server_set_admin(load->fleet, server, admins[record->admin], why, now);
			server->state->admin_told = true;
		}
	}
	if (record->health) {
		said->health_at = now;
		if (may_tell(server, source, true, now))
			server_set_agent_down(load->fleet, server, record->health == RECORD_DOWN, why, now);
	}
}

/* ---- figures ---- */

/* A counter of this source's, as the policy is to see it: on from where it was, whoever told it then. */
static double continued(struct load_merged *merged, size_t i, enum load_source source, double value)
{
	if (merged->counted & counters[i] && merged->owners[i] != source)
		merged->offsets[i] = merged->last[i] - value;
	merged->owners[i] = source;
	if (value + merged->offsets[i] < 0) /* restarted, and far below */
		merged->offsets[i] = -value;
	return value + merged->offsets[i];
}

enum { IS_A, IS_C, IS_B };

/* As it was told last, never less unless what it is made of ran backwards. */
static double made(const struct load_merged *merged, size_t i, double value, bool restarted)
{
	if (merged->counted & counters[i] && !restarted)
		return fmax(value, merged->last[i]);
	return fmax(value, 0);
}

/*
 * What is accepted and not completed is in flight, so each counter tells the other; they are not read at one moment. Of
 * two sources, which began to count at different times, both together tell nothing.
 */
static void complete(struct load_report *report, struct load_merged *merged)
{
	if (!(report->has & LOAD_Q)) {
		if (report->has & LOAD_C)
			report->has &= ~LOAD_A;
		return;
	}
	if ((report->has & (LOAD_A | LOAD_C)) == LOAD_A) {
		report->C = made(merged, IS_C, report->A - report->q,
				 merged->counted & LOAD_A && report->A < merged->last[IS_A]);
		report->has |= LOAD_C;
		merged->owners[IS_C] = LOAD_SOURCES;
	} else if ((report->has & (LOAD_A | LOAD_C)) == LOAD_C) {
		report->A = made(merged, IS_A, report->C + report->q,
				 merged->counted & LOAD_C && report->C < merged->last[IS_C]);
		report->has |= LOAD_A;
		merged->owners[IS_A] = LOAD_SOURCES;
	}
}

static void merge(const struct server *server, struct load_report *report, double now)
{
	static const unsigned plain[] = { LOAD_U, LOAD_Q };
	struct load_merged *merged = &server->state->merged;
	struct load_said *said = server->state->said;
	enum load_source source;

	*report = (struct load_report){ 0 };
	for (size_t i = 0; i < COUNT(plain); i++) {
		source = load_owner(server, plain[i], now);
		if (source == LOAD_SOURCES)
			continue;
		report->has |= plain[i];
		*report_figure(report, plain[i]) = *report_figure(&said[source].report, plain[i]);
	}
	for (size_t i = 0; i < COUNT(counters); i++) {
		source = load_owner(server, counters[i], now);
		if (source == LOAD_SOURCES)
			continue;
		report->has |= counters[i];
		*report_figure(report, counters[i]) =
			continued(merged, i, source, *report_figure(&said[source].report, counters[i]));
	}
	complete(report, merged);
}

/* What the policy hears of is not only this report: struct load_merged. */
static void tell(struct server *server, enum load_source source, double now)
{
	const struct balance *balance = server->backend->balance;
	struct load_merged *merged = &server->state->merged;
	struct load_report report;

	merge(server, &report, now);
	for (size_t i = 0; i < COUNT(counters); i++)
		if (report.has & counters[i])
			merged->last[i] = *report_figure(&report, counters[i]);
	merged->counted |= report.has;
	merged->report = report;
	merged->source = source;
	if (balance->report)
		balance->report(server, &report, now);
	if (balance->report && server->shadow)
		balance->report(server->shadow, &report, now);
}

/* A rate, where there is no counter, is added up. It tells what was completed, and nothing of what is in flight. */
static void add_up(struct load_report *report, const struct record *record, const struct load_said *said, double now)
{
	if (!(record->also & RECORD_RATE) || report->has & (LOAD_A | LOAD_C))
		return;
	report->C = said->at > 0 && said->report.has & LOAD_C ? said->report.C + record->rate * (now - said->at) : 0;
	report->has |= LOAD_C;
}

/* As its source counts: later its counters are those of whoever counted before. */
static void find_in_flight(struct load_report *report)
{
	if (report->has & LOAD_Q || (report->has & (LOAD_A | LOAD_C)) != (LOAD_A | LOAD_C))
		return;
	report->q = report->A - report->C;
	report->has |= LOAD_Q;
}

static void take_figures(struct server *server, enum load_source source, const struct record *record, double now)
{
	struct load_said *said = &server->state->said[source];
	struct load_report report = record->report;
	double elapsed = now - said->at;

	find_in_flight(&report);
	add_up(&report, record, said, now);
	if (report.has & LOAD_Q && !(report.has & LOAD_U) && record->also & RECORD_CAPACITY) {
		report.u = report.q / record->capacity;
		report.has |= LOAD_U;
	}
	report.u = fmin(report.u, 1);
	if (said->at > 0 && load_teaches_period(said->period, elapsed, now, &said->silent))
		said->period = said->period > 0
				       ? said->period + (1 - exp(-elapsed / MEAN_MEMORY)) * (elapsed - said->period)
				       : elapsed;
	said->report = report;
	said->at = now;
	if (leader_of(server, now) == source)
		tell(server, source, now);
}

enum load_rejection report_take(struct load *load, struct server *server, enum load_source source,
				enum load_rejection verdict, const struct record *record, double now)
{
	struct load_said *said = &server->state->said[source];

	if (verdict == REPORT_TAKEN && record->also & RECORD_T && record->t <= said->t &&
	    load_is_fresh(server, source, said->t_at, now))
		verdict = REPORT_OUTDATED;
	if (verdict != REPORT_TAKEN) {
		reject(load, server, source, verdict, record->text);
		return verdict;
	}
	said->taken++;
	if (record->also & RECORD_T) {
		said->t = record->t;
		said->t_at = now;
	}
	if (record->report.has || record->also & RECORD_RATE)
		take_figures(server, source, record, now);
	report_take_states(load, server, source, record, now);
	return REPORT_TAKEN;
}
