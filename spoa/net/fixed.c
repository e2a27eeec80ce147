/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings that only a restart changes: the process and the files may differ in them from a reload on. */
#include <stdlib.h>

#include "settings.h"

/* The configuration of the start is gone by the time that it is compared with: these are copies. */
struct fixed {
	struct net_settings settings; /* only what rows[] compare; of names only whether there are some */
	struct stats_socket http, stats[];
};

static bool nbthread_same(const struct net_settings *a, const struct net_settings *b)
{
	return net_settings_workers(a) == net_settings_workers(b); /* one per processor may be the same */
}

static bool busy_poll_same(const struct net_settings *a, const struct net_settings *b)
{
	return a->busy_poll == b->busy_poll;
}

static const struct {
	const char *what;
	bool (*same)(const struct net_settings *a, const struct net_settings *b);
} rows[] = {
	{ "'nbthread'", nbthread_same },  { "'busy-poll'", busy_poll_same }, { "'user' or 'group'", identity_same },
	{ "'stats socket'", stats_same }, { "'http'", http_same },
};

struct fixed *fixed_new(const struct net_settings *settings)
{
	struct fixed *fixed = calloc(1, sizeof(*fixed) + settings->n_stats * sizeof(*fixed->stats));

	if (!fixed)
		return NULL;
	fixed->settings = (struct net_settings){ .nbthread = settings->nbthread,
						 .busy_poll = settings->busy_poll,
						 .identity = settings->identity,
						 .stats = fixed->stats,
						 .n_stats = settings->n_stats };
	for (size_t i = 0; i < settings->n_stats; i++)
		fixed->stats[i] = settings->stats[i];
	if (settings->http) {
		fixed->http = *settings->http;
		fixed->settings.http = &fixed->http;
	}
	return fixed;
}

void fixed_warn(const struct fixed *fixed, const struct net_settings *settings, struct config *config)
{
	const struct config_place whole = { "configuration", 0, NULL };

	for (size_t i = 0; i < COUNT(rows); i++)
		if (!rows[i].same(&fixed->settings, settings))
			config_say_at(config, CONFIG_WARNING, whole,
				      "%s has changed since the start: that needs a restart", rows[i].what);
}

void fixed_free(struct fixed *fixed)
{
	free(fixed);
}
