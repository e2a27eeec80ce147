/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"

#define MAX_THREADS 64u

struct net_settings *net_settings_new(struct arena *arena)
{
	struct net_settings *settings = arena_alloc(arena, sizeof(*settings));

	if (!settings)
		return NULL;
	*settings = (struct net_settings){
		.arena = arena,
		.maxconn = 10000,
		.grace = 10,
		.hard_stop = 30,
		.max_frame_size = NET_MAX_FRAME_SIZE,
		.output_limit = 4u * 1024 * 1024,
		.backlog = 4096, /* a reload of HAProxy opens a connection per waiting request at once */
		.hello_timeout = 10,
		.frame_timeout = 10,
		.hold_time = 1,
		.linger_time = 1,
		.stats_timeout = 10,
		.log = { .targets = { { .fd = STDERR_FILENO, .format = LOG_FORMAT_TIMED, .level = LOG_INFO } },
			 .n = 1,
			 .lost = arena_array(arena, LOG_MAX_TARGETS, sizeof(atomic_uint)) },
	};
	return settings;
}

struct log *net_settings_log(struct net_settings *settings)
{
	return &settings->log;
}

void net_settings_debug(struct net_settings *settings)
{
	struct log_target stderr_target = { .fd = STDERR_FILENO, .format = LOG_FORMAT_TIMED, .level = LOG_DEBUG };
	unsigned n = 0;

	for (unsigned i = 0; i < settings->log.n; i++)
		if (settings->log.targets[i].to.length > 0 || settings->log.targets[i].fd != STDERR_FILENO)
			settings->log.targets[n++] = settings->log.targets[i];
	settings->log.n = n;
	settings->log.targets[settings->log.n++] = stderr_target;
}

const char *net_settings_state_file(const struct net_settings *settings)
{
	return settings->state_file;
}

const struct identity *net_settings_identity(const struct net_settings *settings)
{
	return &settings->identity;
}

const struct endpoint *net_settings_bind(const struct net_settings *settings, size_t i)
{
	return i < settings->n_binds ? &settings->binds[i].where.endpoint : NULL;
}

double net_settings_grace(const struct net_settings *settings)
{
	return settings->grace;
}

double net_settings_hard_stop(const struct net_settings *settings)
{
	return settings->hard_stop;
}

/* ---- global ---- */

static bool parse_nbthread(struct config_words *words, void *into)
{
	uint64_t n;

	if (!config_take_int(words, 1, MAX_THREADS, &n))
		return false;
	((struct net_settings *)into)->nbthread = (unsigned)n;
	return true;
}

static bool parse_maxconn(struct config_words *words, void *into)
{
	return config_take_int(words, 1, 1000000, &((struct net_settings *)into)->maxconn);
}

static bool parse_hard_stop_after(struct config_words *words, void *into)
{
	return config_take_time(words, 0, &((struct net_settings *)into)->hard_stop);
}

static bool parse_grace(struct config_words *words, void *into)
{
	((struct net_settings *)into)->grace_place = words->place;
	return config_take_time(words, 0, &((struct net_settings *)into)->grace);
}

static bool parse_state_file(struct config_words *words, void *into)
{
	const char *file = config_take_word(words, "a file");

	((struct net_settings *)into)->state_file = file;
	return file && (*file == '/' || config_error(words, "'%s': the file is given by its whole path", file));
}

static bool parse_max_frame_size(struct config_words *words, void *into)
{
	uint64_t size;

	if (!config_take_int(words, SPOP_MIN_FRAME_SIZE, NET_MAX_FRAME_SIZE, &size))
		return false;
	((struct net_settings *)into)->max_frame_size = (uint32_t)size;
	return true;
}

static bool parse_output_limit(struct config_words *words, void *into)
{
	return config_take_int(words, 4096, 1u << 30, &((struct net_settings *)into)->output_limit);
}

static bool parse_backlog(struct config_words *words, void *into)
{
	uint64_t n;

	if (!config_take_int(words, 1, 65535, &n))
		return false;
	((struct net_settings *)into)->backlog = (int)n;
	return true;
}

static bool parse_busy_poll(struct config_words *words, void *into)
{
	(void)words;
	((struct net_settings *)into)->busy_poll = true;
	return true;
}

static bool parse_timeout(struct config_words *words, void *into)
{
	struct net_settings *settings = into;
	const struct {
		const char *name;
		double *seconds;
	} timeouts[] = { { "hello", &settings->hello_timeout },
			 { "idle", &settings->idle_timeout },
			 { "frame", &settings->frame_timeout } };
	const char *name = config_take_word(words, "hello, idle or frame");

	for (size_t i = 0; name && i < COUNT(timeouts); i++)
		if (strcmp(name, timeouts[i].name) == 0)
			return config_take_time(words, 0.001, timeouts[i].seconds);
	return name && config_error(words, "unknown timeout '%s', expected hello, idle or frame", name);
}

/* ---- bind ---- */

static const struct config_keyword bind_words[] = {
	{ CONFIG_FRONTEND, "allow", NULL, "<network>…", "" },
	{ CONFIG_FRONTEND, "backlog", NULL, "<n>", "" },
};

static bool parse_bind(struct config_words *words, void *into)
{
	struct net_settings *settings = into;
	struct bind bind = { .frontend = settings->frontend, .place = words->place };
	struct bind *slot;

	if (!listening_take_address(words, &bind.where))
		return false;
	while (words->left > 0) {
		const struct config_keyword *word;

		if (strcmp(*words->word, "ssl") == 0)
			return config_error(words,
					    "'ssl' is not supported: use WireGuard or stunnel between the hosts");
		word = listening_take_keyword(words, bind_words, COUNT(bind_words));
		if (!word || !word->parse(words, &bind.where))
			return false;
	}
	if (!listening_is_sane(words, &bind.where))
		return false;
	slot = arena_grow(words->arena, &settings->binds, &settings->n_binds, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = bind;
	return true;
}

static bool begin(struct config_words *words, const char *name, void *into)
{
	((struct net_settings *)into)->frontend = words->section == CONFIG_FRONTEND ? name : NULL;
	return true;
}

static const struct config_keyword keywords[] = {
	{ CONFIG_GLOBAL, "user", identity_parse_user, "<user>",
	  "what to be once everything is bound, if started as root; its group as well, unless said" },
	{ CONFIG_GLOBAL, "group", identity_parse_group, "<group>", "the group likewise" },
	{ CONFIG_GLOBAL, "grace", parse_grace, "<time>",
	  "how long to go on after a signal to stop, health checks being refused; default 10s" },
	{ CONFIG_GLOBAL, "hard-stop-after", parse_hard_stop_after, "<time>", "how long a stop may take, default 30s" },
	{ CONFIG_GLOBAL, "log", log_parse,
	  "stdout|stderr|<path>|<address>[:<port>] [len <length>] [format <format>] <facility> [<level> [<minlevel>]]",
	  "where log lines go, default stderr; a path or an address is a syslog server's" },
	{ CONFIG_GLOBAL, "log-sample", log_sample_parse, "<number>",
	  "log one decision of so many, with HAProxy's unique id of the request" },
	{ CONFIG_GLOBAL, "maxconn", parse_maxconn, "<number>", "SPOP connections at a time, default 10000" },
	{ CONFIG_GLOBAL, "nbthread", parse_nbthread, "<number>", "worker threads, default one per CPU" },
	{ CONFIG_FRONTEND, "bind", parse_bind,
	  "<address>:<port>|unix@<path> [mode <mode>] [user <user>] [group <group>]", "where HAProxy connects to" },
	{ CONFIG_GLOBAL, "backlog", parse_backlog, "<number>",
	  "connections that may wait to be accepted, default 4096; the system's somaxconn bounds it" },
	{ CONFIG_GLOBAL, "busy-poll", parse_busy_poll, "",
	  "workers ask for events without ever sleeping: a core each, for the shortest answers" },
	{ CONFIG_GLOBAL, "max-frame-size", parse_max_frame_size, "<bytes>",
	  "the largest frame agreed to, default 1048572; HAProxy fails what does not fit" },
	{ CONFIG_GLOBAL, "output-limit", parse_output_limit, "<bytes>",
	  "answers kept for a peer that does not read, default 4194304; over it the connection is closed" },
	{ CONFIG_GLOBAL, "timeout", parse_timeout, "hello|idle|frame <time>",
	  "for HELLO (10s), between two frames (none), to receive a whole frame or to have one taken (10s)" },
	{ CONFIG_GLOBAL, "http", http_parse, "<address>:<port>|unix@<path> [mode <mode>] [user <user>] [group <group>]",
	  "where the status page, /metrics, /healthz, /readyz and the JSON API are served" },
	{ CONFIG_GLOBAL, "http-token-file", http_token_parse, "<file>",
	  "the token of whoever may change something over HTTP; without it nobody may" },
	{ CONFIG_GLOBAL, "state-file", parse_state_file, "<file>",
	  "where states and weights that were set at run time survive a restart" },
	{ CONFIG_GLOBAL, "stats", stats_parse,
	  "socket <address>:<port>|<path> [level user|operator|admin] [expose-fd listeners] [mode <mode>] [user "
	  "<user>] [group <group>]",
	  "where commands are taken, at level operator unless said; or `timeout <time>`, how long one may wait there "
	  "(10s)" },
	{ CONFIG_GLOBAL, "chroot", NULL, "", "" },
	{ CONFIG_GLOBAL, "load-bus", NULL, "", "" },
};

struct config_room net_room(struct net_settings *settings)
{
	return (struct config_room){ keywords, COUNT(keywords), begin, settings };
}

/* ---- the end of the configuration ---- */

static struct bind *first_of(struct net_settings *settings, struct bind *bind)
{
	for (struct bind *earlier = settings->binds; earlier < bind; earlier++)
		if (endpoint_equal(&earlier->where.endpoint, &bind->where.endpoint))
			return earlier;
	return bind;
}

static bool same_rights(const struct bind *a, const struct bind *b)
{
	return a->where.mode == b->where.mode && a->where.user == b->where.user && a->where.group == b->where.group;
}

static const struct frontend *find_frontend(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset_count(ruleset); i++)
		if (strcmp(ruleset_frontend(ruleset, i)->name, name) == 0)
			return ruleset_frontend(ruleset, i);
	return NULL;
}

static bool finish_bind(struct net_settings *settings, struct bind *bind, const struct ruleset *ruleset,
			const struct fleet *fleet, struct config *config)
{
	const struct frontend *frontend = find_frontend(ruleset, bind->frontend);
	struct bind *first = first_of(settings, bind);

	bind->repeated = first != bind;
	if (bind->repeated && !same_rights(first, bind))
		config_say_at(config, CONFIG_ERROR, bind->place,
			      "the same address has another 'mode', 'user' or 'group' at %s:%u", first->place.file,
			      first->place.line);
	if (!bind->repeated)
		bind->routes = routes_new(settings->arena, &settings->log, config);
	return first->routes && frontend && routes_add(first->routes, frontend, fleet);
}

static bool has_bind(const struct net_settings *settings, const char *frontend)
{
	for (size_t i = 0; i < settings->n_binds; i++)
		if (strcmp(settings->binds[i].frontend, frontend) == 0)
			return true;
	return false;
}

void net_settings_finish(struct net_settings *settings, const struct ruleset *ruleset, const struct fleet *fleet,
			 struct config *config)
{
	bool good = true, whole = config_count(config, CONFIG_ERROR) == 0;

	if (settings->grace_place.line && settings->grace > settings->hard_stop)
		config_say_at(config, CONFIG_WARNING, settings->grace_place,
			      "'grace' is longer than 'hard-stop-after', which ends it after %g s",
			      settings->hard_stop);
	for (size_t i = 0; i < settings->n_binds; i++)
		good &= finish_bind(settings, &settings->binds[i], ruleset, fleet, config);
	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct frontend *frontend = ruleset_frontend(ruleset, i);

		if (whole && !has_bind(settings, frontend->name))
			config_say_at(config, CONFIG_ERROR, frontend->place,
				      "no 'bind': HAProxy cannot reach this frontend");
	}
	if (!good)
		config_say_at(config, CONFIG_ERROR, (struct config_place){ "configuration", 0, NULL }, "out of memory");
}
