/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `agent-check`: HAProxy's agent protocol. One ASCII line up to the first CR or LF; words separated by blanks, tabs or
 * commas, in any order and case: "75%", "maxconn:100", "ready", "drain", "maint", "up", "down", "fail", "stopped";
 * what follows a '#' is a reason for the log. What a line does not mention stays as it is.
 */
#include <stdio.h>
#include <string.h>

#include "probe.h"

/* What a line asks for; of each kind its last word. */
struct line {
	enum { NO_ADMIN, READY, DRAIN, MAINT } admin;
	enum { NO_HEALTH, UP, DOWN } health;
	bool has_percent;
	uint64_t percent;
};

static const struct endpoint *agent_to(const struct server *server)
{
	return &server->agent_address;
}

static const char *agent_question(const struct server *server)
{
	return server->agent.send;
}

static bool is_line_end(uint8_t c)
{
	return c == '\n' || c == '\r';
}

static bool agent_complete(struct slice answer)
{
	for (size_t i = 0; i < answer.len; i++)
		if (is_line_end(answer.ptr[i]))
			return true;
	return false;
}

/* ---- words ---- */

static const struct {
	struct slice word;
	struct line asks;
} words[] = {
	{ SLICE("up"), { .health = UP } },      { SLICE("down"), { .health = DOWN } },
	{ SLICE("fail"), { .health = DOWN } },  { SLICE("stopped"), { .health = DOWN } },
	{ SLICE("ready"), { .admin = READY } }, { SLICE("drain"), { .admin = DRAIN } },
	{ SLICE("maint"), { .admin = MAINT } },
};

static void read_word(struct line *line, struct slice word)
{
	uint64_t percent;

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!slice_eq_nocase(word, words[i].word))
			continue;
		if (words[i].asks.admin)
			line->admin = words[i].asks.admin;
		if (words[i].asks.health)
			line->health = words[i].asks.health;
		return;
	}
	if (slice_ends(word, SLICE("%")) && slice_to_natural(slice_of(word.ptr, word.len - 1), 25600, &percent)) {
		line->percent = percent;
		line->has_percent = true;
	}
	/* other words ("error", "maxconn:100") ask for nothing that is done here */
}

static bool is_separator(uint8_t c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* The next word; its reason, where one begins, ends the line. */
static bool take_word(struct slice *rest, struct slice *word)
{
	size_t end = 0;

	while (rest->len > 0 && is_separator(rest->ptr[0]))
		*rest = slice_from(*rest, 1);
	if (rest->len == 0 || is_line_end(rest->ptr[0]) || rest->ptr[0] == '#')
		return false;
	while (end < rest->len && !is_separator(rest->ptr[end]) && !is_line_end(rest->ptr[end]))
		end++;
	*word = slice_of(rest->ptr, end);
	*rest = slice_from(*rest, end);
	return true;
}

/* ---- what is done ---- */

/* What the configuration disabled, an agent can only put into maintenance. */
static void apply_admin(struct load *load, struct server *server, const struct line *line, const char *why, double now)
{
	static const enum server_admin states[] = {
		[READY] = ADMIN_READY, [DRAIN] = ADMIN_DRAIN, [MAINT] = ADMIN_MAINT
	};

	if (line->admin != NO_ADMIN && (line->admin == MAINT || !server->disabled))
		server_set_admin(load->fleet, server, states[line->admin], why, now);
}

/* To a policy that reads utilisation, "25%" says "busy by 75 %"; to the others, a quarter of the weight. */
static void apply_percent(struct load *load, struct server *server, uint64_t percent, const char *why, double now)
{
	const struct balance *balance = server->backend->balance;
	struct load_report report = { .has = LOAD_U };
	uint64_t weight = server->weight * (percent > 0);

	if (!balance->reads_utilisation)
		weight = percent > 0 && server->weight > 0 ? (server->weight * percent + 50) / 100 : 0;
	if (!balance->reads_utilisation && weight == 0 && percent > 0 && server->weight > 0)
		weight = 1;
	if (balance->report) {
		report.u = percent >= 100 ? 0 : 1 - (double)percent / 100;
		balance->report(server, &report, now);
	}
	server_set_weight(load->fleet, server, weight > 256 ? 256 : (uint32_t)weight, why, now);
}

void agent_apply(struct load *load, struct server *server, struct slice text, double now)
{
	struct line line = { .admin = NO_ADMIN };
	struct slice word;
	char why[160];
	size_t length = 0;

	while (length < text.len && !is_line_end(text.ptr[length]))
		length++;
	text.len = length;
	snprintf(why, sizeof(why), "agent says \"%.*s\"", (int)(length < 100 ? length : 100), (const char *)text.ptr);
	while (take_word(&text, &word))
		read_word(&line, word);
	apply_admin(load, server, &line, why, now);
	if (line.has_percent)
		apply_percent(load, server, line.percent, why, now);
	if (line.health != NO_HEALTH)
		server_set_agent_down(load->fleet, server, line.health == DOWN, why, now);
}

/*
 * An agent that does not answer says nothing: its reports grow old, its server's state stays. Nor does one that ends within
 * a line, as in HAProxy: "1" could have become "100%".
 */
static void agent_done(struct probe *probe, enum probe_outcome outcome, struct slice answer, double now)
{
	bool whole = outcome == PROBE_ANSWERED && agent_complete(answer);

	if (whole)
		agent_apply(probe->load, probe->server, answer, now);
	else if (outcome == PROBE_ANSWERED && answer.len > 0 && !probe->said_incomplete)
		log_line(probe->load->log, LOG_WARNING, "Server %s/%s: its agent's line has no end, and is ignored.",
			 probe->server->backend->name, probe->server->name);
	probe->said_incomplete = outcome == PROBE_ANSWERED && !whole;
}

static double agent_interval(const struct server *server)
{
	return server->agent.inter;
}

const struct probe_kind agent_kind = {
	.to = agent_to,
	.question = agent_question,
	.complete = agent_complete,
	.done = agent_done,
	.interval = agent_interval,
	.what = PROBED_AGENT,
};
