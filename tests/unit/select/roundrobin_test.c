/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `balance roundrobin`: turns by weight, as far apart as they can be. */
#include "tests/unit/site.h"

#define MANY 300u

/* Servers a, b, c … of these weights, up to the first 0. */
static void open_with(struct site *site, const unsigned *weights)
{
	char text[2048] = "backend web\n  balance roundrobin\n", line[120];

	for (unsigned i = 0; weights[i] > 0; i++) {
		snprintf(line, sizeof(line), "  server %c 192.0.2.%u:80 redir https://%c.example.com weight %u\n",
			 'a' + i, i + 1, 'a' + i, weights[i]);
		strcat(text, line);
	}
	site_open(site, text, 1);
}

static void expect(struct site *site, const char *sequence)
{
	char got[64];
	size_t n = strlen(sequence);

	for (size_t i = 0; i < n; i++)
		got[i] = site_pick(site, SITE_START)[0];
	got[n] = 0;
	assert_string_equal(got, sequence);
}

static void the_turns_of_a_round_follow_from_the_weights(void **state)
{
	static const struct {
		unsigned weights[5];
		const char *sequence; /* two rounds */
	} cases[] = {
		{ { 1 }, "aa" },
		{ { 1, 1, 1 }, "abcabc" },
		{ { 7, 7, 7 }, "abcabc" },
		{ { 2, 1 }, "abaaba" },
		{ { 256, 128 }, "abaaba" },
		{ { 3, 2 }, "ababaababa" },
		{ { 3, 1 }, "aabaaaba" },
		{ { 2, 3, 1 }, "babcabbabcab" },
		{ { 5, 1, 1 }, "aaabcaaaaabcaa" },
		{ { 1, 1, 2, 4 }, "dcdabdcddcdabdcd" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;

		open_with(&site, cases[i].weights);
		expect(&site, cases[i].sequence);
		site_close(&site);
	}
}

static void a_round_has_exactly_each_weight(void **state)
{
	static const unsigned weights[] = { 256, 255, 97, 31, 1, 0 };
	unsigned counts[5];
	struct site site;

	(void)state;
	open_with(&site, weights);
	for (unsigned round = 0; round < 3; round++) {
		site_spread(&site, 256 + 255 + 97 + 31 + 1, SITE_START, counts);
		for (size_t i = 0; i < COUNT(counts); i++)
			assert_int_equal(counts[i], weights[i]);
	}
	site_close(&site);
}

/* At any time a server has had what it is due, give or take one turn for each of its neighbours. */
static void no_server_waits_long_for_its_share(void **state)
{
	static const unsigned weights[] = { 50, 30, 15, 5, 0 };
	unsigned counts[4] = { 0 };
	struct site site;

	(void)state;
	open_with(&site, weights);
	for (unsigned n = 1; n <= 200; n++) {
		counts[site_book(&site, SITE_START)->index]++;
		for (size_t i = 0; i < COUNT(counts); i++)
			assert_true(abs((int)counts[i] - (int)(weights[i] * n / 100)) <= 3);
	}
	site_close(&site);
}

static void the_round_changes_with_servers_and_weights(void **state)
{
	static const unsigned weights[] = { 1, 1, 1, 0 };
	struct site site;

	(void)state;
	open_with(&site, weights);
	expect(&site, "abc");
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_MAINT, "test", SITE_START);
	expect(&site, "caca"); /* the turns go on where they were: the fourth of a c */
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_READY, "test", SITE_START);
	expect(&site, "bcabca");
	server_set_weight(site.fleet, site_server(&site, "a"), 0, "test", SITE_START);
	expect(&site, "cbcb");
	server_set_weight(site.fleet, site_server(&site, "a"), 2, "test", SITE_START);
	server_set_weight(site.fleet, site_server(&site, "b"), 4, "test", SITE_START);
	server_set_weight(site.fleet, site_server(&site, "c"), 2, "test", SITE_START);
	expect(&site, "acbbacbb"); /* the eighteenth of b a c b */
	for (unsigned i = 0; i < 3; i++)
		server_set_admin(site.fleet, fleet_backend(site.fleet, 0)->servers[i], ADMIN_DRAIN, "test", SITE_START);
	assert_string_equal(site_pick(&site, SITE_START), "-");
	site_close(&site);
}

static void a_refresh_without_a_change_keeps_the_turns(void **state)
{
	static const unsigned weights[] = { 3, 1, 0 };
	struct site site;

	(void)state;
	open_with(&site, weights);
	for (unsigned i = 0; i < 3; i++) {
		expect(&site, "a");
		fleet_refresh(site.fleet, SITE_START + i);
		expect(&site, "aba");
		fleet_refresh(site.fleet, SITE_START + i);
	}
	site_close(&site);
}

static void a_pick_that_is_not_booked_takes_no_turn(void **state)
{
	static const unsigned weights[] = { 1, 1, 0 };
	struct backend *backend;
	struct site site;

	(void)state;
	open_with(&site, weights);
	backend = fleet_backend(site.fleet, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(backend->balance->pick(backend, 0, SITE_START, &site.scratch.picker)->name, "a");
	expect(&site, "ab");
	site_close(&site);
}

static void static_rr_goes_by_the_weights_of_the_file(void **state)
{
	static const char text[] = "backend web\n  balance static-rr\n"
				   "  server a 192.0.2.1:80 redir https://a.example.com weight 2\n"
				   "  server b 192.0.2.2:80 redir https://b.example.com\n";
	struct site site;

	(void)state;
	site_open(&site, text, 1);
	expect(&site, "abaaba");
	server_set_weight(site.fleet, site_server(&site, "b"), 200, "test", SITE_START);
	expect(&site, "abaaba");
	server_set_weight(site.fleet, site_server(&site, "a"), 0, "test", SITE_START);
	expect(&site, "bbb");
	server_set_weight(site.fleet, site_server(&site, "a"), 1, "test", SITE_START);
	expect(&site, "aba");
	site_close(&site);
}

static void open_many(struct site *site)
{
	char *text = malloc(MANY * 100 + 100);
	size_t used = (size_t)sprintf(text, "backend web\n  balance roundrobin\n");

	for (unsigned i = 0; i < MANY; i++)
		used += (size_t)sprintf(text + used,
					"  server s%u 192.0.2.1:80 redir https://s%u.example.com weight %u\n", i, i,
					i % 256 + 1);
	site_open(site, text, 1);
	free(text);
}

/* Their weights sum up to more turns than a round may have. */
static void shares_hold_within_one_turn_where_weights_are_too_many(void **state)
{
	static unsigned counts[MANY];
	struct site site;
	uint64_t sum = 0;
	unsigned round;

	(void)state;
	open_many(&site);
	round = atomic_load(&fleet_backend(site.fleet, 0)->state->n_schedule);
	for (unsigned i = 0; i < MANY; i++)
		sum += i % 256 + 1;
	assert_true(round >= MANY && round < sum);
	site_spread(&site, round, SITE_START, counts);
	for (unsigned i = 0; i < MANY; i++) {
		double due = (double)(i % 256 + 1) * round / (double)sum;

		assert_true(counts[i] >= 1);
		assert_true(counts[i] > due - 1.01 && counts[i] < due + 1.01);
	}
	site_close(&site);
}

/* Of weight 1 beside another: at half of its slow start every third turn. */
static void a_slow_start_takes_its_share_of_turns(void **state)
{
	unsigned counts[2];
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  balance roundrobin\n  default-server slowstart 10s\n"
		  "  server a 192.0.2.1:80 redir https://a.example.com\n"
		  "  server b 192.0.2.2:80 redir https://b.example.com\n",
		  1);
	expect(&site, "abab");
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_MAINT, "test", SITE_START);
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_READY, "test", SITE_START);
	site_spread(&site, 101, SITE_START, counts);
	assert_true(counts[0] == 100 && counts[1] == 1);
	fleet_refresh(site.fleet, SITE_START + 5);
	site_spread(&site, 150, SITE_START + 5, counts);
	assert_true(counts[0] == 100 && counts[1] == 50);
	fleet_refresh(site.fleet, SITE_START + 10);
	site_spread(&site, 150, SITE_START + 10, counts);
	assert_true(counts[0] == 75 && counts[1] == 75);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_turns_of_a_round_follow_from_the_weights),
		cmocka_unit_test(a_round_has_exactly_each_weight),
		cmocka_unit_test(no_server_waits_long_for_its_share),
		cmocka_unit_test(the_round_changes_with_servers_and_weights),
		cmocka_unit_test(a_refresh_without_a_change_keeps_the_turns),
		cmocka_unit_test(a_pick_that_is_not_booked_takes_no_turn),
		cmocka_unit_test(static_rr_goes_by_the_weights_of_the_file),
		cmocka_unit_test(shares_hold_within_one_turn_where_weights_are_too_many),
		cmocka_unit_test(a_slow_start_takes_its_share_of_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
