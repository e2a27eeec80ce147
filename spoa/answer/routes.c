/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routes.h"

struct routes *routes_new(struct arena *arena, const struct log *log, struct config *config)
{
	struct routes *routes = arena_alloc(arena, sizeof(*routes));

	if (routes)
		*routes = (struct routes){ .arena = arena, .log = log, .config = config };
	return routes;
}

static bool unknown_backend(struct config *config, const struct rule *rule, const struct fleet *fleet)
{
	const char *names[64], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < fleet_count(fleet) && n < COUNT(names); i++)
		names[n++] = fleet_backend(fleet, i)->name;
	nearest = config_nearest(rule->backend, names, n);
	if (nearest)
		return config_say_at(config, CONFIG_ERROR, rule->place, "no backend '%s', did you mean '%s'?",
				     rule->backend, nearest);
	return config_say_at(config, CONFIG_ERROR, rule->place, "no backend '%s'", rule->backend);
}

static const struct route *join(struct routes *routes, const struct frontend *frontend, const struct fleet *fleet)
{
	struct route *route = arena_alloc(routes->arena, sizeof(*route));

	if (!route)
		return NULL;
	route->frontend = frontend;
	route->backends = arena_array(routes->arena, frontend->n_rules, sizeof(*route->backends));
	for (size_t i = 0; route->backends && i < frontend->n_rules; i++) {
		route->backends[i] = fleet_find(fleet, frontend->rules[i]->backend);
		if (!route->backends[i])
			unknown_backend(routes->config, frontend->rules[i], fleet);
	}
	return route->backends ? route : NULL;
}

static bool add_message(struct routes *routes, const struct route *route, const char *message)
{
	struct slice name = slice_of_string(message);
	const struct route *taken = routes_find(routes, (struct spop_slice){ name.ptr, name.len });
	struct message_route *slot;

	if (taken) {
		config_say_at(routes->config, CONFIG_ERROR, route->frontend->place,
			      "message '%s' is answered by frontend '%s' (%s:%u) on the same bind already", message,
			      taken->frontend->name, taken->frontend->place.file, taken->frontend->place.line);
		return true;
	}
	slot = arena_grow(routes->arena, &routes->messages, &routes->n, sizeof(*slot));
	if (slot)
		*slot = (struct message_route){ name, route };
	return slot != NULL;
}

bool routes_add(struct routes *routes, const struct frontend *frontend, const struct fleet *fleet)
{
	const struct route *route = join(routes, frontend, fleet);

	if (!route)
		return false;
	for (size_t i = 0; i < frontend->n_messages; i++)
		if (!add_message(routes, route, frontend->messages[i]))
			return false;
	return true;
}
