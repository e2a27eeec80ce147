/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration from memory, as main.c builds one from files. */
#ifndef TESTS_FUZZ_SITE_H
#define TESTS_FUZZ_SITE_H

#include <stdio.h>
#include <stdlib.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/net.h"
#include "spoa-redirect/select.h"

#define SITE_NOW 1000.0

struct site {
	struct arena *arena;
	struct net_settings *settings;
	struct ruleset *ruleset;
	struct fleet *fleet;
	struct config *config;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must stay in every build. */
static inline void must(bool holds)
{
	if (!holds)
		abort();
}

static inline void site_read(struct site *site, const char *name, struct slice text)
{
	static struct config_room rooms[4];

	site->arena = arena_new();
	site->settings = net_settings_new(site->arena);
	site->ruleset = ruleset_new(site->arena);
	site->fleet = fleet_new(site->arena, net_settings_log(site->settings), balance_default());
	rooms[0] = net_room(site->settings);
	rooms[1] = ruleset_room(site->ruleset);
	rooms[2] = fleet_room(site->fleet);
	rooms[3] = balance_room(site->fleet);
	site->config = config_new(site->arena, rooms, COUNT(rooms));
	config_read_text(site->config, name, text);
	balance_finish(site->fleet, site->ruleset, site->config);
	must(fleet_add_locations(site->fleet, site->ruleset));
	ruleset_finish(site->ruleset, site->config);
	fleet_finish(site->fleet, site->config, SITE_NOW);
	net_settings_finish(site->settings, site->ruleset, site->fleet, site->config);
	must(answer_prepare(site->arena, site->fleet));
}

/* A configuration of the target's own, without an error. */
static inline void site_of(struct site *site, const char *text)
{
	site_read(site, "site", slice_of_string(text));
	config_print_messages(site->config, stderr);
	must(config_count(site->config, CONFIG_ERROR) == 0);
}

/* Of the first frontend. */
static inline struct routes *site_routes(struct site *site)
{
	static const struct log silent = { .n = 0 };
	struct routes *routes = routes_new(site->arena, &silent, site->config);

	must(routes && routes_add(routes, ruleset_frontend(site->ruleset, 0), site->fleet));
	return routes;
}

#endif
