/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/cli.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ev.h>
#include <pcre2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/select.h"

#ifndef SPOA_VERSION
#define SPOA_VERSION "unknown"
#endif
#ifndef SPOA_DATE
#define SPOA_DATE "unknown"
#endif
#ifndef SPOA_BUILD
#define SPOA_BUILD "unknown"
#endif

/* Of configuration.md, by the orders of work to come. */
static const char *const later[] = { "-V" };

static const struct {
	const char *option, *argument, *help;
} options[] = {
	{ "-f", " FILE", "read this configuration; a directory stands for its *.cfg; may be repeated" },
	{ "-c", "", "check the configuration, report every error, and exit with 0 or 1" },
	{ "-d", "", "log everything to stderr as well" },
	{ "-q", "", "say nothing at the start" },
	{ "-x", " SOCKET", "take over the listening sockets of the process with this runtime socket" },
	{ "-sf", " PID...", "once ready, have these stop softly (USR1)" },
	{ "-st", " PID...", "once ready, have these stop (TERM)" },
	{ "-v", "", "version" },
	{ "-vv", "", "version, build options and libraries" },
	{ "-dK", "", "list the keywords of the configuration, and the parameters of a server" },
	{ "-h", "", "this help" },
	{ "spoe", "", "print the SPOE file for HAProxy, made from the rules" },
	{ "--haproxy", " V", "spoe: for this version, 2.6, 3.0 or 3.2; default 3.0" },
	{ "--group", "", "spoe: for http-request send-spoe-group instead of an event" },
	{ "explain", " URL", "show how a request for it is decided, step by step" },
	{ "--method", " M", "explain: default GET" },
	{ "--src", " IP", "explain: the client's address, default none" },
	{ "--header", " 'N: V'", "explain: a header; may be repeated" },
	{ "--arg", " N=V", "explain: another argument of the SPOE message; may be repeated" },
	{ "--json", "", "explain: as JSON" },
	{ "import", " HAPROXY.CFG", "print a configuration made of HAProxy's" },
	{ "--frontend", " F", "import: only this one, and the backends that it needs" },
	{ "top", "", "show servers, their load and where requests go, live in a terminal" },
	{ "-s", " SOCKET", "top: the runtime socket to ask" },
};

const char *cli_version_text(void)
{
	return SPOA_VERSION;
}

const char *cli_date_text(void)
{
	return SPOA_DATE;
}

void cli_version(void)
{
	printf("spoa-redirect version " SPOA_VERSION "\n");
}

void cli_build(void)
{
	char pcre2[64] = "?";

	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	cli_version();
	printf("Build options: " SPOA_BUILD "\n"
#ifdef __VERSION__
	       "Compiler: " __VERSION__ "\n"
#endif
	       "Built with libev %d.%d, running with %d.%d\n"
	       "Built with PCRE2 %d.%d, running with %s\n"
	       "SPOP versions: 2.0\n"
	       "SPOP capabilities: pipelining, fragmentation\n",
	       EV_VERSION_MAJOR, EV_VERSION_MINOR, ev_version_major(), ev_version_minor(), PCRE2_MAJOR, PCRE2_MINOR,
	       pcre2);
	printf("Policies:");
	for (size_t i = 0; balance_name(i); i++)
		printf("%s %s", i ? "," : "", balance_name(i));
	printf("\n");
}

void cli_help(void)
{
	printf("usage: spoa-redirect -f FILE... [-c] [-d] [-q]\n"
	       "       spoa-redirect spoe -f FILE... [--haproxy V] [--group]\n"
	       "       spoa-redirect explain -f FILE... [--src IP] [--method M] [--header 'N: V']... URL\n"
	       "       spoa-redirect import HAPROXY.CFG [--frontend F]\n"
	       "       spoa-redirect top -s SOCKET\n\n"
	       "Answers HAProxy's SPOE messages with the server that a client is to be redirected to.\n\n");
	for (size_t i = 0; i < COUNT(options); i++)
		printf("  %s%-*s %s\n", options[i].option, 16 - (int)strlen(options[i].option), options[i].argument,
		       options[i].help);
	printf("\nSignals: HUP and USR2 reload; USR1, TERM and INT stop softly, a second one at once.\n"
	       "See spoa-redirect(8) and spoa-redirect.cfg(5).\n");
}

static const char *sections_of(unsigned sections, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", sections & CONFIG_GLOBAL ? "global " : "",
		 sections & CONFIG_DEFAULTS ? "defaults " : "", sections & CONFIG_FRONTEND ? "frontend " : "",
		 sections & CONFIG_BACKEND ? "backend " : "", sections & CONFIG_SERVER ? "server " : "");
	if (*text)
		text[strlen(text) - 1] = 0;
	return text;
}

void cli_keywords(const struct config_room *rooms, size_t n)
{
	char sections[64];

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < rooms[i].n; j++) {
			const struct config_keyword *keyword = &rooms[i].keywords[j];

			if (keyword->parse)
				printf("%s\t%s\t%s\t%s\n", keyword->name,
				       sections_of(keyword->sections, sections, sizeof(sections)), keyword->arguments,
				       keyword->help);
		}
	}
}

static bool refuse(const char *word)
{
	for (size_t i = 0; i < COUNT(later); i++) {
		if (strcmp(word, later[i]) != 0)
			continue;
		fprintf(stderr, "spoa-redirect: '%s' is not yet supported\n", word);
		return false;
	}
	fprintf(stderr, "spoa-redirect: unknown argument '%s', see spoa-redirect -h\n", word);
	return false;
}

static bool add_word(char ***words, size_t *n, char *word)
{
	char **bigger = realloc(*words, (*n + 1) * sizeof(*bigger));

	if (!bigger) {
		fprintf(stderr, "spoa-redirect: out of memory\n");
		return false;
	}
	*words = bigger;
	bigger[(*n)++] = word;
	return true;
}

/* One file a -f, as often as wanted. */
static bool take_file(struct cli *cli, char ***at)
{
	if (!**at) {
		fprintf(stderr, "spoa-redirect: '-f' expects a file or a directory\n");
		return false;
	}
	return add_word(&cli->files, &cli->n_files, *(*at)++);
}

/* As many as follow. */
static bool take_pids(struct cli *cli, const char *word, char ***at)
{
	uint64_t pid;

	for (; **at && slice_to_natural(slice_of_string(**at), INT32_MAX, &pid) && pid > 1; ++*at) {
		struct cli_end *bigger = realloc(cli->ends, (cli->n_ends + 1) * sizeof(*bigger));

		if (!bigger) {
			fprintf(stderr, "spoa-redirect: out of memory\n");
			return false;
		}
		cli->ends = bigger;
		bigger[cli->n_ends++] = (struct cli_end){ strcmp(word, "-st") == 0 ? SIGTERM : SIGUSR1, (long)pid };
	}
	return true;
}

static bool take_takeover(struct cli *cli, char ***at)
{
	if (!**at) {
		fprintf(stderr, "spoa-redirect: '-x' expects the path of a runtime socket\n");
		return false;
	}
	cli->takeover = *(*at)++;
	return true;
}

/* "2.6", "3.0.11". */
static bool take_version(struct cli *cli, char ***at)
{
	int end = 0;

	if (**at && sscanf(**at, "%3u.%3u%n.%*3u%n", &cli->haproxy_major, &cli->haproxy_minor, &end, &end) == 2 &&
	    !(**at)[end]) {
		++*at;
		return true;
	}
	fprintf(stderr, "spoa-redirect: '--haproxy' expects a version such as 3.0\n");
	return false;
}

static bool take_flag(struct cli *cli, const char *word)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = {
		{ "-q", &cli->quiet }, { "-d", &cli->debug }, { "--group", &cli->group }, { "--json", &cli->asked.json }
	};

	for (size_t i = 0; i < COUNT(flags); i++) {
		if (strcmp(word, flags[i].word) != 0)
			continue;
		*flags[i].flag = true;
		return true;
	}
	return false;
}

/* Those that have a value; *known: whether it is one. */
static bool take_request(struct cli *cli, const char *word, char ***at, bool *known)
{
	const struct {
		const char *word;
		const char **text;
		char ***list;
		size_t *n;
	} options_of[] = { { "--method", &cli->asked.method, NULL, NULL },
			   { "--src", &cli->asked.src, NULL, NULL },
			   { "--frontend", &cli->frontend, NULL, NULL },
			   { "-s", &cli->socket, NULL, NULL },
			   { "--header", NULL, &cli->asked.headers, &cli->asked.n_headers },
			   { "--arg", NULL, &cli->asked.arguments, &cli->asked.n_arguments } };

	*known = false;
	for (size_t i = 0; i < COUNT(options_of); i++) {
		if (strcmp(word, options_of[i].word) != 0)
			continue;
		*known = true;
		if (!**at) {
			fprintf(stderr, "spoa-redirect: '%s' expects a value\n", word);
			return false;
		}
		if (options_of[i].list)
			return add_word(options_of[i].list, options_of[i].n, *(*at)++);
		*options_of[i].text = *(*at)++;
		return true;
	}
	return false;
}

static bool take_option(struct cli *cli, const char *word, char ***at)
{
	bool known, good = take_request(cli, word, at, &known);

	if (known)
		return good;
	if (take_flag(cli, word))
		return true;
	if (cli->action == CLI_EXPLAIN && *word != '-' && !cli->asked.url) {
		cli->asked.url = word;
		return true;
	}
	if (cli->action == CLI_IMPORT && *word != '-' && !cli->imported) {
		cli->imported = word;
		return true;
	}
	if (strcmp(word, "-x") == 0)
		return take_takeover(cli, at);
	if (strcmp(word, "-sf") == 0 || strcmp(word, "-st") == 0)
		return take_pids(cli, word, at);
	if (strcmp(word, "--haproxy") == 0)
		return take_version(cli, at);
	return strcmp(word, "-f") == 0 ? take_file(cli, at) : refuse(word);
}

bool cli_parse(struct cli *cli, int argc, char **argv)
{
	static const struct {
		const char *option;
		enum cli_action action;
	} actions[] = { { "-c", CLI_CHECK },      { "-v", CLI_VERSION },  { "-vv", CLI_BUILD },
			{ "-h", CLI_HELP },       { "--help", CLI_HELP }, { "--version", CLI_VERSION },
			{ "-dK", CLI_KEYWORDS },  { "spoe", CLI_SPOE },   { "explain", CLI_EXPLAIN },
			{ "import", CLI_IMPORT }, { "top", CLI_TOP } };
	char **at = argv + 1;

	(void)argc;
	*cli = (struct cli){ .haproxy_major = 3,
			     .asked = { .method = "GET", .errors = stderr, .prefix = "spoa-redirect: " } };
	while (*at) {
		char *word = *at++;
		size_t i = 0;

		while (i < COUNT(actions) && strcmp(word, actions[i].option) != 0)
			i++;
		if (i < COUNT(actions))
			cli->action = actions[i].action;
		else if (!take_option(cli, word, &at))
			return false;
	}
	if (cli->action == CLI_EXPLAIN && !cli->asked.url) {
		fprintf(stderr, "spoa-redirect: 'explain' expects a URL\n");
		return false;
	}
	if (cli->action == CLI_IMPORT && !cli->imported) {
		fprintf(stderr, "spoa-redirect: 'import' expects HAProxy's configuration\n");
		return false;
	}
	if (cli->action == CLI_TOP && !cli->socket) {
		fprintf(stderr, "spoa-redirect: 'top' expects '-s' and the path of a runtime socket\n");
		return false;
	}
	if (cli->n_files > 0 || (cli->action != CLI_RUN && cli->action != CLI_CHECK && cli->action != CLI_SPOE &&
				 cli->action != CLI_EXPLAIN))
		return true;
	fprintf(stderr, "spoa-redirect: no configuration given, see spoa-redirect -h\n");
	return false;
}

void cli_release(struct cli *cli)
{
	free(cli->files);
	free(cli->ends);
	free(cli->asked.headers);
	free(cli->asked.arguments);
}
