/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole NOTIFY in, its ACK out: variables with their types, several messages, payloads cut short. */
#include "request.h"

static const char rules[] = "frontend route\n"
			    "  use_backend web if { path_beg /web }\n"
			    "  use_backend kept if { path_beg /kept }\n"
			    "  use_backend gone if { path_beg /gone }\n"
			    "frontend other\n  message second\n  default_backend kept\n"
			    "backend web\n  balance first\n"
			    "  server w1 192.0.2.1:80 redir https://w1.example.com/v/\n"
			    "backend kept\n  redirect code 301 ttl 1h\n"
			    "  server k1 192.0.2.2:80 redir http://k1.example.com\n"
			    "backend gone\n"
			    "  server g1 192.0.2.3:80 redir https://g1.example.com disabled\n";

static void expect(const struct exchange *cases, size_t n)
{
	struct site site;

	site_open(&site, rules, 1);
	expect_answers(&site, cases, n);
	site_close(&site);
}

#define WEB_ANSWER "reason=redirect backend=web server=w1 code=#302 location=https://w1.example.com/v/web"
#define KEPT_ANSWER                                                   \
	"reason=redirect backend=kept server=k1 code=#301 ttl=#3600 " \
	"location=http://k1.example.com/kept"

static void each_reason_brings_its_variables(void **state)
{
	static const struct exchange cases[] = {
		{ { { "route", { METHOD("GET"), PATH("/web") } } }, WEB_ANSWER },
		{ { { "route", { METHOD("GET"), PATH("/web/a b"), STRING("query", "x=%20|") } } },
		  WEB_ANSWER "/a%20b?x=%20%7C" },
		{ { { "route", { METHOD("HEAD"), PATH("/kept") } } }, KEPT_ANSWER },
		{ { { "route", { METHOD("GET"), PATH("/web"), HOST("W1.example.com") } } },
		  "reason=loop backend=web server=w1" },
		{ { { "route", { METHOD("GET"), PATH("/gone") } } }, "reason=no-server backend=gone" },
		{ { { "route", { METHOD("POST"), PATH("/web") } } }, "reason=method backend=web" },
		{ { { "route", { METHOD("OPTIONS"), PATH("*") } } }, "reason=method" },
		{ { { "route", { METHOD("GET"), PATH("/") } } }, "reason=no-rule" },
		{ { { "route", { METHOD("GET"), PATH("web") } } }, "reason=bad-request" },
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void of_several_messages_the_first_that_redirects_answers_else_the_first(void **state)
{
	static const struct exchange cases[] = {
		{ { { "route", { METHOD("GET"), PATH("/web") } }, { "second", { METHOD("GET"), PATH("/kept") } } },
		  WEB_ANSWER },
		{ { { "second", { METHOD("GET"), PATH("/kept") } }, { "route", { METHOD("GET"), PATH("/web") } } },
		  KEPT_ANSWER },
		{ { { "route", { METHOD("GET"), PATH("/gone") } }, { "second", { METHOD("GET"), PATH("/kept") } } },
		  KEPT_ANSWER },
		{ { { "route", { METHOD("GET"), PATH("/gone") } },
		    { "second", { METHOD("PUT"), PATH("/kept") } },
		    { "route", { METHOD("GET"), PATH("/web") } } },
		  WEB_ANSWER },
		{ { { "route", { METHOD("GET"), PATH("/gone") } }, { "second", { METHOD("PUT"), PATH("/kept") } } },
		  "reason=no-server backend=gone" },
		{ { { "second", { METHOD("PUT"), PATH("/kept") } }, { "route", { METHOD("GET"), PATH("/gone") } } },
		  "reason=method backend=kept" },
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void a_message_of_nobodys_is_read_past(void **state)
{
	static const struct exchange cases[] = {
		{ { { NULL, { { NULL, { 0 } } } } }, "reason=no-rule" },
		{ { { "router", { METHOD("GET"), PATH("/web") } } }, "reason=no-rule" },
		{ { { "ROUTE", { METHOD("GET"), PATH("/web") } } }, "reason=no-rule" },
		{ { { "", { { NULL, { 0 } } } } }, "reason=no-rule" },
		{ { { "unknown", { METHOD("GET") } }, { "route", { METHOD("GET"), PATH("/web") } } }, WEB_ANSWER },
		{ { { "route", { METHOD("GET"), PATH("/web") } }, { "unknown", { METHOD("GET") } } }, WEB_ANSWER },
		{ { { "unknown", { METHOD("GET") } }, { "route", { METHOD("GET"), PATH("/gone") } } },
		  "reason=no-server backend=gone" },
	};

	(void)state;
	expect(cases, COUNT(cases));
}

/* One that has many is over soon, and captured once; what is no frontend's is told of, but not what came too late. */
static void of_many_messages_the_first_sixteen_are_decided(void **state)
{
	static const struct argument bad[MAX_ARGUMENTS] = { METHOD("GET"), PATH("no-slash") };
	static const struct argument good[MAX_ARGUMENTS] = { METHOD("GET"), PATH("/web") };
	static uint8_t bytes[4096];
	struct captures *captures = captures_new();
	char told[200];
	struct site site;
	int ends[2];

	(void)state;
	for (unsigned before = ANSWER_MESSAGES - 1; before <= ANSWER_MESSAGES; before++) {
		bool decided = before < ANSWER_MESSAGES;
		struct spop_writer writer;

		site_open(&site, rules, 1);
		site.scratch.captures = captures;
		assert_int_equal(pipe(ends), 0);
		site.log = (struct log){
			.targets = { { .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_WARNING } }, .n = 1
		};
		spop_writer_init(&writer, bytes, sizeof(bytes));
		put_request(&writer, "unknown", bad);
		for (unsigned i = 0; i < before; i++)
			put_request(&writer, "route", bad);
		put_request(&writer, "route", good);
		put_request(&writer, "second", good);
		assert_false(writer.full);
		assert_string_equal(answer(&site, (struct spop_slice){ bytes, (size_t)(writer.at - bytes) }, MAX_FRAME),
				    decided ? WEB_ANSWER : "reason=bad-request");
		assert_int_equal(site.scratch.decisions[REASON_BAD_REQUEST], before);
		assert_int_equal(site.scratch.decisions[REASON_REDIRECT], decided);
		assert_int_equal(site.scratch.unknown_messages, decided ? 1 : 3);
		close(ends[1]);
		told[read(ends[0], told, sizeof(told) - 1)] = 0;
		assert_non_null(strstr(told, "message=unknown "));
		assert_null(strstr(told, "message=second"));
		assert_null(strstr(told, "message=route"));
		close(ends[0]);
		site_close(&site);
	}
	assert_int_equal(captures_count(captures), 2);
	captures_free(captures);
}

/* ---- bytes that are no NOTIFY ---- */

/* Wherever it is cut but between messages: refused, and not a byte is left of an answer begun before. */
static void a_payload_cut_short_is_refused_and_nothing_written(void **state)
{
	static const struct request_message messages[MAX_MESSAGES] = {
		{ "route", { METHOD("GET"), PATH("/web"), STRING("query", "a=b"), { "ssl", { SPOP_BOOL, { 0 } } } } },
		{ "unknown", { METHOD("GET"), BINARY("hdrs", "\4host\1x\0\0") } },
		{ "second", { METHOD("GET"), PATH("/kept") } },
	};
	struct spop_slice whole = payload_new(messages, MAX_FRAME);
	unsigned refused = 0;
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	for (size_t length = 0; length <= whole.len; length++) {
		uint8_t *cut = malloc(length + !length), out[512] = { 0 };
		const struct spop_frame notify = { SPOP_NOTIFY, SPOP_FIN, 1, 1, { cut, length } };
		struct spop_writer writer;

		memcpy(cut, whole.ptr, length);
		spop_writer_init(&writer, out, sizeof(out));
		if (!answer_notify(site.routes, &site.scratch, &notify, SITE_START, MAX_FRAME, &writer)) {
			assert_ptr_equal(writer.at, out);
			assert_false(writer.full);
			refused++;
		}
		free(cut);
	}
	assert_int_equal(refused, whole.len + 1 - 4); /* it may end before, between and behind its messages */
	free((void *)(uintptr_t)whole.ptr);
	site_close(&site);
}

static void answers_follow_each_other_in_one_buffer(void **state)
{
	static const struct request_message web[MAX_MESSAGES] = { { "route", { METHOD("GET"), PATH("/web") } } };
	static const struct request_message gone[MAX_MESSAGES] = { { "route", { METHOD("GET"), PATH("/gone") } } };
	struct spop_frame notify = { SPOP_NOTIFY, SPOP_FIN, 0, 1, payload_new(web, MAX_FRAME) };
	struct spop_frame then = { SPOP_NOTIFY, SPOP_FIN, 1ull << 40, 9, payload_new(gone, MAX_FRAME) };
	struct spop_writer writer;
	struct spop_slice written;
	uint8_t bytes[512];
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	spop_writer_init(&writer, bytes, sizeof(bytes));
	assert_true(answer_notify(site.routes, &site.scratch, &notify, SITE_START, MAX_FRAME, &writer));
	assert_true(answer_notify(site.routes, &site.scratch, &then, SITE_START, MAX_FRAME, &writer));
	written = (struct spop_slice){ bytes, (size_t)(writer.at - bytes) };
	assert_string_equal(read_ack(&written, MAX_FRAME, 0, 1), WEB_ANSWER);
	assert_string_equal(read_ack(&written, MAX_FRAME, 1ull << 40, 9), "reason=no-server backend=gone");
	assert_int_equal(written.len, 0);
	free((void *)(uintptr_t)notify.payload.ptr);
	free((void *)(uintptr_t)then.payload.ptr);
	site_close(&site);
}

/* ---- counters ---- */

static void what_is_decided_is_counted_and_a_redirect_booked(void **state)
{
	static const struct request_message messages[][MAX_MESSAGES] = {
		{ { "route", { METHOD("GET"), PATH("/web") } } },
		{ { "route", { METHOD("GET"), PATH("/web") } }, { "second", { METHOD("GET"), PATH("/kept") } } },
		{ { "route", { METHOD("GET"), PATH("/gone") } }, { "second", { METHOD("GET"), PATH("/kept") } } },
		{ { "nobodys", { METHOD("GET") } }, { "route", { METHOD("GET"), PATH("bad") } } },
		{ { "nobodys", { METHOD("GET") } } },
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct spop_slice payload = payload_new(messages[i], MAX_FRAME);

		answer(&site, payload, MAX_FRAME);
		free((void *)(uintptr_t)payload.ptr);
	}
	select_settle(&site.scratch.picker, SITE_START);
	assert_int_equal(site.scratch.decisions[REASON_REDIRECT], 3);
	assert_int_equal(site.scratch.decisions[REASON_NO_SERVER], 1);
	assert_int_equal(site.scratch.decisions[REASON_BAD_REQUEST], 1);
	assert_int_equal(site.scratch.decisions[REASON_NO_RULE], 0);
	assert_int_equal(site.scratch.unknown_messages, 2);
	assert_int_equal(atomic_load(&fleet_find(site.fleet, "web")->servers[0]->state->load.booked), 2);
	assert_int_equal(atomic_load(&fleet_find(site.fleet, "kept")->servers[0]->state->load.booked), 1);
	assert_int_equal(atomic_load(&fleet_find(site.fleet, "gone")->servers[0]->state->load.booked), 0);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_brings_its_variables),
		cmocka_unit_test(of_several_messages_the_first_that_redirects_answers_else_the_first),
		cmocka_unit_test(a_message_of_nobodys_is_read_past),
		cmocka_unit_test(of_many_messages_the_first_sixteen_are_decided),
		cmocka_unit_test(a_payload_cut_short_is_refused_and_nothing_written),
		cmocka_unit_test(answers_follow_each_other_in_one_buffer),
		cmocka_unit_test(what_is_decided_is_counted_and_a_redirect_booked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
