/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check`: a TCP connect, or with `option httpchk` an HTTP request that is answered 2xx or 3xx. */
#include <stdio.h>
#include <string.h>

#include "probe.h"

static const struct endpoint *health_to(const struct server *server)
{
	return &server->check_address;
}

static const char *health_question(const struct server *server)
{
	return server->backend->httpchk.enabled ? server->backend->httpchk.request : NULL;
}

/* A whole status line, RFC 9112 section 4. */
static bool health_complete(struct slice answer)
{
	return answer.len > 0 && memchr(answer.ptr, '\n', answer.len) != NULL;
}

/* "HTTP/1.1 200 …" → 200; 0: no status line. */
static unsigned status_code(struct slice answer)
{
	uint64_t code;

	if (answer.len < 12 || !slice_starts(answer, SLICE("HTTP/1.")) || answer.ptr[8] != ' ' ||
	    !slice_to_natural(slice_of(answer.ptr + 9, 3), 999, &code))
		return 0;
	return (unsigned)code;
}

/* HAProxy's words for the outcomes of its checks. */
static bool judge(const struct probe *probe, enum probe_outcome outcome, struct slice answer, char *why, size_t size)
{
	unsigned code;

	switch (outcome) {
	case PROBE_REFUSED:
		snprintf(why, size, "Layer%s connection problem, info: \"%s\"", probe->connected ? "7" : "4",
			 strerror(probe->error));
		return false;
	case PROBE_LATE:
		snprintf(why, size, "Layer4 timeout");
		return false;
	case PROBE_SILENT:
		snprintf(why, size, "Layer7 timeout");
		return false;
	case PROBE_ANSWERED:
		break;
	}
	if (!probe->server->backend->httpchk.enabled) {
		snprintf(why, size, "Layer4 check passed");
		return true;
	}
	code = status_code(answer);
	if (code == 0)
		snprintf(why, size, "Layer7 invalid response");
	else
		snprintf(why, size, "Layer7 %s, code: %u",
			 code / 100 == 2 || code / 100 == 3 ? "check passed" : "wrong status", code);
	return code / 100 == 2 || code / 100 == 3;
}

static void health_done(struct probe *probe, enum probe_outcome outcome, struct slice answer, double now)
{
	char why[200];
	bool passed = judge(probe, outcome, answer, why, sizeof(why));

	server_set_health(probe->load->fleet, probe->server, passed, why, now);
}

/* HAProxy's choice: downinter while down, fastinter between down and up, inter else. */
static double health_interval(const struct server *server)
{
	const struct check_config *check = &server->check;
	unsigned health = server->state->health, best = check->rise + check->fall - 1;

	if (health == 0 && check->downinter > 0)
		return check->downinter;
	if (health > 0 && health < best && check->fastinter > 0)
		return check->fastinter;
	return check->inter;
}

const struct probe_kind health_tcp_kind = {
	.to = health_to,
	.question = health_question,
	.done = health_done,
	.interval = health_interval,
};

const struct probe_kind health_http_kind = {
	.to = health_to,
	.question = health_question,
	.complete = health_complete,
	.done = health_done,
	.interval = health_interval,
};
