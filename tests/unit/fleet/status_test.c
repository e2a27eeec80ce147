/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server's status follows from, and who may be picked: slots, their standbys, then backups. */
#include "tests/unit/site.h"

#define LATER (SITE_START + 5)

static enum server_status status_of(const struct site *site, const char *name)
{
	return server_status(site_server(site, name));
}

/* Those that may be picked, in order: "a b". */
static const char *usable(const struct site *site)
{
	static char names[256];
	const struct backend *backend = fleet_backend(site->fleet, 0);

	names[0] = 0;
	for (uint32_t i = 0; i < atomic_load(&backend->state->n_usable); i++) {
		strcat(names, i > 0 ? " " : "");
		strcat(names, backend_usable(backend, i)->name);
	}
	return names;
}

/* ---- one server ---- */

static void maintenance_hides_down_which_hides_drain(void **state)
{
	static const struct {
		enum server_admin admin;
		bool failed, agent_down;
		uint32_t weight;
		enum server_status status;
	} cases[] = {
		{ ADMIN_READY, false, false, 1, SERVER_UP },   { ADMIN_READY, false, false, 0, SERVER_DRAIN },
		{ ADMIN_DRAIN, false, false, 1, SERVER_DRAIN }, { ADMIN_DRAIN, false, false, 0, SERVER_DRAIN },
		{ ADMIN_READY, true, false, 1, SERVER_DOWN },  { ADMIN_READY, false, true, 1, SERVER_DOWN },
		{ ADMIN_READY, true, true, 0, SERVER_DOWN },   { ADMIN_DRAIN, true, false, 1, SERVER_DOWN },
		{ ADMIN_DRAIN, false, true, 0, SERVER_DOWN },  { ADMIN_MAINT, false, false, 1, SERVER_MAINT },
		{ ADMIN_MAINT, true, false, 1, SERVER_MAINT }, { ADMIN_MAINT, true, true, 0, SERVER_MAINT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server;
		struct site site;

		site_open(&site, "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check\n", 1);
		server = site_server(&site, "a");
		server_set_weight(site.fleet, server, cases[i].weight, "test", LATER);
		server_set_agent_down(site.fleet, server, cases[i].agent_down, "test", LATER);
		server_set_health(site.fleet, server, !cases[i].failed, "test", LATER);
		server_set_admin(site.fleet, server, cases[i].admin, "test", LATER);
		assert_int_equal(server_status(server), cases[i].status);
		assert_string_equal(usable(&site), cases[i].status == SERVER_UP ? "a" : "");
		site_close(&site);
	}
}

/* As HAProxy: up at the start with one failure to go, and each turn of the tide counts from its beginning. */
static void rise_and_fall_count_as_in_haproxy(void **state)
{
	static const struct {
		const char *parameters, *checks, *up; /* each check's outcome; whether it is up then */
	} cases[] = {
		{ "", "-++---+-++-+--+---", "..+++....++++++++." },
		{ "", "+---++", "+++..+" },
		{ "rise 1 fall 1", "-+-++--+", ".+.++..+" },
		{ "rise 3 fall 1", "+-+++-++-+++", "+...+......+" },
		{ "rise 1 fall 2", "+--+-+-+--", "++.++++++." },
		{ "rise 1000 fall 1", "-+++", "...." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200], got[32] = "";
		struct site site;

		snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check %s\n",
			 cases[i].parameters);
		site_open(&site, text, 1);
		assert_int_equal(status_of(&site, "a"), SERVER_UP);
		for (size_t j = 0; cases[i].checks[j]; j++) {
			server_set_health(site.fleet, site_server(&site, "a"), cases[i].checks[j] == '+', "test", LATER);
			got[j] = status_of(&site, "a") == SERVER_UP ? '+' : '.';
		}
		assert_string_equal(got, cases[i].up);
		site_close(&site);
	}
}

static void without_check_no_outcome_matters(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, "backend web\n  server a 192.0.2.1:80 redir http://a.example.com\n", 1);
	for (unsigned i = 0; i < 5; i++)
		server_set_health(site.fleet, site_server(&site, "a"), false, "test", LATER);
	assert_int_equal(status_of(&site, "a"), SERVER_UP);
	site_close(&site);
}

static void disabled_and_weight_zero_hold_from_the_start(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  default-server disabled\n"
		  "  server a 192.0.2.1:80 redir http://a.example.com\n"
		  "  server b 192.0.2.2:80 redir http://b.example.com enabled weight 0\n"
		  "  server c 192.0.2.3:80 redir http://c.example.com enabled\n",
		  1);
	assert_int_equal(status_of(&site, "a"), SERVER_MAINT);
	assert_int_equal(status_of(&site, "b"), SERVER_DRAIN);
	assert_int_equal(status_of(&site, "c"), SERVER_UP);
	assert_string_equal(usable(&site), "c");
	site_close(&site);
}

static void a_status_is_spelt_as_in_haproxys_statistics(void **state)
{
	(void)state;
	assert_string_equal(server_status_name(SERVER_UP), "UP");
	assert_string_equal(server_status_name(SERVER_DRAIN), "DRAIN");
	assert_string_equal(server_status_name(SERVER_DOWN), "DOWN");
	assert_string_equal(server_status_name(SERVER_MAINT), "MAINT");
}

/* ---- slow start ---- */

static uint32_t share_of(const struct site *site, const char *name)
{
	return 100 - atomic_load(&site_server(site, name)->state->held_back);
}

/* 1 % at once, 100 % at the end, and in a line between: 1 + 99 · t/T, rounded down. */
static void a_slow_start_goes_in_a_line(void **state)
{
	static const struct {
		double after;
		uint32_t share;
	} cases[] = { { 0, 1 }, { 0.1, 1 }, { 0.5, 5 }, { 1, 10 }, { 2.5, 25 }, { 5, 50 }, { 9.9, 99 }, { 10, 100 }, { 100, 100 } };
	struct server *a;
	struct site site;

	(void)state;
	site_open(&site, "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check slowstart 10s\n", 1);
	a = site_server(&site, "a");
	fleet_refresh(site.fleet, SITE_START + 0.1);
	assert_int_equal(share_of(&site, "a"), 100); /* not at the agent's own */
	server_set_health(site.fleet, a, false, "test", LATER);
	server_force_health(site.fleet, a, true, "test", LATER);
	for (size_t i = 0; i < COUNT(cases); i++) {
		fleet_refresh(site.fleet, LATER + cases[i].after);
		if (share_of(&site, "a") != cases[i].share)
			fail_msg("after %g s: %u", cases[i].after, share_of(&site, "a"));
	}
	site_close(&site);
}

static void who_was_away_starts_slowly(void **state)
{
	static const struct {
		enum server_admin admin;
		bool agent_down;
		uint32_t share; /* at once */
	} steps[] = {
		{ ADMIN_DRAIN, false, 100 }, { ADMIN_READY, false, 100 }, { ADMIN_MAINT, false, 100 },
		{ ADMIN_READY, false, 1 },   { ADMIN_READY, true, 1 },	   { ADMIN_READY, false, 1 },
		{ ADMIN_MAINT, false, 1 },   { ADMIN_DRAIN, false, 1 },
	};
	double now = LATER;
	struct server *a;
	struct site site;

	(void)state;
	site_open(&site, "backend web\n  server a 192.0.2.1:80 redir http://a.example.com slowstart 10s\n", 1);
	a = site_server(&site, "a");
	for (size_t i = 0; i < COUNT(steps); i++) {
		server_set_agent_down(site.fleet, a, steps[i].agent_down, "test", now);
		server_set_admin(site.fleet, a, steps[i].admin, "test", now);
		fleet_refresh(site.fleet, now);
		if (share_of(&site, "a") != steps[i].share)
			fail_msg("step %zu: %u", i, share_of(&site, "a"));
	}
	now += 5;
	server_set_admin(site.fleet, a, ADMIN_READY, "test", now);
	assert_int_equal(share_of(&site, "a"), 50); /* of a drain it comes with what it has by now */
	site_close(&site);
}

/* ---- who may be picked ---- */

/* The standby's line comes first and still it stands in its server's place. */
static const char fleet_of_all_kinds[] = "backend web\n  balance first\n"
					 "  server k1 192.0.2.4:80 redir http://k1.example.com backup\n"
					 "  server sb 192.0.2.3:80 redir http://sb.example.com standby-of b\n"
					 "  server a 192.0.2.1:80 redir http://a.example.com\n"
					 "  server b 192.0.2.2:80 redir http://b.example.com\n"
					 "  server c 192.0.2.5:80 redir http://c.example.com\n"
					 "  server k2 192.0.2.6:80 redir http://k2.example.com backup\n";

static void slots_then_standbys_then_the_first_backup(void **state)
{
	static const struct {
		const char *server;
		enum server_admin admin;
		const char *usable;
	} steps[] = {
		{ "b", ADMIN_DRAIN, "a sb c" },   { "b", ADMIN_READY, "a b c" },  { "b", ADMIN_MAINT, "a sb c" },
		{ "sb", ADMIN_MAINT, "a c" },     { "a", ADMIN_MAINT, "c" },      { "sb", ADMIN_READY, "sb c" },
		{ "c", ADMIN_MAINT, "sb" },       { "sb", ADMIN_DRAIN, "k1" },    { "k1", ADMIN_MAINT, "k2" },
		{ "k2", ADMIN_MAINT, "" },        { "k1", ADMIN_READY, "k1" },    { "k2", ADMIN_READY, "k1" },
		{ "sb", ADMIN_READY, "sb" },      { "b", ADMIN_READY, "b" },      { "a", ADMIN_READY, "a b" },
		{ "c", ADMIN_READY, "a b c" },    { "sb", ADMIN_MAINT, "a b c" }, { "k1", ADMIN_MAINT, "a b c" },
	};
	struct site site;

	(void)state;
	site_open(&site, fleet_of_all_kinds, 1);
	assert_string_equal(usable(&site), "a b c");
	for (size_t i = 0; i < COUNT(steps); i++) {
		server_set_admin(site.fleet, site_server(&site, steps[i].server), steps[i].admin, "test", LATER);
		assert_string_equal(usable(&site), steps[i].usable);
	}
	site_close(&site);
}

static void a_standby_takes_over_whatever_stops_its_server(void **state)
{
	struct server *b;
	struct site site;

	(void)state;
	site_open(&site, fleet_of_all_kinds, 1);
	b = site_server(&site, "b");
	server_set_agent_down(site.fleet, b, true, "test", LATER);
	assert_string_equal(usable(&site), "a sb c");
	server_set_agent_down(site.fleet, b, false, "test", LATER);
	assert_string_equal(usable(&site), "a b c");
	server_set_weight(site.fleet, b, 0, "test", LATER);
	assert_string_equal(usable(&site), "a sb c");
	server_set_weight(site.fleet, b, 1, "test", LATER);
	assert_string_equal(usable(&site), "a b c");
	site_close(&site);
}

static void all_backups_serve_where_that_is_wanted(void **state)
{
	static const struct {
		const char *server;
		enum server_admin admin;
		const char *usable;
	} steps[] = {
		{ "a", ADMIN_MAINT, "b c" },     { "c", ADMIN_MAINT, "b" },      { "b", ADMIN_DRAIN, "sb" },
		{ "sb", ADMIN_MAINT, "k1 k2" },  { "k1", ADMIN_MAINT, "k2" },    { "k2", ADMIN_DRAIN, "" },
		{ "k1", ADMIN_READY, "k1" },     { "k2", ADMIN_READY, "k1 k2" }, { "c", ADMIN_READY, "c" },
	};
	char text[1000];
	struct site site;

	(void)state;
	snprintf(text, sizeof(text), "%s  option allbackups\n", fleet_of_all_kinds);
	site_open(&site, text, 1);
	assert_string_equal(usable(&site), "a b c");
	for (size_t i = 0; i < COUNT(steps); i++) {
		server_set_admin(site.fleet, site_server(&site, steps[i].server), steps[i].admin, "test", LATER);
		assert_string_equal(usable(&site), steps[i].usable);
	}
	site_close(&site);
}

static void a_disabled_servers_standby_serves_from_the_start(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  balance first\n"
		  "  server a 192.0.2.1:80 redir http://a.example.com disabled\n"
		  "  server s 192.0.2.2:80 redir http://s.example.com standby-of a\n"
		  "  server k 192.0.2.3:80 redir http://k.example.com backup\n",
		  1);
	assert_string_equal(usable(&site), "s");
	assert_string_equal(site_pick(&site, SITE_START), "s");
	site_close(&site);
}

/* ---- the log ---- */

static void a_change_is_told_once_in_haproxys_words(void **state)
{
	static const char expected[] =
		"Server web/a is DOWN (was UP), reason: Layer4 timeout. 0 active and 1 backup servers left.\n"
		"Server web/s is MAINT (was UP), reason: by hand. 0 active and 0 backup servers left.\n"
		"backend web has no server available!\n"
		"Server web/s is UP (was MAINT), reason: by hand. 0 active and 1 backup servers left.\n";
	char got[1024] = "";
	struct site site;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	site_open(&site,
		  "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check\n"
		  "  server s 192.0.2.2:80 redir http://s.example.com standby-of a\n",
		  1);
	site.log = (struct log){ .targets = { { .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG } }, .n = 1 };
	server_set_health(site.fleet, site_server(&site, "a"), false, "Layer4 timeout", LATER);
	server_set_health(site.fleet, site_server(&site, "a"), false, "Layer4 timeout", LATER);
	server_set_admin(site.fleet, site_server(&site, "s"), ADMIN_MAINT, "by hand", LATER);
	server_set_admin(site.fleet, site_server(&site, "s"), ADMIN_MAINT, "by hand", LATER);
	server_set_admin(site.fleet, site_server(&site, "s"), ADMIN_READY, "by hand", LATER);
	close(ends[1]);
	assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
	close(ends[0]);
	assert_string_equal(got, expected);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maintenance_hides_down_which_hides_drain),
		cmocka_unit_test(rise_and_fall_count_as_in_haproxy),
		cmocka_unit_test(without_check_no_outcome_matters),
		cmocka_unit_test(disabled_and_weight_zero_hold_from_the_start),
		cmocka_unit_test(a_status_is_spelt_as_in_haproxys_statistics),
		cmocka_unit_test(a_slow_start_goes_in_a_line),
		cmocka_unit_test(who_was_away_starts_slowly),
		cmocka_unit_test(slots_then_standbys_then_the_first_backup),
		cmocka_unit_test(a_standby_takes_over_whatever_stops_its_server),
		cmocka_unit_test(all_backups_serve_where_that_is_wanted),
		cmocka_unit_test(a_disabled_servers_standby_serves_from_the_start),
		cmocka_unit_test(a_change_is_told_once_in_haproxys_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
