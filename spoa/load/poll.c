/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `load-check`: a report of load fetched over HTTP, on a connection that is kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

#define MOST_ANSWER (1u << 20)

static const struct endpoint *poll_to(const struct server *server)
{
	return &server->load_check_address;
}

static const struct host *poll_host(const struct server *server)
{
	return &server->host;
}

static const char *poll_question(const struct server *server)
{
	return server->load_check.request;
}

static const struct tls_target *poll_secure(const struct server *server)
{
	return &server->load_check_tls;
}

static double poll_interval(const struct server *server)
{
	return server->load_check.inter;
}

static bool poll_complete(struct slice answer)
{
	struct http_answer http;

	return http_read(answer, false, false, &http) != HTTP_MORE;
}

/* ---- what is counted of ourselves ---- */

/*
 * How often this agent asked since the last time. A check that is a request to the same host is in the server's counters, too:
 * they are of all its ports.
 */
static uint64_t asked_since(struct probe *probe)
{
	const struct server *server = probe->server;
	const struct probe *check = server->state->probes[PROBED_HEALTH];
	uint64_t polls = probe->asked - probe->asked_then,
		 checks = check && check->asked > probe->checked_then ? check->asked - probe->checked_then : 0;
	bool same = check && server->backend->httpchk.enabled && endpoint_same_host(&check->to, &probe->to);

	probe->asked_then = probe->asked;
	probe->checked_then = check ? check->asked : 0;
	return polls + (same ? checks : 0);
}

/*
 * Without what this agent asked itself, and as many others like it. A restarted server begins anew, which shows as a counter
 * that runs backwards. What is asked and not counted yet, a check of each at most, is owed till the next time.
 */
static void without_ours(struct probe *probe, double *counter)
{
	double told = *counter, grown = told - probe->counter_told, agents = probe->server->backend->agents;
	double others = grown - (double)asked_since(probe) * agents - probe->owed;

	if (!probe->counted)
		probe->counter = told;
	else if (grown < 0)
		probe->counter = 0;
	else
		probe->counter += fmax(others, 0);
	probe->owed = probe->counted && grown >= 0 ? fmin(fmax(-others, 0), agents) : 0;
	probe->counted = true;
	probe->counter_told = told;
	*counter = probe->counter;
}

/* ---- what it said ---- */

/* Once, until it is well again. */
static void fail(struct probe *probe, const char *why)
{
	const struct server *server = probe->server;

	server->state->load_checks_failed++;
	if (!probe->said_incomplete)
		log_line(probe->load->log, LOG_WARNING, "Server %s/%s: load-check of %s failed: %s.",
			 server->backend->name, server->name, server->load_check.path, why);
	probe->said_incomplete = true;
}

static void take(struct probe *probe, const struct http_answer *http, double now)
{
	struct record record = { 0 };
	struct slice body = http_body(http, probe->answer);
	enum load_rejection verdict =
		format_read(http, body, probe->server->load_check.metric, &probe->memory, now, &record);

	if (verdict == REPORT_TAKEN && record.counts_us && record.report.has & LOAD_A)
		without_ours(probe, &record.report.A);
	else if (verdict == REPORT_TAKEN && record.counts_us && record.report.has & LOAD_C)
		without_ours(probe, &record.report.C);
	record.text = body;
	report_take(probe->load, probe->server, SOURCE_CHECK, verdict, &record, now);
	if (verdict == REPORT_TAKEN && probe->said_incomplete)
		log_line(probe->load->log, LOG_NOTICE, "Server %s/%s: load-check of %s is answered again.",
			 probe->server->backend->name, probe->server->name, probe->server->load_check.path);
	probe->said_incomplete = probe->said_incomplete && verdict != REPORT_TAKEN;
}

static void poll_done(struct probe *probe, enum probe_outcome outcome, struct slice answer, double now)
{
	struct http_answer http;
	char why[40];

	if (outcome == PROBE_REFUSED) {
		fail(probe, probe_why(probe));
	} else if (outcome != PROBE_ANSWERED) {
		fail(probe, outcome == PROBE_LATE ? "no connection in time" : "no answer in time");
	} else if (answer.len == MOST_ANSWER) {
		fail(probe, "an answer of more than 1 MiB");
	} else if (http_read(answer, true, false, &http) != HTTP_WHOLE) {
		fail(probe, "no whole answer of HTTP");
	} else if (http.code != 200) {
		snprintf(why, sizeof(why), "status %u", http.code);
		fail(probe, why);
	} else {
		http_read(answer, false, false, &http);
		probe->keep = http.keeps;
		take(probe, &http, now);
	}
}

const struct probe_kind poll_kind = {
	.to = poll_to,
	.host = poll_host,
	.secure = poll_secure,
	.question = poll_question,
	.complete = poll_complete,
	.done = poll_done,
	.interval = poll_interval,
	.what = PROBED_LOAD,
	.most = MOST_ANSWER,
};
