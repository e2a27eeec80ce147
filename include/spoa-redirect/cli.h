/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what it asks for, and the commands that end at once. */
#ifndef SPOA_REDIRECT_CLI_H
#define SPOA_REDIRECT_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/config.h"
#include "spoa-redirect/site.h"

enum cli_action {
	CLI_RUN,
	CLI_CHECK,    /* -c */
	CLI_VERSION,  /* -v */
	CLI_BUILD,    /* -vv */
	CLI_HELP,     /* -h */
	CLI_SPOE,     /* spoe: HAProxy's SPOE file */
	CLI_EXPLAIN,  /* explain: how one request is decided */
	CLI_IMPORT,   /* import: our configuration, made of HAProxy's */
	CLI_TOP,      /* top: what the running agent does, on a terminal */
	CLI_KEYWORDS, /* -dK: every keyword, for the manual's test and for completion */
};

struct cli {
	enum cli_action action;
	char **files; /* of -f, in order */
	size_t n_files;
	bool quiet;                            /* -q: nothing but errors at the start */
	bool debug;                            /* -d: log everything to stderr */
	bool group;                            /* --group: for send-spoe-group, without an event */
	unsigned haproxy_major, haproxy_minor; /* --haproxy V */
	const char *imported, *frontend;       /* HAProxy's file; --frontend F, NULL for all */
	const char *takeover;                  /* -x: the runtime socket of the process to take over from; NULL: none */
	const char *socket;                    /* -s: the one of top */
	struct cli_end {
		int signal; /* SIGUSR1 of -sf, SIGTERM of -st */
		long pid;
	} * ends; /* who is to stop once we are ready */
	size_t n_ends;
	/* of explain */
	struct explain_request asked;
};

/* False: it was said on stderr what is wrong. Free with cli_release(). */
bool cli_parse(struct cli *cli, int argc, char **argv);
void cli_release(struct cli *cli);

/* Write to stdout. */
void cli_version(void);
void cli_build(void);
void cli_help(void);
void cli_spoe(const struct cli *cli, const struct site *site);
/* -c has found nothing wrong; HAProxy's file it does not see. */
void cli_valid(const struct fleet *fleet);

/* False: it was said on stderr why. */
bool cli_import(const struct cli *cli);

/* Until somebody ends it. False: it was said on stderr why. */
bool cli_top(const struct cli *cli);

/* "0.1.0", and when it was released: "2026/11/24" */
const char *cli_version_text(void);
const char *cli_date_text(void);

void cli_keywords(const struct config_room *rooms, size_t n);

#endif
