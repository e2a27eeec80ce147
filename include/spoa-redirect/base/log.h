/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for the people who run the agent. One line is one write, so lines of several threads do not
 * mix; a target that cannot take it now loses the line instead of holding the thread, and the next
 * that it takes tells how many were lost. Any thread.
 */
#ifndef SPOA_REDIRECT_BASE_LOG_H
#define SPOA_REDIRECT_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

/* syslog's severities (RFC 5424 6.2.1), HAProxy's names. */
enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

enum log_format { LOG_FORMAT_TIMED, LOG_FORMAT_RAW, LOG_FORMAT_SHORT, LOG_FORMAT_LOGFMT };

#define LOG_MAX_TARGETS 5u

struct log_target {
	int fd;   /* the caller's, unless */
	bool own; /* log_open() made it */
	enum log_format format;
	unsigned facility;    /* 0–23, RFC 5424 6.2.1 */
	enum log_level level; /* the least severe that is written */
};

/* Where lines go; no target: nowhere. Filled before threads start, read by all. */
struct log {
	struct log_target targets[LOG_MAX_TARGETS];
	unsigned n;
	atomic_uint *lost; /* lines, since one was written last; the caller's, NULL: not counted */
};

/*
 * Before threads start: pipes and terminals get descriptors of the log's own that never block, whatever others who share
 * them want. Without (there is no /proc, or it is refused) a look at them goes before each line.
 */
void log_open(struct log *log);
void log_close(struct log *log);

void log_line(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "notice" → LOG_NOTICE; "local0" → 16. False: no such name. */
bool log_parse_level(const char *name, enum log_level *level);
bool log_parse_facility(const char *name, unsigned *facility);
bool log_parse_format(const char *name, enum log_format *format);

#endif
