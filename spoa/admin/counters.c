/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was counted since somebody said `clear counters all`. /metrics goes on: there a counter never goes back. */
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"

/* ---- since when ---- */

static void subtract(uint64_t *of, const uint64_t *what, size_t n)
{
	for (size_t i = 0; i < n; i++)
		of[i] -= what[i];
}

void counters_sum(const struct admin *admin, struct net_sums *sums)
{
	net_sum(admin->running->net, sums);
	subtract(sums->counts, admin->cleared.counts, COUNT(sums->counts));
	subtract(sums->decisions, admin->cleared.decisions, COUNT(sums->decisions));
	subtract(&sums->accepted, &admin->cleared.accepted, 1);
	subtract(&sums->full, &admin->cleared.full, 1);
	subtract(&sums->starved, &admin->cleared.starved, 1);
}

/* With what dry runs chose. */
static void clear_server(const struct server *server)
{
	struct server_state *state = server->state;
	double now = clock_now();

	if (server->shadow)
		clear_server(server->shadow);
	state->cleared.booked = atomic_load_explicit(&state->load.booked, memory_order_relaxed);
	state->cleared.checks_failed = state->checks_failed;
	state->cleared.downs = state->downs;
	state->cleared.downtime =
		state->downtime +
		(atomic_load_explicit(&state->status, memory_order_relaxed) == SERVER_DOWN ? now - state->down : 0);
}

/* Without "all" it is for the highest values ever seen, of which nothing here is kept. */
void clear_counters(struct session *session, FILE *out, char **words, size_t n)
{
	const struct fleet *fleet = session->admin->running->site.fleet;

	if (n == 0 || strcmp(words[0], "all") != 0)
		return;
	if (session->level < LEVEL_ADMIN) {
		fprintf(out, "Permission denied\n");
		return;
	}
	net_sum(session->admin->running->net, &session->admin->cleared);
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			clear_server(backend->servers[j]);
	}
}

/* ---- which lines held ---- */

static void put_rule(FILE *out, const struct frontend *frontend, const struct rule *rule, const char *keyword,
		     double now)
{
	double last;
	uint64_t hits = frontend_hits(frontend, rule, &last);
	char ago[32] = "-";

	if (last > 0)
		snprintf(ago, sizeof(ago), "%.0f", now - last);
	fprintf(out, "%s %llu %s %s:%u %s %s\n", frontend->name, (unsigned long long)hits, ago, rule->place.file,
		rule->place.line, keyword, rule->words ? rule->words : "");
}

void show_rules(struct session *session, FILE *out, char **words, size_t n)
{
	const struct ruleset *ruleset = session->admin->running->site.ruleset;
	double now = clock_now();
	bool any = false;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct frontend *frontend = ruleset_frontend(ruleset, i);

		if (n > 0 && strcmp(frontend->name, words[0]) != 0)
			continue;
		if (!any)
			fprintf(out, "# frontend hits last place rule\n");
		any = true;
		for (size_t j = 0; j < frontend->n_excludes; j++)
			put_rule(out, frontend, frontend->excludes[j], "redirect-unless", now);
		for (size_t j = 0; j < frontend->n_rules; j++)
			put_rule(out, frontend, frontend->rules[j],
				 frontend->rules[j] == frontend->default_rule ? "default_backend" : "use_backend", now);
	}
	if (!any && n > 0)
		fprintf(out, "No such frontend.\n");
}
