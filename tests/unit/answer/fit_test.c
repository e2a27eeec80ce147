/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left out where a frame holds no more; what is said of messages and rules that lack something. */
#include "request.h"

#define PREFIX "https://w1.example.com"

static const char rules[] = "frontend route\n  default_backend web\n"
			    "backend web\n  redirect ttl 1s\n"
			    "  server a-name-that-fills-much-of-a-small-frame 192.0.2.1:80 redir " PREFIX "\n";

#define NAMES " backend=web server=a-name-that-fills-much-of-a-small-frame"

/* In the order in which an answer shrinks. */
enum kind { WHOLE, WITHOUT_NAMES, NO_REDIRECT, KINDS };

static const char *const kinds[KINDS] = {
	[WHOLE] = "reason=redirect" NAMES " code=#302 ttl=#1",
	[WITHOUT_NAMES] = "reason=redirect code=#302 ttl=#1",
	[NO_REDIRECT] = ("reason=bad-request" NAMES),
};

/* GET /aaa…, so that the Location is of that length; the answer up to the Location. */
static const char *answer_to(struct site *site, size_t location_length, uint32_t max)
{
	static char path[MAX_FRAME], text[400];
	struct request_message messages[MAX_MESSAGES] = { { "route", { METHOD("GET"), PATH("") } } };
	struct spop_slice payload;

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	messages[0].arguments[1].value.bytes =
		(struct spop_slice){ (const uint8_t *)path, location_length - strlen(PREFIX) };
	payload = payload_new(messages, MAX_FRAME);
	snprintf(text, sizeof(text), "%s", answer(site, payload, max));
	free((void *)(uintptr_t)payload.ptr);
	if (strstr(text, " location="))
		*strstr(text, " location=") = 0;
	return text;
}

static enum kind kind_of(const char *answer)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		if (strcmp(answer, kinds[kind]) == 0)
			return (enum kind)kind;
	fail_msg("%s", answer);
	return KINDS;
}

/*
 * The longest Location that still gets each kind of answer. Around it are 62 bytes, or 129 with the names, and one more
 * where its length is 240 or more; and a sixteenth of the frame stays free for the rest of HAProxy's response.
 */
static void names_go_first_and_then_the_redirect(void **state)
{
	static const struct {
		uint32_t max;
		size_t whole, without_names;
	} cases[] = {
		{ 256, 127, 194 },
		{ 300, 171, 238 },
		{ 1600, 1470, 1500 },
		{ 4096, 3840, 0 }, /* 0: none, the sixteenth has room for the names */
	};
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t longest[KINDS] = { 0 };
		enum kind before = WHOLE;

		for (size_t length = 30; length < cases[i].max + 10; length++) {
			enum kind kind = kind_of(answer_to(&site, length, cases[i].max));

			assert_true(kind >= before);
			longest[kind] = length;
			before = kind;
		}
		assert_int_equal(before, NO_REDIRECT);
		assert_int_equal(longest[WHOLE], cases[i].whole);
		assert_int_equal(longest[WITHOUT_NAMES], cases[i].without_names);
	}
	site_close(&site);
}

static void what_does_not_fit_is_counted_and_not_booked(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	assert_int_equal(kind_of(answer_to(&site, 100, 256)), WHOLE);
	assert_int_equal(site.scratch.shortened, 0);
	assert_int_equal(kind_of(answer_to(&site, 180, 256)), WITHOUT_NAMES);
	assert_int_equal(site.scratch.shortened, 1);
	assert_int_equal(kind_of(answer_to(&site, 256, 256)), NO_REDIRECT);
	assert_int_equal(site.scratch.decisions[REASON_REDIRECT], 2);
	assert_int_equal(site.scratch.decisions[REASON_BAD_REQUEST], 1);
	select_settle(&site.scratch.picker, SITE_START);
	assert_int_equal(atomic_load(&fleet_backend(site.fleet, 0)->servers[0]->state->load.booked), 2);
	site_close(&site);
}

/* Names may be of 255 bytes each: then not even they fit the smallest frame. */
static void the_reason_alone_fits_every_frame(void **state)
{
	char name[256], text[800];
	struct site site;

	(void)state;
	memset(name, 'n', 255);
	name[255] = 0;
	snprintf(text, sizeof(text),
		 "frontend route\n  default_backend web\nbackend web\n  server %s 192.0.2.1:80 redir " PREFIX "\n",
		 name);
	site_open(&site, text, 1);
	assert_string_equal(answer_to(&site, 100, SPOP_MIN_FRAME_SIZE), "reason=redirect code=#302");
	assert_string_equal(answer_to(&site, 300, SPOP_MIN_FRAME_SIZE), "reason=bad-request");
	assert_true(site.scratch.shortened >= 2);
	site_close(&site);
}

/* ---- what is missing ---- */

static const char *log_of(int fd)
{
	static char text[1024];
	ssize_t length = read(fd, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = 0;
	return text;
}

/* Counted each time, told once for each argument. */
static void a_message_without_what_the_rules_read_is_told_of_once(void **state)
{
	static const struct request_message messages[][MAX_MESSAGES] = {
		{ { "route", { METHOD("GET"), PATH("/a"), HOST("x") } } },
		{ { "route", { METHOD("GET"), PATH("/a") } } },
		{ { "route", { METHOD("GET"), PATH("/a") } } },
	};
	struct site site;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	site_open(&site,
		  "frontend route\n  use_backend web if { hdr(host) x }\n"
		  "backend web\n  server a 192.0.2.1:80 redir " PREFIX "\n",
		  1);
	site.log =
		(struct log){ .targets = { { .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG } }, .n = 1 };
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct spop_slice payload = payload_new(messages[i], MAX_FRAME);

		answer(&site, payload, MAX_FRAME);
		free((void *)(uintptr_t)payload.ptr);
		assert_int_equal(site.scratch.missing_arguments, i);
	}
	close(ends[1]);
	assert_string_equal(log_of(ends[0]),
			    "frontend route: the SPOE message has no argument 'host', which the rules read\n");
	close(ends[0]);
	site_close(&site);
}

/* The third is not told of; names come from outside. */
static void a_message_that_is_no_frontends_is_told_of(void **state)
{
	static const char *const names[] = { "route\n", "web", "web" };
	static const struct request_message known = { "g", { METHOD("GET"), PATH("/a"), HOST("x") } };
	struct site site;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	site_open(&site, "frontend f\n  message g\nfrontend h\n", 1);
	site.log =
		(struct log){ .targets = { { .fd = ends[1], .format = LOG_FORMAT_RAW, .level = LOG_DEBUG } }, .n = 1 };
	for (size_t i = 0; i < COUNT(names); i++) {
		struct request_message messages[MAX_MESSAGES] = { known, { names[i], { METHOD("GET") } } };
		struct spop_slice payload = payload_new(messages, MAX_FRAME);

		answer(&site, payload, MAX_FRAME);
		free((void *)(uintptr_t)payload.ptr);
		assert_int_equal(site.scratch.unknown_messages, i + 1);
	}
	close(ends[1]);
	assert_string_equal(log_of(ends[0]), "an SPOE message is no frontend's message=route. known=\"f, g, h\"\n"
					     "an SPOE message is no frontend's message=web known=\"f, g, h\"\n");
	close(ends[0]);
	site_close(&site);
}

/* ---- routes ---- */

static void rules_and_messages_have_to_fit_the_fleet(void **state)
{
	static const char backend[] = "backend web\n  server a 192.0.2.1:80 redir " PREFIX "\n";
	static const struct {
		const char *frontends, *message;
	} cases[] = {
		{ "frontend f\n  default_backend wbe\n",
		  "test.cfg:2: in section 'frontend f': no backend 'wbe', did you mean 'web'?" },
		{ "frontend f\n  use_backend zzzzzz if { path /x }\n  default_backend web\n",
		  "test.cfg:2: in section 'frontend f': no backend 'zzzzzz'" },
		{ "frontend f\n  message m\n  default_backend web\nfrontend g\n  message m\n  default_backend web\n",
		  "test.cfg:4: in section 'frontend g': message 'm' is answered by frontend 'f' (test.cfg:1) on the "
		  "same "
		  "bind already" },
		{ "frontend f\n  default_backend web\nfrontend g\n  message f\n  default_backend web\n",
		  "test.cfg:3: in section 'frontend g': message 'f' is answered by frontend 'f' (test.cfg:1) on the "
		  "same "
		  "bind already" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[400];

		snprintf(text, sizeof(text), "%s%s", cases[i].frontends, backend);
		site_says(text, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_first_and_then_the_redirect),
		cmocka_unit_test(what_does_not_fit_is_counted_and_not_booked),
		cmocka_unit_test(the_reason_alone_fits_every_frame),
		cmocka_unit_test(a_message_without_what_the_rules_read_is_told_of_once),
		cmocka_unit_test(a_message_that_is_no_frontends_is_told_of),
		cmocka_unit_test(rules_and_messages_have_to_fit_the_fleet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
