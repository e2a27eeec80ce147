/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `server` and `default-server` lines: what they mean, and what is said of those that mean nothing. */
#include "tests/unit/site.h"

#define IN_WEB "in section 'backend web': "
#define NO_SERVER "test.cfg:1: warning: " IN_WEB "no server: nothing is redirected from here"

/* One `server` line each, behind "backend web". */
static void a_wrong_line_is_named_with_file_and_line(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "", "'server' expects a name" },
		{ "a", "'server' expects an address behind the name" },
		{ "a 192.0.2.1:80", "server 'a' needs 'redir' and where clients are sent to" },
		{ "a/b 192.0.2.1:80 redir http://a.example.com",
		  "a name consists of letters, digits, '-', '_', '.' and ':', unlike 'a/b'" },
		{ "a 192.0.2.1:99999 redir http://a.example.com",
		  "server 'a': '192.0.2.1:99999': a port is a number from 1 to 65535" },
		{ "a 192.0.2.1:80 redir", "'redir' expects a prefix such as https://v1.example.com" },
		{ "a 192.0.2.1:80 redir http://a.example.com backup standby-of b",
		  "server 'a' is either 'backup' or 'standby-of', not both" },
		{ "a 192.0.2.1:80 redir http://a.example.com standby-of", "'standby-of' expects the name of a server" },
		{ "a 192.0.2.1:80 redir http://a.example.com weight", "'weight' expects a number" },
		{ "a 192.0.2.1:80 redir http://a.example.com weight 257",
		  "'weight' expects a number from 0 to 256, not '257'" },
		{ "a 192.0.2.1:80 redir http://a.example.com weight -1",
		  "'weight' expects a number from 0 to 256, not '-1'" },
		{ "a 192.0.2.1:80 redir http://a.example.com rise 0",
		  "'rise' expects a number from 1 to 1000, not '0'" },
		{ "a 192.0.2.1:80 redir http://a.example.com fall 1001",
		  "'fall' expects a number from 1 to 1000, not '1001'" },
		{ "a 192.0.2.1:80 redir http://a.example.com agent-port 65536",
		  "'agent-port' expects a number from 1 to 65535, not '65536'" },
		{ "a 192.0.2.1:80 redir http://a.example.com port 0",
		  "'port' expects a number from 1 to 65535, not '0'" },
		{ "a 192.0.2.1:80 redir http://a.example.com inter 9ms", "'inter' expects at least 10ms, not '9ms'" },
		{ "a 192.0.2.1:80 redir http://a.example.com agent-inter soon",
		  "'agent-inter' expects a time such as 500ms, 2s or 1m (at most 24 days), not 'soon'" },
		{ "a 192.0.2.1:80 redir http://a.example.com wieght 1",
		  "unknown keyword 'wieght', did you mean 'weight'?" },
		{ "a 192.0.2.1:80 redir http://a.example.com slowstart", "'slowstart' expects a time" },
		{ "a 192.0.2.1:80 redir http://a.example.com maxload", "'maxload' expects a percentage such as 80%" },
		{ "a 192.0.2.1:80 redir http://a.example.com maxload 80",
		  "'maxload' expects a percentage from 1% to 100%, not '80'" },
		{ "a 192.0.2.1:80 redir http://a.example.com maxload 0%",
		  "'maxload' expects a percentage from 1% to 100%, not '0%'" },
		{ "a 192.0.2.1:80 redir http://a.example.com maxload 101%",
		  "'maxload' expects a percentage from 1% to 100%, not '101%'" },
		{ "a 192.0.2.1:80 redir http://a.example.com maxload %",
		  "'maxload' expects a percentage from 1% to 100%, not '%'" },
		{ "a 192.0.2.1:80 redir http://a.example.com cookie x",
		  "'cookie' is a keyword of HAProxy's that spoa-redirect does not support" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n\n  server %s\n", cases[i].line);
		snprintf(message, sizeof(message), "test.cfg:3: " IN_WEB "%s", cases[i].message);
		site_says(text, message);
	}
}

static void a_redir_is_an_url_without_query_or_user(void **state)
{
	static const struct {
		const char *redir, *message; /* NULL: it is fine */
	} cases[] = {
		{ "http://a.example.com", NULL },
		{ "https://a.example.com:8443/x/y", NULL },
		{ "http://A-b_c~.example.com:1", NULL },
		{ "http://[2001:db8::1]", NULL },
		{ "http://[2001:db8::1]:65535/", NULL },
		{ "http://a.example.com/%20;x=1,2", NULL },
		{ "a.example.com", "'redir' expects http:// or https:// and a host, not 'a.example.com'" },
		{ "ftp://a.example.com", "'redir' expects http:// or https:// and a host, not 'ftp://a.example.com'" },
		{ "//a.example.com", "'redir' expects http:// or https:// and a host, not '//a.example.com'" },
		{ "http:/a", "'redir' expects http:// or https:// and a host, not 'http:/a'" },
		{ "http://", "'' in 'redir' is no host with an optional port" },
		{ "https:///x", "'' in 'redir' is no host with an optional port" },
		{ "http://:80", "':80' in 'redir' is no host with an optional port" },
		{ "http://a:", "'a:' in 'redir' is no host with an optional port" },
		{ "http://a:0", "'a:0' in 'redir' is no host with an optional port" },
		{ "http://a:65536", "'a:65536' in 'redir' is no host with an optional port" },
		{ "http://a:8x", "'a:8x' in 'redir' is no host with an optional port" },
		{ "http://a:b:80", "'a:b:80' in 'redir' is no host with an optional port" },
		{ "http://u@a", "'u@a' in 'redir' is no host with an optional port" },
		{ "http://a?x", "'a?x' in 'redir' is no host with an optional port" },
		{ "http://2001:db8::1", "'2001:db8::1' in 'redir' is no host with an optional port" },
		{ "http://[2001:db8::1", "'[2001:db8::1' in 'redir' is no host with an optional port" },
		{ "http://[2001:db8::1]x", "'[2001:db8::1]x' in 'redir' is no host with an optional port" },
		{ "http://[a]", "'[a]' in 'redir' is no host with an optional port" },
		{ "http://[]", "'[]' in 'redir' is no host with an optional port" },
		{ "http://a]b:80", "'a]b:80' in 'redir' is no host with an optional port" },
		{ "http://a/x?y", "'redir' has a byte that no path may have: '/x?y'" },
		{ "http://a/x\\#y", "'redir' has a byte that no path may have: '/x#y'" },
		{ "http://a/x\\ y", "'redir' has a byte that no path may have: '/x y'" },
		{ "http://a/\xc3\xa9", "'redir' has a byte that no path may have: '/\xc3\xa9'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1:80 redir %s\n", cases[i].redir);
		if (!cases[i].message) {
			site_says_nothing(text);
			continue;
		}
		snprintf(message, sizeof(message), "test.cfg:2: " IN_WEB "%s", cases[i].message);
		site_says(text, message);
	}
}

static void a_redir_that_few_can_reach_is_warned_of(void **state)
{
	static const struct {
		const char *redir;
		bool warned;
	} cases[] = {
		{ "http://localhost", true },     { "http://localhost:8080", true },  { "http://localhost.example.com", false },
		{ "http://127.0.0.1", true },     { "http://10.9.8.7:80/x", true },   { "http://11.9.8.7", false },
		{ "http://172.16.0.1", true },    { "http://172.31.255.255", true },  { "http://172.32.0.1", false },
		{ "http://192.168.1.1", true },   { "http://192.169.1.1", false },    { "http://169.254.0.1", true },
		{ "http://[::1]", true },         { "http://[fd00::1]:80", true },    { "http://[fe80::1]", true },
		{ "http://[2001:db8::1]", false }, { "http://10.example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1:80 redir %s\n", cases[i].redir);
		snprintf(message, sizeof(message),
			 "test.cfg:2: warning: " IN_WEB "'redir %s' is a private or loopback address: clients elsewhere "
			 "cannot reach it",
			 cases[i].redir);
		if (cases[i].warned)
			site_says(text, message);
		else
			site_says_nothing(text);
	}
}

static void servers_that_few_can_reach_are_warned_of_together(void **state)
{
	static const struct {
		const char *fourth, *message;
	} cases[] = {
		{ "http://d.example.com", "test.cfg:3: warning: " IN_WEB "'redir http://10.0.0.1' and 1 other are private or "
					  "loopback addresses: clients elsewhere cannot reach them" },
		{ "http://[fd00::1]/x", "test.cfg:3: warning: " IN_WEB "'redir http://10.0.0.1' and 2 others are private or "
					"loopback addresses: clients elsewhere cannot reach them" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;
		char text[600];

		snprintf(text, sizeof(text),
			 "backend web\n"
			 "  server a 192.0.2.1:80 redir http://a.example.com\n"
			 "  server b 192.0.2.1:80 redir http://10.0.0.1\n"
			 "  server c 192.0.2.1:80 redir http://localhost\n"
			 "  server d 192.0.2.1:80 redir %s\n",
			 cases[i].fourth);
		site_read(&site, text);
		assert_string_equal(config_message(site.config, 0), cases[i].message);
		assert_null(config_message(site.config, 1));
		arena_free(site.arena);
	}
}

static void a_location_that_few_can_reach_is_warned_of_where_it_is_written(void **state)
{
	struct site site;

	(void)state;
	site_read(&site, "defaults\n"
			 "  redirect location http://10.0.0.1/x%[path]\n"
			 "backend web\n"
			 "  server a 192.0.2.1:80 redir http://localhost\n"
			 "  redirect code 303\n"
			 "backend films\n"
			 "  server a 192.0.2.1:80 redir http://10.0.0.2\n");
	assert_string_equal(config_message(site.config, 0),
			    "test.cfg:2: warning: in section 'defaults': 'location http://10.0.0.1' is a private or loopback "
			    "address: clients elsewhere cannot reach it");
	assert_null(config_message(site.config, 1));
	arena_free(site.arena);
}

/* Several lines, and the one that is named. */
static void what_several_lines_say_together_is_reported_at_the_one_at_fault(void **state)
{
	static const char a[] = "server a 192.0.2.1:80 redir http://a.example.com";
	static const char b[] = "server b 192.0.2.2:80 redir http://b.example.com standby-of a";
	static const struct {
		const char *second, *third, *message;
	} cases[] = {
		{ "server a 192.0.2.9:80 redir http://x.example.com", "",
		  "3: " IN_WEB "server 'a' is already defined at line 2" },
		{ b, "server c 192.0.2.3:80 redir http://c.example.com standby-of b",
		  "4: " IN_WEB "server 'c': 'b' is a standby itself and has no standby" },
		{ b, "server c 192.0.2.3:80 redir http://c.example.com standby-of a",
		  "4: " IN_WEB "server 'c': 'a' has the standby 'b' already" },
		{ "server c 192.0.2.3:80 redir http://c.example.com standby-of x", b,
		  "3: " IN_WEB "server 'c': no server 'x' in this backend" },
		{ "server c 192.0.2.3:80 redir http://c.example.com standby-of c", "",
		  "3: " IN_WEB "server 'c': 'c' is a standby itself and has no standby" },
		{ "server k 192.0.2.3:80 redir http://k.example.com backup",
		  "server c 192.0.2.3:80 redir http://c.example.com standby-of k",
		  "4: " IN_WEB "server 'c': 'k' is a backup itself and has no standby" },
		{ "default-server redir http://x.example.com", "",
		  "3: " IN_WEB "'redir' and 'standby-of' belong to one server, not to a default-server" },
		{ "default-server standby-of a", "",
		  "3: " IN_WEB "'redir' and 'standby-of' belong to one server, not to a default-server" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[400], message[300];

		snprintf(text, sizeof(text), "backend web\n  %s\n  %s\n  %s\n", a, cases[i].second, cases[i].third);
		snprintf(message, sizeof(message), "test.cfg:%s", cases[i].message);
		site_says(text, message);
	}
}

static void a_check_needs_a_port_from_somewhere(void **state)
{
	static const struct {
		const char *parameters, *message;
	} cases[] = {
		{ "check", "'check' needs a port" },
		{ "check addr 192.0.2.2", "'check' needs a port" },
		{ "check port 81", NULL },
		{ "check addr 192.0.2.2:81", NULL },
		{ "check addr x:y", "'x:y': a port is a number from 1 to 65535" },
		{ "agent-check", "'agent-check' needs an 'agent-port'" },
		{ "agent-check agent-addr 192.0.2.2:82", "'agent-check' needs an 'agent-port'" },
		{ "agent-check agent-port 82", NULL },
		{ "check no-check agent-check no-agent-check", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1 redir http://a.example.com %s\n",
			 cases[i].parameters);
		if (!cases[i].message) {
			site_says_nothing(text);
			continue;
		}
		snprintf(message, sizeof(message), "test.cfg:2: " IN_WEB "server 'a': %s", cases[i].message);
		site_says(text, message);
	}
}

static void a_server_line_begins_with_its_default_server(void **state)
{
	struct server *a, *b;
	struct site site;

	(void)state;
	site_open(&site,
		  "defaults\n  default-server weight 3 rise 7\n"
		  "backend web\n  default-server check fall 5 inter 100ms backup\n"
		  "  server a 192.0.2.1:80 redir http://a.example.com\n"
		  "  default-server no-check weight 9\n"
		  "  server b 192.0.2.2:80 redir http://b.example.com no-backup rise 1 agent-check agent-port 9\n",
		  1);
	a = site_server(&site, "a");
	b = site_server(&site, "b");
	assert_true(a->weight == 3 && a->check.rise == 7 && a->check.fall == 5 && a->check.enabled && a->backup);
	assert_true(b->weight == 9 && b->check.rise == 1 && b->check.fall == 5 && !b->check.enabled && !b->backup);
	assert_true(b->agent.inter == 0.1); /* as inter */
	assert_int_equal(endpoint_port(&a->check_address), 80);
	assert_int_equal(endpoint_port(&b->agent_address), 9);
	site_close(&site);
}

static void parameters_not_given_are_haproxys(void **state)
{
	struct server *a;
	struct site site;

	(void)state;
	site_open(&site, "backend web\n  server a 192.0.2.1:80 redir https://a.example.com/x//\n", 1);
	a = site_server(&site, "a");
	assert_int_equal(a->weight, 1);
	assert_true(a->check.inter == 2 && a->check.fall == 3 && a->check.rise == 2 && !a->check.enabled);
	assert_true(!a->backup && !a->disabled && !a->agent.enabled && !a->standby_of && a->load_stale == 0);
	assert_true(slice_eq(a->redir.prefix, SLICE("https://a.example.com/x")));
	assert_true(slice_eq(a->redir.authority, SLICE("a.example.com")) && a->redir.tls);
	site_close(&site);
}

static void a_backend_without_servers_is_warned_of(void **state)
{
	(void)state;
	site_says("backend web\n", NO_SERVER);
}

static void a_percentage_of_weight_one_is_warned_of(void **state)
{
	static const char notice[] = "test.cfg:3: notice: in section 'backend web': server 'a': of weight 1 an agent's percentage below "
				     "100 is 0, as in HAProxy: give it weight 100";

	(void)state;
	site_says("backend web\n balance first\n server a 192.0.2.1:80 redir http://a.example agent-check agent-port 9\n", notice);
	site_says_nothing(
		"backend web\n balance first\n server a 192.0.2.1:80 redir http://a.example weight 2 agent-check agent-port 9\n"
		"backend y\n server a 192.0.2.1:80 redir http://a.example agent-check agent-port 9\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_line_is_named_with_file_and_line),
		cmocka_unit_test(a_redir_is_an_url_without_query_or_user),
		cmocka_unit_test(a_redir_that_few_can_reach_is_warned_of),
		cmocka_unit_test(servers_that_few_can_reach_are_warned_of_together),
		cmocka_unit_test(a_location_that_few_can_reach_is_warned_of_where_it_is_written),
		cmocka_unit_test(what_several_lines_say_together_is_reported_at_the_one_at_fault),
		cmocka_unit_test(a_check_needs_a_port_from_somewhere),
		cmocka_unit_test(a_server_line_begins_with_its_default_server),
		cmocka_unit_test(parameters_not_given_are_haproxys),
		cmocka_unit_test(a_backend_without_servers_is_warned_of),
		cmocka_unit_test(a_percentage_of_weight_one_is_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
