/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `agent-check`: HAProxy's agent protocol. One ASCII line up to the first CR or LF; words separated by blanks, tabs or
 * commas, in any order and case: "75%", "weight:50%", "maxconn:100", "ready", "drain", "maint", "up", "down", "fail",
 * "stopped"; what follows a '#' is a reason for the log. What a line does not mention stays as it is.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"

#define MOST_ANSWER  16384u /* HAProxy's tune.bufsize */
#define MOST_PERCENT 25600u
#define MOST_WEIGHT  256u

/* What a line asks for; of each kind its last word. */
struct line {
	enum record_admin admin;
	enum record_health health;
	bool has_percent, has_weight, has_maxconn;
	uint64_t percent, weight, maxconn;
	unsigned unknown;    /* words, */
	struct slice error;  /* the first of them */
	const char *warning; /* of what is known but cannot be read */
	struct slice said;   /* of health */
	struct slice reason;
};

static const struct endpoint *agent_to(const struct server *server)
{
	return &server->agent_address;
}

static const struct host *agent_host(const struct server *server)
{
	return &server->agent_host;
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
	return answer.len > 0 && (memchr(answer.ptr, '\n', answer.len) || memchr(answer.ptr, '\r', answer.len));
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
		if (words[i].health) {
			line->health = words[i].health;
			line->said = word;
		}
		return true;
	}
	return false;
}

static void warn(struct line *line, const char *warning)
{
	if (!line->warning)
		line->warning = warning;
}

static bool begins(struct slice *word, struct slice prefix)
{
	if (word->len < prefix.len || !slice_eq_nocase(slice_of(word->ptr, prefix.len), prefix))
		return false;
	*word = slice_from(*word, prefix.len);
	return true;
}

static bool is_digit(struct slice word)
{
	return word.len > 0 && word.ptr[0] >= '0' && word.ptr[0] <= '9';
}

/* What is too much is the most there is, as in HAProxy. */
static bool read_percent(struct slice word, uint64_t *percent)
{
	if (!slice_ends(word, SLICE("%")) || word.len < 2)
		return false;
	word.len--;
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return false;
	if (!slice_to_natural(word, MOST_PERCENT, percent))
		*percent = MOST_PERCENT;
	return true;
}

/* "50%", and "50" where it is said to be a weight. Of several the last counts, readable or not. */
static void read_weight(struct line *line, struct slice word)
{
	line->has_percent = read_percent(word, &line->percent);
	line->has_weight = !line->has_percent && slice_to_natural(word, MOST_WEIGHT, &line->weight);
	if (line->has_percent || line->has_weight)
		return;
	if (word.len == 0)
		warn(line, "Require <weight> or <weight%>.");
	else if (slice_to_natural(word, INT32_MAX, &line->weight))
		warn(line, "Absolute weight can only be between 0 and 256 inclusive.");
	else
		warn(line, is_digit(word) ? "Trailing garbage in weight string"
					  : "Empty weight string empty or preceded by garbage");
}

static void read_maxconn(struct line *line, struct slice word)
{
	line->has_maxconn = slice_to_natural(word, UINT32_MAX, &line->maxconn);
	if (word.len == 0)
		warn(line, "Require <maxconn>.");
	else if (!line->has_maxconn)
		warn(line, is_digit(word) ? "Trailing garbage in maxconn string"
					  : "maxconn string empty or preceded by garbage");
}

/* In HAProxy's order; "weight:" is known to it from 3.1 on. */
static void read_word(struct line *line, struct slice word)
{
	struct slice rest = word;

	if (read_state(line, word))
		return;
	if (is_digit(word) && memchr(word.ptr, '%', word.len)) {
		read_weight(line, word);
	} else if (begins(&rest, SLICE("maxconn:"))) {
		read_maxconn(line, rest);
	} else if (begins(&rest, SLICE("weight:"))) {
		read_weight(line, rest);
	} else if (line->unknown++ == 0) {
		line->error = word;
	}
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
		return false; /* the reason begins here */
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

/* ---- what is shown ---- */

static struct slice reason_of(struct slice rest)
{
	if (rest.len == 0 || rest.ptr[0] != '#')
		return SLICE("");
	return slice_trim(slice_from(rest, 1));
}

/* The columns agent_status and last_agt of HAProxy's statistics: what is worst is told. */
static void note(struct check_outcome *outcome, const struct line *line)
{
	struct slice trouble = line->unknown ? line->error : line->warning ? slice_of_string(line->warning) : SLICE("");
	struct slice more =
		line->reason.len == 0 || (line->health == RECORD_UP && trouble.len > 0) ? trouble : line->reason;

	outcome->why[0] = 0;
	outcome->status = line->health == RECORD_UP ? CHECK_L7OK : line->health ? CHECK_L7STS : CHECK_CHECKED;
	if (line->health)
		snprintf(outcome->why, sizeof(outcome->why), "via agent : %.*s%s%.*s%s", SLICE_ARGS(line->said),
			 more.len ? " (" : "", SLICE_ARGS(more), more.len ? ")" : "");
	else if (trouble.len > 0)
		snprintf(outcome->why, sizeof(outcome->why), "agent %s : %.*s",
			 line->unknown ? "reports an error" : "warns", SLICE_ARGS(trouble));
	for (char *at = outcome->why; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
}

/* HAProxy's order: states first, so that what the rest is about is known, and health last. */
void agent_apply(struct load *load, struct server *server, struct slice text, double now)
{
	struct line line = { 0 };
	struct record admin = { 0 }, rest = { 0 };
	struct slice word, whole;
	char why[160];
	size_t length = 0;

	while (length < text.len && !is_line_end(text.ptr[length]))
		length++;
	text.len = length;
	whole = text;
	snprintf(why, sizeof(why), "agent says \"%.*s\"", (int)(length < 100 ? length : 100), (const char *)text.ptr);
	while (take_word(&text, &word))
		read_word(&line, word);
	line.reason = reason_of(text);
	note(&server->state->agent, &line);
	server->state->agent_unknown += line.unknown;
	if (line.unknown)
		report_capture(load, server, SOURCE_AGENT, "has a word that is not known", whole);
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
	static const enum check_status statuses[] = { [PROBE_REFUSED] = CHECK_L4CON,
						      [PROBE_LATE] = CHECK_L4TOUT,
						      [PROBE_SILENT] = CHECK_L7TOUT,
						      [PROBE_ANSWERED] = CHECK_L7RSP };
	struct check_outcome *seen = &probe->server->state->agent;
	bool whole = outcome == PROBE_ANSWERED && agent_complete(answer);

	seen->status = statuses[outcome];
	seen->duration = now - probe->started;
	snprintf(seen->why, sizeof(seen->why), "%s", outcome == PROBE_REFUSED ? probe_why(probe) : "");
	if (whole)
		agent_apply(probe->load, probe->server, answer, now);
	if (outcome == PROBE_ANSWERED && !whole && answer.len > 0)
		report_capture(probe->load, probe->server, SOURCE_AGENT, "has no end", answer);
	if (outcome == PROBE_ANSWERED && !whole && answer.len > 0 && !probe->said_incomplete)
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
	.host = agent_host,
	.question = agent_question,
	.complete = agent_complete,
	.done = agent_done,
	.interval = agent_interval,
	.what = PROBED_AGENT,
	.most = MOST_ANSWER,
};
