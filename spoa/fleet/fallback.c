/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `fallback-backend`: where clients go when no server of a backend can serve. */
#include <string.h>

#include "fleet.h"

bool fallback_parse(struct config_words *words, void *into)
{
	struct backend *backend = ((struct fleet *)into)->current;
	const char *name = config_take_word(words, "the name of a backend");

	if (!name)
		return false;
	backend->fallback_name = name;
	backend->fallback_place = words->place;
	return true;
}

/* Of `defaults` it is everybody's but its own. */
void fallback_inherit(struct backend *backend)
{
	if (backend->fallback_name && strcmp(backend->fallback_name, backend->name) == 0)
		backend->fallback_name = NULL;
}

struct backend *fleet_fallback(const struct fleet *fleet, const struct backend *backend)
{
	return backend->fallback_name ? fleet_find(fleet, backend->fallback_name) : NULL;
}

static bool unknown(struct fleet *fleet, const struct backend *backend, struct config *config)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; i < fleet->n && n < COUNT(names); i++)
		names[n++] = fleet->backends[i]->name;
	return config_say_at(config, CONFIG_ERROR, backend->fallback_place, "no backend '%s'%s", backend->fallback_name,
			     config_did_you_mean(fleet->arena, backend->fallback_name, names, n));
}

/* Each circle is told once, of its first backend in the file: there it is cut. */
static void cut_circle(const struct fleet *fleet, struct backend *backend, struct config *config)
{
	const struct backend *next = backend->fallback;

	for (size_t steps = 0; next && next != backend && steps < fleet->n; steps++)
		next = next->fallback;
	if (next != backend)
		return;
	config_say_at(config, CONFIG_ERROR, backend->fallback_place, "'fallback-backend %s' leads back to '%s'",
		      backend->fallback_name, backend->name);
	backend->fallback = NULL;
}

void fallback_finish(struct fleet *fleet, struct config *config)
{
	for (size_t i = 0; i < fleet->n; i++) {
		struct backend *backend = fleet->backends[i];

		if (!backend->fallback_name)
			continue;
		backend->fallback = fleet_fallback(fleet, backend);
		if (!backend->fallback)
			unknown(fleet, backend, config);
	}
	for (size_t i = 0; i < fleet->n; i++)
		if (fleet->backends[i]->fallback)
			cut_circle(fleet, fleet->backends[i], config);
}
