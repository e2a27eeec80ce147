/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers that pick and book while the control thread changes weights and states, for the thread sanitizer. */
#include <pthread.h>

#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define WORKERS 2u
#define CHANGES 300u
#define SERVERS 8u

struct work {
	struct site *site;
	atomic_bool *ends;
	unsigned seed;
	uint64_t picks;
};

static double now_after(unsigned step)
{
	return SITE_START + step * 0.01;
}

static void *pick_and_book(void *argument)
{
	struct work *work = argument;
	struct backend *backend = fleet_backend(work->site->fleet, 0);
	struct picker picker = { .n = 0 };

	random_seed(&picker.random, work->seed);
	while (!atomic_load(work->ends) || work->picks < 1000) {
		double now = now_after((unsigned)(work->picks++ / 100));
		struct server *server = select_pick(backend, hash_mix(work->picks % 50 + 1), now, &picker);

		if (server)
			select_book(server, now, &picker);
	}
	return NULL;
}

/* What is replaced stays until no worker is there, as grace_after() would have it. */
static void change(struct site *site, struct retired **retired)
{
	struct random random;

	random_seed(&random, 5);
	for (unsigned i = 0; i < CHANGES; i++) {
		struct load_report told = { .has = LOAD_Q, .q = random_below(&random, 20) };
		struct server *server = fleet_backend(site->fleet, 0)->servers[random_below(&random, SERVERS)];
		struct retired *list, *next;

		server->backend->balance->report(server, &told, now_after(i));
		server_set_weight(site->fleet, server, random_below(&random, 4), "test", now_after(i));
		server_set_admin(site->fleet, server, (enum server_admin)random_below(&random, 3), "test",
				 now_after(i));
		fleet_refresh(site->fleet, now_after(i));
		for (list = fleet_take_retired(site->fleet); list; list = next) {
			next = list->next;
			retired_add(retired, list, list->release);
		}
	}
}

static void workers_need_no_lock(void **state)
{
	static const char *const policies[] = {
		"hash src\n  hash-balance-factor 125",
		"random",
		"roundrobin",
		"first",
		"least-load",
		"least-load\n  stick on src",
		"roundrobin\n  stick on src",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct work works[WORKERS];
		pthread_t threads[WORKERS];
		struct retired *retired = NULL;
		atomic_bool ends = false;
		struct site site;
		char text[2048];
		size_t used = (size_t)sprintf(text, "backend web\n  balance %s\n", policies[i]);

		for (unsigned j = 0; j < SERVERS; j++)
			used += (size_t)sprintf(text + used,
						"  server s%u 192.0.2.1:80 redir http://s%u.example.com maxconn 30 "
						"load-push\n",
						j, j);
		site_open(&site, text, 1);
		for (unsigned j = 0; j < WORKERS; j++) {
			works[j] = (struct work){ .site = &site, .ends = &ends, .seed = j + 1 };
			assert_int_equal(pthread_create(&threads[j], NULL, pick_and_book, &works[j]), 0);
		}
		change(&site, &retired);
		atomic_store(&ends, true);
		for (unsigned j = 0; j < WORKERS; j++)
			assert_int_equal(pthread_join(threads[j], NULL), 0);
		retired_free(retired);
		site_close(&site);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(workers_need_no_lock) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
