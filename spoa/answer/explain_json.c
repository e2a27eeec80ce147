/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * { "frontends": [ { "name", "lines": [ { "acls": [ { "values": [ … ] } ] } ], "servers": [ … ], "decision": … } ] }, a list
 * in each depth: what begins at one closes all that are deeper.
 */
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

enum { TOP = 1, FRONTEND = 2, LINE = 3, ACL = 4 };

static void print_text(FILE *out, struct slice text)
{
	fputc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		/* bytes of no certain encoding, as code points of Latin-1 */
		if (c < ' ' || c == '"' || c == '\\' || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_member(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\": ", name);
	print_text(out, slice_of_string(text));
	fprintf(out, ", ");
}

/* Negative: there is none. */
static void print_number(FILE *out, const char *name, const _Atomic double *number)
{
	double value = atomic_load_explicit(number, memory_order_relaxed);

	if (value >= 0)
		fprintf(out, "\"%s\": %.4f, ", name, value);
	else
		fprintf(out, "\"%s\": null, ", name);
}

static const char *boolean(bool value)
{
	return value ? "true" : "false";
}

/* Ends what is deeper, and stands where the next of this depth begins. */
static void go_to(struct explain_teller *teller, unsigned depth)
{
	for (; teller->depth > depth; teller->depth--)
		fprintf(teller->out, " ] }");
	if (teller->depth == depth && teller->further)
		fprintf(teller->out, ",\n");
	teller->further = true;
}

static void opened(struct explain_teller *teller, unsigned depth)
{
	teller->depth = depth;
	teller->further = false;
}

static void begin(struct explain_teller *teller)
{
	fprintf(teller->out, "{ \"frontends\": [\n");
	opened(teller, TOP);
}

static void tell_frontend(struct explain_teller *teller, const struct frontend *frontend)
{
	go_to(teller, TOP);
	fprintf(teller->out, "{ ");
	print_member(teller->out, "name", frontend->name);
	fprintf(teller->out, "\"lines\": [\n");
	opened(teller, FRONTEND);
}

static void tell_line(void *into, const char *keyword, const char *words, struct config_place place, bool holds)
{
	struct explain_teller *teller = into;

	go_to(teller, FRONTEND);
	fprintf(teller->out, "{ ");
	print_member(teller->out, "keyword", keyword);
	print_member(teller->out, "words", words);
	print_member(teller->out, "file", place.file);
	fprintf(teller->out, "\"line\": %u, \"holds\": %s, \"acls\": [\n", place.line, boolean(holds));
	opened(teller, LINE);
}

static void tell_acl(void *into, const char *name, bool negated, bool starts_group, bool holds)
{
	struct explain_teller *teller = into;

	go_to(teller, LINE);
	fprintf(teller->out, "{ ");
	print_member(teller->out, "name", name);
	fprintf(teller->out, "\"negated\": %s, \"or\": %s, \"holds\": %s, \"values\": [\n", boolean(negated),
		boolean(starts_group), boolean(holds));
	opened(teller, ACL);
}

static void tell_value(void *into, const char *sample, struct slice value)
{
	struct explain_teller *teller = into;

	if (teller->depth != ACL) /* of the name of a backend, which its words tell */
		return;
	go_to(teller, ACL);
	fprintf(teller->out, "{ ");
	print_member(teller->out, "sample", sample);
	fprintf(teller->out, "\"value\": ");
	if (value.ptr)
		print_text(teller->out, value);
	else
		fprintf(teller->out, "null");
	fprintf(teller->out, " }");
}

static void print_key(struct explain_teller *teller, const char *prefix)
{
	const struct explain_key *key = &teller->key;
	char passed[600] = "";

	if (!key->key)
		return;
	fprintf(teller->out, "\"%skey\": { \"sample\": ", prefix);
	print_text(teller->out, slice_of_string(key->key->sample));
	fprintf(teller->out, ", \"value\": ");
	if (key->value.ptr)
		print_text(teller->out, key->value);
	else
		fprintf(teller->out, "null");
	if (key->placed)
		fprintf(teller->out, ", \"at\": %.6f, \"owner\": \"%s\", \"passed_on\": \"%s\"", key->place.at,
			key->place.owner->name, explain_passed(&key->place, passed, sizeof(passed)));
	fprintf(teller->out, " }, ");
}

static void tell_skipped(void *into, size_t n)
{
	struct explain_teller *teller = into;

	go_to(teller, FRONTEND);
	fprintf(teller->out, "{ \"skipped\": %zu }", n);
}

/* From the lines to the servers, which are the frontend's next list, and those of the fallback the one behind. */
static void tell_backend(struct explain_teller *teller, const struct backend *backend, const struct backend *instead_of)
{
	const char *prefix = instead_of ? "fallback_" : "";

	for (; teller->depth > FRONTEND; teller->depth--)
		fprintf(teller->out, " ] }");
	fprintf(teller->out, " ],\n");
	fprintf(teller->out, "\"%sbackend\": \"%s\", \"%sbalance\": \"%s\", \"%sm\": %.4f, \"%schoices\": %u, ", prefix,
		backend->name, prefix, backend->balance->name, prefix, atomic_load(&backend->state->m), prefix,
		atomic_load(&backend->state->choices));
	print_key(teller, prefix);
	fprintf(teller->out, "\"%sservers\": [\n", prefix);
	opened(teller, FRONTEND);
}

static void print_reports(FILE *out, const struct server *server)
{
	const struct server *told = server->real ? server->real : server;
	double now = clock_now();
	bool further = false;

	fprintf(out, "\"sources\": {");
	for (const struct explain_figure *one = explain_figures; one->name; one++) {
		enum load_source source = load_owner(told, one->figure, now);

		if (source == LOAD_SOURCES)
			continue;
		fprintf(out, "%s \"%s\": \"%s\"", further ? "," : "", one->name, load_source_name(source));
		further = true;
	}
	fprintf(out, " }, \"rejected\": {");
	further = false;
	for (unsigned i = REPORT_TAKEN + 1; i < LOAD_REJECTIONS; i++) {
		if (told->state->rejected[i] == 0)
			continue;
		fprintf(out, "%s \"%s\": %llu", further ? "," : "", load_rejection_name((enum load_rejection)i),
			(unsigned long long)told->state->rejected[i]);
		further = true;
	}
	fprintf(out, " }, ");
}

static void tell_server(struct explain_teller *teller, const struct server *server, double chance)
{
	const struct server_load *load = &server->state->load;
	double under_way, est = select_in_flight(server, clock_now(), &under_way);

	go_to(teller, FRONTEND);
	fprintf(teller->out, "{ ");
	print_member(teller->out, "name", server->name);
	print_member(teller->out, "status", server_status_name(server_status(server)));
	if (server->track)
		fprintf(teller->out, "\"tracks\": \"%s/%s\", ", server->track->backend->name, server->track->name);
	print_member(teller->out, "not_picked", explain_why_not(server));
	print_member(teller->out, "known", load_knowledge_name((enum load_knowledge)atomic_load(&load->known)));
	print_number(teller->out, "load", &load->u);
	print_number(teller->out, "q", &load->q);
	if (atomic_load(&load->reported) >= 0)
		fprintf(teller->out, "\"age\": %.3f, ", clock_now() - atomic_load(&load->reported));
	fprintf(teller->out, "\"est\": %.4f, \"under_way\": %.4f, ", est, under_way);
	print_number(teller->out, "mu", &load->mu);
	fprintf(teller->out, "\"dir\": %.4f, ", atomic_load(&load->dir));
	if (explain_cost(server) >= 0)
		fprintf(teller->out, "\"cost\": %.6g, ", explain_cost(server));
	print_reports(teller->out, server);
	fprintf(teller->out, "\"throttle\": %u, ", 100 - atomic_load(&server->state->held_back));
	fprintf(teller->out, "\"weight\": %u, \"chance\": %.4f }", atomic_load(&server->state->weight), chance);
}

/* The last list of the frontend is the decision's, of one. */
static void tell_decision(struct explain_teller *teller, const struct decision *decision, struct slice location)
{
	for (; teller->depth > FRONTEND; teller->depth--)
		fprintf(teller->out, " ] }");
	fprintf(teller->out, " ],\n\"decision\": [ { ");
	print_member(teller->out, "backend", decision->backend ? decision->backend->name : "");
	print_member(teller->out, "server", decision->server ? decision->server->name : "");
	if (decision->reason >= REASON_DRY_RUN) {
		fprintf(teller->out, "\"code\": %u, \"ttl\": %lld, \"location\": ", decision->backend->redirect.code,
			(long long)decision->backend->redirect.ttl);
		print_text(teller->out, location);
		fprintf(teller->out, ", ");
	}
	fprintf(teller->out, "\"reason\": \"%s\" }", answer_reason_name(decision->reason));
	for (teller->depth = FRONTEND; teller->depth > TOP; teller->depth--)
		fprintf(teller->out, " ] }");
	teller->further = true;
}

static void end(struct explain_teller *teller)
{
	for (; teller->depth > TOP; teller->depth--)
		fprintf(teller->out, " ] }");
	fprintf(teller->out, " ] }\n");
}

struct explain_teller explain_json(void)
{
	return (struct explain_teller){ .rules = { NULL, tell_line, tell_acl, tell_value, tell_skipped, 0 },
					.begin = begin,
					.frontend = tell_frontend,
					.backend = tell_backend,
					.server = tell_server,
					.decision = tell_decision,
					.end = end };
}
