/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a command, and what is said of a server's status. */
#include "spoa/admin/admin.h"

#define site unit_site
#include "tests/unit/site.h"
#undef site

static void words_are_split_at_blanks_and_a_backslash_keeps_one(void **state)
{
	static const struct {
		const char *line, *words; /* each in brackets */
	} cases[] = {
		{ "", "" },
		{ " \t ", "" },
		{ "show stat", "[show][stat]" },
		{ "  show \t stat \r", "[show][stat]" },
		{ "a\\ b c", "[a b][c]" },
		{ "a\\\\ b", "[a\\][b]" },
		{ "a\\", "[a\\]" },
		{ "\\;x", "[;x]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[64], *words[ADMIN_WORDS], got[128] = "";
		size_t n;

		strcpy(line, cases[i].line);
		n = split_words(line, words);
		for (size_t j = 0; j < n; j++)
			sprintf(got + strlen(got), "[%s]", words[j]);
		assert_string_equal(got, cases[i].words);
	}
}

static void there_are_no_more_words_than_there_is_room_for(void **state)
{
	char line[ADMIN_WORDS * 2 + 20], *words[ADMIN_WORDS];

	(void)state;
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = i % 2 ? ' ' : 'a';
	line[sizeof(line) - 1] = 0;
	assert_int_equal(split_words(line, words), ADMIN_WORDS);
	assert_string_equal(words[ADMIN_WORDS - 1], "a");
}

static void a_status_is_told_as_haproxy_does(void **state)
{
	struct unit_site site;
	struct server *plain, *checked;
	char text[40];

	(void)state;
	site_open(&site,
		  "backend web\n  server a 192.0.2.1:80 redir http://a.example.com\n"
		  "  server b 192.0.2.1:80 redir http://b.example.com check fall 3 rise 2\n",
		  1);
	plain = site_server(&site, "a");
	checked = site_server(&site, "b");
	assert_string_equal(status_text(plain, text, sizeof(text)), "no check");
	assert_string_equal(status_text(checked, text, sizeof(text)), "UP 1/3");
	server_set_health(site.fleet, checked, true, "test", SITE_START);
	assert_string_equal(status_text(checked, text, sizeof(text)), "UP");
	server_set_health(site.fleet, checked, false, "test", SITE_START);
	assert_string_equal(status_text(checked, text, sizeof(text)), "UP 2/3");
	for (unsigned i = 0; i < 2; i++)
		server_set_health(site.fleet, checked, false, "test", SITE_START);
	assert_string_equal(status_text(checked, text, sizeof(text)), "DOWN");
	server_set_health(site.fleet, checked, true, "test", SITE_START);
	assert_string_equal(status_text(checked, text, sizeof(text)), "DOWN 1/2");
	server_set_agent_down(site.fleet, checked, true, "test", SITE_START);
	assert_string_equal(status_text(checked, text, sizeof(text)), "DOWN (agent)");
	server_set_admin(site.fleet, plain, ADMIN_DRAIN, "test", SITE_START);
	assert_string_equal(status_text(plain, text, sizeof(text)), "DRAIN");
	server_set_admin(site.fleet, checked, ADMIN_MAINT, "test", SITE_START);
	assert_string_equal(status_text(checked, text, sizeof(text)), "MAINT");
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_at_blanks_and_a_backslash_keeps_one),
		cmocka_unit_test(there_are_no_more_words_than_there_is_room_for),
		cmocka_unit_test(a_status_is_told_as_haproxy_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
