/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /v1/explain: as on the command line. It takes a share of the control thread's time, and no more. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/base/clock.h"
#include "web.h"

#define MOST  200u /* lines and servers that are told */
#define SHARE 0.2  /* of the thread's time, */
#define BURST 2.0  /* and what seconds without a question are worth at most */

/* Pointers to the arguments of that name, which are not written to. */
static size_t collect(const struct web *web, const char *name, char **to)
{
	size_t n = 0;

	for (size_t i = 0; i < web->n_query; i++)
		if (strcmp(web->query[i].name, name) == 0)
			to[n++] = (char *)(uintptr_t)web->query[i].value;
	return n;
}

static bool take_arguments(struct web *web, struct explain_request *asked)
{
	const char *format = web_argument(web, "format"), *method = web_argument(web, "method");

	asked->url = web_argument(web, "url");
	asked->method = method && *method ? method : "GET";
	asked->src = web_argument(web, "src");
	if (asked->src && !*asked->src)
		asked->src = NULL;
	asked->n_headers = collect(web, "header", asked->headers);
	asked->n_arguments = collect(web, "arg", asked->arguments);
	asked->json = !format || strcmp(format, "json") == 0;
	if (!asked->url || !*asked->url)
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "'url' is missing");
	else if (!asked->json && strcmp(format, "text") != 0)
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "'format' is json or text");
	else
		return true;
	return false;
}

static void run(struct web *web, struct explain_request *asked, struct arena *arena)
{
	const struct site *site = &web->admin->running->site;
	char why[300] = "";

	asked->errors = fmemopen(why, sizeof(why), "w");
	if (!asked->errors) {
		web_json(web, NULL);
		return;
	}
	web->type = asked->json ? "application/json" : "text/plain; charset=utf-8";
	answer_explain(asked, arena, site->ruleset, site->fleet, site->config, web->out);
	fclose(asked->errors);
	why[strcspn(why, "\n")] = 0;
	if (ftell(web->out) == 0)
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "%s", *why ? why : "the request cannot be");
}

void api_explain(struct web *web)
{
	char *headers[WEB_QUERY], *arguments[WEB_QUERY];
	struct explain_request asked = { .headers = headers, .arguments = arguments, .prefix = "", .most = MOST };
	struct admin *admin = web->admin;
	double began = clock_now();
	struct arena *arena;

	if (!take_arguments(web, &asked))
		return;
	if (admin->explain_after < began - BURST)
		admin->explain_after = began - BURST;
	if (began < admin->explain_after) {
		web->retry = 1;
		web_refuse(web, MHD_HTTP_TOO_MANY_REQUESTS, "too much was asked just now");
		return;
	}
	arena = arena_new();
	if (arena)
		run(web, &asked, arena);
	else
		web_json(web, NULL);
	arena_free(arena);
	admin->explain_after += (clock_now() - began) / SHARE;
}
