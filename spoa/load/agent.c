/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `agent-check`: HAProxy's agent protocol. One ASCII line up to the first CR or LF; words separated by blanks, tabs or
 * commas, in any order and case: "75%", "maxconn:100", "ready", "drain", "maint", "up", "down", "fail", "stopped";
 * what follows a '#' is a reason for the log. What a line does not mention stays as it is.
 */
#include <stdio.h>
#include <string.h>

#include "probe.h"

struct line {
	struct load *load;
	struct server *server;
	double now;
	char why[160];
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

static void on_up(struct line *line)
{
	server_set_agent_down(line->load->fleet, line->server, false, line->why, line->now);
}

static void on_down(struct line *line)
{
	server_set_agent_down(line->load->fleet, line->server, true, line->why, line->now);
}

/* What the configuration disabled, an agent cannot enable. */
static void on_ready(struct line *line)
{
	if (!line->server->disabled)
		server_set_admin(line->load->fleet, line->server, ADMIN_READY, line->why, line->now);
}

static void on_drain(struct line *line)
{
	if (!line->server->disabled)
		server_set_admin(line->load->fleet, line->server, ADMIN_DRAIN, line->why, line->now);
}

static void on_maint(struct line *line)
{
	server_set_admin(line->load->fleet, line->server, ADMIN_MAINT, line->why, line->now);
}

static const struct {
	struct slice word;
	void (*apply)(struct line *line);
} words[] = {
	{ SLICE("up"), on_up },        { SLICE("down"), on_down },   { SLICE("fail"), on_down },
	{ SLICE("stopped"), on_down }, { SLICE("ready"), on_ready }, { SLICE("drain"), on_drain },
	{ SLICE("maint"), on_maint },
};

/* To a policy that reads utilisation, "25%" says "busy by 75 %"; to the others, a quarter of the weight. */
static void apply_percent(struct line *line, uint64_t percent)
{
	struct server *server = line->server;
	const struct balance *balance = server->backend->balance;
	struct load_report report = { .has = LOAD_U };
	uint64_t weight = server->weight * (percent > 0);

	if (!balance->reads_utilisation)
		weight = percent > 0 && server->weight > 0 ? (server->weight * percent + 50) / 100 : 0;
	if (!balance->reads_utilisation && weight == 0 && percent > 0 && server->weight > 0)
		weight = 1;
	if (balance->report) {
		report.u = percent >= 100 ? 0 : 1 - (double)percent / 100;
		balance->report(server, &report, line->now);
	}
	server_set_weight(line->load->fleet, server, weight > 256 ? 256 : (uint32_t)weight, line->why, line->now);
}

static void apply_word(struct line *line, struct slice word)
{
	uint64_t number;

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!slice_eq_nocase(word, words[i].word))
			continue;
		words[i].apply(line);
		return;
	}
	if (slice_ends(word, SLICE("%")) && slice_to_natural(slice_of(word.ptr, word.len - 1), 25600, &number))
		apply_percent(line, number);
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

void agent_apply(struct load *load, struct server *server, struct slice text, double now)
{
	struct line line = { .load = load, .server = server, .now = now };
	struct slice word;
	size_t length = 0;

	while (length < text.len && !is_line_end(text.ptr[length]))
		length++;
	text.len = length;
	snprintf(line.why, sizeof(line.why), "agent says \"%.*s\"", (int)(length < 100 ? length : 100),
		 (const char *)text.ptr);
	while (take_word(&text, &word))
		apply_word(&line, word);
}

/* An agent that does not answer says nothing: its reports grow old, its server's state stays. */
static void agent_done(struct probe *probe, enum probe_outcome outcome, struct slice answer, double now)
{
	if (outcome == PROBE_ANSWERED)
		agent_apply(probe->load, probe->server, answer, now);
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
};
