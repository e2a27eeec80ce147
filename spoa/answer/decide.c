/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "location.h"
#include "routes.h"
#include "spoa-redirect/base/hash.h"
#include "spoa-redirect/select.h"

static const char *const reasons[] = {
	[REASON_EXCLUDED] = "excluded", [REASON_BAD_REQUEST] = "bad-request", [REASON_NO_RULE] = "no-rule",
	[REASON_METHOD] = "method",     [REASON_NO_SERVER] = "no-server",     [REASON_LOOP] = "loop",
	[REASON_DRY_RUN] = "dry-run",   [REASON_REDIRECT] = "redirect",
};

const char *answer_reason_name(enum answer_reason reason)
{
	return reasons[reason];
}

/* But GET. */
static const struct {
	struct slice name;
	unsigned method;
} methods[] = {
	{ SLICE("HEAD"), METHOD_HEAD },   { SLICE("POST"), METHOD_POST },
	{ SLICE("PUT"), METHOD_PUT },     { SLICE("DELETE"), METHOD_DELETE },
	{ SLICE("PATCH"), METHOD_PATCH }, { SLICE("OPTIONS"), METHOD_OPTIONS },
	{ SLICE("CONNECT"), 0 },          { SLICE("TRACE"), 0 },
};

/* 0: never to be redirected. An absent method could be anything. */
static unsigned method_of(const struct request *request)
{
	struct slice name = request_bytes(request, REQUEST_METHOD);

	if (name.len == 3 && memcmp(name.ptr, "GET", 3) == 0) /* nearly all, and without a call */
		return METHOD_GET;
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

/* An ssl_fc that comes through a converter or a variable may have lost its type. */
static bool is_tls(const struct request *request)
{
	const struct spop_value *ssl = &request->values[REQUEST_SSL];

	switch (ssl->type) {
	case SPOP_BOOL:
		return ssl->boolean;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
		return ssl->integer != 0;
	case SPOP_UINT64:
		return ssl->natural != 0;
	case SPOP_STRING:
	case SPOP_BINARY:
		return ssl->bytes.len > 0 && !slice_eq(slice_of_spop(ssl->bytes), SLICE("0"));
	default:
		return false;
	}
}

/* Whether it is reached over TLS. */
static bool is_over_tls(const struct server *server, const struct backend *backend)
{
	return backend->redirect.literal.prefix.ptr ? backend->redirect.literal.tls : server->redir.tls;
}

/* Whom a policy would not have come to: any that may be picked and is reached over TLS. */
static struct server *any_over_tls(const struct backend *backend, struct random *random)
{
	uint32_t n = backend_n_usable(backend);
	uint32_t first = n ? random_below(random, n) : 0;

	for (uint32_t i = 0; i < n; i++) {
		struct server *server = backend_usable(backend, (first + i) % n);

		if (server->redir.tls)
			return server;
	}
	return NULL;
}

uint64_t answer_key(const struct frontend *frontend, const struct backend *backend, struct answer_scratch *scratch)
{
	struct slice bytes;
	uint64_t key;

	if (!backend->hash.key)
		return 0;
	bytes = frontend_key(frontend, backend->hash.key, &scratch->request, scratch->rules);
	key = hash_of(bytes);
	return bytes.ptr ? key + (key == 0) : 0;
}

/* What came over TLS goes on over TLS. A backend with servers of both kinds is possible, though nobody's plan. */
static inline struct server *choose_among(struct backend *usable, const struct backend *backend, uint64_t key,
					  struct answer_scratch *scratch, double now)
{
	struct server *server = select_pick(usable, key, now, &scratch->picker);

	if (!server)
		return NULL;
	/* needed soon, and behind what tells how long they are */
	__builtin_prefetch(server->bytes);
	__builtin_prefetch(server->bytes + 64);
	if (is_over_tls(server, backend) || backend->redirect.allow_downgrade || !is_tls(&scratch->request))
		return server;
	scratch->picker.n = 0;
	scratch->picker.kept = false;
	if (backend->redirect.literal.prefix.ptr)
		return NULL;
	return atomic_load_explicit(&backend->prebuilt->any_tls, memory_order_relaxed)
		       ? any_over_tls(usable, &scratch->picker.random)
		       : NULL;
}

static inline struct server *choose_server(const struct frontend *frontend, struct backend *backend, bool dry_run,
					   struct answer_scratch *scratch, double now)
{
	uint64_t key = answer_key(frontend, backend, scratch);
	struct server *server;

	if (__builtin_expect(!dry_run, true))
		return choose_among(backend, backend, key, scratch, now);
	assert(backend->shadow);
	server = choose_among(backend->shadow, backend, key, scratch, now);
	return server ? server->real : NULL;
}

/* CONNECT, and OPTIONS of the whole server, which HAProxy passes on without a path: nowhere to send anyone to. */
static bool asks_no_path(const struct request *request, struct slice path)
{
	struct slice method = request_bytes(request, REQUEST_METHOD);

	if (path.ptr)
		return slice_eq(path, SLICE("*"));
	return slice_eq(method, SLICE("CONNECT")) || slice_eq(method, SLICE("OPTIONS"));
}

/* Where a name that comes of the request is no backend's, HAProxy looks at no further rule either. */
static void choose_backend(const struct route *route, struct answer_scratch *scratch, struct decision *decision)
{
	const struct rule *rule = frontend_choose(route->frontend, &scratch->request, scratch->rules, NULL);
	struct backend *named;

	if (rule && rule->format) {
		named = route_find(route, rule_backend(rule, &scratch->request, scratch->rules));
		if (named) {
			decision->rule = rule;
			decision->backend = named;
			return;
		}
		counter_add(&scratch->unknown_backends, 1);
		rule = route->frontend->default_rule;
	}
	if (!rule)
		return;
	decision->rule = rule;
	decision->backend = route->backends[rule->index];
}

/* Where no server of the backend can serve, one of another backend may: once, whatever the other's own fallback is. */
static __attribute__((noinline)) enum answer_reason fall_back(const struct frontend *frontend,
							      struct decision *decision, struct answer_scratch *scratch,
							      double now)
{
	struct backend *fallback = decision->backend->fallback;
	struct server *server = choose_server(frontend, fallback, decision->dry_run || fallback->dry_run, scratch, now);

	if (!server)
		return REASON_NO_SERVER;
	decision->dry_run |= fallback->dry_run;
	counter_add(&scratch->fallbacks, 1);
	decision->instead_of = decision->backend;
	decision->backend = fallback;
	if (!method_allows(&scratch->request, fallback))
		return REASON_METHOD;
	decision->server = server;
	return REASON_NO_SERVER;
}

static inline enum answer_reason choose_anywhere(const struct frontend *frontend, struct decision *decision,
						 struct answer_scratch *scratch, double now)
{
	decision->server = choose_server(frontend, decision->backend, decision->dry_run, scratch, now);
	if (decision->server || !decision->backend->fallback)
		return REASON_NO_SERVER;
	return fall_back(frontend, decision, scratch, now);
}

static const struct authorities *authorities_of(const struct backend *backend)
{
	return atomic_load_explicit(&backend->prebuilt->authorities, memory_order_acquire);
}

struct decision answer_decide(const struct route *route, struct answer_scratch *scratch, double now)
{
	struct request *request = &scratch->request;
	struct slice path = request_bytes(request, REQUEST_PATH), query = request_bytes(request, REQUEST_QUERY);
	struct decision decision = { .reason = REASON_BAD_REQUEST };
	struct slice host;

	if (!frontend_begin(route->frontend, scratch->rules))
		return decision;
	decision.rule = frontend_excludes(route->frontend, request, scratch->rules);
	if (decision.rule) {
		decision.reason = REASON_EXCLUDED;
		return decision;
	}
	if (!location_take(&scratch->location, path, query)) {
		if (asks_no_path(request, path))
			decision.reason = REASON_METHOD;
		return decision;
	}
	choose_backend(route, scratch, &decision);
	/* a client that makes a regex give up shall not pass it by */
	if (rules_scratch_given_up(scratch->rules).ptr)
		return (struct decision){ .reason = REASON_BAD_REQUEST };
	decision.reason = REASON_NO_RULE;
	if (!decision.backend)
		return decision;
	decision.reason = REASON_METHOD;
	if (!method_allows(request, decision.backend))
		return decision;
	decision.dry_run = route->frontend->dry_run || decision.backend->dry_run;
	decision.reason = choose_anywhere(route->frontend, &decision, scratch, now);
	if (!decision.server)
		return decision;
	decision.reason = REASON_LOOP;
	host = request_header(request, REQUEST_HOST, SLICE("host"));
	if (host.ptr && authorities_name(authorities_of(decision.backend), host))
		return decision;
	decision.reason = decision.dry_run ? REASON_DRY_RUN : REASON_REDIRECT;
	return decision;
}
