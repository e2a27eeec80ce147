/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Among many servers least-load picks for the next request while its predecessor's answer is written: nobody may see that. */
#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define SERVERS  1200u
#define REQUESTS 3000u
#define TURN     7u

static void open_many(struct site *site, unsigned backends, bool known)
{
	const struct load_report report = { .has = LOAD_Q | LOAD_U, .q = 2, .u = 0.6 };
	char *text = malloc(backends * SERVERS * 80);
	size_t used = 0;

	for (unsigned i = 0; i < backends; i++) {
		used += (size_t)sprintf(text + used, "backend b%u\n  balance %s\n", i,
					i == 2 ? "random" : "least-load");
		for (unsigned j = 0; j < SERVERS; j++)
			used += (size_t)sprintf(text + used,
						"  server s%u 192.0.2.1:80 redir http://s%u.example.com weight %u\n", j,
						j, 1 + j % 5);
	}
	site_open(site, text, 7);
	free(text);
	for (unsigned i = 0; known && i < backends; i++) {
		struct backend *backend = fleet_backend(site->fleet, i);

		for (unsigned j = 0; j < SERVERS; j++)
			backend->balance->report(backend->servers[j], &report, SITE_START + j * 1e-4);
	}
	fleet_refresh(site->fleet, SITE_START + 1);
}

struct way {
	bool known;
	uint32_t choices;
	double m;
};

/* What is chosen and booked in turns of some requests; more: each but the last knows that another one has come. */
static uint64_t run(const struct way *way, bool more)
{
	uint64_t sum = 0;
	struct site site;
	struct backend *backend;
	struct picker *picker = &site.scratch.picker;

	open_many(&site, 1, way->known);
	backend = fleet_backend(site.fleet, 0);
	atomic_store(&backend->state->choices, way->choices);
	atomic_store(&backend->state->m, way->m);
	for (unsigned i = 0; i < REQUESTS; i++) {
		double now = SITE_START + 1 + i / TURN * 1e-3;
		struct server *server;

		picker->more = more && i % TURN + 1 < TURN;
		server = select_pick(backend, 0, now, picker);
		assert_non_null(server);
		select_book(server, now, picker);
		assert_true(!!picker->ahead == picker->more);
		if (i % TURN + 1 == TURN)
			select_settle(picker, now);
		sum = (sum ^ server->index) * 0x9e3779b97f4a7c15;
	}
	for (unsigned j = 0; j < SERVERS; j++) {
		double est = atomic_load(&backend->servers[j]->state->load.est);

		sum ^= hash_of(slice_of(&est, sizeof(est)));
	}
	site_close(&site);
	return sum;
}

static void the_same_are_picked_and_booked(void **state)
{
	static const struct way ways[] = { { true, 1, 1 }, { true, 4, 3.5 }, { false, 1, 1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++)
		assert_true(run(&ways[i], true) == run(&ways[i], false));
}

/* Others' picks leave other shares to be booked, or none. */
static void nobody_gets_what_was_picked_for_another_backend(void **state)
{
	static const unsigned order[] = { 0, 0, 1, 0, 1, 1, 2, 1, 0, 2, 0 }, expected[] = { 500, 400, 200 };
	uint64_t booked[3] = { 0 };
	struct site site;
	struct picker *picker = &site.scratch.picker;

	(void)state;
	open_many(&site, 3, true);
	picker->more = true;
	for (unsigned i = 0; i < 3; i++)
		atomic_store(&fleet_backend(site.fleet, i)->state->choices, 4);
	for (unsigned i = 0; i < 1100; i++) {
		struct backend *backend = fleet_backend(site.fleet, order[i % COUNT(order)]);
		struct server *server = select_pick(backend, 0, SITE_START + 1, picker);

		assert_ptr_equal(server->backend, backend);
		assert_true(picker->n > 0 || order[i % COUNT(order)] == 2);
		select_book(server, SITE_START + 1, picker);
	}
	select_settle(picker, SITE_START + 1);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < SERVERS; j++)
			booked[i] += atomic_load(&fleet_backend(site.fleet, i)->servers[j]->state->load.booked);
		assert_int_equal(booked[i], expected[i]);
	}
	site_close(&site);
}

/* After a turn a server may be taken away, and its memory with it. */
static void nobody_is_kept_beyond_the_turn(void **state)
{
	struct site site;
	struct picker *picker = &site.scratch.picker;
	struct backend *backend;
	struct server *server;

	(void)state;
	open_many(&site, 1, true);
	backend = fleet_backend(site.fleet, 0);
	for (unsigned i = 0; i < 20; i++) {
		picker->more = true;
		server = select_pick(backend, 0, SITE_START + 1, picker);
		select_book(server, SITE_START + 1, picker);
		server = picker->ahead;
		assert_non_null(server);
		select_settle(picker, SITE_START + 1);
		server_set_admin(site.fleet, server, ADMIN_MAINT, "by hand", SITE_START + 1);
		fleet_refresh(site.fleet, SITE_START + 1);
		assert_ptr_not_equal(select_pick(backend, 0, SITE_START + 1, picker), server);
	}
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_are_picked_and_booked),
		cmocka_unit_test(nobody_gets_what_was_picked_for_another_backend),
		cmocka_unit_test(nobody_is_kept_beyond_the_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
