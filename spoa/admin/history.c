/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/select.h"

/* With what dry runs would have sent there: that is what they are looked at for. */
static uint64_t booked_by(const struct server *server)
{
	uint64_t booked = atomic_load_explicit(&server->state->load.booked, memory_order_relaxed);

	if (server->shadow)
		booked += atomic_load_explicit(&server->shadow->state->load.booked, memory_order_relaxed);
	return booked;
}

struct history *history_new(const struct net_sums *sums, double now)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->tracks = calloc(HISTORY_SERVERS, sizeof(struct history_track *));
	history->sums = *sums;
	history->at = now;
	if (history->tracks)
		return history;
	free(history);
	return NULL;
}

static void track_free(struct history_track *track)
{
	if (!track)
		return;
	free(track->backend);
	free(track->server);
	free(track);
}

void history_free(struct history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < history->n_tracks; i++)
		track_free(history->tracks[i]);
	free(history->tracks);
	free(history);
}

/* ---- whose tracks ---- */

static struct history_track *track_new(const struct history *history, const struct server *server)
{
	struct history_track *track = calloc(1, sizeof(*track));

	if (!track)
		return NULL;
	*track = (struct history_track){ .backend = strdup(server->backend->name),
					 .server = strdup(server->name),
					 .state = server->state,
					 .booked = booked_by(server),
					 .first = history->n };
	if (track->backend && track->server)
		return track;
	track_free(track);
	return NULL;
}

static bool is_of(const struct history_track *track, const struct server *server)
{
	return track->state == server->state && strcmp(track->server, server->name) == 0 &&
	       strcmp(track->backend, server->backend->name) == 0;
}

static int compare(const void *a, const void *b)
{
	const struct history_track *x = *(struct history_track *const *)a, *y = *(struct history_track *const *)b;
	int order = strcmp(x->backend, y->backend);

	return order ? order : strcmp(x->server, y->server);
}

/* The one of that name, which is taken out of the sorted ones; a new one if there is none. NULL: out of memory. */
static struct history_track *take(const struct history *history, struct history_track **sorted, bool *taken, size_t n,
				  const struct server *server)
{
	struct history_track key = { .backend = (char *)(uintptr_t)server->backend->name,
				     .server = (char *)(uintptr_t)server->name };
	struct history_track *wanted = &key, **found = bsearch(&wanted, sorted, n, sizeof(*sorted), compare), *track;

	if (!found || taken[found - sorted])
		return track_new(history, server);
	track = *found;
	taken[found - sorted] = true;
	if (track->state != server->state) { /* a server that came back: it counts anew */
		track->state = server->state;
		track->booked = booked_by(server);
	}
	return track;
}

static void follow(struct history *history, const struct fleet *fleet)
{
	size_t n = history->n_tracks, kept = 0;
	struct history_track **sorted = calloc(n + 1, sizeof(struct history_track *));
	bool *taken = calloc(n + 1, sizeof(*taken));

	if (!sorted || !taken) {
		free(sorted);
		free(taken);
		return;
	}
	memcpy(sorted, history->tracks, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers && kept < HISTORY_SERVERS; j++) {
			struct history_track *track = take(history, sorted, taken, n, backend->servers[j]);

			if (track)
				history->tracks[kept++] = track;
		}
	}
	history->n_tracks = kept;
	for (size_t i = 0; i < n; i++)
		if (!taken[i])
			track_free(sorted[i]);
	free(sorted);
	free(taken);
}

void history_follow(struct history *history, const struct fleet *fleet)
{
	size_t n = 0;
	bool same = true;

	for (size_t i = 0; same && i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; same && j < backend->n_servers && n < HISTORY_SERVERS; j++, n++)
			same = n < history->n_tracks && is_of(history->tracks[n], backend->servers[j]);
	}
	if (!same || n != history->n_tracks)
		follow(history, fleet);
}

const struct history_track *history_find(const struct history *history, const struct server *server, size_t *hint)
{
	for (size_t tried = 0; tried < history->n_tracks; tried++) {
		size_t i = (*hint + tried) % history->n_tracks;

		if (history->tracks[i]->state == server->state) {
			*hint = i + 1;
			return history->tracks[i];
		}
	}
	return NULL;
}

/* ---- taking ---- */

/* A policy that reads no reports keeps none, so they are looked up where they came in. */
struct reported reported_by(const struct server *server, double now)
{
	const struct load_merged *merged = &server->state->merged;
	const struct load_report *report = &merged->report;
	double at = report->has ? server->state->said[merged->source].at : 0;

	return (struct reported){ report->has & LOAD_U ? report->u : -1, report->has & LOAD_Q ? report->q : -1,
				  at > 0 ? now - at : -1 };
}

static uint16_t scaled(double value, double by)
{
	if (value < 0)
		return HISTORY_UNKNOWN;
	return value * by < HISTORY_UNKNOWN ? (uint16_t)(value * by) : HISTORY_UNKNOWN;
}

static void take_server(struct history_track *track, const struct server *server, uint64_t second, double now)
{
	uint64_t booked = booked_by(server);
	struct reported reported = reported_by(server, now);
	double under_way, est = reported.age < 0 ? -1 : select_in_flight(server, now, &under_way);

	track->seconds[second % HISTORY_SECONDS] = (struct history_server_second){
		/* after a reload there may be no dry run any more */
		.redirects = booked > track->booked ? (uint32_t)(booked - track->booked) : 0,
		.load = scaled(reported.utilisation, 10000),
		.in_flight = scaled(est, 10),
	};
	track->booked = booked;
}

void history_take(struct history *history, const struct fleet *fleet, const struct net_sums *sums, double now)
{
	struct history_second *second = &history->seconds[history->n % HISTORY_SECONDS];
	size_t n = 0;

	history_follow(history, fleet);
	second->took = now - history->at;
	second->connections = (uint32_t)sums->connections;
	for (unsigned i = 0; i < REASONS; i++)
		second->reasons[i] = (uint32_t)(sums->decisions[i] - history->sums.decisions[i]);
	for (unsigned i = 0; i <= NET_TIMES; i++)
		second->times[i] = (uint32_t)(sums->times[i] - history->sums.times[i]);
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers && n < history->n_tracks; j++)
			if (is_of(history->tracks[n], backend->servers[j]))
				take_server(history->tracks[n++], backend->servers[j], history->n, now);
	}
	history->sums = *sums;
	history->at = now;
	history->n++;
}

/* ---- looking ---- */

uint64_t history_first(const struct history *history, const struct history_track *track)
{
	uint64_t first = history->n > HISTORY_SECONDS ? history->n - HISTORY_SECONDS : 0;

	return track && track->first > first ? track->first : first;
}

static uint64_t recent_first(const struct history *history, const struct history_track *track, unsigned seconds)
{
	uint64_t first = history_first(history, track), wanted = history->n > seconds ? history->n - seconds : 0;

	return wanted > first ? wanted : first;
}

struct history_second history_recent(const struct history *history, unsigned seconds)
{
	struct history_second sum = { 0 };

	for (uint64_t n = recent_first(history, NULL, seconds); n < history->n; n++) {
		const struct history_second *second = &history->seconds[n % HISTORY_SECONDS];

		sum.took += second->took;
		sum.connections = second->connections;
		for (unsigned i = 0; i < REASONS; i++)
			sum.reasons[i] += second->reasons[i];
		for (unsigned i = 0; i <= NET_TIMES; i++)
			sum.times[i] += second->times[i];
	}
	return sum;
}

double history_rate(const struct history *history, const struct history_track *track, unsigned seconds)
{
	double sum = 0, took = 0;

	for (uint64_t n = recent_first(history, track, seconds); n < history->n; n++) {
		sum += track->seconds[n % HISTORY_SECONDS].redirects;
		took += history->seconds[n % HISTORY_SECONDS].took;
	}
	return took > 0 ? sum / took : -1;
}

double history_quantile(const struct history_second *second, double share)
{
	double total = 0, wanted, before = 0, from = 0;

	for (unsigned i = 0; i <= NET_TIMES; i++)
		total += second->times[i];
	wanted = total * share;
	for (unsigned i = 0; i < NET_TIMES; i++) {
		if (second->times[i] > 0 && before + second->times[i] >= wanted)
			return from + (net_times[i] - from) * (wanted - before) / second->times[i];
		before += second->times[i];
		from = net_times[i];
	}
	return total > 0 ? from : -1;
}
