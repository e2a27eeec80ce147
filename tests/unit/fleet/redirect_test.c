/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `redirect` and `option httpchk`: what a backend's lines mean. */
#include "tests/unit/site.h"

#define SERVER	  "  server a 192.0.2.1:80 redir http://a.example.com\n"
#define IN_WEB	  "in section 'backend web': "
#define KEEP	  (METHOD_POST | METHOD_PUT | METHOD_DELETE | METHOD_PATCH | METHOD_OTHER)
#define SAFE	  (METHOD_GET | METHOD_HEAD)

static void a_redirect_line_gives_code_ttl_and_methods(void **state)
{
	static const struct {
		const char *line;
		unsigned code;
		int64_t ttl;
		unsigned methods;
		bool allow_downgrade;
	} cases[] = {
		{ "", 302, -1, SAFE, false },
		{ "redirect", 302, -1, SAFE, false },
		{ "redirect code 301 ttl 1h", 301, 3600, SAFE, false },
		{ "redirect code 302 ttl 500ms", 302, 1, SAFE, false },
		{ "redirect ttl 499ms", 302, 0, SAFE, false },
		{ "redirect ttl 0", 302, 0, SAFE, false },
		{ "redirect code 303", 303, -1, SAFE, false },
		{ "redirect code 307", 307, -1, SAFE | KEEP, false },
		{ "redirect ttl 1d code 308", 308, 86400, SAFE | KEEP, false },
		{ "redirect methods GET", 302, -1, METHOD_GET, false },
		{ "redirect methods OPTIONS PUT GET code 307", 307, -1, METHOD_OPTIONS | METHOD_PUT | METHOD_GET, false },
		{ "redirect methods POST methods PATCH DELETE HEAD", 302, -1,
		  METHOD_POST | METHOD_PATCH | METHOD_DELETE | METHOD_HEAD, false },
		{ "redirect allow-downgrade", 302, -1, SAFE, true },
		{ "redirect methods GET allow-downgrade ttl 5s", 302, 5, METHOD_GET, true },
		/* what a later line does not name stays */
		{ "redirect code 307 ttl 1s methods GET\n  redirect methods PUT", 307, 1, METHOD_PUT, false },
		{ "redirect code 307 ttl 1s methods GET\n  redirect code 303", 303, 1, METHOD_GET, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct redirect *redirect;
		char text[300];
		struct site site;

		snprintf(text, sizeof(text), "backend web\n  %s\n" SERVER, cases[i].line);
		site_open(&site, text, 1);
		redirect = &fleet_backend(site.fleet, 0)->redirect;
		assert_int_equal(redirect->code, cases[i].code);
		assert_int_equal(redirect->ttl, cases[i].ttl);
		assert_int_equal(redirect->methods & (SAFE | KEEP | METHOD_OPTIONS), cases[i].methods);
		assert_int_equal(redirect->allow_downgrade, cases[i].allow_downgrade);
		site_close(&site);
	}
}

static void a_wrong_redirect_line_is_named(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "redirect code", "'code' expects a number" },
		{ "redirect code 304", "'code' expects 301, 302, 303, 307 or 308, not '304'" },
		{ "redirect code 200", "'code' expects a number from 300 to 399, not '200'" },
		{ "redirect ttl", "'ttl' expects a time" },
		{ "redirect ttl -1", "'ttl' expects a time such as 500ms, 2s or 1m (at most 24 days), not '-1'" },
		{ "redirect ttl 25d", "'ttl' expects a time such as 500ms, 2s or 1m (at most 24 days), not '25d'" },
		{ "redirect methods", "'methods' expects GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS" },
		{ "redirect methods get", "'methods' expects GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS, not get" },
		{ "redirect methods CONNECT",
		  "'methods' expects GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS, not CONNECT" },
		{ "redirect methods GET TRACE", "unknown keyword 'TRACE'" },
		{ "redirect code 307 if x", "'if' is not yet supported" },
		{ "redirect prefix http://b", "'prefix' is a keyword of HAProxy's that spoa-redirect does not support" },
		{ "option httpchk GET / HTTP/1.1\\r\\nHost:\\ x", "headers behind the version are not supported: use 'http-check send hdr'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n" SERVER "  %s\n", cases[i].line);
		snprintf(message, sizeof(message), "test.cfg:3: " IN_WEB "%s", cases[i].message);
		site_says(text, message);
	}
}

/* What browsers keep for ever has to have an end, wherever the code was given. */
static void a_permanent_redirect_needs_a_ttl(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "backend web\n  redirect code 301\n" SERVER, "test.cfg:2: " IN_WEB "'redirect code 301' needs a 'ttl'" },
		{ "backend web\n  redirect code 308\n" SERVER, "test.cfg:2: " IN_WEB "'redirect code 308' needs a 'ttl'" },
		{ "defaults\n  redirect code 301\nbackend web\n" SERVER,
		  "test.cfg:2: in section 'defaults': 'redirect code 301' needs a 'ttl'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char message[300];

		snprintf(message, sizeof(message), "%s: browsers keep a permanent redirect for ever", cases[i].message);
		site_says(cases[i].text, message);
	}
	site_says_nothing("backend web\n  redirect code 301 ttl 0\n" SERVER);
	site_says_nothing("defaults\n  redirect code 301\nbackend web\n  redirect code 302\n" SERVER);
}

static void a_backend_begins_with_what_defaults_said_last(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "backend first\n" SERVER "defaults\n  redirect code 307\n  balance roundrobin\n"
		  "backend second\n" SERVER "backend third\n  balance first\n  redirect ttl 1s\n" SERVER
		  "defaults\nbackend fourth\n" SERVER,
		  1);
	assert_int_equal(fleet_find(site.fleet, "first")->redirect.code, 302);
	assert_int_equal(fleet_find(site.fleet, "second")->redirect.code, 307);
	assert_string_equal(fleet_find(site.fleet, "second")->balance->name, "roundrobin");
	assert_int_equal(fleet_find(site.fleet, "third")->redirect.code, 307);
	assert_int_equal(fleet_find(site.fleet, "third")->redirect.ttl, 1);
	assert_string_equal(fleet_find(site.fleet, "third")->balance->name, "first");
	assert_int_equal(fleet_find(site.fleet, "fourth")->redirect.code, 302);
	assert_string_equal(fleet_find(site.fleet, "fourth")->balance->name, "least-load");
	assert_null(fleet_find(site.fleet, "fifth"));
	site_close(&site);
}

static void a_policy_is_found_by_name(void **state)
{
	static const struct {
		const char *word, *message;
	} cases[] = {
		{ "least-load", NULL },
		{ "roundrobin", NULL },
		{ "first", NULL },
		{ "leastconn", "notice: " IN_WEB
			       "'leastconn' is taken as 'least-load': clients do not connect through the agent" },
		{ "", IN_WEB "'balance' expects a policy" },
		{ "rondrobin", IN_WEB "unknown policy 'rondrobin', did you mean 'roundrobin'?" },
		{ "zzzzzzzz", IN_WEB "unknown policy 'zzzzzzzz'" },
		{ "first first", IN_WEB "unexpected word 'first' after 'balance'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n" SERVER "  balance %s\n", cases[i].word);
		snprintf(message, sizeof(message), "test.cfg:3: %s", cases[i].message ? cases[i].message : "");
		if (cases[i].message)
			site_says(text, message);
		else
			site_says_nothing(text);
	}
}

static void httpchk_sends_what_haproxy_would(void **state)
{
	static const struct {
		const char *arguments, *request;
	} cases[] = {
		{ "", "OPTIONS / HTTP/1.0\r\nConnection: close\r\n\r\n" },
		{ "/health", "OPTIONS /health HTTP/1.0\r\nConnection: close\r\n\r\n" },
		{ "GET /health", "GET /health HTTP/1.0\r\nConnection: close\r\n\r\n" },
		{ "GET /h HTTP/1.1", "GET /h HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" },
		{ "GET /h HTTP/1.1 www.example.com",
		  "GET /h HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n" },
		{ "\n  http-check send meth GET uri /s ver HTTP/1.1 hdr Host a.example hdr X-Y 'b c'",
		  "GET /s HTTP/1.1\r\nHost: a.example\r\nX-Y: b c\r\nConnection: close\r\n\r\n" },
		{ "GET /h HTTP/1.1 www.example.com\n  http-check send uri /s",
		  "GET /s HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n" },
		{ "POST /h\n  http-check send comment why body a=b",
		  "POST /h HTTP/1.0\r\nConnection: close\r\nContent-Length: 3\r\n\r\na=b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300];
		struct site site;

		snprintf(text, sizeof(text), "backend web\n  option httpchk %s\n" SERVER, cases[i].arguments);
		site_open(&site, text, 1);
		assert_true(fleet_backend(site.fleet, 0)->httpchk.enabled);
		assert_string_equal(fleet_backend(site.fleet, 0)->httpchk.request, cases[i].request);
		site_close(&site);
	}
}

/* Which codes are good, of some that may be. */
static void expected_are_the_codes_that_are_said(void **state)
{
	static const struct {
		const char *line;
		unsigned good[8];
	} cases[] = {
		{ "", { 200, 299, 300, 399 } },
		{ "http-check expect status 200", { 200 } },
		{ "http-check expect status 200,404", { 200, 404 } },
		{ "http-check expect status 299-300,503", { 299, 300, 503 } },
		{ "http-check expect comment x ! status 200-299,400-599", { 100, 199, 300, 399 } },
	};
	static const unsigned codes[] = { 100, 199, 200, 299, 300, 399, 400, 404, 503, 599 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct httpchk *check;
		char text[300];
		struct site site;

		snprintf(text, sizeof(text), "backend web\n  option httpchk\n  %s\n" SERVER, cases[i].line);
		site_open(&site, text, 1);
		check = &fleet_backend(site.fleet, 0)->httpchk;
		for (size_t j = 0; j < COUNT(codes); j++) {
			bool good = false;

			for (size_t k = 0; k < COUNT(cases[i].good); k++)
				good |= cases[i].good[k] == codes[j];
			if (httpchk_expects(check, codes[j]) != good)
				fail_msg("'%s': %u", cases[i].line, codes[j]);
		}
		site_close(&site);
	}
}

static void what_http_check_cannot_is_said(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "http-check expect rstring ok", "'http-check expect rstring' is not supported: only 'status' is" },
		{ "http-check expect ! string ok", "'http-check expect string' is not supported: only 'status' is" },
		{ "http-check expect status", "'http-check' expects codes such as 200,300-399" },
		{ "http-check expect status 20", "'20' is no list of codes such as 200,300-399" },
		{ "http-check expect status 300-200", "'300-200' is no list of codes such as 200,300-399" },
		{ "http-check expect status 200,", "'200,' is no list of codes such as 200,300-399" },
		{ "http-check expect statsu 200", "'http-check expect' does not know 'statsu', did you mean 'status'?" },
		{ "http-check connect ssl", "'http-check connect' is not supported" },
		{ "http-check disable-on-404", "'http-check disable-on-404' is not supported" },
		{ "http-check sned", "'http-check' does not know 'sned', did you mean 'send'?" },
		{ "http-check send uri-lf /%[x]", "'http-check send uri-lf' is not supported" },
		{ "http-check send hdr X %[srv_name]",
		  "'%[srv_name]': formats and control bytes are not supported here" },
		{ "http-check send hdr Connection x", "'Connection' is sent as the request needs it" },
		{ "http-check send uri '/a b'", "a blank or a control byte in the request" },
		{ "http-check send meth GET\n  http-check send uri /",
		  "one 'http-check send' is supported in a section, and this is the second" },
		{ "http-check expect status 200\n  http-check expect status 201",
		  "one 'http-check expect' is supported in a section, and this is the second" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300];
		struct site site;

		snprintf(text, sizeof(text), "backend web\n  option httpchk\n  %s\n" SERVER, cases[i].line);
		site_read(&site, text);
		assert_non_null(config_message(site.config, 0));
		if (!strstr(config_message(site.config, 0), cases[i].says))
			fail_msg("%s", config_message(site.config, 0));
		arena_free(site.arena);
	}
	site_says("backend web\n  http-check expect status 200\n" SERVER,
		  "test.cfg:1: warning: in section 'backend web': 'http-check' does nothing here without 'option httpchk'");
}

/* A backend that says nothing has those of `defaults`; one that does, its own alone. */
static void sections_replace_what_defaults_say(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "defaults\n  option httpchk\n  http-check send uri /d hdr A b\n  http-check expect status 404\n"
		  "backend web\n" SERVER "backend other\n  http-check send meth GET\n  http-check expect ! status 404\n" SERVER,
		  1);
	assert_string_equal(fleet_backend(site.fleet, 0)->httpchk.request,
			    "OPTIONS /d HTTP/1.0\r\nA: b\r\nConnection: close\r\n\r\n");
	assert_true(httpchk_expects(&fleet_backend(site.fleet, 0)->httpchk, 404));
	assert_string_equal(fleet_backend(site.fleet, 1)->httpchk.request,
			    "GET / HTTP/1.0\r\nConnection: close\r\n\r\n");
	assert_false(httpchk_expects(&fleet_backend(site.fleet, 1)->httpchk, 404));
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_redirect_line_gives_code_ttl_and_methods),
		cmocka_unit_test(a_wrong_redirect_line_is_named),
		cmocka_unit_test(a_permanent_redirect_needs_a_ttl),
		cmocka_unit_test(a_backend_begins_with_what_defaults_said_last),
		cmocka_unit_test(a_policy_is_found_by_name),
		cmocka_unit_test(httpchk_sends_what_haproxy_would),
		cmocka_unit_test(expected_are_the_codes_that_are_said),
		cmocka_unit_test(what_http_check_cannot_is_said),
		cmocka_unit_test(sections_replace_what_defaults_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
