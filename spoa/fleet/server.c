/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fleet.h"

#define MIN_INTERVAL 0.01

static bool parse_weight(struct config_words *words, void *into)
{
	uint64_t weight;

	if (!config_take_int(words, 0, 256, &weight))
		return false;
	((struct server *)into)->weight = (uint32_t)weight;
	return true;
}

static bool parse_maxconn(struct config_words *words, void *into)
{
	uint64_t maxconn;

	if (!config_take_int(words, 0, INT32_MAX, &maxconn))
		return false;
	((struct server *)into)->maxconn = (uint32_t)maxconn;
	return true;
}

static bool parse_redir(struct config_words *words, void *into)
{
	const char *prefix = config_take_word(words, "a prefix such as https://v1.example.com");

	return prefix && redir_parse(words, &((struct server *)into)->redir, prefix);
}

static bool parse_standby_of(struct config_words *words, void *into)
{
	return (((struct server *)into)->standby_of = config_take_word(words, "the name of a server")) != NULL;
}

static bool parse_port(struct config_words *words, unsigned *port)
{
	uint64_t number;

	if (!config_take_int(words, 1, 65535, &number))
		return false;
	*port = (unsigned)number;
	return true;
}

static bool parse_count(struct config_words *words, unsigned *count)
{
	uint64_t number;

	if (!config_take_int(words, 1, 1000, &number))
		return false;
	*count = (unsigned)number;
	return true;
}

static bool parse_backup(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->backup = true;
	return true;
}

static bool parse_no_backup(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->backup = false;
	return true;
}

static bool parse_disabled(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->disabled = true;
	return true;
}

static bool parse_enabled(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->disabled = false;
	return true;
}

static bool parse_check(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->check.enabled = true;
	return true;
}

static bool parse_no_check(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->check.enabled = false;
	return true;
}

static bool parse_addr(struct config_words *words, void *into)
{
	return (((struct server *)into)->check.addr = config_take_word(words, "an address")) != NULL;
}

static bool parse_check_port(struct config_words *words, void *into)
{
	return parse_port(words, &((struct server *)into)->check.port);
}

static bool parse_inter(struct config_words *words, void *into)
{
	return config_take_time(words, MIN_INTERVAL, &((struct server *)into)->check.inter);
}

static bool parse_fastinter(struct config_words *words, void *into)
{
	return config_take_time(words, MIN_INTERVAL, &((struct server *)into)->check.fastinter);
}

static bool parse_downinter(struct config_words *words, void *into)
{
	return config_take_time(words, MIN_INTERVAL, &((struct server *)into)->check.downinter);
}

static bool parse_fall(struct config_words *words, void *into)
{
	return parse_count(words, &((struct server *)into)->check.fall);
}

static bool parse_rise(struct config_words *words, void *into)
{
	return parse_count(words, &((struct server *)into)->check.rise);
}

static bool parse_agent_check(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->agent.enabled = true;
	return true;
}

static bool parse_no_agent_check(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->agent.enabled = false;
	return true;
}

static bool parse_agent_addr(struct config_words *words, void *into)
{
	return (((struct server *)into)->agent.addr = config_take_word(words, "an address")) != NULL;
}

static bool parse_agent_port(struct config_words *words, void *into)
{
	return parse_port(words, &((struct server *)into)->agent.port);
}

static bool parse_agent_inter(struct config_words *words, void *into)
{
	return config_take_time(words, MIN_INTERVAL, &((struct server *)into)->agent.inter);
}

static bool parse_agent_send(struct config_words *words, void *into)
{
	return (((struct server *)into)->agent.send = config_take_word(words, "a string")) != NULL;
}

static bool parse_ssl(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->tls.ssl = true;
	return true;
}

static bool parse_no_ssl(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->tls.ssl = false;
	return true;
}

static bool parse_check_ssl(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->tls.check_ssl = true;
	return true;
}

static bool parse_no_check_ssl(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->tls.check_ssl = false;
	return true;
}

static bool parse_check_via(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "'redir'");

	((struct server *)into)->check_via_redir = true;
	return word && (strcmp(word, "redir") == 0 || config_error(words, "'check-via' is 'redir', not '%s'", word));
}

static bool parse_verify(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "none or required");
	bool required = word && strcmp(word, "required") == 0;

	((struct server *)into)->tls.verify = required;
	return word && (required || strcmp(word, "none") == 0 ||
			config_error(words, "'verify' is 'none' or 'required', not '%s'", word));
}

static bool parse_ca_file(struct config_words *words, void *into)
{
	return (((struct server *)into)->tls.ca_file = config_take_word(words, "a file, or @system-ca")) != NULL;
}

static bool parse_check_sni(struct config_words *words, void *into)
{
	return (((struct server *)into)->tls.sni = config_take_word(words, "a name")) != NULL;
}

static bool parse_verifyhost(struct config_words *words, void *into)
{
	return (((struct server *)into)->tls.verify_host = config_take_word(words, "a name")) != NULL;
}

/* What is asked for is sent as it stands. */
static bool is_path(const char *word)
{
	if (*word != '/')
		return false;
	for (; *word; word++)
		if (*word <= ' ' || *word == 0x7f)
			return false;
	return true;
}

static bool parse_load_check_options(struct config_words *words, struct load_check_config *check)
{
	for (;;) {
		if (config_take_if(words, "port")) {
			if (!parse_port(words, &check->port))
				return false;
		} else if (config_take_if(words, "metric")) {
			if (!(check->metric = metric_parse(words)))
				return false;
		} else {
			return true;
		}
	}
}

static bool parse_load_check(struct config_words *words, void *into)
{
	struct load_check_config *check = &((struct server *)into)->load_check;
	const char *scheme = config_take_word(words, "'http' or 'https', and a path"), *path;
	bool https = scheme && strcmp(scheme, "https") == 0;

	if (!scheme)
		return false;
	if (!https && strcmp(scheme, "http") != 0)
		return config_error(words, "'load-check' expects 'http' or 'https', not '%s'", scheme);
	if (!(path = config_take_word(words, "a path")))
		return false;
	if (!is_path(path))
		return config_error(words, "a path begins with '/' and has no blanks, unlike '%s'", path);
	*check = (struct load_check_config){ .enabled = true, .https = https, .path = path, .inter = check->inter };
	return parse_load_check_options(words, check);
}

static bool parse_no_load_check(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->load_check.enabled = false;
	return true;
}

static bool parse_load_inter(struct config_words *words, void *into)
{
	return config_take_time(words, MIN_INTERVAL, &((struct server *)into)->load_check.inter);
}

static bool parse_load_push(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->load_push = true;
	return true;
}

static bool parse_no_load_push(struct config_words *words, void *into)
{
	(void)words;
	((struct server *)into)->load_push = false;
	return true;
}

static bool parse_load_stale(struct config_words *words, void *into)
{
	return config_take_time(words, MIN_INTERVAL, &((struct server *)into)->load_stale);
}

static bool parse_maxload(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "a percentage such as 80%");
	struct slice number = word ? slice_of_string(word) : slice_of(NULL, 0);
	uint64_t percent;

	if (!word)
		return false;
	if (number.len > 0 && number.ptr[number.len - 1] == '%') {
		number.len--;
		if (slice_to_natural(number, 100, &percent) && percent > 0) {
			((struct server *)into)->maxload = (double)percent / 100;
			return true;
		}
	}
	return config_error(words, "'maxload' expects a percentage from 1%% to 100%%, not '%s'", word);
}

static bool parse_slowstart(struct config_words *words, void *into)
{
	return config_take_time(words, 0, &((struct server *)into)->slowstart);
}

static bool parse_track(struct config_words *words, void *into)
{
	return (((struct server *)into)->track_name = config_take_word(words, "the name of a server")) != NULL;
}

static const struct config_keyword server_words[] = {
	{ CONFIG_SERVER, "addr", parse_addr, "<address>",
	  "where health checks connect to, default the server's address" },
	{ CONFIG_SERVER, "agent-addr", parse_agent_addr, "<address>",
	  "where the agent listens, default the server's address" },
	{ CONFIG_SERVER, "agent-check", parse_agent_check, "",
	  "ask an agent for load and state, HAProxy's agent protocol" },
	{ CONFIG_SERVER, "agent-inter", parse_agent_inter, "<time>", "how often to ask the agent, default inter" },
	{ CONFIG_SERVER, "agent-port", parse_agent_port, "<port>", "the agent's port" },
	{ CONFIG_SERVER, "agent-send", parse_agent_send, "<string>", "what to send to the agent first" },
	{ CONFIG_SERVER, "backup", parse_backup, "", "serve only when no other server of the backend can" },
	{ CONFIG_SERVER, "ca-file", parse_ca_file, "<file>|@system-ca",
	  "whose certificates are believed, default the system's" },
	{ CONFIG_SERVER, "check", parse_check, "", "check the server's health" },
	{ CONFIG_SERVER, "check-sni", parse_check_sni, "<name>", "the name that checks ask for in TLS" },
	{ CONFIG_SERVER, "check-ssl", parse_check_ssl, "", "check over TLS" },
	{ CONFIG_SERVER, "check-via", parse_check_via, "redir",
	  "check where clients are sent to, with its name and TLS" },
	{ CONFIG_SERVER, "disabled", parse_disabled, "", "start in maintenance" },
	{ CONFIG_SERVER, "downinter", parse_downinter, "<time>", "time between checks while down, default inter" },
	{ CONFIG_SERVER, "enabled", parse_enabled, "", "undo disabled of a default-server" },
	{ CONFIG_SERVER, "fall", parse_fall, "<count>", "failed checks until the server is down, default 3" },
	{ CONFIG_SERVER, "fastinter", parse_fastinter, "<time>", "time between checks in transition, default inter" },
	{ CONFIG_SERVER, "inter", parse_inter, "<time>", "time between checks, default 2s" },
	{ CONFIG_SERVER, "load-check", parse_load_check,
	  "http|https <path> [port <port>] [metric <name> [as <figure>] [max <value>]]",
	  "ask for a report of load over HTTP" },
	{ CONFIG_SERVER, "load-inter", parse_load_inter, "<time>",
	  "how often to, default agent-inter if that is set, else 1s" },
	{ CONFIG_SERVER, "load-push", parse_load_push, "", "take reports of load that somebody brings" },
	{ CONFIG_SERVER, "load-stale", parse_load_stale, "<time>", "age at which a report counts as unknown" },
	{ CONFIG_SERVER, "maxconn", parse_maxconn, "<number>",
	  "from so many requests in flight on no more are sent there; 0: no limit" },
	{ CONFIG_SERVER, "maxload", parse_maxload, "<percent>%",
	  "above it the server is not chosen while another is below" },
	{ CONFIG_SERVER, "no-agent-check", parse_no_agent_check, "", "undo agent-check of a default-server" },
	{ CONFIG_SERVER, "no-backup", parse_no_backup, "", "undo backup of a default-server" },
	{ CONFIG_SERVER, "no-load-check", parse_no_load_check, "", "undo load-check of a default-server" },
	{ CONFIG_SERVER, "no-check-ssl", parse_no_check_ssl, "", "undo check-ssl of a default-server" },
	{ CONFIG_SERVER, "no-ssl", parse_no_ssl, "", "undo ssl of a default-server" },
	{ CONFIG_SERVER, "no-load-push", parse_no_load_push, "", "undo load-push of a default-server" },
	{ CONFIG_SERVER, "no-check", parse_no_check, "", "undo check of a default-server" },
	{ CONFIG_SERVER, "port", parse_check_port, "<port>", "the port of health checks, default the server's port" },
	{ CONFIG_SERVER, "redir", parse_redir, "<prefix>",
	  "where clients are sent to: scheme, host and an optional path" },
	{ CONFIG_SERVER, "rise", parse_rise, "<count>", "passed checks until the server is up, default 2" },
	{ CONFIG_SERVER, "slowstart", parse_slowstart, "<time>",
	  "how long it takes to its full weight once it is up again" },
	{ CONFIG_SERVER, "ssl", parse_ssl, "", "the server speaks TLS: checks do, unless they go elsewhere" },
	{ CONFIG_SERVER, "standby-of", parse_standby_of, "<server>",
	  "take that one server's place while it cannot serve" },
	{ CONFIG_SERVER, "track", parse_track, "[<backend>/]<server>", "follow the state of that server" },
	{ CONFIG_SERVER, "verify", parse_verify, "none|required",
	  "whether its certificate has to be believed, default required" },
	{ CONFIG_SERVER, "verifyhost", parse_verifyhost, "<name>",
	  "the name in its certificate, default that of check-sni" },
	{ CONFIG_SERVER, "weight", parse_weight, "<weight>", "relative capacity, 0 to 256, default 1; 0 drains" },
	{ CONFIG_SERVER, "resolvers", NULL, "", "" },
};

const struct config_keyword *server_keywords(size_t *n)
{
	*n = COUNT(server_words);
	return server_words;
}

bool server_knows_word(const char *word)
{
	for (size_t i = 0; i < COUNT(server_words); i++)
		if (strcmp(server_words[i].name, word) == 0)
			return true;
	return false;
}

bool server_parse_words(struct config_words *words, struct server *server)
{
	while (words->left > 0) {
		const struct config_keyword *word =
			config_take_keyword(words, server_words, COUNT(server_words), CONFIG_SERVER);

		if (!word || !word->parse(words, server))
			return false;
	}
	return true;
}
