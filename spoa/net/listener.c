/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "spoa-redirect/base/clock.h"

#define ACCEPTS    64  /* connections taken in a row */
#define FULL_PAUSE 0.1 /* seconds without descriptors */

static void close_socket(struct acceptor *acceptor)
{
	ev_io_stop(acceptor->listener->loop, &acceptor->io);
	if (atomic_load(&acceptor->listener->given_away))
		acceptor->socket.inode = 0;
	listening_close(&acceptor->socket, &acceptor->endpoint);
}

static void close_sockets(struct listener *listener)
{
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next)
		close_socket(acceptor);
	listener->closed = true;
}

/* ---- accepting ---- */

static struct worker *idlest(struct net *net)
{
	struct worker *best = &net->workers[0];

	for (unsigned i = 1; i < net->n_workers; i++)
		if (atomic_load_explicit(&net->workers[i].connections, memory_order_relaxed) <
		    atomic_load_explicit(&best->connections, memory_order_relaxed))
			best = &net->workers[i];
	return best;
}

static void pause_all(struct listener *listener)
{
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next)
		ev_io_stop(listener->loop, &acceptor->io);
}

static void resume_all(struct listener *listener)
{
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next)
		if (acceptor->socket.fd >= 0)
			ev_io_start(listener->loop, &acceptor->io);
}

enum fullness { ROOM, AT_MAXCONN, REFUSALS };

/* In one order with `paused`, or a connection that closes, or is held no longer, meanwhile could go unseen. */
static enum fullness how_full(const struct listener *listener)
{
	if (atomic_load(&listener->net->connections) >= listener->settings->maxconn)
		return AT_MAXCONN;
	return atomic_load(&listener->net->held) >= NET_MAX_HELD ? REFUSALS : ROOM;
}

static bool may_say(double *next)
{
	double now = clock_now();

	if (now < *next)
		return false;
	*next = now + 1;
	return true;
}

static void say_full(const struct listener *listener, enum fullness fullness)
{
	const struct log *log = &listener->settings->log;

	if (fullness == AT_MAXCONN)
		log_line(log, LOG_WARNING, "maxconn %llu reached: new SPOP connections wait in the backlog",
			 (unsigned long long)listener->settings->maxconn);
	else
		log_line(log, LOG_WARNING,
			 "%u SPOP connections were refused within a second: new ones wait in the backlog",
			 NET_MAX_HELD);
}

/* Newcomers stay in the backlog: refused, an engine of HAProxy ≤ 3.0 would be back thousands of times a second. */
static void pause_full(struct listener *listener, enum fullness fullness)
{
	pause_all(listener);
	atomic_store(&listener->paused, true);
	if (fullness == AT_MAXCONN)
		atomic_fetch_add_explicit(&listener->net->full, 1, memory_order_relaxed);
	if (may_say(&listener->say_full))
		say_full(listener, fullness);
	if (how_full(listener) == ROOM) /* one closed before it could see that we paused */
		listener_wake(listener);
}

static void pause_starved(struct listener *listener, int error)
{
	pause_all(listener);
	atomic_fetch_add_explicit(&listener->net->starved, 1, memory_order_relaxed);
	if (may_say(&listener->say_starved))
		log_line(&listener->settings->log, LOG_ERR, "cannot accept SPOP connections: %s", strerror(error));
	ev_timer_set(&listener->pause, FULL_PAUSE, 0);
	ev_timer_start(listener->loop, &listener->pause);
}

/* Any thread. False: out of memory. */
static bool take(struct net *net, const struct acceptor *acceptor, int fd, uint32_t max_frame_size)
{
	atomic_fetch_add_explicit(&net->connections, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&net->accepted, 1, memory_order_relaxed);
	if (worker_give(idlest(net), fd, acceptor, max_frame_size))
		return true;
	atomic_fetch_add_explicit(&net->starved, 1, memory_order_relaxed);
	net_closed(net);
	return false;
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct acceptor *acceptor = io->data;
	struct listener *listener = acceptor->listener;

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		enum fullness fullness = how_full(listener);
		int fd;

		if (fullness != ROOM) {
			pause_full(listener, fullness);
			return;
		}
		fd = accept4(acceptor->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			if (!take(listener->net, acceptor, fd, 0))
				close(fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_starved(listener, errno);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct listener *listener = timer->data;

	(void)loop;
	(void)events;
	if (!listener->closed)
		resume_all(listener);
}

/* A listening socket may be told so again at any time, listen(2). */
static void change_backlog(const struct acceptor *acceptor, int backlog)
{
	char text[ENDPOINT_TEXT];

	if (listen(acceptor->socket.fd, backlog) < 0)
		log_line(&acceptor->listener->settings->log, LOG_WARNING, "cannot change the backlog of '%s': %s",
			 endpoint_text(&acceptor->endpoint, text), strerror(errno));
}

/* What is new is listened on, what nobody asks for any more is closed; the rest never noticed. */
static void take_settings(struct listener *listener)
{
	unsigned generation;
	const struct net_settings *newest = net_newest(listener->net, &listener->generation, &generation);
	int backlog = listener->settings->backlog;

	if (!newest)
		return;
	listener->settings = newest;
	while (listener->fresh) {
		struct acceptor *acceptor = listener->fresh;

		listener->fresh = acceptor->next;
		acceptor->next = listener->acceptors;
		listener->acceptors = acceptor;
	}
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next) {
		if (atomic_load(&acceptor->retired) || listener->closed) {
			close_socket(acceptor);
			continue;
		}
		if (newest->backlog != backlog)
			change_backlog(acceptor, newest->backlog);
		if (!atomic_load(&listener->paused) && !ev_is_active(&listener->pause))
			ev_io_start(listener->loop, &acceptor->io);
	}
	net_seen(listener->net, &listener->generation, generation);
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
	struct listener *listener = wake->data;

	(void)events;
	take_settings(listener);
	if (atomic_load(&listener->closing) && !listener->closed)
		close_sockets(listener);
	if (atomic_load(&listener->stopping)) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	if (!listener->closed && how_full(listener) == ROOM && atomic_exchange(&listener->paused, false))
		resume_all(listener);
}

void listener_wake(struct listener *listener)
{
	ev_async_send(listener->loop, &listener->wake);
}

/* ---- the beginning ---- */

/* Onto the list of what is to be added. */
static bool open_one(struct listener *listener, struct inherited *inherited, const struct bind *bind, int backlog,
		     char *why, size_t size)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
	char text[ENDPOINT_TEXT];

	if (!acceptor) {
		snprintf(why, size, "out of memory");
		return false;
	}
	acceptor->listener = listener;
	acceptor->endpoint = bind->where.endpoint;
	if (!inherited_open(inherited, &acceptor->socket, &bind->where, backlog)) {
		int error = errno;

		snprintf(why, size, "%s:%u: cannot bind '%s': %s", bind->place.file, bind->place.line,
			 endpoint_text(&bind->where.endpoint, text), strerror(error));
		free(acceptor);
		errno = error;
		return false;
	}
	atomic_init(&acceptor->routes, bind->routes);
	ev_io_init(&acceptor->io, on_acceptable, acceptor->socket.fd, EV_READ);
	acceptor->io.data = acceptor;
	acceptor->next = listener->fresh;
	listener->fresh = acceptor;
	return true;
}

static void free_all(struct acceptor **list)
{
	while (*list) {
		struct acceptor *acceptor = *list;

		*list = acceptor->next;
		close_socket(acceptor);
		free(acceptor);
	}
}

static bool open_all(struct listener *listener, struct inherited *inherited, char *why, size_t size)
{
	const struct net_settings *settings = listener->settings;

	for (size_t i = 0; i < settings->n_binds; i++)
		if (!settings->binds[i].repeated &&
		    !open_one(listener, inherited, &settings->binds[i], settings->backlog, why, size))
			return false;
	listener->acceptors = listener->fresh;
	listener->fresh = NULL;
	return true;
}

/* ---- another configuration ---- */

static struct acceptor *find_open(const struct listener *listener, const struct endpoint *endpoint)
{
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next)
		if (!atomic_load(&acceptor->retired) && endpoint_equal(&acceptor->endpoint, endpoint))
			return acceptor;
	return NULL;
}

bool listener_take(struct listener *listener, const struct endpoint *endpoint, int fd, uint32_t max_frame_size)
{
	const struct acceptor *acceptor = find_open(listener, endpoint);

	return acceptor && take(listener->net, acceptor, fd, max_frame_size);
}

bool listener_prepare(struct listener *listener, const struct net_settings *settings, char *why, size_t size)
{
	for (size_t i = 0; i < settings->n_binds; i++) {
		const struct bind *bind = &settings->binds[i];

		if (bind->repeated || find_open(listener, &bind->where.endpoint))
			continue;
		if (!open_one(listener, NULL, bind, settings->backlog, why, size)) {
			int error = errno;

			free_all(&listener->fresh);
			errno = error;
			return false;
		}
	}
	return true;
}

static const struct bind *find_bind(const struct net_settings *settings, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < settings->n_binds; i++)
		if (!settings->binds[i].repeated && endpoint_equal(&settings->binds[i].where.endpoint, endpoint))
			return &settings->binds[i];
	return NULL;
}

void listener_move(struct listener *listener, const struct net_settings *settings)
{
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next) {
		const struct bind *bind = find_bind(settings, &acceptor->endpoint);

		if (!bind)
			atomic_store(&acceptor->retired, true);
		else if (!listening_set_rights(&acceptor->socket, &bind->where))
			log_line(&settings->log, LOG_WARNING, "%s:%u: cannot change the socket's rights: %s",
				 bind->place.file, bind->place.line, strerror(errno));
		atomic_store_explicit(&acceptor->routes, bind ? bind->routes : routes_none(), memory_order_release);
	}
}

void listener_own(struct listener *listener, const struct net_settings *settings)
{
	for (struct acceptor *acceptor = listener->acceptors; acceptor; acceptor = acceptor->next) {
		const struct bind *bind = find_bind(settings, &acceptor->endpoint);

		if (bind)
			listening_own(&acceptor->socket, &bind->where);
	}
}

/* ---- the thread ---- */

static void *run(void *argument)
{
	struct listener *listener = argument;

	ev_run(listener->loop, 0);
	return NULL;
}

bool listener_open(struct listener *listener, struct inherited *inherited, char *why, size_t size)
{
	listener->settings = atomic_load(&listener->net->settings);
	listener->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!listener->loop) {
		snprintf(why, size, "cannot make an event loop: %s", strerror(errno));
		return false;
	}
	if (!open_all(listener, inherited, why, size))
		return false;
	ev_async_init(&listener->wake, on_wake);
	ev_init(&listener->pause, on_pause_over);
	listener->wake.data = listener->pause.data = listener;
	ev_async_start(listener->loop, &listener->wake);
	resume_all(listener);
	return true;
}

bool listener_start(struct listener *listener, char *why, size_t size)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	listener->started = pthread_create(&listener->thread, NULL, run, listener) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!listener->started)
		snprintf(why, size, "cannot start a thread");
	return listener->started;
}

void listener_stop(struct listener *listener)
{
	if (listener->started) {
		atomic_store(&listener->stopping, true);
		listener_wake(listener);
		pthread_join(listener->thread, NULL);
	}
	if (listener->loop)
		close_sockets(listener);
}

void listener_free(struct listener *listener)
{
	free_all(&listener->acceptors);
	free_all(&listener->fresh);
	if (listener->loop)
		ev_loop_destroy(listener->loop);
}
