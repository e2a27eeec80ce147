/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check`: a TCP connect, or with `option httpchk` an HTTP request that is answered as expected. */
#include <stdio.h>
#include <string.h>

#include "probe.h"

static const struct endpoint *health_to(const struct server *server)
{
	return &server->check_address;
}

static const struct host *health_host(const struct server *server)
{
	return &server->check_host;
}

static const char *health_question(const struct server *server)
{
	return server->check_request;
}

static const struct tls_target *health_secure(const struct server *server)
{
	return &server->check_tls;
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

static enum check_status status_of_answer(const struct probe *probe, unsigned code)
{
	if (!probe->server->backend->httpchk.enabled)
		return probe->secured ? CHECK_L6OK : CHECK_L4OK;
	if (code == 0)
		return CHECK_L7RSP;
	return httpchk_expects(&probe->server->backend->httpchk, code) ? CHECK_L7OK : CHECK_L7STS;
}

static bool is_at_handshake(const struct probe *probe)
{
	return probe->tls && !probe->secured;
}

static struct check_outcome judge(const struct probe *probe, enum probe_outcome outcome, struct slice answer,
				  double now)
{
	struct check_outcome check = { .status = CHECK_L4TOUT, .duration = now - probe->started };

	switch (outcome) {
	case PROBE_REFUSED:
		check.status = is_at_handshake(probe) ? CHECK_L6RSP : probe->connected ? CHECK_L7RSP : CHECK_L4CON;
		snprintf(check.why, sizeof(check.why), "%s", probe_why(probe));
		break;
	case PROBE_LATE:
		break;
	case PROBE_SILENT:
		check.status = is_at_handshake(probe) ? CHECK_L6TOUT : CHECK_L7TOUT;
		break;
	case PROBE_ANSWERED:
		check.code = probe->server->backend->httpchk.enabled ? status_code(answer) : 0;
		check.status = status_of_answer(probe, check.code);
		break;
	}
	return check;
}

/* HAProxy's words for the outcomes of its checks. */
static void describe(const struct check_outcome *check, char *why, size_t size)
{
	static const char *const texts[] = {
		[CHECK_L4OK] = "Layer4 check passed",      [CHECK_L4TOUT] = "Layer4 timeout",
		[CHECK_L6OK] = "Layer6 check passed",      [CHECK_L6TOUT] = "Layer6 timeout",
		[CHECK_L6RSP] = "Layer6 invalid response", [CHECK_L4CON] = "Layer4 connection problem",
		[CHECK_L7TOUT] = "Layer7 timeout",         [CHECK_L7RSP] = "Layer7 invalid response",
		[CHECK_L7OK] = "Layer7 check passed",      [CHECK_L7STS] = "Layer7 wrong status",
	};

	if (*check->why)
		snprintf(why, size, "%s, info: \"%s\"",
			 check->status == CHECK_L7RSP ? "Layer7 connection problem" : texts[check->status], check->why);
	else if (check->code > 0)
		snprintf(why, size, "%s, code: %u", texts[check->status], check->code);
	else
		snprintf(why, size, "%s", texts[check->status]);
}

static void health_done(struct probe *probe, enum probe_outcome outcome, struct slice answer, double now)
{
	struct check_outcome *check = &probe->server->state->check;
	char why[200];

	*check = judge(probe, outcome, answer, now);
	describe(check, why, sizeof(why));
	server_set_health(probe->load->fleet, probe->server,
			  check->status == CHECK_L4OK || check->status == CHECK_L6OK || check->status == CHECK_L7OK,
			  why, now);
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
	.host = health_host,
	.secure = health_secure,
	.question = health_question,
	.done = health_done,
	.interval = health_interval,
	.what = PROBED_HEALTH,
};

const struct probe_kind health_http_kind = {
	.to = health_to,
	.host = health_host,
	.secure = health_secure,
	.question = health_question,
	.complete = health_complete,
	.done = health_done,
	.interval = health_interval,
	.what = PROBED_HEALTH,
};
