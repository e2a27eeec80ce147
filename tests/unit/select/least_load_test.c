/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance least-load` with fresh reports: water-filling on what servers say of themselves. */
#include <math.h>

#include "reports.h"

/* ---- reports ---- */

static void the_server_with_the_lower_utilisation_is_picked(void **state)
{
	static const struct {
		double first, second;
		unsigned picked;
	} cases[] = {
		{ 0.9, 0.1, 1 }, { 0.1, 0.9, 0 }, { 0, 0.01, 0 }, { 1, 0.99, 1 }, { 0.5, 0.49, 1 }, { 0, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned counts[2];
		struct site site;

		open_fleet(&site, 2, "", i);
		report(&site, 0, cases[i].first, SITE_START);
		report(&site, 1, cases[i].second, SITE_START);
		fleet_refresh(site.fleet, SITE_START);
		draw(&site, 50, SITE_START, counts);
		assert_int_equal(counts[cases[i].picked], 50);
		site_close(&site);
	}
}

static void equals_are_picked_at_random(void **state)
{
	unsigned counts[4];
	struct site site;

	(void)state;
	open_fleet(&site, 4, "", 5);
	report_all(&site, 0.3, SITE_START);
	draw(&site, 4000, SITE_START, counts);
	expect_about(counts, 4, 1000, 110);
	site_close(&site);
}

/* The reports do not change in between, yet nobody is run over: what was booked counts at once. */
static void a_burst_between_two_reports_spreads_evenly(void **state)
{
	static const struct {
		unsigned servers, clients;
		double u, seconds; /* how long the burst takes */
	} cases[] = {
		{ 2, 100, 0, 0 }, { 4, 100, 0.5, 0 }, { 10, 1000, 0.5, 0 }, { 16, 160, 1, 0 }, { 4, 400, 0.2, 0.9 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned counts[16] = { 0 }, mean = cases[i].clients / cases[i].servers;
		struct site site;

		open_fleet(&site, cases[i].servers, "", i + 1);
		report_all(&site, cases[i].u, SITE_START);
		for (unsigned j = 0; j < cases[i].clients; j++)
			counts[site_book(&site, SITE_START + cases[i].seconds * j / cases[i].clients)->index]++;
		expect_about(counts, cases[i].servers, mean, 1);
		site_close(&site);
	}
}

/* Two workers' clocks are never quite the same. */
static void a_time_that_steps_back_spreads_no_worse(void **state)
{
	unsigned counts[4] = { 0 };
	struct site site;

	(void)state;
	open_fleet(&site, 4, "", 9);
	report_all(&site, 0.5, SITE_START);
	for (unsigned j = 0; j < 200; j++)
		counts[site_book(&site, SITE_START + 0.001 * (j % 2 ? j : 200 - j))->index]++;
	expect_about(counts, 4, 50, 1);
	site_close(&site);
}

/* (est + n + ½) / weight is the same for both at the end, with est = u / (1.03 − u). */
static void a_burst_spreads_by_weight(void **state)
{
	unsigned counts[2];
	struct site site;

	(void)state;
	open_fleet(&site, 2, "", 3);
	server_set_weight(site.fleet, server_at(&site, 1), 4, "test", SITE_START);
	report_all(&site, 0.5, SITE_START);
	site_spread(&site, 100, SITE_START, counts);
	assert_in_range(counts[0], 18, 20);
	site_close(&site);
}

/* 1 / 0.03 in flight against 0.5 / 0.53: so many more than the other it takes before both cost the same. */
static void a_full_server_waits_until_the_other_is_as_full(void **state)
{
	unsigned counts[2];
	struct site site;

	(void)state;
	open_fleet(&site, 2, "", 3);
	report(&site, 0, 1, SITE_START);
	report(&site, 1, 0.5, SITE_START);
	fleet_refresh(site.fleet, SITE_START);
	site_spread(&site, 32, SITE_START, counts);
	assert_int_equal(counts[0], 0);
	site_spread(&site, 20, SITE_START, counts);
	assert_in_range(counts[0], 9, 11);
	site_close(&site);
}

/* Seconds of 40 clients at once, and full for all that; the time at their end. */
static double keep_full(struct site *site, unsigned seconds)
{
	unsigned counts[2];
	double now = SITE_START;

	for (unsigned i = 0; i < seconds; i++) {
		report_all(site, 1, now);
		site_spread(site, 40, now, counts);
		expect_about(counts, 2, 20, 2);
		for (unsigned j = 0; j < 10; j++)
			fleet_refresh(site->fleet, now += 0.1);
	}
	return now;
}

/* Where all are full, the one that says so last would else get everything: "full" tells nothing of what is queued. */
static void saying_full_again_makes_no_room(void **state)
{
	unsigned counts[2];
	struct site site;
	double now;

	(void)state;
	open_fleet(&site, 2, "", 3);
	now = keep_full(&site, 30);
	report_all(&site, 1, now);
	site_spread(&site, 40, now, counts);
	report(&site, 0, 0.98, now + 0.1);
	site_spread(&site, 20, now + 0.1, counts);
	expect_about(counts, 2, 10, 5);   /* by learning, its own speed is a little higher now */
	report(&site, 0, 0.9, now + 0.2); /* and less than full does: for the tenth that is gone */
	site_spread(&site, 20, now + 0.2, counts);
	assert_int_equal(counts[0], 16);
	site_close(&site);
}

static void a_report_without_utilisation_tells_nothing(void **state)
{
	static const struct load_report empty = { .has = 0, .u = 0.5 };
	struct site site;

	(void)state;
	open_fleet(&site, 2, "", 3);
	fleet_backend(site.fleet, 0)->balance->report(server_at(&site, 0), &empty, SITE_START);
	fleet_refresh(site.fleet, SITE_START);
	assert_true(atomic_load(&server_at(&site, 0)->state->load.reported) < 0);
	assert_true(atomic_load(&fleet_backend(site.fleet, 0)->state->mean_cost) < 0);
	site_close(&site);
}

/* ---- many servers ---- */

/* Up to 16 every server is looked at, beyond that 16 drawn at random. */
static void a_pick_looks_at_sixteen_servers(void **state)
{
	unsigned counts[MAX_SERVERS], expected;
	struct site site;

	(void)state;
	for (unsigned n = 2; n <= MAX_SERVERS; n *= 2) {
		open_fleet(&site, n, "", n);
		report_all(&site, 0.9, SITE_START);
		report(&site, n / 2, 0, SITE_START);
		draw(&site, 1000, SITE_START, counts);
		expected = n <= 16 ? 1000 : (unsigned)(1000 * (1 - pow(1 - 1.0 / n, 16)));
		assert_in_range(counts[n / 2], n <= 16 ? 1000 : expected - 62, expected + 62);
		site_close(&site);
	}
}

static void a_burst_over_many_servers_stays_even(void **state)
{
	unsigned counts[MAX_SERVERS];
	struct site site;

	(void)state;
	open_fleet(&site, MAX_SERVERS, "", 12);
	report_all(&site, 0.4, SITE_START);
	site_spread(&site, MAX_SERVERS * 10, SITE_START, counts);
	expect_about(counts, MAX_SERVERS, 10, 2);
	site_close(&site);
}

static unsigned booked(struct site *site)
{
	unsigned sum = 0;

	for (size_t i = 0; i < fleet_backend(site->fleet, 0)->n_servers; i++)
		sum += (unsigned)atomic_load(&server_at(site, i)->state->load.booked);
	return sum;
}

/* Whatever servers share a place among those that are put off, and however many come to one. */
static void without_known_loads_a_booking_may_wait_for_the_end_of_the_turn(void **state)
{
	struct backend *backend;
	struct picker *picker;
	struct site site;

	(void)state;
	open_fleet(&site, MAX_SERVERS, "", 5);
	backend = fleet_backend(site.fleet, 0);
	picker = &site.scratch.picker;
	for (unsigned i = 0; i < MAX_SERVERS * 3; i++)
		backend->balance->book(server_at(&site, i % MAX_SERVERS), SITE_START, picker);
	assert_true(booked(&site) < MAX_SERVERS * 3);
	select_settle(picker, SITE_START);
	assert_int_equal(booked(&site), MAX_SERVERS * 3);
	for (unsigned i = 0; i < MAX_SERVERS; i++)
		assert_int_equal(atomic_load(&server_at(&site, i)->state->load.booked), 3);
	assert_true(fabs(atomic_load(&server_at(&site, 0)->state->load.est) - 3) < 0.01);
	select_settle(picker, SITE_START);
	assert_int_equal(booked(&site), MAX_SERVERS * 3);
	report_all(&site, 0.5, SITE_START);
	backend->balance->book(server_at(&site, 0), SITE_START, picker);
	assert_int_equal(booked(&site), MAX_SERVERS * 3 + 1);
	site_close(&site);
}

static void one_server_gets_all_and_none_nothing(void **state)
{
	unsigned counts[1];
	struct site site;

	(void)state;
	open_fleet(&site, 1, "", 1);
	site_spread(&site, 10, SITE_START, counts);
	report_all(&site, 1, SITE_START);
	site_spread(&site, 10, SITE_START, counts);
	assert_int_equal(atomic_load(&server_at(&site, 0)->state->load.booked), 20);
	server_set_admin(site.fleet, server_at(&site, 0), ADMIN_DRAIN, "test", SITE_START);
	assert_string_equal(site_pick(&site, SITE_START), "-");
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_with_the_lower_utilisation_is_picked),
		cmocka_unit_test(equals_are_picked_at_random),
		cmocka_unit_test(a_burst_between_two_reports_spreads_evenly),
		cmocka_unit_test(a_time_that_steps_back_spreads_no_worse),
		cmocka_unit_test(a_burst_spreads_by_weight),
		cmocka_unit_test(a_full_server_waits_until_the_other_is_as_full),
		cmocka_unit_test(saying_full_again_makes_no_room),
		cmocka_unit_test(a_report_without_utilisation_tells_nothing),
		cmocka_unit_test(a_pick_looks_at_sixteen_servers),
		cmocka_unit_test(a_burst_over_many_servers_stays_even),
		cmocka_unit_test(without_known_loads_a_booking_may_wait_for_the_end_of_the_turn),
		cmocka_unit_test(one_server_gets_all_and_none_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
