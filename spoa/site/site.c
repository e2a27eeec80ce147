/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/site.h"

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

bool site_begin(struct site *site, struct config_room rooms[SITE_ROOMS])
{
	*site = (struct site){ .arena = arena_new() };
	if (!site->arena)
		return false;
	site->settings = net_settings_new(site->arena);
	site->ruleset = ruleset_new(site->arena);
	if (!site->settings || !site->ruleset)
		return false;
	site->fleet = fleet_new(site->arena, net_settings_log(site->settings), balance_default());
	if (!site->fleet)
		return false;
	rooms[0] = net_room(site->settings);
	rooms[1] = ruleset_room(site->ruleset);
	rooms[2] = fleet_room(site->fleet);
	rooms[3] = balance_room(site->fleet);
	return true;
}

bool site_build(struct site *site, char *const *files, size_t n_files)
{
	struct config_room rooms[SITE_ROOMS];

	if (!site_begin(site, rooms))
		return false;
	site->config = config_new(site->arena, rooms, SITE_ROOMS);
	if (!site->config)
		return false;
	for (size_t i = 0; i < n_files; i++)
		config_read(site->config, files[i]);
	config_complete(site->config);
	ruleset_finish(site->ruleset, site->config);
	fleet_finish(site->fleet, site->config, clock_now());
	net_settings_finish(site->settings, site->ruleset, site->fleet, site->config);
	if (ruleset_count(site->ruleset) == 0 && config_count(site->config, CONFIG_ERROR) == 0)
		config_say_at(site->config, CONFIG_ERROR, (struct config_place){ files[0], 0, NULL },
			      "no 'frontend': there is nothing to answer");
	return answer_prepare(site->arena, site->fleet) && !arena_failed(site->arena);
}

void site_release(struct site *site)
{
	arena_free(site->arena);
	*site = (struct site){ 0 };
}
