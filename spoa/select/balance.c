/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "select.h"

#define MOST_DRAWS  16u
#define MOST_FACTOR 65535u /* percent, of a server's share */

struct policy {
	const struct balance *balance;
	/* What stands behind the name, up to the end of the line; argument: in parentheses, NULL: none. NULL: nothing may. */
	bool (*parse)(struct config_words *words, struct backend *backend, const char *argument);
};

const struct balance *balance_default(void)
{
	return &balance_least_load;
}

/* ---- what is hashed ---- */

static bool set_key(struct config_words *words, struct backend *backend, const char *sample, struct hash_key_part part)
{
	backend->hash.key = sample ? hash_key_parse(words, sample, part) : NULL;
	return backend->hash.key != NULL;
}

static bool no_argument(const struct config_words *words, const char *argument)
{
	return !argument || config_error(words, "this policy has nothing in parentheses, unlike '(%s)'", argument);
}

static bool parse_hash(struct config_words *words, struct backend *backend, const char *argument)
{
	return no_argument(words, argument) &&
	       set_key(words, backend, config_take_word(words, "a sample such as req.hdr(x-user) behind 'hash'"),
		       (struct hash_key_part){ 0 });
}

static bool parse_source(struct config_words *words, struct backend *backend, const char *argument)
{
	return no_argument(words, argument) && set_key(words, backend, "src", (struct hash_key_part){ 0 });
}

static bool take_size(struct config_words *words, unsigned *size)
{
	uint64_t number;

	if (!config_take_int(words, 1, 8192, &number))
		return false;
	*size = (unsigned)number;
	return true;
}

static bool parse_uri(struct config_words *words, struct backend *backend, const char *argument)
{
	struct hash_key_part part = { 0 };
	bool whole = false, good = no_argument(words, argument);

	while (good && words->left > 0) {
		if (config_take_if(words, "whole"))
			whole = true;
		else if (config_take_if(words, "len"))
			good = take_size(words, &part.length);
		else if (config_take_if(words, "depth"))
			good = take_size(words, &part.depth);
		else if (!config_take_if(words, "path-only")) /* as it is here anyway */
			return config_error(words,
					    "'balance uri' takes 'depth', 'len', 'path-only' and 'whole', not '%s'",
					    *words->word);
	}
	return good && set_key(words, backend, whole ? "pathq" : "path", part);
}

static bool parse_url_param(struct config_words *words, struct backend *backend, const char *argument)
{
	const char *name = no_argument(words, argument)
				   ? config_take_word(words, "the name of a parameter behind 'url_param'")
				   : NULL;

	if (!name)
		return false;
	if (config_take_if(words, "check_post"))
		return config_error(words, "'check_post' is not supported: a redirect knows nothing of the body");
	return set_key(words, backend, arena_printf(words->arena, "url_param(%s)", name), (struct hash_key_part){ 0 });
}

static bool parse_hdr(struct config_words *words, struct backend *backend, const char *argument)
{
	struct hash_key_part part = { .first = true };

	if (!argument)
		return config_error(words, "'balance hdr' expects the name of a header, as in 'hdr(x-user)'");
	part.domain = config_take_if(words, "use_domain_only");
	return set_key(words, backend, arena_printf(words->arena, "req.hdr(%s)", argument), part);
}

static bool parse_random(struct config_words *words, struct backend *backend, const char *argument)
{
	uint64_t draws;

	if (!argument)
		return true;
	if (!slice_to_natural(slice_of_string(argument), MOST_DRAWS, &draws) || draws == 0)
		return config_error(words, "'random' expects a number of draws from 1 to %u, not '%s'", MOST_DRAWS,
				    argument);
	backend->draws = (unsigned)draws;
	return true;
}

/* ---- the line ---- */

static const struct policy policies[] = {
	{ &balance_least_load, NULL },     { &balance_random, parse_random }, { &balance_roundrobin, NULL },
	{ &balance_static_rr, NULL },      { &balance_first, NULL },          { &balance_hash, parse_hash },
	{ &balance_source, parse_source }, { &balance_uri, parse_uri },       { &balance_url_param, parse_url_param },
	{ &balance_hdr, parse_hdr },
};

const char *balance_name(size_t i)
{
	return i < COUNT(policies) ? policies[i].balance->name : NULL;
}

/* "hdr(x)" is "hdr" and "x". False: reported. */
static bool split(struct config_words *words, const char *word, const char **name, const char **argument)
{
	size_t length = strcspn(word, "("), rest = strlen(word + length);

	*argument = NULL;
	*name = arena_printf(words->arena, "%.*s", (int)length, word);
	if (rest == 0)
		return *name || config_error(words, "out of memory");
	if (word[length + rest - 1] != ')')
		return config_error(words, "no closing ')' in '%s'", word);
	*argument = arena_printf(words->arena, "%.*s", (int)rest - 2, word + length + 1);
	return (*name && *argument) || config_error(words, "out of memory");
}

static const struct policy *find(struct config_words *words, const char *name)
{
	const char *names[COUNT(policies)];

	for (size_t i = 0; i < COUNT(policies); i++) {
		names[i] = policies[i].balance->name;
		if (strcmp(name, names[i]) == 0)
			return &policies[i];
	}
	config_error(words, "unknown policy '%s'%s", name,
		     config_did_you_mean(words->arena, name, names, COUNT(names)));
	return NULL;
}

static bool parse_balance(struct config_words *words, void *into)
{
	struct backend *backend = fleet_current(into);
	const char *word = config_take_word(words, "a policy"), *name, *argument;
	const struct policy *policy;

	if (!word || !split(words, word, &name, &argument))
		return false;
	backend->hash.key = NULL;
	backend->draws = 0;
	if (strcmp(word, "leastconn") == 0) {
		backend->balance = &balance_least_load;
		return config_say_at(words->config, CONFIG_NOTICE, words->place,
				     "'leastconn' is taken as 'least-load': clients do not connect through the agent");
	}
	policy = find(words, name);
	if (!policy)
		return false;
	backend->balance = policy->balance;
	return policy->parse ? policy->parse(words, backend, argument) : no_argument(words, argument);
}

/* ---- hash-type, hash-balance-factor ---- */

static bool parse_hash_type(struct config_words *words, void *into)
{
	const char *type = config_take_word(words, "'consistent'");

	if (!type)
		return false;
	fleet_current(into)->hash.type_place = words->place;
	if (strcmp(type, "map-based") == 0)
		return config_error(words,
				    "'hash-type map-based' is not supported: with each server that comes or goes it "
				    "moves nearly every key; 'consistent' moves those of that server");
	if (strcmp(type, "consistent") != 0)
		return config_error(words, "'hash-type' expects 'consistent', not '%s'", type);
	if (words->left == 0)
		return true;
	while (words->left > 0)
		config_take_word(words, "");
	return config_say_at(words->config, CONFIG_NOTICE, words->place,
			     "the hash function is the agent's own, whatever stands behind 'consistent'");
}

static bool parse_balance_factor(struct config_words *words, void *into)
{
	struct backend *backend = fleet_current(into);
	uint64_t factor;

	if (!config_take_int(words, 0, MOST_FACTOR, &factor))
		return false;
	if (factor > 0 && factor <= 100)
		return config_error(words,
				    "'hash-balance-factor' is 0, for no bound, or above 100: percent of a server's "
				    "share, and all of them cannot carry less than theirs");
	backend->hash.balance_factor = (unsigned)factor;
	backend->hash.balance_factor_place = words->place;
	return true;
}

/* HAProxy's other forms fill or read a table. */
static bool parse_stick(struct config_words *words, void *into)
{
	struct backend *backend = fleet_current(into);
	const char *how = config_take_word(words, "'on' and a sample"), *sample;

	if (!how)
		return false;
	if (strcmp(how, "on") != 0)
		return config_error(words, "'stick' expects 'on', not '%s': there is no table, the key is hashed", how);
	sample = config_take_word(words, "a sample such as req.cook(session) behind 'on'");
	if (!sample)
		return false;
	if (words->left > 0)
		return config_error(words,
				    "nothing may follow the sample, unlike '%s': there is no table, and no condition",
				    *words->word);
	backend->hash.stick = hash_key_parse(words, sample, (struct hash_key_part){ 0 });
	return backend->hash.stick != NULL;
}

#define BOTH (CONFIG_DEFAULTS | CONFIG_BACKEND)

static const struct config_keyword keywords[] = {
	{ BOTH, "balance", parse_balance,
	  "first|hash <sample>|hdr(<name>)|least-load|random[(<draws>)]|roundrobin|source|static-rr|uri|url_param "
	  "<name>",
	  "how a server is chosen among those that can serve" },
	{ BOTH, "hash-balance-factor", parse_balance_factor, "<percent>",
	  "of its share of what is in flight, the most that a hashed server carries; 0: no bound" },
	{ BOTH, "stick", parse_stick, "on <sample>",
	  "what tells a client that is to stay at its server, as long as that is not much worse off" },
	{ BOTH, "hash-type", parse_hash_type, "consistent", "how keys are hashed to servers" },
};

struct config_room balance_room(struct fleet *fleet)
{
	return (struct config_room){ keywords, COUNT(keywords), NULL, fleet };
}

/* ---- the end of the configuration ---- */

/* A line of `defaults` may be for other backends. */
static void warn_useless(struct config *config, const struct backend *backend, struct config_place place,
			 const char *keyword)
{
	if (place.line > 0 && place.section == backend->place.section)
		config_say_at(config, CONFIG_WARNING, place, "'%s' has no effect: 'balance %s' does not hash", keyword,
			      backend->balance->name);
}

static void finish_stick(struct config *config, struct backend *backend)
{
	const struct hash_key *stick = backend->hash.stick;

	if (!stick)
		return;
	if (!backend->balance->hashes) {
		backend->hash.key = backend->hash.stick;
		backend->hash.sticks = true;
	} else if (stick->place.section == backend->place.section) {
		config_say_at(
			config, CONFIG_ERROR, stick->place,
			"'stick on' does not go with 'balance %s', which lets each key stay at its server as it is: "
			"leave one of them out",
			backend->balance->name);
	}
}

/* Those that lead to a backend lead to its fallback, too. */
static bool add_keys(struct ruleset *ruleset, const struct fleet *fleet, const struct backend *backend)
{
	const struct backend *fallback = fleet_fallback(fleet, backend);

	return (!backend->hash.key || ruleset_add_key(ruleset, backend->hash.key, backend->name)) &&
	       (!fallback || !fallback->hash.key || ruleset_add_key(ruleset, fallback->hash.key, backend->name));
}

static bool tells_load(const struct server *server)
{
	return server->load_check.enabled || server->load_push ||
	       (server->agent.enabled && server->backend->balance->reads_utilisation);
}

static bool has_maxconn(const struct server *server)
{
	return server->maxconn > 0;
}

static bool has_maxload(const struct server *server)
{
	return server->maxload > 0;
}

/* Once a backend: in one that HAProxy had, it is most likely in a default-server. */
static void warn_unheard(struct config *config, const struct backend *backend, bool (*has)(const struct server *server),
			 const char *keyword, const char *of)
{
	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];

		if (!has(server) || tells_load(server))
			continue;
		config_say_at(
			config, CONFIG_WARNING, server->place,
			"server '%s': '%s' has no effect without reports of %s: 'load-check', 'load-push' or, with "
			"'balance least-load', 'agent-check'",
			server->name, keyword, of);
		return;
	}
}

/* On its own line: a default-server may say how often those are asked that are. */
static void warn_load_inter(struct config *config, const struct backend *backend)
{
	const struct server *common = backend->default_server;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];
		double inter = server->load_check.inter;

		if (inter > 0 && !server->load_check.enabled && !server->load_push &&
		    !(common && common->load_check.inter == inter))
			config_say_at(config, CONFIG_WARNING, server->place,
				      "server '%s': 'load-inter' has no effect without 'load-check'", server->name);
	}
}

void balance_finish(struct fleet *fleet, struct ruleset *ruleset, struct config *config)
{
	for (size_t i = 0; i < fleet_count(fleet); i++)
		finish_stick(config, fleet_backend(fleet, i));
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);
		const struct hash_config *hash = &backend->hash;

		if (!add_keys(ruleset, fleet, backend))
			config_say_at(config, CONFIG_ERROR, backend->place, "out of memory");
		warn_unheard(config, backend, has_maxconn, "maxconn", "what is in flight");
		warn_unheard(config, backend, has_maxload, "maxload", "utilisation");
		warn_load_inter(config, backend);
		if (backend->balance->hashes)
			continue;
		warn_useless(config, backend, hash->balance_factor_place, "hash-balance-factor");
		warn_useless(config, backend, hash->type_place, "hash-type");
	}
}
