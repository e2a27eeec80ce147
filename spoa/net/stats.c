/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `stats socket`, `stats timeout` and `http`: where people look in. */
#include <string.h>

#include "settings.h"

static const char *const levels[] = { [LEVEL_USER] = "user", [LEVEL_OPERATOR] = "operator", [LEVEL_ADMIN] = "admin" };

const char *stats_level_name(enum stats_level level)
{
	return levels[level];
}

static bool parse_level(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "user, operator or admin");

	for (size_t i = 0; word && i < COUNT(levels); i++)
		if (strcmp(word, levels[i]) == 0) {
			((struct stats_socket *)into)->level = (enum stats_level)i;
			return true;
		}
	return word && config_error(words, "unknown level '%s', expected user, operator or admin", word);
}

static bool parse_expose(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "listeners");

	if (word && strcmp(word, "listeners") != 0)
		return config_error(words, "'expose-fd' expects 'listeners', not '%s'", word);
	((struct stats_socket *)into)->expose = true;
	return word != NULL;
}

static const struct config_keyword socket_words[] = {
	{ CONFIG_FRONTEND, "level", parse_level, "user|operator|admin", "what may be asked there" },
	{ CONFIG_FRONTEND, "expose-fd", parse_expose, "listeners", "for a process that takes over, -x" },
};

static bool parse_socket(struct config_words *words, struct net_settings *settings)
{
	struct stats_socket socket = { .level = LEVEL_OPERATOR, .place = words->place }, *slot;

	if (!listening_take_address(words, &socket.where))
		return false;
	while (words->left > 0) {
		const struct config_keyword *word = listening_take_keyword(words, socket_words, COUNT(socket_words));

		bool own = word && (word->parse == parse_level || word->parse == parse_expose);

		if (!word || !word->parse(words, own ? (void *)&socket : &socket.where))
			return false;
	}
	if (!listening_is_sane(words, &socket.where))
		return false;
	slot = arena_grow(words->arena, &settings->stats, &settings->n_stats, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = socket;
	return true;
}

bool stats_parse(struct config_words *words, void *into)
{
	struct net_settings *settings = into;
	const char *word = config_take_word(words, "socket or timeout");

	if (!word)
		return false;
	if (strcmp(word, "socket") == 0)
		return parse_socket(words, settings);
	if (strcmp(word, "timeout") == 0)
		return config_take_time(words, 0.001, &settings->stats_timeout);
	return config_error(words, "'stats %s' is not supported, only 'stats socket' and 'stats timeout'", word);
}

bool http_parse(struct config_words *words, void *into)
{
	struct net_settings *settings = into;
	struct stats_socket *http = arena_alloc(words->arena, sizeof(*http));

	if (!http)
		return config_error(words, "out of memory");
	http->place = words->place;
	if (!listening_take_address(words, &http->where))
		return false;
	while (words->left > 0) {
		const struct config_keyword *word = listening_take_keyword(words, NULL, 0);

		if (!word || !word->parse(words, &http->where))
			return false;
	}
	if (!listening_is_sane(words, &http->where))
		return false;
	if (settings->http)
		return config_error(words, "already at line %u", settings->http->place.line);
	settings->http = http;
	return true;
}

const struct stats_socket *net_settings_stats(const struct net_settings *settings, size_t i)
{
	return i < settings->n_stats ? &settings->stats[i] : NULL;
}

const struct stats_socket *net_settings_http(const struct net_settings *settings)
{
	return settings->http;
}

double net_settings_stats_timeout(const struct net_settings *settings)
{
	return settings->stats_timeout;
}

static bool same_socket(const struct stats_socket *a, const struct stats_socket *b)
{
	return endpoint_equal(&a->where.endpoint, &b->where.endpoint) && a->level == b->level &&
	       a->expose == b->expose && a->where.mode == b->where.mode && a->where.user == b->where.user &&
	       a->where.group == b->where.group;
}

bool stats_same(const struct net_settings *a, const struct net_settings *b)
{
	if (a->n_stats != b->n_stats)
		return false;
	for (size_t i = 0; i < a->n_stats; i++)
		if (!same_socket(&a->stats[i], &b->stats[i]))
			return false;
	return true;
}

bool http_same(const struct net_settings *a, const struct net_settings *b)
{
	return !a->http == !b->http && (!a->http || same_socket(a->http, b->http));
}
