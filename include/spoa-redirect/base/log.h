/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for the people who run the agent. One line is one write, so lines of several threads do not
 * mix; a target that cannot take it now loses the line instead of holding the thread, and the next
 * that it takes tells how many were lost.
 *
 * While the agent runs there is a queue: whoever is not the control thread leaves lines there, without a lock or a call of
 * the system, and the control thread writes them. Without one, at the start and in tests, each thread writes its own.
 */
#ifndef SPOA_REDIRECT_BASE_LOG_H
#define SPOA_REDIRECT_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "spoa-redirect/base/endpoint.h"
#include "spoa-redirect/base/slice.h"

/* syslog's severities (RFC 5424 6.2.1), HAProxy's names. */
enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

enum log_format {
	LOG_FORMAT_TIMED,
	LOG_FORMAT_RAW,
	LOG_FORMAT_SHORT,    /* "<level>" first, for systemd's journal */
	LOG_FORMAT_LOGFMT,   /* key=value */
	LOG_FORMAT_JSON,     /* an object each */
	LOG_FORMAT_PRIORITY, /* "<facility and level>" first */
	LOG_FORMAT_LOCAL,    /* as rfc3164, without the host: what /dev/log expects */
	LOG_FORMAT_RFC3164,
	LOG_FORMAT_RFC5424,
};

#define LOG_MAX_TARGETS 5u
#define LOG_MAX_LENGTH  4096u /* of a line */

struct log_target {
	int fd;             /* the caller's, unless */
	bool own;           /* log_open() made it */
	struct endpoint to; /* datagrams go there; length 0: lines to fd */
	enum log_format format;
	unsigned facility;    /* 0–23, RFC 5424 6.2.1 */
	enum log_level level; /* the least severe that is written */
	enum log_level most;  /* more severe ones count as this: HAProxy's minlevel */
	unsigned length;      /* of a line, at most; 0: LOG_MAX_LENGTH */
};

struct log_queue;

/* Where lines go; no target: nowhere. Filled before threads start, read by all. */
struct log {
	struct log_target targets[LOG_MAX_TARGETS];
	unsigned n;
	unsigned sample;         /* one decision of so many is logged; 0: none */
	atomic_uint *lost;       /* by target: lines, since one was written last; the caller's, NULL: not counted */
	struct log_queue *queue; /* log_open()'s; NULL: everybody writes */
};

/* The thread that calls this is the one that writes. NULL: out of memory. */
struct log_queue *log_queue_new(void);

/* Writes to the targets of `log` what others have left. That thread only, a few times a second. */
void log_queue_drain(struct log_queue *queue, const struct log *log);

/* Lines that were lost ever, because the queue was full or a target took none. Any thread. */
uint64_t log_queue_lost(const struct log_queue *queue);

/* With all others that might log gone. NULL is fine. */
void log_queue_free(struct log_queue *queue);

/*
 * Before other threads see it: sockets are made, and pipes and terminals get descriptors of the log's own that never block,
 * whatever others who share them want. Without (there is no /proc, or it is refused) a look at them goes before each line.
 * queue: NULL for none.
 */
void log_open(struct log *log, struct log_queue *queue);
void log_close(struct log *log);

void log_line(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Something to be looked for by machines: formats that have keys show these as keys, the others as key=value. */
struct log_field {
	const char *name;
	struct slice value; /* ptr NULL: it is left out */
};

void log_fields(const struct log *log, enum log_level level, const char *message, const struct log_field *fields,
		unsigned n);

/* "notice" → LOG_NOTICE; "local0" → 16. False: no such name. */
bool log_parse_level(const char *name, enum log_level *level);
bool log_parse_facility(const char *name, unsigned *facility);
bool log_parse_format(const char *name, enum log_format *format);

/*
 * Each control byte of a string, and what is no UTF-8, becomes '.': what comes from outside may hold them, and a terminal or
 * a log reader shall not obey. Any thread.
 */
void log_defuse(char *message);

#endif
