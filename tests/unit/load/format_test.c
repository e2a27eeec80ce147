/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What servers and exporters answer, and the record that it is: each form with what real ones write, and broken. */
#include <stdio.h>

#include "record.h"
#include "tests/unit/site.h"

#define STUB(active, counts, rest) "Active connections: " active " \nserver accepts handled requests\n " counts " \n" rest "\n"
#define APACHE                                                                                                         \
	"127.0.0.1\nServerVersion: Apache/2.4.62 (Debian)\nServerMPM: event\nTotal Accesses: 100\nTotal kBytes: 7\n"    \
	"Total Duration: 2500\nCPUUser: .01\nReqPerSec: 3.5\nBusyWorkers: 5\nGracefulWorkers: 0\nIdleWorkers: 15\n"     \
	"Processes: 2\nConnsTotal: 9\nConnsAsyncWriting: 3\nConnsAsyncKeepAlive: 1\nScoreboard: _W__.....\n"
#define NODE                                                                                                           \
	"# HELP node_load1 1m load average.\n# TYPE node_load1 gauge\nnode_load1 0.5\n"                                \
	"# HELP jobs Jobs.\n# TYPE jobs gauge\njobs{queue=\"a\",kind=\"x\"} 3\njobs{queue=\"b\",kind=\"x\"} 4 1700000000000\n" \
	"jobs{queue=\"a\",kind=\"y, \\\"z\\\"}\",} 1e1\n"                                                               \
	"# TYPE done_total counter\ndone_total 100\n"

static const struct {
	const char *name, *metric; /* NULL: none */
	struct slice answer;       /* header lines, an empty one, the body */
	enum load_rejection verdict;
	struct load_report report;
} cases[] = {
	{ "nginx", NULL, SLICE("\n" STUB("291", "16630948 16630948 31070465", "Reading: 6 Writing: 179 Waiting: 106")), REPORT_TAKEN, { LOAD_Q | LOAD_A, .q = 184, .A = 31070465 } },
	{ "nginx, idle", NULL, SLICE("\n" STUB("1", "1 1 1", "Reading: 0 Writing: 1 Waiting: 0")), REPORT_TAKEN, { LOAD_Q | LOAD_A, .q = 0, .A = 1 } },
	{ "nginx, nothing at all", NULL, SLICE("\n" STUB("0", "0 0 0", "Reading: 0 Writing: 0 Waiting: 0")), REPORT_TAKEN, { LOAD_Q | LOAD_A, .q = 0, .A = 0 } },
	{ "nginx, cut", NULL, SLICE("\n" STUB("1", "1 1 1", "Reading: 0 Writing: 1")), REPORT_MALFORMED, { 0 } },
	{ "nginx, negative", NULL, SLICE("\n" STUB("1", "1 1 -1", "Reading: 0 Writing: 1 Waiting: 0")), REPORT_MALFORMED, { 0 } },
	{ "nginx, huge", NULL, SLICE("\n" STUB("1", "1 1 99999999999999999999", "Reading: 0 Writing: 1 Waiting: 0")), REPORT_MALFORMED, { 0 } },
	{ "Apache", NULL, SLICE("\n" APACHE), REPORT_TAKEN, { LOAD_Q | LOAD_C | LOAD_B | LOAD_U, 0.25, 7, 0, 100, 2.5 } },
	{ "Apache, little", NULL, SLICE("\nBusyWorkers: 1\r\nIdleWorkers: 3\r\n"), REPORT_TAKEN, { LOAD_Q | LOAD_U, .u = 0.25, .q = 0 } },
	{ "Apache, not a number", NULL, SLICE("\nBusyWorkers: many\n"), REPORT_MALFORMED, { 0 } },
	{ "Apache, negative", NULL, SLICE("\nBusyWorkers: 2\nTotal Accesses: -4\n"), REPORT_NEGATIVE, { 0 } },
	{ "JSON", NULL, SLICE("\n \r\n{\"q\": 4}"), REPORT_TAKEN, { LOAD_Q, .q = 4 } },
	{ "a page of HTML", NULL, SLICE("\n<html>It works!</html>"), REPORT_MALFORMED, { 0 } },
	{ "nothing", NULL, SLICE("\n"), REPORT_MALFORMED, { 0 } },

	{ "ORCA, text", NULL, SLICE("Endpoint-Load-Metrics: TEXT cpu_utilization=0.3, mem_utilization=0.8\n\n{\"q\":1}"), REPORT_TAKEN, { LOAD_U, .u = 0.3 } },
	{ "ORCA, colons and no form", NULL, SLICE("endpoint-load-metrics: application_utilization: 0.6 ,cpu_utilization:0.9\n\n"), REPORT_TAKEN, { LOAD_U, .u = 0.6 } },
	{ "ORCA, JSON", NULL, SLICE("endpoint-load-metrics: JSON {\"cpu_utilization\": 0.3, \"named_metrics\": {\"a\": 1}}\n\n"), REPORT_TAKEN, { LOAD_U, .u = 0.3 } },
	{ "ORCA, protobuf's JSON", NULL, SLICE("endpoint-load-metrics: JSON {\"applicationUtilization\": 1.5}\n\n"), REPORT_TAKEN, { LOAD_U, .u = 1.5 } },
	/* cpu_utilization 0.5, application_utilization 0.25 */
	{ "ORCA, protobuf", NULL, SLICE("endpoint-load-metrics: BIN CQAAAAAAAOA/SQAAAAAAANA/\n\n"), REPORT_TAKEN, { LOAD_U, .u = 0.25 } },
	{ "ORCA, protobuf by its own header", NULL, SLICE("endpoint-load-metrics-bin: CQAAAAAAAOA/\n\n"), REPORT_TAKEN, { LOAD_U, .u = 0.5 } },
	/* named_metrics {"queue": 4.0} */
	{ "ORCA, a named one of protobuf", "named_metrics.queue", SLICE("endpoint-load-metrics: bin QhAKBXF1ZXVlEQAAAAAAABBA\n\n"), REPORT_TAKEN, { LOAD_Q, .q = 4 } },
	{ "ORCA, a named one of text", "named_metrics.queue as q", SLICE("endpoint-load-metrics: TEXT named_metrics.queue=7\n\n"), REPORT_TAKEN, { LOAD_Q, .q = 7 } },
	{ "ORCA, a named one of JSON", "named_metrics.queue max 10", SLICE("endpoint-load-metrics: JSON {\"named_metrics\":{\"queue\":7}}\n\n"), REPORT_TAKEN, { LOAD_U, .u = 0.7 } },
	{ "ORCA, another name", "named_metrics.que", SLICE("endpoint-load-metrics: TEXT named_metrics.queue=7\n\n"), REPORT_EMPTY, { 0 } },
	{ "ORCA, nothing of ours", NULL, SLICE("endpoint-load-metrics: TEXT eps=1\n\n"), REPORT_EMPTY, { 0 } },
	{ "ORCA, per cent", NULL, SLICE("endpoint-load-metrics: TEXT cpu_utilization=75\n\n"), REPORT_PERCENT, { 0 } },
	{ "ORCA, no number", NULL, SLICE("endpoint-load-metrics: TEXT cpu_utilization=much\n\n"), REPORT_MALFORMED, { 0 } },
	{ "ORCA, NaN", NULL, SLICE("endpoint-load-metrics: TEXT cpu_utilization=NaN\n\n"), REPORT_NAN, { 0 } },
	{ "ORCA, negative", NULL, SLICE("endpoint-load-metrics: TEXT cpu_utilization=-1\n\n"), REPORT_NEGATIVE, { 0 } },
	{ "ORCA, no base64", NULL, SLICE("endpoint-load-metrics: BIN C*AA\n\n"), REPORT_MALFORMED, { 0 } },
	{ "ORCA, cut protobuf", NULL, SLICE("endpoint-load-metrics: BIN CQAAAAAAAOA\n\n"), REPORT_MALFORMED, { 0 } },

	{ "Prometheus", "node_load1 max 4", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_U, .u = 0.125 } },
	{ "Prometheus, more than the most", "node_load1 max 0.02", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_U, .u = 1 } },
	{ "Prometheus, per cent", "jobs as u", SLICE("\n" NODE), REPORT_PERCENT, { 0 } },
	{ "Prometheus, a sum", "jobs", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_Q, .q = 17 } },
	{ "Prometheus, a label", "'jobs{queue=\"a\"}'", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_Q, .q = 13 } },
	{ "Prometheus, two labels", "'jobs{kind=\"x\",queue=\"b\"}' as q", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_Q, .q = 4 } },
	{ "Prometheus, not a label", "'jobs{queue!=\"a\"}'", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_Q, .q = 4 } },
	{ "Prometheus, an empty label", "'jobs{none=\"\"}'", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_Q, .q = 17 } },
	{ "Prometheus, a counter", "done_total as C", SLICE("\n" NODE), REPORT_TAKEN, { LOAD_C, .C = 100 } },
	{ "Prometheus, none of that name", "job", SLICE("\n" NODE), REPORT_EMPTY, { 0 } },
	{ "Prometheus, none of that label", "'jobs{queue=\"c\"}'", SLICE("\n" NODE), REPORT_EMPTY, { 0 } },
	{ "Prometheus, no value", "a", SLICE("\na{b=\"c\"}\n"), REPORT_MALFORMED, { 0 } },
	{ "Prometheus, an open label", "a", SLICE("\na{b=\"c} 1\n"), REPORT_MALFORMED, { 0 } },
	{ "Prometheus, NaN", "a", SLICE("\na NaN\n"), REPORT_NAN, { 0 } },
	{ "Prometheus, infinite", "a", SLICE("\na +Inf\n"), REPORT_IMPOSSIBLE, { 0 } },
};

static const struct metric *open_metric(struct site *site, const char *metric)
{
	char text[300];

	snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1:80 redir http://a.example.com load-check http /l metric %s\n",
		 metric);
	site_open(site, text, 1);
	return site_server(site, "a")->load_check.metric;
}

/* Read out of memory of just that size, for what reads beyond. */
static enum load_rejection read_answer(struct slice answer, const struct metric *metric, struct format_memory *memory,
				       double now, struct record *record)
{
	const uint8_t *gap = memmem(answer.ptr, answer.len, "\n\n", 2);
	size_t head = answer.ptr[0] == '\n' ? 0 : (size_t)(gap - answer.ptr) + 1;
	struct slice body = slice_from(answer, head + 1);
	uint8_t *copy = malloc(body.len + 1);
	struct http_answer http = { .head = slice_of(answer.ptr, head) };
	enum load_rejection verdict;

	memcpy(copy, body.ptr, body.len);
	verdict = format_read(&http, slice_of(copy, body.len), metric, memory, now, record);
	free(copy);
	return verdict;
}

static void each_form_is_recognised_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct format_memory memory = { 0 };
		const struct metric *metric = NULL;
		struct site site = { 0 };
		struct record record;

		if (cases[i].metric)
			metric = open_metric(&site, cases[i].metric);
		expect_record(cases[i].name, read_answer(cases[i].answer, metric, &memory, 1, &record), &record,
			      cases[i].verdict, &cases[i].report);
		if (cases[i].metric)
			site_close(&site);
	}
}

static void a_rate_of_orca_is_kept(void **state)
{
	struct format_memory memory = { 0 };
	struct record record;

	(void)state;
	assert_int_equal(read_answer(SLICE("endpoint-load-metrics: TEXT rps_fractional=12.5,application_utilization=0\n\n"),
				     NULL, &memory, 1, &record),
			 REPORT_TAKEN);
	assert_int_equal(record.also, RECORD_RATE);
	assert_true(record.rate == 12.5);
}

/* What is the case now, told by how fast a counter runs. */
static void a_counter_is_read_by_its_rate(void **state)
{
	static const struct {
		const char *body;
		double now;
		unsigned has;
		double u;
	} steps[] = {
		{ "\nbusy_total{cpu=\"0\"} 100\nbusy_total{cpu=\"1\"} 50\n", 10, 0, 0 },
		{ "\nbusy_total{cpu=\"0\"} 102\nbusy_total{cpu=\"1\"} 51\n", 12, LOAD_U, 0.75 },
		{ "\nbusy_total{cpu=\"0\"} 102\nbusy_total{cpu=\"1\"} 51\n", 14, LOAD_U, 0 },
		{ "\nbusy_total{cpu=\"0\"} 1\nbusy_total{cpu=\"1\"} 1\n", 16, 0, 0 }, /* restarted */
		{ "\nbusy_total{cpu=\"0\"} 1\nbusy_total{cpu=\"1\"} 4\n", 18, LOAD_U, 0.75 },
	};
	struct format_memory memory = { 0 };
	const struct metric *metric;
	struct record record;
	struct site site;

	(void)state;
	metric = open_metric(&site, "busy_total max 2");
	for (size_t i = 0; i < COUNT(steps); i++) {
		assert_int_equal(read_answer(slice_of_string(steps[i].body), metric, &memory, steps[i].now, &record),
				 REPORT_TAKEN);
		assert_int_equal(record.report.has, steps[i].has);
		assert_true(!record.report.has || fabs(record.report.u - steps[i].u) < 1e-9);
	}
	assert_int_equal(read_answer(SLICE("\nbusy_total NaN\n"), metric, &memory, 20, &record), REPORT_NAN);
	assert_int_equal(read_answer(SLICE("\nbusy_total -1\n"), metric, &memory, 20, &record), REPORT_NEGATIVE);
	site_close(&site);
}

/* Any beginning of anything is read, or refused, without looking beyond. */
static void what_is_cut_does_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct format_memory memory = { 0 };
		const struct metric *metric = NULL;
		struct site site = { 0 };
		struct record record;

		if (cases[i].metric)
			metric = open_metric(&site, cases[i].metric);
		for (size_t n = 0; n < cases[i].answer.len; n++)
			if (cases[i].answer.ptr[0] == '\n' || memmem(cases[i].answer.ptr, n, "\n\n", 2))
				read_answer(slice_of(cases[i].answer.ptr, n), metric, &memory, 1, &record);
		if (cases[i].metric)
			site_close(&site);
	}
}

static void a_metric_is_refused_with_what_is_wrong(void **state)
{
	static const char *const wrong[][2] = {
		{ "load-check http /l metric '{a=\"b\"}'", "a metric is written as name{label=\"value\"}, unlike '{a=\"b\"}'" },
		{ "load-check http /l metric 'a{b=c}'", "a metric is written as name{label=\"value\"}, unlike 'a{b=c}'" },
		{ "load-check http /l metric 'a{b=\"c\"'", "a metric is written as name{label=\"value\"}, unlike 'a{b=\"c\"'" },
		{ "load-check http /l metric a as x", "'as' expects 'q', 'u', 'A', 'C' or 'B', not 'x'" },
		{ "load-check http /l metric a max 0", "'max' expects a number above 0, not '0'" },
		{ "load-check http /l metric a as q max 4", "'max' makes a utilisation of a figure, and goes with 'as u' alone" },
		{ "load-check ftp /l", "'load-check' expects 'http' or 'https', not 'ftp'" },
		{ "load-check http l", "a path begins with '/' and has no blanks, unlike 'l'" },
		{ "load-check http '/l x'", "a path begins with '/' and has no blanks, unlike '/l x'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char text[300], message[300];

		snprintf(text, sizeof(text), "backend web\n  server a 192.0.2.1:80 redir http://a.example.com %s\n", wrong[i][0]);
		snprintf(message, sizeof(message), "test.cfg:2: in section 'backend web': %s", wrong[i][1]);
		site_says(text, message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_recognised_and_read),
		cmocka_unit_test(a_rate_of_orca_is_kept),
		cmocka_unit_test(a_counter_is_read_by_its_rate),
		cmocka_unit_test(what_is_cut_does_no_harm),
		cmocka_unit_test(a_metric_is_refused_with_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
