/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a line looks: a function for what stands before the message, or for the whole of it, a row each. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log_entry.h"

#define PROGRAM  "spoa-redirect"
#define HOSTNAME 64u

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

const char *log_level_name(enum log_level level)
{
	return levels[level];
}

/* What is written counts on beyond the room, so that one learns how much too long it is. */
struct line {
	char *to;
	size_t room, used;
	const struct log_target *target;
	enum log_level level;
};

static void put(struct line *line, const char *text, size_t length)
{
	if (line->used < line->room)
		memcpy(line->to + line->used, text,
		       line->room - line->used < length ? line->room - line->used : length);
	line->used += length;
}

static void put_string(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* ---- what stands before ---- */

static void put_utc(struct line *line, const struct log_entry *entry, int digits)
{
	char when[40];
	struct tm tm;
	size_t length;

	gmtime_r(&entry->when.tv_sec, &tm);
	length = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + length, sizeof(when) - length, ".%09ld", entry->when.tv_nsec);
	put(line, when, length + 1 + (size_t)digits);
	put(line, "Z", 1);
}

static void put_number(struct line *line, const char *format, unsigned number)
{
	char text[32];

	snprintf(text, sizeof(text), format, number);
	put_string(line, text);
}

static void before_nothing(struct line *line, const struct log_entry *entry)
{
	(void)line;
	(void)entry;
}

static void before_timed(struct line *line, const struct log_entry *entry)
{
	put_utc(line, entry, 3);
	put(line, " [", 2);
	put_string(line, levels[line->level]);
	put(line, "] ", 2);
}

static void before_short(struct line *line, const struct log_entry *entry)
{
	(void)entry;
	put_number(line, "<%u>", line->level);
}

static void before_priority(struct line *line, const struct log_entry *entry)
{
	(void)entry;
	put_number(line, "<%u>", line->target->facility * 8 + line->level);
}

/* RFC 3164 4.1.2: local time, and a day of two places. */
static void before_local(struct line *line, const struct log_entry *entry)
{
	char when[40];
	struct tm tm;

	before_priority(line, entry);
	localtime_r(&entry->when.tv_sec, &tm);
	put(line, when, strftime(when, sizeof(when), "%b %e %H:%M:%S ", &tm));
}

static void put_host(struct line *line)
{
	char host[HOSTNAME] = "";

	gethostname(host, sizeof(host) - 1);
	put_string(line, *host ? host : "-");
}

static void put_tag(struct line *line)
{
	put_number(line, PROGRAM "[%u]: ", (unsigned)getpid());
}

static void before_tag(struct line *line, const struct log_entry *entry)
{
	before_local(line, entry);
	put_tag(line);
}

static void before_rfc3164(struct line *line, const struct log_entry *entry)
{
	before_local(line, entry);
	put_host(line);
	put(line, " ", 1);
	put_tag(line);
}

/* PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA: RFC 5424 6. */
static void before_rfc5424(struct line *line, const struct log_entry *entry)
{
	before_priority(line, entry);
	put(line, "1 ", 2);
	put_utc(line, entry, 6);
	put(line, " ", 1);
	put_host(line);
	put_number(line, " " PROGRAM " %u - - ", (unsigned)getpid());
}

/* ---- the message and its fields ---- */

static void put_quoted(struct line *line, const char *text, size_t length)
{
	put(line, "\"", 1);
	for (const char *end = text + length; text < end; text++) {
		if (*text == '"' || *text == '\\')
			put(line, "\\", 1);
		put(line, text, 1);
	}
	put(line, "\"", 1);
}

static void put_value(struct line *line, const char *value)
{
	if (*value && !value[strcspn(value, " \"=\\")])
		put_string(line, value);
	else
		put_quoted(line, value, strlen(value));
}

static void put_pairs(struct line *line, const struct log_entry *entry)
{
	const char *at = entry->text + entry->message + 1;

	for (unsigned i = 0; i < entry->n_fields; i++) {
		put(line, " ", 1);
		put_string(line, at);
		put(line, "=", 1);
		at += strlen(at) + 1;
		put_value(line, at);
		at += strlen(at) + 1;
	}
}

static void write_logfmt(struct line *line, const struct log_entry *entry)
{
	put_string(line, "time=");
	put_utc(line, entry, 3);
	put_string(line, " level=");
	put_string(line, levels[line->level]);
	put_string(line, " msg=");
	put_quoted(line, entry->text, entry->message);
	put_pairs(line, entry);
}

/* There is nothing left to escape but these two: log.c lets no control byte in. */
static void write_json(struct line *line, const struct log_entry *entry)
{
	const char *at = entry->text + strlen(entry->text) + 1;

	put_string(line, "{\"time\":\"");
	put_utc(line, entry, 3);
	put_string(line, "\",\"level\":\"");
	put_string(line, levels[line->level]);
	put_string(line, "\",\"msg\":");
	put_quoted(line, entry->text, entry->message);
	for (unsigned i = 0; i < entry->n_fields; i++) {
		put(line, ",", 1);
		put_quoted(line, at, strlen(at));
		put(line, ":", 1);
		at += strlen(at) + 1;
		put_quoted(line, at, strlen(at));
		at += strlen(at) + 1;
	}
	put(line, "}", 1);
}

static const struct {
	const char *name;
	void (*before)(struct line *line, const struct log_entry *entry);
	void (*whole)(struct line *line, const struct log_entry *entry);
} formats[] = {
	[LOG_FORMAT_TIMED] = { "timed", before_timed, NULL },
	[LOG_FORMAT_RAW] = { "raw", before_nothing, NULL },
	[LOG_FORMAT_SHORT] = { "short", before_short, NULL },
	[LOG_FORMAT_LOGFMT] = { "logfmt", NULL, write_logfmt },
	[LOG_FORMAT_JSON] = { "json", NULL, write_json },
	[LOG_FORMAT_PRIORITY] = { "priority", before_priority, NULL },
	[LOG_FORMAT_LOCAL] = { "local", before_tag, NULL },
	[LOG_FORMAT_RFC3164] = { "rfc3164", before_rfc3164, NULL },
	[LOG_FORMAT_RFC5424] = { "rfc5424", before_rfc5424, NULL },
};

bool log_parse_format(const char *name, enum log_format *format)
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		if (strcmp(formats[i].name, name) != 0)
			continue;
		*format = (enum log_format)i;
		return true;
	}
	return false;
}

/* ---- the line ---- */

static size_t write_line(const struct log_entry *entry, const struct log_target *target, char *to, size_t room)
{
	struct line line = { to, room, 0, target, entry->level > target->most ? entry->level : target->most };

	if (formats[target->format].whole) {
		formats[target->format].whole(&line, entry);
		return line.used;
	}
	formats[target->format].before(&line, entry);
	put(&line, entry->text, entry->message);
	put_pairs(&line, entry);
	return line.used;
}

/* Bytes of the message that may stay when so many have to go; a character stays whole. */
static unsigned shorten(const struct log_entry *entry, size_t by)
{
	unsigned length = entry->message > by ? entry->message - (unsigned)by : 0;

	while (length > 0 && (entry->text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

/* Too long, it is the message that is cut, so that what ends the line and what is looked for stay. */
size_t log_entry_format(const struct log_entry *entry, const struct log_target *target, char *to, size_t room)
{
	size_t limit = target->length && target->length < room ? target->length : room;
	size_t length = write_line(entry, target, to, limit);
	struct log_entry shorter;

	if (length <= limit)
		return length;
	shorter = *entry;
	shorter.message = shorten(entry, length - limit);
	/* put_pairs() looks behind the message */
	memmove(shorter.text + shorter.message, entry->text + entry->message, entry->used - entry->message);
	shorter.used -= entry->message - shorter.message;
	length = write_line(&shorter, target, to, limit);
	return length < limit ? length : limit;
}
