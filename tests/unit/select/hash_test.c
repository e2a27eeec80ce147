/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance hash` and those like it: where keys go, and that they stay there. Bounds are four standard deviations wide. */
#include <math.h>

#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define KEYS 20000u
#define MOST 64u

static uint64_t key_of(unsigned i)
{
	char text[32];

	sprintf(text, "user-%u", i);
	return hash_of(slice_of_string(text));
}

/* lines: further ones of the backend; servers s0 … with what `parameters` says of each, if anything. */
static void open_ring(struct site *site, const char *lines, unsigned n, const char *const *parameters)
{
	char text[8192];
	size_t used = (size_t)sprintf(text, "backend web\n  balance hash src\n%s", lines);

	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.example.com %s\n", i,
					i, parameters ? parameters[i] : "");
	site_open(site, text, 7);
}

static struct backend *backend_of(const struct site *site)
{
	return fleet_backend(site->fleet, 0);
}

static struct server *pick(struct site *site, uint64_t key, double now)
{
	struct backend *backend = backend_of(site);

	return select_pick(backend, key, now, &site->scratch.picker);
}

static struct server *book(struct site *site, uint64_t key, double now)
{
	struct server *server = pick(site, key, now);

	if (server)
		select_book(server, now, &site->scratch.picker);
	return server;
}

static void where_all_go(struct site *site, const char **to)
{
	for (unsigned i = 0; i < KEYS; i++) {
		const struct server *server = pick(site, key_of(i), SITE_START);

		to[i] = server ? server->name : "-";
	}
}

/* How many of them went elsewhere; all of those came from `from` or, if that is NULL, went to `to`. */
static unsigned moved(const char *const *before, const char *const *after, const char *from, const char *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		if (strcmp(before[i], after[i]) == 0)
			continue;
		n++;
		assert_string_equal(from ? before[i] : after[i], from ? from : to);
	}
	return n;
}

static unsigned count(const char *const *to, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		n += strcmp(to[i], name) == 0;
	return n;
}

/* ---- where keys go ---- */

/* 1,024 places of an average server: a share is right within 1/√1024 of it, and so are 20,000 draws of it. */
static void keys_go_by_weight(void **state)
{
	static const struct {
		const char *parameters[4];
		double shares[4];
	} cases[] = {
		{ { "", "", "", "" }, { .25, .25, .25, .25 } },
		{ { "weight 100", "weight 100", "weight 100", "weight 100" }, { .25, .25, .25, .25 } },
		{ { "weight 10", "weight 20", "weight 30", "weight 40" }, { .1, .2, .3, .4 } },
		{ { "weight 256", "weight 1", "weight 0", "weight 256" }, { .499, .002, 0, .499 } },
		{ { "", "backup", "weight 3", "standby-of s0" }, { .25, 0, .75, 0 } },
	};
	const char *to[KEYS];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;

		open_ring(&site, "", 4, cases[i].parameters);
		where_all_go(&site, to);
		for (unsigned j = 0; j < 4; j++) {
			double share = cases[i].shares[j],
			       slack = 4 * sqrt(share / KEYS) + 4 * share / sqrt(1024 * share + 1);
			char name[8];

			sprintf(name, "s%u", j);
			assert_true(fabs((double)count(to, name) / KEYS - share) <= slack);
			assert_true(share > 0 || count(to, name) == 0);
		}
		site_close(&site);
	}
}

/* Another process with the same servers, in another order, sends each key to the same one. */
static void agents_agree(void **state)
{
	static const char forth[] = "backend web\n  balance hash src\n"
				    "  server a 192.0.2.1:80 redir http://a.example.com\n"
				    "  server b 192.0.2.1:80 redir http://b.example.com weight 3\n"
				    "  server c 192.0.2.1:80 redir http://c.example.com\n";
	static const char back[] = "backend web\n  balance hash src\n"
				   "  server c 192.0.2.1:80 redir http://c.example.com\n"
				   "  server b 192.0.2.1:80 redir http://b.example.com weight 3\n"
				   "  server a 192.0.2.1:80 redir http://a.example.com\n";
	const char *one[KEYS], *other[KEYS];
	struct site first, second;

	(void)state;
	site_open(&first, forth, 1);
	site_open(&second, back, 2);
	where_all_go(&first, one);
	where_all_go(&second, other);
	assert_int_equal(moved(one, other, "", NULL), 0);
	site_close(&first);
	site_close(&second);
}

/* Computed beforehand, by other means: the next version has them, too. */
static void places_are_for_ever(void **state)
{
	static const struct {
		const char *bytes;
		uint64_t hash;
	} cases[] = {
		{ "", 0x0000000000000000 },
		{ "a", 0x80c1ae61e48259f9 },
		{ "ann", 0xa82fa4642b14e3b8 },
		{ "12345678", 0x28ff4139041281a6 },
		{ "/a/rather/long/path?of=a+request", 0x2a89ccbea5a8005f },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(hash_of(slice_of_string(cases[i].bytes)), cases[i].hash);
}

static void without_a_key_all_are_picked_by_weight(void **state)
{
	static const char *const parameters[] = { "weight 10", "weight 30" };
	unsigned counts[2];
	struct site site;

	(void)state;
	open_ring(&site, "", 2, parameters);
	site_spread(&site, 8000, SITE_START, counts);
	assert_in_range(counts[0], 2000 - 400, 2000 + 400);
	site_close(&site);
}

/* ---- who goes and comes ---- */

static void only_the_keys_of_who_leaves_move(void **state)
{
	const char *before[KEYS], *after[KEYS], *again[KEYS];
	struct site site;

	(void)state;
	open_ring(&site, "", 10, NULL);
	where_all_go(&site, before);
	for (unsigned i = 0; i < 3; i++) {
		static const enum server_admin ways[] = { ADMIN_MAINT, ADMIN_DRAIN, ADMIN_MAINT };
		struct server *server = backend_of(&site)->servers[3 * i];
		unsigned n;

		server_set_admin(site.fleet, server, ways[i], "test", SITE_START);
		where_all_go(&site, after);
		n = moved(before, after, server->name, NULL);
		assert_int_equal(n, count(before, server->name));
		assert_in_range(n, KEYS / 10 - 500, KEYS / 10 + 500);
		server_set_admin(site.fleet, server, ADMIN_READY, "test", SITE_START);
		where_all_go(&site, again);
		assert_int_equal(moved(before, again, "", NULL), 0);
	}
	site_close(&site);
}

/* The others get them in proportion, and not all of them the next one. */
static void those_keys_spread_over_all_others(void **state)
{
	const char *before[KEYS], *after[KEYS];
	struct site site;

	(void)state;
	open_ring(&site, "", 5, NULL);
	where_all_go(&site, before);
	server_set_admin(site.fleet, site_server(&site, "s2"), ADMIN_MAINT, "test", SITE_START);
	where_all_go(&site, after);
	for (unsigned i = 0; i < 5; i++) {
		const char *name = backend_of(&site)->servers[i]->name;

		if (i != 2)
			assert_in_range(count(after, name) - count(before, name), KEYS / 20 - 300, KEYS / 20 + 300);
	}
	site_close(&site);
}

/* A line less in the file, and a line more. */
static void a_configuration_without_one_moves_its_keys_only(void **state)
{
	const char *before[KEYS], *after[KEYS];
	struct site with, without;

	(void)state;
	open_ring(&with, "", 8, NULL);
	open_ring(&without, "", 7, NULL);
	where_all_go(&with, before);
	where_all_go(&without, after);
	assert_in_range(moved(before, after, "s7", NULL), KEYS / 8 - 500, KEYS / 8 + 500);
	assert_in_range(moved(after, before, NULL, "s7"), KEYS / 8 - 500, KEYS / 8 + 500);
	site_close(&with);
	site_close(&without);
}

static void a_weight_moves_keys_to_or_from_its_server_only(void **state)
{
	static const char *const parameters[] = { "weight 100", "weight 100", "weight 100" };
	const char *before[KEYS], *after[KEYS];
	struct site site;

	(void)state;
	open_ring(&site, "", 3, parameters);
	where_all_go(&site, before);
	server_set_weight(site.fleet, site_server(&site, "s1"), 50, "test", SITE_START);
	where_all_go(&site, after);
	assert_in_range(moved(before, after, "s1", NULL), KEYS * 2 / 15 - 500, KEYS * 2 / 15 + 500);
	server_set_weight(site.fleet, site_server(&site, "s1"), 200, "test", SITE_START);
	where_all_go(&site, after);
	assert_in_range(moved(before, after, NULL, "s1"), KEYS / 6 - 600, KEYS / 6 + 600);
	server_set_weight(site.fleet, site_server(&site, "s1"), 0, "test", SITE_START);
	where_all_go(&site, after);
	assert_int_equal(moved(before, after, "s1", NULL), count(before, "s1"));
	server_set_weight(site.fleet, site_server(&site, "s1"), 100, "test", SITE_START);
	where_all_go(&site, after);
	assert_int_equal(moved(before, after, "", NULL), 0);
	site_close(&site);
}

static void a_standby_takes_its_servers_keys(void **state)
{
	static const char *const parameters[] = { "", "", "", "standby-of s1" };
	const char *before[KEYS], *after[KEYS];
	struct site site;

	(void)state;
	open_ring(&site, "", 4, parameters);
	where_all_go(&site, before);
	server_set_weight(site.fleet, site_server(&site, "s1"), 0, "test", SITE_START);
	where_all_go(&site, after);
	assert_int_equal(moved(before, after, "s1", NULL), count(before, "s1"));
	assert_int_equal(count(after, "s3"), count(before, "s1"));
	site_close(&site);
}

static void backups_share_the_keys_when_nobody_else_is_there(void **state)
{
	static const char *const parameters[] = { "", "backup" };
	struct site site;

	(void)state;
	open_ring(&site, "", 2, parameters);
	assert_string_equal(pick(&site, key_of(1), SITE_START)->name, "s0");
	server_set_admin(site.fleet, site_server(&site, "s0"), ADMIN_MAINT, "test", SITE_START);
	assert_string_equal(pick(&site, key_of(1), SITE_START)->name, "s1");
	server_set_admin(site.fleet, site_server(&site, "s1"), ADMIN_MAINT, "test", SITE_START);
	assert_null(pick(&site, key_of(1), SITE_START));
	site_close(&site);
}

/* Whatever comes and goes, the pick is one of those that may be picked. */
static void nobody_is_picked_who_cannot_serve(void **state)
{
	struct random random;
	struct site site;

	(void)state;
	open_ring(&site, "  hash-balance-factor 110\n", 12, NULL);
	random_seed(&random, 3);
	for (unsigned i = 0; i < 3000; i++) {
		struct server *server = backend_of(&site)->servers[random_below(&random, 12)];
		uint32_t n;

		if (i % 3 == 0)
			server_set_weight(site.fleet, server, random_below(&random, 4), "test", SITE_START + i);
		else
			server_set_admin(site.fleet, server, (enum server_admin)random_below(&random, 3), "test",
					 SITE_START + i);
		n = backend_n_usable(backend_of(&site));
		server = book(&site, key_of(i), SITE_START + i);
		assert_true((server == NULL) == (n == 0));
		assert_true(!server || server_status(server) == SERVER_UP);
	}
	site_close(&site);
}

/* ---- bounded loads ---- */

/* All with one key: each carries its bound before the next one gets any, and none more. */
static void one_key_fills_one_server_after_the_other(void **state)
{
	struct site site;

	(void)state;
	open_ring(&site, "  hash-balance-factor 125\n", 8, NULL);
	for (unsigned i = 0; i < 400; i++) {
		struct server *server = book(&site, key_of(5), SITE_START);

		assert_true(atomic_load(&server->state->load.est) <= ceil(1.25 * (i + 1) / 8));
		assert_true(i > 0 || server == pick(&site, key_of(5), SITE_START + 1e9));
	}
	site_close(&site);
}

static void nobody_carries_more_than_the_factor_of_its_share(void **state)
{
	static const char *const parameters[] = { "weight 10", "weight 20", "weight 40", "weight 10", "weight 20" };
	static const unsigned factors[] = { 101, 110, 125, 200, 400 };

	(void)state;
	for (size_t i = 0; i < COUNT(factors); i++) {
		char line[64];
		struct site site;

		sprintf(line, "  hash-balance-factor %u\n", factors[i]);
		open_ring(&site, line, 5, parameters);
		for (unsigned n = 1; n <= 1000; n++) {
			/* a few keys have most of the requests */
			struct server *server = book(&site, key_of(n % 7 ? n % 3 : n), SITE_START);
			double most = ceil(factors[i] / 100.0 * n * server->weight / 100);

			assert_true(atomic_load(&server->state->load.est) <= most);
		}
		site_close(&site);
	}
}

static void without_a_factor_there_is_no_bound(void **state)
{
	struct site site;
	struct server *server;

	(void)state;
	open_ring(&site, "", 8, NULL);
	server = pick(&site, key_of(5), SITE_START);
	for (unsigned i = 0; i < 1000; i++)
		assert_ptr_equal(book(&site, key_of(5), SITE_START), server);
	site_close(&site);
}

/* Where it had to go to another one, it comes back once its own has room. */
static void what_was_passed_on_comes_back(void **state)
{
	struct load_report busy = { .has = LOAD_Q, .q = 50 }, idle = { .has = LOAD_Q, .q = 1 };
	struct select_place place;
	struct server *own;
	struct site site;

	(void)state;
	open_ring(&site, "  hash-balance-factor 150\n", 4, NULL);
	own = pick(&site, key_of(9), SITE_START);
	for (unsigned i = 0; i < 4; i++)
		own->backend->balance->report(own->backend->servers[i], &idle, SITE_START);
	own->backend->balance->report(own, &busy, SITE_START);
	fleet_refresh(site.fleet, SITE_START);
	assert_ptr_not_equal(pick(&site, key_of(9), SITE_START), own);
	assert_true(select_find_place(own->backend, key_of(9), SITE_START, &site.scratch.picker, &place));
	assert_ptr_equal(place.owner, own);
	assert_ptr_equal(place.full, own);
	own->backend->balance->report(own, &idle, SITE_START + 1);
	fleet_refresh(site.fleet, SITE_START + 1);
	assert_ptr_equal(pick(&site, key_of(9), SITE_START + 1), own);
	assert_true(select_find_place(own->backend, key_of(9), SITE_START + 1, &site.scratch.picker, &place));
	assert_null(place.full);
	site_close(&site);
}

/* ---- what is replaced ---- */

static void an_old_ring_is_given_to_be_freed(void **state)
{
	struct retired *list;
	struct site site;

	(void)state;
	open_ring(&site, "", 3, NULL);
	assert_null(fleet_take_retired(site.fleet));
	server_set_weight(site.fleet, site_server(&site, "s1"), 5, "test", SITE_START);
	server_set_weight(site.fleet, site_server(&site, "s1"), 6, "test", SITE_START);
	server_set_admin(site.fleet, site_server(&site, "s1"), ADMIN_MAINT, "test", SITE_START); /* needs none */
	list = fleet_take_retired(site.fleet);
	assert_non_null(list);
	assert_non_null(list->next);
	assert_null(list->next->next);
	assert_null(fleet_take_retired(site.fleet));
	retired_free(list);
	server_set_weight(site.fleet, site_server(&site, "s1"), 7, "test", SITE_START); /* goes with the site */
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_go_by_weight),
		cmocka_unit_test(agents_agree),
		cmocka_unit_test(places_are_for_ever),
		cmocka_unit_test(without_a_key_all_are_picked_by_weight),
		cmocka_unit_test(only_the_keys_of_who_leaves_move),
		cmocka_unit_test(those_keys_spread_over_all_others),
		cmocka_unit_test(a_configuration_without_one_moves_its_keys_only),
		cmocka_unit_test(a_weight_moves_keys_to_or_from_its_server_only),
		cmocka_unit_test(a_standby_takes_its_servers_keys),
		cmocka_unit_test(backups_share_the_keys_when_nobody_else_is_there),
		cmocka_unit_test(nobody_is_picked_who_cannot_serve),
		cmocka_unit_test(one_key_fills_one_server_after_the_other),
		cmocka_unit_test(nobody_carries_more_than_the_factor_of_its_share),
		cmocka_unit_test(without_a_factor_there_is_no_bound),
		cmocka_unit_test(what_was_passed_on_comes_back),
		cmocka_unit_test(an_old_ring_is_given_to_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
