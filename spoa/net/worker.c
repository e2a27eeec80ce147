/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "spoa-redirect/base/clock.h"

#define TIME_SLICE 100000u /* nanoseconds: the least that may be asked for */

bool worker_give(struct worker *worker, int fd, const struct acceptor *acceptor, uint32_t max_frame_size)
{
	bool good = true;

	pthread_mutex_lock(&worker->inbox_lock);
	if (worker->n_inbox == worker->inbox_room) {
		size_t room = worker->inbox_room ? worker->inbox_room * 2 : 64;
		struct newcomer *bigger = realloc(worker->inbox, room * sizeof(*bigger));

		good = bigger != NULL;
		if (bigger) {
			worker->inbox = bigger;
			worker->inbox_room = room;
		}
	}
	if (good) {
		worker->inbox[worker->n_inbox++] = (struct newcomer){ fd, acceptor, max_frame_size };
		atomic_fetch_add_explicit(&worker->connections, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&worker->inbox_lock);
	if (good)
		worker_wake(worker);
	return good;
}

void worker_wake(struct worker *worker)
{
	ev_async_send(worker->loop, &worker->wake);
}

void worker_complain(struct worker *worker, const char *about, const char *what)
{
	char more[40] = "";

	if (worker->now < worker->quiet_until) {
		worker->unsaid++;
		return;
	}
	if (worker->unsaid > 0)
		snprintf(more, sizeof(more), " (%u other warnings before)", worker->unsaid);
	log_line(&worker->settings->log, LOG_WARNING, "SPOP connection %s: %s%s", about, what, more);
	worker->quiet_until = worker->now + 1;
	worker->unsaid = 0;
}

static bool take_newcomer(struct worker *worker, struct newcomer *newcomer)
{
	bool some;

	pthread_mutex_lock(&worker->inbox_lock);
	some = worker->n_inbox > 0;
	if (some)
		*newcomer = worker->inbox[--worker->n_inbox];
	pthread_mutex_unlock(&worker->inbox_lock);
	return some;
}

static void leave_all(struct worker *worker)
{
	struct conn *next;

	for (struct conn *conn = worker->conns; conn; conn = next) {
		next = conn_next(conn);
		if (conn_is_leaving(conn))
			conn_leave(conn);
	}
}

/* Between two events nothing of a configuration is in use. */
static void take_settings(struct worker *worker)
{
	unsigned generation;
	const struct net_settings *newest = net_newest(worker->net, &worker->generation, &generation);
	bool changed;

	if (!newest)
		return;
	answer_settle(&worker->scratch, worker->now);
	changed = newest != worker->settings;
	worker->settings = newest;
	leave_all(worker);
	for (struct conn *conn = changed ? worker->conns : NULL; conn; conn = conn_next(conn))
		conn_expect_deadline(conn);
	net_seen(worker->net, &worker->generation, generation);
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
	struct worker *worker = wake->data;
	struct newcomer newcomer;

	(void)events;
	turn_end(worker);
	while (take_newcomer(worker, &newcomer))
		conn_open(worker, newcomer.fd, newcomer.acceptor, newcomer.max_frame_size);
	take_settings(worker);
	if (atomic_load_explicit(&worker->leaving, memory_order_relaxed) && !worker->has_left) {
		worker->has_left = true;
		leave_all(worker);
	}
	if (atomic_load_explicit(&worker->stopping, memory_order_relaxed))
		ev_break(loop, EVBREAK_ALL);
}

/* One reading of the clock serves all frames of a turn of the loop. */
static void on_check(struct ev_loop *loop, ev_check *check, int events)
{
	struct worker *worker = check->data;

	(void)events;
	worker->now = clock_now();
	turn_expect(worker, ev_pending_count(loop));
}

/* Before it waits, so that what a turn of the loop has brought is seen by all. */
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct worker *worker = prepare->data;

	(void)loop;
	(void)events;
	turn_end(worker);
	answer_settle(&worker->scratch, worker->now);
}

/*
 * A worker runs for some microseconds at a time and must not wait until somebody else's time of milliseconds is over, above
 * all a reload's own thread: so it asks for short slices of time, and Linux 6.12 and later give it the processor when it
 * wakes (EEVDF; elsewhere nothing comes of it). Headers have no struct sched_attr that goes with <sched.h> in Debian 12.
 */
static void ask_for_short_slices(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = { .size = sizeof(attributes), .policy = SCHED_OTHER, .runtime = TIME_SLICE };

	attributes.nice = getpriority(PRIO_PROCESS, 0);
	(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/*
 * Nobody cancels a thread here. But each recv() and send() prepares for it, in glibc 2.36 by two atomic exchanges, a fiftieth
 * of the time that a question takes that comes alone, unless the type is asynchronous; in 2.41 by less, unless the state is
 * disabled. Which comes first and for ever: nobody could bear the type otherwise.
 */
static void never_be_cancelled(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
}

static void *run(void *argument)
{
	struct worker *worker = argument;

	never_be_cancelled();
	if (sched_getscheduler(0) == SCHED_OTHER)
		ask_for_short_slices();
	if (worker->settings->busy_poll)
		while (!atomic_load_explicit(&worker->stopping, memory_order_relaxed))
			ev_run(worker->loop, EVRUN_NOWAIT);
	else
		ev_run(worker->loop, 0);
	turn_end(worker);
	answer_settle(&worker->scratch, worker->now);
	return NULL;
}

/* Signals are the control thread's. */
bool worker_start(struct worker *worker)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	worker->started = error == 0;
	return worker->started;
}

bool worker_open(struct worker *worker, unsigned number)
{
	pthread_mutex_init(&worker->inbox_lock, NULL);
	worker->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	worker->in = malloc(NET_IN_SIZE);
	worker->out = malloc(NET_OUT_SIZE);
	if (!worker->loop || !worker->in || !worker->out || !answer_scratch_init(&worker->scratch))
		return false;
	worker->scratch.worker = number;
	worker->scratch.captures = worker->net->captures;
	worker->now = clock_now();
	ev_async_init(&worker->wake, on_wake);
	ev_check_init(&worker->tock, on_check);
	ev_set_priority(&worker->tock, EV_MAXPRI); /* before the turn's other events */
	ev_prepare_init(&worker->tick, on_prepare);
	worker->wake.data = worker->tock.data = worker->tick.data = worker;
	ev_async_start(worker->loop, &worker->wake);
	ev_check_start(worker->loop, &worker->tock);
	ev_prepare_start(worker->loop, &worker->tick);
	return true;
}

void worker_stop(struct worker *worker)
{
	struct newcomer newcomer;

	if (worker->started) {
		atomic_store_explicit(&worker->stopping, true, memory_order_relaxed);
		worker_wake(worker);
		pthread_join(worker->thread, NULL);
	}
	while (worker->loop && take_newcomer(worker, &newcomer))
		close(newcomer.fd);
	while (worker->conns)
		conn_free(worker->conns);
	if (worker->loop)
		ev_loop_destroy(worker->loop);
	answer_scratch_release(&worker->scratch);
	free(worker->inbox);
	free(worker->in);
	free(worker->out);
	pthread_mutex_destroy(&worker->inbox_lock);
}
