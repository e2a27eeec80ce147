/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "location.h"
#include "routes.h"

static const char *const reasons[] = {
	[REASON_BAD_REQUEST] = "bad-request", [REASON_NO_RULE] = "no-rule", [REASON_METHOD] = "method",
	[REASON_NO_SERVER] = "no-server",     [REASON_LOOP] = "loop",       [REASON_REDIRECT] = "redirect",
};

const char *answer_reason_name(enum answer_reason reason)
{
	return reasons[reason];
}

static const struct {
	struct slice name;
	unsigned method;
} methods[] = {
	{ SLICE("GET"), METHOD_GET },
	{ SLICE("HEAD"), METHOD_HEAD },
	{ SLICE("POST"), METHOD_POST },
	{ SLICE("PUT"), METHOD_PUT },
	{ SLICE("DELETE"), METHOD_DELETE },
	{ SLICE("PATCH"), METHOD_PATCH },
	{ SLICE("OPTIONS"), METHOD_OPTIONS },
	{ SLICE("CONNECT"), 0 },
	{ SLICE("TRACE"), 0 },
};

/* 0: never to be redirected. An absent method could be anything. */
static unsigned method_of(const struct request *request)
{
	struct slice name = request_bytes(request, REQUEST_METHOD);

	for (size_t i = 0; name.ptr && i < COUNT(methods); i++)
		if (slice_eq(name, methods[i].name))
			return methods[i].method;
	return name.ptr ? METHOD_OTHER : 0;
}

/* What a redirect would break: a tunnel or an upgrade, and a CORS preflight, which may not be redirected at all. */
static bool method_allows(const struct request *request, const struct backend *backend)
{
	unsigned method = method_of(request);

	if (!(method & backend->redirect.methods))
		return false;
	if (method == METHOD_OPTIONS &&
	    request_header(request, REQUEST_PREFLIGHT, SLICE("access-control-request-method")).ptr)
		return false;
	return !request_header(request, REQUEST_UPGRADE, SLICE("upgrade")).ptr;
}

static bool is_tls(const struct request *request)
{
	const struct spop_value *ssl = &request->values[REQUEST_SSL];

	return ssl->type == SPOP_BOOL && ssl->boolean;
}

static struct server *choose_server(struct backend *backend, struct answer_scratch *scratch, double now)
{
	struct server *server = backend->balance->pick(backend, now, &scratch->random);

	if (server && !server->redir.tls && is_tls(&scratch->request) && !backend->redirect.allow_downgrade)
		return NULL;
	return server;
}

struct decision answer_decide(const struct route *route, struct answer_scratch *scratch, double now)
{
	struct request *request = &scratch->request;
	struct slice path = request_bytes(request, REQUEST_PATH), query = request_bytes(request, REQUEST_QUERY);
	struct decision decision = { .reason = REASON_BAD_REQUEST };
	struct slice host;

	if (slice_eq(path, SLICE("*"))) /* OPTIONS of the whole server: there is nothing to send anyone to */
		decision.reason = REASON_METHOD;
	if (!location_take(&scratch->location, path, query))
		return decision;
	decision.reason = REASON_NO_RULE;
	decision.rule = frontend_choose(route->frontend, request, scratch->rules);
	if (!decision.rule)
		return decision;
	decision.backend = route->backends[decision.rule->index];
	decision.reason = REASON_METHOD;
	if (!method_allows(request, decision.backend))
		return decision;
	decision.reason = REASON_NO_SERVER;
	decision.server = choose_server(decision.backend, scratch, now);
	if (!decision.server)
		return decision;
	decision.reason = REASON_LOOP;
	host = request_header(request, REQUEST_HOST, SLICE("host"));
	if (host.ptr && authorities_name(decision.backend->prebuilt->authorities, host))
		return decision;
	decision.reason = REASON_REDIRECT;
	return decision;
}
