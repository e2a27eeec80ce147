/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /v1/history: the last five minutes as rows of numbers, of as many servers as are asked for. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"

#define MOST 50u /* servers in one answer */

typedef void put_one(FILE *out, const void *of, uint64_t second);

static void put_text(FILE *out, const char *text)
{
	json_t *json = web_text(slice_of_string(text));

	json_dumpf(json, out, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(json);
}

/* "name":[1,2,null], */
static void put_row(FILE *out, const char *name, const void *of, uint64_t from, uint64_t to, put_one *put)
{
	fprintf(out, "\"%s\":[", name);
	for (uint64_t n = from; n < to; n++) {
		if (n > from)
			fputc(',', out);
		put(out, of, n);
	}
	fputc(']', out);
}

/* ---- of all ---- */

static const struct history_second *second_of(const void *history, uint64_t second)
{
	return &((const struct history *)history)->seconds[second % HISTORY_SECONDS];
}

static void put_redirects(FILE *out, const void *of, uint64_t second)
{
	fprintf(out, "%u", second_of(of, second)->reasons[REASON_REDIRECT]);
}

static void put_others(FILE *out, const void *of, uint64_t second)
{
	unsigned others = 0;

	for (unsigned i = 0; i < REASONS; i++)
		others += i == REASON_REDIRECT ? 0 : second_of(of, second)->reasons[i];
	fprintf(out, "%u", others);
}

static void put_p99(FILE *out, const void *of, uint64_t second)
{
	double p99 = history_quantile(second_of(of, second), 0.99);

	fprintf(out, p99 < 0 ? "null" : "%.6f", p99);
}

static void put_connections(FILE *out, const void *of, uint64_t second)
{
	fprintf(out, "%u", second_of(of, second)->connections);
}

/* ---- of servers ---- */

static const struct history_server_second *track_second(const void *track, uint64_t second)
{
	return &((const struct history_track *)track)->seconds[second % HISTORY_SECONDS];
}

static void put_booked(FILE *out, const void *of, uint64_t second)
{
	if (second < ((const struct history_track *)of)->first)
		fprintf(out, "null");
	else
		fprintf(out, "%u", track_second(of, second)->redirects);
}

static void put_scaled(FILE *out, bool known, double value)
{
	if (known)
		fprintf(out, "%.4g", value);
	else
		fprintf(out, "null");
}

static void put_load(FILE *out, const void *of, uint64_t second)
{
	unsigned load = track_second(of, second)->load;

	put_scaled(out, second >= ((const struct history_track *)of)->first && load != HISTORY_UNKNOWN, load / 1e4);
}

static void put_in_flight(FILE *out, const void *of, uint64_t second)
{
	unsigned tenths = track_second(of, second)->in_flight;

	put_scaled(out, second >= ((const struct history_track *)of)->first && tenths != HISTORY_UNKNOWN, tenths / 1e1);
}

static void put_track(FILE *out, const struct history_track *track, uint64_t from, uint64_t to)
{
	fprintf(out, "{\"backend\":");
	put_text(out, track->backend);
	fprintf(out, ",\"name\":");
	put_text(out, track->server);
	fputc(',', out);
	put_row(out, "redirects", track, from, to, put_booked);
	fputc(',', out);
	put_row(out, "load", track, from, to, put_load);
	fputc(',', out);
	put_row(out, "in_flight", track, from, to, put_in_flight);
	fputc('}', out);
}

/* ---- which of them ---- */

struct chosen {
	const struct history_track *track;
	uint64_t redirects;
	size_t place;
};

static int busier(const void *a, const void *b)
{
	const struct chosen *x = a, *y = b;

	if (x->redirects != y->redirects)
		return x->redirects < y->redirects ? 1 : -1;
	return (x->place > y->place) - (x->place < y->place);
}

static int earlier(const void *a, const void *b)
{
	const struct chosen *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

static bool is_named(const struct web *web, const struct history_track *track)
{
	size_t length = strlen(track->backend);

	for (size_t i = 0; i < web->n_query; i++) {
		const char *value = web->query[i].value;

		if (strcmp(web->query[i].name, "server") == 0 && strncmp(value, track->backend, length) == 0 &&
		    value[length] == '/' && strcmp(value + length + 1, track->server) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(const struct web *web, const struct history_track *track)
{
	const char *backend = web_argument(web, "backend");

	if (web_argument(web, "server"))
		return is_named(web, track);
	return !backend || strcmp(backend, track->backend) == 0;
}

/* The busiest of those that are wanted, in the fleet's order. */
static size_t choose(const struct web *web, const struct history *history, struct chosen *all, size_t limit)
{
	size_t n = 0;

	for (size_t i = 0; i < history->n_tracks; i++) {
		struct chosen chosen = { .track = history->tracks[i], .place = i };

		if (!is_wanted(web, chosen.track))
			continue;
		for (uint64_t s = history_first(history, chosen.track); s < history->n; s++)
			chosen.redirects += track_second(chosen.track, s)->redirects;
		all[n++] = chosen;
	}
	qsort(all, n, sizeof(*all), busier);
	n = n < limit ? n : limit;
	qsort(all, n, sizeof(*all), earlier);
	return n;
}

/* What all servers of a backend got, so that shares can be told. */
static void put_backend(FILE *out, const struct history *history, const struct backend *backend, uint64_t from,
			uint64_t to)
{
	uint64_t sums[HISTORY_SECONDS] = { 0 };

	for (size_t i = 0; i < history->n_tracks; i++)
		for (uint64_t n = from; strcmp(history->tracks[i]->backend, backend->name) == 0 && n < to; n++)
			if (n >= history->tracks[i]->first)
				sums[n - from] += track_second(history->tracks[i], n)->redirects;
	fprintf(out, "{\"name\":");
	put_text(out, backend->name);
	fprintf(out, ",\"redirects\":[");
	for (uint64_t n = from; n < to; n++)
		fprintf(out, "%s%llu", n > from ? "," : "", (unsigned long long)sums[n - from]);
	fprintf(out, "]}");
}

/* Those of the servers that are told. */
static void put_backends(const struct web *web, const struct history *history, const struct chosen *chosen, size_t n,
			 uint64_t from)
{
	const struct fleet *fleet = web->admin->running->site.fleet;
	const char *before = NULL;

	fprintf(web->out, "\"backends\":[");
	for (size_t i = 0; i < n; i++) {
		const char *name = chosen[i].track->backend;

		if (before && strcmp(before, name) == 0)
			continue;
		if (before)
			fputc(',', web->out);
		put_backend(web->out, history, fleet_find(fleet, name), from, history->n);
		before = name;
	}
	fprintf(web->out, "],");
}

static void put_history(struct web *web, const struct history *history, struct chosen *all, unsigned limit,
			uint64_t from)
{
	size_t n = choose(web, history, all, limit);
	FILE *out = web->out;

	fprintf(out, "{\"run\":\"%s\",\"first\":%llu,\"end\":%llu,\"interval\":1,\"n_servers\":%zu,", web->admin->run,
		(unsigned long long)from, (unsigned long long)history->n, history->n_tracks);
	put_row(out, "redirects", history, from, history->n, put_redirects);
	fputc(',', out);
	put_row(out, "fall_throughs", history, from, history->n, put_others);
	fputc(',', out);
	put_row(out, "p99", history, from, history->n, put_p99);
	fputc(',', out);
	put_row(out, "connections", history, from, history->n, put_connections);
	fputc(',', out);
	put_backends(web, history, all, n, from);
	fprintf(out, "\"servers\":[");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, i > 0 ? "," : "");
		put_track(out, all[i].track, from, history->n);
	}
	fprintf(out, "]}\n");
}

void api_history(struct web *web)
{
	struct history *history = web->admin->history;
	uint64_t first = history_first(history, NULL);
	unsigned limit, since;
	struct chosen *all;

	if (!web_number(web, "limit", 12, MOST, &limit) || !web_number(web, "since", 0, UINT32_MAX, &since))
		return;
	history_follow(history, web->admin->running->site.fleet);
	all = calloc(history->n_tracks + 1, sizeof(*all));
	if (!all) {
		web_json(web, NULL);
		return;
	}
	if (since > first)
		first = since < history->n ? since : history->n;
	put_history(web, history, all, limit, first);
	free(all);
}
