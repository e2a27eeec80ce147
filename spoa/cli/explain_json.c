/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * { "frontends": [ { "name", "lines": [ { "acls": [ { "values": [ … ] } ] } ], "servers": [ … ], "decision": … } ] }, a list
 * in each depth: what begins at one closes all that are deeper.
 */
#include <stdio.h>
#include <string.h>

#include "explain.h"

enum { TOP = 1, FRONTEND = 2, LINE = 3, ACL = 4 };

static void print_text(struct slice text)
{
	putchar('"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		/* bytes of no certain encoding, as code points of Latin-1 */
		if (c < ' ' || c == '"' || c == '\\' || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_member(const char *name, const char *text)
{
	printf("\"%s\": ", name);
	print_text(slice_of_string(text));
	printf(", ");
}

static const char *boolean(bool value)
{
	return value ? "true" : "false";
}

/* Ends what is deeper, and stands where the next of this depth begins. */
static void go_to(struct explain_teller *teller, unsigned depth)
{
	for (; teller->depth > depth; teller->depth--)
		printf(" ] }");
	if (teller->depth == depth && teller->further)
		printf(",\n");
	teller->further = true;
}

static void opened(struct explain_teller *teller, unsigned depth)
{
	teller->depth = depth;
	teller->further = false;
}

static void begin(struct explain_teller *teller)
{
	printf("{ \"frontends\": [\n");
	opened(teller, TOP);
}

static void tell_frontend(struct explain_teller *teller, const struct frontend *frontend)
{
	go_to(teller, TOP);
	printf("{ ");
	print_member("name", frontend->name);
	printf("\"lines\": [\n");
	opened(teller, FRONTEND);
}

static void tell_line(void *into, const char *keyword, const char *words, struct config_place place, bool holds)
{
	go_to(into, FRONTEND);
	printf("{ ");
	print_member("keyword", keyword);
	print_member("words", words);
	print_member("file", place.file);
	printf("\"line\": %u, \"holds\": %s, \"acls\": [\n", place.line, boolean(holds));
	opened(into, LINE);
}

static void tell_acl(void *into, const char *name, bool negated, bool starts_group, bool holds)
{
	go_to(into, LINE);
	printf("{ ");
	print_member("name", name);
	printf("\"negated\": %s, \"or\": %s, \"holds\": %s, \"values\": [\n", boolean(negated), boolean(starts_group),
	       boolean(holds));
	opened(into, ACL);
}

static void tell_value(void *into, const char *sample, struct slice value)
{
	struct explain_teller *teller = into;

	if (teller->depth != ACL) /* of the name of a backend, which its words tell */
		return;
	go_to(teller, ACL);
	printf("{ ");
	print_member("sample", sample);
	printf("\"value\": ");
	if (value.ptr)
		print_text(value);
	else
		printf("null");
	printf(" }");
}

/* From the lines to the servers, which are the frontend's next list. */
static void tell_backend(struct explain_teller *teller, const struct backend *backend)
{
	for (; teller->depth > FRONTEND; teller->depth--)
		printf(" ] }");
	printf(" ],\n");
	print_member("backend", backend->name);
	print_member("balance", backend->balance->name);
	printf("\"servers\": [\n");
	opened(teller, FRONTEND);
}

static void tell_server(struct explain_teller *teller, const struct server *server, double chance)
{
	double u = atomic_load_explicit(&server->state->load.u, memory_order_relaxed);

	go_to(teller, FRONTEND);
	printf("{ ");
	print_member("name", server->name);
	print_member("status", server_status_name(server_status(server)));
	print_member("not_picked", explain_why_not(server));
	printf("\"weight\": %u, \"load\": ", atomic_load(&server->state->weight));
	if (u >= 0)
		printf("%.4f", u);
	else
		printf("null");
	printf(", \"chance\": %.4f }", chance);
}

/* The last list of the frontend is the decision's, of one. */
static void tell_decision(struct explain_teller *teller, const struct decision *decision, struct slice location)
{
	for (; teller->depth > FRONTEND; teller->depth--)
		printf(" ] }");
	printf(" ],\n\"decision\": [ { ");
	print_member("backend", decision->backend ? decision->backend->name : "");
	print_member("server", decision->server ? decision->server->name : "");
	if (decision->reason == REASON_REDIRECT) {
		printf("\"code\": %u, \"ttl\": %lld, \"location\": ", decision->backend->redirect.code,
		       (long long)decision->backend->redirect.ttl);
		print_text(location);
		printf(", ");
	}
	printf("\"reason\": \"%s\" }", answer_reason_name(decision->reason));
	for (teller->depth = FRONTEND; teller->depth > TOP; teller->depth--)
		printf(" ] }");
	teller->further = true;
}

static void end(struct explain_teller *teller)
{
	for (; teller->depth > TOP; teller->depth--)
		printf(" ] }");
	printf(" ] }\n");
}

struct explain_teller explain_json(void)
{
	return (struct explain_teller){ .rules = { NULL, tell_line, tell_acl, tell_value },
					.begin = begin,
					.frontend = tell_frontend,
					.backend = tell_backend,
					.server = tell_server,
					.decision = tell_decision,
					.end = end };
}
