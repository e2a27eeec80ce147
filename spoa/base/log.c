/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* How long the character of UTF-8 is that begins here; 0: none does. C1's control characters are none. */
static size_t character(const unsigned char *at)
{
	size_t length = at[0] < 0x80   ? 1
			: at[0] < 0xc2 ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
			: at[0] < 0xf5 ? 4
				       : 0;

	if (at[0] == 0xc2 && at[1] < 0xa0)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* What comes from outside may hold control bytes; a terminal or a log reader shall not obey them. */
static void defuse(char *message)
{
	while (*message) {
		size_t length = character((const unsigned char *)message);

		if (length == 0 || (unsigned char)*message < ' ' || *message == 0x7f) {
			*message = '.';
			length = 1;
		}
		message += length;
	}
}

/* ---- targets ---- */

void log_open(struct log *log)
{
	for (unsigned i = 0; i < log->n; i++) {
		struct log_target *target = &log->targets[i];
		struct stat status;
		char path[40];
		int fd;

		if (fstat(target->fd, &status) < 0 || !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", target->fd);
		fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			continue;
		target->fd = fd;
		target->own = true;
	}
}

void log_close(struct log *log)
{
	for (unsigned i = 0; i < log->n; i++)
		if (log->targets[i].own)
			close(log->targets[i].fd);
	log->n = 0;
}

/* A line is shorter than PIPE_BUF: a pipe takes all of it or nothing. */
static bool put(const struct log_target *target, const char *line, size_t length)
{
	struct pollfd writable = { target->fd, POLLOUT, 0 };
	ssize_t sent = send(target->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno == ENOTSOCK && (target->own || poll(&writable, 1, 0) == 1))
		sent = write(target->fd, line, length);
	return sent >= 0;
}

static bool put_message(const struct log_target *target, enum log_level level, const char *message)
{
	char line[2048];
	int length = format_line(line, sizeof(line), target, level, message);

	if (length > (int)sizeof(line) - 1) {
		length = (int)sizeof(line) - 1;
		line[length - 1] = '\n';
	}
	return put(target, line, (size_t)length);
}

static void put_lost(const struct log *log, const struct log_target *target)
{
	unsigned lost = log->lost && atomic_load(log->lost) ? atomic_exchange(log->lost, 0) : 0;
	char message[60];

	if (lost == 0)
		return;
	snprintf(message, sizeof(message), "%u log lines were lost: nobody read them in time", lost);
	if (!put_message(target, LOG_WARNING, message))
		atomic_fetch_add(log->lost, lost);
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	char message[900];
	va_list args;

	if (!log || log->n == 0)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	defuse(message);
	for (unsigned i = 0; i < log->n; i++) {
		const struct log_target *target = &log->targets[i];

		if (level > target->level)
			continue;
		put_lost(log, target);
		if (!put_message(target, level, message) && log->lost)
			atomic_fetch_add(log->lost, 1);
	}
}
