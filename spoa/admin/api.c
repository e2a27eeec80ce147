/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /v1 tells. Names of members are those of openapi.json, and a test holds both together. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"
#include "web.h"

static const struct site *site_of(const struct web *web)
{
	return &web->admin->running->site;
}

static uint64_t booked_by(const struct server *server)
{
	return atomic_load_explicit(&server->state->load.booked, memory_order_relaxed);
}

static json_int_t number(uint64_t value)
{
	return (json_int_t)value;
}

static json_t *place(struct config_place at)
{
	return json_pack("{s:o, s:i}", "file", web_text(slice_of_string(at.file ? at.file : "")), "line", (int)at.line);
}

/* ---- the process ---- */

static json_t *reasons(const struct net_sums *sums)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < REASONS; i++)
		json_object_set_new(all, answer_reason_name(i), json_integer(number(sums->decisions[i])));
	return all;
}

static json_t *configuration(const struct admin *admin)
{
	json_t *files = json_array();

	for (size_t i = 0; i < admin->about.n_files; i++)
		json_array_append_new(files, web_text(slice_of_string(admin->about.files[i])));
	return json_pack("{s:o, s:o, s:I, s:I}", "files", files, "age", web_real(clock_now() - admin->running->since),
			 "reloads", number(reload_count(admin->reload, true)), "failed_reloads",
			 number(reload_count(admin->reload, false)));
}

/* Of the last seconds, a second. */
static json_t *rates(const struct history_second *recent)
{
	json_t *all = json_object();
	double sum = 0;

	for (unsigned i = 0; i < REASONS; i++) {
		sum += recent->reasons[i];
		json_object_set_new(all, answer_reason_name(i),
				    recent->took > 0 ? web_real(recent->reasons[i] / recent->took) : json_null());
	}
	return json_pack("{s:o, s:o, s:o}", "seconds", web_real(recent->took), "decisions",
			 recent->took > 0 ? web_real(sum / recent->took) : json_null(), "reasons", all);
}

static json_t *answer_times(const struct history_second *recent)
{
	return json_pack("{s:o, s:o}", "p50", web_real(history_quantile(recent, 0.5)), "p99",
			 web_real(history_quantile(recent, 0.99)));
}

static json_t *connections(const struct net_sums *sums)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "now", number(sums->connections), "limit", number(sums->maxconn),
			 "total", number(sums->accepted), "full", number(sums->full), "starved", number(sums->starved));
}

static json_t *process(const struct admin *admin)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	return json_pack("{s:s, s:s, s:o, s:i, s:s, s:o, s:b}", "version", admin->about.version, "released",
			 admin->about.date, "host", web_text(slice_of_string(host)), "pid", (int)getpid(), "run",
			 admin->run, "uptime", web_real(clock_now() - admin->started), "stopping", admin->stopping);
}

void api_state(struct web *web)
{
	const struct admin *admin = web->admin;
	struct history_second recent = history_recent(admin->history, HISTORY_RECENT);
	struct net_sums sums;

	net_sum(admin->running->net, &sums);
	web_json(web, json_pack("{s:o, s:i, s:o, s:o, s:I, s:o, s:o, s:o}", "process", process(admin), "workers",
				(int)sums.workers, "configuration", configuration(admin), "connections",
				connections(&sums), "notifies", number(sums.counts[NET_NOTIFIES]), "decisions",
				reasons(&sums), "rates", rates(&recent), "answer_time", answer_times(&recent)));
}

/* ---- frontends ---- */

/* A line that chooses: "use_backend", "default_backend" or "redirect-unless". */
static json_t *line_of(const struct frontend *frontend, const struct rule *rule, const char *keyword, double now)
{
	double last;
	uint64_t hits = frontend_hits(frontend, rule, &last);

	return json_pack("{s:s, s:o, s:o, s:o*, s:I, s:o}", "keyword", keyword, "words",
			 web_text(slice_of_string(rule->words ? rule->words : "")), "place", place(rule->place),
			 "backend", rule->backend ? web_text(slice_of_string(rule->backend)) : NULL, "hits",
			 number(hits), "last_hit", last > 0 ? web_real(now - last) : json_null());
}

static json_t *messages_of(const struct frontend *frontend)
{
	json_t *messages = json_array();

	for (size_t i = 0; i < frontend->n_messages; i++)
		json_array_append_new(messages, web_text(slice_of_string(frontend->messages[i])));
	return messages;
}

/* Those from the offset on, as many as there is room for. */
static json_t *lines_of(const struct frontend *frontend, size_t offset, size_t *room, double now)
{
	size_t excludes = frontend->n_excludes, end = excludes + frontend->n_rules;
	json_t *lines = json_array();

	if (offset < end && end - offset > *room)
		end = offset + *room;
	for (size_t i = offset; i < end; i++) {
		const struct rule *rule = i < excludes ? frontend->excludes[i] : frontend->rules[i - excludes];
		const char *keyword = "use_backend";

		if (i < excludes)
			keyword = "redirect-unless";
		else if (rule == frontend->default_rule)
			keyword = "default_backend";
		json_array_append_new(lines, line_of(frontend, rule, keyword, now));
	}
	*room -= end > offset ? end - offset : 0;
	return lines;
}

void api_frontends(struct web *web)
{
	const struct ruleset *ruleset = site_of(web)->ruleset;
	const char *only = web_argument(web, "frontend");
	unsigned limit, offset;
	double now = clock_now();
	json_t *all;
	size_t room;

	if (!web_number(web, "limit", 200, WEB_LIMIT, &limit) || !web_number(web, "offset", 0, 1000000, &offset))
		return;
	room = limit;
	all = json_array();
	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct frontend *frontend = ruleset_frontend(ruleset, i);

		if (only && strcmp(only, frontend->name) != 0)
			continue;
		json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:I, s:o}", "name",
						     web_text(slice_of_string(frontend->name)), "place",
						     place(frontend->place), "messages", messages_of(frontend),
						     "n_lines", number(frontend->n_excludes + frontend->n_rules),
						     "lines", lines_of(frontend, offset, &room, now)));
	}
	web_json(web, json_pack("{s:o}", "frontends", all));
}

/* ---- backends and servers ---- */

static json_t *backend_json(const struct backend *backend)
{
	uint64_t booked = 0;

	for (size_t i = 0; i < backend->n_servers; i++)
		booked += booked_by(backend->servers[i]);
	return json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:i, s:o}", "name", web_text(slice_of_string(backend->name)),
			 "place", place(backend->place), "balance", backend->balance->name, "n_servers",
			 number(backend->n_servers), "usable", number(backend_n_usable(backend)), "redirects",
			 number(booked), "code", (int)(backend->redirect.code ? backend->redirect.code : 302), "ttl",
			 web_real((double)backend->redirect.ttl));
}

void api_backends(struct web *web)
{
	const struct fleet *fleet = site_of(web)->fleet;
	json_t *all = json_array();

	for (size_t i = 0; i < fleet_count(fleet) && i < WEB_LIMIT; i++)
		json_array_append_new(all, backend_json(fleet_backend(fleet, i)));
	web_json(web, json_pack("{s:o, s:I}", "backends", all, "n_backends", number(fleet_count(fleet))));
}

static json_t *load_json(const struct server *server, double now)
{
	const struct server_load *load = &server->state->load;
	double under_way, est = select_in_flight(server, now, &under_way);
	int known = atomic_load_explicit(&load->known, memory_order_relaxed);
	const struct load_merged *merged = &server->state->merged;
	struct reported reported = reported_by(server, now);

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "known",
			 load_knowledge_name((enum load_knowledge)known), "source",
			 merged->report.has ? json_string(load_source_name(merged->source)) : json_null(), "age",
			 web_real(reported.age), "utilisation", web_real(reported.utilisation), "in_flight",
			 web_real(reported.in_flight), "estimate", web_real(est), "under_way", web_real(under_way));
}

static json_t *server_json(const struct server *server, bool usable, struct share share)
{
	const struct server_state *state = server->state;
	char status[40], address[ENDPOINT_TEXT];
	double now = clock_now();

	return json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:o, s:i, s:i, s:b, s:o, s:o, s:I, s:o, s:o, s:o}", "backend",
		web_text(slice_of_string(server->backend->name)), "name", web_text(slice_of_string(server->name)),
		"place", place(server->place), "address", endpoint_text(&server->address, address), "redir",
		web_text(server->redir.prefix), "state", server_status_name(server_status(server)), "status",
		status_text(server, status, sizeof(status)), "state_age", web_real(now - state->changed), "weight",
		(int)state->shown_weight, "configured_weight", (int)server->weight, "backup", server->backup,
		"standby_of", server->standby_of ? web_text(slice_of_string(server->standby_of)) : json_null(),
		"not_eligible", usable ? json_null() : json_string(answer_why_not(server)), "redirects",
		number(booked_by(server)), "rate", web_real(share.rate), "share", web_real(share.share), "load",
		load_json(server, now));
}

bool *backend_usable_flags(const struct backend *backend)
{
	bool *usable = calloc(backend->n_servers + 1, sizeof(*usable));

	for (uint32_t i = 0; usable && i < backend_n_usable(backend); i++)
		usable[backend_usable(backend, i)->index] = true;
	return usable;
}

double backend_rate(const struct history *history, const struct backend *backend, size_t hint)
{
	double sum = 0, rate;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct history_track *track = history_find(history, backend->servers[i], &hint);

		rate = track ? history_rate(history, track, HISTORY_RECENT) : -1;
		sum += rate > 0 ? rate : 0;
	}
	return sum;
}

struct share share_of(const struct history *history, const struct server *server, double all, size_t *hint)
{
	const struct history_track *track = history_find(history, server, hint);
	double rate = track ? history_rate(history, track, HISTORY_RECENT) : -1;

	return (struct share){ rate, rate >= 0 && all > 0 ? rate / all : -1 };
}

/* Appends what the offset leaves, as far as there is room. */
static void add_servers(const struct web *web, const struct backend *backend, unsigned *offset, unsigned *room,
			json_t *to)
{
	bool *usable = *room > 0 && *offset < backend->n_servers ? backend_usable_flags(backend) : NULL;
	size_t end = usable ? backend->n_servers : 0, hint = 0;
	const struct history *history = web->admin->history;
	double all = usable ? backend_rate(history, backend, 0) : 0;

	if (end > *offset + (size_t)*room)
		end = *offset + *room;
	for (size_t i = *offset; i < end; i++)
		json_array_append_new(to, server_json(backend->servers[i], usable[i],
						      share_of(history, backend->servers[i], all, &hint)));
	*room -= end > *offset ? (unsigned)(end - *offset) : 0;
	*offset -= *offset < backend->n_servers ? *offset : (unsigned)backend->n_servers;
	free(usable);
}

static void put_servers(struct web *web, const char *only)
{
	const struct fleet *fleet = site_of(web)->fleet;
	unsigned room, offset;
	size_t n = 0;
	json_t *all;

	if (!web_number(web, "limit", WEB_LIMIT, WEB_LIMIT, &room) || !web_number(web, "offset", 0, 1000000, &offset))
		return;
	all = json_array();
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		if (only && strcmp(only, backend->name) != 0)
			continue;
		n += backend->n_servers;
		add_servers(web, backend, &offset, &room, all);
	}
	web_json(web, json_pack("{s:o, s:I}", "servers", all, "n_servers", number(n)));
}

void api_servers(struct web *web)
{
	put_servers(web, web_argument(web, "backend"));
}

void api_servers_of(struct web *web)
{
	if (fleet_find(site_of(web)->fleet, web->names[0]))
		put_servers(web, web->names[0]);
	else
		web_refuse(web, MHD_HTTP_NOT_FOUND, "no backend '%s'", web->names[0]);
}

struct server *api_find(struct web *web)
{
	struct backend *backend = fleet_find(site_of(web)->fleet, web->names[0]);
	struct server *server = backend ? backend_find(backend, web->names[1]) : NULL;

	if (!backend)
		web_refuse(web, MHD_HTTP_NOT_FOUND, "no backend '%s'", web->names[0]);
	else if (!server)
		web_refuse(web, MHD_HTTP_NOT_FOUND, "no server '%s' in backend '%s'", web->names[1], web->names[0]);
	return server;
}

void api_server(struct web *web)
{
	const struct server *server = api_find(web);
	struct share share;
	size_t hint = 0;
	bool *usable;
	double all;

	if (!server)
		return;
	usable = backend_usable_flags(server->backend);
	all = backend_rate(web->admin->history, server->backend, 0);
	share = share_of(web->admin->history, server, all, &hint);
	web_json(web, usable ? server_json(server, usable[server->index], share) : NULL);
	free(usable);
}

/* ---- the last decisions ---- */

struct decisions {
	struct decision_sample *samples;
	size_t n, room;
};

static void keep(void *into, const struct decision_sample *sample)
{
	struct decisions *decisions = into;

	if (decisions->n < decisions->room)
		decisions->samples[decisions->n++] = *sample;
}

static int newer(const void *a, const void *b)
{
	double x = ((const struct decision_sample *)a)->at, y = ((const struct decision_sample *)b)->at;

	return (x < y) - (x > y);
}

static json_t *name_or_null(const char *name)
{
	return *name ? web_text(slice_of_string(name)) : json_null();
}

static json_t *decision_json(const struct decision_sample *sample, double now)
{
	struct config_place at = { sample->file, sample->line, NULL };

	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:s, s:o}", "age",
			 web_real(now > sample->at ? now - sample->at : 0), "method",
			 web_text(slice_of_string(sample->method)), "host",
			 web_text(slice_of(sample->host, sample->n_host)), "path",
			 web_text(slice_of(sample->path, sample->n_path)), "cut", sample->cut, "query", sample->query,
			 "frontend", web_text(slice_of_string(sample->frontend)), "place",
			 sample->line > 0 ? place(at) : json_null(), "backend", name_or_null(sample->backend), "server",
			 name_or_null(sample->server), "reason", answer_reason_name(sample->reason), "code",
			 sample->code > 0 ? json_integer(sample->code) : json_null());
}

struct decision_sample *last_decisions(const struct admin *admin, size_t *n)
{
	struct decisions decisions = { .room = (size_t)net_workers(admin->running->net) * SAMPLES };

	*n = 0;
	decisions.samples = calloc(decisions.room + 1, sizeof(*decisions.samples));
	if (!decisions.samples)
		return NULL;
	net_samples(admin->running->net, keep, &decisions);
	qsort(decisions.samples, decisions.n, sizeof(*decisions.samples), newer);
	*n = decisions.n;
	return decisions.samples;
}

void api_decisions(struct web *web)
{
	struct decision_sample *samples;
	double now = clock_now();
	unsigned limit;
	json_t *all;
	size_t n;

	if (!web_number(web, "limit", 50, WEB_LIMIT, &limit))
		return;
	samples = last_decisions(web->admin, &n);
	all = samples ? json_array() : NULL;
	for (size_t i = 0; i < n && i < limit; i++)
		json_array_append_new(all, decision_json(&samples[i], now));
	free(samples);
	web_json(web, all ? json_pack("{s:o}", "decisions", all) : NULL);
}
