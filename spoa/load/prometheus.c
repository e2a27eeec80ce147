/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prometheus' text format 0.0.4, and OpenMetrics as far as it is the same:
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
#include <math.h>

#include "format.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct slice *rest)
{
	while (rest->len > 0 && is_blank(rest->ptr[0]))
		*rest = slice_from(*rest, 1);
}

/* Up to the first byte of `ends`. */
static struct slice take_until(struct slice *rest, const char *ends)
{
	size_t length = 0;

	while (length < rest->len && !(rest->ptr[length] && strchr(ends, rest->ptr[length])))
		length++;
	*rest = slice_of(rest->ptr + length, rest->len - length);
	return slice_of(rest->ptr - length, length);
}

static bool take_byte(struct slice *rest, uint8_t byte)
{
	if (rest->len == 0 || rest->ptr[0] != byte)
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

/* A label's value up to its quote; what is escaped stays so, and is compared as it stands. */
static bool take_quoted(struct slice *rest, struct slice *value)
{
	size_t length = 0;

	while (length < rest->len && rest->ptr[length] != '"')
		length += rest->ptr[length] == '\\' ? 2 : 1;
	if (length >= rest->len)
		return false;
	*value = slice_of(rest->ptr, length);
	*rest = slice_from(*rest, length + 1);
	return true;
}

/* `met` has a bit for each label that was wanted and is there. */
static void compare_label(const struct metric *metric, struct slice name, struct slice value, uint64_t *met,
			  bool *selected)
{
	for (size_t i = 0; i < metric->n_labels && i < 64; i++) {
		const struct metric_label *wanted = &metric->labels[i];

		if (!slice_eq(wanted->name, name))
			continue;
		*met |= 1ull << i;
		*selected = *selected && slice_eq(wanted->value, value) != wanted->other;
	}
}

/* A label that is not there is as if it were empty. */
static bool absent_fit(const struct metric *metric, uint64_t met)
{
	for (size_t i = 0; i < metric->n_labels && i < 64; i++)
		if (!(met >> i & 1) && (metric->labels[i].value.len == 0) == metric->labels[i].other)
			return false;
	return true;
}

static bool take_labels(struct slice *rest, const struct metric *metric, bool *selected)
{
	struct slice name, value;
	uint64_t met = 0;

	*selected = true;
	if (take_byte(rest, '{')) {
		for (;;) {
			skip_blanks(rest);
			if (take_byte(rest, '}'))
				break;
			name = slice_trim(take_until(rest, "=}"));
			if (!take_byte(rest, '='))
				return false;
			skip_blanks(rest);
			if (!take_byte(rest, '"') || !take_quoted(rest, &value))
				return false;
			compare_label(metric, name, value, &met, selected);
			skip_blanks(rest);
			take_byte(rest, ',');
		}
	}
	*selected = *selected && absent_fit(metric, met);
	return true;
}

/* "name{labels} value [timestamp]", of which only lines of that name are looked at closely. */
static bool take_sample(struct slice line, const struct metric *metric, bool *selected, double *value)
{
	struct slice name = take_until(&line, "{ \t");

	*selected = false;
	if (!slice_eq(name, metric->name))
		return true;
	skip_blanks(&line);
	if (!take_labels(&line, metric, selected))
		return false;
	skip_blanks(&line);
	return number_parse(take_until(&line, " \t"), value);
}

/* "# TYPE name counter"; OpenMetrics leaves its _total out there. */
static bool is_counter_line(struct slice line, const struct metric *metric)
{
	struct slice name;

	if (!slice_starts(line, SLICE("# TYPE ")))
		return false;
	line = slice_from(line, 7);
	name = take_until(&line, " ");
	skip_blanks(&line);
	return slice_eq(line, SLICE("counter")) &&
	       (slice_eq(name, metric->name) ||
		(slice_starts(metric->name, name) && slice_eq(slice_from(metric->name, name.len), SLICE("_total"))));
}

void metric_take(const struct metric *metric, double value, struct record *record)
{
	unsigned as = metric->as ? metric->as : metric->max > 0 ? LOAD_U : LOAD_Q;
	double figure = metric->max > 0 ? value / metric->max : value;

	/* of what is more than the most, that is known: it is full */
	if (as == LOAD_U && metric->max > 0 && figure > 1 && isfinite(figure))
		figure = 1;
	record_set(record, as, report_figure(&record->report, as), figure);
}

/* A counter that stands for what is the case now does so by its rate: nothing to tell at first. */
static enum load_rejection take_rate(const struct metric *metric, double counter, struct format_memory *memory,
				     double now, struct record *record)
{
	double before = memory->counter, elapsed = now - memory->at;
	bool known = memory->has && elapsed > 0 && counter >= before;

	if (!(counter >= 0)) /* NaN too */
		return counter < 0 ? REPORT_NEGATIVE : REPORT_NAN;
	*memory = (struct format_memory){ counter, now, true };
	if (known)
		metric_take(metric, (counter - before) / elapsed, record);
	return known ? record_check(record) : REPORT_TAKEN;
}

enum load_rejection prometheus_read(struct slice body, const struct metric *metric, struct format_memory *memory,
				    double now, struct record *record)
{
	bool counter = slice_ends(metric->name, SLICE("_total")), found = false, selected;
	struct slice line;
	double sum = 0, value = 0;

	*record = (struct record){ 0 };
	while (slice_split(&body, '\n', &line)) {
		if (slice_ends(line, SLICE("\r")))
			line.len--;
		if (line.len == 0 || line.ptr[0] == '#') {
			counter = counter || is_counter_line(line, metric);
			continue;
		}
		if (!take_sample(line, metric, &selected, &value))
			return REPORT_MALFORMED;
		sum += selected ? value : 0;
		found = found || selected;
	}
	if (!found)
		return REPORT_EMPTY;
	if (counter && !(metric->as & (LOAD_A | LOAD_C | LOAD_B)))
		return take_rate(metric, sum, memory, now, record);
	metric_take(metric, sum, record);
	return record_check(record);
}
