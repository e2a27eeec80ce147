/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports that somebody brings: whose they are, and who takes them. */
#include "spoa-redirect/load.h"
#include "spoa/load/push.h"
#include "tests/unit/site.h"

#define TEXT                                                                                                           \
	"backend web\n"                                                                                                \
	"  server b 192.0.2.1:80 redir http://b.example.com load-push\n"                                               \
	"  server a 192.0.2.1:80 redir http://a.example.com load-push\n"                                               \
	"  server asked 192.0.2.1:80 redir http://c.example.com\n"                                                     \
	"backend we\n"                                                                                                 \
	"  server b 192.0.2.1:80 redir http://d.example.com load-push\n"

static void open_both(struct site *site, struct load *load)
{
	site_open(site, TEXT, 1);
	*load = (struct load){ .fleet = site->fleet, .log = &site->log };
	assert_true(push_index(load));
}

static void close_both(struct site *site, struct load *load)
{
	free(load->by_name);
	site_close(site);
}

static double u_of(struct server *server)
{
	return atomic_load(&server->state->load.u);
}

static void a_report_goes_to_the_server_of_that_name(void **state)
{
	static const struct {
		const char *backend, *server, *json;
		enum load_pushed outcome;
		enum load_rejection why;
	} cases[] = {
		{ "web", "a", "{\"u\":0.25}", LOAD_PUSHED, REPORT_TAKEN },
		{ "we", "b", "{\"u\":0.5}", LOAD_PUSHED, REPORT_TAKEN },
		{ "web", "asked", "{\"u\":0.5}", LOAD_PUSHED_UNASKED, REPORT_TAKEN },
		{ "web", "", "{\"u\":0.5}", LOAD_PUSHED_NOWHERE, REPORT_TAKEN },
		{ "", "a", "{\"u\":0.5}", LOAD_PUSHED_NOWHERE, REPORT_TAKEN },
		{ "we", "a", "{\"u\":0.5}", LOAD_PUSHED_NOWHERE, REPORT_TAKEN },
		{ "webb", "a", "{\"u\":0.5}", LOAD_PUSHED_NOWHERE, REPORT_TAKEN },
		{ "web", "a", "{\"u\":-1}", LOAD_PUSHED_REJECTED, REPORT_NEGATIVE },
		{ "web", "a", "{\"u\":", LOAD_PUSHED_REJECTED, REPORT_MALFORMED },
		{ "web", "a", "", LOAD_PUSHED_REJECTED, REPORT_MALFORMED },
		{ "web", "a", "{}", LOAD_PUSHED_REJECTED, REPORT_EMPTY },
	};
	struct site site;
	struct load load;

	(void)state;
	open_both(&site, &load);
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum load_rejection why;
		enum load_pushed outcome =
			load_push(&load, slice_of_string(cases[i].backend), slice_of_string(cases[i].server),
				  slice_of_string(cases[i].json), SITE_START + 1 + (double)i, &why);

		if (outcome != cases[i].outcome || why != cases[i].why)
			fail_msg("%s/%s %s: %d, %d", cases[i].backend, cases[i].server, cases[i].json, outcome, why);
	}
	assert_true(u_of(site_server(&site, "a")) == 0.25);
	assert_true(u_of(site_server(&site, "b")) < 0);
	assert_true(u_of(backend_find(fleet_find(site.fleet, "we"), "b")) == 0.5);
	assert_int_equal(site_server(&site, "a")->state->said[SOURCE_PUSH].taken, 1);
	close_both(&site, &load);
}

static void people_may_set_any_server(void **state)
{
	struct site site;
	struct load load;

	(void)state;
	open_both(&site, &load);
	assert_int_equal(load_set(&load, site_server(&site, "asked"), SLICE("{\"q\":3}"), SITE_START + 1), REPORT_TAKEN);
	assert_true(atomic_load(&site_server(&site, "asked")->state->load.q) == 3);
	close_both(&site, &load);
}

static void every_server_is_found(void **state)
{
	struct site site;
	struct load load;

	(void)state;
	open_both(&site, &load);
	assert_int_equal(load.n_by_name, 4);
	for (size_t i = 0; i < fleet_count(site.fleet); i++) {
		const struct backend *backend = fleet_backend(site.fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			assert_ptr_equal(push_find(&load, slice_of_string(backend->name),
						   slice_of_string(backend->servers[j]->name)),
					 backend->servers[j]);
	}
	close_both(&site, &load);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_goes_to_the_server_of_that_name),
		cmocka_unit_test(people_may_set_any_server),
		cmocka_unit_test(every_server_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
