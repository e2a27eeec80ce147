/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_INTER      2.0
#define DEFAULT_LOAD_INTER 1.0
#define MAX_AGENTS         256

const struct server server_initial = { .tls = { .verify = true },
				       .weight = 1,
				       .check = { .inter = DEFAULT_INTER, .fall = 3, .rise = 2 } };

static struct backend *new_backend(struct arena *arena, const struct balance *fallback)
{
	struct backend *backend = arena_alloc(arena, sizeof(*backend));

	if (!backend)
		return NULL;
	backend->default_server = arena_aligned(arena, sizeof(*backend->default_server), _Alignof(struct server));
	if (!backend->default_server)
		return NULL;
	*backend->default_server = server_initial;
	backend->balance = fallback;
	backend->redirect.ttl = -1;
	return backend;
}

struct fleet *fleet_new(struct arena *arena, const struct log *log, const struct balance *fallback)
{
	struct fleet *fleet = arena_alloc(arena, sizeof(*fleet));

	if (!fleet)
		return NULL;
	*fleet = (struct fleet){ .arena = arena, .log = log, .fallback = fallback, .agents = 1 };
	fleet->defaults = new_backend(arena, fallback);
	return fleet->defaults ? fleet : NULL;
}

/* ---- sections ---- */

static bool begin_defaults(struct config_words *words, struct fleet *fleet)
{
	struct backend *fresh = new_backend(fleet->arena, fleet->fallback);

	if (!fresh)
		return config_error(words, "out of memory");
	fresh->place = words->place;
	fleet->current = fleet->defaults = fresh;
	return true;
}

static void keep(void *server)
{
	(void)server;
}

static void forget_all(void *object)
{
	tdestroy(((struct backend *)object)->names, keep);
}

static bool begin_backend(struct config_words *words, struct fleet *fleet, const char *name)
{
	struct backend *backend = new_backend(fleet->arena, fleet->fallback), **slot;
	struct server *default_server;

	slot = backend ? arena_grow(fleet->arena, &fleet->backends, &fleet->n, sizeof(*slot)) : NULL;
	if (!slot)
		return config_error(words, "out of memory");
	default_server = backend->default_server;
	*default_server = *fleet->defaults->default_server;
	*backend = *fleet->defaults;
	backend->default_server = default_server;
	backend->name = name;
	backend->place = words->place;
	fallback_inherit(backend);
	fleet->current = *slot = backend;
	return arena_on_free(fleet->arena, forget_all, backend) || config_error(words, "out of memory");
}

static bool begin(struct config_words *words, const char *name, void *into)
{
	struct fleet *fleet = into;

	fleet->current = NULL;
	if (words->section == CONFIG_DEFAULTS)
		return begin_defaults(words, fleet);
	if (words->section == CONFIG_BACKEND)
		return begin_backend(words, fleet, name);
	return true;
}

/* ---- lines ---- */

static bool parse_agents(struct config_words *words, void *into)
{
	uint64_t agents;

	if (!config_take_int(words, 1, MAX_AGENTS, &agents))
		return false;
	((struct fleet *)into)->agents = (unsigned)agents;
	return true;
}

static bool parse_default_server(struct config_words *words, void *into)
{
	struct server *server = ((struct fleet *)into)->current->default_server;

	if (!server_parse_words(words, server))
		return false;
	if (!server->redir.prefix.ptr && !server->standby_of)
		return true;
	server->redir = (struct redir){ 0 };
	server->standby_of = NULL;
	return config_error(words, "'redir' and 'standby-of' belong to one server, not to a default-server");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct server *)a)->name, ((const struct server *)b)->name);
}

bool backend_know(struct backend *backend, const struct server *server)
{
	return tsearch(server, &backend->names, by_name) != NULL;
}

void backend_forget(struct backend *backend, const struct server *server)
{
	tdelete(server, &backend->names, by_name);
}

struct server *backend_find(const struct backend *backend, const char *name)
{
	const struct server wanted = { .name = name };
	struct server *const *found = tfind(&wanted, &backend->names, by_name);

	return found ? *found : NULL;
}

struct server *server_read(struct config_words *words, struct backend *backend, const struct server *base,
			   const char *name)
{
	const char *address = config_take_word(words, "an address behind the name"), *wrong;
	char host[ENDPOINT_NAME];
	struct server *server;

	if (!address)
		return NULL;
	server = arena_aligned(words->arena, sizeof(*server), _Alignof(struct server));
	if (!server) {
		config_error(words, "out of memory");
		return NULL;
	}
	*server = *base;
	server->name = name;
	server->place = words->place;
	server->backend = backend;
	wrong = endpoint_parse_unresolved(&server->address, address, true, host, &server->host.family);
	if (wrong)
		config_error(words, "server '%s': '%s': %s", name, address, wrong);
	else if (*host && !(server->host.name = arena_string(words->arena, host)))
		wrong = config_error(words, "out of memory") ? NULL : "out of memory";
	if (wrong || !server_parse_words(words, server))
		return NULL;
	if (server->redir.prefix.ptr && !(server->backup && server->standby_of))
		return server;
	if (!server->redir.prefix.ptr)
		config_error(words, "server '%s' needs 'redir' and where clients are sent to", name);
	else
		config_error(words, "server '%s' is either 'backup' or 'standby-of', not both", name);
	return NULL;
}

static bool parse_server(struct config_words *words, void *into)
{
	struct backend *backend = ((struct fleet *)into)->current;
	const char *name = config_take_word(words, "a name");
	struct server *server, **slot;

	if (!name)
		return false;
	if (words->left > 0 && server_knows_word(*words->word))
		return config_error(words, "server '%s' needs an address before '%s'", name, *words->word);
	if (words->left > 0 && !config_name_valid(name))
		return config_error(words, "a name consists of letters, digits, '-', '_', '.' and ':', unlike '%s'",
				    name);
	if (words->left > 0 && backend_find(backend, name))
		return config_error(words, "server '%s' is already defined at line %u", name,
				    backend_find(backend, name)->place.line);
	server = server_read(words, backend, backend->default_server, name);
	if (!server)
		return false;
	server->index = (uint32_t)backend->n_servers;
	server->id = server->index + 1;
	slot = arena_grow(words->arena, &backend->servers, &backend->n_servers, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = server;
	return backend_know(backend, server) || config_error(words, "out of memory");
}

static bool parse_allbackups(struct config_words *words, void *into)
{
	(void)words;
	((struct fleet *)into)->current->allbackups = true;
	return true;
}

static bool parse_dry_run(struct config_words *words, void *into)
{
	(void)words;
	((struct fleet *)into)->current->dry_run = true;
	return true;
}

static const struct config_keyword options[] = {
	{ CONFIG_OPTION, "httpchk", httpchk_parse, "[[<method>] <uri> [<version> [<host>]]]",
	  "a health check is an HTTP request that is answered 2xx or 3xx" },
	{ CONFIG_OPTION, "allbackups", parse_allbackups, "", "all backups that can serve do, not only the first" },
	{ CONFIG_OPTION, "dry-run", parse_dry_run, "", "decide, count and log, but redirect nobody" },
};

static bool parse_option(struct config_words *words, void *into)
{
	const struct config_keyword *option = config_take_keyword(words, options, COUNT(options), CONFIG_OPTION);

	return option && option->parse(words, into);
}

#define BOTH (CONFIG_DEFAULTS | CONFIG_BACKEND)

static const struct config_keyword keywords[] = {
	{ CONFIG_GLOBAL, "agents", parse_agents, "<number>",
	  "how many agents send clients to the same servers, default 1; for servers whose reports tell no arrivals" },
	{ BOTH, "default-server", parse_default_server, "<parameter>…",
	  "what the server lines that follow begin with" },
	{ BOTH, "option", parse_option, "allbackups|dry-run|httpchk …", "options of the backend" },
	{ BOTH, "redirect", redirect_parse,
	  "[code <code>] [ttl <time>] [methods <method>…] [location <format>] [allow-downgrade]",
	  "how clients are redirected" },
	{ CONFIG_BACKEND, "server", parse_server, "<name> <address>[:<port>] redir <prefix> [<parameter>…]",
	  "a server" },
	{ BOTH, "fallback-backend", fallback_parse, "<backend>",
	  "the backend that is tried when no server here can serve" },
	{ BOTH, "http-check", http_check_parse, "send|expect …",
	  "what a health check asks, and which answers are good" },
};

struct config_room fleet_room(struct fleet *fleet)
{
	return (struct config_room){ keywords, COUNT(keywords), begin, fleet };
}

/* ---- the end of the configuration ---- */

bool server_link_standby(struct server *server, struct config *config)
{
	struct server *primary;

	if (!server->standby_of)
		return true;
	primary = backend_find(server->backend, server->standby_of);
	if (!primary)
		return config_say_at(config, CONFIG_ERROR, server->place, "server '%s': no server '%s' in this backend",
				     server->name, server->standby_of);
	if (primary->standby_of || primary->backup)
		return config_say_at(config, CONFIG_ERROR, server->place,
				     "server '%s': '%s' is a %s itself and has no standby", server->name, primary->name,
				     primary->backup ? "backup" : "standby");
	if (primary->standby)
		return config_say_at(config, CONFIG_ERROR, server->place,
				     "server '%s': '%s' has the standby '%s' already", server->name, primary->name,
				     primary->standby->name);
	primary->standby = server;
	return true;
}

/* Where to connect for a check: an address of its own, or the server's. As in HAProxy only `addr` has a port. */
static bool make_address(const struct server *server, struct arena *arena, struct endpoint *to, struct host *host,
			 const char *addr, struct config *config)
{
	char name[ENDPOINT_NAME];
	const char *wrong;

	*to = server->address;
	*host = server->host;
	if (!addr)
		return true;
	wrong = addr == server->agent.addr ? endpoint_parse_portless(to, addr, name, &host->family)
					   : endpoint_parse_unresolved(to, addr, true, name, &host->family);
	if (wrong)
		return config_say_at(config, CONFIG_ERROR, server->place, "server '%s': '%s': %s", server->name, addr,
				     wrong);
	host->name = *name ? arena_string(arena, name) : NULL;
	if (*name && !host->name)
		return config_say_at(config, CONFIG_ERROR, server->place, "out of memory");
	if (endpoint_port(to) == 0)
		endpoint_set_port(to, endpoint_port(&server->address));
	return true;
}

/* port: 0: the one that is there. */
static bool set_port(const struct server *server, struct endpoint *to, unsigned port, const char *what,
		     struct config *config)
{
	if (port > 0)
		endpoint_set_port(to, port);
	if (endpoint_port(to) > 0)
		return true;
	return config_say_at(config, CONFIG_ERROR, server->place, "server '%s': '%s' needs a port", server->name, what);
}

/* HAProxy's: the name that is asked for is the one that is verified, unless another is given. */
static void finish_tls(struct fleet *fleet, struct server *server, struct tls_target *target, const char *name,
		       struct config *config)
{
	target->trust = trust_of(fleet, server, config);
	target->sni = server->tls.sni ? server->tls.sni : name;
	target->verify_host = server->tls.verify_host ? server->tls.verify_host : target->sni;
}

static void finish_load_check(struct fleet *fleet, struct arena *arena, struct server *server, struct config *config)
{
	struct load_check_config *check = &server->load_check;
	char text[ENDPOINT_TEXT];
	const char *host = server->host.name;

	if (check->inter <= 0)
		check->inter = server->agent.inter > 0 ? server->agent.inter : DEFAULT_LOAD_INTER;
	server->load_check_address = server->address;
	if (!check->enabled || !set_port(server, &server->load_check_address, check->port, "load-check", config))
		return;
	if (check->https)
		finish_tls(fleet, server, &server->load_check_tls, NULL, config);
	if (server->load_check_tls.sni)
		host = server->load_check_tls.sni;
	else if (host)
		host = arena_printf(arena, "%s:%u", host, endpoint_port(&server->load_check_address));
	else
		host = endpoint_text(&server->load_check_address, text);
	check->request = !host ? NULL
			       : arena_printf(arena, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: spoa-redirect\r\n\r\n",
					      check->path, host);
	if (!check->request)
		config_say_at(config, CONFIG_ERROR, server->place, "out of memory");
}

/* Where clients are sent to: its host, its port, and TLS by its name. */
static void finish_via_redir(struct fleet *fleet, struct arena *arena, struct server *server, struct config *config)
{
	const char *authority = arena_printf(arena, "%.*s", SLICE_ARGS(server->redir.authority)), *wrong;
	char host[ENDPOINT_NAME] = "";

	if (!authority) {
		config_say_at(config, CONFIG_ERROR, server->place, "out of memory");
		return;
	}
	wrong = endpoint_parse_unresolved(&server->check_address, authority, true, host, &server->check_host.family);
	if (wrong)
		config_say_at(config, CONFIG_ERROR, server->place, "server '%s': check-via: '%s': %s", server->name,
			      authority, wrong);
	if (server->check.addr || server->check.port)
		config_say_at(config, CONFIG_ERROR, server->place,
			      "server '%s': 'check-via redir' says where checks go, 'addr' and 'port' do, too",
			      server->name);
	if (endpoint_port(&server->check_address) == 0)
		endpoint_set_port(&server->check_address, server->redir.tls ? 443 : 80);
	server->check_host.name = *host ? arena_string(arena, host) : NULL;
	if (server->redir.tls)
		finish_tls(fleet, server, &server->check_tls, server->check_host.name, config);
	if (server->backend->httpchk.enabled)
		server->check_request = httpchk_request(arena, &server->backend->httpchk, authority);
}

/* As HAProxy: a check is secured as the traffic is, unless it goes elsewhere. */
static void finish_check(struct fleet *fleet, struct arena *arena, struct server *server, struct config *config)
{
	const struct check_config *check = &server->check;
	bool secure = server->tls.check_ssl || (server->tls.ssl && !check->addr && !check->port);

	if (server->check_via_redir) {
		finish_via_redir(fleet, arena, server, config);
		return;
	}
	if (make_address(server, arena, &server->check_address, &server->check_host, check->addr, config))
		set_port(server, &server->check_address, check->port, "check", config);
	if (secure)
		finish_tls(fleet, server, &server->check_tls, NULL, config);
	server->check_request = server->backend->httpchk.request;
}

static void finish_agent(struct arena *arena, struct server *server, struct config *config)
{
	if (make_address(server, arena, &server->agent_address, &server->agent_host, server->agent.addr, config))
		set_port(server, &server->agent_address, server->agent.port, "agent-check", config);
}

void server_finish(struct fleet *fleet, struct arena *arena, struct server *server, struct config *config, double now)
{
	finish_load_check(fleet, arena, server, config);
	if (server->agent.inter <= 0)
		server->agent.inter = server->check.inter;
	if (server->check.enabled)
		finish_check(fleet, arena, server, config);
	if (server->agent.enabled && server->agent.port == 0)
		config_say_at(config, CONFIG_ERROR, server->place, "server '%s': 'agent-check' needs an 'agent-port'",
			      server->name);
	else if (server->agent.enabled)
		finish_agent(arena, server, config);
	if (server->agent.enabled && server->weight == 1 && !server->backend->balance->reads_utilisation)
		config_say_at(config, CONFIG_NOTICE, server->place,
			      "server '%s': of weight 1 an agent's percentage below 100 is 0, as in HAProxy: give it "
			      "weight 100",
			      server->name);
	server_start(server, now);
}

bool backend_make_state(struct arena *arena, struct backend *backend)
{
	uint32_t n = backend->n_servers ? (uint32_t)backend->n_servers : 1;
	struct seat *usable = arena_array(arena, n, sizeof(*usable));
	struct backend_state *state = arena_alloc(arena, sizeof(*state));

	if (!state)
		return false;
	state->room = n;
	atomic_init(&state->usable, usable);
	backend->state = state;
	return usable && (!backend->balance->prepare || backend->balance->prepare(arena, backend, n));
}

static bool make_states(struct arena *arena, struct backend *backend)
{
	for (size_t i = 0; i < backend->n_servers; i++)
		if (!server_make_state(arena, backend->servers[i]))
			return false;
	return backend_make_state(arena, backend);
}

static void finish_backend(struct fleet *fleet, struct backend *backend, struct config *config, double now)
{
	backend->agents = fleet->agents;
	redirect_finish(backend, config);
	if (backend->n_servers == 0)
		config_say_at(config, CONFIG_WARNING, backend->place, "no server: nothing is redirected from here");
	if (!make_states(fleet->arena, backend)) {
		config_say_at(config, CONFIG_ERROR, backend->place, "out of memory");
		return;
	}
	if (!httpchk_finish(fleet->arena, backend, config))
		config_say_at(config, CONFIG_ERROR, backend->place, "out of memory");
	for (size_t i = 0; i < backend->n_servers; i++) {
		server_link_standby(backend->servers[i], config);
		server_finish(fleet, fleet->arena, backend->servers[i], config, now);
	}
	backend_refresh_usable(backend, now);
}

void fleet_finish(struct fleet *fleet, struct config *config, double now)
{
	fallback_finish(fleet, config);
	fleet->finished = now;
	for (size_t i = 0; i < fleet->n; i++)
		finish_backend(fleet, fleet->backends[i], config, now);
	track_finish(fleet, config);
	fleet_follow(fleet, now);
	for (size_t i = 0; i < fleet->n; i++)
		if (fleet->backends[i]->dry_run && !backend_prepare_dry_run(fleet, fleet->backends[i]))
			config_say_at(config, CONFIG_ERROR, fleet->backends[i]->place, "out of memory");
}

size_t fleet_count(const struct fleet *fleet)
{
	return fleet->n;
}

struct backend *fleet_backend(const struct fleet *fleet, size_t i)
{
	return fleet->backends[i];
}

const struct log *fleet_log(const struct fleet *fleet)
{
	return fleet->log;
}

struct backend *fleet_find(const struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->n; i++)
		if (strcmp(fleet->backends[i]->name, name) == 0)
			return fleet->backends[i];
	return NULL;
}

static void take_retired(struct backend_state *state, struct retired **list)
{
	while (state->retired) {
		struct retired *next = state->retired->next;

		state->retired->next = *list;
		*list = state->retired;
		state->retired = next;
	}
}

struct retired *fleet_take_retired(struct fleet *fleet)
{
	struct retired *list = NULL;

	for (size_t i = 0; i < fleet->n; i++) {
		take_retired(fleet->backends[i]->state, &list);
		if (fleet->backends[i]->shadow)
			take_retired(fleet->backends[i]->shadow->state, &list);
	}
	return list;
}

struct backend *fleet_current(const struct fleet *fleet)
{
	return fleet->current;
}
