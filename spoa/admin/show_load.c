/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show load`: what the policy knows of each server. */
#include <string.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

static double of(const _Atomic double *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static const char *age(const struct server_load *load, double now, char *text, size_t size)
{
	double reported = of(&load->reported);

	snprintf(text, size, reported < 0 ? "-" : "%.1f", now - reported);
	return text;
}

/* What a report may not have told. */
static const char *told(const _Atomic double *field, unsigned digits, char *text, size_t size)
{
	if (of(field) < 0)
		return "-";
	snprintf(text, size, "%.*f", (int)digits, of(field));
	return text;
}

/* By whom, and what was counted. */
static void put_report(FILE *out, const struct load_merged *merged)
{
	const struct load_report *report = &merged->report;
	const struct {
		unsigned bit;
		double value;
	} counted[] = { { LOAD_A, report->A }, { LOAD_C, report->C }, { LOAD_B, report->B } };

	fprintf(out, " %s", report->has ? load_source_name(merged->source) : "-");
	for (size_t i = 0; i < COUNT(counted); i++)
		fprintf(out, report->has & counted[i].bit ? " %.1f" : " -", counted[i].value);
	fputc('\n', out);
}

/* Of a shadow, the report is its server's. */
static void put(FILE *out, const struct server *server, double now)
{
	const struct server_load *load = &server->state->load;
	double under_way, est = select_in_flight(server, now, &under_way);
	int known = atomic_load_explicit(&load->known, memory_order_relaxed);
	char when[24], u[24], q[24];

	fprintf(out, "%s%s %s %s %s %s %s %s %.1f %.1f %.2f %.2f %.2f %llu", server->backend->name,
		server->real ? "(dry-run)" : "", server->name, server_status_name(server_status(server)),
		load_knowledge_name((enum load_knowledge)known), age(load, now, when, sizeof(when)),
		told(&load->u, 2, u, sizeof(u)), told(&load->q, 0, q, sizeof(q)), est, under_way, of(&load->mu),
		of(&load->dir), of(&server->backend->state->m),
		(unsigned long long)atomic_load_explicit(&load->booked, memory_order_relaxed));
	put_report(out, server->real ? &server->real->state->merged : &server->state->merged);
}

void show_load(struct session *session, FILE *out, char **words, size_t n)
{
	const struct fleet *fleet = session->admin->running->site.fleet;
	double now = clock_now();

	if (n > 0 && !fleet_find(fleet, words[0])) {
		fprintf(out, "Can't find backend.\n");
		return;
	}
	fprintf(out, "# be_name srv_name status load age u q est under_way mu dir m redirects source A C B\n");
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		if (n > 0 && strcmp(words[0], backend->name) != 0)
			continue;
		for (size_t j = 0; j < backend->n_servers; j++)
			put(out, backend->servers[j], now);
		for (size_t j = 0; backend->shadow && j < backend->n_servers; j++)
			put(out, backend->shadow->servers[j], now);
	}
}
