/* SPDX-License-Identifier: GPL-2.0-or-later */
/* option dry-run: decided as ever, answered without a location, booked where production does not look. */
#include <math.h>

#include "request.h"
#include "spoa/load/report.h"

#define SERVERS                                                   \
	"  server w1 192.0.2.1:80 redir https://w1.example.com\n" \
	"  server w2 192.0.2.2:80 redir https://w2.example.com\n" \
	"  server w3 192.0.2.3:80 redir https://w3.example.com standby-of w1\n"

static const char rules[] = "frontend route\n"
			    "  use_backend trial if { path_beg /trial }\n"
			    "  use_backend to-trial if { path_beg /to-trial }\n"
			    "  use_backend from-trial if { path_beg /from-trial }\n"
			    "  default_backend web\n"
			    "frontend try\n  option dry-run\n"
			    "  default_backend web\n"
			    "backend web\n  balance first\n" SERVERS
			    "backend trial\n  option dry-run\n  redirect code 307 ttl 5s\n"
			    "  server t1 192.0.2.4:80 redir https://t1.example.com\n"
			    "backend to-trial\n  fallback-backend trial\n"
			    "  server u1 192.0.2.5:80 redir https://u1.example.com disabled\n"
			    "backend from-trial\n  option dry-run\n  fallback-backend web\n"
			    "  server v1 192.0.2.6:80 redir https://v1.example.com disabled\n";

static uint64_t booked(const struct server *server)
{
	return atomic_load(&server->state->load.booked);
}

static void nothing_says_where_to_go(void **state)
{
	static const struct exchange cases[] = {
		{ { { "route", { METHOD("POST"), PATH("/trial") } } }, "reason=dry-run backend=trial server=t1" },
		{ { { "try", { METHOD("GET"), PATH("/") } } }, "reason=dry-run backend=web server=w1" },
		{ { { "try", { METHOD("POST"), PATH("/") } } }, "reason=method backend=web" },
		{ { { "try", { METHOD("GET"), PATH("/"), HOST("w2.example.com") } } }, "reason=loop backend=web server=w1" },
		{ { { "route", { METHOD("GET"), PATH("/to-trial") } } }, "reason=dry-run backend=trial server=t1" },
		{ { { "route", { METHOD("GET"), PATH("/from-trial") } } }, "reason=dry-run backend=web server=w1" },
		{ { { "try", { METHOD("GET"), PATH("/") } }, { "route", { METHOD("GET"), PATH("/a") } } },
		  "reason=redirect backend=web server=w1 code=#302 location=https://w1.example.com/a" },
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	expect_answers(&site, cases, COUNT(cases));
	assert_int_equal(site.scratch.decisions[REASON_DRY_RUN], 5);
	assert_int_equal(site.scratch.decisions[REASON_REDIRECT], 1);
	assert_int_equal(booked(fleet_find(site.fleet, "web")->servers[0]), 1);
	assert_int_equal(booked(fleet_find(site.fleet, "web")->servers[0]->shadow), 3);
	assert_int_equal(booked(fleet_find(site.fleet, "trial")->servers[0]), 0);
	assert_int_equal(booked(fleet_find(site.fleet, "trial")->servers[0]->shadow), 2);
	site_close(&site);
}

/* As the redirect would have been: a trial that promises what production cannot keep is none. */
static void a_location_that_would_not_fit_is_told(void **state)
{
	static char path[8000];
	struct request_message messages[MAX_MESSAGES] = { { "try", { METHOD("GET"), { "path", { .type = SPOP_STRING } } } } };
	struct spop_slice payload;
	struct site site;

	(void)state;
	memset(path, '/', sizeof(path));
	messages[0].arguments[1].value.bytes = (struct spop_slice){ (const uint8_t *)path, sizeof(path) };
	site_open(&site, rules, 1);
	payload = payload_new(messages, MAX_FRAME);
	assert_string_equal(answer(&site, payload, 8100), "reason=bad-request backend=web server=w1");
	assert_string_equal(answer(&site, payload, MAX_FRAME), "reason=dry-run backend=web server=w1");
	free((void *)(uintptr_t)payload.ptr);
	site_close(&site);
}

/* ---- the shadow ---- */

static void ask(struct site *site, const char *message)
{
	const struct request_message messages[MAX_MESSAGES] = { { message, { METHOD("GET"), PATH("/") } } };
	struct spop_slice payload = payload_new(messages, MAX_FRAME);

	answer(site, payload, MAX_FRAME);
	free((void *)(uintptr_t)payload.ptr);
}

static const char *const shared = "frontend route\n  default_backend web\n"
				  "frontend try\n  option dry-run\n  default_backend web\n"
				  "backend web\n  default-server agent-check agent-port 1\n" SERVERS;

static void a_trial_leaves_no_trace_in_production(void **state)
{
	struct backend *web;
	struct site site;

	(void)state;
	site_open(&site, shared, 1);
	web = fleet_find(site.fleet, "web");
	for (unsigned i = 0; i < 100; i++)
		ask(&site, "try");
	for (size_t i = 0; i < web->n_servers; i++) {
		const struct server_load *load = &web->servers[i]->state->load;

		assert_true(atomic_load(&load->est) == 0 && atomic_load(&load->z) == 0 && atomic_load(&load->booked) == 0);
	}
	assert_int_equal(booked(web->servers[0]->shadow) + booked(web->servers[1]->shadow), 100);
	ask(&site, "route");
	assert_int_equal(booked(web->servers[0]) + booked(web->servers[1]), 1);
	assert_int_equal(booked(web->servers[0]->shadow) + booked(web->servers[1]->shadow), 100);
	site_close(&site);
}

/* What servers report both hear of; of what each sends there both keep their own account. */
static void reports_come_to_both(void **state)
{
	struct record record = { .report = { .has = LOAD_Q, .q = 5 } };
	double now = SITE_START + 1, under_way;
	struct server *w1;
	struct site site;
	struct load load;

	(void)state;
	site_open(&site, shared, 1);
	load = (struct load){ .fleet = site.fleet, .log = &site.log };
	w1 = site_server(&site, "w1");
	assert_int_equal(report_take(&load, w1, SOURCE_AGENT, REPORT_TAKEN, &record, now), REPORT_TAKEN);
	assert_true(select_in_flight(w1, now, &under_way) == 5);
	assert_true(select_in_flight(w1->shadow, now, &under_way) == 5);
	w1->backend->balance->book(w1->shadow, now, &site.scratch.picker);
	select_settle(&site.scratch.picker, now);
	assert_true(select_in_flight(w1, now, &under_way) == 5);
	assert_true(select_in_flight(w1->shadow, now, &under_way) == 6);
	site_close(&site);
}

/* Whatever changes, at every moment. */
static void both_pick_among_the_same_servers(void **state)
{
	const struct backend *web;
	struct random random;
	struct site site;

	(void)state;
	site_open(&site, shared, 1);
	random_seed(&random, 3);
	web = fleet_find(site.fleet, "web");
	for (unsigned turn = 0; turn < 500; turn++) {
		struct server *server = web->servers[random_below(&random, 3)];

		if (random_below(&random, 2))
			server_set_admin(site.fleet, server, (enum server_admin)random_below(&random, 3), "test", SITE_START);
		else
			server_set_weight(site.fleet, server, random_below(&random, 3), "test", SITE_START);
		assert_int_equal(backend_n_usable(web), backend_n_usable(web->shadow));
		for (uint32_t i = 0; i < backend_n_usable(web); i++) {
			assert_ptr_equal(backend_usable(web, i)->shadow, backend_usable(web->shadow, i));
			assert_ptr_equal(backend_usable(web, i), backend_usable(web->shadow, i)->real);
			assert_int_equal(server_status(backend_usable(web->shadow, i)), SERVER_UP);
		}
	}
	site_close(&site);
}

/* Over a reload, too, what a trial has learnt goes on; with a backend that has begun one there is a fresh shadow. */
static void a_reload_keeps_both(void **state)
{
	struct site old, site, last;
	struct server *w1;

	(void)state;
	site_open(&old, shared, 1);
	for (unsigned i = 0; i < 10; i++)
		ask(&old, "try");
	server_set_admin(old.fleet, site_server(&old, "w1"), ADMIN_DRAIN, "test", SITE_START);
	site_open(&site, shared, 1);
	fleet_adopt(site.fleet, old.fleet, SITE_START + 1);
	site_close(&old);
	w1 = site_server(&site, "w1");
	assert_int_equal(booked(w1->shadow) + booked(site_server(&site, "w2")->shadow), 10);
	assert_int_equal(server_status(w1), SERVER_DRAIN);
	assert_int_equal(server_status(w1->shadow), SERVER_DRAIN);
	assert_string_equal(backend_usable(w1->backend->shadow, 0)->name, "w3");
	site_open(&last, "frontend route\n  default_backend web\nbackend web\n" SERVERS, 1);
	fleet_adopt(last.fleet, site.fleet, SITE_START + 2);
	site_close(&site);
	assert_null(site_server(&last, "w1")->shadow);
	assert_int_equal(server_status(site_server(&last, "w1")), SERVER_DRAIN);
	site_close(&last);
}

/* A backend is only doubled where a dry run may come to it. */
static void who_needs_no_shadow_has_none(void **state)
{
	static const struct {
		const char *backend;
		bool shadow;
	} cases[] = { { "a", true }, { "b", true }, { "c", false }, { "d", false } };
	struct site site;

	(void)state;
	site_open(&site,
		  "frontend route\n  option dry-run\n  default_backend a\n"
		  "frontend other\n  default_backend d\n"
		  "backend a\n  fallback-backend b\n" SERVERS "backend b\n  fallback-backend c\n" SERVERS
		  "backend c\n" SERVERS "backend d\n" SERVERS,
		  1);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(fleet_find(site.fleet, cases[i].backend)->shadow != NULL, cases[i].shadow);
	site_close(&site);
	site_open(&site, "frontend route\n  option dry-run\n  use_backend %[path]\nbackend a\n" SERVERS, 1);
	assert_non_null(fleet_find(site.fleet, "a")->shadow);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_says_where_to_go),
		cmocka_unit_test(a_location_that_would_not_fit_is_told),
		cmocka_unit_test(a_trial_leaves_no_trace_in_production),
		cmocka_unit_test(reports_come_to_both),
		cmocka_unit_test(both_pick_among_the_same_servers),
		cmocka_unit_test(a_reload_keeps_both),
		cmocka_unit_test(who_needs_no_shadow_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
