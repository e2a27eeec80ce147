/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/site.h"

#define LISTENERS  16u
#define BUILD_NICE 10

enum phase {
	IDLE,
	BUILDING, /* the thread has `fresh` */
	MOVING,   /* workers may still look at `old` */
};

struct reload {
	struct running *running;
	char *const *files;
	size_t n_files;
	bool debug;
	enum phase phase;
	bool again;
	pthread_t thread;
	struct site fresh, old;
	bool complete; /* site_build()'s word */
	ev_async built;
	struct passing {
		struct retired retired; /* the site before, once nobody looks at it */
		struct reload *reload;
	} passing;
	struct told {
		reload_told *tell;
		void *into;
		bool next; /* of the reading that comes after the one under way */
	} told[LISTENERS];
	size_t n_told;
	uint64_t counts[2];
	bool failed; /* the last one */
};

static const struct log *log_of(const struct reload *reload)
{
	return net_settings_log(reload->running->site.settings);
}

/* ---- telling ---- */

static void log_message(void *into, enum config_severity severity, const char *text)
{
	static const enum log_level levels[] = {
		[CONFIG_NOTICE] = LOG_NOTICE, [CONFIG_WARNING] = LOG_WARNING, [CONFIG_ERROR] = LOG_ALERT
	};

	log_line(log_of(into), levels[severity], "%s", text);
}

static void tell(struct reload *reload, bool good, const char *text)
{
	struct told told[LISTENERS];
	size_t n = 0, left = 0;

	for (size_t i = 0; i < reload->n_told; i++)
		if (reload->told[i].next)
			reload->told[left++] = (struct told){ reload->told[i].tell, reload->told[i].into, false };
		else
			told[n++] = reload->told[i];
	reload->n_told = left;
	for (size_t i = 0; i < n; i++)
		told[i].tell(told[i].into, good, text);
}

/* The configuration's messages, and a last line; of malloc(). */
static char *make_text(const struct config *config, const char *last)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (config)
		config_print_messages(config, out);
	fprintf(out, "%s\n", last);
	return fclose(out) == 0 ? text : NULL;
}

/* config: NULL, where not even that could be had. */
static void end(struct reload *reload, bool good, const struct config *config, const char *last)
{
	const char *status = good ? "Reloaded." : "Reload failed: the configuration before goes on.";
	char *text = make_text(config, last);

	reload->counts[good]++;
	reload->failed = !good;
	manager_ready(reload->running->manager, status);
	tell(reload, good, text ? text : good ? "Reloaded.\n" : "Reload failed: out of memory.\n");
	free(text);
	if (config)
		config_visit_messages(config, log_message, reload);
	log_line(log_of(reload), good ? LOG_NOTICE : LOG_ALERT, "%s", last);
}

static void fail(struct reload *reload, const char *why)
{
	char last[400];

	load_unprepare(reload->running->load);
	snprintf(last, sizeof(last), "Reload failed: %s; the configuration stays as it was.", why);
	end(reload, false, reload->fresh.config, last);
	site_release(&reload->fresh);
	reload->phase = IDLE;
}

static void succeed(struct reload *reload)
{
	const struct site *site = &reload->running->site;
	size_t frontends = ruleset_count(site->ruleset), backends = fleet_count(site->fleet);
	char last[100];

	snprintf(last, sizeof(last), "Reloaded: %zu frontend%s, %zu backend%s.", frontends, &"s"[frontends == 1],
		 backends, &"s"[backends == 1]);
	end(reload, true, site->config, last);
}

/* ---- the steps ---- */

static void *build(void *argument)
{
	struct reload *reload = argument;

	/* Linux has it by thread: where cores are few, a worker that wakes goes first */
	(void)setpriority(PRIO_PROCESS, 0, BUILD_NICE);
	reload->complete = site_build(&reload->fresh, reload->files, reload->n_files) &&
			   ruleset_count_hits(reload->fresh.ruleset, net_workers(reload->running->net));
	ev_async_send(reload->running->loop, &reload->built);
	return NULL;
}

static void start(struct reload *reload)
{
	sigset_t all, before;
	int error;

	manager_reloading(reload->running->manager);
	reload->again = false;
	for (size_t i = 0; i < reload->n_told; i++)
		reload->told[i].next = false;
	reload->fresh = (struct site){ 0 };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&reload->thread, NULL, build, reload);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		fail(reload, "cannot start a thread");
	else
		reload->phase = BUILDING;
}

static void on_moved(struct retired *retired)
{
	struct reload *reload = ((struct passing *)retired)->reload;

	log_close(net_settings_log(reload->old.settings));
	ruleset_adopt_hits(reload->running->site.ruleset, reload->old.ruleset); /* what came in the meantime */
	site_release(&reload->old);
	reload->phase = IDLE;
	succeed(reload);
	if (reload->again)
		start(reload);
}

/* What can fail has been done: from here on the new one is the one that runs. */
static void move(struct reload *reload)
{
	struct running *running = reload->running;
	struct retired *before = NULL;
	double now = clock_now();

	net_warn(running->net, reload->fresh.settings, reload->fresh.config);
	reload->old = running->site;
	running->site = reload->fresh;
	reload->fresh = (struct site){ 0 };
	running->since = now;
	if (reload->debug)
		net_settings_debug(running->site.settings);
	log_open(net_settings_log(running->site.settings), running->log_queue);
	site_keep_guests(&running->site, &reload->old, now);
	fleet_adopt(running->site.fleet, reload->old.fleet, now);
	ruleset_adopt_hits(running->site.ruleset, reload->old.ruleset);
	if (!load_move(running->load, running->site.fleet, log_of(reload)))
		log_line(log_of(reload), LOG_ERR, "Out of memory: some servers are not checked.");
	load_receive(running->load);
	reload->phase = MOVING;
	net_move(running->net, running->site.settings);
	retired_add(&before, &reload->passing.retired, on_moved);
	grace_after(running->grace, before);
}

/* A path that the process has no right to, any more, is one for which another will do. */
static bool is_good(struct reload *reload, char *why, size_t size)
{
	struct confinement *confinement = reload->running->confinement;
	size_t errors = reload->fresh.config ? config_count(reload->fresh.config, CONFIG_ERROR) : 0;
	const char *path;

	if (!reload->complete) {
		snprintf(why, size, "out of memory");
		return false;
	}
	path = confinement_lacks(confinement, &reload->fresh);
	if (path) {
		snprintf(why, size, "restart needed: %s", path);
		return false;
	}
	snprintf(why, size, "%zu error%s in the configuration", errors, &"s"[errors == 1]);
	return errors == 0;
}

/* False: why. */
static bool prepare(struct reload *reload, char *why, size_t size)
{
	char reason[300];
	bool rights;

	if (load_prepare(reload->running->load, reload->fresh.load_settings, NULL, reason, sizeof(reason)) &&
	    net_prepare(reload->running->net, reload->fresh.settings, reason, sizeof(reason)))
		return true;
	rights = errno == EACCES || errno == EPERM;
	snprintf(why, size, "%s%s", rights && reload->running->dropped ? "restart needed: " : "", reason);
	return false;
}

static void on_built(struct ev_loop *loop, ev_async *async, int events)
{
	struct reload *reload = async->data;
	char why[330];

	(void)loop;
	(void)events;
	pthread_join(reload->thread, NULL);
	if (!is_good(reload, why, sizeof(why)) || !prepare(reload, why, sizeof(why)))
		fail(reload, why);
	else
		move(reload);
	if (reload->phase == IDLE && reload->again)
		start(reload);
}

/* ---- the beginning and the end ---- */

struct reload *reload_new(struct running *running, char *const *files, size_t n_files, bool debug)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return NULL;
	*reload = (struct reload){ .running = running, .files = files, .n_files = n_files, .debug = debug };
	ev_async_init(&reload->built, on_built);
	reload->built.data = reload->passing.reload = reload;
	ev_async_start(running->loop, &reload->built);
	return reload;
}

bool reload_begin(struct reload *reload, reload_told *told, void *into)
{
	if (told) {
		if (reload->n_told == LISTENERS)
			return false;
		reload->told[reload->n_told++] = (struct told){ told, into, reload->phase != IDLE };
	}
	if (reload->phase == IDLE)
		start(reload);
	else
		reload->again = true;
	return true;
}

void reload_forget(struct reload *reload, void *into)
{
	size_t left = 0;

	for (size_t i = 0; i < reload->n_told; i++)
		if (reload->told[i].into != into)
			reload->told[left++] = reload->told[i];
	reload->n_told = left;
}

uint64_t reload_count(const struct reload *reload, bool good)
{
	return reload->counts[good];
}

bool reload_failed(const struct reload *reload)
{
	return reload->failed;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	if (reload->phase == BUILDING)
		pthread_join(reload->thread, NULL);
	ev_async_stop(reload->running->loop, &reload->built);
	site_release(&reload->fresh);
	free(reload);
}
