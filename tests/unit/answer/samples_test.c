/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last decisions: what is kept of each, how many, and what a reader sees while they are written. */
#include <pthread.h>

#include "request.h"
#include "spoa/answer/samples.h"

static const char rules[] = "frontend route\n"
			    "  redirect-unless { path_beg /no }\n"
			    "  use_backend web if { path_beg / }\n"
			    "backend web\n  balance first\n  redirect code 307\n"
			    "  server w1 192.0.2.1:80 redir https://w1.example.com\n";

struct seen {
	unsigned n;
	struct decision_sample first; /* the newest */
	double oldest;
};

static void see(void *into, const struct decision_sample *sample)
{
	struct seen *seen = into;

	if (seen->n++ == 0)
		seen->first = *sample;
	seen->oldest = sample->at;
}

static struct seen look(const struct site *site)
{
	struct seen seen = { 0 };

	samples_visit(site->scratch.samples, see, &seen);
	return seen;
}

static struct argument text(const char *name, const char *value)
{
	return (struct argument){ name, { .type = SPOP_STRING, .bytes = name_of(value) } };
}

static void ask(struct site *site, const char *host, const char *path, const char *query, double now)
{
	const struct request_message messages[MAX_MESSAGES] = {
		{ "route", { METHOD("GET"), text("path", path), text("host", host), text("query", query) } }
	};
	struct spop_slice payload = payload_new(messages, MAX_FRAME);
	struct spop_frame notify = { SPOP_NOTIFY, SPOP_FIN, 300, 7, payload };
	static uint8_t bytes[2 * MAX_FRAME];
	struct spop_writer writer;

	spop_writer_init(&writer, bytes, sizeof(bytes));
	assert_true(answer_notify(site->routes, &site->scratch, &notify, now, MAX_FRAME, &writer));
	free((void *)(uintptr_t)payload.ptr);
}

static void a_redirect_is_kept_with_its_rule_and_without_its_query(void **state)
{
	struct site site;
	struct seen seen;

	(void)state;
	site_open(&site, rules, 1);
	ask(&site, "www.example.com", "/a<b>", "secret=1", 2000);
	seen = look(&site);
	assert_int_equal(seen.n, 1);
	assert_true(seen.first.at == 2000 && seen.first.reason == REASON_REDIRECT && seen.first.code == 307);
	assert_int_equal(seen.first.n_path, 5);
	assert_memory_equal(seen.first.path, "/a<b>", 5);
	assert_int_equal(seen.first.n_host, 15);
	assert_memory_equal(seen.first.host, "www.example.com", 15);
	assert_true(seen.first.query && !seen.first.cut);
	assert_string_equal(seen.first.method, "GET");
	assert_string_equal(seen.first.frontend, "route");
	assert_string_equal(seen.first.backend, "web");
	assert_string_equal(seen.first.server, "w1");
	assert_string_equal(seen.first.file, "test.cfg");
	assert_int_equal(seen.first.line, 3);
	for (size_t i = 0; i + 6 < sizeof(seen.first); i++)
		assert_memory_not_equal((const char *)&seen.first + i, "secret", 6);
	site_close(&site);
}

static void what_is_excluded_is_kept_with_the_line_that_did_it(void **state)
{
	struct site site;
	struct seen seen;

	(void)state;
	site_open(&site, rules, 1);
	ask(&site, "a", "/no", "", 2000);
	seen = look(&site);
	assert_true(seen.first.reason == REASON_EXCLUDED && seen.first.line == 2 && seen.first.code == 0);
	assert_string_equal(seen.first.backend, "");
	assert_false(seen.first.query);
	site_close(&site);
}

static void what_is_long_is_cut(void **state)
{
	char path[4000] = "/", host[300];
	struct site site;
	struct seen seen;

	(void)state;
	memset(path + 1, 'p', sizeof(path) - 2);
	memset(host, 'h', sizeof(host) - 1);
	path[sizeof(path) - 1] = host[sizeof(host) - 1] = 0;
	site_open(&site, rules, 1);
	ask(&site, host, path, "", 2000);
	seen = look(&site);
	assert_true(seen.first.cut);
	assert_int_equal(seen.first.n_path, sizeof(seen.first.path));
	assert_int_equal(seen.first.n_host, sizeof(seen.first.host));
	site_close(&site);
}

/* Twenty of a burst after a silence, then one each twentieth of a second. */
static void of_many_some_are_kept(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, rules, 1);
	for (int i = 0; i < 100; i++)
		ask(&site, "a", "/", "", 2000 + i * 1e-4);
	assert_in_range(look(&site).n, 20, 22);
	for (int i = 1; i <= 1000; i++)
		ask(&site, "a", "/", "", 2000 + i * 1e-2);
	assert_int_equal(look(&site).n, SAMPLES);
	assert_true(look(&site).first.at > 2009.9);
	assert_true(look(&site).oldest < 2010 - (SAMPLES - 2) * SAMPLE_EVERY);
	site_close(&site);
}

static void counting_is_by_line(void **state)
{
	struct site site;
	const struct frontend *frontend;
	double last;

	(void)state;
	site_open(&site, rules, 1);
	assert_true(ruleset_count_hits(site.ruleset, 1));
	frontend = ruleset_frontend(site.ruleset, 0);
	ask(&site, "a", "/", "", 2000);
	ask(&site, "a", "/x", "", 2001);
	ask(&site, "a", "/no", "", 2002);
	assert_int_equal(frontend_hits(frontend, frontend->rules[0], &last), 2);
	assert_true(last == 2001);
	assert_int_equal(frontend_hits(frontend, frontend->excludes[0], &last), 1);
	assert_true(last == 2002);
	site_close(&site);
}

/* ---- a reader beside the writer ---- */

struct race {
	struct samples *samples;
	_Atomic bool over;
	_Atomic unsigned torn, whole;
};

/* All that a writer put into one entry says the same. */
static void check_whole(void *into, const struct decision_sample *sample)
{
	struct race *race = into;
	char expected[sizeof(sample->path)];

	memset(expected, sample->server[0], sizeof(expected));
	race->whole++;
	if (memcmp(sample->path, expected, sizeof(expected)) != 0)
		race->torn++;
}

static void *read_on(void *into)
{
	struct race *race = into;

	while (!race->over)
		samples_visit(race->samples, check_whole, race);
	return NULL;
}

static void a_reader_never_sees_half_an_entry(void **state)
{
	struct race race = { 0 };
	struct site site;
	pthread_t reader;

	(void)state;
	site_open(&site, rules, 1);
	race.samples = site.scratch.samples;
	assert_int_equal(pthread_create(&reader, NULL, read_on, &race), 0);
	for (unsigned i = 0; i < 20000 || race.whole < 1000; i++) {
		struct backend backend = { .name = "b" };
		char name[2] = { (char)('a' + i % 26), 0 }, path[200];
		struct server server = { .name = name, .backend = &backend };
		struct decision decision = { .reason = REASON_LOOP, .backend = &backend, .server = &server };

		memset(path, name[0], sizeof(path));
		site.scratch.request.values[REQUEST_PATH] = (struct spop_value){
			.type = SPOP_STRING, .bytes = { (const uint8_t *)path, sizeof(path) }
		};
		samples_take(&site.scratch, ruleset_frontend(site.ruleset, 0), &decision, i);
	}
	race.over = true;
	pthread_join(reader, NULL);
	assert_int_equal(race.torn, 0);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_redirect_is_kept_with_its_rule_and_without_its_query),
		cmocka_unit_test(what_is_excluded_is_kept_with_the_line_that_did_it),
		cmocka_unit_test(what_is_long_is_cut),
		cmocka_unit_test(of_many_some_are_kept),
		cmocka_unit_test(counting_is_by_line),
		cmocka_unit_test(a_reader_never_sees_half_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
