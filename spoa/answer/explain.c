/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `explain`: one request, made as HAProxy would send it, decided by the code that decides all others, and told. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "routes.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

#define MAX_MESSAGE 65536u
#define PICKS       20000u /* by which each server's chance is found */
#define FEWER_PICKS 2000u  /* where it is not to take long */

/* ---- the request ---- */

struct url {
	struct slice host, path, query;
	bool has_query, tls;
};

static bool split_url(const char *text, struct url *url)
{
	struct slice rest = slice_of_string(text), before;
	size_t length;

	*url = (struct url){ .tls = slice_starts(rest, SLICE("https://")) };
	if (url->tls || slice_starts(rest, SLICE("http://"))) {
		rest = slice_from(rest, url->tls ? 8 : 7);
		length = strcspn((const char *)rest.ptr, "/?#");
		url->host = slice_of(rest.ptr, length);
		rest = slice_from(rest, length);
	}
	if (rest.len == 0)
		rest = SLICE("/");
	slice_split(&rest, '#', &before);
	rest = before;
	slice_split(&rest, '?', &url->path);
	url->has_query = rest.ptr != NULL;
	url->query = rest;
	return url->path.len > 0 && url->path.ptr[0] == '/';
}

/* Counts what it puts. */
struct message {
	uint8_t *first;
	struct spop_writer writer;
	unsigned n;
};

static struct spop_slice spop_of(struct slice s)
{
	return (struct spop_slice){ s.ptr, s.len };
}

static void put(struct message *message, const char *name, enum spop_type type, struct slice bytes)
{
	struct spop_value value = { .type = type, .bytes = spop_of(bytes) };

	spop_put_argument(&message->writer, spop_of(slice_of_string(name)), &value);
	message->n++;
}

static bool put_src(struct message *message, const char *text)
{
	uint8_t address[16];
	struct spop_value value = { .address = address };

	if (inet_pton(AF_INET, text, address) == 1)
		value.type = SPOP_IPV4;
	else if (inet_pton(AF_INET6, text, address) == 1)
		value.type = SPOP_IPV6;
	else
		return false;
	spop_put_argument(&message->writer, SPOP_SLICE("src"), &value);
	message->n++;
	return true;
}

static struct slice lower_copy(struct arena *arena, struct slice text)
{
	struct slice copy = arena_slice(arena, text);

	if (copy.ptr)
		slice_lower((uint8_t *)(uintptr_t)copy.ptr, copy);
	return copy;
}

/* As req.hdrs_bin: name and value, name and value, and two empty strings. */
static bool put_headers(struct message *message, struct arena *arena, const struct explain_request *asked,
			const struct url *url)
{
	uint8_t *room = malloc(MAX_MESSAGE);
	struct spop_writer blob;
	bool good = room != NULL;

	if (!room)
		return false;
	spop_writer_init(&blob, room, MAX_MESSAGE);
	if (url->host.len > 0) {
		spop_put_string(&blob, SPOP_SLICE("host"));
		spop_put_string(&blob, spop_of(url->host));
	}
	for (size_t i = 0; good && i < asked->n_headers; i++) {
		struct slice rest = slice_of_string(asked->headers[i]), name;

		good = slice_split(&rest, ':', &name) && rest.ptr && name.len > 0;
		spop_put_string(&blob, spop_of(lower_copy(arena, slice_trim(name))));
		spop_put_string(&blob, spop_of(slice_trim(rest)));
		if (!good)
			fprintf(asked->errors, "%s'--header' expects 'Name: value', not '%s'\n", asked->prefix,
				asked->headers[i]);
	}
	spop_put_string(&blob, SPOP_SLICE(""));
	spop_put_string(&blob, SPOP_SLICE(""));
	put(message, "hdrs", SPOP_BINARY, slice_of(room, (size_t)(blob.at - room)));
	free(room);
	return good && !blob.full;
}

static bool put_arguments(struct message *message, struct arena *arena, const struct explain_request *asked)
{
	for (size_t i = 0; i < asked->n_arguments; i++) {
		struct slice rest = slice_of_string(asked->arguments[i]), name;
		char *copy;

		slice_split(&rest, '=', &name);
		copy = arena_printf(arena, "%.*s", SLICE_ARGS(name));
		if (!rest.ptr || name.len == 0 || !copy) {
			fprintf(asked->errors, "%s'--arg' expects 'name=value', not '%s'\n", asked->prefix,
				asked->arguments[i]);
			return false;
		}
		put(message, copy, SPOP_STRING, rest);
	}
	return true;
}

/* The arguments of one message, those of --arg first, since the first of a name counts. */
static bool put_request(struct message *message, struct arena *arena, const struct explain_request *asked)
{
	struct spop_value ssl = { .type = SPOP_BOOL };
	struct url url;

	if (!split_url(asked->url, &url)) {
		fprintf(asked->errors, "%s'%s' is no URL, such as http://www.example.com/a?b=c or /a\n", asked->prefix,
			asked->url);
		return false;
	}
	if (!put_arguments(message, arena, asked))
		return false;
	if (asked->src && !put_src(message, asked->src)) {
		fprintf(asked->errors, "%s'--src' expects an address, not '%s'\n", asked->prefix, asked->src);
		return false;
	}
	put(message, "method", SPOP_STRING, slice_of_string(asked->method));
	put(message, "path", SPOP_STRING, url.path);
	if (url.has_query)
		put(message, "query", SPOP_STRING, url.query);
	put(message, "ver", SPOP_STRING, SLICE("1.1"));
	ssl.boolean = url.tls;
	spop_put_argument(&message->writer, SPOP_SLICE("ssl"), &ssl);
	message->n++;
	return put_headers(message, arena, asked, &url) && !message->writer.full;
}

/* ---- the answer ---- */

/* Nothing is booked, so the same question can be asked any number of times. */
static void find_chances(struct backend *backend, uint64_t key, struct picker *picker, unsigned *chances,
			 unsigned picks)
{
	double now = clock_now();

	for (unsigned i = 0; i < picks; i++) {
		const struct server *server = select_pick(backend, key, now, picker);

		if (server)
			chances[server->index]++;
	}
}

static void find_key(const struct frontend *frontend, struct backend *backend, struct answer_scratch *scratch,
		     struct explain_key *key)
{
	uint64_t hash = answer_key(frontend, backend, scratch);

	*key = (struct explain_key){ .key = backend->hash.key };
	if (!key->key)
		return;
	key->value = frontend_key(frontend, key->key, &scratch->request, scratch->rules);
	key->placed = select_find_place(backend, hash, clock_now(), &scratch->picker, &key->place);
}

static void tell_servers(const struct frontend *frontend, const struct decision *decision, struct backend *backend,
			 bool dry_run, const struct backend *instead_of, struct answer_scratch *scratch,
			 struct arena *arena, struct explain_teller *teller)
{
	unsigned *chances = arena_array(arena, backend->n_servers + 1, sizeof(*chances));
	size_t most = teller->rules.most, skipped = 0;
	unsigned picks = most > 0 ? FEWER_PICKS : PICKS;

	if (!chances)
		return;
	if (dry_run && backend->shadow)
		backend = backend->shadow;
	find_key(frontend, backend, scratch, &teller->key);
	find_chances(backend, answer_key(frontend, backend, scratch), &scratch->picker, chances, picks);
	teller->backend(teller, backend, instead_of);
	for (size_t i = 0; i < backend->n_servers; i++)
		if (most == 0 || i < most || backend->servers[i] == decision->server)
			teller->server(teller, backend->servers[i], (double)chances[i] / picks);
		else
			skipped++;
	if (skipped > 0)
		teller->rules.skipped(teller, skipped);
}

/* Of the rule's, and where none of its servers can serve, those of its fallback. */
static void tell_backends(const struct frontend *frontend, const struct decision *decision,
			  struct answer_scratch *scratch, struct arena *arena, struct explain_teller *teller)
{
	struct backend *backend = decision->instead_of ? decision->instead_of : decision->backend;

	tell_servers(frontend, decision, backend, decision->dry_run, NULL, scratch, arena, teller);
	if (backend->fallback && (decision->instead_of || decision->reason == REASON_NO_SERVER))
		tell_servers(frontend, decision, backend->fallback, decision->dry_run || backend->fallback->dry_run,
			     backend, scratch, arena, teller);
}

static bool tell(const struct frontend *frontend, const struct route *route, struct spop_slice payload, unsigned n,
		 struct answer_scratch *scratch, struct arena *arena, struct explain_teller *teller)
{
	char location[16384] = "";
	struct decision decision;
	size_t length = 0;

	if (!request_take(frontend->names, n, &payload, &scratch->request))
		return false;
	rules_begin(scratch->rules);
	decision = answer_decide(route, scratch, clock_now());
	teller->frontend(teller, frontend);
	rules_begin(scratch->rules);
	if (frontend_begin(frontend, scratch->rules))
		frontend_explain(frontend, decision.rule, &scratch->request, scratch->rules, &teller->rules);
	if (decision.backend)
		tell_backends(frontend, &decision, scratch, arena, teller);
	if (decision.reason >= REASON_DRY_RUN)
		length = answer_location(scratch, frontend, decision.server, location, sizeof(location));
	if (decision.reason >= REASON_DRY_RUN && length == 0)
		decision.reason = REASON_BAD_REQUEST; /* as an answer is that has no Location */
	teller->decision(teller, &decision, slice_of(location, length));
	return true;
}

static bool tell_all(struct explain_teller *teller, const struct message *message, struct answer_scratch *scratch,
		     struct arena *arena, const struct ruleset *ruleset, const struct fleet *fleet,
		     struct config *config)
{
	struct spop_slice payload = { message->first, (size_t)(message->writer.at - message->first) };
	bool good = true;

	teller->begin(teller);
	for (size_t i = 0; good && i < ruleset_count(ruleset); i++) {
		const struct frontend *frontend = ruleset_frontend(ruleset, i);
		const struct route *route = route_new(arena, frontend, fleet, config);

		good = route && tell(frontend, route, payload, message->n, scratch, arena, teller);
	}
	teller->end(teller);
	return good;
}

bool answer_explain(const struct explain_request *asked, struct arena *arena, const struct ruleset *ruleset,
		    const struct fleet *fleet, struct config *config, FILE *out)
{
	uint8_t *room = arena_alloc(arena, MAX_MESSAGE);
	struct explain_teller teller = asked->json ? explain_json() : explain_text();
	struct answer_scratch scratch;
	struct message message = { .first = room };
	bool good;

	if (!room || !answer_scratch_init(&scratch))
		return false;
	spop_writer_init(&message.writer, room, MAX_MESSAGE);
	good = put_request(&message, arena, asked);
	teller.rules.into = &teller;
	teller.rules.most = asked->most;
	teller.out = out;
	if (good)
		good = tell_all(&teller, &message, &scratch, arena, ruleset, fleet, config);
	answer_scratch_release(&scratch);
	return good;
}

static double get(const _Atomic double *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

const char *explain_load(const struct server *server, char *text, size_t size)
{
	const struct server_load *load = &server->state->load;
	double now = clock_now(), under_way, est = select_in_flight(server, now, &under_way);
	const struct load_merged *merged = server->real ? &server->real->state->merged : &server->state->merged;
	char u[24] = "";

	if (get(&load->reported) < 0)
		return "unknown";
	if (get(&load->u) >= 0)
		snprintf(u, sizeof(u), "%.0f %%, ", get(&load->u) * 100);
	snprintf(text, size, "%s%.1f s ago%s%s, %.1f in flight", u, now - get(&load->reported),
		 merged->report.has ? " by " : "", merged->report.has ? load_source_name(merged->source) : "", est);
	return text;
}

const char *explain_estimate(const struct server *server, char *text, size_t size)
{
	const struct server_load *load = &server->state->load;
	double under_way;
	double cost = explain_cost(server);
	char q[32] = "", c[32] = "";

	if (get(&load->reported) < 0)
		return "";
	if (cost >= 0)
		snprintf(c, sizeof(c), ", cost %.3g", cost);
	select_in_flight(server, clock_now(), &under_way);
	if (get(&load->q) >= 0)
		snprintf(q, sizeof(q), "%.0f in flight reported, ", get(&load->q));
	snprintf(text, size, "%s, %s%.1f under way, %.3g completed/s while busy, %.3g/s come directly%s",
		 load_knowledge_name((enum load_knowledge)atomic_load(&load->known)), q, under_way, get(&load->mu),
		 get(&load->dir), c);
	return text;
}

double explain_cost(const struct server *server)
{
	const struct balance *balance = server->backend->balance;
	double cost = balance->cost ? balance->cost(server->backend, server, clock_now()) : -1;

	return cost < INFINITY ? cost : -1;
}

const struct explain_figure explain_figures[] = { { "q", LOAD_Q }, { "u", LOAD_U }, { "A", LOAD_A },
						  { "C", LOAD_C }, { "B", LOAD_B }, { NULL, 0 } };

/* In the order of sources, each with its figures. */
static size_t put_sources(const struct server *server, double now, char *text, size_t size)
{
	size_t length = 0;

	for (unsigned source = 0; source < LOAD_SOURCES; source++) {
		size_t before = length;

		for (const struct explain_figure *one = explain_figures; one->name; one++)
			if (load_owner(server, one->figure, now) == source)
				length += (size_t)snprintf(text + length, size - length, "%s%s",
							   length > before ? " "
							   : length > 0    ? ", "
									   : "",
							   one->name);
		if (length > before)
			length += (size_t)snprintf(text + length, size - length, " by %s %.1f s ago",
						   load_source_name((enum load_source)source),
						   now - server->state->said[source].at);
	}
	return length;
}

const char *explain_sources(const struct server *server, char *text, size_t size)
{
	const struct server *told = server->real ? server->real : server;
	size_t length = put_sources(told, clock_now(), text, size);
	bool first = true;

	text[length] = 0;
	for (unsigned i = REPORT_TAKEN + 1; i < LOAD_REJECTIONS; i++) {
		uint64_t n = told->state->rejected[i];

		if (n == 0)
			continue;
		length += (size_t)snprintf(text + length, size - length, "%s%llu %s",
					   !first       ? ", "
					   : length > 0 ? "; rejected: "
							: "rejected: ",
					   (unsigned long long)n, load_rejection_name((enum load_rejection)i));
		first = false;
	}
	return text;
}

const char *explain_passed(const struct select_place *place, char *text, size_t size)
{
	const char *why_not = explain_why_not(place->owner);
	bool passed = place->to != place->owner && place->full != place->owner && *why_not;

	snprintf(text, size, "%s%s%s", passed ? place->owner->name : "", passed ? " is " : "", passed ? why_not : "");
	if (place->why)
		snprintf(text + strlen(text), size - strlen(text), "%s%s is %s", passed ? "; " : "", place->full->name,
			 place->why);
	return text;
}

const char *answer_why_not(const struct server *server)
{
	const struct backend *backend = server->backend;

	if (server_status(server) != SERVER_UP)
		return server_status_name(server_status(server));
	if (server_over_maxload(server->real ? server->real : server, clock_now()))
		return "above its maxload, and another is below";
	if (server->backup && backend_n_usable(backend) > 0 && backend_usable(backend, 0)->backup)
		return "a backup, and another comes first";
	if (server->backup)
		return "a backup, and others can serve";
	return server->standby_of ? "a standby, and its server can serve" : "others come first";
}

const char *explain_why_not(const struct server *server)
{
	const struct backend *backend = server->backend;

	for (uint32_t i = 0; i < backend_n_usable(backend); i++)
		if (backend_usable(backend, i) == server)
			return select_is_full(server, clock_now()) ? "at its maxconn" : "";
	return answer_why_not(server);
}
