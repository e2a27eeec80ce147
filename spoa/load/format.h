/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How web servers and exporters write their load. Each function reads one form: pure, of bytes alone, and takes all that
 * it knows of it or nothing. Forms are told apart by format_read().
 */
#ifndef SPOA_LOAD_FORMAT_H
#define SPOA_LOAD_FORMAT_H

#include "record.h"
#include "http.h"

/* What a counter said last, for a metric that is the rate of one. */
struct format_memory {
	double counter, at;
	bool has;
};

/* nginx's stub_status: https://nginx.org/en/docs/http/ngx_http_stub_status_module.html */
enum load_rejection stub_status_read(struct slice body, struct record *record);

/* Apache's mod_status with ?auto: "Key: value" lines; q counts what is still being written by connections without a worker. */
enum load_rejection apache_status_read(struct slice body, struct record *record);

/*
 * ORCA's OrcaLoadReport in the header endpoint-load-metrics, as "TEXT a=1, b:2", "JSON {…}" or "BIN <base64>", or in
 * endpoint-load-metrics-bin. metric: NULL, or one of its figures by name, "named_metrics.queue".
 */
enum load_rejection orca_read(struct slice value, const struct metric *metric, struct record *record);
enum load_rejection orca_read_binary(struct slice base64, const struct metric *metric, struct record *record);

/* The text format of Prometheus and OpenMetrics: the sum of the samples that the metric selects. */
enum load_rejection prometheus_read(struct slice body, const struct metric *metric, struct format_memory *memory,
				    double now, struct record *record);

/* Value as what the metric says it is. */
void metric_take(const struct metric *metric, double value, struct record *record);

/* A whole answer, by what it turns out to be; body: without chunks. */
enum load_rejection format_read(const struct http_answer *answer, struct slice body, const struct metric *metric,
				struct format_memory *memory, double now, struct record *record);

#endif
