/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the command line were built into, and how the next one takes its place while requests go on: a
 * configuration is compiled on a thread of its own, and only one that is wholly good is moved to.
 */
#ifndef SPOA_REDIRECT_SITE_H
#define SPOA_REDIRECT_SITE_H

#include "spoa-redirect/base/retired.h"
#include "spoa-redirect/config.h"
#include "spoa-redirect/fleet.h"
#include "spoa-redirect/load.h"
#include "spoa-redirect/net.h"
#include "spoa-redirect/rules.h"

/* One configuration. All of it lives in the arena. */
struct site {
	struct arena *arena;
	struct config *config;
	struct ruleset *ruleset;
	struct fleet *fleet;
	struct net_settings *settings;
	struct load_settings *load_settings;
};

#define SITE_ROOMS 5u

/* Empty, with the rows of every room that has some. False: out of memory; site_release() is due all the same. */
bool site_begin(struct site *site, struct config_room rooms[SITE_ROOMS]);

/* All errors of all files are in site->config. False: too little memory even for those. Any thread. */
bool site_build(struct site *site, char *const *files, size_t n_files);

/* The same of a text that is called `name` in messages. */
bool site_build_text(struct site *site, const char *name, struct slice text);
void site_release(struct site *site);

/* ---- servers at run time ---- */

/*
 * One more, as backend_add_server(), or one less, which no worker is told any more; who checks servers is to be told by
 * load_move(). What workers may be looking at still is added to *retired. Control thread. False: why.
 */
bool site_add_server(struct site *site, struct backend *backend, const char *name, const char *line, double now,
		     struct retired **retired, char *why, size_t size);
bool site_remove_server(struct site *site, struct server *server, double now, struct retired **retired, char *why,
			size_t size);

/* Before fleet_adopt(), of a site that no worker has seen: those of the old one stay, unless the files name them now. */
void site_keep_guests(struct site *site, const struct site *old, double now);

/* ---- what workers may still look at ---- */

struct grace;
struct running;

/* Of the running agent, whose loop and net outlive it. NULL: out of memory. Control thread, as all of these. */
struct grace *grace_new(struct running *running);

/* Releases each of the list, on the loop and in this order, once no thread can have a pointer that it read before now. */
void grace_after(struct grace *grace, struct retired *list);

/* Releases what is left, with net's threads stopped. NULL is fine. */
void grace_free(struct grace *grace);

/* The agent as it runs. Control thread, but for what site.h's own thread builds. */
struct running {
	struct ev_loop *loop;
	struct net *net;
	struct grace *grace;
	struct load *load;
	struct state_file *state_file;
	struct inherited *inherited; /* NULL, once all that is listened on is open */
	struct manager *manager;     /* NULL: it is told nothing */
	struct log_queue *log_queue; /* NULL: each thread writes its lines itself */
	struct confinement *confinement;
	bool dropped; /* it was root, and is not any more */
	struct site site;
	double since; /* that site; monotonic */
};

/* ---- rights ---- */

/*
 * `user` and `group`, for a process that was started as root, which may not be so again; else at most a warning. With one
 * thread only, and with everything open that needs root. False: why. To be tried first, where others will have gone by then.
 */
bool privileges_try(const struct net_settings *settings, char *why, size_t size);
bool privileges_drop(struct running *running, char *why, size_t size);

/* The directories that the site uses, and from confinement_enter() on no others, in this thread and those it starts. */
struct confinement;
struct confinement *confinement_new(const struct site *site);
void confinement_enter(struct confinement *confinement, const struct log *log);

/* A path of another site that it does not allow; NULL: it has all that it needs. */
const char *confinement_lacks(struct confinement *confinement, const struct site *site);
void confinement_free(struct confinement *confinement);

/* ---- state-file ---- */

struct state_file;

/*
 * Takes `states`, if they are not NULL, or else what the file of the running site's settings knows of its servers; a broken
 * one is warned of and ignored. From then on what people change is written there within a second, and at the end. Before
 * any worker decides. NULL: out of memory.
 */
struct state_file *state_file_open(struct running *running, const char *states);
void state_file_save(struct state_file *file);

/* save: what has changed since. NULL is fine. */
void state_file_close(struct state_file *file, bool save);

/* ---- the service manager ---- */

struct manager;

/*
 * systemd, if it is the one that started us: it hears when the agent is ready, reloads and stops, and with a watchdog
 * that all threads live. Control thread, with net running. NULL: out of memory. Each takes NULL.
 */
struct manager *manager_open(struct running *running);
void manager_ready(struct manager *manager, const char *status);
void manager_reloading(struct manager *manager);
void manager_stopping(struct manager *manager, const char *status);
/* Another process, which is told to be the main one from now on, is to hear no more of this one. */
void manager_give_away(struct manager *manager, pid_t pid);
void manager_close(struct manager *manager);

/* ---- taking over ---- */

/* Of a process that runs: what a runtime socket with `expose-fd listeners` gives. */
struct takeover {
	struct inherited *sockets;
	char *states;    /* as `show servers state`; of malloc(), the caller's. NULL: none came */
	int connections; /* a channel for net_inherit(), the caller's; −1: none */
};

/* False: why. */
bool takeover_fetch(struct takeover *takeover, const char *path, char *why, size_t size);

/* ---- reload ---- */

struct reload;

/* files outlive it; debug: as -d. NULL: out of memory, or no thread can be had. */
struct reload *reload_new(struct running *running, char *const *files, size_t n_files, bool debug);

/* What came of it: all or nothing. text: one line or more for a person, each with its end. */
typedef void reload_told(void *into, bool good, const char *text);

/*
 * Reads the files again. Of calls while that goes on one more reading follows, for all of them. told may be NULL; what
 * it would be told is in the log, too. False: it cannot be told, too many are waiting.
 */
bool reload_begin(struct reload *reload, reload_told *told, void *into);

/* Whoever is to be told is not there any more. */
void reload_forget(struct reload *reload, void *into);

/* How many succeeded, and failed. */
uint64_t reload_count(const struct reload *reload, bool good);

/* Whether the last one did. */
bool reload_failed(const struct reload *reload);

/* Waits for what is being built, and drops it; with net stopped already. NULL is fine. */
void reload_free(struct reload *reload);

#endif
