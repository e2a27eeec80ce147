/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `explain`: as on the command line, with the states and loads of now. */
#include <string.h>

#include "admin.h"

/* The options that have a value; what it is put into. */
static bool take_option(struct explain_request *asked, const char *word, char *value)
{
	if (strcmp(word, "--src") == 0)
		asked->src = value;
	else if (strcmp(word, "--method") == 0)
		asked->method = value;
	else if (strcmp(word, "--header") == 0)
		asked->headers[asked->n_headers++] = value;
	else if (strcmp(word, "--arg") == 0)
		asked->arguments[asked->n_arguments++] = value;
	else
		return false;
	return true;
}

static bool take_words(struct explain_request *asked, char **words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], "--json") == 0)
			asked->json = true;
		else if (words[i][0] == '-' && i + 1 < n && take_option(asked, words[i], words[i + 1]))
			i++;
		else if (words[i][0] == '-' || asked->url)
			return false;
		else
			asked->url = words[i];
	}
	return asked->url != NULL;
}

void explain(struct session *session, FILE *out, char **words, size_t n)
{
	const struct site *site = &session->admin->running->site;
	char *headers[ADMIN_WORDS], *arguments[ADMIN_WORDS];
	struct explain_request asked = {
		.method = "GET", .headers = headers, .arguments = arguments, .errors = out, .prefix = ""
	};
	struct arena *arena = arena_new();

	if (!arena)
		fprintf(out, "out of memory\n");
	else if (!take_words(&asked, words, n))
		fprintf(out,
			"usage: explain [--src <ip>] [--method <m>] [--header <name:\\ value>]… [--arg <name=value>]… "
			"[--json] <url>\n");
	else
		answer_explain(&asked, arena, site->ruleset, site->fleet, site->config, out);
	arena_free(arena);
}
