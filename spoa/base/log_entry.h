/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One message on its way to the targets: what the log's files share. */
#ifndef SPOA_BASE_LOG_ENTRY_H
#define SPOA_BASE_LOG_ENTRY_H

#include <stdarg.h>
#include <time.h>

#include "spoa-redirect/base/log.h"

#define LOG_TEXT 960u

/* Without a control byte of anybody's, and valid UTF-8. */
struct log_entry {
	struct timespec when;
	enum log_level level;
	unsigned n_fields;
	unsigned message, used; /* bytes */
	char text[LOG_TEXT];    /* the message, then name and value of each field, each with a NUL behind */
};

void log_entry_message(struct log_entry *entry, enum log_level level, const char *format, va_list args);

/* What does not fit is cut. */
void log_entry_field(struct log_entry *entry, const struct log_field *field);

/* ---- log_format.c ---- */

const char *log_level_name(enum log_level level);

/* The line as the target wants it, without an end of line; its length, at most `room`. */
size_t log_entry_format(const struct log_entry *entry, const struct log_target *target, char *to, size_t room);

/* ---- log_queue.c ---- */

/* Whether the caller is the one that writes. */
bool log_queue_is_owner(const struct log_queue *queue);

/* Room for one, to be filled and handed over. NULL: full; it was counted. */
struct log_entry *log_queue_begin(struct log_queue *queue, uint64_t *ticket);
void log_queue_commit(struct log_queue *queue, uint64_t ticket);

void log_queue_count_lost(struct log_queue *queue);

/* ---- log.c ---- */

void log_write(const struct log *log, const struct log_entry *entry);

#endif
