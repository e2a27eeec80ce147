/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every policy, in many fleets made at random from fixed seeds: shares are as the weights are, and the order of
 * the lines is of no matter but to `first`. Who may be picked at all is in tests/unit/fleet/usable_test.c, what holds for
 * least-load's estimates in properties_test.c.
 */
#include <math.h>

#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define FLEETS 40u
#define MOST   12u
#define KEYS   3000u

/* How far from its share a server may be. */
enum slack {
	EXACT,   /* over a whole round */
	DRAWN,   /* as lots fall: four standard deviations */
	BALANCED /* closer than that: who has less is preferred */
};

static const struct {
	const char *words;
	enum slack slack;
} by_weight[] = {
	{ "least-load", DRAWN }, /* of which no load is known */
	{ "random(1)", DRAWN },  { "random", BALANCED }, { "random(4)", BALANCED },
	{ "roundrobin", EXACT }, { "static-rr", EXACT },
};

static const char *const by_key[] = { "hash src", "source", "uri", "url_param id", "hdr(x-user)" };

struct fleet_of {
	unsigned n, order[MOST], weights[MOST]; /* weights by the server's number */
};

static struct fleet_of any_fleet(struct random *random)
{
	struct fleet_of fleet = { .n = 2 + random_below(random, MOST - 1) };

	for (unsigned i = 0; i < fleet.n; i++) {
		fleet.order[i] = i;
		fleet.weights[i] = 1 + random_below(random, 9);
	}
	return fleet;
}

static void shuffle(struct fleet_of *fleet, struct random *random)
{
	for (unsigned i = fleet->n; i > 1; i--) {
		unsigned other = random_below(random, i), last = fleet->order[i - 1];

		fleet->order[i - 1] = fleet->order[other];
		fleet->order[other] = last;
	}
}

/* more: further lines of the backend. */
static void open_fleet(struct site *site, const struct fleet_of *fleet, const char *balance, const char *more,
		       uint64_t seed)
{
	char text[4096];
	size_t used = (size_t)sprintf(text, "backend web\n  balance %s\n%s", balance, more);

	for (unsigned i = 0; i < fleet->n; i++)
		used += (size_t)sprintf(text + used,
					"  server s%u 192.0.2.1:80 redir http://s%u.example.com weight %u\n",
					fleet->order[i], fleet->order[i], fleet->weights[fleet->order[i]]);
	site_open(site, text, seed);
}

static unsigned number_of(const struct server *server)
{
	return (unsigned)atoi(server->name + 1);
}

/* ---- weights ---- */

static unsigned sum_of(const struct fleet_of *fleet)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < fleet->n; i++)
		sum += fleet->weights[i];
	return sum;
}

static double slack_of(enum slack slack, double n, double share)
{
	double deviation = sqrt(n * share * (1 - share));

	return slack == EXACT ? 1e-6 : slack == DRAWN ? 4 * deviation : 2 * deviation + 2;
}

static void shares_are_as_the_weights(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (size_t policy = 0; policy < COUNT(by_weight); policy++)
		for (uint64_t seed = 1; seed <= FLEETS; seed++) {
			struct fleet_of fleet = any_fleet(&random);
			unsigned counts[MOST] = { 0 }, sum = sum_of(&fleet), n = 50 * sum;
			struct site site;

			shuffle(&fleet, &random);
			open_fleet(&site, &fleet, by_weight[policy].words, "", seed);
			for (unsigned i = 0; i < n; i++)
				counts[number_of(site_book_key(&site, 0, SITE_START))]++;
			for (unsigned i = 0; i < fleet.n; i++) {
				double share = (double)fleet.weights[i] / sum;

				if (fabs(counts[i] - n * share) > slack_of(by_weight[policy].slack, n, share))
					fail_msg("%s, fleet %u: %u of %u, share %g", by_weight[policy].words,
						 (unsigned)seed, counts[i], n, share);
			}
			site_close(&site);
		}
}

/* A thousand places on the ring for each server, in the mean, of which each is as long as it happens to be. */
static void shares_of_keys_are_as_the_weights(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 2);
	for (size_t policy = 0; policy < COUNT(by_key); policy++)
		for (uint64_t seed = 1; seed <= FLEETS; seed++) {
			struct fleet_of fleet = any_fleet(&random);
			unsigned counts[MOST] = { 0 }, sum = sum_of(&fleet);
			struct site site;

			open_fleet(&site, &fleet, by_key[policy], "", seed);
			for (unsigned i = 0; i < KEYS; i++)
				counts[number_of(site_book_key(&site, hash_mix(i + 1), SITE_START))]++;
			for (unsigned i = 0; i < fleet.n; i++) {
				double share = (double)fleet.weights[i] / sum, places = 512 * share * fleet.n;

				assert_true(fabs(counts[i] - KEYS * share) <=
					    4 * KEYS * share * sqrt(1 / places + 1 / (KEYS * share)));
			}
			site_close(&site);
		}
}

/* ---- keys ---- */

static void where_all_go(struct site *site, unsigned *to)
{
	for (unsigned i = 0; i < KEYS; i++) {
		const struct server *server = site_book_key(site, hash_mix(i + 1), SITE_START);

		to[i] = server ? number_of(server) : MOST;
	}
}

/* With a bound, too, as long as the clients come in the same order. */
static void a_key_has_its_server_whatever_the_order_of_lines(void **state)
{
	static const char *const bounds[] = { "", "  hash-balance-factor 110\n", "  hash-balance-factor 150\n" };
	static unsigned before[KEYS], after[KEYS];
	struct random random;

	(void)state;
	random_seed(&random, 3);
	for (uint64_t seed = 1; seed <= FLEETS; seed++)
		for (size_t policy = 0; policy < COUNT(by_key); policy++) {
			struct fleet_of fleet = any_fleet(&random);
			char down[12];
			struct site site;

			sprintf(down, "s%u", random_below(&random, fleet.n));
			for (unsigned turn = 0; turn < 2; turn++) {
				open_fleet(&site, &fleet, by_key[policy], bounds[seed % COUNT(bounds)], seed);
				server_set_admin(site.fleet, site_server(&site, down), ADMIN_MAINT, "test", SITE_START);
				where_all_go(&site, turn == 0 ? before : after);
				site_close(&site);
				shuffle(&fleet, &random);
			}
			assert_memory_equal(before, after, sizeof(before));
		}
}

static void who_leaves_takes_only_its_own_keys_along(void **state)
{
	static unsigned before[KEYS], without[KEYS], after[KEYS];
	struct random random;

	(void)state;
	random_seed(&random, 4);
	for (uint64_t seed = 1; seed <= FLEETS; seed++)
		for (size_t policy = 0; policy < COUNT(by_key); policy++) {
			struct fleet_of fleet = any_fleet(&random);
			unsigned gone = random_below(&random, fleet.n);
			struct server *server;
			struct site site;
			char name[12];

			open_fleet(&site, &fleet, by_key[policy], "", seed);
			sprintf(name, "s%u", gone);
			server = site_server(&site, name);
			where_all_go(&site, before);
			server_set_admin(site.fleet, server, ADMIN_MAINT, "test", SITE_START);
			where_all_go(&site, without);
			server_set_admin(site.fleet, server, ADMIN_READY, "test", SITE_START);
			where_all_go(&site, after);
			for (unsigned i = 0; i < KEYS; i++)
				assert_true(before[i] == gone ? without[i] != gone && without[i] < fleet.n
							      : without[i] == before[i]);
			assert_memory_equal(before, after, sizeof(before));
			site_close(&site);
		}
}

/* After every client: its share of all that is in flight, times the factor, rounded up. */
static void nobody_carries_more_than_its_bound(void **state)
{
	static const unsigned factors[] = { 101, 125, 200 };
	struct random random;

	(void)state;
	random_seed(&random, 5);
	for (uint64_t seed = 1; seed <= FLEETS; seed++) {
		unsigned factor = factors[seed % COUNT(factors)], counts[MOST] = { 0 };
		struct fleet_of fleet = any_fleet(&random);
		double sum = sum_of(&fleet);
		struct site site;
		char more[40];

		sprintf(more, "  hash-balance-factor %u\n", factor);
		open_fleet(&site, &fleet, by_key[seed % COUNT(by_key)], more, seed);
		for (unsigned i = 1; i <= KEYS; i++) {
			/* few keys, one of them half of all */
			uint64_t key = i % 2 ? 1 : 1 + random_below(&random, 50);
			unsigned to = number_of(site_book_key(&site, hash_mix(key), SITE_START));

			counts[to]++;
			if (counts[to] > ceil(i * fleet.weights[to] / sum * factor / 100 + 1e-9))
				fail_msg("factor %u, n %u, weight %u of %g: %u of %u", factor, fleet.n,
					 fleet.weights[to], sum, counts[to], i);
		}
		site_close(&site);
	}
}

/* Among a hundred, however many others are full, and wherever it stands among the lines. */
static void who_has_room_is_found(void **state)
{
	static char text[16384];
	const unsigned n = 100;
	size_t used = (size_t)sprintf(text, "backend web\n  balance source\n");
	struct random random;

	(void)state;
	random_seed(&random, 7);
	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.test maxconn 1\n", i,
					i);
	for (uint64_t seed = 1; seed <= FLEETS; seed++) {
		struct load_report idle = { .has = LOAD_Q };
		struct backend *backend;
		struct site site;

		site_open(&site, text, seed);
		backend = fleet_backend(site.fleet, 0);
		for (unsigned i = 0; i < n; i++)
			backend->balance->report(backend->servers[i], &idle, SITE_START);
		fleet_refresh(site.fleet, SITE_START);
		for (unsigned i = 0; i < n; i++)
			if (!site_book_key(&site, random_bits(&random) | 1, SITE_START))
				fail_msg("seed %u: nobody for client %u", (unsigned)seed, i);
		assert_null(site_book_key(&site, random_bits(&random) | 1, SITE_START));
		site_close(&site);
	}
}

/* Of so many backups not all are looked at, and which depends on how many there are. */
static void one_that_leaves_takes_only_its_own_keys_along(void **state)
{
	const unsigned n = 1500, n_keys = 2000;
	char *text = malloc(n * 80);
	size_t used = (size_t)sprintf(text, "backend web\n  balance source\n  option allbackups\n");
	struct server *before[2000];
	struct site site;
	unsigned moved = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.test backup\n", i, i);
	site_open(&site, text, 1);
	for (unsigned i = 0; i < n_keys; i++)
		before[i] = site_book_key(&site, hash_mix(i + 1), SITE_START);
	server_set_admin(site.fleet, site_server(&site, "s700"), ADMIN_MAINT, "test", SITE_START);
	fleet_refresh(site.fleet, SITE_START);
	for (unsigned i = 0; i < n_keys; i++)
		moved += site_book_key(&site, hash_mix(i + 1), SITE_START) != before[i];
	/* 1.3 are its own */
	assert_in_range(moved, 0, 12);
	site_close(&site);
	free(text);
}

/* ---- first ---- */

static void first_goes_by_the_order_of_lines_alone(void **state)
{
	static const enum server_admin admins[] = { ADMIN_READY, ADMIN_DRAIN, ADMIN_MAINT };
	struct random random;

	(void)state;
	random_seed(&random, 6);
	for (uint64_t seed = 1; seed <= 10 * FLEETS; seed++) {
		struct fleet_of fleet = any_fleet(&random);
		const struct server *expected = NULL;
		struct site site;

		shuffle(&fleet, &random);
		open_fleet(&site, &fleet, "first", "", seed);
		for (unsigned i = 0; i < fleet.n; i++) {
			struct server *server = fleet_backend(site.fleet, 0)->servers[i];

			server_set_admin(site.fleet, server, admins[random_below(&random, COUNT(admins))], "test",
					 SITE_START);
			if (!expected && server_status(server) == SERVER_UP)
				expected = server;
		}
		for (unsigned i = 0; i < 20; i++)
			assert_ptr_equal(site_book_key(&site, random_bits(&random), SITE_START), expected);
		site_close(&site);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_as_the_weights),
		cmocka_unit_test(shares_of_keys_are_as_the_weights),
		cmocka_unit_test(a_key_has_its_server_whatever_the_order_of_lines),
		cmocka_unit_test(who_leaves_takes_only_its_own_keys_along),
		cmocka_unit_test(nobody_carries_more_than_its_bound),
		cmocka_unit_test(who_has_room_is_found),
		cmocka_unit_test(one_that_leaves_takes_only_its_own_keys_along),
		cmocka_unit_test(first_goes_by_the_order_of_lines_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
