/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `maxconn`: with any policy, no more than that is in flight at a server that tells what is. */
#include <math.h>

#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

static const char *const policies[] = {
	"least-load", "random", "roundrobin", "static-rr", "first", "source", "hash src\n  hash-balance-factor 125"
};

#define SERVERS 40u

static void open_with(struct site *site, const char *balance, unsigned n, unsigned maxconn)
{
	char text[8192];
	size_t used = (size_t)sprintf(text, "backend web\n  balance %s\n  default-server maxconn %u load-push\n",
				      balance, maxconn);

	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.example.com\n", i, i);
	site_open(site, text, 7);
}

static void report_all(struct site *site, double q, double now)
{
	const struct load_report told = { .has = LOAD_Q, .q = q };
	struct backend *backend = fleet_backend(site->fleet, 0);

	for (size_t i = 0; i < backend->n_servers; i++)
		backend->balance->report(backend->servers[i], &told, now);
	fleet_refresh(site->fleet, now);
}

static struct server *book(struct site *site, uint64_t key, double now)
{
	struct backend *backend = fleet_backend(site->fleet, 0);
	struct server *server = backend->balance->pick(backend, key, now, &site->scratch.picker);

	if (server)
		backend->balance->book(server, now, &site->scratch.picker);
	return server;
}

/* As many as fit are sent, each server gets its own, and the next one goes nowhere. */
static void servers_fill_up_to_it_and_no_further(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct backend *backend;
		struct site site;
		unsigned booked = 0;

		open_with(&site, policies[i], 4, 10);
		report_all(&site, 2, SITE_START);
		backend = fleet_backend(site.fleet, 0);
		for (unsigned n = 0; n < 200; n++)
			booked += book(&site, hash_mix(n + 1), SITE_START) != NULL;
		assert_int_equal(booked, 32);
		for (size_t j = 0; j < 4; j++)
			assert_int_equal(atomic_load(&backend->servers[j]->state->load.booked), 8);
		report_all(&site, 3, SITE_START + 10);
		assert_non_null(book(&site, 1, SITE_START + 10));
		site_close(&site);
	}
}

/* Nor where there are more than a pick looks at. */
static void one_that_has_room_is_found_among_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		const struct load_report told = { .has = LOAD_Q, .q = 2 };
		struct backend *backend;
		struct site site;
		unsigned found = 0;

		open_with(&site, policies[i], SERVERS, 10);
		report_all(&site, 10, SITE_START);
		backend = fleet_backend(site.fleet, 0);
		backend->balance->report(backend->servers[25], &told, SITE_START);
		fleet_refresh(site.fleet, SITE_START);
		for (unsigned n = 0; n < 8; n++) {
			const struct server *server = book(&site, hash_mix(n + 1), SITE_START);

			assert_true(!server || server == backend->servers[25]);
			found += server != NULL;
		}
		if (found < 3)
			fail_msg("%s: %u", policies[i], found);
		site_close(&site);
	}
}

static void first_fills_one_after_the_other_and_comes_back(void **state)
{
	struct site site;

	(void)state;
	open_with(&site, "first", 3, 5);
	report_all(&site, 0, SITE_START);
	for (unsigned n = 0; n < 15; n++)
		assert_int_equal(book(&site, 0, SITE_START)->index, n / 5);
	assert_null(book(&site, 0, SITE_START));
	report_all(&site, 4, SITE_START + 10);
	assert_int_equal(book(&site, 0, SITE_START + 10)->index, 0);
	site_close(&site);
}

/* So much is estimated, and nobody is under way. */
static void estimate_all(struct site *site, double est, double now)
{
	struct backend *backend = fleet_backend(site->fleet, 0);

	for (size_t i = 0; i < backend->n_servers; i++) {
		struct server_load *load = &backend->servers[i]->state->load;

		atomic_store(&load->est, est);
		atomic_store(&load->z, 0);
		atomic_store(&load->at, now);
	}
	fleet_refresh(site->fleet, now);
}

/* The estimate drains from what was reported at once: its nearest whole number is what is there. */
static void one_more_goes_there_only_where_half_of_one_has_gone(void **state)
{
	static const struct {
		unsigned maxconn;
		double est;
		bool full;
	} cases[] = {
		{ 5, 5, true },    { 5, 4.9, true },  { 5, 4.51, true }, { 5, 4.49, false }, { 5, 4, false },
		{ 1, 1, true },    { 1, 0.9, true },  { 1, 0.51, true }, { 1, 0.49, false }, { 1, 0.1, false },
		{ 1, 1e-9, false }, { 1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++)
		for (size_t j = 0; j < COUNT(cases); j++) {
			struct site site;

			open_with(&site, policies[i], 2, cases[j].maxconn);
			report_all(&site, 0, SITE_START);
			estimate_all(&site, cases[j].est, SITE_START);
			if ((book(&site, 1, SITE_START) == NULL) != cases[j].full)
				fail_msg("%s: case %zu", policies[i], j);
			site_close(&site);
		}
}

/* Served again and again, one at a time, however short a time each takes and whatever is left of the estimate. */
static void who_takes_one_is_served_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct server_load *load;
		struct site site;
		unsigned served = 0;

		open_with(&site, policies[i], 1, 1);
		report_all(&site, 1, SITE_START);
		load = &site_server(&site, "s0")->state->load;
		load->cC = 1e6; /* a tenth of a second each */
		load->cB = 1e5;
		for (unsigned ms = 0; ms < 2000; ms += 10) {
			fleet_refresh(site.fleet, SITE_START + ms / 1000.0);
			served += book(&site, 1, SITE_START + ms / 1000.0) != NULL;
		}
		assert_in_range(served, 8, 20);
		site_close(&site);
	}
}

/* One in flight for minutes: the next client goes to the next server, now and a little later. */
static void first_leaves_a_server_that_is_full(void **state)
{
	const struct load_report one = { .has = LOAD_Q, .q = 1 };
	struct server *server;
	struct site site;

	(void)state;
	open_with(&site, "first", 3, 1);
	report_all(&site, 0, SITE_START);
	server = site_server(&site, "s0");
	server->state->load.cC = 1e6;
	server->state->load.cB = 60e6;
	server->backend->balance->report(server, &one, SITE_START + 1);
	for (unsigned i = 0; i < 40; i++) {
		double now = SITE_START + 1 + i / 10.0;

		fleet_refresh(site.fleet, now);
		assert_int_equal(server->backend->balance->pick(server->backend, 0, now, &site.scratch.picker)->index,
				 1);
	}
	site_close(&site);
}

/* A guess is no ground to turn clients away. */
static void without_a_report_it_does_not_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct site site;

		open_with(&site, policies[i], 2, 1);
		for (unsigned n = 0; n < 100; n++)
			assert_non_null(book(&site, n, SITE_START));
		report_all(&site, 5, SITE_START);
		assert_null(book(&site, 1, SITE_START));
		fleet_refresh(site.fleet, SITE_START + 3600);
		assert_non_null(book(&site, 1, SITE_START + 3600));
		site_close(&site);
	}
}

static void what_an_agent_says_counts_first(void **state)
{
	struct site site;

	(void)state;
	open_with(&site, "least-load", 1, 1);
	atomic_store(&site_server(&site, "s0")->state->maxconn, 3);
	report_all(&site, 0, SITE_START);
	for (unsigned n = 0; n < 3; n++)
		assert_non_null(book(&site, 0, SITE_START));
	assert_null(book(&site, 0, SITE_START));
	site_close(&site);
}

static void the_configuration_is_told_where_it_has_no_effect(void **state)
{
	(void)state;
	site_says("backend web\n  server w1 192.0.2.1:80 redir http://w1.example.com maxconn 5\n",
		  "test.cfg:2: warning: in section 'backend web': server 'w1': 'maxconn' has no effect without reports "
		  "of what "
		  "is in flight: 'load-check', 'load-push' or, with 'balance least-load', 'agent-check'");
	site_says_nothing("backend web\n  server w1 192.0.2.1:80 redir http://w1.example.com maxconn 5 agent-check "
			  "agent-port 9 weight 100\n");
	site_says_nothing("backend web\n  server w1 192.0.2.1:80 redir http://w1.example.com maxconn 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_fill_up_to_it_and_no_further),
		cmocka_unit_test(one_that_has_room_is_found_among_many),
		cmocka_unit_test(first_fills_one_after_the_other_and_comes_back),
		cmocka_unit_test(one_more_goes_there_only_where_half_of_one_has_gone),
		cmocka_unit_test(who_takes_one_is_served_again),
		cmocka_unit_test(first_leaves_a_server_that_is_full),
		cmocka_unit_test(without_a_report_it_does_not_count),
		cmocka_unit_test(what_an_agent_says_counts_first),
		cmocka_unit_test(the_configuration_is_told_where_it_has_no_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
