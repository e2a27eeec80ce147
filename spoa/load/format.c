/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

static bool has_line(struct slice body, struct slice beginning)
{
	struct slice line;

	while (slice_split(&body, '\n', &line))
		if (slice_starts(line, beginning))
			return true;
	return false;
}

static struct slice without_spaces_before(struct slice body)
{
	while (body.len > 0 && strchr(" \t\r\n", body.ptr[0]) && body.ptr[0])
		body = slice_from(body, 1);
	return body;
}

enum load_rejection format_read(const struct http_answer *answer, struct slice body, const struct metric *metric,
				struct format_memory *memory, double now, struct record *record)
{
	struct slice value;

	if (http_header(answer, SLICE("endpoint-load-metrics"), &value))
		return orca_read(value, metric, record);
	if (http_header(answer, SLICE("endpoint-load-metrics-bin"), &value))
		return orca_read_binary(value, metric, record);
	if (metric)
		return prometheus_read(body, metric, memory, now, record);
	body = without_spaces_before(body);
	if (slice_starts(body, SLICE("{")))
		return record_parse_json(body, record);
	if (slice_starts(body, SLICE("Active connections:")))
		return stub_status_read(body, record);
	if (has_line(body, SLICE("BusyWorkers:")))
		return apache_status_read(body, record);
	return REPORT_MALFORMED;
}
