/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers that come and go at run time: how they begin, who may be picked, and that nothing of them is left. */
#include "tests/unit/site.h"

static const char text[] = "frontend f\n default_backend web\n"
			   "backend web\n balance %s\n default-server weight 9\n"
			   " server a 192.0.2.1:80 redir http://a.example.com\n"
			   " server b 192.0.2.1:80 redir http://b.example.com backup\n";

static void open_with(struct site *site, const char *balance)
{
	char filled[400];

	snprintf(filled, sizeof(filled), text, balance);
	site_open(site, filled, 1);
}

static struct server *add(struct site *site, const char *name, const char *line)
{
	char why[200] = "";
	struct server *server = backend_add_server(site->fleet, fleet_find(site->fleet, "web"), name, line, SITE_START,
						   why, sizeof(why));

	if (!server)
		fail_msg("%s: %s", line, why);
	assert_true(answer_prepare_server(server));
	return server;
}

static void one_that_comes_waits_in_maintenance(void **state)
{
	struct site site;
	struct server *server;

	(void)state;
	open_with(&site, "least-load");
	server = add(&site, "n", "192.0.2.2:80 redir http://n.example.com check weight 3");
	assert_int_equal(server_status(server), SERVER_MAINT);
	assert_int_equal(server->id, 3);
	assert_int_equal(server->weight, 3);
	assert_true(server->state->paused[PROBED_HEALTH]);
	assert_int_equal(backend_n_usable(server->backend), 1);
	assert_string_equal(server_line(server), "192.0.2.2:80 redir http://n.example.com check weight 3");
	server_set_admin(site.fleet, server, ADMIN_READY, "test", SITE_START);
	assert_int_equal(backend_n_usable(server->backend), 2);
	assert_non_null(backend_keeps_server(server));
	/* nothing of default-server, as in HAProxy */
	assert_int_equal(add(&site, "m", "192.0.2.2:80 redir http://m.example.com")->weight, 1);
	site_close(&site);
}

static void what_cannot_be_is_said(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "", "expects an address behind the name" },
		{ "192.0.2.2:80", "server 'n' needs 'redir' and where clients are sent to" },
		{ "192.0.2.2:80 redir http://n.example.com wieght 3",
		  "unknown keyword 'wieght', did you mean 'weight'?" },
		{ "192.0.2.2:x redir http://n.example.com", "server 'n': '192.0.2.2:x'" },
		{ "192.0.2.2 redir http://n.example.com check", "server 'n': 'check' needs a port" },
		{ "192.0.2.2:80 redir http://n.example.com standby-of q", "server 'n': no server 'q' in this backend" },
	};
	struct site site;

	(void)state;
	open_with(&site, "least-load");
	for (size_t i = 0; i < COUNT(cases); i++) {
		char why[200] = "";

		assert_null(backend_add_server(site.fleet, fleet_find(site.fleet, "web"), "n", cases[i].line,
					       SITE_START, why, sizeof(why)));
		if (!strstr(why, cases[i].why))
			fail_msg("'%s': '%s' instead of '%s'", cases[i].line, why, cases[i].why);
		assert_int_equal(fleet_find(site.fleet, "web")->n_servers, 2);
		assert_null(backend_find(fleet_find(site.fleet, "web"), "n"));
	}
	site_close(&site);
}

static void check_numbers(const struct backend *backend)
{
	for (size_t i = 0; i < backend->n_servers; i++) {
		assert_int_equal(backend->servers[i]->index, i);
		assert_ptr_equal(backend_find(backend, backend->servers[i]->name), backend->servers[i]);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(backend->servers[i]->id, backend->servers[j]->id);
	}
}

/* Each policy, with more servers than there was room for, and picks in between. */
static void many_come_and_go(void **state)
{
	static const char *const policies[] = { "least-load", "roundrobin", "first" };

	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct retired *retired = NULL;
		struct backend *backend;
		struct site site;

		open_with(&site, policies[i]);
		backend = fleet_find(site.fleet, "web");
		for (unsigned turn = 0; turn < 300; turn++) {
			char name[20];
			struct server *server;

			snprintf(name, sizeof(name), "n%u", turn);
			server = add(&site, name, "192.0.2.2:80 redir http://n.example.com weight 2");
			server_set_admin(site.fleet, server, ADMIN_READY, "test", SITE_START);
			assert_non_null(backend->balance->pick(backend, 0, SITE_START, &site.scratch.picker));
			if (turn % 3 == 0)
				continue;
			server = backend->servers[2 + turn % (backend->n_servers - 2)];
			server_set_admin(site.fleet, server, ADMIN_MAINT, "test", SITE_START);
			assert_null(backend_keeps_server(server));
			backend_remove_server(server, SITE_START, &retired);
			assert_null(backend_find(backend, server->name));
			check_numbers(backend);
			for (unsigned k = 0; k < 20; k++)
				assert_ptr_not_equal(
					backend->balance->pick(backend, 0, SITE_START, &site.scratch.picker), server);
		}
		assert_int_equal(backend->n_servers, 102);
		assert_int_equal(backend_n_usable(backend), 101);
		retired_free(retired);
		site_close(&site);
	}
}

static void a_standby_comes_and_goes(void **state)
{
	struct retired *retired = NULL;
	struct server *standby, *primary;
	struct site site;

	(void)state;
	open_with(&site, "least-load");
	primary = site_server(&site, "a");
	standby = add(&site, "s", "192.0.2.2:80 redir http://s.example.com standby-of a");
	server_set_admin(site.fleet, standby, ADMIN_READY, "test", SITE_START);
	server_set_admin(site.fleet, primary, ADMIN_MAINT, "test", SITE_START);
	assert_ptr_equal(backend_usable(standby->backend, 0), standby);
	assert_non_null(backend_keeps_server(primary));
	server_set_admin(site.fleet, standby, ADMIN_MAINT, "test", SITE_START);
	backend_remove_server(standby, SITE_START, &retired);
	assert_null(primary->standby);
	assert_null(backend_keeps_server(primary));
	backend_remove_server(primary, SITE_START, &retired); /* one of the configuration's */
	assert_int_equal(fleet_find(site.fleet, "web")->n_servers, 1);
	retired_free(retired);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_comes_waits_in_maintenance),
		cmocka_unit_test(what_cannot_be_is_said),
		cmocka_unit_test(many_come_and_go),
		cmocka_unit_test(a_standby_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
