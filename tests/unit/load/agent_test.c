/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `agent-check`: what one line of an agent does to its server, HAProxy's agent protocol. */
#include <math.h>

#include "spoa/load/probe.h"
#include "tests/unit/site.h"

#define NOTHING_TOLD (-1.0)

static void open_agent(struct site *site, const char *balance, const char *parameters)
{
	char text[300];

	snprintf(text, sizeof(text),
		 "backend web\n  balance %s\n"
		 "  server a 192.0.2.1:80 redir http://a.example.com agent-check agent-port 9 %s\n",
		 balance, parameters);
	site_open(site, text, 1);
}

static void say(const struct site *site, const char *line)
{
	struct load load = { .fleet = site->fleet };

	agent_apply(&load, site_server(site, "a"), slice_of_string(line), SITE_START + 1);
}

/* Lines one after the other, up to the first NULL, and how the server stands then. */
struct conversation {
	const char *lines[4];
	enum server_status status;
	double u;        /* what least-load was told last */
	unsigned weight; /* of 4 */
};

static void expect(const struct conversation *cases, size_t n, const char *balance)
{
	for (size_t i = 0; i < n; i++) {
		const struct server *server;
		struct site site;

		open_agent(&site, balance, "weight 4");
		server = site_server(&site, "a");
		for (size_t j = 0; j < COUNT(cases[i].lines) && cases[i].lines[j]; j++)
			say(&site, cases[i].lines[j]);
		if (server_status(server) != cases[i].status ||
		    atomic_load(&server->state->weight) != cases[i].weight ||
		    fabs(atomic_load(&server->state->load.u) - cases[i].u) > 1e-9)
			fail_msg("'%s': %s, weight %u, u %g", cases[i].lines[0],
				 server_status_name(server_status(server)), atomic_load(&server->state->weight),
				 atomic_load(&server->state->load.u));
		site_close(&site);
	}
}

static void each_word_does_as_in_haproxy(void **state)
{
	static const struct conversation cases[] = {
		{ { "up\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "down\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "fail\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "stopped\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "drain\n" }, SERVER_DRAIN, NOTHING_TOLD, 4 },
		{ { "maint\n" }, SERVER_MAINT, NOTHING_TOLD, 4 },
		{ { "ready\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		/* what was said is taken back by its own opposite alone */
		{ { "down\n", "up\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "down\n", "ready\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "down\n", "50%\n" }, SERVER_DOWN, 0.5, 4 },
		{ { "drain\n", "up\n" }, SERVER_DRAIN, NOTHING_TOLD, 4 },
		{ { "drain\n", "ready\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "maint\n", "up\n" }, SERVER_MAINT, NOTHING_TOLD, 4 },
		{ { "maint\n", "drain\n" }, SERVER_DRAIN, NOTHING_TOLD, 4 },
		{ { "maint\n", "down\n", "ready\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "maint\n", "down\n", "ready up\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		/* what a line does not mention stays */
		{ { "drain\n", "\n" }, SERVER_DRAIN, NOTHING_TOLD, 4 },
		{ { "25%\n", "up\n" }, SERVER_UP, 0.75, 4 },
		{ { "0%\n", "ready up\n" }, SERVER_DRAIN, 1, 0 },
		{ { "0%\n", "1%\n" }, SERVER_UP, 0.99, 4 },
	};

	(void)state;
	expect(cases, COUNT(cases), "least-load");
}

static void a_line_is_words_in_any_order_and_case(void **state)
{
	static const struct conversation cases[] = {
		{ { "UP 99%\n" }, SERVER_UP, 0.01, 4 },
		{ { "99% Up\r\n" }, SERVER_UP, 0.01, 4 },
		{ { "down\n", "rEaDy,uP,40%" }, SERVER_UP, 0.6, 4 },
		{ { ", \t ,50%\t,  drain ,\n" }, SERVER_DRAIN, 0.5, 4 },
		{ { "DOWN" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "down up\n" }, SERVER_UP, NOTHING_TOLD, 4 }, /* the last word */
		{ { "90% 20%\n" }, SERVER_UP, 0.8, 4 },
		/* up to the first CR or LF */
		{ { "up\ndown\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "up\rdown\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "\ndown\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		/* behind a '#' is a reason, which needs a blank before it */
		{ { "down #up\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "down,#50% up\n" }, SERVER_DOWN, NOTHING_TOLD, 4 },
		{ { "# down\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "down#x\n" }, SERVER_UP, NOTHING_TOLD, 4 },
	};

	(void)state;
	expect(cases, COUNT(cases), "least-load");
}

static void other_words_ask_for_nothing(void **state)
{
	static const struct conversation cases[] = {
		{ { "" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "error maxconn:100 weight:50% 75% nodown downy\n" }, SERVER_UP, 0.25, 4 },
		{ { "% -1% +5% 5.5% 5%% 0x5% 5 %5 5%%\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "\x01\x7f\xff\xfe drai\xc3\xb1 up;down\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "HTTP/1.1 400 Bad Request\r\n" }, SERVER_UP, NOTHING_TOLD, 4 },
	};

	(void)state;
	expect(cases, COUNT(cases), "least-load");
}

static void least_load_reads_percent_as_idleness(void **state)
{
	static const struct conversation cases[] = {
		{ { "100%\n" }, SERVER_UP, 0, 4 },          { { "1%\n" }, SERVER_UP, 0.99, 4 },
		{ { "101%\n" }, SERVER_UP, 0, 4 },          { { "25600%\n" }, SERVER_UP, 0, 4 },
		{ { "25601%\n" }, SERVER_UP, 0, 4 },        { { "99999999999999999999999%\n" }, SERVER_UP, 0, 4 },
		{ { "0%\n" }, SERVER_DRAIN, 1, 0 },         { { "000%\n" }, SERVER_DRAIN, 1, 0 },
		{ { "0%\n", "50%\n" }, SERVER_UP, 0.5, 4 },
	};

	(void)state;
	expect(cases, COUNT(cases), "least-load");
}

static void others_read_percent_as_a_share_of_the_weight(void **state)
{
	static const struct conversation cases[] = {
		{ { "100%\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "75%\n" }, SERVER_UP, NOTHING_TOLD, 3 },
		{ { "50%\n" }, SERVER_UP, NOTHING_TOLD, 2 },
		{ { "37%\n" }, SERVER_UP, NOTHING_TOLD, 1 },
		{ { "49%\n" }, SERVER_UP, NOTHING_TOLD, 1 },
		{ { "24%\n" }, SERVER_DRAIN, NOTHING_TOLD, 0 }, /* rounded down, as in HAProxy */
		{ { "0%\n" }, SERVER_DRAIN, NOTHING_TOLD, 0 },
		{ { "200%\n" }, SERVER_UP, NOTHING_TOLD, 8 },
		{ { "25600%\n" }, SERVER_UP, NOTHING_TOLD, 256 },
		{ { "25601%\n" }, SERVER_UP, NOTHING_TOLD, 256 }, /* as in HAProxy */
		{ { "99999999999999999999999%\n" }, SERVER_UP, NOTHING_TOLD, 256 },
		{ { "0%\n", "100%\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "50%\n", "50%\n" }, SERVER_UP, NOTHING_TOLD, 2 }, /* of the configured one */
	};

	(void)state;
	expect(cases, COUNT(cases), "roundrobin");
	expect(cases, COUNT(cases), "first");
}

/* As from HAProxy 3.1 on. */
static void a_weight_may_be_named_as_such(void **state)
{
	static const struct conversation least_load[] = {
		{ { "weight:2\n" }, SERVER_UP, NOTHING_TOLD, 2 },
		{ { "WEIGHT:50%\n" }, SERVER_UP, 0.5, 4 },
		{ { "weight:0\n" }, SERVER_DRAIN, NOTHING_TOLD, 0 },
		{ { "weight:0\n", "weight:256\n" }, SERVER_UP, NOTHING_TOLD, 256 },
		{ { "weight:257 weight: weight:-1 weight:x\n" }, SERVER_UP, NOTHING_TOLD, 4 },
		{ { "25% weight:9\n" }, SERVER_UP, NOTHING_TOLD, 9 }, /* the last word */
		{ { "weight:9 25%\n" }, SERVER_UP, 0.75, 4 },
	};
	static const struct conversation roundrobin[] = {
		{ { "weight:50%\n" }, SERVER_UP, NOTHING_TOLD, 2 },
		{ { "weight:7\n" }, SERVER_UP, NOTHING_TOLD, 7 },
		{ { "weight:7\n", "100%\n" }, SERVER_UP, NOTHING_TOLD, 4 },
	};

	(void)state;
	expect(least_load, COUNT(least_load), "least-load");
	expect(roundrobin, COUNT(roundrobin), "roundrobin");
}

/* To people a percentage is a weight, as in HAProxy, whatever the policy makes of it. */
static void a_percentage_is_shown_as_a_weight(void **state)
{
	static const struct {
		const char *line;
		unsigned weight, shown;
	} cases[] = {
		{ "100%\n", 100, 100 }, { "37%\n", 100, 37 }, { "0%\n", 0, 0 }, { "200%\n", 100, 200 },
		{ "999%\n", 100, 256 }, { "up\n", 100, 256 },
	};
	const struct server *server;
	struct site site;

	(void)state;
	open_agent(&site, "least-load", "weight 100");
	server = site_server(&site, "a");
	for (size_t i = 0; i < COUNT(cases); i++) {
		say(&site, cases[i].line);
		assert_int_equal(server->state->shown_weight, cases[i].shown);
		assert_int_equal(atomic_load(&server->state->weight), cases[i].weight);
	}
	site_close(&site);
}

static void maxconn_is_kept_and_unknown_words_are_counted(void **state)
{
	const struct server *server;
	struct site site;

	(void)state;
	open_agent(&site, "least-load", "");
	server = site_server(&site, "a");
	say(&site, "maxconn:100 50% up\n");
	assert_int_equal(atomic_load(&server->state->maxconn), 100);
	assert_int_equal(server->state->agent_unknown, 0);
	say(&site, "maxconn: error maxconn:x,MaxConn:7 busy #really\n");
	assert_int_equal(atomic_load(&server->state->maxconn), 7);
	assert_int_equal(server->state->agent_unknown, 2);
	say(&site, "maxconn:9 maxconn:1.5\n"); /* the last word, whatever it is */
	assert_int_equal(atomic_load(&server->state->maxconn), 7);
	site_close(&site);
}

static void no_agent_lifts_what_the_configuration_says(void **state)
{
	static const struct {
		const char *parameters, *line;
		enum server_status status;
	} cases[] = {
		{ "disabled", "ready up 100%\n", SERVER_MAINT }, { "disabled", "drain\n", SERVER_MAINT },
		{ "disabled", "maint\n", SERVER_MAINT },         { "weight 0", "100%\n", SERVER_DRAIN },
		{ "weight 0", "ready up\n", SERVER_DRAIN },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct site site;

		open_agent(&site, i % 2 ? "least-load" : "roundrobin", cases[i / 2].parameters);
		say(&site, cases[i / 2].line);
		assert_int_equal(server_status(site_server(&site, "a")), cases[i / 2].status);
		site_close(&site);
	}
}

/* All up to the limit of what is read at all, and more. */
static void a_line_of_any_length_is_read_to_its_end(void **state)
{
	static const size_t lengths[] = { 99, 100, 101, PROBE_ROOM - 1, PROBE_ROOM, 10000 };

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		char *line = malloc(lengths[i] + 1);
		struct site site;

		memset(line, 'x', lengths[i]);
		strcpy(line + lengths[i] - 6, " drain");
		open_agent(&site, "least-load", "");
		say(&site, line);
		assert_int_equal(server_status(site_server(&site, "a")), SERVER_DRAIN);
		memset(line, 'x', lengths[i]);
		memcpy(line, "ready ", 6);
		say(&site, line);
		assert_int_equal(server_status(site_server(&site, "a")), SERVER_UP);
		site_close(&site);
		free(line);
	}
}

static void an_answer_is_complete_with_its_first_line_end(void **state)
{
	static const struct {
		struct slice text;
		bool complete;
	} cases[] = {
		{ SLICE(""), false },  { SLICE("up"), false },    { SLICE("up\n"), true },  { SLICE("up\r"), true },
		{ SLICE("\n"), true }, { SLICE("up\ndo"), true }, { SLICE("\0\0"), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(agent_kind.complete(cases[i].text), cases[i].complete);
}

/* Its reports grow old, that is all. */
static void an_agent_that_does_not_answer_says_nothing(void **state)
{
	static const enum probe_outcome outcomes[] = { PROBE_REFUSED, PROBE_LATE, PROBE_SILENT, PROBE_ANSWERED };
	struct site site;
	struct load load;

	(void)state;
	open_agent(&site, "least-load", "");
	load = (struct load){ .fleet = site.fleet };
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		struct probe probe = { .kind = &agent_kind, .server = site_server(&site, "a"), .load = &load };

		agent_kind.done(&probe, outcomes[i], SLICE("down\n"), SITE_START);
		assert_int_equal(server_status(probe.server), outcomes[i] == PROBE_ANSWERED ? SERVER_DOWN : SERVER_UP);
	}
	site_close(&site);
}

static void the_log_quotes_the_line_with_its_reason(void **state)
{
	static const char expected[] = "Server web/a is DOWN (was UP), reason: agent says \"down #disk.full\". "
				       "0 active and 0 backup servers left.\nbackend web has no server available!\n";
	char got[1024] = "", line[300];
	struct site site;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	open_agent(&site, "least-load", "");
	site.log = (struct log){ .targets = { { .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG } }, .n = 1 };
	say(&site, "down #disk\x1b"
		   "full\r\nmaint\n");
	assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
	assert_string_equal(got, expected);
	memset(got, 0, sizeof(got));
	memset(line, 'x', sizeof(line));
	memcpy(line, "up ", 3);
	line[sizeof(line) - 1] = 0;
	say(&site, line);
	assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
	memcpy(line + 100, "\". 1", 5); /* no more of it than a reader wants */
	assert_non_null(strstr(got, line));
	close(ends[0]);
	close(ends[1]);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_does_as_in_haproxy),
		cmocka_unit_test(a_line_is_words_in_any_order_and_case),
		cmocka_unit_test(other_words_ask_for_nothing),
		cmocka_unit_test(least_load_reads_percent_as_idleness),
		cmocka_unit_test(others_read_percent_as_a_share_of_the_weight),
		cmocka_unit_test(a_weight_may_be_named_as_such),
		cmocka_unit_test(a_percentage_is_shown_as_a_weight),
		cmocka_unit_test(maxconn_is_kept_and_unknown_words_are_counted),
		cmocka_unit_test(no_agent_lifts_what_the_configuration_says),
		cmocka_unit_test(a_line_of_any_length_is_read_to_its_end),
		cmocka_unit_test(an_answer_is_complete_with_its_first_line_end),
		cmocka_unit_test(an_agent_that_does_not_answer_says_nothing),
		cmocka_unit_test(the_log_quotes_the_line_with_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
