/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance least-load`, formula by formula, against examples that were worked out by hand. */
#include <math.h>

#include "tests/unit/site.h"

#define COUNTERS (LOAD_Q | LOAD_A | LOAD_C | LOAD_B)

static void open_servers(struct site *site, const char *global, unsigned n)
{
	char text[1000];
	int used = snprintf(text, sizeof(text), "global\n  %s\nbackend web\n", global);

	for (unsigned i = 0; i < n; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
				 "  server s%u 192.0.2.1:80 redir http://s%u.example.com\n", i, i);
	site_open(site, text, 1);
}

static struct backend *backend_of(const struct site *site)
{
	return fleet_backend(site->fleet, 0);
}

static struct server_load *load_of(const struct site *site, unsigned i)
{
	return &backend_of(site)->servers[i]->state->load;
}

static void tell(struct site *site, unsigned i, unsigned has, double q, double A, double C, double B, double after)
{
	const struct load_report report = { .has = has, .q = q, .A = A, .C = C, .B = B };

	backend_of(site)->balance->report(backend_of(site)->servers[i], &report, SITE_START + after);
}

static void tell_utilisation(struct site *site, unsigned i, double u, double after)
{
	const struct load_report report = { .has = LOAD_U, .u = u };

	backend_of(site)->balance->report(backend_of(site)->servers[i], &report, SITE_START + after);
}

static void book(struct site *site, unsigned i, unsigned times, double after)
{
	struct picker alone = { .n = 0 };

	for (; times > 0; times--)
		backend_of(site)->balance->book(backend_of(site)->servers[i], SITE_START + after, &alone);
	select_settle(&alone, SITE_START + after);
}

/* At server 0, from then on. */
static void set_in_flight(struct site *site, double est, double z, double after)
{
	load_of(site, 0)->est = est;
	load_of(site, 0)->z = z;
	load_of(site, 0)->at = SITE_START + after;
}

static void expect(const char *what, double value, double wanted)
{
	if (!(fabs(value - wanted) <= 1e-5 + 1e-5 * fabs(wanted)))
		fail_msg("%s is %.9g, not %.9g", what, value, wanted);
}

/*
 * One server, asked each second. The first report is only what the others are counted from; before the second four clients
 * are sent there, before the third two. w = 0.05 (1 − e^−20) / 1.
 */
static void three_reports(struct site *site)
{
	open_servers(site, "", 1);
	tell(site, 0, COUNTERS, 3, 100, 97, 50, 0);
	book(site, 0, 4, 0.2);
	fleet_refresh(site->fleet, SITE_START + 0.99);
	backend_of(site)->state->rate = 2; /* R, so that mu0 is 2 */
	tell(site, 0, COUNTERS, 2, 106, 104, 50.8, 1);
}

static void the_first_report_is_only_a_beginning(void **state)
{
	struct site site;

	(void)state;
	open_servers(&site, "", 1);
	book(&site, 0, 3, 0.2);
	tell(&site, 0, COUNTERS, 3, 100, 97, 50, 0.9);
	expect("SA", backend_of(&site)->state->peers.SA, 0);
	expect("cC", load_of(&site, 0)->cC, 0);
	expect("cB", load_of(&site, 0)->cB, 0);
	expect("l", load_of(&site, 0)->l, 0);
	assert_true(fabs(load_of(&site, 0)->est - 3) < 1e-2);
	site_close(&site);
}

static void a_report_teaches(void **state)
{
	const struct server_load *load;
	const struct peers *peers;
	struct site site;

	(void)state;
	three_reports(&site);
	load = load_of(&site, 0);
	peers = &backend_of(&site)->state->peers;
	expect("SA", peers->SA, 6);
	expect("SO", peers->SO, 4);
	expect("SX", peers->SX, 3.8 * 3.8);
	expect("SY", peers->SY, 3.8 * 6);
	expect("m", backend_of(&site)->state->m, 1); /* four are too few to tell */
	expect("p", load->p, 0.361617812);           /* (1 − e^−0.1) · 3.8 */
	expect("l", load->l, 0.570975492);           /* … · 6 */
	expect("dir", load->dir, 0.209357680);       /* … · (6 − 3.8) */
	expect("P", load->P, 0.2);
	expect("F", load->F, 0.2);
	expect("cC", load->cC, 7);
	expect("cB", load->cB, 0.8);
	expect("mu", load->mu, 37 / 15.8);
	expect("(1 + dir/mu) / mu", load->scale, 0.465203836);
	expect("T", peers->T, 1);
	assert_true(fabs(load->est - 2) < 2e-3); /* those who were on their way have arrived */
	site_close(&site);
}

/* SA = 6 e^−0.1 + 16, SO = 4 e^−0.1 + 2: a = 3.8134; x = 2.09 − 0.3616, y = 16 − 0.5710: c = 2.7539. */
static void other_agents_show_in_what_arrives(void **state)
{
	const struct server_load *load;
	const struct peers *peers;
	struct site site;

	(void)state;
	three_reports(&site);
	load = load_of(&site, 0);
	peers = &backend_of(&site)->state->peers;
	book(&site, 0, 2, 1.5);
	tell(&site, 0, COUNTERS, 11, 122, 111, 51.8, 2);
	expect("SA", peers->SA, 21.429024508);
	expect("SO", peers->SO, 5.619349672);
	expect("SX", peers->SX, 17.188632785);
	expect("SY", peers->SY, 49.090400293);
	expect("m", backend_of(&site)->state->m, 3.069552598);
	expect("half", backend_of(&site)->state->half_busy, 1 - 0.5 * 5.619349672 / 21.429024508);
	expect("p", load->p, 0.526095123);
	expect("l", load->l, 2.039241301);
	expect("dir", load->dir, 1.513146178);
	expect("P", load->P, 0.11);
	expect("cC", load->cC, 7 * 0.951229425 + 7);
	expect("cB", load->cB, 0.8 * 0.951229425 + 1);
	site_close(&site);
}

/* More is assigned than arrives: a mean below 0 is none, neither for what drains nor for what a client costs. */
static void arrivals_below_none_are_none(void **state)
{
	const struct server_load *load;
	struct site site;
	double z;

	(void)state;
	three_reports(&site);
	load = load_of(&site, 0);
	book(&site, 0, 40, 1.5);
	tell(&site, 0, COUNTERS, 0, 106, 106, 51, 2);
	assert_true(load->direct < -3);
	expect("dir", load->dir, 0);
	expect("scale", load->scale, 1 / load->mu);
	assert_true(select_in_flight(backend_of(&site)->servers[0], SITE_START + 60, &z) >= z);
	site_close(&site);
}

/* 5 in flight, 2 of them under way, mu 4, dir 1: z = 2 e^−0.5, y = 5 − z + 0.025, of which x is left: x = y − 0.1 x / (½ + x). */
static void what_is_in_flight_drains(void **state)
{
	struct server_load *load;
	struct site site;
	double z, est;

	(void)state;
	open_servers(&site, "", 1);
	load = load_of(&site, 0);
	load->est = 5;
	load->z = 2;
	load->mu = 4;
	load->dir = 1;
	load->at = SITE_START;
	est = select_in_flight(backend_of(&site)->servers[0], SITE_START + 0.025, &z);
	assert_true(fabs(z - 1.213061) < 1e-3);
	assert_true(fabs(est - z - 3.723776) < 1e-3);
	expect("est, no time later", select_in_flight(backend_of(&site)->servers[0], SITE_START, &z), 5);
	site_close(&site);
}

/* R = (40 + 200) / (1 · 20 + 4 · 25) = 2: mu = (40 + 30) / (20 + 30/2) and (200 + 30) / (25 + 30/8). */
static void speed_is_learnt_from_completions(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  server a 192.0.2.1:80 redir http://a.example.com\n"
		  "  server b 192.0.2.1:80 redir http://b.example.com weight 4\n",
		  1);
	load_of(&site, 0)->cC = 40;
	load_of(&site, 0)->cB = 20;
	load_of(&site, 1)->cC = 200;
	load_of(&site, 1)->cB = 25;
	fleet_refresh(site.fleet, SITE_START + 1);
	expect("R", backend_of(&site)->state->rate, 2);
	expect("mu of a", load_of(&site, 0)->mu, 2);
	expect("mu of b", load_of(&site, 1)->mu, 8);
	server_set_weight(site.fleet, backend_of(&site)->servers[1], 2, "test", SITE_START + 1);
	expect("mu of b at half its weight", load_of(&site, 1)->mu, 4);
	site_close(&site);
}

/* K = round(1 + (m − 1) · min(1, r_own · (T + 0.05))), 64 at most. */
static void choices_are_as_many_as_peers_with_the_same_reports(void **state)
{
	static const struct {
		double m, rate, T;
		unsigned K;
	} cases[] = {
		{ 1, 100, 1, 1 },  { 5, 10, 1, 5 },     { 5, 0.2, 1, 2 },   { 5, 0.1, 1, 1 },
		{ 16, 2, 0.1, 6 }, { 200, 100, 1, 64 }, { 3.4, 100, 5, 3 }, { 5, 0, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct backend_state *all;
		struct site site;

		open_servers(&site, "", 2);
		all = backend_of(&site)->state;
		fleet_refresh(site.fleet, SITE_START + 1);
		all->m = cases[i].m;
		all->own_rate = cases[i].rate;
		all->peers.T = cases[i].T;
		fleet_refresh(site.fleet, SITE_START + 1);
		if (all->choices != cases[i].K)
			fail_msg("case %zu: %u choices", i, (unsigned)all->choices);
		site_close(&site);
	}
}

/* 1¼ − ¾/a: half of itself; with peers, and where clients come back, more. */
static void a_client_counts_half_for_itself_and_more_in_company(void **state)
{
	static const struct {
		const char *agents;
		double self;
	} cases[] = { { "", 0.5 }, { "agents 2", 0.875 }, { "agents 4", 1.0625 } };
	struct site site;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server;

		open_servers(&site, cases[i].agents, 1);
		tell(&site, 0, LOAD_Q, 3, 0, 0, 0, 0);
		fleet_refresh(site.fleet, SITE_START);
		server = backend_of(&site)->servers[0];
		expect("cost", backend_of(&site)->balance->cost(backend_of(&site), server, SITE_START),
		       (3 + cases[i].self) / load_of(&site, 0)->mu);
		site_close(&site);
	}
	three_reports(&site); /* SA = 6, SO = 4: too few to tell */
	expect("half", backend_of(&site)->state->half_busy, 0.5);
	site_close(&site);
}

/* (est + ½) (1 + dir/mu) / mu is least. */
static void the_cheapest_is_picked(void **state)
{
	static const struct {
		double est[3], mu[3], dir[3];
		unsigned picked;
	} cases[] = {
		{ { 3, 2, 4 }, { 1, 1, 1 }, { 0, 0, 0 }, 1 },     /* 3.5, 2.5, 4.5 */
		{ { 3, 2, 4 }, { 1, 1, 2 }, { 0, 0, 0 }, 2 },     /* 3.5, 2.5, 2.25 */
		{ { 3, 2, 4 }, { 1, 1, 2 }, { 0, 0, 1 }, 1 },     /* 3.5, 2.5, 3.375 */
		{ { 0, 0, 0 }, { 1, 4, 2 }, { 0, 14, 0 }, 2 },    /* 0.5, 0.5625, 0.25 */
		{ { 0, 0, 0 }, { 1, 4, 2 }, { 0, 3.9, 0 }, 1 },   /* 0.5, 0.247, 0.25 */
		{ { 9, 37.5, 20 }, { 1, 4, 2 }, { 0, 0, 0 }, 1 }, /* 9.5, 9.5 less a hair, 10.25 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;

		open_servers(&site, "", 3);
		for (unsigned j = 0; j < 3; j++)
			tell(&site, j, LOAD_Q, 1, 0, 0, 0, 0);
		fleet_refresh(site.fleet, SITE_START);
		for (unsigned j = 0; j < 3; j++) {
			struct server_load *load = load_of(&site, j);
			double mu = cases[i].mu[j];

			load->est = cases[i].est[j] - (j == 1 ? 1e-6 : 0);
			load->mu = mu;
			load->dir = cases[i].dir[j];
			load->scale = (1 + load->dir / mu) / mu;
		}
		for (unsigned draw = 0; draw < 20; draw++)
			assert_int_equal(backend_of(&site)
						 ->balance->pick(backend_of(&site), 0, SITE_START, &site.scratch.picker)
						 ->index,
					 cases[i].picked);
		site_close(&site);
	}
}

/*
 * Three for each of mine, four steps over two equals: two each. Who is picked has one more of mine, both have
 * (3 − 1) · 2/4 of the peers'; P is 2/4 for both, F 1 + 1 and 1.
 */
static void what_peers_are_expected_to_choose_is_booked(void **state)
{
	struct server *server;
	unsigned mine;
	struct site site;

	(void)state;
	open_servers(&site, "", 2);
	for (unsigned i = 0; i < 2; i++)
		tell(&site, i, COUNTERS, 5, 50, 45, 10, 0);
	fleet_refresh(site.fleet, SITE_START);
	backend_of(&site)->state->m = 3;
	backend_of(&site)->state->choices = 4;
	server = site_book(&site, SITE_START);
	mine = server->index;
	expect("est", load_of(&site, mine)->est, 7);
	expect("z", load_of(&site, mine)->z, 2);
	expect("the other's est", load_of(&site, !mine)->est, 6);
	expect("the other's z", load_of(&site, !mine)->z, 1);
	assert_int_equal(load_of(&site, mine)->booked, 1);
	expect("P − own", load_of(&site, mine)->more_P, -0.5);
	expect("the other's P", load_of(&site, !mine)->more_P, 0.5);
	expect("F − own", load_of(&site, mine)->more_F, 1);
	expect("the other's F", load_of(&site, !mine)->more_F, 1);
	site_close(&site);
}

/* At first u / (1.03 − u); then y = u (h + y), h = 1 − ½/3; "full" gets away from 0 as a random walk does. */
static void utilisation_tells_what_is_in_flight(void **state)
{
	struct site site;

	(void)state;
	open_servers(&site, "agents 3", 2);
	expect("m", backend_of(&site)->state->m, 3);
	tell_utilisation(&site, 0, 0.5, 0);
	expect("at a half", load_of(&site, 0)->est, 0.943396226);
	set_in_flight(&site, 4, 0, 1);
	tell_utilisation(&site, 0, 0.96, 1);
	expect("at 96 %", load_of(&site, 0)->est, 0.96 * (4 + 5.0 / 6));
	set_in_flight(&site, 4, 3, 2);
	tell_utilisation(&site, 0, 0.25, 2);
	expect("of those who are there", load_of(&site, 0)->est, 3 + 0.25 * (1 + 5.0 / 6));
	set_in_flight(&site, 4, 1, 3);
	backend_of(&site)->state->rate = 6;
	tell_utilisation(&site, 0, 0.98, 3);
	expect("full", load_of(&site, 0)->est, 1 + sqrt(4 * 4 + 2 * load_of(&site, 0)->mu) - 1);
	set_in_flight(&site, 0, 0, 4);
	tell_utilisation(&site, 0, 0, 4);
	expect("idle", load_of(&site, 0)->est, 0);
	expect("m", backend_of(&site)->state->m, 3); /* nothing is learnt of that */
	site_close(&site);
}

/* Thirty clients that were sent half a second ago are not gone because their server was idle for most of the time before. */
static void utilisation_does_not_forget_what_was_just_sent(void **state)
{
	struct site site;
	double before;

	(void)state;
	open_servers(&site, "", 2);
	for (unsigned second = 0; second < 5; second++) {
		tell_utilisation(&site, 0, 0.5, second);
		tell_utilisation(&site, 1, 0.5, second);
		fleet_refresh(site.fleet, SITE_START + second + 0.1);
		book(&site, 0, 10, second + 0.1);
		book(&site, 1, 10, second + 0.1);
	}
	book(&site, 0, 30, 4.5);
	before = select_in_flight(backend_of(&site)->servers[0], SITE_START + 5, &(double){ 0 });
	tell_utilisation(&site, 0, 0.6, 5);
	tell_utilisation(&site, 1, 0.7, 5);
	fleet_refresh(site.fleet, SITE_START + 5);
	assert_true(load_of(&site, 0)->est > before / 2);
	assert_int_equal(site_book(&site, SITE_START + 5)->index, 1);
	site_close(&site);
}

/* Where neither busy time nor utilisation is told, the share of the samples that found work. */
static void busy_time_follows_from_what_was_found(void **state)
{
	static const struct {
		double before, after, cB;
	} cases[] = { { 0, 0, 0 }, { 0, 3, 0.5 }, { 2, 0, 0.5 }, { 1, 7, 1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;

		open_servers(&site, "", 1);
		tell(&site, 0, LOAD_Q | LOAD_A, cases[i].before, 100, 0, 0, 0);
		tell(&site, 0, LOAD_Q | LOAD_A, cases[i].after, 110, 0, 0, 1);
		expect("cB", load_of(&site, 0)->cB, cases[i].cB);
		expect("cC", load_of(&site, 0)->cC, 10 + cases[i].before - cases[i].after);
		site_close(&site);
	}
}

/* New base values, est as told, sums as they were. */
static void a_server_that_counts_anew_was_restarted(void **state)
{
	struct site site;

	(void)state;
	three_reports(&site);
	book(&site, 0, 5, 1.99);
	tell(&site, 0, COUNTERS, 1, 3, 2, 0.4, 2);
	expect("est", load_of(&site, 0)->est, 1);
	expect("z", load_of(&site, 0)->z, 0);
	expect("cC", load_of(&site, 0)->cC, 7);
	expect("SA", backend_of(&site)->state->peers.SA, 6);
	tell(&site, 0, COUNTERS, 1, 5, 4, 0.9, 3);
	expect("cC", load_of(&site, 0)->cC, 7 * 0.951229425 + 2);
	site_close(&site);
}

static void of_two_reports_at_once_the_newer_counts(void **state)
{
	struct site site;

	(void)state;
	three_reports(&site);
	tell(&site, 0, COUNTERS, 4, 108, 104, 50.8, 1.0005);
	assert_true(fabs(load_of(&site, 0)->est - 4) < 2e-3);
	expect("SA", backend_of(&site)->state->peers.SA, 6);
	tell(&site, 0, COUNTERS, 4, 109, 105, 51, 2);
	expect("cC", load_of(&site, 0)->cC, 7 * 0.951229425 + 1);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_report_is_only_a_beginning),
		cmocka_unit_test(a_report_teaches),
		cmocka_unit_test(other_agents_show_in_what_arrives),
		cmocka_unit_test(arrivals_below_none_are_none),
		cmocka_unit_test(what_is_in_flight_drains),
		cmocka_unit_test(speed_is_learnt_from_completions),
		cmocka_unit_test(choices_are_as_many_as_peers_with_the_same_reports),
		cmocka_unit_test(a_client_counts_half_for_itself_and_more_in_company),
		cmocka_unit_test(the_cheapest_is_picked),
		cmocka_unit_test(what_peers_are_expected_to_choose_is_booked),
		cmocka_unit_test(utilisation_tells_what_is_in_flight),
		cmocka_unit_test(utilisation_does_not_forget_what_was_just_sent),
		cmocka_unit_test(busy_time_follows_from_what_was_found),
		cmocka_unit_test(a_server_that_counts_anew_was_restarted),
		cmocka_unit_test(of_two_reports_at_once_the_newer_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
