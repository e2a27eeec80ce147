/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance least-load` as time goes by: without reports, with old ones, and with many of them. */
#include <math.h>

#include "reports.h"

static void without_any_report_weights_decide(void **state)
{
	unsigned counts[3];
	struct site site;

	(void)state;
	open_fleet(&site, 3, "", 11);
	server_set_weight(site.fleet, server_at(&site, 1), 2, "test", SITE_START);
	server_set_weight(site.fleet, server_at(&site, 2), 5, "test", SITE_START);
	site_spread(&site, 8000, SITE_START, counts);
	assert_in_range(counts[0], 1000 - 120, 1000 + 120);
	assert_in_range(counts[1], 2000 - 155, 2000 + 155);
	assert_in_range(counts[2], 5000 - 175, 5000 + 175);
	site_close(&site);
}

/* How well a load is known, by the age of its report: the period is what is configured before it can be seen. */
static void knowledge_goes_with_the_reports_age(void **state)
{
	static const struct {
		const char *parameters;
		unsigned reports; /* a second apart */
		double age;
		enum load_knowledge known;
	} cases[] = {
		{ "", 0, 0, LOAD_UNKNOWN },
		{ "", 1, 0, LOAD_KNOWN },
		{ "", 1, 2.9, LOAD_KNOWN },
		{ "", 1, 3.1, LOAD_STALE },
		{ "", 1, 4.9, LOAD_STALE },
		{ "", 1, 5.1, LOAD_UNKNOWN },
		{ "", 5, 2.9, LOAD_KNOWN },
		{ "", 5, 3.1, LOAD_STALE },
		{ "", 5, 5.1, LOAD_UNKNOWN },
		{ "agent-inter 100ms", 1, 0.31, LOAD_STALE },
		{ "agent-inter 100ms", 2, 0.31, LOAD_KNOWN }, /* in fact it takes a second */
		{ "agent-inter 10s", 5, 3.1, LOAD_STALE },
		/* reports that come rarely are no older than they are meant to be, from the first one on */
		{ "load-push load-inter 30s", 1, 29, LOAD_KNOWN },
		{ "load-push load-inter 30s", 1, 89, LOAD_KNOWN },
		{ "load-push load-inter 30s", 1, 91, LOAD_STALE },
		{ "load-push load-inter 30s", 1, 151, LOAD_UNKNOWN },
		{ "load-push load-inter 100ms agent-inter 10s", 1, 0.31, LOAD_STALE },
		{ "load-stale 2s", 5, 1.9, LOAD_KNOWN },
		{ "load-stale 2s", 5, 2.1, LOAD_UNKNOWN },
		{ "load-stale 1m", 5, 59, LOAD_STALE },
		{ "load-stale 1m", 5, 61, LOAD_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double last = SITE_START;
		struct site site;

		open_fleet(&site, 1, cases[i].parameters, 1);
		for (unsigned j = 0; j < cases[i].reports; j++)
			report(&site, 0, 0.5, last = SITE_START + j);
		fleet_refresh(site.fleet, last + cases[i].age);
		assert_int_equal(atomic_load(&server_at(&site, 0)->state->load.known), cases[i].known);
		site_close(&site);
	}
}

/* How many reports come so many seconds after the one before each. */
struct beat {
	unsigned n;
	double gap;
};

/* How long the last report is known after such a rhythm, stale behind that, and unknown at last; 0: that is not asked. */
static const struct {
	const char *what;
	unsigned times;
	struct beat beats[7];
	double known, stale, unknown;
	double T; /* of the backend's servers, at most; 0: that is not asked */
} rhythms[] = {
	{ "a minute's silence makes no report of a minute ago a new one",
	  1,
	  { { 20, 1 }, { 1, 60 } },
	  2.9,
	  3.1,
	  5.1,
	  1.01 },
	{ "nor do three, with regular reports between",
	  1,
	  { { 20, 1 }, { 1, 100 }, { 49, 1 }, { 1, 100 }, { 49, 1 }, { 1, 100 } },
	  2.9,
	  3.1,
	  5.1,
	  0 },
	{ "what comes more rarely is soon expected so", 1, { { 20, 1 }, { 2, 60 } }, 59, 280, 0, 0 },
	{ "ten at a time, each ten seconds", 10, { { 1, 10 }, { 9, 0.01 } }, 9, 0, 0, 0 },
	{ "the first two may follow each other closely", 1, { { 1, 0 }, { 1, 0.002 }, { 200, 0.5 } }, 0.6, 0, 5.1, 0 },
};

static enum load_knowledge known_at(struct site *site, double now)
{
	fleet_refresh(site->fleet, now);
	return atomic_load(&server_at(site, 0)->state->load.known);
}

static void how_often_reports_come_is_learnt(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rhythms); i++) {
		double now = SITE_START;
		struct site site;

		print_message("%s\n", rhythms[i].what);
		open_fleet(&site, 1, "", 1);
		for (unsigned time = 0; time < rhythms[i].times; time++)
			for (const struct beat *beat = rhythms[i].beats; beat->n > 0; beat++)
				for (unsigned j = 0; j < beat->n; j++)
					report(&site, 0, 0.5, now += beat->gap);
		assert_int_equal(known_at(&site, now + rhythms[i].known), LOAD_KNOWN);
		if (rhythms[i].stale > 0)
			assert_int_equal(known_at(&site, now + rhythms[i].stale), LOAD_STALE);
		if (rhythms[i].unknown > 0)
			assert_int_equal(known_at(&site, now + rhythms[i].unknown), LOAD_UNKNOWN);
		if (rhythms[i].T > 0)
			assert_true(fleet_backend(site.fleet, 0)->state->peers.T < rhythms[i].T);
		site_close(&site);
	}
}

/* An idle server's report was long ago: it is taken as no better than most. */
static void an_old_report_is_not_trusted_to_be_the_best(void **state)
{
	unsigned counts[4];
	struct site site;

	(void)state;
	open_fleet(&site, 4, "", 2);
	report(&site, 0, 0, SITE_START);
	for (unsigned i = 1; i < 4; i++)
		report(&site, i, 0.2 * i, SITE_START + 4);
	fleet_refresh(site.fleet, SITE_START + 4);
	draw(&site, 50, SITE_START + 4, counts);
	assert_int_equal(counts[1], 50);
	report(&site, 0, 0, SITE_START + 4.1);
	fleet_refresh(site.fleet, SITE_START + 4.1);
	draw(&site, 50, SITE_START + 4.1, counts);
	assert_int_equal(counts[0], 50);
	site_close(&site);
}

/* Four in flight, the mean of 11.9 and twice 0.1: the median would be as good as the best. */
static void an_unknown_load_counts_as_average(void **state)
{
	unsigned counts[4];
	struct site site;

	(void)state;
	open_fleet(&site, 4, "", 2);
	report(&site, 1, 0.95, SITE_START);
	report(&site, 2, 0.1, SITE_START);
	report(&site, 3, 0.1, SITE_START);
	fleet_refresh(site.fleet, SITE_START);
	site_spread(&site, 6, SITE_START, counts);
	assert_true(counts[0] == 0 && counts[1] == 0 && counts[2] == 3 && counts[3] == 3);
	site_spread(&site, 15, SITE_START, counts);
	assert_int_equal(counts[1], 0);
	assert_in_range(counts[0], 3, 6);
	site_close(&site);
}

static void all_reports_too_old_is_as_none(void **state)
{
	unsigned counts[2];
	struct site site;

	(void)state;
	open_fleet(&site, 2, "", 4);
	report(&site, 0, 0, SITE_START);
	report(&site, 1, 1, SITE_START);
	fleet_refresh(site.fleet, SITE_START + 6);
	draw(&site, 1000, SITE_START + 6, counts);
	expect_about(counts, 2, 500, 64);
	report_all(&site, 0.5, SITE_START + 7);
	report(&site, 0, 0.9, SITE_START + 7);
	draw(&site, 50, SITE_START + 7, counts);
	assert_int_equal(counts[1], 50);
	site_close(&site);
}

/* ---- time ---- */

/* Busy once, and nothing heard for so long that all of it must be done. */
static void what_was_in_flight_drains_away(void **state)
{
	unsigned counts[2];
	struct site site;

	(void)state;
	open_fleet(&site, 2, "weight 256 agent-inter 1h load-stale 1d", 6);
	report(&site, 0, 0.9, SITE_START);
	report(&site, 1, 0.1, SITE_START);
	fleet_refresh(site.fleet, SITE_START);
	site_spread(&site, 6, SITE_START, counts);
	assert_int_equal(counts[1], 6);
	fleet_refresh(site.fleet, SITE_START + 1000);
	site_spread(&site, 100, SITE_START + 1000, counts);
	expect_about(counts, 2, 50, 1);
	site_close(&site);
}

/* It has told of its own idleness meanwhile; all the same it begins as most others stand. */
static void a_server_that_comes_back_is_not_run_over(void **state)
{
	unsigned counts[5];
	struct site site;

	(void)state;
	open_fleet(&site, 5, "", 7);
	server_set_admin(site.fleet, server_at(&site, 0), ADMIN_MAINT, "test", SITE_START);
	report_all(&site, 0.8, SITE_START + 1);
	report(&site, 0, 0, SITE_START + 1);
	site_spread(&site, 40, SITE_START + 1, counts);
	assert_int_equal(counts[0], 0);
	expect_about(counts + 1, 4, 10, 1);
	fleet_refresh(site.fleet, SITE_START + 1.1);
	server_set_admin(site.fleet, server_at(&site, 0), ADMIN_READY, "test", SITE_START + 1.1);
	site_spread(&site, 50, SITE_START + 1.1, counts);
	expect_about(counts, 5, 10, 1);
	site_close(&site);
}

/* It is the others' state of this moment that counts, not that of the last refresh, nor its own. */
static void a_server_that_comes_back_begins_as_the_others_stand_now(void **state)
{
	static const double loads[][2] = { { 0.1, 0.95 }, { 0.95, 0.1 }, { 0.5, 0.8 } };

	(void)state;
	for (unsigned i = 0; i < 4 * COUNT(loads); i++) {
		unsigned n = 2 + i % 4, counts[5];
		const double *load = loads[i / 4];
		struct site site;

		open_fleet(&site, n, "", 7);
		server_set_admin(site.fleet, server_at(&site, 0), ADMIN_MAINT, "test", SITE_START);
		report_all(&site, load[0], SITE_START + 1);
		report(&site, 0, 0, SITE_START + 1.0005);
		for (unsigned j = 1; j < n; j++)
			report(&site, j, load[1], SITE_START + 1.0005);
		server_set_admin(site.fleet, server_at(&site, 0), ADMIN_READY, "test", SITE_START + 1.0005);
		site_spread(&site, 10 * n, SITE_START + 1.0005, counts);
		expect_about(counts, n, 10, 1);
		site_close(&site);
	}
}

/* Weights are alike, yet one server works off four times as much: what is learnt from reports shows it. */
/* Of mu: at half of its time it takes half of the clients of one that is as fast, and costs twice as much. */
static void a_slow_start_scales_the_speed(void **state)
{
	static const double after[] = { 0, 2.5, 5, 7.5, 10 }, part[] = { 0.01, 0.25, 0.5, 0.75, 1 };
	double full, now = SITE_START + 100;
	struct site site;

	(void)state;
	open_fleet(&site, 2, "slowstart 10s", 1);
	report_all(&site, 0.5, now);
	full = atomic_load(&server_at(&site, 1)->state->load.mu);
	server_set_admin(site.fleet, server_at(&site, 1), ADMIN_MAINT, "test", now);
	server_set_admin(site.fleet, server_at(&site, 1), ADMIN_READY, "test", now);
	for (size_t i = 0; i < COUNT(after); i++) {
		double mu;

		fleet_refresh(site.fleet, now + after[i]);
		mu = atomic_load(&server_at(&site, 1)->state->load.mu);
		assert_true(fabs(mu / atomic_load(&server_at(&site, 0)->state->load.mu) - part[i]) < 1e-3);
		assert_true(i < 4 || fabs(mu / full - 1) < 0.01);
	}
	site_close(&site);
}

static void speed_is_learnt_from_reports(void **state)
{
	static const double speeds[] = { 200, 50 };
	unsigned counts[2];
	struct site site;

	(void)state;
	open_fleet(&site, 2, "", 8);
	report_all(&site, 0, SITE_START);
	for (unsigned second = 1; second <= 120; second++) {
		double now = SITE_START + second;

		memset(counts, 0, sizeof(counts));
		for (unsigned i = 0; i < 100; i++)
			counts[site_book(&site, now - 1 + i * 0.01)->index]++;
		for (unsigned i = 0; i < 2; i++)
			report(&site, i, fmin(1, counts[i] / speeds[i]), now);
		fleet_refresh(site.fleet, now);
	}
	assert_in_range(counts[0], 75, 92);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_report_weights_decide),
		cmocka_unit_test(knowledge_goes_with_the_reports_age),
		cmocka_unit_test(how_often_reports_come_is_learnt),
		cmocka_unit_test(an_old_report_is_not_trusted_to_be_the_best),
		cmocka_unit_test(an_unknown_load_counts_as_average),
		cmocka_unit_test(all_reports_too_old_is_as_none),
		cmocka_unit_test(what_was_in_flight_drains_away),
		cmocka_unit_test(a_server_that_comes_back_is_not_run_over),
		cmocka_unit_test(a_server_that_comes_back_begins_as_the_others_stand_now),
		cmocka_unit_test(a_slow_start_scales_the_speed),
		cmocka_unit_test(speed_is_learnt_from_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
