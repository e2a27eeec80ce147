/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `top` without a terminal: what the runtime API said, as lines of a screen. */
#include "spoa/cli/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADS                                                                                        \
	"# be_name srv_name status load age u q est under_way mu dir m redirects source A C B\n%s\n" \
	"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n%s\n"

struct screen {
	char *text;
	size_t length;
};

static bool take(struct top_view *view, const char *pid, unsigned redirects, const char *loads, const char *states,
		 double now)
{
	char answer[8192];

	snprintf(answer, sizeof(answer),
		 "Version: 1.2\nPid: %s\nUptime: 0d 1h\nCurrConns: 7\nDecisions_redirect: %u\n\n" HEADS, pid, redirects,
		 loads, states);
	return top_view_take(view, slice_of_string(answer), now);
}

static struct screen draw(struct top_view *view, unsigned rows, unsigned columns, bool colours)
{
	struct screen screen = { 0 };
	FILE *out = open_memstream(&screen.text, &screen.length);

	top_view_draw(view, out, rows, columns, colours);
	fclose(out);
	return screen;
}

static void shows(struct top_view *view, const char *text, bool wanted)
{
	struct screen screen = draw(view, 0, 200, false);

	if (!strstr(screen.text, text) == wanted)
		fail_msg("'%s' %s in:\n%s", text, wanted ? "is not" : "is", screen.text);
	free(screen.text);
}

static void rates_and_shares_are_of_two_answers(void **state)
{
	struct top_view *view = top_view_new();

	(void)state;
	assert_true(take(view, "5", 100,
			 "web a UP known 0.5 0.25 - 0.0 3.0 0 0 1 30\nweb b DOWN unknown - - - 0 0 0 0 1 70\n",
			 "1 web 1 a 192.0.2.1 2 0 40 40\n1 web 2 b 192.0.2.2 0 0 9 9\n", 10));
	shows(view, "web/a                        UP           40    25%     0.5     3.0         -       -", true);
	shows(view, "web/b                        DOWN          9      -       -", true);
	assert_true(take(view, "5", 300,
			 "web a UP known 0.5 0.25 - 0.0 3.0 0 0 1 80\nweb b DOWN unknown - - - 0 0 0 0 1 220\n", "",
			 12));
	shows(view, "decisions/s 100  redirect 100.0%", true);
	shows(view, "    25.0   25.0% #####", true);
	shows(view, "    75.0   75.0% ###############", true);
	top_view_free(view);
}

static void another_process_begins_anew(void **state)
{
	struct top_view *view = top_view_new();

	(void)state;
	assert_true(take(view, "5", 100, "web a UP known - - - 0 0 0 0 1 100\n", "", 10));
	assert_true(take(view, "6", 1, "web a UP known - - - 0 0 0 0 1 1\n", "", 11));
	shows(view, "decisions/s 0", true);
	assert_true(
		take(view, "6", 3, "web a UP known - - - 0 0 0 0 1 3\nweb new UP known - - - 0 0 0 0 1 0\n", "", 12));
	shows(view, "decisions/s 2", true);
	shows(view, "web/new", true);
	top_view_free(view);
}

static void what_is_no_answer_changes_nothing(void **state)
{
	static const char *const wrong[] = { "", "\n", "Unknown command.\n", "Version: 1\n", "Pid: 1\n" };
	struct top_view *view = top_view_new();

	(void)state;
	assert_true(take(view, "5", 100, "web a UP known - - - 0 0 0 0 1 100\n", "", 10));
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(top_view_take(view, slice_of_string(wrong[i]), 11));
	top_view_fail(view, "nobody there");
	shows(view, "nobody there", true);
	shows(view, "web/a ", true);
	assert_true(take(view, "5", 100, "web a UP known - - - 0 0 0 0 1 100\n", "", 12));
	shows(view, "nobody there", false);
	top_view_free(view);
}

static void a_terminal_is_not_told_what_to_do(void **state)
{
	struct top_view *view = top_view_new();
	struct screen screen;

	(void)state;
	assert_true(take(view, "5\033[2J", 1, "web \033]0;x\a UP\x7f known - - - 0 0 0 0 1 1\n", "", 10));
	screen = draw(view, 24, 80, false);
	assert_null(strstr(screen.text, "\033[2J"));
	assert_null(strstr(screen.text, "\033]"));
	assert_null(strchr(screen.text, 0x7f));
	free(screen.text);
	top_view_free(view);
}

/* No line is wider, and there are as many as there is room for. */
static void a_screen_is_as_large_as_it_is(void **state)
{
	static char loads[400 * 60];
	struct top_view *view = top_view_new();
	char *at = loads, *answer;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		at += sprintf(at, "web w%u UP known - - - 0 0 0 0 1 %u\n", i, i);
	answer = malloc(sizeof(loads) + 1000);
	sprintf(answer, "Version: 1\nPid: 1\n\n" HEADS, loads, "");
	assert_true(top_view_take(view, slice_of_string(answer), 1));
	assert_int_equal(top_view_servers(view), 400);
	for (unsigned rows = 1; rows < 60; rows += 7)
		for (unsigned columns = 1; columns < 140; columns += 23) {
			struct screen screen = draw(view, rows, columns, false);
			unsigned lines = 1, width = 0;

			for (char *c = screen.text; *c; c++) {
				if (*c == '\033') {
					c += strcspn(c, "HKJ");
					continue;
				}
				width = *c == '\n' || *c == '\r' ? 0 : width + 1;
				assert_true(width <= columns);
				lines += *c == '\n';
			}
			assert_true(lines == rows || rows < 6);
			free(screen.text);
		}
	free(answer);
	top_view_free(view);
}

static void press(struct top_view *view, const char *bytes, bool goes_on)
{
	struct slice in = slice_of_string(bytes);
	bool good = true;
	int key;

	while ((key = top_take_key(&in)) >= 0)
		good &= top_view_key(view, key, 8);
	assert_int_equal(good, goes_on);
}

/* Of three lines the first one's name. */
static void begins_with(struct top_view *view, const char *name)
{
	struct screen screen = draw(view, 8, 80, false);
	char *at = screen.text;

	for (unsigned i = 0; i < 4; i++)
		at = strchr(at, '\n') + 1;
	for (unsigned i = 0; i < 2 && *at == '\033'; i++) /* of the choice, and after it */
		at = strchr(at, 'm') + 1;
	if (strncmp(at, name, strlen(name)) != 0)
		fail_msg("not '%s' but:\n%s", name, at);
	free(screen.text);
}

static void keys_scroll_sort_and_quit(void **state)
{
	static const struct {
		const char *bytes, *first;
	} steps[] = {
		{ "j", "web/a " },      { "\033[B", "web/a " },  { "j", "web/b " },       { "jjjjjj", "web/d " },
		{ "k", "web/d " },      { "kkk", "web/b " },     { "\033[H", "web/a " },  { "\033[F", "web/d " },
		{ "\033OA", "web/d " }, { "\033[5~", "web/b " }, { "\033[6~", "web/c " }, { "x\033[Zé", "web/c " },
		{ "s", "web/c " },      { "s", "web/f " },       { "s", "web/e " },       { "s", "web/a " },
	};
	struct top_view *view = top_view_new();

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_true(take(view, "1", 0,
				 i ? "web a UP k - .1 - 0 0 0 0 1 1\nweb b UP k - .2 - 0 0 0 0 1 1\n"
				     "web c UP k - .9 - 0 0 0 0 1 1\nweb d UP k - - - 0 0 0 0 1 1\n"
				     "web e DOWN k - - - 0 0 0 0 1 1\nweb f UP k - .3 - 0 0 0 0 1 9\n"
				   : "web a UP k - .1 - 0 0 0 0 1 1\nweb b UP k - .2 - 0 0 0 0 1 1\n"
				     "web c UP k - .9 - 0 0 0 0 1 1\nweb d UP k - - - 0 0 0 0 1 1\n"
				     "web e DOWN k - - - 0 0 0 0 1 1\nweb f UP k - .3 - 0 0 0 0 1 1\n",
				 "", 1 + i));
	begins_with(view, "web/a ");
	for (size_t i = 0; i < COUNT(steps); i++) {
		press(view, steps[i].bytes, true);
		begins_with(view, steps[i].first);
	}
	press(view, "q", false);
	top_view_free(view);
}

/* What is on the last line. */
static void asks(struct top_view *view, const char *text)
{
	struct screen screen = draw(view, 8, 120, false);

	if (!strstr(strrchr(screen.text, '\n'), text))
		fail_msg("not '%s' but '%s'", text, strrchr(screen.text, '\n'));
	free(screen.text);
}

static void keys_change_a_server_once_it_is_agreed_to(void **state)
{
	static const struct {
		const char *key, *command;
	} steps[] = {
		{ "d", "set server web/b state drain" },        { "m", "set server web/b state maint" },
		{ "r", "set server web/b state ready" },        { "\033[20~", "set server web/b state ready" },
		{ "\033[21~", "set server web/b state maint" }, { "\033OS", "set server web/b weight 100%" },
		{ "\033[15~", "set server web/b weight 0" },    { "\033[17~", "set server web/b weight 8" },
		{ "\033[18~", "set server web/b weight 10" },   { "\033[19~", "set server web/b weight 19" },
	};
	struct top_view *view = top_view_new();

	(void)state;
	assert_true(take(view, "1", 0, "web a UP k - .1 - 0 0 0 0 1 1\nweb b UP k - .2 - 0 0 0 0 1 1\n",
			 "1 web 1 a 192.0.2.1 2 0 256 40\n1 web 2 b 192.0.2.2 2 0 9 9\n", 1));
	press(view, "j", true);
	asks(view, "b: d drain");
	for (size_t i = 0; i < COUNT(steps); i++) {
		press(view, steps[i].key, true);
		assert_null(top_view_command(view));
		asks(view, steps[i].command);
		press(view, i % 2 ? "Y" : "y", true);
		assert_string_equal(top_view_command(view), steps[i].command);
		assert_null(top_view_command(view));
		top_view_answer(view, SLICE("\n"));
		asks(view, ": Done.");
	}
	/* any other key is none, and does nothing else */
	press(view, "dq", true);
	assert_null(top_view_command(view));
	press(view, "y", true);
	assert_null(top_view_command(view));
	press(view, "dy", true);
	assert_non_null(top_view_command(view));
	top_view_answer(view, SLICE("Permission denied\033[2J\nand more\n\n"));
	asks(view, ": Permission denied.[2J");
	press(view, "k\033[19~", true);
	asks(view, "set server web/a weight 256?");
	top_view_free(view);
}

/* Whatever a row is taken to be, it is that server which was on it when the key was pressed. */
static void the_choice_follows_its_server(void **state)
{
	struct top_view *view = top_view_new();

	(void)state;
	assert_true(take(view, "1", 0, "web a UP k - .1 - 0 0 0 0 1 1\nweb b UP k - .2 - 0 0 0 0 1 1\n", "", 1));
	press(view, "j", true);
	assert_true(take(view, "1", 0,
			 "new z UP k - .9 - 0 0 0 0 1 1\nweb a UP k - .1 - 0 0 0 0 1 1\n"
			 "web b UP k - .2 - 0 0 0 0 1 1\n",
			 "", 2));
	asks(view, "  b: d drain");
	press(view, "d", true);
	assert_true(take(view, "1", 0, "new z UP k - .9 - 0 0 0 0 1 1\nweb a UP k - .1 - 0 0 0 0 1 1\n", "", 3));
	asks(view, "set server web/b state drain?");
	press(view, "yd", true);
	asks(view, "set server web/a state drain?");
	top_view_free(view);
}

static void names_that_are_not_whole_are_left_alone(void **state)
{
	static const char *const names[] = { "a;b", "a\033b", "a$b",
					     "a23456789012345678901234567890123456789012345678901234567890123456789" };
	char line[200];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct top_view *view = top_view_new();

		snprintf(line, sizeof(line), "web %s UP k - .1 - 0 0 0 0 1 1\n", names[i]);
		assert_true(take(view, "1", 0, line, "", 1));
		press(view, "dy", true);
		assert_null(top_view_command(view));
		top_view_free(view);
	}
}

static void colours_are_for_who_wants_them(void **state)
{
	struct top_view *view = top_view_new();
	struct screen screen;

	(void)state;
	assert_true(take(view, "5", 1, "web a DOWN known - - - 0 0 0 0 1 1\n", "", 10));
	screen = draw(view, 10, 80, true);
	assert_non_null(strstr(screen.text, "\033[31mweb/a"));
	free(screen.text);
	screen = draw(view, 10, 80, false);
	assert_null(strstr(screen.text, "\033[31m"));
	free(screen.text);
	top_view_free(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_and_shares_are_of_two_answers),
		cmocka_unit_test(another_process_begins_anew),
		cmocka_unit_test(what_is_no_answer_changes_nothing),
		cmocka_unit_test(a_terminal_is_not_told_what_to_do),
		cmocka_unit_test(a_screen_is_as_large_as_it_is),
		cmocka_unit_test(keys_scroll_sort_and_quit),
		cmocka_unit_test(keys_change_a_server_once_it_is_agreed_to),
		cmocka_unit_test(the_choice_follows_its_server),
		cmocka_unit_test(names_that_are_not_whole_are_left_alone),
		cmocka_unit_test(colours_are_for_who_wants_them),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
