/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fleet with its rules from configuration text, as main.c builds one from files: no socket, no thread, no clock. */
#ifndef TESTS_UNIT_SITE_H
#define TESTS_UNIT_SITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/select.h"

#define SITE_START 1000.0 /* monotonic seconds at which every site begins */

struct site {
	struct arena *arena;
	struct ruleset *ruleset;
	struct fleet *fleet;
	struct config *config;
	struct routes *routes;
	struct answer_scratch scratch;
	struct log log; /* silent unless a test adds a target */
};

/* Reads, and leaves what was reported to the caller. */
static inline void site_read(struct site *site, const char *text)
{
	struct config_room rooms[3];

	*site = (struct site){ .arena = arena_new() };
	site->ruleset = ruleset_new(site->arena);
	site->fleet = fleet_new(site->arena, &site->log, balance_default());
	rooms[0] = ruleset_room(site->ruleset);
	rooms[1] = fleet_room(site->fleet);
	rooms[2] = balance_room(site->fleet);
	site->config = config_new(site->arena, rooms, COUNT(rooms));
	config_read_text(site->config, "test.cfg", slice_of_string(text));
	balance_finish(site->fleet, site->ruleset, site->config);
	assert_true(fleet_add_locations(site->fleet, site->ruleset));
	ruleset_finish(site->ruleset, site->config);
	fleet_finish(site->fleet, site->config, SITE_START);
	site->routes = routes_new(site->arena, &site->log, site->config);
	for (size_t i = 0; i < ruleset_count(site->ruleset); i++)
		assert_true(routes_add(site->routes, ruleset_frontend(site->ruleset, i), site->fleet));
}

/* Of text without an error. seed: of what is chosen at random. */
static inline void site_open(struct site *site, const char *text, uint64_t seed)
{
	site_read(site, text);
	for (size_t i = 0; config_message(site->config, i); i++)
		if (config_count(site->config, CONFIG_ERROR) > 0)
			print_error("%s\n", config_message(site->config, i));
	assert_int_equal(config_count(site->config, CONFIG_ERROR), 0);
	assert_true(answer_prepare(site->arena, site->fleet));
	assert_true(answer_scratch_init(&site->scratch));
	random_seed(&site->scratch.picker.random, seed);
}

static inline void site_close(struct site *site)
{
	answer_scratch_release(&site->scratch);
	arena_free(site->arena);
}

/* The first thing that is said of the text, whole. */
static inline void site_says(const char *text, const char *message)
{
	struct site site;

	site_read(&site, text);
	assert_non_null(config_message(site.config, 0));
	assert_string_equal(config_message(site.config, 0), message);
	arena_free(site.arena);
}

static inline void site_says_nothing(const char *text)
{
	struct site site;

	site_read(&site, text);
	if (config_message(site.config, 0))
		fail_msg("%s", config_message(site.config, 0));
	arena_free(site.arena);
}

/* Of the first backend; NULL: none of that name. */
static inline struct server *site_server(const struct site *site, const char *name)
{
	const struct backend *backend = fleet_backend(site->fleet, 0);

	for (size_t i = 0; i < backend->n_servers; i++)
		if (strcmp(backend->servers[i]->name, name) == 0)
			return backend->servers[i];
	return NULL;
}

/* Whom the first backend's policy picks for a key, 0: there is none; it is booked. */
static inline struct server *site_book_key(struct site *site, uint64_t key, double now)
{
	struct server *server = select_pick(fleet_backend(site->fleet, 0), key, now, &site->scratch.picker);

	if (server)
		select_book(server, now, &site->scratch.picker);
	select_settle(&site->scratch.picker, now);
	return server;
}

static inline struct server *site_book(struct site *site, double now)
{
	return site_book_key(site, 0, now);
}

/* The same, by name; "-": nobody. */
static inline const char *site_pick(struct site *site, double now)
{
	struct server *server = site_book(site, now);

	return server ? server->name : "-";
}

/* How many of n picks went to each server, by index. */
static inline void site_spread(struct site *site, unsigned n, double now, unsigned *counts)
{
	memset(counts, 0, fleet_backend(site->fleet, 0)->n_servers * sizeof(*counts));
	for (; n > 0; n--)
		counts[site_book(site, now)->index]++;
}

#endif
