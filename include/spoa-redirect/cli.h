/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what it asks for, and the commands that end at once. */
#ifndef SPOA_REDIRECT_CLI_H
#define SPOA_REDIRECT_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "spoa-redirect/config.h"

enum cli_action {
	CLI_RUN,
	CLI_CHECK,    /* -c */
	CLI_VERSION,  /* -v */
	CLI_BUILD,    /* -vv */
	CLI_HELP,     /* -h */
	CLI_KEYWORDS, /* -dK: every keyword, for the manual's test and for completion */
};

struct cli {
	enum cli_action action;
	char **files; /* of -f, in order */
	size_t n_files;
	bool quiet; /* -q: nothing but errors at the start */
	bool debug; /* -d: log everything to stderr */
};

/* False: it was said on stderr what is wrong. Free with cli_release(). */
bool cli_parse(struct cli *cli, int argc, char **argv);
void cli_release(struct cli *cli);

/* Write to stdout. */
void cli_version(void);
void cli_build(void);
void cli_help(void);
void cli_keywords(const struct config_room *rooms, size_t n);

#endif
