/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a server goes from one configuration to the next by its name; what the file says anew, holds. */
#include "tests/unit/site.h"

#define LATER (SITE_START + 5)

#define WEB      "backend web\n"
#define LINE(n)  "  server " n " 192.0.2.1:80 redir http://" n ".example.com"
#define CHECK(n) LINE(n) " check"

static struct site *opened(const char *text)
{
	struct site *site = malloc(sizeof(*site));

	site_open(site, text, 1);
	return site;
}

static void closed(struct site *site)
{
	site_close(site);
	free(site);
}

/* Opens `after` in the place of `before`, which is closed then: what is found still there was adopted. */
static void take_over(struct site **before, const char *after)
{
	struct site *fresh = opened(after);

	fleet_adopt(fresh->fleet, (*before)->fleet, LATER);
	closed(*before);
	*before = fresh;
}

static uint32_t weight_of(const struct site *site, const char *name)
{
	return atomic_load(&site_server(site, name)->state->weight);
}

static void servers_are_known_by_name_in_any_order(void **state)
{
	struct backend *web;
	struct site *site;

	(void)state;
	site = opened(WEB LINE("a") "\n" LINE("b") "\n" LINE("c") "\n");
	server_set_admin(site->fleet, site_server(site, "b"), ADMIN_DRAIN, "test", LATER);
	server_set_agent_down(site->fleet, site_server(site, "c"), true, "test", LATER);
	atomic_store(&site_server(site, "a")->state->load.booked, 7);
	take_over(&site, "backend other\n" LINE("b") "\n" WEB LINE("d") "\n" LINE("c") " agent-check agent-port 1\n"
							   LINE("b") "\n" LINE("a") "\n");
	assert_int_equal(server_status(fleet_find(site->fleet, "other")->servers[0]), SERVER_UP);
	web = fleet_find(site->fleet, "web");
	assert_int_equal(server_status(web->servers[0]), SERVER_UP);
	assert_int_equal(server_status(web->servers[1]), SERVER_DOWN);
	assert_int_equal(server_status(web->servers[2]), SERVER_DRAIN);
	assert_int_equal(atomic_load(&web->servers[3]->state->load.booked), 7);
	assert_int_equal(backend_n_usable(web), 2);
	closed(site);
}

static void a_server_that_comes_back_begins_anew(void **state)
{
	struct site *site;

	(void)state;
	site = opened(WEB LINE("a") "\n" LINE("b") "\n");
	server_set_admin(site->fleet, site_server(site, "a"), ADMIN_MAINT, "test", LATER);
	take_over(&site, WEB LINE("b") "\n");
	take_over(&site, WEB LINE("b") "\n" LINE("a") "\n");
	assert_int_equal(server_status(site_server(site, "a")), SERVER_UP);
	closed(site);
}

static void a_weight_stays_until_the_file_says_another(void **state)
{
	struct site *site;

	(void)state;
	site = opened(WEB LINE("a") " weight 10\n");
	server_set_weight(site->fleet, site_server(site, "a"), 3, "test", LATER);
	take_over(&site, WEB LINE("a") " weight 10\n");
	assert_int_equal(weight_of(site, "a"), 3);
	take_over(&site, WEB LINE("a") " weight 20\n");
	assert_int_equal(weight_of(site, "a"), 20);
	take_over(&site, WEB LINE("a") " weight 0\n");
	assert_int_equal(server_status(site_server(site, "a")), SERVER_DRAIN);
	closed(site);
}

static void disabled_counts_where_the_file_changes_it(void **state)
{
	struct site *site;

	(void)state;
	site = opened(WEB LINE("a") " disabled\n" LINE("b") "\n");
	server_set_admin(site->fleet, site_server(site, "a"), ADMIN_READY, "test", LATER);
	server_set_admin(site->fleet, site_server(site, "b"), ADMIN_MAINT, "test", LATER);
	take_over(&site, WEB LINE("a") " disabled\n" LINE("b") "\n");
	assert_int_equal(server_status(site_server(site, "a")), SERVER_UP);
	assert_int_equal(server_status(site_server(site, "b")), SERVER_MAINT);
	take_over(&site, WEB LINE("a") "\n" LINE("b") " disabled\n");
	take_over(&site, WEB LINE("a") " disabled\n" LINE("b") "\n");
	assert_int_equal(server_status(site_server(site, "a")), SERVER_MAINT);
	assert_int_equal(server_status(site_server(site, "b")), SERVER_UP);
	closed(site);
}

static void health_is_counted_by_the_new_rise_and_fall(void **state)
{
	struct site *site;

	(void)state;
	site = opened(WEB CHECK("up") " fall 1\n" CHECK("down") " fall 1\n");
	server_set_health(site->fleet, site_server(site, "up"), true, "test", LATER);
	server_set_health(site->fleet, site_server(site, "down"), false, "test", LATER);
	take_over(&site, WEB CHECK("up") " rise 5 fall 3\n" CHECK("down") " rise 1 fall 9\n");
	assert_int_equal(server_status(site_server(site, "up")), SERVER_UP);
	assert_int_equal(server_status(site_server(site, "down")), SERVER_DOWN);
	server_set_health(site->fleet, site_server(site, "up"), false, "test", LATER);
	server_set_health(site->fleet, site_server(site, "up"), false, "test", LATER);
	assert_int_equal(server_status(site_server(site, "up")), SERVER_UP);
	server_set_health(site->fleet, site_server(site, "up"), false, "test", LATER);
	assert_int_equal(server_status(site_server(site, "up")), SERVER_DOWN);
	server_set_health(site->fleet, site_server(site, "down"), true, "test", LATER);
	assert_int_equal(server_status(site_server(site, "down")), SERVER_UP);
	closed(site);
}

/* What no check or agent will ever lift may not hold a server down for good. */
static void who_is_not_asked_any_more_is_not_down(void **state)
{
	struct site *site;

	(void)state;
	site = opened(WEB CHECK("a") "\n" LINE("b") " agent-check agent-port 1\n");
	for (unsigned i = 0; i < 3; i++)
		server_set_health(site->fleet, site_server(site, "a"), false, "test", LATER);
	server_set_agent_down(site->fleet, site_server(site, "b"), true, "test", LATER);
	take_over(&site, WEB LINE("a") "\n" LINE("b") "\n");
	assert_int_equal(server_status(site_server(site, "a")), SERVER_UP);
	assert_int_equal(server_status(site_server(site, "b")), SERVER_UP);
	closed(site);
}

static void loads_are_known_at_once(void **state)
{
	const struct load_report busy = { .has = LOAD_U, .u = 0.9 }, idle = { .has = LOAD_U, .u = 0.1 };
	struct site *site;

	(void)state;
	site = opened(WEB LINE("a") "\n" LINE("b") "\n");
	for (unsigned i = 0; i < 3; i++) {
		struct backend *backend = fleet_backend(site->fleet, 0);

		backend->balance->report(site_server(site, "a"), &busy, SITE_START + i);
		backend->balance->report(site_server(site, "b"), &idle, SITE_START + i);
		fleet_refresh(site->fleet, SITE_START + i);
	}
	take_over(&site, WEB LINE("b") "\n" LINE("a") "\n");
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(site_pick(site, LATER - 2), "b");
	closed(site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_known_by_name_in_any_order),
		cmocka_unit_test(a_server_that_comes_back_begins_anew),
		cmocka_unit_test(a_weight_stays_until_the_file_says_another),
		cmocka_unit_test(disabled_counts_where_the_file_changes_it),
		cmocka_unit_test(health_is_counted_by_the_new_rise_and_fall),
		cmocka_unit_test(who_is_not_asked_any_more_is_not_down),
		cmocka_unit_test(loads_are_known_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
