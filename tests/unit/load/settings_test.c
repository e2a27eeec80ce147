/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `load-bind` and `load-key-file`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "spoa/load/settings.h"

struct reading {
	struct arena *arena;
	struct load_settings *settings;
	struct config_room room;
	struct config *config;
};

static void read_text(struct reading *reading, const char *format, const char *path)
{
	char text[1000];

	snprintf(text, sizeof(text), format, path);
	reading->arena = arena_new();
	reading->settings = load_settings_new(reading->arena);
	reading->room = load_room(reading->settings);
	reading->config = config_new(reading->arena, &reading->room, 1);
	config_read_text(reading->config, "a.cfg", slice_of_string(text));
	load_settings_finish(reading->settings, reading->config);
}

/* A file with these keys; its path is the caller's to unlink. */
static void make_file(char path[40], const char *text, mode_t mode)
{
	int fd;

	strcpy(path, "/tmp/settings_test.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0 && fchmod(fd, mode) == 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void a_file_has_some_keys(void **state)
{
	static const char text[] = "# the old one goes in March\n  0123456789abcdef \n\nanother, with blanks inside\r\n";
	struct reading reading;
	char path[40];

	(void)state;
	make_file(path, text, 0600);
	read_text(&reading, "global\n load-bind udp@127.0.0.1:9\n load-bind udp6@[::1]:9\n load-key-file %s\n", path);
	unlink(path);
	assert_null(config_message(reading.config, 0));
	assert_int_equal(reading.settings->n_binds, 2);
	assert_int_equal(reading.settings->n_keys, 2);
	assert_true(slice_eq(reading.settings->keys[0], SLICE("0123456789abcdef")));
	assert_true(slice_eq(reading.settings->keys[1], SLICE("another, with blanks inside")));
	arena_free(reading.arena);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *keys;
		mode_t mode;
		const char *text, *says; /* %s: the file */
	} cases[] = {
		{ "0123456789abcdef", 0600, "global\n load-bind 127.0.0.1:9\n",
		  "a.cfg:2: in section 'global': '127.0.0.1:9': an address for datagrams begins with 'udp@'" },
		{ "0123456789abcdef", 0600, "global\n load-bind udp@127.0.0.1\n",
		  "a.cfg:2: in section 'global': 'udp@127.0.0.1': the port is missing" },
		{ "0123456789abcdef", 0600, "global\n load-key-file %s\n load-bind udp@:9\n load-bind udp@:9\n",
		  "a.cfg:4: in section 'global': 'udp@:9' is already there at line 3" },
		{ "0123456789abcdef", 0600, "global\n load-bind udp@127.0.0.1:9\n",
		  "a.cfg:2: in section 'global': 'load-bind' needs a 'load-key-file': reports that nobody signed are not taken" },
		{ "short", 0600, "global\n load-key-file %s\n", "': a key has at least 16 bytes" },
		{ "# none\n", 0600, "global\n load-key-file %s\n", "' has no key" },
		{ "0123456789abcdef\n0123456789abcdef\n0123456789abcdef\n0123456789abcdef\n0123456789abcdef\n", 0600,
		  "global\n load-key-file %s\n", "': there may be 4 keys" },
		{ "0123456789abcdef", 0604, "global\n load-key-file %s\n",
		  "' can be read by everybody, and with it datagrams be signed" },
		{ "", 0600, "global\n load-key-file /nowhere/at/all\n",
		  "a.cfg:2: in section 'global': cannot read '/nowhere/at/all': No such file or directory" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reading reading;
		char path[40];

		make_file(path, cases[i].keys, cases[i].mode);
		read_text(&reading, cases[i].text, path);
		unlink(path);
		assert_non_null(config_message(reading.config, 0));
		if (!strstr(config_message(reading.config, 0), cases[i].says))
			fail_msg("'%s'", config_message(reading.config, 0));
		arena_free(reading.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_some_keys),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
