/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of the runtime socket. The first byte is the level.
 * - Below admin nothing that is known of a server changes.
 * - JSON is JSON.
 * - What a command leaves is a fleet that can be picked from: weights are 0 to 256, and who may be picked is up.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"
#include "spoa/admin/admin.h"
#include "spoa/net/net.h"
#include "servers.h"
#include "system.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"frontend f\n bind 127.0.0.1:1\n use_backend a if { path_beg /a }\n"
	" use_backend b if { src 192.0.2.0/24 } or { path_reg ^/b }\n default_backend b\n"
	"backend a\n balance first\n server s 192.0.2.1:80 redir http://a.example check\n"
	"backend b\n server s 192.0.2.1:80 redir http://b.example agent-check agent-port 1 weight 9\n"
	" server t 192.0.2.1:80 redir http://t.example standby-of s\n"
	" server u 192.0.2.1:80 redir http://u.example backup disabled\n";

static struct running running;
static struct net net;
static struct admin admin = { .running = &running, .about = { .version = "1", .date = "2" }, .stopping = true };

/* Not assert(): it must stay in every build. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
	(void)loop;
	(void)wake;
	(void)events;
}

static void build(void)
{
	struct config_room rooms[SITE_ROOMS];
	struct site *site = &running.site;

	must(site_begin(site, rooms) && (site->config = config_new(site->arena, rooms, SITE_ROOMS)));
	config_read_text(site->config, "site", slice_of_string(text));
	balance_finish(site->fleet, site->ruleset, site->config);
	ruleset_finish(site->ruleset, site->config);
	fleet_finish(site->fleet, site->config, clock_now());
	net_settings_finish(site->settings, site->ruleset, site->fleet, site->config);
	must(config_count(site->config, CONFIG_ERROR) == 0 && answer_prepare(site->arena, site->fleet));
	site->settings->log.n = 0;
	running.loop = ev_loop_new(EVFLAG_NOENV);
	running.net = &net;
	must((net.captures = captures_new()) != NULL);
	captures_take(net.captures, "frame", SLICE("somebody"), SLICE("some reason"), SLICE("\1\2 bytes"));
	atomic_store(&net.settings, site->settings);
	admin.reload = reload_new(&running, NULL, 0, false);
	running.load = load_start(running.loop, site->fleet, &site->settings->log);
	must(running.loop && admin.reload && running.load);
	net.listener.loop = running.loop;
	ev_async_init(&net.listener.wake, on_wake);
	ev_async_start(running.loop, &net.listener.wake);
}

static void check_fleet(void)
{
	for (size_t i = 0; i < fleet_count(running.site.fleet); i++) {
		const struct backend *backend = fleet_backend(running.site.fleet, i);

		for (uint32_t j = 0; j < backend_n_usable(backend); j++)
			must(server_status(backend_usable(backend, j)) == SERVER_UP);
		for (size_t j = 0; j < backend->n_servers; j++)
			must(atomic_load(&backend->servers[j]->state->weight) <= 256);
	}
}

static bool is_json(const char *answer)
{
	json_t *json = json_loads(answer, 0, NULL);

	json_decref(json);
	return json != NULL;
}

/* What the lists of patterns have lets requests be decided, and none is ever found that was never said. */
static void decide(void)
{
	static struct answer_scratch scratch;
	static const struct route *route;

	if (!route) {
		route = route_new(running.site.arena, ruleset_frontend(running.site.ruleset, 0), running.site.fleet,
				  running.site.config);
		must(route && answer_scratch_init(&scratch));
	}
	memset(&scratch.request, 0, sizeof(scratch.request));
	scratch.request.values[REQUEST_PATH] =
		(struct spop_value){ .type = SPOP_STRING, .bytes = { (const uint8_t *)"/a/b", 4 } };
	rules_begin(scratch.rules);
	must(answer_decide(route, &scratch, clock_now()).backend != NULL);
}

static void run(struct session *session, char *line)
{
	bool may = session->level == LEVEL_ADMIN;
	uint64_t before = servers_sum(running.site.fleet);
	char *answer = NULL;
	size_t length;
	FILE *out = open_memstream(&answer, &length);

	must(out != NULL);
	reading = true;
	command_run(session, line, out);
	reading = false;
	must(fclose(out) == 0 && !session->waits);
	must(may || servers_sum(running.site.fleet) == before);
	must(answer[0] != '[' || is_json(answer));
	check_fleet();
	decide();
	free(answer);
}

/* So that lists do not grow from one input to the next. */
static void forget_servers(void)
{
	struct retired *retired = NULL;
	char why[100];

	for (size_t i = 0; i < fleet_count(running.site.fleet); i++) {
		struct backend *backend = fleet_backend(running.site.fleet, i);

		for (size_t j = backend->n_servers; j-- > 0;) {
			struct server *server = backend->servers[j];

			if (!server_line(server))
				continue;
			server_set_admin(running.site.fleet, server, ADMIN_MAINT, "fuzz", clock_now());
			/* a standby came later, and has gone */
			must(site_remove_server(&running.site, server, clock_now(), &retired, why, sizeof(why)));
		}
	}
	must(load_move(running.load, running.site.fleet, &running.site.settings->log));
	retired_free(retired);
}

static void forget_patterns(struct session *session)
{
	static const char *const lines[] = {
		"clear acl #0",  "clear acl #1", "clear acl #2", "add acl #0 /a", "add acl #1 192.0.2.0/24",
		"add acl #2 ^/b"
	};

	session->level = LEVEL_ADMIN;
	for (size_t i = 0; i < COUNT(lines); i++) {
		char line[40];

		strcpy(line, lines[i]);
		run(session, line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session session;
	char lines[4096], *rest = NULL;

	if (size == 0 || size > sizeof(lines))
		return 0;
	if (!running.loop)
		build();
	memset(&session, 0, sizeof(session));
	session.admin = &admin;
	session.level = (enum stats_level)(data[0] % (LEVEL_ADMIN + 1));
	must((running.grace = grace_new(&running)) != NULL);
	ev_timer_init(&session.timer, NULL, 0, 1);
	memcpy(lines, data + 1, size - 1);
	lines[size - 1] = 0;
	for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		run(&session, line);
	ev_timer_stop(running.loop, &session.timer);
	forget_servers();
	forget_patterns(&session);
	grace_free(running.grace); /* nobody else looks */
	return 0;
}
