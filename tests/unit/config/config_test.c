/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files into lines and sections: every error of all of them, each with its FILE:LINE. */
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

static bool note(struct config_words *words, void *into)
{
	hear(into, "%s %s|", words->keyword, config_take_word(words, "a word"));
	return true;
}

static bool refuse(struct config_words *words, void *into)
{
	(void)into;
	return config_error(words, "failed");
}

static bool begin(struct config_words *words, const char *name, void *into)
{
	hear(into, "[%s %s]", words->keyword, name);
	return strcmp(name, "bad") != 0 || config_error(words, "a bad one");
}

#define EVERYWHERE (CONFIG_GLOBAL | CONFIG_DEFAULTS | CONFIG_FRONTEND | CONFIG_BACKEND)

static const struct config_keyword keywords[] = {
	{ EVERYWHERE, "note", note, NULL, NULL },
	{ EVERYWHERE, "fail", refuse, NULL, NULL },
	{ CONFIG_FRONTEND, "bind", note, NULL, NULL },
};

static void open_reading(struct reading *reading)
{
	reading_open(reading, keywords, COUNT(keywords), begin);
}

static void expect_text(struct slice text, const char *heard, const char *const *messages, size_t n)
{
	struct reading reading;

	open_reading(&reading);
	config_read_text(reading.config, "t.cfg", text);
	expect_messages(&reading, messages, n);
	assert_string_equal(reading.heard, heard);
	reading_close(&reading);
}

#define EXPECT(text, heard, ...)                                          \
	do {                                                              \
		static const char *const all[] = { NULL, __VA_ARGS__ };   \
		expect_text(SLICE(text), heard, all + 1, COUNT(all) - 1); \
	} while (0)

static void sections_begin_and_their_lines_follow(void **state)
{
	(void)state;
	EXPECT("global\n note a\ndefaults\n note b\nfrontend f\n bind c\nbackend b:1\n note d\n",
	       "[global ]note a|[defaults ]note b|[frontend f]bind c|[backend b:1]note d|");
	EXPECT("backend a\nfrontend a\ndefaults x\n", "[backend a][frontend a][defaults x]");
	EXPECT("global\n note a\nglobal\n note b\n", "[global ]note a|[global ]note b|");
}

static void every_error_is_told_with_its_line(void **state)
{
	(void)state;
	EXPECT("global\n fail\n note a\n\n# comment\n nope x\n fail\nbackend b\n fail\n", "[global ]note a|[backend b]",
	       "t.cfg:2: in section 'global': failed",
	       "t.cfg:6: in section 'global': unknown keyword 'nope', did you mean 'note'?",
	       "t.cfg:7: in section 'global': failed", "t.cfg:9: in section 'backend b': failed");
}

static void what_the_lexer_refuses_is_told_with_its_position(void **state)
{
	(void)state;
	EXPECT("global\n note 'a\n note b\n", "[global ]note b|",
	       "t.cfg:2: in section 'global': unmatched quote at position 7");
	EXPECT("note 'a\n", "", "t.cfg:1: unmatched quote at position 6");
	EXPECT("global\n note a\0b\n note \\x4\n note b\n", "[global ]note b|",
	       "t.cfg:2: in section 'global': NUL byte at position 8",
	       "t.cfg:3: in section 'global': '\\x' expects two hexadecimal digits at position 7");
}

static void a_line_that_is_to_go_on_is_refused(void **state)
{
	static const char why[] = "t.cfg:2: in section 'global': lines are not continued, and a word '\\' at the end is written '\\\\'";

	(void)state;
	EXPECT("global\n note a \\\n note b\n", "[global ]note b|", why);
	EXPECT("global\n note a \\ \n note b\n", "[global ]note b|", why);
	EXPECT("global\n note a \\\t\r\n note b\n", "[global ]note b|", why);
	EXPECT("global\n note \\ # \\\n", "[global ]note  |");
	EXPECT("global\n note a\\\n note \\\\\n note '\\' # \\\n", "[global ]note a\\|note \\|note \\|");
}

static void lines_end_as_editors_end_them(void **state)
{
	(void)state;
	EXPECT("global\r\n note a\r\n\r\n note b\r\n", "[global ]note a|note b|");
	EXPECT("global\n note a", "[global ]note a|");
	EXPECT("global\n note a\r", "[global ]note a|");
	EXPECT("global\n note a\n\n\n fail", "[global ]note a|", "t.cfg:5: in section 'global': failed");
	EXPECT("", "");
	EXPECT("\n\n", "");
	EXPECT("\xef\xbb\xbfglobal\n note a\n", "[global ]note a|",
	       "t.cfg: starts with a byte order mark: save it without one");
}

static void a_line_outside_of_a_section_is_refused(void **state)
{
	(void)state;
	EXPECT("note a\nnote b\nglobal\n", "[global ]", "t.cfg:1: unknown keyword 'note' outside of a section",
	       "t.cfg:2: unknown keyword 'note' outside of a section");
	EXPECT("globl\n note a\nbakend b\nglobal\n note b\n", "[global ]note b|",
	       "t.cfg:1: unknown keyword 'globl' outside of a section, did you mean 'global'?");
}

static void keywords_stand_where_they_may(void **state)
{
	(void)state;
	EXPECT("backend b\n bind a\n note b\n", "[backend b]note b|",
	       "t.cfg:2: in section 'backend b': 'bind' belongs into section 'frontend'");
}

static void a_section_of_one_name_comes_once_in_all_files(void **state)
{
	static const char *const messages[] = { "two:2: in section 'backend b': already defined at one:1" };
	struct reading reading;

	(void)state;
	EXPECT("backend b\n note a\nbackend b\n note b\n fail\nbackend c\n note c\n",
	       "[backend b]note a|[backend c]note c|", "t.cfg:3: in section 'backend b': already defined at t.cfg:1");
	open_reading(&reading);
	config_read_text(reading.config, "one", SLICE("backend b\n"));
	config_read_text(reading.config, "two", SLICE("frontend b\nbackend b\n"));
	expect_messages(&reading, messages, 1);
	reading_close(&reading);
}

/* Its lines would only repeat that. */
static void the_lines_of_a_refused_section_are_skipped(void **state)
{
	(void)state;
	EXPECT("backend\n fail\nbackend a b\n fail\nbackend a/b\n fail\nbackend ok\n note a\n", "[backend ok]note a|",
	       "t.cfg:1: in section 'backend': 'backend' expects a name",
	       "t.cfg:3: in section 'backend a': unexpected word 'b' after 'backend'",
	       "t.cfg:5: in section 'backend a/b': a name consists of letters, digits, '-', '_', '.' and ':'");
	EXPECT("listen l\n fail\npeers p\n fail\nglobal\n note a\n", "[global ]note a|",
	       "t.cfg:1: in section 'listen': section 'listen' is not supported",
	       "t.cfg:3: in section 'peers': section 'peers' is not supported");
	EXPECT("backend bad\n note a\n", "[backend bad]", "t.cfg:1: in section 'backend bad': a bad one");
	EXPECT("backend bad\n 'a\n", "[backend bad]", "t.cfg:1: in section 'backend bad': a bad one",
	       "t.cfg:2: in section 'backend bad': unmatched quote at position 2");
}

static void haproxy_s_conditional_blocks_are_refused(void **state)
{
	(void)state;
	EXPECT(".if defined(A)\nglobal\n .endif\n", "[global ]",
	       "t.cfg:1: '.if' is not supported: conditional blocks are HAProxy's",
	       "t.cfg:3: in section 'global': '.endif' is not supported: conditional blocks are HAProxy's");
}

static void very_long_lines_and_messages_stay_within_bounds(void **state)
{
	const size_t n = 100000;
	struct reading reading;
	char *text = malloc(n + 100);
	size_t head = (size_t)sprintf(text, "global\n ");

	(void)state;
	memset(text + head, 'x', n);
	open_reading(&reading);
	config_read_text(reading.config, "t.cfg", slice_of(text, head + n));
	assert_int_equal(config_count(reading.config, CONFIG_ERROR), 1);
	assert_in_range(strlen(config_message(reading.config, 0)), 100, 3000);
	reading_close(&reading);
	free(text);
}

static void a_thousand_messages_are_kept_and_all_counted(void **state)
{
	struct reading reading;
	char *printed, *last;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	open_reading(&reading);
	for (unsigned i = 0; i < 1234; i++)
		config_read_text(reading.config, "t.cfg", SLICE("global\n fail\n"));
	assert_int_equal(config_count(reading.config, CONFIG_ERROR), 1234);
	assert_non_null(config_message(reading.config, 999));
	assert_null(config_message(reading.config, 1000));
	config_print_messages(reading.config, out);
	fclose(out);
	assert_true(strncmp(printed, "t.cfg:2: in section 'global': failed\n", 37) == 0);
	last = strstr(printed, "… and");
	assert_non_null(last);
	assert_string_equal(last, "… and 234 more\n");
	free(printed);
	reading_close(&reading);
}

static void warnings_leave_room_for_an_error_and_for_what_is_no_line_s(void **state)
{
	const struct config_place line = { "t.cfg", 7, NULL }, whole = { "configuration", 0, NULL };
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (unsigned i = 0; i < 1001; i++)
		config_say_at(reading.config, CONFIG_WARNING, line, "many");
	config_say_at(reading.config, CONFIG_WARNING, whole, "last");
	config_say_at(reading.config, CONFIG_ERROR, line, "wrong");
	assert_string_equal(config_message(reading.config, 999), "t.cfg:7: warning: many");
	assert_string_equal(config_message(reading.config, 1000), "configuration: warning: last");
	assert_string_equal(config_message(reading.config, 1001), "t.cfg:7: wrong");
	assert_null(config_message(reading.config, 1002));
	reading_close(&reading);
}

static void what_is_found_out_later_is_told_in_its_place(void **state)
{
	const struct config_place place = { "a.cfg", 7, "backend b" }, none = { "a.cfg", 0, NULL };
	static const char *const messages[] = { "a.cfg:7: in section 'backend b': wrong",
						"a.cfg:7: notice: in section 'backend b': so it is",
						"a.cfg: warning: careful" };
	struct reading reading;

	(void)state;
	open_reading(&reading);
	assert_false(config_say_at(reading.config, CONFIG_ERROR, place, "wrong"));
	assert_true(config_say_at(reading.config, CONFIG_NOTICE, place, "%s", "so it is"));
	assert_true(config_say_at(reading.config, CONFIG_WARNING, none, "careful"));
	expect_messages(&reading, messages, COUNT(messages));
	reading_close(&reading);
}

/* ---- files ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void remove_files(const char *folder, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char path[300];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void a_folder_is_its_cfg_files_by_name(void **state)
{
	static const char *const names[] = { "b.cfg", "a.cfg", "c.cfg.old", ".hidden.cfg" };
	char folder[] = "/tmp/spoa-unit.XXXXXX", expected[300];
	const char *messages[] = { expected };
	struct reading reading;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(expected, sizeof(expected), "global\n note %s\n%s", names[i], i == 0 ? " fail" : "");
		write_file(folder, names[i], expected);
	}
	open_reading(&reading);
	config_read(reading.config, folder);
	assert_string_equal(reading.heard, "[global ]note a.cfg|[global ]note b.cfg|");
	snprintf(expected, sizeof(expected), "%s/b.cfg:3: in section 'global': failed", folder);
	expect_messages(&reading, messages, 1);
	reading_close(&reading);
	remove_files(folder, names, COUNT(names));
}

static void what_cannot_be_read_is_told(void **state)
{
	static const char *const no_files[] = { "x" };
	char folder[] = "/tmp/spoa-unit.XXXXXX", expected[300];
	const char *const messages[] = { "/nonexistent/x.cfg: cannot read: No such file or directory",
					 "/dev/null: not a regular file of at most 1 GiB", expected };
	struct reading reading;

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_file(folder, "x", "global\n");
	open_reading(&reading);
	config_read(reading.config, "/nonexistent/x.cfg");
	config_read(reading.config, "/dev/null");
	config_read(reading.config, folder);
	snprintf(expected, sizeof(expected), "%s: no *.cfg file in this directory", folder);
	expect_messages(&reading, messages, COUNT(messages));
	reading_close(&reading);
	remove_files(folder, no_files, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_begin_and_their_lines_follow),
		cmocka_unit_test(every_error_is_told_with_its_line),
		cmocka_unit_test(what_the_lexer_refuses_is_told_with_its_position),
		cmocka_unit_test(a_line_that_is_to_go_on_is_refused),
		cmocka_unit_test(lines_end_as_editors_end_them),
		cmocka_unit_test(a_line_outside_of_a_section_is_refused),
		cmocka_unit_test(keywords_stand_where_they_may),
		cmocka_unit_test(a_section_of_one_name_comes_once_in_all_files),
		cmocka_unit_test(the_lines_of_a_refused_section_are_skipped),
		cmocka_unit_test(haproxy_s_conditional_blocks_are_refused),
		cmocka_unit_test(very_long_lines_and_messages_stay_within_bounds),
		cmocka_unit_test(a_thousand_messages_are_kept_and_all_counted),
		cmocka_unit_test(warnings_leave_room_for_an_error_and_for_what_is_no_line_s),
		cmocka_unit_test(what_is_found_out_later_is_told_in_its_place),
		cmocka_unit_test(a_folder_is_its_cfg_files_by_name),
		cmocka_unit_test(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
