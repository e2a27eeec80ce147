/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, and the order in which things start and stop; nothing else. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/cli.h"
#include "spoa-redirect/config.h"
#include "spoa-redirect/fleet.h"
#include "spoa-redirect/load.h"
#include "spoa-redirect/net.h"
#include "spoa-redirect/rules.h"
#include "spoa-redirect/select.h"

#define LEAVE_TICK 0.05 /* seconds between two looks at what is still open */

/* What one file, or several, were built into. Everything lives in the arena. */
struct site {
	struct arena *arena;
	struct config *config;
	struct ruleset *ruleset;
	struct fleet *fleet;
	struct net_settings *settings;
};

enum stage { RUNNING, DRAINING, LEAVING };

/* The one process struct; the control thread's. */
struct process {
	struct site site;
	const struct log *log;
	struct ev_loop *loop;
	struct net *net;
	struct load *load;
	ev_signal signals[5];
	ev_timer stage_timer; /* the end of grace, then the looks */
	enum stage stage;
	double hard_stop; /* when patience ends */
};

/* ---- the configuration ---- */

static bool site_rooms(struct site *site, struct config_room rooms[4])
{
	site->arena = arena_new();
	if (!site->arena)
		return false;
	site->settings = net_settings_new(site->arena);
	site->ruleset = ruleset_new(site->arena);
	if (!site->settings || !site->ruleset)
		return false;
	site->fleet = fleet_new(site->arena, net_settings_log(site->settings), balance_default());
	if (!site->fleet)
		return false;
	rooms[0] = net_room(site->settings);
	rooms[1] = ruleset_room(site->ruleset);
	rooms[2] = fleet_room(site->fleet);
	rooms[3] = balance_room(site->fleet);
	return true;
}

/* All errors of all files are in site->config; false: too little memory even for those. */
static bool site_build(struct site *site, char **files, size_t n_files)
{
	struct config_room rooms[4];

	if (!site_rooms(site, rooms))
		return false;
	site->config = config_new(site->arena, rooms, COUNT(rooms));
	if (!site->config)
		return false;
	for (size_t i = 0; i < n_files; i++)
		config_read(site->config, files[i]);
	config_complete(site->config);
	ruleset_finish(site->ruleset, site->config);
	fleet_finish(site->fleet, site->config, clock_now());
	net_settings_finish(site->settings, site->ruleset, site->fleet, site->config);
	if (ruleset_count(site->ruleset) == 0 && config_count(site->config, CONFIG_ERROR) == 0)
		config_say_at(site->config, CONFIG_ERROR, (struct config_place){ files[0], 0, NULL },
			      "no 'frontend': there is nothing to answer");
	return answer_prepare(site->arena, site->fleet) && !arena_failed(site->arena);
}

/* ---- stopping ---- */

static void stop_now(struct process *process)
{
	ev_break(process->loop, EVBREAK_ALL);
}

/* The listeners close; what is connected hears AGENT-DISCONNECT as soon as it has its answers. */
static void leave(struct process *process)
{
	process->stage = LEAVING;
	log_line(process->log, LOG_NOTICE, "Stopping: %zu SPOP connections to end.", net_connections(process->net));
	net_leave(process->net);
	ev_timer_stop(process->loop, &process->stage_timer);
	ev_timer_set(&process->stage_timer, LEAVE_TICK, LEAVE_TICK);
	ev_timer_start(process->loop, &process->stage_timer);
}

static void on_stage_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct process *process = timer->data;

	(void)loop;
	(void)events;
	if (process->stage == DRAINING)
		leave(process);
	else if (net_connections(process->net) == 0)
		stop_now(process);
	else if (clock_now() >= process->hard_stop)
		stop_now(process);
}

/* Health checks are refused first, and the rest goes on until HAProxy has had the time to notice. */
static void drain(struct process *process)
{
	double grace = net_settings_grace(process->site.settings);
	double patience = net_settings_hard_stop(process->site.settings);

	process->stage = DRAINING;
	process->hard_stop = clock_now() + patience;
	net_drain(process->net);
	if (grace > patience)
		grace = patience;
	if (net_accepted(process->net) == 0) /* nobody would notice */
		grace = 0;
	log_line(process->log, LOG_NOTICE, "Draining for %.1f s: health checks are refused, requests are answered.",
		 grace);
	ev_timer_set(&process->stage_timer, grace, 0);
	ev_timer_start(process->loop, &process->stage_timer);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct process *process = signal->data;

	(void)loop;
	(void)events;
	if (signal->signum == SIGHUP || signal->signum == SIGUSR2)
		log_line(process->log, LOG_WARNING,
			 "Reloading the configuration is not yet supported: nothing changed.");
	else if (process->stage == RUNNING)
		drain(process);
	else
		stop_now(process); /* whoever asks twice will not wait */
}

/* ---- running ---- */

static void watch_signals(struct process *process)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGUSR2 };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		ev_signal_init(&process->signals[i], on_signal, numbers[i]);
		process->signals[i].data = process;
		ev_signal_start(process->loop, &process->signals[i]);
	}
}

static bool start(struct process *process)
{
	char why[300];

	process->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!process->loop) {
		fprintf(stderr, "spoa-redirect: cannot make an event loop\n");
		return false;
	}
	watch_signals(process);
	ev_init(&process->stage_timer, on_stage_timer);
	process->stage_timer.data = process;
	process->net = net_start(process->site.settings, why, sizeof(why));
	if (!process->net) {
		fprintf(stderr, "spoa-redirect: %s\n", why);
		return false;
	}
	process->load = load_start(process->loop, process->site.fleet, process->log);
	if (!process->load)
		fprintf(stderr, "spoa-redirect: out of memory\n");
	return process->load != NULL;
}

static int run(const struct cli *cli, struct process *process)
{
	size_t frontends = ruleset_count(process->site.ruleset), backends = fleet_count(process->site.fleet);
	int status = EXIT_FAILURE;
	struct log *log;

	if (cli->debug)
		net_settings_debug(process->site.settings);
	log = net_settings_log(process->site.settings);
	log_open(log);
	process->log = log;
	if (start(process)) {
		if (!cli->quiet)
			log_line(process->log, LOG_NOTICE, "Ready: %zu frontend%s, %zu backend%s.", frontends,
				 &"s"[frontends == 1], backends, &"s"[backends == 1]);
		ev_run(process->loop, 0);
		status = EXIT_SUCCESS;
	}
	load_stop(process->load);
	net_stop(process->net);
	if (status == EXIT_SUCCESS)
		log_line(process->log, LOG_NOTICE, "Stopped.");
	if (process->loop)
		ev_loop_destroy(process->loop);
	log_close(log);
	return status;
}

/* What is asked for beside -f, once the configuration is found good. */
static int act(const struct cli *cli, struct process *process)
{
	if (cli->action == CLI_RUN)
		return run(cli, process);
	if (cli->action == CLI_EXPLAIN)
		return cli_explain(cli, process->site.arena, process->site.ruleset, process->site.fleet,
				   process->site.config)
			       ? EXIT_SUCCESS
			       : EXIT_FAILURE;
	if (cli->action == CLI_SPOE)
		cli_spoe(cli, process->site.ruleset, process->site.fleet);
	else if (!cli->quiet)
		printf("Configuration file is valid\n");
	return EXIT_SUCCESS;
}

static int with_configuration(const struct cli *cli)
{
	struct process process = { 0 };
	struct site *site = &process.site;
	int status = EXIT_FAILURE;

	if (!site_build(site, cli->files, cli->n_files)) {
		fprintf(stderr, "spoa-redirect: out of memory\n");
	} else {
		size_t errors = config_count(site->config, CONFIG_ERROR);

		config_print_messages(site->config, stderr);
		if (errors > 0)
			fprintf(stderr, "spoa-redirect: %zu error%s in the configuration\n", errors,
				errors == 1 ? "" : "s");
		else
			status = act(cli, &process);
	}
	arena_free(site->arena);
	return status;
}

static int list_keywords(void)
{
	struct site site = { 0 };
	struct config_room rooms[4];
	bool good = site_rooms(&site, rooms);

	if (good)
		cli_keywords(rooms, COUNT(rooms));
	arena_free(site.arena);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct cli cli;
	int status = EXIT_FAILURE;

	if (!cli_parse(&cli, argc, argv))
		goto out;
	status = EXIT_SUCCESS;
	switch (cli.action) {
	case CLI_VERSION:
		cli_version();
		break;
	case CLI_BUILD:
		cli_build();
		break;
	case CLI_HELP:
		cli_help();
		break;
	case CLI_KEYWORDS:
		status = list_keywords();
		break;
	case CLI_RUN:
	case CLI_CHECK:
	case CLI_EXPLAIN:
	case CLI_SPOE:
		status = with_configuration(&cli);
		break;
	}
out:
	cli_release(&cli);
	return status;
}
