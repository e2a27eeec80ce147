/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report of load in any of the forms that servers write: the first byte chooses the metric, what follows up to an empty
 * line is headers, the rest the body.
 * - What is taken has only figures that can be true; what is not taken leaves the server as it was.
 * - After any two reports the policy's figures are finite, and est, mu and scale not negative.
 */
#include <math.h>
#include <string.h>

#include "site.h"
#include "spoa/load/report.h"
#include "spoa/net/net.h"

#define METRICS 6u

static const char text[] = "frontend f\n bind 127.0.0.1:1\n default_backend web\n"
			   "backend web\n default-server load-stale 2s\n"
			   " server a 192.0.2.1:80 redir https://a.example load-check http /l\n"
			   " server b 192.0.2.1:80 redir https://b.example load-check http /l metric a\n"
			   " server c 192.0.2.1:80 redir https://c.example load-check http /l metric a_total max 2\n"
			   " server d 192.0.2.1:80 redir https://d.example load-check http /l metric 'a{b=\"c\",d!=\"e\"}' as A\n"
			   " server e 192.0.2.1:80 redir https://e.example load-check http /l metric named_metrics.a as u\n"
			   " server f 192.0.2.1:80 redir https://f.example load-check http /l metric 'a{b=\"\"}' as B\n";

static void check_figures(const struct load_report *report)
{
	must(!(report->has & LOAD_U) || (report->u >= 0 && report->u <= 1));
	must(!(report->has & LOAD_Q) || (report->q >= 0 && report->q <= 1e9));
	must(!(report->has & LOAD_A) || (report->A >= 0 && isfinite(report->A)));
	must(!(report->has & LOAD_B) || (report->B >= 0 && isfinite(report->B)));
	must(!(report->has & LOAD_C) || (report->C >= 0 && isfinite(report->C)));
}

static void check_server(const struct server *server)
{
	const struct server_load *load = &server->state->load;

	check_figures(&server->state->merged.report);
	must(isfinite(load->est) && load->est >= 0 && isfinite(load->z) && isfinite(load->mu) && load->mu >= 0);
	must(isfinite(load->dir) && isfinite(load->scale));
}

static void take(struct load *load, struct server *server, enum load_source source, struct slice answer, struct slice body,
		 double now)
{
	static struct format_memory memories[METRICS];
	double reported = server->state->load.reported;
	struct http_answer http = { .head = answer };
	struct record record = { 0 };
	enum load_rejection verdict =
		format_read(&http, body, server->load_check.metric, &memories[server->index], now, &record);

	if (verdict == REPORT_TAKEN)
		must(record.report.has == 0 || record_check(&record) == REPORT_TAKEN);
	if (report_take(load, server, source, verdict, &record, now) != REPORT_TAKEN)
		must(server->state->load.reported == reported);
	check_server(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site site;
	static struct log silent;
	static double now = SITE_NOW;
	struct load load = { .log = &silent };
	struct slice head, body;
	const uint8_t *gap;
	struct server *server;

	if (!site.arena) {
		site_of(&site, text);
		site.settings->log.n = 0;
	}
	if (size == 0)
		return 0;
	load.fleet = site.fleet;
	server = fleet_backend(site.fleet, 0)->servers[(data[0] & 7) % METRICS];
	gap = memmem(data + 1, size - 1, "\n\n", 2);
	head = slice_of(data + 1, gap ? (size_t)(gap - data) : size - 1);
	body = gap ? slice_of(gap + 2, size - 3 - (size_t)(gap - data) + 1) : slice_of(data + size, 0);
	take(&load, server, (enum load_source)(data[0] >> 3 & 1), head, body, now += 0.5);
	take(&load, server, (enum load_source)(data[0] >> 4 & 1), head, body, now += 0.5);
	return 0;
}
