/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/answer.h"

#include "location.h"
#include "routes.h"
#include "samples.h"
#include "spoa-redirect/select.h"

bool answer_scratch_init(struct answer_scratch *scratch)
{
	*scratch = (struct answer_scratch){ .rules = rules_scratch_new(), .samples = samples_new() };
	random_seed_fresh(&scratch->picker.random);
	return scratch->rules && scratch->samples;
}

void answer_scratch_release(struct answer_scratch *scratch)
{
	rules_scratch_free(scratch->rules);
	samples_free(scratch->samples);
	scratch->rules = NULL;
	scratch->samples = NULL;
}

void answer_expect(struct answer_scratch *scratch, bool more)
{
	scratch->picker.more = more;
}

void answer_settle(struct answer_scratch *scratch, double now)
{
	select_settle(&scratch->picker, now);
}

bool answer_prepare(struct arena *arena, struct fleet *fleet)
{
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		struct backend *backend = fleet_backend(fleet, i);

		backend->prebuilt = prebuilt_new(arena, backend);
		if (!backend->prebuilt)
			return false;
	}
	return true;
}

/* ---- the answer's bytes ---- */

static void put_reason(struct spop_writer *writer, enum answer_reason reason)
{
	const char *name = answer_reason_name(reason);
	struct spop_value value = { .type = SPOP_STRING, .bytes = { (const uint8_t *)name, strlen(name) } };

	spop_put_set_var(writer, SPOP_TXN, SPOP_SLICE("reason"), &value);
}

/* Without a location: what was found out all the same. */
static struct slice plain_names(const struct decision *decision)
{
	const struct backend *backend = decision->backend;

	if (!backend)
		return slice_of(NULL, 0);
	return decision->server ? decision->server->said : backend->prebuilt->backend;
}

static bool write_plain(struct spop_writer *writer, const struct spop_frame *notify, uint32_t max,
			enum answer_reason reason, struct slice names)
{
	spop_frame_begin(writer, SPOP_ACK, notify->stream_id, notify->frame_id);
	put_reason(writer, reason);
	spop_put_bytes(writer, names.ptr, names.len);
	return spop_frame_end(writer, max);
}

static inline bool write_redirect(struct spop_writer *writer, const struct spop_frame *notify, uint32_t max,
				  struct slice constant, struct slice prefix, const struct location *location)
{
	static const uint8_t head[] = { 1, 3, SPOP_TXN, 8, 'l', 'o', 'c', 'a', 't', 'i', 'o', 'n', SPOP_STRING };

	spop_frame_begin(writer, SPOP_ACK, notify->stream_id, notify->frame_id);
	spop_put_bytes(writer, constant.ptr, constant.len);
	spop_put_bytes(writer, head, sizeof(head));
	spop_put_varint(writer, location_length(location, prefix));
	location_put(writer, location, prefix);
	return spop_frame_end(writer, max);
}

/* What a `redirect location` is made into, and for which server. */
struct making {
	struct spop_writer writer;
	const struct server *server;
};

static bool put_part(void *into, enum location_part part, struct slice text)
{
	struct making *making = into;
	const struct server *server = making->server;

	switch (part) {
	case PART_SAMPLE:
		return location_put_value(&making->writer, text);
	case PART_SRV_REDIR:
		text = server->redir.prefix;
		break;
	case PART_SRV_NAME:
		text = slice_of_string(server->name);
		break;
	case PART_BE_NAME:
		text = slice_of_string(server->backend->name);
		break;
	case PART_TEXT:
		break;
	}
	spop_put_bytes(&making->writer, text.ptr, text.len);
	return true;
}

/* What a Location consists of: a prefix, and what is put behind it. NULL: it cannot be made of this request. */
static const struct location *location_of(struct answer_scratch *scratch, const struct frontend *frontend,
					  const struct server *server, struct slice *prefix)
{
	static const struct location nothing;
	const struct made_location *made = server->backend->redirect.location;
	struct making making = { .server = server };

	*prefix = server->redir.prefix;
	if (__builtin_expect(!made, true))
		return &scratch->location;
	spop_writer_init(&making.writer, scratch->made, sizeof(scratch->made));
	if (!frontend_make_location(frontend, made, &scratch->request, scratch->rules, put_part, &making) ||
	    making.writer.full)
		return NULL;
	*prefix = slice_of(scratch->made, (size_t)(making.writer.at - scratch->made));
	return &nothing;
}

/* Where a Location and the rest of the response fill HAProxy's buffer, the client gets a 500. */
static bool fits(const struct location *location, struct slice prefix, uint32_t max)
{
	return location_length(location, prefix) <= max - max / 16;
}

/* What does not fit goes in this order: backend and server; then there is no redirect. */
static bool put_redirect(struct answer_scratch *scratch, struct spop_writer *writer, const struct spop_frame *notify,
			 uint32_t max, const struct server *server, const struct location *location,
			 struct slice prefix)
{
	const struct prebuilt *prebuilt = server->backend->prebuilt;

	if (write_redirect(writer, notify, max, server->target, prefix, location))
		return true;
	counter_add(&scratch->shortened, 1);
	return write_redirect(writer, notify, max, prebuilt->brief, prefix, location);
}

/* The reason alone fits every frame. */
static void put_plain(struct answer_scratch *scratch, struct spop_writer *writer, const struct spop_frame *notify,
		      uint32_t max, const struct decision *decision)
{
	if (write_plain(writer, notify, max, decision->reason, plain_names(decision)))
		return;
	counter_add(&scratch->shortened, 1);
	write_plain(writer, notify, max, decision->reason, slice_of(NULL, 0));
}

size_t answer_location(struct answer_scratch *scratch, const struct frontend *frontend, const struct server *server,
		       char *to, size_t room)
{
	struct spop_writer writer;
	struct slice prefix;
	const struct location *location = location_of(scratch, frontend, server, &prefix);

	if (!location)
		return 0;
	spop_writer_init(&writer, (uint8_t *)to, room);
	location_put(&writer, location, prefix);
	return writer.full ? 0 : (size_t)(writer.at - (uint8_t *)to);
}

/* ---- one NOTIFY ---- */

/* A message that lacks what the rules read is somebody's SPOE file: worth one line, not one a request. */
static void note_missing(const struct routes *routes, const struct frontend *frontend, struct answer_scratch *scratch)
{
	const struct request *request = &scratch->request;
	uint64_t missing = frontend->needs & ~request->seen, fresh;

	if (request->seen & 1ull << REQUEST_HDRS)
		missing &= ~frontend->headers;
	if (!missing)
		return;
	counter_add(&scratch->missing_arguments, 1);
	/* read first: the workers share that line, and mostly there is nothing to add */
	fresh = missing & ~atomic_load_explicit(frontend->missed, memory_order_relaxed);
	if (fresh)
		fresh &= ~atomic_fetch_or_explicit(frontend->missed, missing, memory_order_relaxed);
	for (unsigned slot = 0; fresh; slot++, fresh >>= 1)
		if (fresh & 1)
			log_line(routes->log, LOG_WARNING,
				 "frontend %s: the SPOE message has no argument '%s', which the rules read",
				 frontend->name, frontend_slot_name(frontend, slot));
}

static struct slice text_of(const char *text)
{
	return text ? slice_of_string(text) : slice_of(NULL, 0);
}

/* Mostly HAProxy's SPOE file names it otherwise than the configuration. The first, the second, the fourth … */
static void note_unknown(const struct routes *routes, struct answer_scratch *scratch, struct spop_slice message)
{
	char there[200] = "";
	size_t used = 0;
	uint64_t n;

	counter_add(&scratch->unknown_messages, 1);
	n = counter_get(&scratch->unknown_messages);
	if (n & (n - 1))
		return;
	for (size_t i = 0; i < routes->n && used < sizeof(there) - 1; i++)
		used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%.*s", i ? ", " : "",
					 SLICE_ARGS(routes->messages[i].message));
	log_fields(routes->log, LOG_WARNING, "an SPOE message is no frontend's",
		   (const struct log_field[]){ { "message", slice_of_spop(message) }, { "known", text_of(there) } }, 2);
}

/* The first, the second, the fourth …: an attack does not fill the log. */
static void note_given_up(const struct routes *routes, const struct frontend *frontend, struct answer_scratch *scratch)
{
	struct slice regex = rules_scratch_given_up(scratch->rules);
	uint64_t n = rules_scratch_limits(scratch->rules);

	if (regex.ptr && (n & (n - 1)) == 0)
		log_line(routes->log, LOG_WARNING,
			 "frontend %s: regex '%.*s' was given up at its limit, the request is not redirected (%llu so "
			 "far)",
			 frontend->name, SLICE_ARGS(regex), (unsigned long long)n);
}

static bool skip_arguments(struct spop_slice *payload, unsigned arguments)
{
	struct spop_slice name;
	struct spop_value value;

	for (; arguments > 0; arguments--)
		if (!spop_take_argument(payload, &name, &value))
			return false;
	return true;
}

/* With HAProxy's own id of the request, so that the line joins the one of its log. */
static void log_decision(const struct routes *routes, const struct route *route, struct answer_scratch *scratch,
			 const struct decision *decision)
{
	const struct rule *rule = decision->rule;
	char place[300] = "";
	const struct log_field fields[] = {
		{ "id", request_bytes(&scratch->request, REQUEST_ID) },
		{ "frontend", text_of(route->frontend->name) },
		{ "reason", text_of(answer_reason_name(decision->reason)) },
		{ "backend", text_of(decision->backend ? decision->backend->name : NULL) },
		{ "server", text_of(decision->server ? decision->server->name : NULL) },
		{ "rule", rule ? slice_of(place, (size_t)snprintf(place, sizeof(place), "%.250s:%u", rule->place.file,
								  rule->place.line))
			       : slice_of(NULL, 0) },
	};

	log_fields(routes->log, LOG_INFO, "decision", fields, COUNT(fields));
}

/* Nothing of a dry run leaves the agent, but it is booked all the same: in the shadow. */
static bool carry_out(struct answer_scratch *scratch, struct spop_writer *writer, const struct spop_frame *notify,
		      uint32_t max, double now, const struct frontend *frontend, const struct decision *decision)
{
	bool dry = decision->dry_run;
	const struct location *location;
	struct slice prefix;

	location = location_of(scratch, frontend, decision->server, &prefix);
	if (!location || !fits(location, prefix, max) ||
	    (!dry && !put_redirect(scratch, writer, notify, max, decision->server, location, prefix)))
		return false;
	select_book(dry ? decision->server->shadow : decision->server, now, &scratch->picker);
	return true;
}

/* The query may hold secrets, and is not kept. */
static void capture_request(struct answer_scratch *scratch, const struct route *route)
{
	struct slice path = request_bytes(&scratch->request, REQUEST_PATH);
	struct slice id = request_bytes(&scratch->request, REQUEST_ID);
	const char *why = "makes a Location that cannot be sent: a byte of it is forbidden, or it is too long";
	char who[120];

	if (path.len == 0)
		why = "has no path";
	else if (path.ptr[0] != '/')
		why = "has a path that does not begin with '/'";
	else if (path.len > LOCATION_MAX_PATH)
		why = "has a path of more than 8 KiB";
	snprintf(who, sizeof(who), "frontend %s%s%.*s", route->frontend->name, id.len > 0 ? ", id " : "",
		 (int)(id.len < 60 ? id.len : 60), id.len > 0 ? (const char *)id.ptr : "");
	captures_take(scratch->captures, "request", slice_of_string(who), slice_of_string(why), path);
}

/* Decides one message; a redirect is written and booked here, while its request is at hand. */
static struct decision decide_message(const struct routes *routes, const struct route *route,
				      struct answer_scratch *scratch, const struct spop_frame *notify, double now,
				      uint32_t max, struct spop_writer *writer)
{
	struct decision decision = answer_decide(route, scratch, now);

	note_missing(routes, route->frontend, scratch);
	note_given_up(routes, route->frontend, scratch);
	if (decision.reason >= REASON_DRY_RUN &&
	    !carry_out(scratch, writer, notify, max, now, route->frontend, &decision))
		decision.reason = REASON_BAD_REQUEST; /* a Location that does not fit the frame */
	counter_add(&scratch->decisions[decision.reason], 1);
	if (routes->log && routes->log->sample > 0 && random_below(&scratch->picker.random, routes->log->sample) == 0)
		log_decision(routes, route, scratch, &decision);
	if (decision.rule)
		frontend_hit(route->frontend, decision.rule, scratch->worker, now);
	if (now >= scratch->next_sample)
		samples_take(scratch, route->frontend, &decision, now);
	return decision;
}

bool answer_notify(const struct routes *routes, struct answer_scratch *scratch, const struct spop_frame *notify,
		   double now, uint32_t max, struct spop_writer *writer)
{
	struct decision answer = { .reason = REASON_NO_RULE };
	struct spop_slice payload = notify->payload;
	uint8_t *start = writer->at;
	unsigned decided = 0;
	bool captured = false;

	rules_begin(scratch->rules);
	while (payload.len > 0) {
		struct spop_message message;
		const struct route *route;
		struct decision decision;

		if (!spop_take_message(&payload, &message))
			goto invalid;
		route = answer.reason == REASON_REDIRECT || decided == ANSWER_MESSAGES
				? NULL
				: routes_find(routes, message.name);
		if (!route) {
			if (decided == ANSWER_MESSAGES)
				counter_add(&scratch->unknown_messages, answer.reason != REASON_REDIRECT);
			else if (answer.reason != REASON_REDIRECT)
				note_unknown(routes, scratch, message.name);
			if (!skip_arguments(&payload, message.arguments))
				goto invalid;
			continue;
		}
		if (!request_take(route->frontend->names, message.arguments, &payload, &scratch->request))
			goto invalid;
		decision = decide_message(routes, route, scratch, notify, now, max, writer);
		if (decided++ == 0 || decision.reason == REASON_REDIRECT)
			answer = decision;
		if (__builtin_expect(decision.reason == REASON_BAD_REQUEST, false) && !captured) {
			capture_request(scratch, route);
			captured = true;
		}
	}
	if (answer.reason != REASON_REDIRECT)
		put_plain(scratch, writer, notify, max, &answer);
	return true;
invalid:
	writer->at = start;
	return false;
}

void answer_refuse(struct answer_scratch *scratch, const struct spop_frame *notify, uint32_t max,
		   struct spop_writer *writer)
{
	const struct decision refused = { .reason = REASON_BAD_REQUEST };

	put_plain(scratch, writer, notify, max, &refused);
}
