/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `agent-check`: HAProxy's agent protocol. One ASCII line up to the first CR or LF; words separated by blanks, tabs or
 * commas, in any order and case: "75%", "weight:50%", "maxconn:100", "ready", "drain", "maint", "up", "down", "fail",
 * "stopped"; what follows a '#' is a reason for the log. What a line does not mention stays as it is.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"

#define MOST_PERCENT 25600u
#define MOST_WEIGHT  256u

/* What a line asks for; of each kind its last word. */
struct line {
	enum record_admin admin;
	enum record_health health;
	bool has_percent, has_weight, has_maxconn;
	uint64_t percent, weight, maxconn;
	unsigned unknown; /* words */
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
	enum record_admin admin;
	enum record_health health;
} words[] = {
	{ .word = SLICE("up"), .health = RECORD_UP },      { .word = SLICE("down"), .health = RECORD_DOWN },
	{ .word = SLICE("fail"), .health = RECORD_DOWN },  { .word = SLICE("stopped"), .health = RECORD_DOWN },
	{ .word = SLICE("ready"), .admin = RECORD_READY }, { .word = SLICE("drain"), .admin = RECORD_DRAIN },
	{ .word = SLICE("maint"), .admin = RECORD_MAINT },
};

static bool read_state(struct line *line, struct slice word)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		if (!slice_eq_nocase(word, words[i].word))
			continue;
		if (words[i].admin)
			line->admin = words[i].admin;
		if (words[i].health)
			line->health = words[i].health;
		return true;
	}
	return false;
}

static bool read_percent(struct line *line, struct slice word)
{
	if (!slice_ends(word, SLICE("%")) ||
	    !slice_to_natural(slice_of(word.ptr, word.len - 1), MOST_PERCENT, &line->percent))
		return false;
	line->has_percent = true;
	line->has_weight = false;
	return true;
}

static bool begins(struct slice *word, struct slice prefix)
{
	if (word->len < prefix.len || !slice_eq_nocase(slice_of(word->ptr, prefix.len), prefix))
		return false;
	*word = slice_from(*word, prefix.len);
	return true;
}

/* "weight:50" and "weight:50%"; HAProxy has them from 3.1 on. */
static bool read_weight(struct line *line, struct slice word)
{
	if (read_percent(line, word))
		return true;
	if (!slice_to_natural(word, MOST_WEIGHT, &line->weight))
		return false;
	line->has_weight = true;
	line->has_percent = false;
	return true;
}

static void read_word(struct line *line, struct slice word)
{
	bool known;

	if (begins(&word, SLICE("maxconn:")))
		line->has_maxconn |= known = slice_to_natural(word, UINT32_MAX, &line->maxconn);
	else if (begins(&word, SLICE("weight:")))
		known = read_weight(line, word);
	else
		known = read_state(line, word) || read_percent(line, word);
	line->unknown += !known;
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

/*
 * To a policy that reads utilisation, "25%" says "busy by 75 %", and is but shown as a weight; to the others it is a quarter
 * of the weight, rounded down as in HAProxy.
 */
static void apply_percent(struct load *load, struct server *server, struct record *record, uint64_t percent,
			  const char *why, double now)
{
	uint64_t scaled = server->weight * percent / 100;

	scaled = scaled > MOST_WEIGHT ? MOST_WEIGHT : scaled;
	if (!server->backend->balance->reads_utilisation) {
		server_set_weight(load->fleet, server, (uint32_t)scaled, why, now);
		return;
	}
	record_set(record, LOAD_U, &record->report.u, percent >= 100 ? 0 : 1 - (double)percent / 100);
	server_set_weight(load->fleet, server, percent > 0 ? server->weight : 0, why, now);
	if (percent > 0 && server->weight > 0)
		server->state->shown_weight = scaled > 0 ? (uint32_t)scaled : 1;
}

/* HAProxy's order: states first, so that what the rest is about is known, and health last. */
void agent_apply(struct load *load, struct server *server, struct slice text, double now)
{
	struct line line = { 0 };
	struct record admin = { 0 }, rest = { 0 };
	struct slice word;
	char why[160];
	size_t length = 0;

	while (length < text.len && !is_line_end(text.ptr[length]))
		length++;
	text.len = length;
	snprintf(why, sizeof(why), "agent says \"%.*s\"", (int)(length < 100 ? length : 100), (const char *)text.ptr);
	while (take_word(&text, &word))
		read_word(&line, word);
	server->state->agent_unknown += line.unknown;
	admin.why = rest.why = why;
	admin.admin = line.admin;
	report_take_states(load, server, SOURCE_AGENT, &admin, now);
	if (line.has_percent)
		apply_percent(load, server, &rest, line.percent, why, now);
	if (line.has_weight)
		server_set_weight(load->fleet, server, (uint32_t)line.weight, why, now);
	if (line.has_maxconn)
		atomic_store_explicit(&server->state->maxconn, (uint32_t)line.maxconn, memory_order_relaxed);
	rest.health = line.health;
	report_take(load, server, SOURCE_AGENT, REPORT_TAKEN, &rest, now);
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
