/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routes.h"

#include <stdlib.h>

struct routes *routes_new(struct arena *arena, const struct log *log, struct config *config)
{
	struct routes *routes = arena_alloc(arena, sizeof(*routes));

	if (routes)
		*routes = (struct routes){ .arena = arena, .log = log, .config = config };
	return routes;
}

const struct routes *routes_none(void)
{
	static const struct routes none;

	return &none;
}

static bool unknown_backend(struct arena *arena, struct config *config, const struct rule *rule,
			    const struct fleet *fleet)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; i < fleet_count(fleet) && n < COUNT(names); i++)
		names[n++] = fleet_backend(fleet, i)->name;
	return config_say_at(config, CONFIG_ERROR, rule->place, "no backend '%s'%s", rule->backend,
			     config_did_you_mean(arena, rule->backend, names, n));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct backend *const *)a)->name, (*(struct backend *const *)b)->name);
}

static bool sort_by_name(struct arena *arena, struct route *route, const struct fleet *fleet)
{
	if (route->by_name)
		return true;
	route->n = fleet_count(fleet);
	route->by_name = arena_array(arena, route->n + 1, sizeof(*route->by_name));
	for (size_t i = 0; route->by_name && i < route->n; i++)
		route->by_name[i] = fleet_backend(fleet, i);
	if (route->by_name)
		qsort(route->by_name, route->n, sizeof(*route->by_name), compare_names);
	return route->by_name != NULL;
}

/* As strcmp() orders them. */
static int compare_name(struct slice name, const char *other)
{
	size_t length = strlen(other), shorter = name.len < length ? name.len : length;
	int order = shorter > 0 ? memcmp(name.ptr, other, shorter) : 0;

	return order != 0 ? order : name.len < length ? -1 : name.len > length;
}

struct backend *route_find(const struct route *route, struct slice name)
{
	size_t low = 0, high = route->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_name(name, route->by_name[middle]->name);

		if (order == 0)
			return route->by_name[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Of a dry run, all that may be chosen are to have something to book in. */
static bool prepare_dry_run(const struct route *route, const struct fleet *fleet)
{
	if (!route->frontend->dry_run)
		return true;
	for (size_t i = 0; i < route->frontend->n_rules; i++)
		if (route->backends[i] && !backend_prepare_dry_run(fleet, route->backends[i]))
			return false;
	for (size_t i = 0; i < route->n; i++)
		if (!backend_prepare_dry_run(fleet, route->by_name[i]))
			return false;
	return true;
}

static const struct route *join(struct routes *routes, const struct frontend *frontend, const struct fleet *fleet)
{
	struct route *route = arena_alloc(routes->arena, sizeof(*route));

	if (!route)
		return NULL;
	route->frontend = frontend;
	route->backends = arena_array(routes->arena, frontend->n_rules, sizeof(*route->backends));
	for (size_t i = 0; route->backends && i < frontend->n_rules; i++) {
		const struct rule *rule = frontend->rules[i];

		if (rule->format && !sort_by_name(routes->arena, route, fleet))
			return NULL;
		route->backends[i] = rule->format ? NULL : fleet_find(fleet, rule->backend);
		if (!rule->format && !route->backends[i])
			unknown_backend(routes->arena, routes->config, rule, fleet);
	}
	return route->backends && prepare_dry_run(route, fleet) ? route : NULL;
}

const struct route *route_new(struct arena *arena, const struct frontend *frontend, const struct fleet *fleet,
			      struct config *config)
{
	struct routes alone = { .arena = arena, .config = config };

	return join(&alone, frontend, fleet);
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
