/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands' table: HAProxy's words, levels and refusals, and our own beside them. */
#include <string.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/base/units.h"

#define MOST_TOKENS 3u

struct row {
	const char *tokens[MOST_TOKENS];
	const char *arguments, *help;
	enum stats_level level;
	command *run;
};

static command help, prompt, quit, show_version, show_level, lower_to_user, lower_to_operator, set_timeout, reload;

static const struct row rows[] = {
	{ { "_getsocks" }, "", NULL, LEVEL_USER, hand_over }, /* for processes: no help names it */
	{ { "_getconns" }, "", NULL, LEVEL_USER, hand_over_connections },
	{ { "add", "acl" },
	  "[@<ver>] <acl> <pattern>|<payload>",
	  "add a pattern to an acl's",
	  LEVEL_OPERATOR,
	  add_pattern },
	{ { "add", "map" },
	  "[@<ver>] <map> {<key> <value>|<payload>}",
	  "add an entry to a map",
	  LEVEL_OPERATOR,
	  add_pattern },
	{ { "add", "server" },
	  "<bk>/<srv> <addr> redir <prefix> [<opts>]",
	  "add a server, in maintenance",
	  LEVEL_ADMIN,
	  add_server },
	{ { "clear", "acl" },
	  "[@<ver>] <acl>",
	  "remove all patterns of an acl's, or of a version",
	  LEVEL_OPERATOR,
	  clear_patterns },
	{ { "clear", "counters" },
	  "[all]",
	  "count anew what show stat and show info tell",
	  LEVEL_OPERATOR,
	  clear_counters },
	{ { "clear", "map" },
	  "[@<ver>] <map>",
	  "remove all entries of a map, or of a version",
	  LEVEL_OPERATOR,
	  clear_patterns },
	{ { "commit", "acl" },
	  "@<ver> <acl>",
	  "search this version from now on, and remove older ones",
	  LEVEL_OPERATOR,
	  commit_patterns },
	{ { "commit", "map" },
	  "@<ver> <map>",
	  "search this version from now on, and remove older ones",
	  LEVEL_OPERATOR,
	  commit_patterns },
	{ { "del", "acl" }, "<acl> [<key>|#<ref>]", "remove a pattern of an acl's", LEVEL_OPERATOR, del_pattern },
	{ { "del", "map" }, "<map> [<key>|#<ref>]", "remove an entry of a map", LEVEL_OPERATOR, del_pattern },
	{ { "del", "server" }, "<bk>/<srv>", "remove a server that is in maintenance", LEVEL_ADMIN, del_server },
	{ { "disable", "agent" }, "<bk>/<srv>", "stop asking a server's agent", LEVEL_ADMIN, disable_agent },
	{ { "disable", "health" }, "<bk>/<srv>", "stop checking a server", LEVEL_ADMIN, disable_health },
	{ { "disable", "server" }, "<bk>/<srv>", "put a server into maintenance", LEVEL_ADMIN, disable_server },
	{ { "enable", "agent" }, "<bk>/<srv>", "ask a server's agent again", LEVEL_ADMIN, enable_agent },
	{ { "enable", "health" }, "<bk>/<srv>", "check a server again", LEVEL_ADMIN, enable_health },
	{ { "enable", "server" }, "<bk>/<srv>", "take a server out of maintenance", LEVEL_ADMIN, enable_server },
	{ { "explain" },
	  "[opts] <url>",
	  "how a request for it would be decided now, step by step",
	  LEVEL_USER,
	  explain },
	{ { "get", "acl" }, "<acl> <value>", "which pattern would match a value", LEVEL_USER, get_pattern },
	{ { "get", "map" }, "<map> <value>", "which entry would match a value", LEVEL_USER, get_pattern },
	{ { "get", "weight" }, "<bk>/<srv>", "report a server's current weight", LEVEL_USER, get_weight },
	{ { "help" }, "[<command>]", "list matching or all commands", LEVEL_USER, help },
	{ { "operator" }, "", "lower the level of this session to operator", LEVEL_OPERATOR, lower_to_operator },
	{ { "prepare", "acl" }, "<acl>", "begin a new version of an acl's patterns", LEVEL_OPERATOR, prepare_patterns },
	{ { "prepare", "map" }, "<map>", "begin a new version of a map", LEVEL_OPERATOR, prepare_patterns },
	{ { "prompt" }, "", "toggle interactive mode with prompt", LEVEL_USER, prompt },
	{ { "quit" }, "", "disconnect", LEVEL_USER, quit },
	{ { "reload" }, "", "read the configuration again, all or nothing", LEVEL_ADMIN, reload },
	{ { "set", "map" }, "<map> [<key>|#<ref>] <value>", "change an entry of a map", LEVEL_OPERATOR, set_pattern },
	{ { "set", "server" },
	  "<bk>/<srv> [opts]",
	  "change a server's state, weight, health, agent or load",
	  LEVEL_ADMIN,
	  set_server },
	{ { "set", "timeout", "cli" }, "<delay>", "how long this session may say nothing", LEVEL_USER, set_timeout },
	{ { "set", "weight" }, "<bk>/<srv> <weight>", "change a server's weight", LEVEL_ADMIN, set_weight },
	{ { "show", "acl" },
	  "[@<ver>] [<acl>]",
	  "list the acls with patterns, or the patterns of one",
	  LEVEL_USER,
	  show_patterns },
	{ { "show", "backend" }, "", "list the backends", LEVEL_USER, show_backend },
	{ { "show", "cli", "level" }, "", "the level of this session", LEVEL_USER, show_level },
	{ { "show", "errors" },
	  "",
	  "the last frames, requests and reports that were bad",
	  LEVEL_OPERATOR,
	  show_errors },
	{ { "show", "info" }, "[typed|json]", "report information about the process", LEVEL_USER, show_info },
	{ { "show", "load" }, "[<backend>]", "what is known of the servers' load", LEVEL_USER, show_load },
	{ { "show", "map" }, "[@<ver>] [<map>]", "list the maps, or the entries of one", LEVEL_USER, show_patterns },
	{ { "show", "rules" }, "[<frontend>]", "how often each line held, and when last", LEVEL_USER, show_rules },
	{ { "show", "servers", "state" }, "[<backend>]", "dump the servers' states", LEVEL_USER, show_servers_state },
	{ { "show", "stat" },
	  "[<iid>|<proxy> <type> <sid>] [typed|json] [up|no-maint]",
	  "report counters for each frontend, backend and server",
	  LEVEL_USER,
	  show_stat },
	{ { "show", "version" }, "", "show version of the current process", LEVEL_USER, show_version },
	{ { "user" }, "", "lower the level of this session to user", LEVEL_USER, lower_to_user },
};

/* ---- words ---- */

size_t split_words(char *line, char **words)
{
	static const char blanks[] = " \t\r";
	size_t n = 0;
	char *to;

	while (*(line += strspn(line, blanks)) && n < ADMIN_WORDS) {
		words[n++] = to = line;
		for (; *line && !strchr(blanks, *line); line++) {
			if (*line == '\\' && line[1])
				line++;
			*to++ = *line;
		}
		if (*line)
			line++;
		*to = 0;
	}
	return n;
}

/* How many of the row's tokens the words begin with; all: *whole. */
static size_t matching(const struct row *row, char **words, size_t n, bool *whole)
{
	size_t i = 0;

	while (i < MOST_TOKENS && row->tokens[i] && i < n && strcmp(row->tokens[i], words[i]) == 0)
		i++;
	*whole = i == MOST_TOKENS || !row->tokens[i];
	return i;
}

static size_t tokens_of(const struct row *row)
{
	size_t n = 0;

	while (n < MOST_TOKENS && row->tokens[n])
		n++;
	return n;
}

/* ---- help ---- */

static void print_row(FILE *out, const struct row *row)
{
	char usage[100];

	snprintf(usage, sizeof(usage), "%s%s%s%s%s%s%s", row->tokens[0], row->tokens[1] ? " " : "",
		 row->tokens[1] ? row->tokens[1] : "", row->tokens[2] ? " " : "", row->tokens[2] ? row->tokens[2] : "",
		 *row->arguments ? " " : "", row->arguments);
	fprintf(out, "  %-39s : %s\n", usage, row->help);
}

/* Those that begin with the same words, as many as do; all where none does. */
static void print_rows(const struct session *session, FILE *out, char **words, size_t n)
{
	size_t best = 0, same;
	bool whole;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].help && rows[i].level <= session->level &&
		    (same = matching(&rows[i], words, n, &whole)) > best)
			best = same;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].help && rows[i].level <= session->level && matching(&rows[i], words, n, &whole) == best)
			print_row(out, &rows[i]);
}

static void help(struct session *session, FILE *out, char **words, size_t n)
{
	fprintf(out, "The following commands are valid at this level:\n");
	print_rows(session, out, words, n);
}

/* ---- the session ---- */

static void prompt(struct session *session, FILE *out, char **words, size_t n)
{
	(void)out;
	(void)words;
	(void)n;
	session->prompt = !session->prompt;
}

static void quit(struct session *session, FILE *out, char **words, size_t n)
{
	(void)out;
	(void)words;
	(void)n;
	session->ended = true;
}

static void show_level(struct session *session, FILE *out, char **words, size_t n)
{
	(void)words;
	(void)n;
	fprintf(out, "%s\n", stats_level_name(session->level));
}

static void lower_to_user(struct session *session, FILE *out, char **words, size_t n)
{
	(void)out;
	(void)words;
	(void)n;
	session->level = LEVEL_USER;
}

static void lower_to_operator(struct session *session, FILE *out, char **words, size_t n)
{
	(void)out;
	(void)words;
	(void)n;
	session->level = LEVEL_OPERATOR;
}

static void set_timeout(struct session *session, FILE *out, char **words, size_t n)
{
	double seconds;

	if (n != 1 || !units_parse_time(slice_of_string(words[0]), &seconds) || seconds < 0.001) {
		fprintf(out, "Invalid timeout value.\n");
		return;
	}
	session->timer.repeat = seconds;
	ev_timer_again(session->admin->running->loop, &session->timer);
}

static void show_version(struct session *session, FILE *out, char **words, size_t n)
{
	(void)words;
	(void)n;
	fprintf(out, "%s\n", session->admin->about.version);
}

static void on_reloaded(void *into, bool good, const char *text)
{
	(void)good;
	session_resume(into, text);
}

static void reload(struct session *session, FILE *out, char **words, size_t n)
{
	(void)words;
	(void)n;
	if (session->admin->stopping)
		fprintf(out, "Not reloading: the agent is about to stop.\n");
	else if (!(session->waits = reload_begin(session->admin->reload, on_reloaded, session)))
		fprintf(out, "Too many are waiting for a reload.\n");
}

/* ---- dispatch ---- */

void command_run(struct session *session, char *line, FILE *out)
{
	char *words[ADMIN_WORDS];
	size_t n = split_words(line, words);
	bool whole;

	for (size_t i = 0; i < COUNT(rows); i++) {
		matching(&rows[i], words, n, &whole);
		if (!whole)
			continue;
		if (rows[i].level > session->level)
			fprintf(out, "Permission denied\n");
		else
			rows[i].run(session, out, words + tokens_of(&rows[i]), n - tokens_of(&rows[i]));
		fleet_settle(session->admin->running->site.fleet, clock_now());
		return;
	}
	fprintf(out, "Unknown command: '%s', please enter one of the following commands only:\n",
		n > 0 ? words[0] : "");
	print_rows(session, out, words, n);
}
