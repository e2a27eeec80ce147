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

#include "log_entry.h"

#define MAX_MESSAGE 900u

static const char *const facilities[] = {
	"kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
	"uucp",   "cron",   "auth2",  "ftp",    "ntp",    "audit",  "alert",  "cron2",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
};

bool log_parse_level(const char *name, enum log_level *level)
{
	for (unsigned i = LOG_EMERG; i <= LOG_DEBUG; i++) {
		if (strcmp(log_level_name((enum log_level)i), name) != 0)
			continue;
		*level = (enum log_level)i;
		return true;
	}
	return false;
}

bool log_parse_facility(const char *name, unsigned *facility)
{
	for (unsigned i = 0; i < COUNT(facilities); i++) {
		if (strcmp(facilities[i], name) != 0)
			continue;
		*facility = i;
		return true;
	}
	return false;
}

/* ---- what is said ---- */

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

void log_defuse(char *message)
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

void log_entry_message(struct log_entry *entry, enum log_level level, const char *format, va_list args)
{
	int length = vsnprintf(entry->text, MAX_MESSAGE, format, args);

	clock_gettime(CLOCK_REALTIME, &entry->when);
	entry->level = level;
	entry->n_fields = 0;
	log_defuse(entry->text);
	entry->message = length < 0 ? 0 : length < (int)MAX_MESSAGE ? (unsigned)length : MAX_MESSAGE - 1;
	entry->used = entry->message + 1;
}

void log_entry_field(struct log_entry *entry, const struct log_field *field)
{
	size_t name = strlen(field->name) + 1, left = sizeof(entry->text) - entry->used, value = field->value.len;
	char *to = entry->text + entry->used;

	if (!field->value.ptr || left < name + 1)
		return;
	if (value > left - name - 1)
		value = left - name - 1;
	memcpy(to, field->name, name);
	for (size_t i = 0; i < value; i++)
		to[name + i] = field->value.ptr[i] ? (char)field->value.ptr[i] : '.';
	to[name + value] = 0;
	log_defuse(to + name);
	entry->used += (unsigned)(name + value + 1);
	entry->n_fields++;
}

/* ---- targets ---- */

static int open_socket(const struct log_target *target)
{
	return socket(target->to.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* −1: the one that there is will do. */
static int open_again(const struct log_target *target)
{
	struct stat status;
	char path[40];

	if (fstat(target->fd, &status) < 0 || !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", target->fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_open(struct log *log, struct log_queue *queue)
{
	log->queue = queue;
	for (unsigned i = 0; i < log->n; i++) {
		struct log_target *target = &log->targets[i];
		int fd = target->to.length > 0 ? open_socket(target) : open_again(target);

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

/* A line is no longer than PIPE_BUF: a pipe takes all of it or nothing. */
static bool put(const struct log_target *target, const char *line, size_t length)
{
	struct pollfd writable = { target->fd, POLLOUT, 0 };
	ssize_t sent;

	if (target->to.length > 0)
		return sendto(target->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL, &target->to.any,
			      target->to.length) >= 0;
	sent = send(target->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno == ENOTSOCK && (target->own || poll(&writable, 1, 0) == 1))
		sent = write(target->fd, line, length);
	return sent >= 0;
}

static bool put_entry(const struct log_target *target, const struct log_entry *entry)
{
	char line[LOG_MAX_LENGTH];
	size_t length = log_entry_format(entry, target, line, sizeof(line) - 1);

	if (target->to.length == 0)
		line[length++] = '\n';
	return put(target, line, length);
}

static void fill(struct log_entry *entry, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fill(struct log_entry *entry, enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_entry_message(entry, level, format, args);
	va_end(args);
}

static void put_lost(const struct log_target *target, atomic_uint *sum)
{
	unsigned lost = atomic_load(sum) ? atomic_exchange(sum, 0) : 0;
	struct log_entry entry;

	if (lost == 0)
		return;
	fill(&entry, LOG_WARNING, "%u log lines were lost: nobody read them in time", lost);
	if (!put_entry(target, &entry))
		atomic_fetch_add(sum, lost);
}

void log_write(const struct log *log, const struct log_entry *entry)
{
	for (unsigned i = 0; i < log->n; i++) {
		const struct log_target *target = &log->targets[i];

		if (entry->level > target->level)
			continue;
		if (log->lost)
			put_lost(target, &log->lost[i]);
		if (put_entry(target, entry))
			continue;
		if (log->lost)
			atomic_fetch_add(&log->lost[i], 1);
		if (log->queue)
			log_queue_count_lost(log->queue);
	}
}

/* ---- lines ---- */

static bool is_wanted(const struct log *log, enum log_level level)
{
	for (unsigned i = 0; log && i < log->n; i++)
		if (level <= log->targets[i].level)
			return true;
	return false;
}

/* Where the caller may fill one: in the queue, or in its own. NULL: nowhere. */
static struct log_entry *begin(const struct log *log, enum log_level level, struct log_entry *own, uint64_t *ticket)
{
	if (!is_wanted(log, level))
		return NULL;
	return log->queue && !log_queue_is_owner(log->queue) ? log_queue_begin(log->queue, ticket) : own;
}

/* What others left before comes before. */
static void end(const struct log *log, const struct log_entry *entry, const struct log_entry *own, uint64_t ticket)
{
	if (entry != own) {
		log_queue_commit(log->queue, ticket);
		return;
	}
	if (log->queue)
		log_queue_drain(log->queue, log);
	log_write(log, entry);
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	struct log_entry own, *entry;
	uint64_t ticket;
	va_list args;

	entry = begin(log, level, &own, &ticket);
	if (!entry)
		return;
	va_start(args, format);
	log_entry_message(entry, level, format, args);
	va_end(args);
	end(log, entry, &own, ticket);
}

void log_fields(const struct log *log, enum log_level level, const char *message, const struct log_field *fields,
		unsigned n)
{
	struct log_entry own, *entry;
	uint64_t ticket;

	entry = begin(log, level, &own, &ticket);
	if (!entry)
		return;
	fill(entry, level, "%s", message);
	for (unsigned i = 0; i < n; i++)
		log_entry_field(entry, &fields[i]);
	end(log, entry, &own, ticket);
}
