/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for least-load in any state: many states at random, from fixed seeds. And two workers at once. */
#include <math.h>
#include <pthread.h>

#include "tests/unit/site.h"

#define STATES 300u
#define MOST   40u
#define MASS   1e-6

/* n servers in this order, from a random state of their own that does not depend on the order. */
static void open_servers(struct site *site, const unsigned *order, unsigned n, uint64_t seed)
{
	char text[100 * MOST];
	int used = snprintf(text, sizeof(text), "backend web\n");

	for (unsigned i = 0; i < n; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
				 "  server s%u 192.0.2.1:80 redir http://s%u.example.com weight %u\n", order[i],
				 order[i], 1 + order[i] % 7);
	site_open(site, text, seed);
}

static struct backend *backend_of(const struct site *site)
{
	return fleet_backend(site->fleet, 0);
}

static struct server_load *load_of(const struct site *site, unsigned i)
{
	return &backend_of(site)->servers[i]->state->load;
}

static double any(struct random *random, double most)
{
	return most * (double)(random_bits(random) >> 11) * 0x1p-53;
}

/* By the server's number, so that it is the same wherever it stands. */
static void set_load(struct site *site, unsigned i, unsigned number, uint64_t seed)
{
	const struct load_report report = { .has = LOAD_Q, .q = 1 };
	struct server_load *load = load_of(site, i);
	struct random random;

	random_seed(&random, seed * 1000 + number);
	backend_of(site)->balance->report(backend_of(site)->servers[i], &report, SITE_START);
	load->known = LOAD_KNOWN;
	load->z = any(&random, 3);
	load->est = load->z + any(&random, 20);
	load->mu = 0.5 + any(&random, 4);
	load->dir = any(&random, 2);
	load->scale = (1 + load->dir / load->mu) / load->mu;
}

static void set_state(struct site *site, const unsigned *order, unsigned n, uint64_t seed)
{
	struct backend_state *all;
	struct random random;

	open_servers(site, order, n, seed);
	all = backend_of(site)->state;
	for (unsigned i = 0; i < n; i++)
		set_load(site, i, order[i], seed);
	fleet_refresh(site->fleet, SITE_START);
	/* as refresh learns speeds anew */
	for (unsigned i = 0; i < n; i++)
		set_load(site, i, order[i], seed);
	random_seed(&random, seed);
	all->m = 1 + any(&random, 15);
	all->choices = 1 + random_below(&random, 20);
}

static unsigned any_size(uint64_t seed, unsigned most)
{
	struct random random;

	random_seed(&random, seed + 77);
	return 2 + random_below(&random, most - 1);
}

static void in_order(unsigned *order)
{
	for (unsigned i = 0; i < MOST; i++)
		order[i] = i;
}

static void shuffle(unsigned *order, unsigned n, uint64_t seed)
{
	struct random random;

	random_seed(&random, seed);
	for (unsigned i = n; i > 1; i--) {
		unsigned other = random_below(&random, i), last = order[i - 1];

		order[i - 1] = order[other];
		order[other] = last;
	}
}

/* est, z, booked, P and F beyond it, over all servers. */
struct mass {
	double est, z, own, P, F;
};

static struct mass mass_of(const struct site *site)
{
	struct mass mass = { 0 };

	for (unsigned i = 0; i < backend_of(site)->n_servers; i++) {
		const struct server_load *load = load_of(site, i);

		mass.est += load->est;
		mass.z += load->z;
		mass.own += (double)load->booked;
		mass.P += (double)load->booked + load->more_P;
		mass.F += (double)load->booked + load->more_F;
	}
	return mass;
}

/* A booking adds one of mine, and all agents' m, however many servers they are spread over. */
static void mass_is_conserved(void **state)
{
	unsigned order[MOST];

	(void)state;
	in_order(order);
	for (uint64_t seed = 1; seed <= STATES; seed++) {
		struct mass before, after;
		struct site site;
		double m;

		set_state(&site, order, any_size(seed, MOST), seed);
		m = backend_of(&site)->state->m;
		before = mass_of(&site);
		assert_non_null(site_book(&site, SITE_START));
		after = mass_of(&site);
		assert_true(after.own == before.own + 1);
		assert_true(fabs(after.est - before.est - m) < MASS);
		assert_true(fabs(after.z - before.z - m) < MASS);
		assert_true(fabs(after.P - before.P - 1) < MASS);
		assert_true(fabs(after.F - before.F - m) < MASS);
		site_close(&site);
	}
}

/* How often each was chosen among the steps of one pick, by number. */
static void choose(struct site *site, unsigned *times)
{
	struct backend *backend = backend_of(site);
	struct server *picked = backend->balance->pick(backend, 0, SITE_START, &site->scratch.picker);
	const struct picker *picker = &site->scratch.picker;

	memset(times, 0, MOST * sizeof(*times));
	for (uint32_t i = 0; i < picker->n; i++)
		times[atoi(picker->shares[i].server->name + 1)] = picker->shares[i].times;
	if (picker->n == 0)
		times[atoi(picked->name + 1)] = 1;
}

/* Whoever has more to do is chosen less, or as often; the others more, or as often. */
static void more_load_never_attracts(void **state)
{
	unsigned order[MOST], moved = 0;

	(void)state;
	in_order(order);
	for (uint64_t seed = 1; seed <= STATES; seed++) {
		unsigned n = any_size(seed, PICK_SAMPLE), before[MOST], after[MOST], which = (unsigned)(seed % n);
		struct site site, other;

		set_state(&site, order, n, seed);
		choose(&site, before);
		site_close(&site);
		set_state(&other, order, n, seed);
		load_of(&other, which)->est = load_of(&other, which)->est + 2;
		choose(&other, after);
		site_close(&other);
		for (unsigned i = 0; i < n; i++)
			assert_true(i == which ? after[i] <= before[i] : after[i] >= before[i]);
		moved += before[which] != after[which];
	}
	assert_true(moved > STATES / 20);
}

/* In whatever order the servers are configured. */
static void the_order_of_servers_is_of_no_matter(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= STATES; seed++) {
		unsigned order[MOST], n = any_size(seed, PICK_SAMPLE), before[MOST], after[MOST];
		struct site site, other;

		in_order(order);
		set_state(&site, order, n, seed);
		choose(&site, before);
		site_close(&site);
		shuffle(order, n, seed);
		set_state(&other, order, n, seed);
		choose(&other, after);
		site_close(&other);
		assert_memory_equal(before, after, sizeof(before));
	}
}

static void change_a_server(struct site *site, struct random *random, double now)
{
	static const enum server_admin admins[] = { ADMIN_READY, ADMIN_DRAIN, ADMIN_MAINT };
	struct backend *backend = backend_of(site);
	struct server *server = backend->servers[random_below(random, (uint32_t)backend->n_servers)];
	const struct load_report report = { .has = LOAD_Q, .q = any(random, 30) };

	switch (random_below(random, 4)) {
	case 0:
		server_set_admin(site->fleet, server, admins[random_below(random, COUNT(admins))], "test", now);
		break;
	case 1:
		server_set_weight(site->fleet, server, random_below(random, 3) * 100, "test", now);
		break;
	case 2:
		server_set_health(site->fleet, server, random_below(random, 2), "test", now);
		break;
	default:
		backend->balance->report(server, &report, now);
	}
}

/* Nobody who is down, in maintenance, drained or of weight 0; and somebody as long as anyone is left. */
static void whoever_cannot_serve_is_never_picked(void **state)
{
	unsigned order[MOST], refused = 0;

	(void)state;
	in_order(order);
	for (uint64_t seed = 1; seed <= STATES / 10; seed++) {
		struct random random;
		struct site site;
		double now = SITE_START;

		random_seed(&random, seed);
		open_servers(&site, order, any_size(seed, MOST), seed);
		for (unsigned step = 0; step < 300; step++) {
			const struct server *server;

			change_a_server(&site, &random, now += any(&random, 0.3));
			if (step % 5 == 0)
				fleet_refresh(site.fleet, now);
			server = site_book(&site, now);
			refused += server == NULL;
			if (server)
				assert_int_equal(server_status(server), SERVER_UP);
			else
				assert_int_equal(backend_n_usable(backend_of(&site)), 0);
		}
		site_close(&site);
	}
	assert_true(refused > 0);
}

/* ---- two workers, while reports arrive ---- */

#define PICKS 20000u

struct worker {
	struct backend *backend;
	_Atomic unsigned *step;
	unsigned picks;
	uint64_t seed;
};

static double time_of(const _Atomic unsigned *step)
{
	return SITE_START + 1e-4 * atomic_load_explicit(step, memory_order_relaxed);
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct picker picker = { .n = 0 };

	random_seed(&picker.random, worker->seed);
	while (worker->picks < PICKS) {
		double now = time_of(worker->step);
		struct server *server = worker->backend->balance->pick(worker->backend, 0, now, &picker);

		if (!server)
			continue;
		worker->backend->balance->book(server, now, &picker);
		worker->picks++;
		if (worker->picks % 16 == 0 || worker->picks == PICKS) /* a turn ends */
			select_settle(&picker, now);
		atomic_fetch_add_explicit(worker->step, 1, memory_order_relaxed);
	}
	return NULL;
}

/* The control thread's part; nothing is reported to be in flight that was not sent there. */
static void report_in_turn(struct site *site, _Atomic unsigned *step)
{
	struct backend *backend = backend_of(site);
	unsigned n = (unsigned)backend->n_servers;

	for (unsigned i = 0; atomic_load(step) < 2 * PICKS; i++) {
		struct server *server = backend->servers[i % n];
		double booked = (double)atomic_load(&server->state->load.booked), q = booked > 5 ? 5 : booked;
		const struct load_report report = {
			.has = LOAD_Q | LOAD_A | LOAD_C, .q = q, .A = booked, .C = booked - q
		};

		backend->balance->report(server, &report, time_of(step));
		if (i % n == 0)
			fleet_refresh(site->fleet, time_of(step));
		if (i % 64 == 0)
			server_set_admin(site->fleet, server, i / 64 % 2 ? ADMIN_READY : ADMIN_DRAIN, "test",
					 time_of(step));
	}
}

static void two_pick_while_reports_arrive(void **state)
{
	_Atomic unsigned step = 0;
	unsigned order[MOST];
	struct worker workers[2];
	pthread_t threads[2];
	struct site site;
	uint64_t booked = 0;

	(void)state;
	in_order(order);
	set_state(&site, order, 20, 5);
	for (unsigned i = 0; i < 2; i++) {
		workers[i] = (struct worker){ .backend = backend_of(&site), .step = &step, .seed = i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	report_in_turn(&site, &step);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 20; i++) {
		const struct server_load *load = load_of(&site, i);

		booked += load->booked;
		assert_true(load->est >= 0 && load->est < 10 * PICKS);
		assert_true(load->z >= 0 && load->z < 10 * PICKS);
		assert_true(load->mu > 0 && isfinite(load->scale));
	}
	assert_int_equal(booked, 2 * PICKS);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mass_is_conserved),
		cmocka_unit_test(more_load_never_attracts),
		cmocka_unit_test(the_order_of_servers_is_of_no_matter),
		cmocka_unit_test(whoever_cannot_serve_is_never_picked),
		cmocka_unit_test(two_pick_while_reports_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
