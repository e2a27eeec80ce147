/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "explain.h"

static void nothing(struct explain_teller *teller)
{
	(void)teller;
}

static void tell_frontend(struct explain_teller *teller, const struct frontend *frontend)
{
	fprintf(teller->out, "frontend %s (%s:%u)\n", frontend->name, frontend->place.file, frontend->place.line);
}

static void tell_line(void *into, const char *keyword, const char *words, struct config_place place, bool holds)
{
	struct explain_teller *teller = into;

	fprintf(teller->out, "  %-4s %s:%u: %s %s\n", holds ? "yes" : "no", place.file, place.line, keyword, words);
}

static void tell_acl(void *into, const char *name, bool negated, bool starts_group, bool holds)
{
	struct explain_teller *teller = into;

	fprintf(teller->out, "         %s%s%s%s: %s\n", starts_group ? "or " : "", negated ? "!" : "",
		*name ? "acl " : "", *name ? name : "{ }", holds ? "yes" : "no");
}

/* What comes of the command line goes to a terminal. */
static void print_slice(FILE *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		fputc(text.ptr[i] < ' ' || text.ptr[i] == 0x7f ? '.' : text.ptr[i], out);
}

static void tell_value(void *into, const char *sample, struct slice value)
{
	struct explain_teller *teller = into;

	fprintf(teller->out, "             %s: ", sample);
	if (value.ptr) {
		fprintf(teller->out, "'");
		print_slice(teller->out, value);
		fprintf(teller->out, "'\n");
	} else {
		fprintf(teller->out, "no value\n");
	}
}

static void tell_key(struct explain_teller *teller)
{
	const struct explain_key *key = &teller->key;
	char passed[600] = "";

	if (!key->key)
		return;
	fprintf(teller->out, "  key %s: ", key->key->sample);
	if (!key->value.ptr) {
		fprintf(teller->out, "no value, any server by weight\n");
		return;
	}
	fprintf(teller->out, "'");
	print_slice(teller->out, key->value);
	fprintf(teller->out, "'");
	if (key->placed)
		fprintf(teller->out, ", at %.4f of the ring, %s's%s%s", key->place.at, key->place.owner->name,
			*explain_passed(&key->place, passed, sizeof(passed)) ? ": " : "", passed);
	fprintf(teller->out, "\n");
}

static void tell_skipped(void *into, size_t n)
{
	fprintf(((struct explain_teller *)into)->out, "  ...  %zu more\n", n);
}

static void tell_backend(struct explain_teller *teller, const struct backend *backend, const struct backend *instead_of)
{
	double m = atomic_load_explicit(&backend->state->m, memory_order_relaxed);
	unsigned choices = atomic_load_explicit(&backend->state->choices, memory_order_relaxed);

	fprintf(teller->out, "backend %s (%s:%u), balance %s", backend->name, backend->place.file, backend->place.line,
		backend->balance->name);
	if (instead_of)
		fprintf(teller->out, ", the fallback of %s", instead_of->name);
	if (m > 1.005)
		fprintf(teller->out, ", %.2f decisions of all agents for each of this one", m);
	if (backend->balance->reads_utilisation && choices > 1)
		fprintf(teller->out, ", one of the next %u by cost", choices);
	fprintf(teller->out, "\n");
	tell_key(teller);
}

static void tell_server(struct explain_teller *teller, const struct server *server, double chance)
{
	const char *why_not = explain_why_not(server);
	char load[80], estimate[240], sources[600];
	const char *further = explain_estimate(server, estimate, sizeof(estimate));
	bool kept = *why_not && chance > 0;

	fprintf(teller->out, "  %-16s %-6s weight %-4u load %-8s chance %5.1f %%%s%s\n", server->name,
		server_status_name(server_status(server)), atomic_load(&server->state->weight),
		explain_load(server, load, sizeof(load)), chance * 100,
		kept       ? ", by its key alone: "
		: *why_not ? ", not to be picked: "
			   : "",
		why_not);
	if (server->track)
		fprintf(teller->out, "                   tracks %s/%s\n", server->track->backend->name,
			server->track->name);
	if (atomic_load(&server->state->held_back) > 0)
		fprintf(teller->out, "                   slow start, at %u %% of its weight\n",
			100 - atomic_load(&server->state->held_back));
	if (*further)
		fprintf(teller->out, "                   %s\n", further);
	if (*explain_sources(server, sources, sizeof(sources)))
		fprintf(teller->out, "                   %s\n", sources);
}

static void tell_decision(struct explain_teller *teller, const struct decision *decision, struct slice location)
{
	fprintf(teller->out, "reason %s", answer_reason_name(decision->reason));
	if (decision->reason < REASON_DRY_RUN) {
		fprintf(teller->out, ": HAProxy serves the request itself\n");
		return;
	}
	fprintf(teller->out, ": %sserver %s, %u ",
		decision->reason == REASON_DRY_RUN ? "HAProxy serves the request itself; it would have been " : "",
		decision->server->name, decision->backend->redirect.code);
	print_slice(teller->out, location);
	if (decision->backend->redirect.ttl >= 0)
		fprintf(teller->out, ", ttl %lld", (long long)decision->backend->redirect.ttl);
	fprintf(teller->out, "\n");
}

struct explain_teller explain_text(void)
{
	return (struct explain_teller){ .rules = { NULL, tell_line, tell_acl, tell_value, tell_skipped, 0 },
					.begin = nothing,
					.frontend = tell_frontend,
					.backend = tell_backend,
					.server = tell_server,
					.decision = tell_decision,
					.end = nothing };
}
