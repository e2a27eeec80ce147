/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several sources, one record: who counts while not stale, how counters go on, what is rejected. */
#include <math.h>

#include "spoa/load/format.h"
#include "spoa/load/report.h"
#include "tests/unit/site.h"

#define TEXT                                                                                                           \
	"backend web\n  balance least-load\n"                                                                          \
	"  server a 192.0.2.1:80 redir http://a.example.com load-stale 3s agent-check agent-port 9\n"

/* Who says what, and what the policy is told of it. */
struct step {
	double at; /* seconds */
	enum load_source source;
	struct load_report says;
	bool told; /* the policy heard of it */
	struct load_report report;
};

static bool same(const struct load_report *a, const struct load_report *b)
{
	return a->has == b->has && (!(a->has & LOAD_U) || fabs(a->u - b->u) < 1e-9) &&
	       (!(a->has & LOAD_Q) || a->q == b->q) && (!(a->has & LOAD_A) || a->A == b->A) &&
	       (!(a->has & LOAD_C) || a->C == b->C) && (!(a->has & LOAD_B) || a->B == b->B);
}

/* Returns the only server. */
static struct server *open_load(struct site *site, struct load *load, const char *text)
{
	site_open(site, text, 1);
	*load = (struct load){ .fleet = site->fleet, .log = &site->log };
	return site_server(site, "a");
}

static void follow(const struct step *steps, size_t n)
{
	struct site site;
	struct server *server;
	struct load load;

	server = open_load(&site, &load, TEXT);
	for (size_t i = 0; i < n; i++) {
		struct record record = { .report = steps[i].says };
		double now = SITE_START + steps[i].at, reported;

		assert_int_equal(report_take(&load, server, steps[i].source, REPORT_TAKEN, &record, now), REPORT_TAKEN);
		reported = atomic_load(&server->state->load.reported);
		if ((reported == now) != steps[i].told)
			fail_msg("step %zu: told at %g", i, reported - SITE_START);
		if (steps[i].told && !same(&server->state->merged.report, &steps[i].report))
			fail_msg("step %zu: has %x, u %g, q %g, A %g, C %g, B %g", i, server->state->merged.report.has,
				 server->state->merged.report.u, server->state->merged.report.q,
				 server->state->merged.report.A, server->state->merged.report.C,
				 server->state->merged.report.B);
		if (steps[i].told)
			assert_int_equal(server->state->merged.source, steps[i].source);
	}
	site_close(&site);
}

#define U(value) { .has = LOAD_U, .u = (value) }
#define Q(value) { .has = LOAD_Q, .q = (value) }

static void the_first_source_counts_while_it_is_fresh(void **state)
{
	static const struct step steps[] = {
		{ 1.0, SOURCE_AGENT, U(0.2), true, U(0.2) },
		{ 1.1, SOURCE_CHECK, U(0.3), true, U(0.3) },
		{ 1.2, SOURCE_PUSH, U(0.4), true, U(0.4) },
		{ 2.0, SOURCE_AGENT, U(0.5), false, { 0 } },
		{ 2.1, SOURCE_CHECK, U(0.6), false, { 0 } },
		{ 4.2, SOURCE_CHECK, U(0.7), false, { 0 } }, /* push is 3 s old */
		{ 4.3, SOURCE_CHECK, U(0.8), true, U(0.8) },
		{ 4.4, SOURCE_AGENT, U(0.9), false, { 0 } },
		{ 7.4, SOURCE_AGENT, U(0.1), true, U(0.1) },
		{ 7.5, SOURCE_PUSH, U(1.7), true, U(1) }, /* clamped */
	};

	(void)state;
	follow(steps, COUNT(steps));
}

/* One that comes every half a minute is not old after five seconds, though nobody has seen a second one yet. */
static void the_first_source_counts_while_its_next_report_is_due(void **state)
{
	static const char text[] = "backend web\n  server a 192.0.2.1:80 redir http://a.example.com agent-check agent-port 9 "
				   "agent-inter 1s load-check http /load load-inter 30s\n";
	struct record check = { .report = Q(7) }, agent = { .report = U(0.5) };
	const struct load_merged *merged;
	struct site site;
	struct load load;

	(void)state;
	merged = &open_load(&site, &load, text)->state->merged;
	report_take(&load, site_server(&site, "a"), SOURCE_CHECK, REPORT_TAKEN, &check, SITE_START + 1);
	report_take(&load, site_server(&site, "a"), SOURCE_AGENT, REPORT_TAKEN, &agent, SITE_START + 20);
	assert_int_equal(merged->source, SOURCE_CHECK);
	check.report.q = 8;
	report_take(&load, site_server(&site, "a"), SOURCE_CHECK, REPORT_TAKEN, &check, SITE_START + 21);
	assert_true(merged->report.has == (LOAD_Q | LOAD_U) && merged->report.q == 8);
	site_close(&site);
}

/* An answer that was late is followed by one in time: that says nothing of how often they come. */
static void who_is_asked_tells_no_more_often_than_asked(void **state)
{
	static const char text[] =
		"backend web\n  server a 192.0.2.1:80 redir http://a.example.com agent-check agent-port 9 "
		"agent-inter 1s load-check http /load load-inter 10s\n";
	struct record check = { .report = Q(7) }, agent = { .report = U(0.5) };
	struct server *server;
	struct site site;
	struct load load;

	(void)state;
	server = open_load(&site, &load, text);
	report_take(&load, server, SOURCE_CHECK, REPORT_TAKEN, &check, SITE_START + 10.99);
	report_take(&load, server, SOURCE_CHECK, REPORT_TAKEN, &check, SITE_START + 11);
	report_take(&load, server, SOURCE_AGENT, REPORT_TAKEN, &agent, SITE_START + 20);
	assert_int_equal(server->state->merged.source, SOURCE_CHECK);
	fleet_refresh(site.fleet, SITE_START + 20);
	assert_int_equal(atomic_load(&server->state->load.known), LOAD_KNOWN);
	site_close(&site);
}

/* A minute's silence of one source is not how often it tells: the next one takes its place as soon as before. */
static void a_source_that_was_silent_is_stale_as_soon_as_before(void **state)
{
	static const char text[] = "backend web\n  server a 192.0.2.1:80 redir http://a.example.com load-push agent-check "
				   "agent-port 9 agent-inter 1s\n";
	struct record push = { .report = Q(7) }, agent = { .report = U(0.5) };
	double now = SITE_START;
	struct server *server;
	struct site site;
	struct load load;

	(void)state;
	server = open_load(&site, &load, text);
	for (unsigned i = 0; i < 10; i++)
		report_take(&load, server, SOURCE_PUSH, REPORT_TAKEN, &push, now += 1);
	report_take(&load, server, SOURCE_PUSH, REPORT_TAKEN, &push, now += 60);
	report_take(&load, server, SOURCE_AGENT, REPORT_TAKEN, &agent, now + 4.9);
	assert_int_equal(server->state->merged.source, SOURCE_PUSH);
	report_take(&load, server, SOURCE_AGENT, REPORT_TAKEN, &agent, now + 5.9);
	assert_int_equal(server->state->merged.source, SOURCE_AGENT);
	site_close(&site);
}

/* Field by field, and told when the one comes anew that tells most. */
static void sources_complete_each_other(void **state)
{
	static const struct step steps[] = {
		{ 1.0, SOURCE_AGENT, U(0.2), true, U(0.2) },
		{ 1.1, SOURCE_CHECK, Q(3), true, { .has = LOAD_Q | LOAD_U, .q = 3, .u = 0.2 } },
		{ 2.0, SOURCE_AGENT, U(0.4), false, { 0 } },
		{ 2.1, SOURCE_CHECK, Q(4), true, { .has = LOAD_Q | LOAD_U, .q = 4, .u = 0.4 } },
		{ 2.2, SOURCE_PUSH, U(0.9), false, { 0 } },
		{ 2.3, SOURCE_CHECK, Q(5), true, { .has = LOAD_Q | LOAD_U, .q = 5, .u = 0.9 } },
		{ 5.4, SOURCE_AGENT, U(0.6), true, U(0.6) }, /* the others are stale */
	};

	(void)state;
	follow(steps, COUNT(steps));
}

static void counters_go_on_whoever_tells_them(void **state)
{
	static const struct step steps[] = {
		{ 1.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 1, .A = 100, .C = 99 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 1, .A = 100, .C = 99 } },
		{ 2.0, SOURCE_PUSH, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 2, .A = 7000, .C = 6998 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 2, .A = 100, .C = 99 } },
		{ 3.0, SOURCE_PUSH, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 2, .A = 7010, .C = 7008 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 2, .A = 110, .C = 109 } },
		{ 7.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 130, .C = 130 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 110, .C = 109 } },
		{ 8.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 140, .C = 140 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 120, .C = 119 } },
		/* restarted: that the policy is to see */
		{ 9.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 4, .C = 4 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 0, .C = 0 } },
		{ 10.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 9, .C = 9 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 5, .C = 5 } },
	};

	(void)state;
	follow(steps, COUNT(steps));
}

/* nginx counts what it accepted, Apache what it completed; neither reads all its figures at one moment. */
static void one_counter_tells_the_other(void **state)
{
	static const struct step nginx[] = {
		{ 1.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A, .q = 2, .A = 100 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 2, .A = 100, .C = 98 } },
		{ 2.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A, .q = 5, .A = 101 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 5, .A = 101, .C = 98 } },
		{ 3.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A, .q = 0, .A = 110 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 110, .C = 110 } },
		{ 4.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_A, .q = 1, .A = 3 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 1, .A = 3, .C = 2 } },
	};
	static const struct step apache[] = {
		{ 1.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_C, .q = 5, .C = 100 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 5, .A = 105, .C = 100 } },
		{ 2.0, SOURCE_CHECK, { .has = LOAD_Q | LOAD_C, .q = 0, .C = 104 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 0, .A = 105, .C = 104 } },
	};

	(void)state;
	follow(nginx, COUNT(nginx));
	follow(apache, COUNT(apache));
}

static void a_rate_is_added_up(void **state)
{
	struct record record = { .report = U(0.5), .also = RECORD_RATE, .rate = 10 };
	const struct load_report *report;
	struct site site;
	struct load load;

	(void)state;
	site_open(&site, TEXT, 1);
	load = (struct load){ .fleet = site.fleet, .log = &site.log };
	report = &site_server(&site, "a")->state->merged.report;
	report_take(&load, site_server(&site, "a"), SOURCE_CHECK, REPORT_TAKEN, &record, SITE_START + 1);
	assert_true(report->has == (LOAD_U | LOAD_C) && report->C == 0);
	report_take(&load, site_server(&site, "a"), SOURCE_CHECK, REPORT_TAKEN, &record, SITE_START + 3);
	assert_true(report->has == (LOAD_U | LOAD_C) && report->C == 20);
	site_close(&site);
}

/* From the header to the policy: a rate says what was completed, and nothing of what is in flight. */
static void a_header_with_a_rate_tells_how_busy_it_is(void **state)
{
	static const struct {
		struct slice header;
		double least, most; /* in flight */
	} cases[] = {
		{ SLICE("JSON {\"application_utilization\":0.95,\"rps_fractional\":10}"), 4, 20 },
		{ SLICE("TEXT application_utilization=0.95,rps_fractional=10"), 4, 20 },
		{ SLICE("JSON {\"application_utilization\":0.95}"), 4, 20 },
		{ SLICE("TEXT cpu_utilization=0.1, rps_fractional=200"), 0.05, 0.3 },
		/* application_utilization 0.95, rps_fractional 10 */
		{ SLICE("BIN SWZmZmZmZu4/MQAAAAAAACRA"), 4, 20 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double est, under_way;
		struct record record;
		struct site site;
		struct load load;

		site_open(&site, TEXT, 1);
		load = (struct load){ .fleet = site.fleet, .log = &site.log };
		for (unsigned n = 1; n <= 10; n++) {
			assert_int_equal(orca_read(cases[i].header, NULL, &record), REPORT_TAKEN);
			report_take(&load, site_server(&site, "a"), SOURCE_CHECK, REPORT_TAKEN, &record, SITE_START + n);
			est = select_in_flight(site_server(&site, "a"), SITE_START + n, &under_way);
			if (n == 1 && (est < cases[i].least || est > cases[i].most))
				fail_msg("case %zu: %g in flight", i, est);
			assert_true(est > 0);
		}
		site_close(&site);
	}
}

/* Between counters of two sources there is no difference, and where another goes on counting it is not that of before. */
static void what_is_in_flight_follows_from_counters_of_one_source(void **state)
{
	static const struct step two[] = {
		{ 1.0, SOURCE_PUSH, { .has = LOAD_A, .A = 1000 }, false, { 0 } },
		{ 1.1, SOURCE_CHECK, { .has = LOAD_U | LOAD_C, .u = 0.5, .C = 10 }, true, { .has = LOAD_U | LOAD_C, .u = 0.5, .C = 10 } },
	};
	static const struct step next[] = {
		{ 1.0, SOURCE_PUSH, { .has = LOAD_A | LOAD_C, .A = 150, .C = 100 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 50, .A = 150, .C = 100 } },
		{ 5.0, SOURCE_CHECK, { .has = LOAD_A | LOAD_C, .A = 1000, .C = 998 }, true,
		  { .has = LOAD_Q | LOAD_A | LOAD_C, .q = 2, .A = 150, .C = 100 } },
	};

	(void)state;
	follow(two, COUNT(two));
	follow(next, COUNT(next));
}

static void capacity_makes_a_utilisation_of_what_is_in_flight(void **state)
{
	struct record record = { .report = Q(2), .also = RECORD_CAPACITY, .capacity = 8 };
	struct site site;
	struct load load;

	(void)state;
	site_open(&site, TEXT, 1);
	load = (struct load){ .fleet = site.fleet, .log = &site.log };
	report_take(&load, site_server(&site, "a"), SOURCE_PUSH, REPORT_TAKEN, &record, SITE_START + 1);
	assert_true(site_server(&site, "a")->state->merged.report.u == 0.25);
	site_close(&site);
}

/* ---- states ---- */

static void states_follow_the_same_order(void **state)
{
	static const struct {
		double at;
		enum load_source source;
		enum record_health health;
		enum record_admin admin;
		enum server_status status;
	} steps[] = {
		{ 1.0, SOURCE_AGENT, RECORD_DOWN, RECORD_NO_ADMIN, SERVER_DOWN },
		{ 1.1, SOURCE_PUSH, RECORD_UP, RECORD_NO_ADMIN, SERVER_UP },
		{ 2.0, SOURCE_AGENT, RECORD_DOWN, RECORD_NO_ADMIN, SERVER_UP },
		{ 2.1, SOURCE_AGENT, RECORD_NO_HEALTH, RECORD_DRAIN, SERVER_DRAIN }, /* of that push said nothing */
		{ 2.2, SOURCE_PUSH, RECORD_NO_HEALTH, RECORD_READY, SERVER_UP },
		{ 2.3, SOURCE_AGENT, RECORD_NO_HEALTH, RECORD_MAINT, SERVER_UP },
		{ 9.0, SOURCE_AGENT, RECORD_DOWN, RECORD_NO_ADMIN, SERVER_DOWN }, /* push is stale */
		{ 9.1, SOURCE_AGENT, RECORD_UP, RECORD_MAINT, SERVER_MAINT },
	};
	struct site site;
	struct load load;

	(void)state;
	site_open(&site, TEXT, 1);
	load = (struct load){ .fleet = site.fleet, .log = &site.log };
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct record record = { .health = steps[i].health, .admin = steps[i].admin };

		report_take(&load, site_server(&site, "a"), steps[i].source, REPORT_TAKEN, &record, SITE_START + steps[i].at);
		if (server_status(site_server(&site, "a")) != steps[i].status)
			fail_msg("step %zu: %s", i, server_status_name(server_status(site_server(&site, "a"))));
	}
	site_close(&site);
}

/* ---- what is rejected ---- */

static void what_is_rejected_changes_nothing_and_is_said_once(void **state)
{
	static const char expected[] =
		"Server web/a: a report by load-push has a negative figure and is not used; this is said once, and counted.\n"
		"Server web/a: a report by load-check is malformed and is not used; this is said once, and counted.\n";
	struct record record = { .report = U(0.5), .health = RECORD_DOWN };
	char got[1024] = "";
	struct server_state *server;
	struct site site;
	struct load load;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	site_open(&site, TEXT, 1);
	site.log = (struct log){ .targets = { { .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG } }, .n = 1 };
	load = (struct load){ .fleet = site.fleet, .log = &site.log };
	server = site_server(&site, "a")->state;
	for (unsigned i = 0; i < 3; i++) {
		report_take(&load, site_server(&site, "a"), SOURCE_PUSH, REPORT_NEGATIVE, &record, SITE_START + i);
		report_take(&load, site_server(&site, "a"), SOURCE_CHECK, REPORT_MALFORMED, &record, SITE_START + i);
	}
	assert_int_equal(server->rejected[REPORT_NEGATIVE], 3);
	assert_int_equal(server->rejected[REPORT_MALFORMED], 3);
	assert_int_equal(server->said[SOURCE_PUSH].taken, 0);
	assert_true(atomic_load(&server->load.reported) < 0);
	assert_int_equal(server_status(site_server(&site, "a")), SERVER_UP);
	assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
	assert_string_equal(got, expected);
	close(ends[0]);
	close(ends[1]);
	site_close(&site);
}

static void reports_of_one_sender_keep_their_order(void **state)
{
	static const struct {
		double at;
		enum load_source source;
		double t;
		enum load_rejection verdict;
	} steps[] = {
		{ 1, SOURCE_PUSH, 50, REPORT_TAKEN },    { 2, SOURCE_PUSH, 51, REPORT_TAKEN },
		{ 3, SOURCE_PUSH, 51, REPORT_OUTDATED }, { 3, SOURCE_PUSH, 50, REPORT_OUTDATED },
		{ 3, SOURCE_CHECK, 7, REPORT_TAKEN }, /* another sender's clock */
		{ 4, SOURCE_PUSH, 52, REPORT_TAKEN },    { 9, SOURCE_PUSH, 1, REPORT_TAKEN }, /* long silent: its clock was set */
	};
	struct site site;
	struct load load;

	(void)state;
	site_open(&site, TEXT, 1);
	load = (struct load){ .fleet = site.fleet, .log = &site.log };
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct record record = { .report = U(0.5), .also = RECORD_T, .t = steps[i].t };

		assert_int_equal(report_take(&load, site_server(&site, "a"), steps[i].source, REPORT_TAKEN, &record,
					     SITE_START + steps[i].at),
				 steps[i].verdict);
	}
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_source_counts_while_it_is_fresh),
		cmocka_unit_test(the_first_source_counts_while_its_next_report_is_due),
		cmocka_unit_test(who_is_asked_tells_no_more_often_than_asked),
		cmocka_unit_test(a_source_that_was_silent_is_stale_as_soon_as_before),
		cmocka_unit_test(sources_complete_each_other),
		cmocka_unit_test(counters_go_on_whoever_tells_them),
		cmocka_unit_test(one_counter_tells_the_other),
		cmocka_unit_test(a_rate_is_added_up),
		cmocka_unit_test(a_header_with_a_rate_tells_how_busy_it_is),
		cmocka_unit_test(what_is_in_flight_follows_from_counters_of_one_source),
		cmocka_unit_test(capacity_makes_a_utilisation_of_what_is_in_flight),
		cmocka_unit_test(states_follow_the_same_order),
		cmocka_unit_test(what_is_rejected_changes_nothing_and_is_said_once),
		cmocka_unit_test(reports_of_one_sender_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
