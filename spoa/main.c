/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, and the order in which things start and stop; nothing else. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>

#include "spoa-redirect/admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/cli.h"
#include "spoa-redirect/site.h"

#define LEAVE_TICK 0.05 /* seconds between two looks at what is still open */
#define LOG_TICK   0.05 /* seconds that a line of another thread may wait */

enum stage { RUNNING, DRAINING, LEAVING };

/* The one process struct; the control thread's. */
struct process {
	struct running running;
	struct reload *reload;
	struct admin *admin;
	ev_signal signals[5];
	ev_timer stage_timer; /* the end of grace, then the looks */
	ev_timer log_timer;
	enum stage stage;
	double hard_stop; /* when patience ends */
};

static const struct log *log_of(const struct process *process)
{
	return net_settings_log(process->running.site.settings);
}

/* ---- stopping ---- */

static void stop_now(struct process *process)
{
	ev_break(process->running.loop, EVBREAK_ALL);
}

/* The listeners close; what is connected hears AGENT-DISCONNECT as soon as it has its answers. */
static void leave(struct process *process, bool hasty)
{
	process->stage = LEAVING;
	log_line(log_of(process), LOG_NOTICE, "Stopping: %zu SPOP connections to end.",
		 net_connections(process->running.net));
	net_leave(process->running.net, hasty);
	ev_timer_stop(process->running.loop, &process->stage_timer);
	ev_timer_set(&process->stage_timer, LEAVE_TICK, LEAVE_TICK);
	ev_timer_start(process->running.loop, &process->stage_timer);
}

static void on_stage_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct process *process = timer->data;

	(void)loop;
	(void)events;
	if (process->stage == DRAINING)
		leave(process, net_settings_grace(process->running.site.settings) == 0);
	else if (net_connections(process->running.net) == 0)
		stop_now(process);
	else if (clock_now() >= process->hard_stop)
		stop_now(process);
}

/* Another process accepts at the same addresses: there is nothing to wait for, and nobody may notice that this one goes. */
static void leave_to(struct process *process, pid_t heir)
{
	log_line(log_of(process), LOG_NOTICE, "Process %d has taken over.", (int)heir);
	process->hard_stop = clock_now() + net_settings_hard_stop(process->running.site.settings);
	manager_give_away(process->running.manager, heir);
	state_file_close(process->running.state_file, false);
	process->running.state_file = NULL;
	admin_give_away(process->admin);
	load_give_away(process->running.load);
	admin_stop(process->admin);
	process->admin = NULL;
	net_give_away(process->running.net);
	leave(process, false);
}

/* Health checks are refused first, and the rest goes on until HAProxy has had the time to notice. */
static void drain(struct process *process)
{
	double grace = net_settings_grace(process->running.site.settings);
	double patience = net_settings_hard_stop(process->running.site.settings);

	process->stage = DRAINING;
	admin_set_stopping(process->admin);
	manager_stopping(process->running.manager, "Draining: health checks are refused, requests are answered.");
	process->hard_stop = clock_now() + patience;
	net_drain(process->running.net);
	if (grace > patience)
		grace = patience;
	if (net_accepted(process->running.net) == 0) /* nobody would notice */
		grace = 0;
	log_line(log_of(process), LOG_NOTICE, "Draining for %.1f s: health checks are refused, requests are answered.",
		 grace);
	ev_timer_set(&process->stage_timer, grace, 0);
	ev_timer_start(process->running.loop, &process->stage_timer);
}

static void reload_on_signal(struct process *process)
{
	if (process->stage == RUNNING)
		reload_begin(process->reload, NULL, NULL);
	else
		log_line(log_of(process), LOG_WARNING, "Not reloading: the agent is about to stop.");
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct process *process = signal->data;

	(void)loop;
	(void)events;
	if (signal->signum == SIGHUP || signal->signum == SIGUSR2)
		reload_on_signal(process);
	else if (process->stage == RUNNING && admin_heir(process->admin))
		leave_to(process, admin_heir(process->admin));
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
		ev_signal_start(process->running.loop, &process->signals[i]);
	}
}

static bool complain(const char *why)
{
	fprintf(stderr, "spoa-redirect: %s\n", why);
	return false;
}

static void on_log_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct process *process = timer->data;

	(void)loop;
	(void)events;
	log_queue_drain(process->running.log_queue, log_of(process));
}

static bool make_loop(struct process *process)
{
	process->running.loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!process->running.loop)
		return complain("cannot make an event loop");
	watch_signals(process);
	ev_init(&process->stage_timer, on_stage_timer);
	ev_timer_init(&process->log_timer, on_log_timer, LOG_TICK, LOG_TICK);
	process->stage_timer.data = process->log_timer.data = process;
	ev_timer_start(process->running.loop, &process->log_timer);
	return true;
}

/* What needs the threads of net, and what needs nothing but memory. */
static bool start_beside(const struct cli *cli, struct process *process)
{
	struct running *running = &process->running;

	running->since = clock_now();
	running->grace = grace_new(running);
	running->manager = running->grace ? manager_open(running) : NULL;
	running->load = load_start(running->loop, running->site.fleet, log_of(process));
	process->reload = reload_new(running, cli->files, cli->n_files, cli->debug);
	return (running->manager && running->load && process->reload) || complain("out of memory");
}

/* With sockets that others opened; those that nobody asks for are closed. */
static bool start_with(const struct cli *cli, struct process *process, struct takeover *takeover)
{
	struct running *running = &process->running;
	char why[300];
	unsigned left;

	running->state_file = state_file_open(running, takeover->states);
	if (!running->state_file ||
	    !ruleset_count_hits(running->site.ruleset, net_settings_workers(running->site.settings)))
		return complain("out of memory");
	running->net = net_open(running->site.settings, running->inherited, why, sizeof(why));
	if (!running->net)
		return complain(why);
	if (!start_beside(cli, process))
		return false;
	process->admin =
		admin_start(running, process->reload,
			    (struct admin_about){ cli_version_text(), cli_date_text(), cli->files, cli->n_files }, why,
			    sizeof(why));
	if (!process->admin)
		return complain(why);
	if (!load_prepare(running->load, running->site.load_settings, running->inherited, why, sizeof(why)))
		return complain(why);
	load_receive(running->load);
	left = inherited_close(running->inherited);
	if (left > 0)
		log_line(log_of(process), LOG_WARNING, "%u sockets that were handed over have no line here", left);
	return true;
}

static void own_files(void *into)
{
	struct process *process = into;

	net_own(process->running.net);
	admin_own(process->admin);
}

/*
 * All is open that this one will answer at: those before it may go. The files of sockets stay with one that is not to go,
 * for who tries a new version beside it.
 */
static void end_others(const struct cli *cli, struct process *process)
{
	if (cli->n_ends > 0)
		own_files(process);
	for (size_t i = 0; i < cli->n_ends; i++)
		if (kill((pid_t)cli->ends[i].pid, cli->ends[i].signal) < 0)
			log_line(log_of(process), LOG_WARNING, "cannot stop process %ld: %s", cli->ends[i].pid,
				 strerror(errno));
}

/*
 * The last that needs root, which may be another's process or another's file; then the rights that the threads are to
 * have, and the threads. Clients wait for a moment, in the backlog.
 */
static bool settle(const struct cli *cli, struct process *process)
{
	struct running *running = &process->running;
	char why[300];

	running->confinement = confinement_new(&running->site);
	if (!running->confinement)
		return complain("out of memory");
	if (!privileges_try(running->site.settings, why, sizeof(why)))
		return complain(why);
	end_others(cli, process);
	confinement_enter(running->confinement, log_of(process));
	if (!privileges_drop(running, why, sizeof(why)))
		return complain(why);
	return net_start(running->net, why, sizeof(why)) || complain(why);
}

static bool start(const struct cli *cli, struct process *process)
{
	struct inherited inherited = { .n = 0 };
	struct takeover takeover = { .sockets = &inherited, .connections = -1 };
	char why[300];
	bool good;

	if (!make_loop(process))
		return false;
	inherited_take(&inherited);
	if (cli->takeover && strcmp(cli->takeover, "/dev/null") != 0 &&
	    !takeover_fetch(&takeover, cli->takeover, why, sizeof(why)))
		return complain(why);
	process->running.inherited = &inherited;
	good = start_with(cli, process, &takeover) && settle(cli, process);
	if (good && takeover.connections >= 0)
		net_inherit(process->running.net, process->running.loop, takeover.connections, own_files, process);
	else if (takeover.connections >= 0)
		close(takeover.connections);
	process->running.inherited = NULL;
	free(takeover.states);
	return good;
}

static int run(const struct cli *cli, struct process *process)
{
	size_t frontends = ruleset_count(process->running.site.ruleset),
	       backends = fleet_count(process->running.site.fleet);
	int status = EXIT_FAILURE;

	if (cli->debug)
		net_settings_debug(process->running.site.settings);
	process->running.log_queue = log_queue_new();
	if (!process->running.log_queue) {
		fprintf(stderr, "spoa-redirect: out of memory\n");
		return EXIT_FAILURE;
	}
	log_open(net_settings_log(process->running.site.settings), process->running.log_queue);
	if (start(cli, process)) {
		if (!cli->quiet)
			log_line(log_of(process), LOG_NOTICE, "Ready: %zu frontend%s, %zu backend%s.", frontends,
				 &"s"[frontends == 1], backends, &"s"[backends == 1]);
		manager_ready(process->running.manager, "Answering.");
		ev_run(process->running.loop, 0);
		status = EXIT_SUCCESS;
	}
	admin_stop(process->admin);
	load_stop(process->running.load);
	manager_close(process->running.manager);
	net_stop(process->running.net);
	state_file_close(process->running.state_file, true);
	grace_free(process->running.grace);
	reload_free(process->reload);
	confinement_free(process->running.confinement);
	if (status == EXIT_SUCCESS)
		log_line(log_of(process), LOG_NOTICE, "Stopped.");
	if (process->running.loop)
		ev_loop_destroy(process->running.loop);
	log_close(net_settings_log(process->running.site.settings));
	log_queue_free(process->running.log_queue);
	return status;
}

/* What is asked for beside -f, once the configuration is found good. */
static int act(const struct cli *cli, struct process *process)
{
	const struct site *site = &process->running.site;

	if (cli->action == CLI_RUN)
		return run(cli, process);
	if (cli->action == CLI_EXPLAIN)
		return answer_explain(&cli->asked, site->arena, site->ruleset, site->fleet, site->config, stdout)
			       ? EXIT_SUCCESS
			       : EXIT_FAILURE;
	if (cli->action == CLI_SPOE)
		cli_spoe(cli, site);
	else if (!cli->quiet)
		cli_valid(site->fleet);
	return EXIT_SUCCESS;
}

static void tell_errors(const struct config *config, size_t errors)
{
	const char *file = config_foreign(config);

	fprintf(stderr, "spoa-redirect: %zu error%s in the configuration\n", errors, errors == 1 ? "" : "s");
	if (file)
		fprintf(stderr,
			"spoa-redirect: if '%s' is HAProxy's own, 'spoa-redirect import %s' makes a configuration of "
			"it\n",
			file, file);
}

/* What is asked for would drown in them. */
static void tell_of_warnings(size_t n)
{
	if (n > 0)
		fprintf(stderr, "spoa-redirect: %zu warning%s: see -c\n", n, &"s"[n == 1]);
}

static int with_configuration(const struct cli *cli)
{
	struct process process = { 0 };
	struct site *site = &process.running.site;
	int status = EXIT_FAILURE;

	if (!site_build(site, cli->files, cli->n_files)) {
		fprintf(stderr, "spoa-redirect: out of memory\n");
	} else {
		size_t errors = config_count(site->config, CONFIG_ERROR);

		if (errors > 0 || cli->action == CLI_CHECK || cli->action == CLI_RUN)
			config_print_messages(site->config, stderr);
		else
			tell_of_warnings(config_count(site->config, CONFIG_WARNING));
		if (errors > 0)
			tell_errors(site->config, errors);
		else
			status = act(cli, &process);
	}
	site_release(site);
	return status;
}

static int list_keywords(void)
{
	struct site site = { 0 };
	struct config_room rooms[SITE_ROOMS + 1] = { 0 };
	bool good = site_begin(&site, rooms);

	rooms[SITE_ROOMS].keywords = server_keywords(&rooms[SITE_ROOMS].n);
	if (good)
		cli_keywords(rooms, COUNT(rooms));
	site_release(&site);
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
	case CLI_IMPORT:
		status = cli_import(&cli) ? EXIT_SUCCESS : EXIT_FAILURE;
		break;
	case CLI_TOP:
		status = cli_top(&cli) ? EXIT_SUCCESS : EXIT_FAILURE;
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
