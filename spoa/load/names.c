/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/base/clock.h"

#define THREADS 4u /* names that do not answer hold each other up no longer than so many of them */
#define TICK    0.2

struct name {
	struct name *next; /* in one of the lists of `shared` */
	char *text;
	int family;
	/* the control thread's */
	struct endpoint address; /* length 0: not known */
	double due;
	bool asked, heard, wanted, said;
	/* whoever has it: the answer */
	bool good;
	struct endpoint found;
};

/* What threads and names have in common, there until the last of them has gone. */
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct name *asked, *answered;
	unsigned users;
	bool ended;
	struct ev_loop *loop; /* while it has not ended, with this in it: there are answers */
	ev_async answer;
};

struct names {
	struct load *load;
	struct name **all; /* by text and family */
	size_t n;
	unsigned threads;
	double valid;
	struct shared *shared;
	ev_timer timer;
};

/* ---- threads ---- */

static void name_free(struct name *name)
{
	free(name->text);
	free(name);
}

static void free_list(struct name *list)
{
	while (list) {
		struct name *name = list;

		list = name->next;
		name_free(name);
	}
}

/* With the lock held, which it releases. */
static void leave(struct shared *shared)
{
	bool last = --shared->users == 0;

	pthread_mutex_unlock(&shared->lock);
	if (!last)
		return;
	free_list(shared->asked);
	free_list(shared->answered);
	pthread_cond_destroy(&shared->more);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static void *resolve(void *argument)
{
	struct shared *shared = argument;

	pthread_mutex_lock(&shared->lock);
	for (;;) {
		struct name *name;

		while (!shared->asked && !shared->ended)
			pthread_cond_wait(&shared->more, &shared->lock);
		if (shared->ended)
			break;
		name = shared->asked;
		shared->asked = name->next;
		pthread_mutex_unlock(&shared->lock);
		name->found = (struct endpoint){ .length = 0 };
		name->good = endpoint_resolve(&name->found, name->text, name->family);
		pthread_mutex_lock(&shared->lock);
		name->next = shared->answered;
		shared->answered = name;
		if (!shared->ended)
			ev_async_send(shared->loop, &shared->answer);
	}
	leave(shared);
	return NULL;
}

/* As many as there are names, up to a few. */
static void start_threads(struct names *names)
{
	while (names->threads < THREADS && names->threads < names->n) {
		sigset_t all, before;
		pthread_t thread;
		int error;

		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		names->shared->users++;
		error = pthread_create(&thread, NULL, resolve, names->shared);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (error) {
			names->shared->users--;
			return;
		}
		pthread_detach(thread);
		names->threads++;
	}
}

/* ---- names ---- */

static int compare(const struct name *name, const char *text, int family)
{
	int order = strcmp(name->text, text);

	return order ? order : name->family - family;
}

/* Where it is, or would be. */
static size_t place_of(const struct names *names, const char *text, int family)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(names->all[middle], text, family) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct name *find(const struct names *names, const char *text, int family)
{
	size_t at = place_of(names, text, family);

	return at < names->n && compare(names->all[at], text, family) == 0 ? names->all[at] : NULL;
}

bool names_find(const struct names *names, const struct host *host, struct endpoint *to)
{
	const struct name *name = find(names, host->name, host->family);
	unsigned port = endpoint_port(to);

	if (!name || name->address.length == 0)
		return false;
	*to = name->address;
	endpoint_set_port(to, port);
	return true;
}

bool names_wait(const struct names *names, const struct host *host)
{
	const struct name *name = find(names, host->name, host->family);

	return name && !name->heard;
}

static bool want(struct names *names, const struct host *host)
{
	size_t at = host->name ? place_of(names, host->name, host->family) : 0;
	struct name *name = host->name ? find(names, host->name, host->family) : NULL, **bigger;

	if (!host->name)
		return true;
	if (name) {
		name->wanted = true;
		return true;
	}
	name = calloc(1, sizeof(*name));
	bigger = realloc(names->all, (names->n + 1) * sizeof(struct name *));
	if (bigger)
		names->all = bigger;
	if (!name || !bigger || !(name->text = strdup(host->name))) {
		free(name);
		return false;
	}
	name->family = host->family;
	name->wanted = true;
	memmove(&names->all[at + 1], &names->all[at], (names->n - at) * sizeof(struct name *));
	names->all[at] = name;
	names->n++;
	return true;
}

/* Those that somebody is asking for are forgotten once there is an answer. */
static void forget_unwanted(struct names *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->n; i++) {
		struct name *name = names->all[i];

		if (name->wanted || name->asked)
			names->all[kept++] = name;
		else
			name_free(name);
	}
	names->n = kept;
}

/* ---- servers ---- */

static void tell(struct names *names, const struct name *name, double now)
{
	struct fleet *fleet = names->load->fleet;

	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++) {
			struct server *server = backend->servers[j];

			if (server->host.name && compare(name, server->host.name, server->host.family) == 0)
				server_set_resolved(fleet, server, &name->address, now);
		}
	}
}

/* ---- time ---- */

static void take_answer(struct names *names, struct name *name, double now)
{
	struct endpoint before = name->address;

	name->asked = false;
	name->heard = true;
	name->due = now + (name->good ? names->valid : names->valid / 10);
	if (name->good)
		name->address = name->found;
	else if (!name->said && name->address.length == 0 && name->wanted)
		log_line(names->load->log, LOG_WARNING,
			 "Cannot resolve '%s': until that is a host its servers stay down, and checks of it fail.",
			 name->text);
	name->said = !name->good;
	if (name->good && name->wanted && !endpoint_equal(&before, &name->address))
		tell(names, name, now);
}

/* Whether one of them is the first of its name. */
static bool take_answers(struct names *names, double now)
{
	struct name *answered;
	bool first = false;

	pthread_mutex_lock(&names->shared->lock);
	answered = names->shared->answered;
	names->shared->answered = NULL;
	pthread_mutex_unlock(&names->shared->lock);
	for (struct name *name = answered; name; name = answered) {
		answered = name->next;
		first |= !name->heard;
		take_answer(names, name, now);
	}
	return first;
}

static void wake_probes(const struct load *load)
{
	for (size_t i = 0; i < load->n; i++)
		probe_wake(load->probes[i]);
}

static void ask_due(struct names *names, double now)
{
	struct name **end = &names->shared->asked;
	bool any = false;

	pthread_mutex_lock(&names->shared->lock);
	for (size_t i = 0; i < names->n; i++) {
		struct name *name = names->all[i];

		if (name->asked || !name->wanted || name->due > now)
			continue;
		while (*end)
			end = &(*end)->next;
		name->next = NULL;
		*end = name;
		name->asked = any = true;
	}
	if (any)
		pthread_cond_broadcast(&names->shared->more);
	pthread_mutex_unlock(&names->shared->lock);
}

static void on_answer(struct ev_loop *loop, ev_async *answer, int events)
{
	struct names *names = answer->data;

	(void)loop;
	(void)events;
	if (take_answers(names, clock_now()))
		wake_probes(names->load);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct names *names = timer->data;

	(void)loop;
	(void)events;
	forget_unwanted(names);
	ask_due(names, clock_now());
}

static void wait_for_names(struct fleet *fleet, double now)
{
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			if (backend->servers[j]->host.name && backend->servers[j]->state->resolved.length == 0)
				server_wait_for_name(backend->servers[j], now);
	}
}

bool names_want(struct names *names)
{
	struct fleet *fleet = names->load->fleet;
	double now = clock_now();
	bool good = true;

	for (size_t i = 0; i < names->n; i++)
		names->all[i]->wanted = false;
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			good &= want(names, &backend->servers[j]->host) &&
				want(names, &backend->servers[j]->check_host) &&
				want(names, &backend->servers[j]->agent_host);
	}
	for (size_t i = 0; i < names->n; i++)
		if (names->all[i]->wanted && names->all[i]->address.length > 0)
			tell(names, names->all[i], now);
	wait_for_names(fleet, now);
	if (names->n > 0 && !ev_is_active(&names->timer)) {
		ev_timer_start(names->load->loop, &names->timer);
		ev_async_start(names->load->loop, &names->shared->answer);
	}
	start_threads(names);
	ask_due(names, now);
	return good;
}

struct names *names_new(struct load *load, double valid)
{
	struct names *names = calloc(1, sizeof(*names));
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!names || !shared) {
		free(names);
		free(shared);
		return NULL;
	}
	pthread_mutex_init(&shared->lock, NULL);
	pthread_cond_init(&shared->more, NULL);
	shared->users = 1;
	shared->loop = load->loop;
	ev_async_init(&shared->answer, on_answer);
	shared->answer.data = names;
	*names = (struct names){ .load = load, .shared = shared, .valid = valid };
	ev_timer_init(&names->timer, on_timer, TICK, TICK);
	names->timer.data = names;
	return names;
}

/* A name that is asked is with the threads; the others are ours. */
void names_free(struct names *names)
{
	if (!names)
		return;
	ev_timer_stop(names->load->loop, &names->timer);
	ev_async_stop(names->load->loop, &names->shared->answer);
	take_answers(names, 0);
	pthread_mutex_lock(&names->shared->lock);
	names->shared->ended = true;
	pthread_cond_broadcast(&names->shared->more);
	for (size_t i = 0; i < names->n; i++)
		if (!names->all[i]->asked)
			name_free(names->all[i]);
	leave(names->shared);
	free(names->all);
	free(names);
}
