/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maxload: who is left out while others are below theirs. And of all that decides who may be picked: nobody who may not. */
#include "spoa/load/report.h"
#include "spoa-redirect/base/hash.h"
#include "tests/unit/site.h"

#define LINE(n, more) "  server " n " 192.0.2.1:80 redir http://" n ".example.com " more "\n"

/* Those that may be picked, in order: "a b". */
static const char *usable(const struct site *site)
{
	static char names[256];
	const struct backend *backend = fleet_backend(site->fleet, 0);

	names[0] = 0;
	for (uint32_t i = 0; i < backend_n_usable(backend); i++) {
		strcat(names, i > 0 ? " " : "");
		strcat(names, backend_usable(backend, i)->name);
	}
	return names;
}

static void tell(struct site *site, const char *name, double u, double now)
{
	struct record record = { .report = { .has = u < 0 ? LOAD_Q : LOAD_U, .u = u, .q = 1 } };
	struct load load = { .fleet = site->fleet, .log = &site->log };

	assert_int_equal(report_take(&load, site_server(site, name), SOURCE_PUSH, REPORT_TAKEN, &record, now), REPORT_TAKEN);
}

static void above_its_maxload_a_server_waits_while_another_is_below(void **state)
{
	static const struct {
		double at;
		const char *server;
		double u; /* < 0: requests in flight alone; 2: nothing is told */
		const char *usable;
	} steps[] = {
		{ 1.0, "a", 0.80, "a b c" }, /* not above */
		{ 1.1, "a", 0.81, "b c" },
		{ 1.2, "b", 0.95, "b c" },
		{ 1.3, "b", 0.96, "c" },
		{ 1.4, "k", 0.10, "c" }, /* a backup is not woken */
		{ 1.5, "s", 0.10, "c" }, /* nor a standby */
		{ 1.6, "c", 1.00, "c" }, /* has no maxload */
		{ 4.0, "c", 1.00, "c" },
		{ 4.1, "c", 1.00, "a c" }, /* what a said is 3 s old */
		{ 4.2, "a", 0.99, "c" },
		{ 4.25, "a", -1, "a c" }, /* tells no utilisation any more */
		{ 9.0, "", 2, "a b c" },
	};
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  balance first\n  default-server load-push load-stale 3s\n" LINE("a", "maxload 80%")
			  LINE("b", "maxload 95%") LINE("c", "") LINE("s", "standby-of a") LINE("k", "backup"),
		  1);
	for (size_t i = 0; i < COUNT(steps); i++) {
		if (*steps[i].server)
			tell(&site, steps[i].server, steps[i].u, SITE_START + steps[i].at);
		fleet_refresh(site.fleet, SITE_START + steps[i].at + 0.05);
		if (strcmp(usable(&site), steps[i].usable) != 0)
			fail_msg("step %zu: %s", i, usable(&site));
	}
	site_close(&site);
}

static void where_all_are_above_all_are_chosen_among(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n  balance first\n  default-server load-push maxload 50%\n" LINE("a", "") LINE("b", "")
			  LINE("s", "standby-of b") LINE("k", "backup"),
		  1);
	tell(&site, "a", 0.6, SITE_START + 1);
	fleet_refresh(site.fleet, SITE_START + 1);
	assert_string_equal(usable(&site), "b");
	tell(&site, "b", 0.9, SITE_START + 1);
	fleet_refresh(site.fleet, SITE_START + 1);
	assert_string_equal(usable(&site), "a b");
	server_set_admin(site.fleet, site_server(&site, "b"), ADMIN_MAINT, "test", SITE_START + 1);
	assert_string_equal(usable(&site), "s"); /* in b's place, and not loaded */
	tell(&site, "s", 0.9, SITE_START + 1);
	fleet_refresh(site.fleet, SITE_START + 1);
	assert_string_equal(usable(&site), "a s");
	server_set_admin(site.fleet, site_server(&site, "s"), ADMIN_MAINT, "test", SITE_START + 1);
	assert_string_equal(usable(&site), "a");
	server_set_admin(site.fleet, site_server(&site, "a"), ADMIN_MAINT, "test", SITE_START + 1);
	assert_string_equal(usable(&site), "k");
	tell(&site, "k", 0.9, SITE_START + 1);
	fleet_refresh(site.fleet, SITE_START + 1);
	assert_string_equal(usable(&site), "k"); /* rather than nobody */
	site_close(&site);
}

/* The next report is due in 30 s, or by an agent in 1 s: until then the first one holds. */
static void a_first_report_holds_until_the_second_is_overdue(void **state)
{
	static const struct {
		enum load_source source;
		double at;
		const char *usable;
	} cases[] = {
		{ SOURCE_CHECK, 0, "b" },   { SOURCE_CHECK, 31, "b" },  { SOURCE_CHECK, 149, "b" }, { SOURCE_CHECK, 151, "a b" },
		{ SOURCE_AGENT, 4.9, "b" }, { SOURCE_AGENT, 5.1, "a b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record record = { .report = { .has = LOAD_U, .u = 0.9 } };
		struct load load;
		struct site site;

		site_open(&site,
			  "backend web\n  balance first\n  default-server maxload 80% agent-check agent-port 9 agent-inter 1s "
			  "load-check http /load load-inter 30s\n" LINE("a", "") LINE("b", ""),
			  1);
		load = (struct load){ .fleet = site.fleet, .log = &site.log };
		report_take(&load, site_server(&site, "a"), cases[i].source, REPORT_TAKEN, &record, SITE_START);
		fleet_refresh(site.fleet, SITE_START + cases[i].at);
		if (strcmp(usable(&site), cases[i].usable) != 0)
			fail_msg("case %zu: %s", i, usable(&site));
		site_close(&site);
	}
}

/* ---- whatever happens ---- */

static bool serves(const struct server *server)
{
	return server && server_status(server) == SERVER_UP;
}

static const struct server *holder_of(const struct server *server)
{
	if (server->backup || server->standby_of)
		return NULL;
	return serves(server) ? server : serves(server->standby) ? server->standby : NULL;
}

/* As the rules have it, one server at a time: decisions.md, "Who may be picked". */
static bool may_be_picked(const struct backend *backend, const struct server *server, double now)
{
	const struct server *first_backup = NULL;
	bool any_slot = false, any_below = false, is_slot = false;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *one = backend->servers[i], *holder = holder_of(one);

		any_slot |= holder != NULL;
		any_below |= holder && !server_over_maxload(holder, now);
		is_slot |= holder == server;
		if (!first_backup && one->backup && serves(one))
			first_backup = one;
	}
	if (any_slot)
		return is_slot && (!any_below || !server_over_maxload(server, now));
	return server == first_backup;
}

static void change(struct site *site, struct server *server, struct random *random, double now)
{
	switch (random_below(random, 4)) {
	case 0:
		server_set_admin(site->fleet, server, (enum server_admin)random_below(random, 3), "test", now);
		break;
	case 1:
		server_set_weight(site->fleet, server, random_below(random, 3), "test", now);
		break;
	case 2:
		server_set_agent_down(site->fleet, server, random_below(random, 3) == 0, "test", now);
		break;
	default:
		tell(site, server->name, random_below(random, 101) / 100.0, now);
		fleet_refresh(site->fleet, now);
	}
}

static uint64_t any_key_or_none(struct random *random)
{
	return random_below(random, 4) ? hash_mix(random_below(random, 1000) + 1) : 0;
}

static void nobody_else_is_ever_picked(void **state)
{
	static const char *const policies[] = {
		"least-load", "random",         "random(1)", "random(5)",    "roundrobin", "static-rr",
		"first",      "hash src",       "source",    "url_param id", "uri",        "hdr(x-user)",
		"leastconn",  "hash src\n  hash-balance-factor 120",
	};

	(void)state;
	for (size_t policy = 0; policy < COUNT(policies); policy++) {
		struct backend *backend;
		struct random random;
		double now = SITE_START;
		char text[1000];
		struct site site;

		snprintf(text, sizeof(text),
			 "backend web\n  balance %s\n  default-server load-push load-stale 2s slowstart 1s\n%s", policies[policy],
			 LINE("k", "backup") LINE("a", "maxload 70%") LINE("b", "") LINE("c", "maxload 20% weight 5")
				 LINE("sa", "standby-of a maxload 50%") LINE("sc", "standby-of c") LINE("l", "backup"));
		site_open(&site, text, policy + 1);
		random_seed(&random, policy + 10);
		backend = fleet_backend(site.fleet, 0);
		for (unsigned turn = 0; turn < 5000; turn++) {
			uint32_t expected = 0;

			change(&site, backend->servers[random_below(&random, (uint32_t)backend->n_servers)], &random, now);
			if (turn % 2)
				now += random_below(&random, 100) / 100.0;
			fleet_refresh(site.fleet, now);
			for (size_t i = 0; i < backend->n_servers; i++)
				expected += may_be_picked(backend, backend->servers[i], now);
			assert_int_equal(backend_n_usable(backend), expected);
			for (unsigned pick = 0; pick < 5; pick++) {
				struct server *server = site_book_key(&site, any_key_or_none(&random), now);

				assert_int_equal(server != NULL, expected > 0);
				assert_true(!server || may_be_picked(backend, server, now));
			}
		}
		site_close(&site);
	}
}

/* All are looked at for a change, so of many that come together not each is made known at once: they must not take the time. */
static void many_changes_are_made_known_together(void **state)
{
	const unsigned n = 300;
	char *text = malloc(n * 80);
	size_t used = (size_t)sprintf(text, "backend web\n");
	double now = SITE_START + 1;
	struct backend *backend;
	struct site site;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "  server s%u 192.0.2.1:80 redir http://s%u.test check%s\n", i, i,
					i % 3 ? "" : " backup");
	site_open(&site, text, 1);
	backend = fleet_backend(site.fleet, 0);
	assert_int_equal(backend->state->active, 200);
	assert_int_equal(backend->state->spare, 100);
	server_force_health(site.fleet, backend->servers[1], false, "test", now);
	assert_int_equal(backend_n_usable(backend), 199);
	for (unsigned i = 0; i < 150; i++)
		server_force_health(site.fleet, backend->servers[i], false, "test", now + 1e-6 * i);
	assert_int_equal(backend->state->active, 100);
	assert_int_equal(backend->state->spare, 50);
	assert_int_equal(backend_n_usable(backend), 199);
	fleet_settle(site.fleet, now + 2e-4);
	assert_int_equal(backend_n_usable(backend), 100);
	for (unsigned i = 150; i < n; i++)
		server_force_health(site.fleet, backend->servers[i], false, "test", now + 3e-4);
	assert_int_equal(backend->state->active + backend->state->spare, 0);
	assert_int_equal(backend_n_usable(backend), 100);
	fleet_refresh(site.fleet, now + 0.1);
	assert_int_equal(backend_n_usable(backend), 0);
	/* and one alone is there at once */
	server_force_health(site.fleet, backend->servers[2], true, "test", now + 0.2);
	assert_int_equal(backend_n_usable(backend), 1);
	site_close(&site);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(above_its_maxload_a_server_waits_while_another_is_below),
		cmocka_unit_test(where_all_are_above_all_are_chosen_among),
		cmocka_unit_test(a_first_report_holds_until_the_second_is_overdue),
		cmocka_unit_test(nobody_else_is_ever_picked),
		cmocka_unit_test(many_changes_are_made_known_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
