/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fallback-backend: where it leads, and where it must not. */
#include "tests/unit/site.h"

#define SERVER(name) "  server " name " 192.0.2.1:80 redir http://" name ".example.com\n"

static const char *fallback_of(const struct site *site, const char *name)
{
	const struct backend *backend = fleet_find(site->fleet, name);

	return backend->fallback ? backend->fallback->name : "-";
}

static void a_backend_may_be_named_before_it_is_defined(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "backend a\n  fallback-backend b\n" SERVER("a1") "backend b\n  fallback-backend c\n" SERVER(
			  "b1") "backend c\n" SERVER("c1"),
		  1);
	assert_string_equal(fallback_of(&site, "a"), "b");
	assert_string_equal(fallback_of(&site, "b"), "c");
	assert_string_equal(fallback_of(&site, "c"), "-");
	site_close(&site);
}

static void that_of_defaults_is_everybodys_but_its_own(void **state)
{
	struct site site;

	(void)state;
	site_open(&site,
		  "defaults\n  fallback-backend c\nbackend a\n" SERVER("a1") "backend b\n  fallback-backend a\n" SERVER(
			  "b1") "backend c\n" SERVER("c1") "defaults\nbackend d\n" SERVER("d1"),
		  1);
	assert_string_equal(fallback_of(&site, "a"), "c");
	assert_string_equal(fallback_of(&site, "b"), "a");
	assert_string_equal(fallback_of(&site, "c"), "-");
	assert_string_equal(fallback_of(&site, "d"), "-");
	site_close(&site);
}

static void what_leads_nowhere_or_back_is_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "backend web\n  fallback-backend\n" SERVER("a1"),
		  "test.cfg:2: in section 'backend web': 'fallback-backend' expects the name of a backend" },
		{ "backend web\n  fallback-backend wep\n" SERVER("a1"),
		  "test.cfg:2: in section 'backend web': no backend 'wep', did you mean 'web'?" },
		{ "defaults\n  fallback-backend spare\nbackend web\n" SERVER("a1"),
		  "test.cfg:2: in section 'defaults': no backend 'spare'" },
		{ "backend web\n  fallback-backend web\n" SERVER("a1"),
		  "test.cfg:2: in section 'backend web': 'fallback-backend web' leads back to 'web'" },
		{ "backend a\n  fallback-backend b\n" SERVER("a1") "backend b\n" SERVER("b1") "  fallback-backend a\n",
		  "test.cfg:2: in section 'backend a': 'fallback-backend b' leads back to 'a'" },
		{ "backend z\n  fallback-backend a\n" SERVER("z1") "backend a\n  fallback-backend b\n" SERVER(
			  "a1") "backend b\n" SERVER("b1") "  fallback-backend c\nbackend c\n" SERVER("c1") "  "
													    "fallback-"
													    "backend "
													    "a\n",
		  "test.cfg:5: in section 'backend a': 'fallback-backend b' leads back to 'a'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		site_says(cases[i].text, cases[i].message);
}

/* Of a circle of any size, among chains that lead into it, one line tells. */
static void a_circle_is_told_once(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 7);
	for (unsigned turn = 0; turn < 200; turn++) {
		unsigned n = 2 + random_below(&random, 9), to[11], circles = 0;
		char text[2000] = "";
		struct site site;

		for (unsigned i = 0; i < n; i++) {
			do
				to[i] = random_below(&random, n);
			while (to[i] == i);
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 "backend b%u\n  fallback-backend b%u\n  server s 192.0.2.1:80 redir http://s.test\n",
				 i, to[i]);
		}
		/* the least of each circle: who comes back to itself without meeting a lesser one */
		for (unsigned i = 0; i < n; i++) {
			unsigned at = to[i], steps = 1;

			while (at > i && steps++ < n)
				at = to[at];
			circles += at == i;
		}
		site_read(&site, text);
		assert_int_equal(config_count(site.config, CONFIG_ERROR), circles);
		arena_free(site.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_may_be_named_before_it_is_defined),
		cmocka_unit_test(that_of_defaults_is_everybodys_but_its_own),
		cmocka_unit_test(what_leads_nowhere_or_back_is_named),
		cmocka_unit_test(a_circle_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
