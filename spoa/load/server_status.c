/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status pages of nginx and Apache. */
#include "format.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice take_word(struct slice *rest)
{
	size_t from = 0, to;

	while (from < rest->len && is_space(rest->ptr[from]))
		from++;
	for (to = from; to < rest->len && !is_space(rest->ptr[to]); to++)
		continue;
	*rest = slice_of(rest->ptr + to, rest->len - to);
	return slice_of(rest->ptr - (to - from), to - from);
}

static bool take_words(struct slice *rest, struct slice words)
{
	struct slice word;

	while ((word = take_word(&words)).len > 0)
		if (!slice_eq(take_word(rest), word))
			return false;
	return true;
}

static bool take_count(struct slice *rest, uint64_t *count)
{
	return slice_to_natural(take_word(rest), 1ull << 53, count);
}

/* ---- nginx ---- */

/*
 * Active connections: 291
 * server accepts handled requests
 *  16630948 16630948 31070465
 * Reading: 6 Writing: 179 Waiting: 106
 */
enum load_rejection stub_status_read(struct slice body, struct record *record)
{
	uint64_t active, accepts, handled, requests, reading, writing, waiting;

	*record = (struct record){ .counts_us = true };
	if (!take_words(&body, SLICE("Active connections:")) || !take_count(&body, &active) ||
	    !take_words(&body, SLICE("server accepts handled requests")) || !take_count(&body, &accepts) ||
	    !take_count(&body, &handled) || !take_count(&body, &requests) || !take_words(&body, SLICE("Reading:")) ||
	    !take_count(&body, &reading) || !take_words(&body, SLICE("Writing:")) || !take_count(&body, &writing) ||
	    !take_words(&body, SLICE("Waiting:")) || !take_count(&body, &waiting))
		return REPORT_MALFORMED;
	/* the question itself is being written */
	record_set(record, LOAD_Q, &record->report.q, reading + writing > 0 ? (double)(reading + writing - 1) : 0);
	record_set(record, LOAD_A, &record->report.A, (double)requests);
	return record_check(record);
}

/* ---- Apache ---- */

enum { ACCESSES = 1, DURATION = 2, BUSY = 4, IDLE = 8, WRITING = 16 };

struct apache {
	unsigned has;
	double accesses, milliseconds, busy, idle, writing;
};

static bool take_key(struct apache *apache, struct slice key, struct slice value)
{
	const struct {
		struct slice key;
		unsigned bit;
		double *field;
	} keys[] = {
		{ SLICE("Total Accesses"), ACCESSES, &apache->accesses },
		{ SLICE("Total Duration"), DURATION, &apache->milliseconds },
		{ SLICE("BusyWorkers"), BUSY, &apache->busy },
		{ SLICE("IdleWorkers"), IDLE, &apache->idle },
		{ SLICE("ConnsAsyncWriting"), WRITING, &apache->writing },
	};

	for (size_t i = 0; i < COUNT(keys); i++) {
		if (!slice_eq(key, keys[i].key))
			continue;
		apache->has |= keys[i].bit;
		return number_parse(value, keys[i].field);
	}
	return true;
}

enum load_rejection apache_status_read(struct slice body, struct record *record)
{
	struct apache apache = { 0 };
	struct slice line, key;
	double q;

	*record = (struct record){ .counts_us = true };
	while (slice_split(&body, '\n', &line)) {
		if (slice_ends(line, SLICE("\r")))
			line.len--;
		if (slice_split(&line, ':', &key) && line.ptr && !take_key(&apache, key, slice_trim(line)))
			return REPORT_MALFORMED;
	}
	if (!(apache.has & BUSY))
		return REPORT_MALFORMED;
	/* one worker is busy with the question itself */
	q = apache.busy - 1 + apache.writing;
	record_set(record, LOAD_Q, &record->report.q, q == -1 ? 0 : q);
	if (apache.has & IDLE && apache.busy + apache.idle > 0)
		record_set(record, LOAD_U, &record->report.u, apache.busy / (apache.busy + apache.idle));
	if (apache.has & ACCESSES)
		record_set(record, LOAD_C, &record->report.C, apache.accesses);
	if (apache.has & DURATION)
		record_set(record, LOAD_B, &record->report.B, apache.milliseconds / 1000);
	return record_check(record);
}
