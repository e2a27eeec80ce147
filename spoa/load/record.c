/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define MOST_U      10.0 /* times what it can do: some say more than 1 when they have too much; beyond, it is per cent */
#define MOST_Q      1e9  /* requests at a time */
#define MOST_COUNT  9e15 /* a double counts no further one by one */
#define NUMBER_ROOM 64u

static const struct {
	const char *key;
	unsigned figure;
	double most;
} figures[] = {
	{ "q", LOAD_Q, MOST_Q },     { "A", LOAD_A, MOST_COUNT }, { "C", LOAD_C, MOST_COUNT },
	{ "B", LOAD_B, MOST_COUNT }, { "u", LOAD_U, MOST_U },
};

double *report_figure(struct load_report *report, unsigned figure)
{
	switch (figure) {
	case LOAD_Q:
		return &report->q;
	case LOAD_A:
		return &report->A;
	case LOAD_C:
		return &report->C;
	case LOAD_B:
		return &report->B;
	default:
		return &report->u;
	}
}

/* ---- numbers ---- */

bool number_parse(struct slice text, double *number)
{
	static const char *const words[] = { "NaN", "Inf", "+Inf", "-Inf" };
	static const double values[] = { NAN, INFINITY, INFINITY, -INFINITY };
	char copy[NUMBER_ROOM], *end;

	for (size_t i = 0; i < COUNT(words); i++)
		if (slice_eq(text, slice_of_string(words[i]))) {
			*number = values[i];
			return true;
		}
	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!text.ptr[i] || !strchr("+-.0123456789eE", text.ptr[i]))
			return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	*number = strtod(copy, &end);
	return *end == 0;
}

/* ---- JSON ---- */

static bool take_number(const json_t *object, const char *key, double *number, bool *there)
{
	const json_t *value = json_object_get(object, key);

	*there = value != NULL;
	if (value && !json_is_number(value))
		return false;
	if (value)
		*number = json_number_value(value);
	return true;
}

/* One word or more, as an agent's line has them. */
static bool take_state(const json_t *object, struct record *record)
{
	static const struct {
		struct slice word;
		enum record_health health;
		enum record_admin admin;
	} states[] = {
		{ SLICE("up"), RECORD_UP, RECORD_NO_ADMIN },        { SLICE("down"), RECORD_DOWN, RECORD_NO_ADMIN },
		{ SLICE("ready"), RECORD_NO_HEALTH, RECORD_READY }, { SLICE("drain"), RECORD_NO_HEALTH, RECORD_DRAIN },
		{ SLICE("maint"), RECORD_NO_HEALTH, RECORD_MAINT },
	};
	const json_t *value = json_object_get(object, "state");
	struct slice rest = slice_of(json_string_value(value), json_string_length(value)), word;

	if (value && !rest.ptr)
		return false;
	while (slice_split(&rest, ' ', &word)) {
		size_t i = 0;

		while (i < COUNT(states) && !slice_eq(word, states[i].word))
			i++;
		if (i == COUNT(states))
			return false;
		record->health = states[i].health ? states[i].health : record->health;
		record->admin = states[i].admin ? states[i].admin : record->admin;
	}
	return true;
}

static bool take_object(const json_t *object, struct record *record)
{
	bool there;

	for (size_t i = 0; i < COUNT(figures); i++) {
		if (!take_number(object, figures[i].key, report_figure(&record->report, figures[i].figure), &there))
			return false;
		record->report.has |= there ? figures[i].figure : 0;
	}
	if (!take_number(object, "capacity", &record->capacity, &there))
		return false;
	record->also |= there ? RECORD_CAPACITY : 0;
	if (!take_number(object, "t", &record->t, &there))
		return false;
	record->also |= there ? RECORD_T : 0;
	return take_state(object, record);
}

enum load_rejection record_parse_json(struct slice text, struct record *record)
{
	json_t *object = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	bool good;

	*record = (struct record){ 0 };
	good = json_is_object(object) && take_object(object, record);
	json_decref(object);
	return good ? record_check(record) : REPORT_MALFORMED;
}

/* ---- what cannot be true ---- */

static enum load_rejection check_number(double value, double most)
{
	if (isnan(value))
		return REPORT_NAN;
	if (value < 0)
		return REPORT_NEGATIVE;
	return value > most ? REPORT_IMPOSSIBLE : REPORT_TAKEN;
}

enum load_rejection record_check(const struct record *record)
{
	const struct load_report *report = &record->report;
	struct record copy = *record;
	enum load_rejection wrong = REPORT_TAKEN;

	if (report->has & LOAD_U && report->u > MOST_U && isfinite(report->u))
		return REPORT_PERCENT;
	for (size_t i = 0; wrong == REPORT_TAKEN && i < COUNT(figures); i++)
		if (report->has & figures[i].figure)
			wrong = check_number(*report_figure(&copy.report, figures[i].figure), figures[i].most);
	if (wrong == REPORT_TAKEN && record->also & RECORD_CAPACITY)
		wrong = check_number(record->capacity, MOST_Q);
	if (wrong == REPORT_TAKEN && record->also & RECORD_RATE)
		wrong = check_number(record->rate, MOST_Q);
	if (wrong == REPORT_TAKEN && record->also & RECORD_T && !isfinite(record->t))
		wrong = REPORT_NAN;
	if (wrong != REPORT_TAKEN)
		return wrong;
	if ((report->has & (LOAD_A | LOAD_C)) == (LOAD_A | LOAD_C) && report->C > report->A)
		return REPORT_IMPOSSIBLE;
	if (record->also & RECORD_CAPACITY && record->capacity == 0)
		return REPORT_IMPOSSIBLE;
	return report->has || record->also & RECORD_RATE || record->health || record->admin ? REPORT_TAKEN
											    : REPORT_EMPTY;
}
