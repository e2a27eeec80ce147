/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decide CONFIGURATION [NAME=[TYPE:]VALUE]...: nanoseconds of one decision without a socket, the best of many short runs,
 * beside what only cutting the frame takes. For looking at one change at a time on a machine that is not quiet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "payload.h"
#include "spoa-redirect/answer.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/net.h"
#include "spoa-redirect/select.h"

#define ROUNDS 4000
#define BATCH  50
#define MOST   2.0 /* seconds of rounds */
#define TURN   20  /* frames that come at once */

struct bench {
	struct arena *arena;
	struct routes *routes;
	struct fleet *fleet;
	struct answer_scratch scratch;
	uint8_t frame[65536], out[65536];
	size_t frame_len;
};

static bool build(struct bench *bench, const char *file)
{
	struct net_settings *settings = net_settings_new(bench->arena);
	struct ruleset *ruleset = ruleset_new(bench->arena);
	struct config *config;
	struct config_room rooms[4];

	bench->fleet = fleet_new(bench->arena, NULL, balance_default());
	rooms[0] = net_room(settings);
	rooms[1] = ruleset_room(ruleset);
	rooms[2] = fleet_room(bench->fleet);
	rooms[3] = balance_room(bench->fleet);
	config = config_new(bench->arena, rooms, 4);
	config_read(config, file);
	balance_finish(bench->fleet, ruleset, config);
	ruleset_finish(ruleset, config);
	fleet_finish(bench->fleet, config, clock_now());
	ruleset_count_hits(ruleset, 1);
	bench->routes = routes_new(bench->arena, NULL, config);
	for (size_t i = 0; i < ruleset_count(ruleset); i++)
		routes_add(bench->routes, ruleset_frontend(ruleset, i), bench->fleet);
	config_print_messages(config, stderr);
	return config_count(config, CONFIG_ERROR) == 0 && answer_prepare(bench->arena, bench->fleet) &&
	       answer_scratch_init(&bench->scratch);
}

/* As if every server had just said that it is half busy. */
static void report_all(struct bench *bench)
{
	struct load_report report = { .has = LOAD_U, .u = 0.5 };

	for (size_t i = 0; i < fleet_count(bench->fleet); i++) {
		struct backend *backend = fleet_backend(bench->fleet, i);

		for (size_t j = 0; backend->balance->report && j < backend->n_servers; j++)
			backend->balance->report(backend->servers[j], &report, clock_now());
	}
	fleet_refresh(bench->fleet, clock_now());
}

static void put_frame(struct bench *bench, struct spop_slice payload)
{
	struct spop_writer writer;

	spop_writer_init(&writer, bench->frame, sizeof(bench->frame));
	spop_frame_begin(&writer, SPOP_NOTIFY, 4711, 1);
	spop_put_bytes(&writer, payload.ptr, payload.len);
	spop_frame_end(&writer, sizeof(bench->frame));
	bench->frame_len = (size_t)(writer.at - bench->frame);
}

static double one_round(struct bench *bench, bool decide)
{
	double start = clock_now();

	for (int i = 0; i < BATCH; i++) {
		struct spop_slice in = { bench->frame, bench->frame_len };
		struct spop_writer writer;
		struct spop_frame frame;

		spop_writer_init(&writer, bench->out, sizeof(bench->out));
		if (spop_frame_decode(&in, sizeof(bench->frame), &frame) != SPOP_OK)
			abort();
		answer_expect(&bench->scratch, i % TURN != 0);
		if (decide && !answer_notify(bench->routes, &bench->scratch, &frame, start + i * 1e-6, 16380, &writer))
			abort();
		if (i % TURN == 0)
			select_settle(&bench->scratch.picker, start + i * 1e-6);
	}
	return (clock_now() - start) / BATCH * 1e9;
}

static double best_of(struct bench *bench, bool decide)
{
	double best = 1e9, start = clock_now();

	for (int i = 0; i < ROUNDS && clock_now() < start + MOST; i++) {
		double this = one_round(bench, decide);

		best = this < best ? this : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct payloads payloads = { 0 };
	double unknown, known;

	if (argc < 2 || !bench || !(bench->arena = arena_new()) || !build(bench, argv[1]))
		return EXIT_FAILURE;
	if (!payloads_add_message(&payloads, "route", argc > 2 ? argv + 2 : payload_default_arguments,
				  argc > 2 ? (size_t)(argc - 2) : PAYLOAD_DEFAULT_ARGUMENTS))
		return EXIT_FAILURE;
	put_frame(bench, payloads.each[0]);
	unknown = best_of(bench, true);
	report_all(bench);
	known = best_of(bench, true);
	printf("frame %.1f ns, decision %.1f ns, with known loads %.1f ns\n", best_of(bench, false), unknown, known);
	return EXIT_SUCCESS;
}
