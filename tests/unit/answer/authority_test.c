/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which Host is that of one of a backend's servers: a request that has arrived already. */
#include "spoa/answer/authority.h"
#include "spoa/answer/prebuilt.h"
#include "tests/unit/site.h"

static bool names(const struct site *site, const char *host)
{
	return authorities_name(fleet_backend(site->fleet, 0)->prebuilt->authorities, slice_of_string(host));
}

static const char mixed[] = "backend web\n"
			    "  server a 192.0.2.1:80 redir https://V1.Example.com/x\n"
			    "  server b 192.0.2.2:80 redir https://v2.example.com:443\n"
			    "  server c 192.0.2.3:80 redir http://v3.example.com:80/\n"
			    "  server d 192.0.2.4:80 redir https://v4.example.com:8443\n"
			    "  server e 192.0.2.5:80 redir http://[2001:DB8::5]\n"
			    "  server f 192.0.2.6:80 redir http://v6.example.com:8080\n";

static void case_and_a_default_port_make_no_difference(void **state)
{
	static const struct {
		const char *host;
		bool named;
	} cases[] = {
		{ "v1.example.com", true },      { "V1.EXAMPLE.COM", true },      { "v1.example.com:443", true },
		{ "v2.example.com", true },      { "v2.example.com:443", true },  { "v3.example.com", true },
		{ "v3.example.com:80", true },   { "v4.example.com:8443", true }, { "V4.example.com:8443", true },
		{ "[2001:db8::5]", true },       { "[2001:db8::5]:80", true },    { "v6.example.com:8080", true },
		{ "v4.example.com", false },     { "v4.example.com:443", false }, { "v6.example.com", false },
		{ "v6.example.com:80", false },  { "v1.example.com:8443", false }, { "v1.example.com:", false },
		{ "v1.example.com.", false },    { "v1.example.co", false },      { "av1.example.com", false },
		{ "v1.example.com:4430", false }, { "", false },                  { ":443", false },
		{ ":80", false },                { "[2001:db8::6]", false },      { "2001:db8::5", false },
		{ "example.com", false },        { "zz", false },
	};
	struct site site;

	(void)state;
	site_open(&site, mixed, 1);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (names(&site, cases[i].host) != cases[i].named)
			fail_msg("'%s'", cases[i].host);
	site_close(&site);
}

static void only_a_server_that_is_up_counts(void **state)
{
	static const enum server_admin admins[] = { ADMIN_MAINT, ADMIN_DRAIN };
	struct site site;

	(void)state;
	site_open(&site, mixed, 1);
	for (size_t i = 0; i < COUNT(admins); i++) {
		server_set_admin(site.fleet, site_server(&site, "b"), admins[i], "test", SITE_START);
		assert_false(names(&site, "v2.example.com"));
		assert_true(names(&site, "v1.example.com"));
		server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_READY, "test", SITE_START);
		assert_true(names(&site, "v2.example.com"));
	}
	server_set_agent_down(site.fleet, site_server(&site, "b"), true, "test", SITE_START);
	assert_false(names(&site, "v2.example.com"));
	site_close(&site);
}

/* Several servers of one host, apart by their paths: one that is up is enough. */
static void servers_may_share_a_host(void **state)
{
	static const char *const order[] = { "b", "a", "c" };
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  server a 192.0.2.1:80 redir https://v.example.com/a\n"
		  "  server b 192.0.2.2:80 redir https://v.example.com/b\n"
		  "  server c 192.0.2.3:80 redir http://v.example.com/c\n"
		  "  server d 192.0.2.4:80 redir https://w.example.com\n",
		  1);
	for (size_t i = 0; i < COUNT(order); i++) {
		assert_true(names(&site, "v.example.com"));
		server_set_admin(site.fleet, site_server(&site, order[i]), ADMIN_MAINT, "test", SITE_START);
	}
	assert_false(names(&site, "v.example.com"));
	assert_true(names(&site, "w.example.com"));
	site_close(&site);
}

static void a_host_of_any_length_is_compared_whole(void **state)
{
	char host[400], text[700];
	struct site site;

	(void)state;
	memset(host, 'h', sizeof(host));
	host[255] = 0;
	snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1:80 redir https://%s\n", host);
	site_open(&site, text, 1);
	assert_true(names(&site, host));
	strcat(host, ":443");
	assert_true(names(&site, host));
	for (size_t length = 250; length < sizeof(host); length++) {
		memset(host, 'h', sizeof(host));
		host[length] = 0;
		assert_int_equal(names(&site, host), length == 255);
	}
	site_close(&site);
}

static void a_backend_without_servers_names_nobody(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, "backend web\n", 1);
	assert_false(names(&site, "v1.example.com"));
	assert_false(names(&site, ":80"));
	site_close(&site);
}

/* Found among many, wherever it stands in the order. */
static void each_of_many_is_found(void **state)
{
	static char text[100 * 80 + 100];
	char host[40];
	struct site site;
	size_t used = (size_t)sprintf(text, "backend web\n");

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://v%u.example.com\n", i,
					i * 37 % 100);
	site_open(&site, text, 1);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(host, sizeof(host), "v%u.example.com", i);
		assert_int_equal(names(&site, host), i < 100);
	}
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_and_a_default_port_make_no_difference),
		cmocka_unit_test(only_a_server_that_is_up_counts),
		cmocka_unit_test(servers_may_share_a_host),
		cmocka_unit_test(a_host_of_any_length_is_compared_whole),
		cmocka_unit_test(a_backend_without_servers_names_nobody),
		cmocka_unit_test(each_of_many_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
