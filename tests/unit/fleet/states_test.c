/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HAProxy's format of states: what is written is read back, HAProxy's own files too, and what is no such file changes nothing. */
#include "tests/unit/site.h"

#define TEXT                                                                                                           \
	"backend web\n server a 192.0.2.1:80 redir http://a.example.com weight 10\n"                                  \
	" server b 192.0.2.1:80 redir http://b.example.com check agent-check agent-port 1\n"                          \
	" server c 192.0.2.1:80 redir http://c.example.com disabled\n"

static char *written(const struct site *site)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	fleet_put_states(site->fleet, out, NULL, 3, false, SITE_START);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void what_is_written_is_read_back(void **state)
{
	struct site before, after;
	uint64_t fresh;
	char *text;

	(void)state;
	site_open(&before, TEXT, 1);
	fresh = fleet_states_sum(before.fleet);
	server_set_weight(before.fleet, site_server(&before, "a"), 7, "test", SITE_START);
	server_set_admin(before.fleet, site_server(&before, "b"), ADMIN_DRAIN, "test", SITE_START);
	server_set_admin(before.fleet, site_server(&before, "c"), ADMIN_READY, "test", SITE_START);
	site_server(&before, "b")->state->paused[PROBED_AGENT] = true;
	text = written(&before);
	site_open(&after, TEXT, 1);
	assert_true(fleet_states_sum(after.fleet) == fresh);
	assert_int_equal(fleet_take_states(after.fleet, slice_of_string(text), SITE_START), 0);
	assert_int_equal(server_status(site_server(&after, "b")), SERVER_DRAIN);
	assert_true(fleet_states_sum(after.fleet) == fleet_states_sum(before.fleet));
	assert_true(fleet_states_sum(after.fleet) != fresh);
	free(text);
	text = written(&after);
	assert_int_equal(fleet_take_states(before.fleet, slice_of_string(text), SITE_START), 0);
	free(text);
	site_close(&before);
	site_close(&after);
}

static void haproxy_s_own_file_is_read(void **state)
{
	/* show servers state of HAProxy 2.6 and, shorter, 1.7 */
	static const char *const texts[] = {
		"1\n# be_id be_name srv_id srv_name …\n"
		"3 web 1 a 192.0.2.1 2 0 4 10 5 1 0 2 0 0 0 0 - 80 - 0 0 - - 0\n"
		"3 web 2 b 192.0.2.1 2 8 1 1 5 6 3 4 2 18 0 0 - 80 - 0 0 - - 1\n"
		"4 other 1 a 192.0.2.1 0 1 1 1 5 6 3 4 6 0 0 0 - 80 - 0 0 - - 0\n\n",
		"1\n3 web 1 a 192.0.2.1 2 0 4 10\n3 web 9 b 192.0.2.1 2 8 1 1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct site site;

		site_open(&site, TEXT, 1);
		assert_int_equal(fleet_take_states(site.fleet, slice_of_string(texts[i]), SITE_START), 0);
		assert_int_equal(atomic_load(&site_server(&site, "a")->state->weight), 4);
		assert_int_equal(server_status(site_server(&site, "a")), SERVER_UP);
		assert_int_equal(server_status(site_server(&site, "b")), SERVER_DRAIN);
		assert_int_equal(site_server(&site, "b")->state->paused[PROBED_HEALTH], i == 0);
		assert_int_equal(server_status(site_server(&site, "c")), SERVER_MAINT);
		site_close(&site);
	}
}

static void what_the_configuration_changed_holds(void **state)
{
	static const char text[] = "1\n3 web 1 a 192.0.2.1 2 0 4 9\n3 web 3 c 192.0.2.1 2 0 1 1\n";
	struct site site;

	(void)state;
	site_open(&site, TEXT, 1);
	assert_int_equal(fleet_take_states(site.fleet, slice_of_string(text), SITE_START), 0);
	assert_int_equal(atomic_load(&site_server(&site, "a")->state->weight), 10);
	assert_int_equal(server_status(site_server(&site, "c")), SERVER_MAINT);
	site_close(&site);
}

static void a_broken_file_changes_nothing(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{ "", 1 },
		{ "\n\n", 1 },
		{ "2\n", 1 },
		{ "# be_id\n1 2\n", 2 },
		{ "3 web 1 a 192.0.2.1 2 8 4 10\n", 1 },
		{ "1\n3 web 1 a 192.0.2.1 2 8 4 10\n3 web 2 b 192.0.2.1 2 8 4\n", 3 },
		{ "1\n3 web 1 a 192.0.2.1 2 8 4 10\n3 web 2 b 192.0.2.1 2 8 257 1\n", 3 },
		{ "1\n3 web 1 a 192.0.2.1 2 8 4 10\n3 web 2 b 192.0.2.1 2 -1 1 1\n", 3 },
		{ "1\n3 web 1 a 192.0.2.1 2 8 4 10\n3 web 2 b 192.0.2.1 2 8 1 1 5 6 3 4 x\n", 3 },
		{ "1\n3 web 1 a 192.0.2.1 2 8 4 10\n\001\377\n", 3 },
	};
	struct site site;
	uint64_t sum;

	(void)state;
	site_open(&site, TEXT, 1);
	sum = fleet_states_sum(site.fleet);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(fleet_take_states(site.fleet, slice_of_string(cases[i].text), SITE_START),
				 cases[i].line);
		assert_true(fleet_states_sum(site.fleet) == sum);
	}
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(haproxy_s_own_file_is_read),
		cmocka_unit_test(what_the_configuration_changed_holds),
		cmocka_unit_test(a_broken_file_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
