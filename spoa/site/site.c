/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/site.h"

#include <string.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

bool site_begin(struct site *site, struct config_room rooms[SITE_ROOMS])
{
	*site = (struct site){ .arena = arena_new() };
	if (!site->arena)
		return false;
	site->settings = net_settings_new(site->arena);
	site->ruleset = ruleset_new(site->arena);
	site->load_settings = load_settings_new(site->arena);
	if (!site->settings || !site->ruleset || !site->load_settings)
		return false;
	site->fleet = fleet_new(site->arena, net_settings_log(site->settings), balance_default());
	if (!site->fleet)
		return false;
	rooms[0] = net_room(site->settings);
	rooms[1] = ruleset_room(site->ruleset);
	rooms[2] = fleet_room(site->fleet);
	rooms[3] = balance_room(site->fleet);
	rooms[4] = load_room(site->load_settings);
	return true;
}

static bool begin_reading(struct site *site)
{
	struct config_room rooms[SITE_ROOMS], *kept;

	if (!site_begin(site, rooms))
		return false;
	kept = arena_array(site->arena, SITE_ROOMS, sizeof(*kept));
	if (!kept)
		return false;
	memcpy(kept, rooms, sizeof(rooms));
	site->config = config_new(site->arena, kept, SITE_ROOMS);
	return site->config != NULL;
}

/* Over HTTP nothing is changed without a token. */
static bool takes_pushes(const struct net_settings *settings)
{
	return net_settings_stats(settings, 0) ||
	       (net_settings_http(settings) && net_settings_http_token(settings).ptr);
}

static bool finish_reading(struct site *site, const char *name)
{
	config_complete(site->config);
	balance_finish(site->fleet, site->ruleset, site->config);
	if (!fleet_add_locations(site->fleet, site->ruleset))
		return false;
	ruleset_finish(site->ruleset, site->config);
	fleet_finish(site->fleet, site->config, clock_now());
	load_settings_finish(site->load_settings, site->config);
	load_warn_useless(site->load_settings, site->fleet, takes_pushes(site->settings), site->config);
	net_settings_finish(site->settings, site->ruleset, site->fleet, site->config);
	if (ruleset_count(site->ruleset) == 0 && config_count(site->config, CONFIG_ERROR) == 0)
		config_say_at(site->config, CONFIG_ERROR, (struct config_place){ name, 0, NULL },
			      "no 'frontend': there is nothing to answer");
	return answer_prepare(site->arena, site->fleet) && !arena_failed(site->arena);
}

bool site_build(struct site *site, char *const *files, size_t n_files)
{
	if (!begin_reading(site))
		return false;
	for (size_t i = 0; i < n_files; i++)
		config_read(site->config, files[i]);
	return finish_reading(site, files[0]);
}

bool site_build_text(struct site *site, const char *name, struct slice text)
{
	if (!begin_reading(site))
		return false;
	config_read_text(site->config, name, text);
	return finish_reading(site, name);
}

void site_release(struct site *site)
{
	arena_free(site->arena);
	*site = (struct site){ 0 };
}
