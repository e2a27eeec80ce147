/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change one server. What is said when they cannot is HAProxy's. */
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"

#define MOST_WEIGHT 256u

static const char why[] = "changed by 'stats socket command'";

/* "backend/server"; NULL: it was said what is wrong. */
static struct server *find(struct session *session, FILE *out, char **words, size_t n)
{
	char *slash = n > 0 ? strchr(words[0], '/') : NULL;
	struct backend *backend;
	struct server *server;

	if (!slash || !slash[1]) {
		fprintf(out, "Require 'backend/server'.\n");
		return NULL;
	}
	*slash = 0;
	backend = fleet_find(session->admin->running->site.fleet, words[0]);
	*slash = '/';
	server = backend ? backend_find(backend, slash + 1) : NULL;
	if (!server)
		fprintf(out, backend ? "No such server.\n" : "No such backend.\n");
	return server;
}

static struct fleet *fleet_of(const struct session *session)
{
	return session->admin->running->site.fleet;
}

static void set_admin(struct session *session, struct server *server, enum server_admin admin)
{
	server_set_admin(fleet_of(session), server, admin, why, clock_now());
}

/* ---- add and del ---- */

static void tell_others(struct session *session, struct retired *retired)
{
	struct running *running = session->admin->running;

	if (!load_move(running->load, running->site.fleet, fleet_log(running->site.fleet)))
		log_line(fleet_log(running->site.fleet), LOG_ERR, "Out of memory: some servers are not checked.");
	grace_after(running->grace, retired);
}

void add_server(struct session *session, FILE *out, char **words, size_t n)
{
	struct site *site = &session->admin->running->site;
	char *slash = n > 0 ? strchr(words[0], '/') : NULL, refusal[300];
	struct retired *retired = NULL;
	struct backend *backend = NULL;
	char line[ADMIN_LINE] = "";
	size_t used = 0;

	if (slash) {
		*slash = 0;
		backend = fleet_find(site->fleet, words[0]);
	}
	for (size_t i = 1; i < n && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i > 1 ? " " : "", words[i]);
	if (!slash || !slash[1])
		fprintf(out, "Require 'backend/server'.\n");
	else if (!backend)
		fprintf(out, "No such backend.\n");
	else if (n < 2)
		fprintf(out, "'server' expects <name> and <addr>[:<port>] as arguments.\n");
	else if (backend_find(backend, slash + 1))
		fprintf(out, "Already exists a server with the same name in backend.\n");
	else if (!config_name_valid(slash + 1))
		fprintf(out, "A name consists of letters, digits, '-', '_', '.' and ':'.\n");
	else if (!site_add_server(site, backend, slash + 1, line, clock_now(), &retired, refusal, sizeof(refusal)))
		fprintf(out, "%s\n", refusal);
	else
		fprintf(out, "New server registered.\n");
	tell_others(session, retired);
}

void del_server(struct session *session, FILE *out, char **words, size_t n)
{
	struct server *server = find(session, out, words, n);
	struct retired *retired = NULL;
	char refusal[300];

	if (!server)
		return;
	if (site_remove_server(&session->admin->running->site, server, clock_now(), &retired, refusal, sizeof(refusal)))
		fprintf(out, "Server deleted.\n");
	else
		fprintf(out, "%s\n", refusal);
	tell_others(session, retired);
}

/* ---- weight ---- */

/* "50%" is of the configured weight: server_parse_weight_change_request(). */
static const char *take_weight(const struct server *server, const char *word, uint32_t *weight)
{
	char *end;
	long number = strtol(word, &end, 10);

	if (end == word)
		return "Empty weight string empty or preceded by garbage";
	if (strcmp(end, "%") == 0) {
		if (number < 0)
			return "Relative weight must be positive.";
		number = number > 100 * (long)MOST_WEIGHT ? (long)MOST_WEIGHT : server->weight * number / 100;
		number = number > (long)MOST_WEIGHT ? (long)MOST_WEIGHT : number;
	} else if (number < 0 || number > (long)MOST_WEIGHT) {
		return "Absolute weight can only be between 0 and 256 inclusive.";
	} else if (*end) {
		return "Trailing garbage in weight string";
	}
	*weight = (uint32_t)number;
	return NULL;
}

static void change_weight(struct session *session, FILE *out, struct server *server, const char *word)
{
	uint32_t weight;
	const char *wrong = word ? take_weight(server, word, &weight) : "Require <weight> or <weight%>.";

	if (!wrong && server->backend->balance->fixed_weights && weight != 0 && weight != server->weight)
		wrong = "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.";
	if (wrong)
		fprintf(out, "%s\n", wrong);
	else
		server_set_weight(fleet_of(session), server, weight, why, clock_now());
}

void set_weight(struct session *session, FILE *out, char **words, size_t n)
{
	struct server *server = find(session, out, words, n);

	if (server)
		change_weight(session, out, server, n > 1 ? words[1] : NULL);
}

void get_weight(struct session *session, FILE *out, char **words, size_t n)
{
	struct server *server = find(session, out, words, n);

	if (server)
		fprintf(out, "%u (initial %u)\n", server->state->shown_weight, server->weight);
}

/* ---- set server ---- */

static void change_state(struct session *session, FILE *out, struct server *server, const char *word)
{
	static const struct {
		const char *word;
		enum server_admin admin;
	} states[] = { { "ready", ADMIN_READY }, { "drain", ADMIN_DRAIN }, { "maint", ADMIN_MAINT } };

	for (size_t i = 0; word && i < COUNT(states); i++)
		if (strcmp(word, states[i].word) == 0) {
			set_admin(session, server, states[i].admin);
			return;
		}
	fprintf(out, "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n");
}

static void change_health(struct session *session, FILE *out, struct server *server, const char *word)
{
	bool up = word && strcmp(word, "up") == 0;

	if (server->track)
		fprintf(out, "cannot change health on a tracking server.\n");
	else if (!server->check.enabled)
		fprintf(out, "Health checks are not enabled on this server.\n");
	else if (up || (word && strcmp(word, "down") == 0))
		server_force_health(fleet_of(session), server, up, why, clock_now());
	else
		fprintf(out, "'set server <srv> health' expects 'up' or 'down'.\n");
}

static void change_agent(struct session *session, FILE *out, struct server *server, const char *word)
{
	bool up = word && strcmp(word, "up") == 0;

	if (!server->agent.enabled)
		fprintf(out, "agent checks are not enabled on this server.\n");
	else if (up || (word && strcmp(word, "down") == 0))
		server_set_agent_down(fleet_of(session), server, !up, why, clock_now());
	else
		fprintf(out, "'set server <srv> agent' expects 'up' or 'down'.\n");
}

/* The rest of the line is one record, with the blanks that split_words() took for separators. */
static void change_load(struct session *session, FILE *out, struct server *server, char **words, size_t n)
{
	char json[ADMIN_LINE];
	enum load_rejection verdict;
	size_t length = 0;

	for (size_t i = 0; i < n && length < sizeof(json); i++)
		length += (size_t)snprintf(json + length, sizeof(json) - length, "%s%s", i ? " " : "", words[i]);
	if (length == 0 || length >= sizeof(json)) {
		fprintf(out, "'set server <srv> load' expects a report such as {\"q\":3,\"u\":0.4}.\n");
		return;
	}
	verdict = load_set(session->admin->running->load, server, slice_of(json, length), clock_now());
	if (verdict != REPORT_TAKEN)
		fprintf(out, "The report was not used: it %s.\n", load_rejection_text(verdict));
}

void set_server(struct session *session, FILE *out, char **words, size_t n)
{
	static const struct {
		const char *word;
		void (*change)(struct session *session, FILE *out, struct server *server, const char *word);
	} changes[] = { { "agent", change_agent },
			{ "health", change_health },
			{ "state", change_state },
			{ "weight", change_weight } };
	struct server *server = find(session, out, words, n);

	if (!server)
		return;
	if (n > 1 && strcmp(words[1], "load") == 0) {
		change_load(session, out, server, words + 2, n - 2);
		return;
	}
	for (size_t i = 0; n > 1 && i < COUNT(changes); i++)
		if (strcmp(words[1], changes[i].word) == 0) {
			changes[i].change(session, out, server, n > 2 ? words[2] : NULL);
			return;
		}
	fprintf(out, "usage: set server <backend>/<server> agent | health | load | state | weight\n");
}

/* ---- enable and disable ---- */

void enable_server(struct session *session, FILE *out, char **words, size_t n)
{
	struct server *server = find(session, out, words, n);

	if (server && server->state->admin == ADMIN_MAINT)
		set_admin(session, server, ADMIN_READY);
}

void disable_server(struct session *session, FILE *out, char **words, size_t n)
{
	struct server *server = find(session, out, words, n);

	if (server)
		set_admin(session, server, ADMIN_MAINT);
}

static void pause_probe(struct session *session, FILE *out, char **words, size_t n, enum probed what, bool pause)
{
	struct server *server = find(session, out, words, n);

	if (!server)
		return;
	if (what == PROBED_HEALTH ? server->check.enabled : server->agent.enabled)
		server->state->paused[what] = pause;
	else
		fprintf(out, "%s are not configured on this server, cannot %s.\n",
			what == PROBED_HEALTH ? "Health checks" : "Agent checks", pause ? "disable" : "enable");
}

void enable_health(struct session *session, FILE *out, char **words, size_t n)
{
	pause_probe(session, out, words, n, PROBED_HEALTH, false);
}

void disable_health(struct session *session, FILE *out, char **words, size_t n)
{
	pause_probe(session, out, words, n, PROBED_HEALTH, true);
}

void enable_agent(struct session *session, FILE *out, char **words, size_t n)
{
	pause_probe(session, out, words, n, PROBED_AGENT, false);
}

void disable_agent(struct session *session, FILE *out, char **words, size_t n)
{
	pause_probe(session, out, words, n, PROBED_AGENT, true);
}
