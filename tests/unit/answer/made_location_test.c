/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redirect location: what is made of a request, and what no request can make of it. */
#include "request.h"

static const char rules[] = "frontend route\n"
			    "  use_backend own if { path_beg /own }\n"
			    "  use_backend cdn if { path_beg /cdn }\n"
			    "  use_backend plain if { path_beg /plain }\n"
			    "  use_backend gone if { path_beg /gone }\n"
			    "  use_backend dry if { path_beg /dry }\n"
			    "backend own\n  redirect location %[srv_redir]%[path]?h=%[hdr(x-h)]&%%&b=%[be_name]\n"
			    "  server o1 192.0.2.1:80 redir https://o1.example.com/base/\n"
			    "backend cdn\n  redirect code 307 ttl 5s location https://CDN.example.com:443/%[srv_name]%[path,lower]\n"
			    "  server c1 192.0.2.2:80 redir http://c1.example.com\n"
			    "backend plain\n  redirect location http://[2001:db8::1]:8080/x%[query]\n"
			    "  server p1 192.0.2.3:80 redir https://p1.example.com\n"
			    "backend gone\n  fallback-backend own\n"
			    "  server g1 192.0.2.4:80 redir https://g1.example.com disabled\n"
			    "backend dry\n  option dry-run\n  redirect location %[srv_redir]/%[hdr(x-h)]\n"
			    "  server d1 192.0.2.5:80 redir https://d1.example.com\n";

#define TLS  BOOLEAN("ssl", true)
#define X(h) STRING("hdr(x-h)", h)

static void a_location_is_made_of_text_and_samples(void **state)
{
	static const struct exchange cases[] = {
		{ { { "route", { METHOD("GET"), PATH("/own"), X("a b#c/?&=%41%4") } } },
		  "reason=redirect backend=own server=o1 code=#302 "
		  "location=https://o1.example.com/base/own?h=a%20b%23c/?&=%41%254&%&b=own" },
		{ { { "route", { METHOD("GET"), PATH("/own") } } },
		  "reason=redirect backend=own server=o1 code=#302 location=https://o1.example.com/base/own?h=&%&b=own" },
		{ { { "route", { METHOD("GET"), PATH("/own"), X("\xc3\xa4\\") } } },
		  "reason=redirect backend=own server=o1 code=#302 "
		  "location=https://o1.example.com/base/own?h=%C3%A4%5C&%&b=own" },
		{ { { "route", { METHOD("GET"), PATH("/own"), X("a\r\nb: c") } } }, "reason=bad-request backend=own server=o1" },
		{ { { "route", { METHOD("GET"), PATH("/cdn/A") } } },
		  "reason=redirect backend=cdn server=c1 code=#307 ttl=#5 location=https://CDN.example.com:443/c1/cdn/a" },
		{ { { "route", { METHOD("GET"), PATH("/cdn/A"), TLS } } },
		  "reason=redirect backend=cdn server=c1 code=#307 ttl=#5 location=https://CDN.example.com:443/c1/cdn/a" },
		{ { { "route", { METHOD("GET"), PATH("/cdn/A"), HOST("cdn.example.com") } } },
		  "reason=loop backend=cdn server=c1" },
		{ { { "route", { METHOD("GET"), PATH("/plain"), STRING("query", "?a") } } },
		  "reason=redirect backend=plain server=p1 code=#302 location=http://[2001:db8::1]:8080/x?a" },
		{ { { "route", { METHOD("GET"), PATH("/plain"), TLS } } }, "reason=no-server backend=plain" },
		{ { { "route", { METHOD("GET"), PATH("/gone"), X("f") } } },
		  "reason=redirect backend=own server=o1 code=#302 location=https://o1.example.com/base/gone?h=f&%&b=own" },
		{ { { "route", { METHOD("GET"), PATH("/dry"), X("f") } } }, "reason=dry-run backend=dry server=d1" },
		{ { { "route", { METHOD("GET"), PATH("/dry"), X("f\n") } } }, "reason=bad-request backend=dry server=d1" },
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	expect_answers(&site, cases, COUNT(cases));
	site_close(&site);
}

/* Values of any bytes: the host is the configuration's, and the rest is a path and a query. */
static void no_value_gets_out_of_its_place(void **state)
{
	static const char before[] = "location=https://d1.example.com/";
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?%";
	struct random random;
	struct site site;
	unsigned redirects = 0;

	(void)state;
	site_open(&site, "frontend route\n  default_backend web\nbackend web\n  redirect location %[srv_redir]/%[hdr(x-h)]\n"
			 "  server d1 192.0.2.5:80 redir https://d1.example.com\n", 1);
	random_seed(&random, 5);
	for (unsigned turn = 0; turn < 20000; turn++) {
		struct request_message messages[MAX_MESSAGES] = { { "route", { METHOD("GET"), PATH("/"), X("") } } };
		uint8_t value[40];
		size_t n = random_below(&random, sizeof(value));
		struct spop_slice payload;
		const char *got, *at;

		for (size_t i = 0; i < n; i++)
			value[i] = random_below(&random, 2) ? (uint8_t)random_below(&random, 256) : (uint8_t)"@:/?#%\\.\t"[random_below(&random, 9)];
		messages[0].arguments[2].value.bytes = (struct spop_slice){ value, n };
		payload = payload_new(messages, MAX_FRAME);
		got = answer(&site, payload, MAX_FRAME);
		at = strstr(got, "location=");
		if (at) {
			assert_memory_equal(at, before, sizeof(before) - 1);
			at += sizeof(before) - 1;
			assert_int_equal(strspn(at, allowed), strlen(at));
			redirects++;
		} else {
			assert_string_equal(got, "reason=bad-request backend=web server=d1");
			assert_true(memchr(value, 0, n) || memchr(value, '\r', n) || memchr(value, '\n', n));
		}
		free((void *)(uintptr_t)payload.ptr);
	}
	assert_true(redirects > 10000);
	site_close(&site);
}

static void what_does_not_fit_is_not_sent(void **state)
{
	static char value[20000];
	struct request_message messages[MAX_MESSAGES] = { { "route", { METHOD("GET"), PATH("/dry"), X("") } },
							  { "route", { METHOD("GET"), PATH("/own"), X("") } } };
	uint32_t lengths[] = { 5000, 17000 };
	struct site site;

	(void)state;
	memset(value, 'a', sizeof(value));
	site_open(&site, rules, 1);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct spop_slice payload;

		messages[0].arguments[2].value.bytes = (struct spop_slice){ (const uint8_t *)value, lengths[i] };
		payload = payload_new((struct request_message[MAX_MESSAGES]){ messages[0] }, sizeof(value) + 100);
		assert_string_equal(answer(&site, payload, MAX_FRAME),
				    i == 0 ? "reason=dry-run backend=dry server=d1" : "reason=bad-request backend=dry server=d1");
		assert_string_equal(answer(&site, payload, 5000), "reason=bad-request backend=dry server=d1");
		free((void *)(uintptr_t)payload.ptr);
	}
	site_close(&site);
}

static void what_is_no_location_is_named(void **state)
{
	static const struct {
		const char *format, *message;
	} cases[] = {
		{ "", "'location' expects a format such as https://www.example.com/%[path]" },
		{ "/x", NULL },
		{ "%[path]", NULL },
		{ "%[hdr(host)]/", NULL },
		{ "https://www.example.com", NULL },
		{ "https://www.example.com%[path]", NULL },
		{ "https://%[hdr(host)]/", NULL },
		{ "https://www.%[srv_name].example.com/", NULL },
		{ "%[srv_redir]", NULL },
		{ "%[srv_redir].evil/", NULL },
		{ "%[srv_redir]%[hdr(x)]", NULL },
		{ "%[srv_redir]%[path,field(1,x)]", NULL },
		{ "ftp://www.example.com/", NULL },
		{ "https:///x", "'' in 'redir' is no host with an optional port" },
		{ "https://a@b/x", "'a@b' in 'redir' is no host with an optional port" },
		{ "https://a.test/x\\#y", "'location' has a byte that no URL may have, or a fragment: 'https://a.test/x#y'" },
		{ "https://a.test/\\ y", "'location' has a byte that no URL may have, or a fragment: 'https://a.test/ y'" },
		{ "https://a.test/%[pat]", "unknown sample 'pat', did you mean 'path'?" },
		{ "https://a.test/%[path", "no closing ']' in '%[path'" },
		{ "https://a.test/%[path_beg]", "'path_beg' compares, and has no value of its own" },
		{ "https://a.test/%x", "'%' stands before '[' or another '%' only, in '%x'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[400], message[400];

		snprintf(text, sizeof(text), "backend web\n  redirect location %s\n  server a 192.0.2.1:80 redir http://a.test\n",
			 cases[i].format);
		snprintf(message, sizeof(message), "test.cfg:2: in section 'backend web': 'location' begins with a scheme, a host and "
						   "a slash, or with %%[srv_redir] and then a slash or %%[path], unlike '%s'",
			 cases[i].format);
		if (cases[i].message)
			snprintf(message, sizeof(message), "test.cfg:2: in section 'backend web': %s", cases[i].message);
		site_says(text, message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_location_is_made_of_text_and_samples),
		cmocka_unit_test(no_value_gets_out_of_its_place),
		cmocka_unit_test(what_does_not_fit_is_not_sent),
		cmocka_unit_test(what_is_no_location_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
