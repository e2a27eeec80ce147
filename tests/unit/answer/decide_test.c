/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request's decision: reasons in the order in which they are found out, methods, TLS. */
#include "request.h"

static const char rules[] = "frontend route\n"
			    "  use_backend web if { path_beg /web }\n"
			    "  use_backend gone if { path_beg /gone }\n"
			    "  use_backend keep if { path_beg /keep }\n"
			    "  use_backend options if { path_beg /options }\n"
			    "backend web\n  balance first\n"
			    "  server w1 192.0.2.1:80 redir https://w1.example.com\n"
			    "  server w2 192.0.2.2:80 redir https://w2.example.com\n"
			    "backend gone\n"
			    "  server g1 192.0.2.3:80 redir https://g1.example.com disabled\n"
			    "backend keep\n  redirect code 307\n"
			    "  server k1 192.0.2.4:80 redir https://k1.example.com\n"
			    "backend options\n  redirect methods OPTIONS\n"
			    "  server o1 192.0.2.5:80 redir https://o1.example.com\n";

struct expectation {
	struct argument arguments[MAX_ARGUMENTS];
	enum answer_reason reason;
	const char *backend, *server; /* NULL: none was chosen */
};

static void expect(struct site *site, const struct expectation *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct decision decision = decide(site, cases[i].arguments);
		const char *backend = decision.backend ? decision.backend->name : "-";
		const char *server = decision.server ? decision.server->name : "-";

		if (decision.reason != cases[i].reason || strcmp(backend, cases[i].backend ? cases[i].backend : "-") ||
		    strcmp(server, cases[i].server ? cases[i].server : "-"))
			fail_msg("case %zu: %s %s %s", i, answer_reason_name(decision.reason), backend, server);
	}
}

/* Each case would also be refused for what comes later in the order. */
static void the_first_reason_found_counts(void **state)
{
	static const struct expectation cases[] = {
		{ { METHOD("POST"), PATH("nothing"), HOST("w1.example.com") }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("POST"), PATH("/gone\n"), HOST("w1.example.com") }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("POST"), PATH("/gone"), STRING("query", "a\rb") }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("POST"), PATH("/nothing"), HOST("w1.example.com") }, REASON_NO_RULE, NULL, NULL },
		{ { METHOD("POST"), PATH("/gone"), HOST("g1.example.com") }, REASON_METHOD, "gone", NULL },
		{ { METHOD("POST"), PATH("/web"), HOST("w1.example.com") }, REASON_METHOD, "web", NULL },
		{ { METHOD("GET"), PATH("/gone"), HOST("g1.example.com") }, REASON_NO_SERVER, "gone", NULL },
		{ { METHOD("GET"), PATH("/web"), HOST("w1.example.com") }, REASON_LOOP, "web", "w1" },
		{ { METHOD("GET"), PATH("/web"), HOST("w2.example.com:443") }, REASON_LOOP, "web", "w1" },
		{ { METHOD("GET"), PATH("/web"), HOST("k1.example.com") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/web"), HOST("www.example.com") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/web") }, REASON_REDIRECT, "web", "w1" },
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	expect(&site, cases, COUNT(cases));
	site_close(&site);
}

static void a_reason_has_the_name_that_the_variable_gets(void **state)
{
	(void)state;
	assert_string_equal(answer_reason_name(REASON_BAD_REQUEST), "bad-request");
	assert_string_equal(answer_reason_name(REASON_NO_RULE), "no-rule");
	assert_string_equal(answer_reason_name(REASON_METHOD), "method");
	assert_string_equal(answer_reason_name(REASON_NO_SERVER), "no-server");
	assert_string_equal(answer_reason_name(REASON_LOOP), "loop");
	assert_string_equal(answer_reason_name(REASON_REDIRECT), "redirect");
}

static void a_method_is_redirected_where_the_code_keeps_its_sense(void **state)
{
	static const struct expectation cases[] = {
		{ { METHOD("HEAD"), PATH("/web") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("get"), PATH("/web") }, REASON_METHOD, "web", NULL }, /* methods are case-sensitive */
		{ { METHOD("PUT"), PATH("/web") }, REASON_METHOD, "web", NULL },
		{ { METHOD("OPTIONS"), PATH("/web") }, REASON_METHOD, "web", NULL },
		{ { METHOD(""), PATH("/web") }, REASON_METHOD, "web", NULL },
		{ { PATH("/web") }, REASON_METHOD, "web", NULL },
		{ { METHOD("GET"), PATH("/keep") }, REASON_REDIRECT, "keep", "k1" },
		{ { METHOD("POST"), PATH("/keep") }, REASON_REDIRECT, "keep", "k1" },
		{ { METHOD("DELETE"), PATH("/keep") }, REASON_REDIRECT, "keep", "k1" },
		{ { METHOD("PROPFIND"), PATH("/keep") }, REASON_REDIRECT, "keep", "k1" },
		{ { METHOD("OPTIONS"), PATH("/keep") }, REASON_METHOD, "keep", NULL },
		{ { METHOD("OPTIONS"), PATH("/options") }, REASON_REDIRECT, "options", "o1" },
		{ { METHOD("GET"), PATH("/options") }, REASON_METHOD, "options", NULL },
		{ { PATH("/keep") }, REASON_METHOD, "keep", NULL }, /* it could be any */
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	expect(&site, cases, COUNT(cases));
	site_close(&site);
}

/* Tunnels, upgrades, preflights, and what has no path of its own. */
static void some_requests_are_never_redirected(void **state)
{
	static const struct expectation cases[] = {
		{ { METHOD("CONNECT"), PATH("/keep") }, REASON_METHOD, "keep", NULL },
		{ { METHOD("TRACE"), PATH("/keep") }, REASON_METHOD, "keep", NULL },
		{ { METHOD("CONNECT") }, REASON_METHOD, NULL, NULL },
		{ { METHOD("OPTIONS") }, REASON_METHOD, NULL, NULL },
		{ { METHOD("OPTIONS"), PATH("*") }, REASON_METHOD, NULL, NULL },
		{ { METHOD("GET") }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("GET"), { "path", { SPOP_NULL, { 0 } } } }, REASON_BAD_REQUEST, NULL, NULL },
		{ { { 0 } }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("GET"), PATH("/web"), STRING("hdr(upgrade)", "websocket") }, REASON_METHOD, "web", NULL },
		{ { METHOD("GET"), PATH("/web"), STRING("hdr_upgrade", "h2c") }, REASON_METHOD, "web", NULL },
		{ { METHOD("GET"), PATH("/web"), { "hdr(upgrade)", { SPOP_NULL, { 0 } } } }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/web"), BINARY("hdrs", "\7upgrade\1x\0\0") }, REASON_METHOD, "web", NULL },
		{ { METHOD("GET"), PATH("/web"), BINARY("hdrs", "\7Upgrade\1x\0\0") }, REASON_METHOD, "web", NULL },
		{ { METHOD("GET"), PATH("/web"), BINARY("hdrs", "\6cookie\1x\0\0") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/web"), BINARY("hdrs", "\4host\016w2.example.com\0\0") },
		  REASON_LOOP,
		  "web",
		  "w1" },
		{ { METHOD("OPTIONS"), PATH("/options"), STRING("hdr(access-control-request-method)", "PUT") },
		  REASON_METHOD,
		  "options",
		  NULL },
		{ { METHOD("GET"), PATH("/web"), STRING("hdr(access-control-request-method)", "PUT") },
		  REASON_REDIRECT,
		  "web",
		  "w1" },
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	expect(&site, cases, COUNT(cases));
	site_close(&site);
}

/* ---- TLS ---- */

static const char tls_site[] = "frontend route\n"
			       "  use_backend plain if { path_beg /plain }\n"
			       "  use_backend down if { path_beg /down }\n"
			       "  use_backend both if { path_beg /both }\n"
			       "  use_backend standby if { path_beg /standby }\n"
			       "backend plain\n"
			       "  server p1 192.0.2.1:80 redir http://p1.example.com\n"
			       "backend down\n  redirect allow-downgrade\n"
			       "  server d1 192.0.2.2:80 redir http://d1.example.com\n"
			       "backend both\n  balance first\n"
			       "  server b1 192.0.2.3:80 redir http://b1.example.com\n"
			       "  server b2 192.0.2.4:80 redir https://b2.example.com disabled\n"
			       "  server b3 192.0.2.5:80 redir https://b3.example.com\n"
			       "  server b4 192.0.2.6:80 redir https://b4.example.com backup\n"
			       "backend standby\n  balance first\n"
			       "  server s1 192.0.2.7:80 redir http://s1.example.com\n"
			       "  server s2 192.0.2.8:80 redir http://s2.example.com disabled\n"
			       "  server s3 192.0.2.9:80 redir https://s3.example.com standby-of s2\n";

/* However a converter or a variable may have changed ssl_fc's type. */
static const struct {
	struct spop_value ssl;
	bool tls;
} ssl_values[] = {
	{ { SPOP_BOOL, { .boolean = true } }, true },
	{ { SPOP_BOOL, { .boolean = false } }, false },
	{ { SPOP_INT32, { .integer = 1 } }, true },
	{ { SPOP_INT32, { .integer = 0 } }, false },
	{ { SPOP_UINT32, { .integer = 1 } }, true },
	{ { SPOP_UINT32, { .integer = 0 } }, false },
	{ { SPOP_INT64, { .integer = 1 } }, true },
	{ { SPOP_INT64, { .integer = 0 } }, false },
	{ { SPOP_UINT64, { .natural = 1 } }, true },
	{ { SPOP_UINT64, { .natural = 0 } }, false },
	{ { SPOP_STRING, { .bytes = { (const uint8_t *)"1", 1 } } }, true },
	{ { SPOP_STRING, { .bytes = { (const uint8_t *)"0", 1 } } }, false },
	{ { SPOP_STRING, { .bytes = { (const uint8_t *)"", 0 } } }, false },
	{ { SPOP_BINARY, { .bytes = { (const uint8_t *)"1", 1 } } }, true },
	{ { SPOP_BINARY, { .bytes = { (const uint8_t *)"0", 1 } } }, false },
	{ { SPOP_NULL, { 0 } }, false },
};

static void what_came_over_tls_goes_on_over_tls(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, tls_site, 1);
	for (size_t i = 0; i < COUNT(ssl_values); i++) {
		bool tls = ssl_values[i].tls;
		const struct expectation cases[] = {
			{ { METHOD("GET"), PATH("/plain"), { "ssl", ssl_values[i].ssl } },
			  tls ? REASON_NO_SERVER : REASON_REDIRECT,
			  "plain",
			  tls ? NULL : "p1" },
			{ { METHOD("GET"), PATH("/down"), { "ssl", ssl_values[i].ssl } },
			  REASON_REDIRECT,
			  "down",
			  "d1" },
			{ { METHOD("GET"), PATH("/both"), { "ssl", ssl_values[i].ssl } },
			  REASON_REDIRECT,
			  "both",
			  tls ? "b3" : "b1" },
			{ { METHOD("GET"), PATH("/standby"), { "ssl", ssl_values[i].ssl } },
			  REASON_REDIRECT,
			  "standby",
			  tls ? "s3" : "s1" },
		};

		expect(&site, cases, COUNT(cases));
	}
	site_close(&site);
}

/* A backup over TLS is no reason to wake it: the backend has servers, though none for this request. */
static void no_backup_is_woken_for_tls(void **state)
{
	static const struct expectation cases[] = {
		{ { METHOD("GET"), PATH("/both"), { "ssl", { SPOP_BOOL, { .boolean = true } } } }, REASON_NO_SERVER, "both", NULL },
	};
	struct site site;

	(void)state;
	site_open(&site, tls_site, 1);
	server_set_admin(site.fleet, fleet_find(site.fleet, "both")->servers[2], ADMIN_MAINT, "test", SITE_START);
	expect(&site, cases, COUNT(cases));
	site_close(&site);
}

static void a_decision_books_and_counts_nothing(void **state)
{
	static const struct argument request[] = { METHOD("GET"), PATH("/web"), { NULL, { 0 } } };
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(decide(&site, request).reason, REASON_REDIRECT);
	assert_int_equal(atomic_load(&fleet_find(site.fleet, "web")->servers[0]->state->load.booked), 0);
	for (size_t i = 0; i < REASONS; i++)
		assert_int_equal(site.scratch.decisions[i], 0);
	site_close(&site);
}

/* Otherwise a client could walk around a redirect-unless, or choose a backend by a negation. */
static void what_a_regex_gave_up_on_is_not_redirected(void **state)
{
	static const char text[] = "frontend route\n"
				   "  redirect-unless { path_reg '^/(?=a)(a|aa|a+)+(?!.)' }\n"
				   "  use_backend web if !{ path_reg '^/(?=b)(b|bb|b+)+(?!.)' }\n"
				   "backend web\n  server w1 192.0.2.1:80 redir https://w1.example.com\n";
	static const struct expectation cases[] = {
		{ { METHOD("GET"), PATH("/a") }, REASON_EXCLUDED, NULL, NULL },
		{ { METHOD("GET"), PATH("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!") }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("GET"), PATH("/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb!") }, REASON_BAD_REQUEST, NULL, NULL },
		{ { METHOD("GET"), PATH("/b") }, REASON_NO_RULE, NULL, NULL },
		{ { METHOD("GET"), PATH("/c") }, REASON_REDIRECT, "web", "w1" },
	};
	struct site site;

	(void)state;
	site_open(&site, text, 1);
	expect(&site, cases, COUNT(cases));
	site_close(&site);
}

static void a_backend_may_be_named_by_the_request(void **state)
{
	static const char text[] = "frontend route\n"
				   "  use_backend %[path,field(2,/)] unless { path_beg /hdr }\n"
				   "  use_backend %[hdr(x-b)]\n"
				   "backend web\n  balance first\n"
				   "  server w1 192.0.2.1:80 redir https://w1.example.com\n"
				   "backend k\n  server x1 192.0.2.5:80 redir https://x1.example.com\n";
	static const struct expectation cases[] = {
		{ { METHOD("GET"), PATH("/web/a") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/k/a") }, REASON_REDIRECT, "k", "x1" },
		{ { METHOD("GET"), PATH("/hdr"), STRING("hdr_x_b", "web") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/hdr"), STRING("hdr_x_b", "we") }, REASON_NO_RULE, NULL, NULL },
		{ { METHOD("GET"), PATH("/hdr"), STRING("hdr_x_b", "") }, REASON_NO_RULE, NULL, NULL },
		{ { METHOD("GET"), PATH("/hdr") }, REASON_NO_RULE, NULL, NULL },
	};
	struct site site;

	(void)state;
	site_open(&site, text, 1);
	expect(&site, cases, COUNT(cases));
	assert_true(site.scratch.unknown_backends > 0);
	site_close(&site);
}

/* As in HAProxy, which then tries no further use_backend. */
static void a_name_of_no_backend_leads_to_the_default_one(void **state)
{
	static const char text[] = "frontend route\n"
				   "  use_backend %[path,field(2,/)] if !{ path_beg /other }\n"
				   "  use_backend web if { path_beg /o /w }\n"
				   "  default_backend rest\n"
				   "backend web\n  server w1 192.0.2.1:80 redir https://w1.example.com\n"
				   "backend rest\n  server r1 192.0.2.4:80 redir https://r1.example.com\n";
	static const struct expectation cases[] = {
		{ { METHOD("GET"), PATH("/web/a") }, REASON_REDIRECT, "web", "w1" },
		{ { METHOD("GET"), PATH("/wer/a") }, REASON_REDIRECT, "rest", "r1" },
		{ { METHOD("GET"), PATH("/") }, REASON_REDIRECT, "rest", "r1" },
		{ { METHOD("GET"), PATH("/other") }, REASON_REDIRECT, "web", "w1" },
	};
	struct site site;

	(void)state;
	site_open(&site, text, 1);
	expect(&site, cases, COUNT(cases));
	site_close(&site);
}

/* ---- fallbacks ---- */

static const char fallbacks[] = "frontend route\n"
				"  use_backend a if { path_beg /a }\n"
				"  use_backend post if { path_beg /post }\n"
				"  use_backend gone if { path_beg /gone }\n"
				"  use_backend plain if { path_beg /plain }\n"
				"backend a\n  fallback-backend b\n"
				"  server a1 192.0.2.1:80 redir https://a1.example.com disabled\n"
				"backend b\n  fallback-backend c\n"
				"  server b1 192.0.2.2:80 redir https://b1.example.com\n"
				"backend c\n"
				"  server c1 192.0.2.3:80 redir https://c1.example.com\n"
				"backend post\n  redirect code 307\n  fallback-backend b\n"
				"  server p1 192.0.2.4:80 redir https://p1.example.com disabled\n"
				"backend gone\n  fallback-backend also-gone\n"
				"  server g1 192.0.2.5:80 redir https://g1.example.com disabled\n"
				"backend also-gone\n  fallback-backend c\n"
				"  server h1 192.0.2.6:80 redir https://h1.example.com disabled\n"
				"backend plain\n  fallback-backend c\n"
				"  server q1 192.0.2.7:80 redir http://q1.example.com\n";

static void a_fallback_is_tried_once(void **state)
{
	static const struct expectation cases[] = {
		{ { METHOD("GET"), PATH("/a") }, REASON_REDIRECT, "b", "b1" },
		{ { METHOD("POST"), PATH("/a") }, REASON_METHOD, "a", NULL },
		{ { METHOD("GET"), PATH("/a"), HOST("b1.example.com") }, REASON_LOOP, "b", "b1" },
		{ { METHOD("GET"), PATH("/a"), HOST("c1.example.com") }, REASON_REDIRECT, "b", "b1" },
		{ { METHOD("GET"), PATH("/post") }, REASON_REDIRECT, "b", "b1" },
		{ { METHOD("POST"), PATH("/post") }, REASON_METHOD, "b", NULL },
		{ { METHOD("GET"), PATH("/gone") }, REASON_NO_SERVER, "gone", NULL },
		{ { METHOD("GET"), PATH("/plain") }, REASON_REDIRECT, "plain", "q1" },
		{ { METHOD("GET"), PATH("/plain"), BOOLEAN("ssl", true) }, REASON_REDIRECT, "c", "c1" },
	};
	struct site site;

	(void)state;
	site_open(&site, fallbacks, 1);
	expect(&site, cases, COUNT(cases));
	assert_int_equal(site.scratch.fallbacks, 6);
	server_set_admin(site.fleet, fleet_find(site.fleet, "a")->servers[0], ADMIN_READY, "test", SITE_START);
	expect(&site, (const struct expectation[]){ { { METHOD("GET"), PATH("/a") }, REASON_REDIRECT, "a", "a1" } }, 1);
	assert_int_equal(site.scratch.fallbacks, 6);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_reason_found_counts),
		cmocka_unit_test(a_reason_has_the_name_that_the_variable_gets),
		cmocka_unit_test(a_method_is_redirected_where_the_code_keeps_its_sense),
		cmocka_unit_test(some_requests_are_never_redirected),
		cmocka_unit_test(what_came_over_tls_goes_on_over_tls),
		cmocka_unit_test(no_backup_is_woken_for_tls),
		cmocka_unit_test(a_decision_books_and_counts_nothing),
		cmocka_unit_test(what_a_regex_gave_up_on_is_not_redirected),
		cmocka_unit_test(a_backend_may_be_named_by_the_request),
		cmocka_unit_test(a_name_of_no_backend_leads_to_the_default_one),
		cmocka_unit_test(a_fallback_is_tried_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
