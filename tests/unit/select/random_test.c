/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance random`: draws by weight, and the better of them. Bounds are four standard deviations wide. */
#include <math.h>

#include "tests/unit/site.h"

static void open_fleet(struct site *site, const char *balance, unsigned n, const char *const *parameters)
{
	char text[8192];
	size_t used = (size_t)sprintf(text, "backend web\n  balance %s\n", balance);

	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.example.com %s\n", i,
					i, parameters ? parameters[i] : "");
	site_open(site, text, 7);
}

static void draw(struct site *site, unsigned n, double now, unsigned *counts)
{
	struct backend *backend = fleet_backend(site->fleet, 0);

	memset(counts, 0, backend->n_servers * sizeof(*counts));
	for (; n > 0; n--)
		counts[backend->balance->pick(backend, 0, now, &site->scratch.picker)->index]++;
}

static void report(const struct site *site, unsigned i, double q, double now)
{
	const struct load_report told = { .has = LOAD_Q, .q = q };
	struct backend *backend = fleet_backend(site->fleet, 0);

	backend->balance->report(backend->servers[i], &told, now);
}

static void one_draw_goes_by_weight_alone(void **state)
{
	static const char *const parameters[] = { "weight 1", "weight 3", "weight 0", "weight 4" };
	unsigned counts[4];
	struct site site;

	(void)state;
	open_fleet(&site, "random(1)", 4, parameters);
	report(&site, 1, 100, SITE_START);
	draw(&site, 8000, SITE_START, counts);
	assert_in_range(counts[0], 1000 - 119, 1000 + 119);
	assert_in_range(counts[1], 3000 - 174, 3000 + 174);
	assert_int_equal(counts[2], 0);
	site_close(&site);
}

/* The one that is busy is taken only where all draws were of it. */
static void the_better_of_the_draws_is_taken(void **state)
{
	static const struct {
		const char *balance;
		unsigned draws;
	} cases[] = { { "random", 2 }, { "random(2)", 2 }, { "random(3)", 3 }, { "random(5)", 5 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double share = pow(0.25, cases[i].draws);
		unsigned counts[4], slack = (unsigned)(4 * sqrt(16000 * share) + 1), mean = (unsigned)(16000 * share);
		struct site site;

		open_fleet(&site, cases[i].balance, 4, NULL);
		report(&site, 2, 50, SITE_START);
		draw(&site, 16000, SITE_START, counts);
		assert_in_range(counts[2], mean > slack ? mean - slack : 0, mean + slack);
		site_close(&site);
	}
}

/* More in flight, picked less: whatever the server's number. */
static void who_has_more_in_flight_is_picked_less(void **state)
{
	unsigned counts[4];
	struct site site;

	(void)state;
	open_fleet(&site, "random", 4, NULL);
	for (unsigned i = 0; i < 4; i++)
		report(&site, i, 10 * ((i + 2) % 4), SITE_START);
	draw(&site, 16000, SITE_START, counts);
	assert_true(counts[2] > counts[3] && counts[3] > counts[0] && counts[0] > counts[1]);
	assert_in_range(counts[2], 7000 - 260, 7000 + 260); /* 1 − (3/4)² */
	site_close(&site);
}

/* What was booked counts, with no report at all: of two draws the fuller is never taken. */
static void what_was_sent_there_counts_without_reports(void **state)
{
	static const char *const parameters[] = { "weight 1", "weight 1", "weight 1", "weight 1", "weight 4" };
	unsigned counts[5];
	struct site site;

	(void)state;
	open_fleet(&site, "random(2)", 5, parameters);
	site_spread(&site, 800, SITE_START, counts);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(counts[i], 100 - 12, 100 + 12);
	assert_in_range(counts[4], 400 - 24, 400 + 24);
	site_close(&site);
}

static void who_cannot_serve_is_not_drawn(void **state)
{
	unsigned counts[3];
	struct site site;

	(void)state;
	open_fleet(&site, "random", 3, NULL);
	server_set_admin(site.fleet, site_server(&site, "s1"), ADMIN_DRAIN, "test", SITE_START);
	draw(&site, 1000, SITE_START, counts);
	assert_int_equal(counts[1], 0);
	server_set_admin(site.fleet, site_server(&site, "s0"), ADMIN_MAINT, "test", SITE_START);
	server_set_admin(site.fleet, site_server(&site, "s2"), ADMIN_MAINT, "test", SITE_START);
	assert_string_equal(site_pick(&site, SITE_START), "-");
	site_close(&site);
}

/* A weight that is set scales what the server is taken to complete, too. */
static void a_weight_set_at_run_time_counts(void **state)
{
	unsigned counts[2];
	struct site site;

	(void)state;
	open_fleet(&site, "random", 2, NULL);
	server_set_weight(site.fleet, site_server(&site, "s1"), 3, "test", SITE_START);
	site_spread(&site, 400, SITE_START, counts);
	assert_in_range(counts[1], 300 - 20, 300 + 20);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_draw_goes_by_weight_alone),
		cmocka_unit_test(the_better_of_the_draws_is_taken),
		cmocka_unit_test(who_has_more_in_flight_is_picked_less),
		cmocka_unit_test(what_was_sent_there_counts_without_reports),
		cmocka_unit_test(who_cannot_serve_is_not_drawn),
		cmocka_unit_test(a_weight_set_at_run_time_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
