/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "select.h"

static const struct balance *const policies[] = { &balance_least_load, &balance_roundrobin, &balance_first };

/* Of configuration.md, by the orders of work to come; compared up to a parenthesis. */
static const char *const later[] = { "random", "static-rr", "source", "uri", "url_param", "hdr", "hash" };

const struct balance *balance_default(void)
{
	return policies[0];
}

static bool is_later(const char *word)
{
	size_t length = strcspn(word, "(");

	for (size_t i = 0; i < COUNT(later); i++)
		if (strlen(later[i]) == length && strncmp(word, later[i], length) == 0)
			return true;
	return false;
}

static bool parse_balance(struct config_words *words, void *into)
{
	struct backend *backend = fleet_current(into);
	const char *word = config_take_word(words, "a policy"), *names[COUNT(policies)];

	if (!word)
		return false;
	for (size_t i = 0; i < COUNT(policies); i++) {
		names[i] = policies[i]->name;
		if (strcmp(word, policies[i]->name) != 0)
			continue;
		backend->balance = policies[i];
		return true;
	}
	if (strcmp(word, "leastconn") == 0) {
		backend->balance = &balance_least_load;
		return config_say_at(words->config, CONFIG_NOTICE, words->place,
				     "'leastconn' is taken as 'least-load': clients do not connect through the agent");
	}
	if (is_later(word))
		return config_error(words, "'balance %s' is not yet supported", word);
	return config_error(words, "unknown policy '%s'%s", word,
			    config_did_you_mean(words->arena, word, names, COUNT(policies)));
}

static const struct config_keyword keywords[] = {
	{ CONFIG_DEFAULTS | CONFIG_BACKEND, "balance", parse_balance, "least-load|roundrobin|first",
	  "how a server is chosen among those that can serve" },
};

struct config_room balance_room(struct fleet *fleet)
{
	return (struct config_room){ keywords, COUNT(keywords), NULL, fleet };
}
