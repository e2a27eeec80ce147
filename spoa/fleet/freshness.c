/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long what a server reported is believed. */
#include "spoa-redirect/fleet.h"

#define MIN_BOUND 5.0 /* load-stale by default: max(5 s, 5 periods) */
#define PERIODS   5

double load_period(const struct server *server, enum load_source source, double seen)
{
	double asked = source == SOURCE_AGENT ? server->agent.inter : server->load_check.inter;

	/* an answer that was late makes the next one seem early: nobody is asked more often */
	if (seen > asked || (seen > 0 && source == SOURCE_PUSH))
		return seen;
	return asked;
}

double load_bound(const struct server *server, enum load_source source, double seen)
{
	double bound = PERIODS * load_period(server, source, seen);

	if (server->load_stale > 0)
		return server->load_stale;
	return bound > MIN_BOUND ? bound : MIN_BOUND;
}

bool load_teaches_period(double period, double elapsed, double now, double *silent)
{
	double before = *silent;

	/* what is believed anyway is no silence: the first two reports may follow each other closely */
	if (period <= 0 || elapsed <= MIN_BOUND || elapsed <= PERIODS * period)
		return true;
	*silent = now;
	/* what came between the two was a burst, and no regular reports */
	return before > 0 && now - before <= 1.2 * elapsed;
}

enum load_source load_owner(const struct server *server, unsigned figure, double now)
{
	const struct load_said *said = server->state->said;
	unsigned source = 0;

	while (source < LOAD_SOURCES && !(said[source].report.has & figure &&
					  load_is_fresh(server, (enum load_source)source, said[source].at, now)))
		source++;
	return (enum load_source)source;
}

bool load_is_fresh(const struct server *server, enum load_source source, double at, double now)
{
	const struct load_said *said = &server->state->said[source];

	return at > 0 && now - at <= load_bound(server, source, said->period);
}
