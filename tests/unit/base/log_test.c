/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines: one write each, in their format, without a control byte of anybody's; a target that is full loses them. */
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "spoa-redirect/base/log.h"
#include "spoa-redirect/base/slice.h"

#define WHEN "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z"

#define DAY "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9]"

/* A pipe keeps nothing of where writes began: a packet each, so that they can be told apart. */
static void open_target(int ends[2], struct log *log, enum log_format format, enum log_level level)
{
	assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	log->targets[log->n++] = (struct log_target){ .fd = ends[1], .format = format, .facility = 3, .level = level };
}

static void close_target(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* What one write left, "" if there was none. */
static const char *next_write(int fd)
{
	static char text[4096];
	ssize_t got = read(fd, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = 0;
	return text;
}

static void expect_match(const char *text, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, text, 0, NULL, 0) != 0)
		fail_msg("'%s' does not match '%s'", text, pattern);
	regfree(&regex);
}

static void each_format_has_its_shape(void **state)
{
	static const struct {
		enum log_format format;
		const char *shape;
	} cases[] = {
		{ LOG_FORMAT_RAW, "^server x is \"up\"\n$" },
		{ LOG_FORMAT_SHORT, "^<4>server x is \"up\"\n$" },
		{ LOG_FORMAT_TIMED, "^" WHEN " \\[warning\\] server x is \"up\"\n$" },
		{ LOG_FORMAT_LOGFMT, "^time=" WHEN " level=warning msg=\"server x is \\\\\"up\\\\\"\"\n$" },
		{ LOG_FORMAT_JSON,
		  "^\\{\"time\":\"" WHEN "\",\"level\":\"warning\",\"msg\":\"server x is \\\\\"up\\\\\"\"\\}\n$" },
		{ LOG_FORMAT_PRIORITY, "^<28>server x is \"up\"\n$" },
		{ LOG_FORMAT_LOCAL, "^<28>" DAY " spoa-redirect\\[[0-9]+\\]: server x is \"up\"\n$" },
		{ LOG_FORMAT_RFC3164, "^<28>" DAY " [^ ]+ spoa-redirect\\[[0-9]+\\]: server x is \"up\"\n$" },
		{ LOG_FORMAT_RFC5424,
		  "^<28>1 [0-9]{4}-[0-9-]{5}T[0-9:]{8}\\.[0-9]{6}Z [^ ]+ spoa-redirect [0-9]+ - - server x is "
		  "\"up\"\n$" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log log = { .n = 0 };
		int ends[2];

		open_target(ends, &log, cases[i].format, LOG_DEBUG);
		log_line(&log, LOG_WARNING, "server %s is \"%s\"", "x", "up");
		expect_match(next_write(ends[0]), cases[i].shape);
		assert_string_equal(next_write(ends[0]), "");
		close_target(ends);
	}
}

static void a_target_gets_what_is_severe_enough(void **state)
{
	struct log log = { .n = 0 };
	int all[2], some[2];

	(void)state;
	open_target(all, &log, LOG_FORMAT_RAW, LOG_DEBUG);
	open_target(some, &log, LOG_FORMAT_RAW, LOG_NOTICE);
	log_line(&log, LOG_INFO, "info");
	log_line(&log, LOG_NOTICE, "notice");
	log_line(&log, LOG_EMERG, "emerg");
	assert_string_equal(next_write(all[0]), "info\n");
	assert_string_equal(next_write(all[0]), "notice\n");
	assert_string_equal(next_write(all[0]), "emerg\n");
	assert_string_equal(next_write(some[0]), "notice\n");
	assert_string_equal(next_write(some[0]), "emerg\n");
	close_target(all);
	close_target(some);
	log_line(NULL, LOG_EMERG, "nowhere");
	log_line(&(struct log){ .n = 0 }, LOG_EMERG, "nowhere");
}

static void control_bytes_of_others_do_nothing(void **state)
{
	struct log log = { .n = 0 };
	int ends[2];

	(void)state;
	open_target(ends, &log, LOG_FORMAT_RAW, LOG_DEBUG);
	log_line(&log, LOG_INFO, "%s", "a\nb\rc\033[31md\x7f\te\x01\xc3\xa9");
	assert_string_equal(next_write(ends[0]), "a.b.c.[31md..e.\xc3\xa9\n");
	close_target(ends);
}

/* Whatever is left out of a long message, its line ends, and so does logfmt's quote. */
static void a_long_message_is_cut_and_its_line_ends(void **state)
{
	static const char kinds[] = { 'x', '"', '\\' };
	char message[3000], line[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds); i++)
		for (unsigned format = LOG_FORMAT_TIMED; format <= LOG_FORMAT_RFC5424; format++) {
			struct log log = { .n = 0 };
			int ends[2];
			size_t length;

			memset(message, kinds[i], sizeof(message) - 1);
			message[sizeof(message) - 1] = 0;
			open_target(ends, &log, (enum log_format)format, LOG_DEBUG);
			log_line(&log, LOG_INFO, "%s", message);
			snprintf(line, sizeof(line), "%s", next_write(ends[0]));
			assert_string_equal(next_write(ends[0]), "");
			length = strlen(line);
			assert_in_range(length, 500, 2048);
			assert_ptr_equal(strchr(line, '\n'), line + length - 1);
			if (format == LOG_FORMAT_LOGFMT)
				assert_string_equal(line + length - 2, "\"\n");
			if (format == LOG_FORMAT_JSON)
				assert_string_equal(line + length - 3, "\"}\n");
			close_target(ends);
		}
}

static void a_target_that_is_full_or_gone_costs_the_line_only(void **state)
{
	struct log log = { .n = 0 };
	int full[2], gone[2], good[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	open_target(full, &log, LOG_FORMAT_RAW, LOG_DEBUG);
	open_target(gone, &log, LOG_FORMAT_RAW, LOG_DEBUG);
	open_target(good, &log, LOG_FORMAT_RAW, LOG_DEBUG);
	while (write(full[1], "x", 1) == 1)
		;
	close(gone[0]);
	log_line(&log, LOG_INFO, "told all the same");
	assert_string_equal(next_write(good[0]), "told all the same\n");
	close(gone[1]);
	close_target(full);
	close_target(good);
}

/* A pipe that blocks for everybody else, and that nobody reads. */
static void a_full_pipe_holds_nobody_and_is_told_of_later(void **state)
{
	atomic_uint lost = 0;
	struct log log = { .n = 1, .lost = &lost };
	char text[4096];
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	log.targets[0] = (struct log_target){ .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG };
	log_open(&log, NULL);
	for (unsigned i = 0; i < 100000 && atomic_load(&lost) < 7; i++)
		log_line(&log, LOG_NOTICE, "%04000d", 0);
	assert_int_equal(atomic_load(&lost), 7);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while (read(ends[0], text, sizeof(text)) > 0)
		continue;
	log_line(&log, LOG_NOTICE, "again");
	text[read(ends[0], text, sizeof(text) - 1)] = 0;
	assert_string_equal(text, "7 log lines were lost: nobody read them in time\nagain\n");
	assert_int_equal(atomic_load(&lost), 0);
	log_close(&log);
	close_target(ends);
}

/* Where /proc cannot be had. */
static void a_full_pipe_is_seen_without_a_descriptor_of_its_own(void **state)
{
	atomic_uint lost = 0;
	struct log log = { .n = 1, .lost = &lost };
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	log.targets[0] = (struct log_target){ .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG };
	for (unsigned i = 0; i < 100000 && atomic_load(&lost) < 7; i++)
		log_line(&log, LOG_NOTICE, "a line");
	assert_int_equal(atomic_load(&lost), 7);
	close_target(ends);
}

static void names_are_syslog_s_and_haproxy_s(void **state)
{
	static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
	enum log_level level;
	enum log_format format;
	unsigned facility;

	(void)state;
	for (unsigned i = 0; i < COUNT(levels); i++) {
		assert_true(log_parse_level(levels[i], &level));
		assert_int_equal(level, i);
	}
	assert_false(log_parse_level("error", &level));
	assert_false(log_parse_level("INFO", &level));
	assert_false(log_parse_level("", &level));
	assert_true(log_parse_facility("kern", &facility));
	assert_int_equal(facility, 0);
	assert_true(log_parse_facility("daemon", &facility));
	assert_int_equal(facility, 3);
	assert_true(log_parse_facility("local0", &facility));
	assert_int_equal(facility, 16);
	assert_true(log_parse_facility("local7", &facility));
	assert_int_equal(facility, 23);
	assert_false(log_parse_facility("local8", &facility));
	assert_true(log_parse_format("logfmt", &format));
	assert_int_equal(format, LOG_FORMAT_LOGFMT);
	assert_true(log_parse_format("json", &format));
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_false(log_parse_format("xml", &format));
}

static const struct log_field some_fields[] = {
	{ "id", SLICE("7F000001:1") },
	{ "server", { NULL, 0 } },
	{ "why", SLICE("a \"b\"\n=c") },
	{ "none", SLICE("") },
};

static void fields_are_keys_where_there_are_keys(void **state)
{
	static const struct {
		enum log_format format;
		const char *line;
	} cases[] = {
		{ LOG_FORMAT_RAW, "^decision id=7F000001:1 why=\"a \\\\\"b\\\\\".=c\" none=\"\"\n$" },
		{ LOG_FORMAT_LOGFMT, " msg=\"decision\" id=7F000001:1 why=\"a \\\\\"b\\\\\".=c\" none=\"\"\n$" },
		{ LOG_FORMAT_JSON,
		  "\"msg\":\"decision\",\"id\":\"7F000001:1\",\"why\":\"a \\\\\"b\\\\\".=c\",\"none\":\"\"\\}\n$" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log log = { .n = 0 };
		int ends[2];

		open_target(ends, &log, cases[i].format, LOG_DEBUG);
		log_fields(&log, LOG_INFO, "decision", some_fields, COUNT(some_fields));
		expect_match(next_write(ends[0]), cases[i].line);
		close_target(ends);
	}
}

/* What does not fit is cut, and never runs over. */
static void fields_that_are_long_are_cut(void **state)
{
	static char value[2000];
	const struct log_field fields[] = { { "a", slice_of(value, sizeof(value)) }, { "b", SLICE("lost") } };
	struct log log = { .n = 0 };
	const char *line;
	int ends[2];

	(void)state;
	memset(value, 'x', sizeof(value));
	open_target(ends, &log, LOG_FORMAT_RAW, LOG_DEBUG);
	log_fields(&log, LOG_INFO, "decision", fields, COUNT(fields));
	line = next_write(ends[0]);
	assert_in_range(strlen(line), 900, 1000);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	close_target(ends);
}

/* A target's own length: the message gives way, not what surrounds it. */
static void a_length_is_kept_by_the_message(void **state)
{
	for (unsigned length = 120; length < 400; length += 37) {
		struct log log = { .n = 0 };
		const char *line;
		int ends[2];

		(void)state;
		open_target(ends, &log, LOG_FORMAT_JSON, LOG_DEBUG);
		log.targets[0].length = length;
		log_line(&log, LOG_INFO, "%0500d", 0);
		line = next_write(ends[0]);
		assert_int_equal(strlen(line), length + 1);
		assert_string_equal(line + length - 2, "\"}\n");
		close_target(ends);
	}
}

static void more_severe_ones_count_as_minlevel(void **state)
{
	struct log log = { .n = 0 };
	int ends[2];

	(void)state;
	open_target(ends, &log, LOG_FORMAT_SHORT, LOG_INFO);
	log.targets[0].most = LOG_NOTICE;
	log_line(&log, LOG_EMERG, "a");
	log_line(&log, LOG_INFO, "b");
	assert_string_equal(next_write(ends[0]), "<5>a\n");
	assert_string_equal(next_write(ends[0]), "<6>b\n");
	close_target(ends);
}

/* ---- datagrams ---- */

static int open_server(struct endpoint *to)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(to, 0, sizeof(*to));
	to->unix_path.sun_family = AF_UNIX;
	to->length = sizeof(to->unix_path);
	snprintf(to->unix_path.sun_path, sizeof(to->unix_path.sun_path), "/tmp/spoa-unit-%ld.log", (long)getpid());
	assert_int_equal(bind(fd, &to->any, to->length), 0);
	return fd;
}

/* A server that is not there yet, or comes back, is found by the next line. */
static void datagrams_find_a_server_that_comes_late(void **state)
{
	atomic_uint lost[1] = { 0 };
	struct log log = { .n = 1, .lost = lost };
	struct endpoint to;
	int fd = open_server(&to);

	(void)state;
	log.targets[0] = (struct log_target){ .fd = -1, .to = to, .format = LOG_FORMAT_RAW, .level = LOG_DEBUG };
	close(fd);
	unlink(to.unix_path.sun_path);
	log_open(&log, NULL);
	log_line(&log, LOG_INFO, "nobody hears");
	assert_int_equal(atomic_load(&lost[0]), 1);
	fd = open_server(&to);
	log_line(&log, LOG_INFO, "now");
	assert_string_equal(next_write(fd), "1 log lines were lost: nobody read them in time");
	assert_string_equal(next_write(fd), "now");
	log_close(&log);
	close(fd);
	unlink(to.unix_path.sun_path);
}

/* ---- the queue ---- */

#define THREADS 4u
#define LINES   20000u

struct talker {
	const struct log *log;
	unsigned number;
};

static void *talk(void *argument)
{
	const struct talker *talker = argument;

	for (unsigned i = 0; i < LINES; i++)
		log_line(talker->log, LOG_INFO, "%u %u", talker->number, i);
	return NULL;
}

/* Each thread's lines come in its order, none twice; those that do not come were counted. */
static void check_lines(FILE *file, uint64_t lost)
{
	unsigned next[THREADS] = { 0 };
	uint64_t came = 0, said = 0;
	char line[200];

	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned number, at;

		if (strstr(line, " log lines were lost: they came too fast")) {
			said += strtoul(line, NULL, 10);
			continue;
		}
		assert_int_equal(sscanf(line, "%u %u", &number, &at), 2);
		assert_true(number < THREADS && at >= next[number]);
		next[number] = at + 1;
		came++;
	}
	assert_int_equal(said, lost);
	assert_int_equal(came + said, THREADS * LINES);
	assert_true(came >= 1000);
}

static void a_queue_keeps_what_it_can_and_counts_the_rest(void **state)
{
	FILE *file = tmpfile();
	struct log log = { .n = 1 };
	struct log_queue *queue = log_queue_new();
	struct talker talkers[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	log.targets[0] = (struct log_target){ .fd = fileno(file), .format = LOG_FORMAT_RAW, .level = LOG_INFO };
	log_open(&log, queue);
	for (unsigned i = 0; i < THREADS; i++) {
		talkers[i] = (struct talker){ &log, i };
		assert_int_equal(pthread_create(&threads[i], NULL, talk, &talkers[i]), 0);
	}
	for (unsigned i = 0; i < 100; i++)
		log_queue_drain(queue, &log);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_queue_drain(queue, &log);
	check_lines(file, log_queue_lost(queue));
	log_close(&log);
	log_queue_free(queue);
	fclose(file);
}

/* What its own thread says is written at once, behind what others had left. */
static void the_owner_writes_what_came_before_it(void **state)
{
	struct log log = { .n = 0 };
	struct log_queue *queue = log_queue_new();
	struct talker talker = { &log, 0 };
	pthread_t thread;
	int ends[2];

	(void)state;
	open_target(ends, &log, LOG_FORMAT_RAW, LOG_INFO);
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	log_open(&log, queue);
	assert_int_equal(pthread_create(&thread, NULL, talk, &talker), 0);
	pthread_join(thread, NULL);
	assert_string_equal(next_write(ends[0]), "");
	assert_int_equal(log_queue_lost(queue), LINES - 2048);
	log_line(&log, LOG_INFO, "last");
	expect_match(next_write(ends[0]), "^0 0\n0 1\n0 2\n");
	log_close(&log);
	log_queue_free(queue);
	close_target(ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_has_its_shape),
		cmocka_unit_test(a_target_gets_what_is_severe_enough),
		cmocka_unit_test(control_bytes_of_others_do_nothing),
		cmocka_unit_test(a_long_message_is_cut_and_its_line_ends),
		cmocka_unit_test(a_target_that_is_full_or_gone_costs_the_line_only),
		cmocka_unit_test(a_full_pipe_holds_nobody_and_is_told_of_later),
		cmocka_unit_test(a_full_pipe_is_seen_without_a_descriptor_of_its_own),
		cmocka_unit_test(names_are_syslog_s_and_haproxy_s),
		cmocka_unit_test(fields_are_keys_where_there_are_keys),
		cmocka_unit_test(fields_that_are_long_are_cut),
		cmocka_unit_test(a_length_is_kept_by_the_message),
		cmocka_unit_test(more_severe_ones_count_as_minlevel),
		cmocka_unit_test(datagrams_find_a_server_that_comes_late),
		cmocka_unit_test(a_queue_keeps_what_it_can_and_counts_the_rest),
		cmocka_unit_test(the_owner_writes_what_came_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
