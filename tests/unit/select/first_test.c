/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance first`: the first server that can serve, in the order of the configuration. */
#include "tests/unit/site.h"

static const char three[] = "backend web\n  balance first\n"
			    "  server b 192.0.2.1:80 redir https://b.example.com\n"
			    "  server a 192.0.2.2:80 redir https://a.example.com weight 200\n"
			    "  server c 192.0.2.3:80 redir https://c.example.com\n";

static void the_order_of_the_lines_counts_not_names_or_weights(void **state)
{
	struct site site;
	unsigned counts[3];

	(void)state;
	site_open(&site, three, 1);
	site_spread(&site, 100, SITE_START, counts);
	assert_int_equal(counts[0], 100);
	assert_int_equal(atomic_load(&site_server(&site, "b")->state->load.booked), 100);
	assert_int_equal(atomic_load(&site_server(&site, "a")->state->load.booked), 0);
	site_close(&site);
}

static void the_next_one_serves_while_the_first_cannot(void **state)
{
	static const struct {
		const char *server;
		enum server_admin admin;
		const char *picked;
	} steps[] = {
		{ "a", ADMIN_MAINT, "b" }, { "b", ADMIN_DRAIN, "c" }, { "c", ADMIN_MAINT, "-" },
		{ "a", ADMIN_READY, "a" }, { "c", ADMIN_READY, "a" }, { "b", ADMIN_READY, "b" },
	};
	struct site site;

	(void)state;
	site_open(&site, three, 1);
	for (size_t i = 0; i < COUNT(steps); i++) {
		server_set_admin(site.fleet, site_server(&site, steps[i].server), steps[i].admin, "test", SITE_START);
		assert_string_equal(site_pick(&site, SITE_START), steps[i].picked);
	}
	site_close(&site);
}

static void only_a_weight_of_zero_takes_a_server_out(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, three, 1);
	server_set_weight(site.fleet, site_server(&site, "b"), 0, "test", SITE_START);
	assert_string_equal(site_pick(&site, SITE_START), "a");
	server_set_weight(site.fleet, site_server(&site, "b"), 1, "test", SITE_START);
	assert_string_equal(site_pick(&site, SITE_START), "b");
	site_close(&site);
}

static void a_backend_without_servers_picks_nobody(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, "backend web\n  balance first\n", 1);
	assert_string_equal(site_pick(&site, SITE_START), "-");
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_the_lines_counts_not_names_or_weights),
		cmocka_unit_test(the_next_one_serves_while_the_first_cannot),
		cmocka_unit_test(only_a_weight_of_zero_takes_a_server_out),
		cmocka_unit_test(a_backend_without_servers_picks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
