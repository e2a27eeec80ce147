/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Among many servers least-load picks for the next request when the one before is answered: nobody may see that. */
#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define SERVERS  1200u
#define REQUESTS 3000u
#define TURN     7u

static const char *const policies[] = { "least-load", "least-load", "random", "first" };

/* more: further lines of each backend. */
static void open_many(struct site *site, unsigned backends, bool known, const char *more)
{
	const struct load_report report = { .has = LOAD_Q | LOAD_U, .q = 2, .u = 0.6 };
	char *text = malloc(backends * SERVERS * 80);
	size_t used = 0;

	for (unsigned i = 0; i < backends; i++) {
		used += (size_t)sprintf(text + used, "backend b%u\n  balance %s\n%s", i, policies[i], more);
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

	open_many(&site, 1, way->known, "");
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
		assert_true(!!picker->ahead == (picker->more && i > 0));
		if (i % TURN + 1 == TURN)
			select_settle(picker, now);
		sum = (sum ^ server->index) * 0x9e3779b97f4a7c15;
	}
	select_settle(picker, SITE_START + 2);
	for (unsigned j = 0; j < SERVERS; j++) {
		const struct server_load *load = &backend->servers[j]->state->load;
		double est = atomic_load(&load->est);

		/* while nothing is known it depends on where servers lie in memory, when they are booked */
		if (way->known)
			sum ^= hash_of(slice_of(&est, sizeof(est)));
		sum += atomic_load(&load->booked) * j;
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
	static const unsigned order[] = { 0, 0, 3, 0, 0, 1, 0, 1, 1, 2, 1, 0, 0, 2, 3, 0 };
	unsigned ahead = 0;
	struct site site;
	struct picker *picker = &site.scratch.picker;

	(void)state;
	open_many(&site, COUNT(policies), true, "");
	picker->more = true;
	for (unsigned i = 0; i < 2; i++)
		atomic_store(&fleet_backend(site.fleet, i)->state->choices, 4);
	for (unsigned i = 0; i < 100 * COUNT(order); i++) {
		unsigned which = order[i % COUNT(order)];
		struct server *server = select_pick(fleet_backend(site.fleet, which), 0, SITE_START + 1, picker);

		assert_ptr_equal(server->backend, fleet_backend(site.fleet, which));
		if (which < 2)
			assert_ptr_equal(picker->shares[picker->picked].server, server);
		assert_true((picker->n > 0) == (which < 2));
		select_book(server, SITE_START + 1, picker);
		ahead += picker->ahead != NULL;
	}
	assert_in_range(ahead, 1, 100 * COUNT(order));
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
	open_many(&site, 1, true, "");
	backend = fleet_backend(site.fleet, 0);
	picker->more = true;
	site_book(&site, SITE_START + 1);
	for (unsigned i = 0; i < 20; i++) {
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

/* The last that takes one is picked and booked, and then there is nobody to be looked for. */
static void nobody_is_picked_ahead_where_all_are_full(void **state)
{
	const struct load_report full = { .has = LOAD_Q, .q = 1 }, empty = { .has = LOAD_Q };
	struct site site;
	struct backend *backend;

	(void)state;
	open_many(&site, 1, false, "  default-server maxconn 1\n");
	backend = fleet_backend(site.fleet, 0);
	for (unsigned j = 0; j < SERVERS; j++)
		backend->balance->report(backend->servers[j], j % 8 ? &full : &empty, SITE_START + 1);
	fleet_refresh(site.fleet, SITE_START + 1);
	site.scratch.picker.more = true;
	for (unsigned i = 0; i < 1000; i++) {
		struct server *server = select_pick(backend, 0, SITE_START + 1, &site.scratch.picker);

		if (!server)
			break;
		assert_int_equal(server->index % 8, 0);
		select_book(server, SITE_START + 1, &site.scratch.picker);
	}
	assert_null(site.scratch.picker.ahead);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_are_picked_and_booked),
		cmocka_unit_test(nobody_gets_what_was_picked_for_another_backend),
		cmocka_unit_test(nobody_is_kept_beyond_the_turn),
		cmocka_unit_test(nobody_is_picked_ahead_where_all_are_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
