/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request over HTTP, behind the transport. Lines: the method, the path, an Authorization, then name=value for each
 * argument; behind an empty line the body.
 * - Only a method other than GET and HEAD with the token changes a server; a weight stays within 0 to 256.
 * - There is always an answer, with a status, and what is said to be JSON is.
 */
#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/base/clock.h"
#include "spoa/admin/web.h"
#include "spoa/load/probe.h"
#include "spoa/net/net.h"
#include "servers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKEN "sixteen-and-more"

static const char text[] = "frontend f\n bind 127.0.0.1:1\n acl x path_beg /a\n use_backend a if x\n"
			   " redirect-unless { path_beg /no }\n default_backend b\n"
			   "frontend g\n bind 127.0.0.1:1\n use_backend %[path,field(2,/)]\n"
			   "backend a\n balance first\n server s 192.0.2.1:80 redir http://a.example check load-push\n"
			   "backend b\n server s 192.0.2.1:80 redir http://b.example load-push weight 9\n"
			   " server t 192.0.2.1:80 redir http://t.example standby-of s\n"
			   " server u 192.0.2.1:80 redir http://u.example backup disabled\n";

static struct running running;
static struct net net;
static struct admin admin = { .running = &running, .about = { .version = "1", .date = "2" } };

/* Not assert(): it must stay in every build. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void build(void)
{
	struct site *site = &running.site;
	struct net_sums sums = { .workers = 1 };

	must(site_build_text(site, "site", slice_of_string(text)));
	config_print_messages(site->config, stderr);
	must(config_count(site->config, CONFIG_ERROR) == 0);
	must(ruleset_count_hits(site->ruleset, 1));
	site->settings->log.n = 0;
	site->settings->http_token = SLICE(TOKEN);
	running.loop = ev_loop_new(EVFLAG_NOENV);
	running.net = &net;
	atomic_store(&net.settings, site->settings);
	admin.reload = reload_new(&running, NULL, 0, false);
	running.load = load_start(running.loop, site->fleet, net_settings_log(site->settings));
	admin.history = history_new(&sums, clock_now());
	must(running.loop && admin.reload && running.load && admin.history);
}

static void check_answer(const struct web *web, const char *answer, size_t length)
{
	json_t *json;

	must(web->status >= 200 && web->status < 600 && web->type && length > 0);
	if (strcmp(web->type, "application/json") != 0)
		return;
	json = json_loadb(answer, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	must(json && (web->status == 200 || json_string_value(json_object_get(json, "error"))));
	json_decref(json);
}

static void ask(struct web *web)
{
	const struct web_route *route;
	uint64_t before = servers_sum(running.site.fleet);
	struct net_sums sums;
	char *answer = NULL;
	size_t length;
	bool may;

	web->out = open_memstream(&answer, &length);
	must(web->out != NULL);
	web->type = "text/plain";
	admin.explain_after = 0;
	snprintf(admin.run, sizeof(admin.run), "1");
	may = web->authorization && strstr(web->authorization, TOKEN) && strcmp(web->method, "GET") != 0 &&
	      strcmp(web->method, "HEAD") != 0;
	net_sum(&net, &sums);
	history_take(admin.history, running.site.fleet, &sums, clock_now());
	route = web_find(web);
	if (route)
		web_run(web, route);
	must(fclose(web->out) == 0);
	check_answer(web, answer, length);
	must(may || servers_sum(running.site.fleet) == before);
	free(answer);
}

static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = 0;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web web = { .admin = &admin };
	char lines[WEB_BODY], *rest = lines, *line;

	if (size >= sizeof(lines))
		return 0;
	if (!running.loop)
		build();
	memcpy(lines, data, size);
	lines[size] = 0;
	web.method = take_line(&rest);
	web.path = take_line(&rest);
	web.authorization = take_line(&rest);
	while (*(line = take_line(&rest))) {
		char *value = strchr(line, '=');

		if (value)
			*value++ = 0;
		if (web.n_query < WEB_QUERY)
			web.query[web.n_query++] = (struct web_argument){ line, value ? value : "" };
	}
	web.body = slice_of(rest, (size_t)(lines + size - rest));
	ask(&web);
	return 0;
}
