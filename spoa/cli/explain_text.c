/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "explain.h"

static void nothing(struct explain_teller *teller)
{
	(void)teller;
}

static void tell_frontend(struct explain_teller *teller, const struct frontend *frontend)
{
	(void)teller;
	printf("frontend %s (%s:%u)\n", frontend->name, frontend->place.file, frontend->place.line);
}

static void tell_line(void *into, const char *keyword, const char *words, struct config_place place, bool holds)
{
	(void)into;
	printf("  %-4s %s:%u: %s %s\n", holds ? "yes" : "no", place.file, place.line, keyword, words);
}

static void tell_acl(void *into, const char *name, bool negated, bool starts_group, bool holds)
{
	(void)into;
	printf("         %s%s%s%s: %s\n", starts_group ? "or " : "", negated ? "!" : "", *name ? "acl " : "",
	       *name ? name : "{ }", holds ? "yes" : "no");
}

/* What comes of the command line goes to a terminal. */
static void print_slice(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		putchar(text.ptr[i] < ' ' || text.ptr[i] == 0x7f ? '.' : text.ptr[i]);
}

static void tell_value(void *into, const char *sample, struct slice value)
{
	(void)into;
	printf("             %s: ", sample);
	if (value.ptr) {
		printf("'");
		print_slice(value);
		printf("'\n");
	} else {
		printf("no value\n");
	}
}

static void tell_backend(struct explain_teller *teller, const struct backend *backend)
{
	(void)teller;
	printf("backend %s (%s:%u), balance %s\n", backend->name, backend->place.file, backend->place.line,
	       backend->balance->name);
}

static void tell_server(struct explain_teller *teller, const struct server *server, double chance)
{
	const struct server_load *load = &server->state->load;
	double u = atomic_load_explicit(&load->u, memory_order_relaxed);
	const char *why_not = explain_why_not(server);
	char known[40] = "unknown";

	(void)teller;
	if (u >= 0)
		snprintf(known, sizeof(known), "%.0f %%", u * 100);
	printf("  %-16s %-6s weight %-4u load %-8s chance %5.1f %%%s%s\n", server->name,
	       server_status_name(server_status(server)), atomic_load(&server->state->weight), known, chance * 100,
	       *why_not ? ", not to be picked: " : "", why_not);
}

static void tell_decision(struct explain_teller *teller, const struct decision *decision, struct slice location)
{
	(void)teller;
	printf("reason %s", answer_reason_name(decision->reason));
	if (decision->reason != REASON_REDIRECT) {
		printf(": HAProxy serves the request itself\n");
		return;
	}
	printf(": server %s, %u ", decision->server->name, decision->backend->redirect.code);
	print_slice(location);
	if (decision->backend->redirect.ttl >= 0)
		printf(", ttl %lld", (long long)decision->backend->redirect.ttl);
	printf("\n");
}

struct explain_teller explain_text(void)
{
	return (struct explain_teller){ .rules = { NULL, tell_line, tell_acl, tell_value },
					.begin = nothing,
					.frontend = tell_frontend,
					.backend = tell_backend,
					.server = tell_server,
					.decision = tell_decision,
					.end = nothing };
}
