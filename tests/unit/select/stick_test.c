/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `stick on`: a client with a key stays at its server, but not at any price. */
#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define KEYS 400u

/* lines: of the backend, before its servers a to d. */
static void open_with(struct site *site, const char *lines)
{
	char text[1024];

	sprintf(text,
		"backend web\n  stick on req.cook(session)\n%s"
		"  server a 192.0.2.1:80 redir http://a.example.com\n  server b 192.0.2.1:80 redir "
		"http://b.example.com\n"
		"  server c 192.0.2.1:80 redir http://c.example.com\n  server d 192.0.2.1:80 redir "
		"http://d.example.com\n",
		lines);
	site_open(site, text, 3);
}

static struct server *pick(struct site *site, uint64_t key, double now)
{
	return select_pick(fleet_backend(site->fleet, 0), key, now, &site->scratch.picker);
}

static void where_all_go(struct site *site, const struct server **to)
{
	for (unsigned i = 0; i < KEYS; i++)
		to[i] = pick(site, hash_mix(i + 1), SITE_START);
}

/* Every key of `from` and no other is elsewhere now; from NULL: none is. */
static void expect_moved(struct site *site, const struct server **before, const struct server *from)
{
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(pick(site, hash_mix(i + 1), SITE_START) != before[i], from && before[i] == from);
}

static void report(struct site *site, const char *name, double q, double now)
{
	const struct load_report told = { .has = LOAD_Q, .q = q };
	struct server *server = site_server(site, name);

	server->backend->balance->report(server, &told, now);
	fleet_refresh(site->fleet, now);
}

static const char *const policies[] = { "  balance least-load\n", "  balance roundrobin\n", "  balance random\n",
					"  balance first\n", "  balance static-rr\n" };

/* Through a drain too, and a change of its weight; what goes away loses its own, which are back when it is. */
static void keys_stay_as_long_as_their_server_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		const struct server *before[KEYS];
		struct server *b;
		struct site site;

		open_with(&site, policies[i]);
		b = site_server(&site, "b");
		where_all_go(&site, before);
		server_set_admin(site.fleet, b, ADMIN_DRAIN, "test", SITE_START);
		expect_moved(&site, before, NULL);
		server_set_weight(site.fleet, site_server(&site, "c"), 0, "test", SITE_START);
		expect_moved(&site, before, NULL);
		server_set_weight(site.fleet, site_server(&site, "c"), 200, "test", SITE_START);
		expect_moved(&site, before, NULL);
		server_set_admin(site.fleet, b, ADMIN_MAINT, "test", SITE_START);
		expect_moved(&site, before, b);
		server_set_admin(site.fleet, b, ADMIN_READY, "test", SITE_START);
		expect_moved(&site, before, NULL);
		site_close(&site);
	}
}

static void all_servers_have_some_keys(void **state)
{
	const struct server *to[KEYS];
	unsigned counts[4] = { 0 };
	struct site site;

	(void)state;
	open_with(&site, "  balance first\n");
	where_all_go(&site, to);
	for (unsigned i = 0; i < KEYS; i++)
		counts[to[i]->index]++;
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(counts[i], 100 - 47, 100 + 47);
	site_close(&site);
}

/* A draining server gets nobody who has no key. */
static void without_a_key_the_policy_chooses(void **state)
{
	struct site site;

	(void)state;
	open_with(&site, "  balance first\n");
	assert_string_equal(site_pick(&site, SITE_START), "a");
	server_set_admin(site.fleet, site_server(&site, "a"), ADMIN_DRAIN, "test", SITE_START);
	assert_string_equal(site_pick(&site, SITE_START), "b");
	site_close(&site);
}

/* A key that is a's. */
static uint64_t key_of(struct site *site, const char *name)
{
	for (uint64_t i = 1;; i++)
		if (strcmp(pick(site, hash_mix(i), SITE_START)->name, name) == 0)
			return hash_mix(i);
}

/* Of equal speed: it stays while (est + ½) ≤ 2 (least + ½) + 1. */
static void it_stays_up_to_twice_the_best_cost_and_one_more(void **state)
{
	static const struct {
		double own, others;
		bool stays;
	} cases[] = {
		{ 0, 0, true },  { 1.5, 0, true }, { 1.6, 0, false }, { 7, 3, true },   { 8, 3, false },
		{ 19, 9, true }, { 20, 9, false }, { 3, 50, true },   { 99, 49, true }, { 100, 49, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;
		uint64_t key;

		open_with(&site, "");
		key = key_of(&site, "b");
		report(&site, "b", cases[i].own, SITE_START);
		for (const char *other = "acd"; *other; other++)
			report(&site, (char[]){ *other, 0 }, cases[i].others, SITE_START);
		for (unsigned n = 0; n < 20; n++)
			if ((strcmp(pick(&site, key, SITE_START)->name, "b") == 0) != cases[i].stays)
				fail_msg("case %zu", i);
		site_close(&site);
	}
}

static void why_it_does_not_stay_is_told(void **state)
{
	struct select_place place;
	struct backend *backend;
	struct site site;
	uint64_t key;

	(void)state;
	open_with(&site, "");
	backend = fleet_backend(site.fleet, 0);
	key = key_of(&site, "b");
	for (const char *name = "abcd"; *name; name++)
		report(&site, (char[]){ *name, 0 }, 1, SITE_START);
	assert_true(select_find_place(backend, key, SITE_START, &site.scratch.picker, &place));
	assert_string_equal(place.owner->name, "b");
	assert_ptr_equal(place.to, place.owner);
	assert_null(place.why);
	report(&site, "b", 30, SITE_START);
	assert_true(select_find_place(backend, key, SITE_START, &site.scratch.picker, &place));
	assert_ptr_equal(place.full, place.owner);
	assert_string_equal(place.why, "at more than twice the cost of the best");
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_MAINT, "test", SITE_START);
	assert_true(select_find_place(backend, key, SITE_START, &site.scratch.picker, &place));
	assert_string_equal(place.owner->name, "b");
	assert_string_not_equal(place.to->name, "b");
	assert_false(select_find_place(backend, 0, SITE_START, &site.scratch.picker, &place));
	site_close(&site);
}

static void who_stays_takes_no_turn_and_is_counted(void **state)
{
	struct site site;
	struct server *c;
	uint64_t key;

	(void)state;
	open_with(&site, "  balance roundrobin\n");
	c = site_server(&site, "c");
	key = key_of(&site, "c");
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(site_pick(&site, SITE_START)[0], 'a' + (int)(i % 4));
		assert_ptr_equal(pick(&site, key, SITE_START), c);
		select_book(c, SITE_START, &site.scratch.picker);
	}
	assert_int_equal(atomic_load(&c->state->load.booked), 3 + 12);
	site_close(&site);
}

static void a_standby_takes_over_and_backups_only_at_the_end(void **state)
{
	static const char text[] = "backend web\n  stick on src\n  balance first\n"
				   "  server a 192.0.2.1:80 redir http://a.example.com\n"
				   "  server b 192.0.2.1:80 redir http://b.example.com\n"
				   "  server s 192.0.2.1:80 redir http://s.example.com standby-of b\n"
				   "  server z 192.0.2.1:80 redir http://z.example.com backup\n";
	struct site site;
	uint64_t key;

	(void)state;
	site_open(&site, text, 1);
	key = key_of(&site, "b");
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_MAINT, "test", SITE_START);
	assert_string_equal(pick(&site, key, SITE_START)->name, "s");
	server_set_admin(site.fleet, site_server(&site, "s"), ADMIN_MAINT, "test", SITE_START);
	assert_string_equal(pick(&site, key, SITE_START)->name, "a");
	server_set_admin(site.fleet, site_server(&site, "a"), ADMIN_MAINT, "test", SITE_START);
	assert_string_equal(pick(&site, key, SITE_START)->name, "z");
	site_close(&site);
}

/* ---- maxload ---- */

/* As a report has it, of now. */
static void tell_u(struct site *site, const char *name, double u, double now)
{
	struct load_said *said = &site_server(site, name)->state->said[SOURCE_PUSH];

	said->report = (struct load_report){ .has = LOAD_U, .u = u };
	said->at = now;
	fleet_refresh(site->fleet, now);
}

static void keys_of_one_above_its_maxload_are_elsewhere_meanwhile(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		const struct server *before[KEYS];
		struct server *b;
		struct site site;
		char lines[200];

		sprintf(lines, "%s  default-server load-push maxload 50%% load-stale 1h\n", policies[i]);
		open_with(&site, lines);
		b = site_server(&site, "b");
		for (const char *name = "abcd"; *name; name++)
			tell_u(&site, (char[]){ *name, 0 }, 0.3, SITE_START);
		where_all_go(&site, before);
		tell_u(&site, "b", 0.6, SITE_START);
		expect_moved(&site, before, b);
		/* a drain is no reason to get what is too much */
		server_set_admin(site.fleet, b, ADMIN_DRAIN, "test", SITE_START);
		expect_moved(&site, before, b);
		tell_u(&site, "b", 0.4, SITE_START);
		expect_moved(&site, before, NULL);
		server_set_admin(site.fleet, b, ADMIN_READY, "test", SITE_START);
		/* where all are above, it tells nothing */
		for (const char *name = "abcd"; *name; name++)
			tell_u(&site, (char[]){ *name, 0 }, 0.9, SITE_START);
		expect_moved(&site, before, NULL);
		server_set_admin(site.fleet, b, ADMIN_DRAIN, "test", SITE_START);
		expect_moved(&site, before, NULL);
		site_close(&site);
	}
}

static bool may_be_picked(const struct server *server)
{
	const struct backend *backend = server->backend;

	for (uint32_t i = 0; i < backend_n_usable(backend); i++)
		if (backend_usable(backend, i) == server)
			return true;
	return false;
}

/* Of any states, loads and keys: one that may be picked, or that drains and is below its maxload. */
static void nobody_goes_where_nobody_may_go(void **state)
{
	static const enum server_admin admins[] = { ADMIN_READY, ADMIN_READY, ADMIN_READY, ADMIN_DRAIN, ADMIN_MAINT };
	static const char names[] = "abcdefgh";
	struct random random;
	unsigned drained = 0;

	(void)state;
	random_seed(&random, 11);
	for (unsigned n = 0; n < 500; n++) {
		char text[2000];
		struct site site;
		size_t used = (size_t)sprintf(text, "backend web\n  stick on src\n%s", policies[n % COUNT(policies)]);

		for (const char *name = names; *name; name++)
			used += (size_t)sprintf(text + used, "  server %c 192.0.2.1:80 redir http://%c.example.com "
						"load-push%s%s\n", *name, *name, random_below(&random, 3) ? " maxload 50%" : "",
						*name == 'g' ? " standby-of a" : *name == 'h' ? " backup" : "");
		site_open(&site, text, n);
		for (const char *name = names; *name; name++) {
			server_set_admin(site.fleet, site_server(&site, (char[]){ *name, 0 }),
					 admins[random_below(&random, COUNT(admins))], "test", SITE_START);
			tell_u(&site, (char[]){ *name, 0 }, random_below(&random, 11) / 10.0, SITE_START);
		}
		for (uint64_t key = 1; key <= 50; key++) {
			const struct server *server = pick(&site, hash_mix(key), SITE_START);

			if (!server || may_be_picked(server))
				continue;
			drained++;
			assert_int_equal(server_status(server), SERVER_DRAIN);
			if (server_over_maxload(server, SITE_START))
				for (const char *name = names; *name; name++)
					assert_true(!may_be_picked(site_server(&site, (char[]){ *name, 0 })) ||
						    server_over_maxload(site_server(&site, (char[]){ *name, 0 }), SITE_START));
		}
		site_close(&site);
	}
	assert_true(drained > 1000);
}

static void its_line_is_checked(void **state)
{
#define SERVER "  server w1 192.0.2.1:80 redir https://w1.example.com\n"
#define IN_WEB "test.cfg:2: in section 'backend web': "
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "stick", "'stick' expects 'on' and a sample" },
		{ "stick match src", "'stick' expects 'on', not 'match': there is no table, the key is hashed" },
		{ "stick on", "'stick' expects a sample such as req.cook(session) behind 'on'" },
		{ "stick on sock", "unknown sample 'sock', did you mean 'cook'?" },
		{ "stick on src table t",
		  "nothing may follow the sample, unlike 'table': there is no table, and no condition" },
		{ "stick on src\n  balance uri", "'stick on' does not go with 'balance uri', which lets each key stay "
						 "at its server as it is: leave one of "
						 "them out" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[300];

		sprintf(text, "backend web\n  %s\n" SERVER, cases[i].line);
		sprintf(message, IN_WEB "%s", cases[i].message);
		site_says(text, message);
	}
	site_says_nothing("defaults\n  stick on src\nbackend web\n  balance source\n" SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stay_as_long_as_their_server_is_there),
		cmocka_unit_test(all_servers_have_some_keys),
		cmocka_unit_test(without_a_key_the_policy_chooses),
		cmocka_unit_test(it_stays_up_to_twice_the_best_cost_and_one_more),
		cmocka_unit_test(why_it_does_not_stay_is_told),
		cmocka_unit_test(who_stays_takes_no_turn_and_is_counted),
		cmocka_unit_test(a_standby_takes_over_and_backups_only_at_the_end),
		cmocka_unit_test(keys_of_one_above_its_maxload_are_elsewhere_meanwhile),
		cmocka_unit_test(nobody_goes_where_nobody_may_go),
		cmocka_unit_test(its_line_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
