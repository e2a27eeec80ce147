/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `load-push`: reports that somebody brings; whoever it is was found good before. */
#include "push.h"

#include <stdlib.h>

#include "report.h"
#include "spoa-redirect/load.h"

/* ---- finding the server ---- */

struct wanted {
	struct slice backend, server;
};

static int compare_name(struct slice name, const char *with)
{
	size_t length = strlen(with), both = name.len < length ? name.len : length;
	int order = both > 0 ? memcmp(name.ptr, with, both) : 0;

	return order ? order : (name.len > length) - (name.len < length);
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *wanted = a;
	const struct server *server = *(struct server *const *)b;
	int order = compare_name(wanted->backend, server->backend->name);

	return order ? order : compare_name(wanted->server, server->name);
}

static int compare_servers(const void *a, const void *b)
{
	const struct server *server = *(struct server *const *)a;
	struct wanted wanted = { slice_of_string(server->backend->name), slice_of_string(server->name) };

	return compare_wanted(&wanted, b);
}

bool push_index(struct load *load)
{
	struct server **all;
	size_t n = 0;

	for (size_t i = 0; i < fleet_count(load->fleet); i++)
		n += fleet_backend(load->fleet, i)->n_servers;
	all = calloc(n ? n : 1, sizeof(struct server *));
	if (!all)
		return false;
	n = 0;
	for (size_t i = 0; i < fleet_count(load->fleet); i++) {
		const struct backend *backend = fleet_backend(load->fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			all[n++] = backend->servers[j];
	}
	qsort(all, n, sizeof(struct server *), compare_servers);
	free(load->by_name);
	load->by_name = all;
	load->n_by_name = n;
	return true;
}

struct server *push_find(const struct load *load, struct slice backend, struct slice server)
{
	struct wanted wanted = { backend, server };
	struct server **found =
		bsearch(&wanted, load->by_name, load->n_by_name, sizeof(struct server *), compare_wanted);

	return found ? *found : NULL;
}

/* ---- reports ---- */

enum load_rejection load_set(struct load *load, struct server *server, struct slice json, double now)
{
	struct record record;
	enum load_rejection verdict = record_parse_json(json, &record);

	record.text = json;
	return report_take(load, server, SOURCE_PUSH, verdict, &record, now);
}

enum load_pushed load_push(struct load *load, struct slice backend, struct slice name, struct slice json, double now,
			   enum load_rejection *why)
{
	struct server *server = push_find(load, backend, name);

	*why = REPORT_TAKEN;
	if (!server)
		return LOAD_PUSHED_NOWHERE;
	if (!server->load_push)
		return LOAD_PUSHED_UNASKED;
	*why = load_set(load, server, json, now);
	return *why == REPORT_TAKEN ? LOAD_PUSHED : LOAD_PUSHED_REJECTED;
}
