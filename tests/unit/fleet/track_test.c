/* SPDX-License-Identifier: GPL-2.0-or-later */
/* track: whose state goes over to whom, and what cannot be tracked. */
#include "tests/unit/site.h"

#define LATER (SITE_START + 5)

#define LINE(n, more) "  server " n " 192.0.2.1:80 redir http://" n ".example.com " more "\n"

static const char chain[] = "backend web\n  balance first\n" LINE("a", "check") LINE("b", "track a") LINE("c", "track web/b")
	LINE("z", "track other/y") "backend other\n" LINE("y", "agent-check agent-port 1");

static enum server_status status_of(const struct site *site, const char *name)
{
	return server_status(site_server(site, name));
}

static void a_chain_follows_its_beginning(void **state)
{
	struct server *a, *b;
	struct site site;

	(void)state;
	site_open(&site, chain, 1);
	a = site_server(&site, "a");
	b = site_server(&site, "b");
	server_set_health(site.fleet, a, false, "test", LATER);
	assert_true(status_of(&site, "b") == SERVER_DOWN && status_of(&site, "c") == SERVER_DOWN);
	assert_int_equal(status_of(&site, "z"), SERVER_UP);
	assert_int_equal(backend_n_usable(fleet_backend(site.fleet, 0)), 1);
	server_set_admin(site.fleet, b, ADMIN_DRAIN, "test", LATER);
	assert_int_equal(status_of(&site, "c"), SERVER_DOWN);
	server_force_health(site.fleet, a, true, "test", LATER);
	assert_true(status_of(&site, "a") == SERVER_UP && status_of(&site, "b") == SERVER_DRAIN);
	assert_int_equal(status_of(&site, "c"), SERVER_DRAIN);
	server_set_admin(site.fleet, b, ADMIN_READY, "test", LATER);
	assert_true(status_of(&site, "b") == SERVER_UP && status_of(&site, "c") == SERVER_UP);
	server_set_weight(site.fleet, a, 0, "test", LATER); /* is a's alone, */
	assert_true(status_of(&site, "a") == SERVER_DRAIN && status_of(&site, "b") == SERVER_UP);
	server_set_admin(site.fleet, a, ADMIN_DRAIN, "test", LATER); /* and this is not, though a stays as it is */
	assert_true(status_of(&site, "a") == SERVER_DRAIN && status_of(&site, "b") == SERVER_DRAIN);
	server_set_agent_down(site.fleet, fleet_find(site.fleet, "other")->servers[0], true, "test", LATER);
	assert_int_equal(status_of(&site, "z"), SERVER_DOWN);
	site_close(&site);
}

static void it_follows_from_the_start_and_over_a_reload(void **state)
{
	static const char text[] = "backend web\n" LINE("b", "track a") LINE("a", "check disabled");
	static const char later[] = "backend web\n" LINE("b", "track a") LINE("c", "track a") LINE("a", "check disabled");
	struct site site, fresh;

	(void)state;
	site_open(&site, text, 1);
	assert_int_equal(status_of(&site, "b"), SERVER_MAINT);
	assert_int_equal(backend_n_usable(fleet_backend(site.fleet, 0)), 0);
	server_set_admin(site.fleet, site_server(&site, "a"), ADMIN_DRAIN, "test", LATER);
	site_open(&fresh, later, 1);
	fleet_adopt(fresh.fleet, site.fleet, LATER);
	site_close(&site);
	assert_true(status_of(&fresh, "b") == SERVER_DRAIN && status_of(&fresh, "c") == SERVER_DRAIN);
	server_set_admin(fresh.fleet, site_server(&fresh, "a"), ADMIN_READY, "test", LATER);
	assert_true(status_of(&fresh, "b") == SERVER_UP && status_of(&fresh, "c") == SERVER_UP);
	site_close(&fresh);
}

/* HAProxy's order, of one's own and of whatever is tracked: maintenance, then down, then drain. */
static enum server_status expected_of(const struct server *server)
{
	bool maint = false, down = false, drain = atomic_load(&server->state->weight) == 0;

	for (; server; server = server->track) {
		maint |= server->state->admin == ADMIN_MAINT;
		drain |= server->state->admin == ADMIN_DRAIN;
		down |= server->state->agent_down || (server->check.enabled && server->state->health < server->check.rise);
	}
	return maint ? SERVER_MAINT : down ? SERVER_DOWN : drain ? SERVER_DRAIN : SERVER_UP;
}

static void whatever_happens_all_follow(void **state)
{
	struct random random;
	struct site site;

	(void)state;
	site_open(&site, chain, 1);
	random_seed(&random, 4);
	for (unsigned turn = 0; turn < 5000; turn++) {
		struct backend *backend = fleet_backend(site.fleet, random_below(&random, 2));
		struct server *server = backend->servers[random_below(&random, (uint32_t)backend->n_servers)];

		switch (random_below(&random, 4)) {
		case 0:
			server_set_admin(site.fleet, server, (enum server_admin)random_below(&random, 3), "test", LATER);
			break;
		case 1:
			server_set_agent_down(site.fleet, server, random_below(&random, 2), "test", LATER);
			break;
		case 2:
			server_set_weight(site.fleet, server, random_below(&random, 2), "test", LATER);
			break;
		default:
			server_set_health(site.fleet, server, random_below(&random, 2), "test", LATER);
		}
		for (size_t i = 0; i < fleet_count(site.fleet); i++)
			for (size_t j = 0; j < fleet_backend(site.fleet, i)->n_servers; j++) {
				const struct server *one = fleet_backend(site.fleet, i)->servers[j];

				assert_int_equal(server_status(one), expected_of(one));
			}
	}
	site_close(&site);
}

static void what_cannot_be_tracked_is_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "backend web\n" LINE("a", "check") LINE("b", "track"),
		  "test.cfg:3: in section 'backend web': 'track' expects the name of a server" },
		{ "backend web\n" LINE("a", "check") LINE("b", "track c"),
		  "test.cfg:3: in section 'backend web': server 'b': cannot track 'c': there is no such server" },
		{ "backend web\n" LINE("a", "check") LINE("b", "track wep/a"),
		  "test.cfg:3: in section 'backend web': server 'b': cannot track 'wep/a': there is no such server" },
		{ "backend web\n" LINE("a", "") LINE("b", "track a"),
		  "test.cfg:3: in section 'backend web': server 'b': cannot track 'a': that server has neither 'check' nor "
		  "'agent-check'" },
		{ "backend web\n" LINE("a", "check") LINE("b", "track a check"),
		  "test.cfg:3: in section 'backend web': server 'b': either 'check' or 'track', not both" },
		{ "backend web\n" LINE("a", "track a"),
		  "test.cfg:2: in section 'backend web': server 'a': 'track a' leads back to it" },
		{ "backend web\n" LINE("x", "track a") LINE("a", "track b") LINE("b", "track a"),
		  "test.cfg:3: in section 'backend web': server 'a': 'track b' leads back to it" },
		{ "backend web\n" LINE("x", "track w") LINE("w", "track a") LINE("a", "track b") LINE("b", "track c")
			  LINE("c", "track other/a") "backend other\n" LINE("a", "track web/b"),
		  "test.cfg:5: in section 'backend web': server 'b': 'track c' leads back to it" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		site_says(cases[i].text, cases[i].message);
	site_says_nothing(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_follows_its_beginning),
		cmocka_unit_test(it_follows_from_the_start_and_over_a_reload),
		cmocka_unit_test(whatever_happens_all_follow),
		cmocka_unit_test(what_cannot_be_tracked_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
