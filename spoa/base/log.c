/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spoa-redirect/base/slice.h"

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

static const char *const facilities[] = {
	"kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
	"uucp",   "cron",   "auth2",  "ftp",    "ntp",    "audit",  "alert",  "cron2",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
};

static const char *const formats[] = { "timed", "raw", "short", "logfmt" };

static bool find_name(const char *const *names, size_t n, const char *name, unsigned *found)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*found = (unsigned)i;
		return true;
	}
	return false;
}

bool log_parse_level(const char *name, enum log_level *level)
{
	unsigned found;

	if (!find_name(levels, COUNT(levels), name, &found))
		return false;
	*level = (enum log_level)found;
	return true;
}

bool log_parse_facility(const char *name, unsigned *facility)
{
	return find_name(facilities, COUNT(facilities), name, facility);
}

bool log_parse_format(const char *name, enum log_format *format)
{
	unsigned found;

	if (!find_name(formats, COUNT(formats), name, &found))
		return false;
	*format = (enum log_format)found;
	return true;
}

/* Quotes and backslashes of the message, so that a logfmt reader gets it back. */
static void quote(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && used + 3 < size; text++) {
		if (*text == '"' || *text == '\\')
			out[used++] = '\\';
		out[used++] = *text;
	}
	out[used] = 0;
}

static int format_line(char *line, size_t size, const struct log_target *target, enum log_level level,
		       const char *message)
{
	char when[40], quoted[1900];
	struct timespec now;
	struct tm tm;

	if (target->format == LOG_FORMAT_RAW)
		return snprintf(line, size, "%s\n", message);
	if (target->format == LOG_FORMAT_SHORT)
		return snprintf(line, size, "<%d>%s\n", (int)level, message);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	if (target->format == LOG_FORMAT_TIMED)
		return snprintf(line, size, "%s.%03ldZ [%s] %s\n", when, now.tv_nsec / 1000000, levels[level], message);
	quote(quoted, sizeof(quoted), message);
	return snprintf(line, size, "time=%s.%03ldZ level=%s msg=\"%s\"\n", when, now.tv_nsec / 1000000, levels[level],
			quoted);
}

/* What comes from outside may hold control bytes; a terminal or a log reader shall not obey them. */
static void defuse(char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < ' ' || *message == 0x7f)
			*message = '.';
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	char message[900], line[2048];
	va_list args;

	if (!log || log->n == 0)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	defuse(message);
	for (unsigned i = 0; i < log->n; i++) {
		const struct log_target *target = &log->targets[i];
		int length;

		if (level > target->level)
			continue;
		length = format_line(line, sizeof(line), target, level, message);
		if (length > (int)sizeof(line) - 1)
			length = (int)sizeof(line) - 1;
		if (write(target->fd, line, (size_t)length) < 0)
			continue; /* a reader that left or is full costs the line, nothing else */
	}
}
