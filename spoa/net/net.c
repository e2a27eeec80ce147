/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SPARE_DESCRIPTORS 64u /* loops, logs, and some checks of servers at a time */

static unsigned count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static bool open_workers(struct net *net, char *why, size_t size)
{
	for (unsigned i = 0; i < net->n_workers; i++) {
		struct worker *worker = &net->workers[i];

		worker->settings = atomic_load(&net->settings);
		worker->net = net;
		if (worker_open(worker, i))
			continue;
		snprintf(why, size, "cannot make worker %u: %s", i, strerror(errno));
		net->n_workers = i + 1;
		return false;
	}
	return true;
}

/* As HAProxy does: the soft limit is for programs that use select(). */
static void raise_descriptors(const struct net_settings *settings)
{
	uint64_t needed = settings->maxconn + settings->n_binds + SPARE_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed)
		log_line(&settings->log, LOG_WARNING,
			 "At most %llu descriptors may be open, maxconn %llu needs %llu: raise the limit, or lower "
			 "maxconn.",
			 (unsigned long long)limit.rlim_cur, (unsigned long long)settings->maxconn,
			 (unsigned long long)needed);
}

struct net *net_open(const struct net_settings *settings, struct inherited *inherited, char *why, size_t size)
{
	struct net *net = calloc(1, sizeof(*net));

	snprintf(why, size, "out of memory");
	if (!net)
		return NULL;
	raise_descriptors(settings);
	atomic_store(&net->settings, settings);
	net->n_workers = net_settings_workers(settings);
	net->captures = captures_new();
	net->fixed = fixed_new(settings);
	net->workers = calloc(net->n_workers, sizeof(*net->workers));
	net->listener.net = net;
	atomic_store(&net->heir, -1);
	net->inherits.fd = -1;
	if (net->workers && net->captures && net->fixed && open_workers(net, why, size) &&
	    listener_open(&net->listener, inherited, why, size))
		return net;
	net_stop(net);
	return NULL;
}

/* The listener last: from then on connections come, and find their workers. */
bool net_start(struct net *net, char *why, size_t size)
{
	for (unsigned i = 0; i < net->n_workers; i++) {
		if (worker_start(&net->workers[i]))
			continue;
		snprintf(why, size, "cannot start worker %u: %s", i, strerror(errno));
		return false;
	}
	return listener_start(&net->listener, why, size);
}

bool net_prepare(struct net *net, const struct net_settings *settings, char *why, size_t size)
{
	return listener_prepare(&net->listener, settings, why, size);
}

void net_warn(const struct net *net, const struct net_settings *settings, struct config *config)
{
	fixed_warn(net->fixed, settings, config);
}

void net_move(struct net *net, const struct net_settings *settings)
{
	raise_descriptors(settings);
	listener_move(&net->listener, settings);
	atomic_store(&net->settings, settings);
}

/* ---- passing ---- */

void net_tell_passing(struct net *net, struct ev_loop *loop, ev_async *passed)
{
	net->loop = loop;
	net->passed = passed;
}

unsigned net_pass(struct net *net)
{
	unsigned mark = atomic_fetch_add(&net->generation, 1) + 1;

	listener_wake(&net->listener);
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_wake(&net->workers[i]);
	return mark;
}

static bool is_as_new(const _Atomic unsigned *generation, unsigned mark)
{
	return (int)(atomic_load(generation) - mark) >= 0;
}

bool net_has_passed(const struct net *net, unsigned mark)
{
	for (unsigned i = 0; i < net->n_workers; i++)
		if (!is_as_new(&net->workers[i].generation, mark))
			return false;
	return is_as_new(&net->listener.generation, mark);
}

const struct net_settings *net_newest(struct net *net, const _Atomic unsigned *own, unsigned *generation)
{
	*generation = atomic_load(&net->generation);
	return *generation == atomic_load(own) ? NULL : atomic_load(&net->settings);
}

void net_seen(struct net *net, _Atomic unsigned *own, unsigned generation)
{
	atomic_store(own, generation);
	ev_async_send(net->loop, net->passed);
}

void net_drain(struct net *net)
{
	for (unsigned i = 0; i < net->n_workers; i++)
		atomic_store_explicit(&net->workers[i].draining, true, memory_order_relaxed);
}

size_t net_sockets(const struct net *net, struct listening_socket *to, size_t room)
{
	size_t n = 0;

	for (const struct acceptor *acceptor = net->listener.acceptors; acceptor && n < room; acceptor = acceptor->next)
		if (!atomic_load(&acceptor->retired))
			to[n++] = acceptor->socket;
	return n;
}

void net_own(struct net *net)
{
	listener_own(&net->listener, atomic_load(&net->settings));
}

void net_give_away(struct net *net)
{
	atomic_store(&net->listener.given_away, true);
}

void net_leave(struct net *net, bool hasty)
{
	atomic_store(&net->listener.closing, true);
	listener_wake(&net->listener);
	for (unsigned i = 0; i < net->n_workers; i++) {
		atomic_store_explicit(&net->workers[i].hasty, hasty, memory_order_relaxed);
		atomic_store_explicit(&net->workers[i].leaving, true, memory_order_relaxed);
		worker_wake(&net->workers[i]);
	}
}

size_t net_connections(const struct net *net)
{
	return atomic_load_explicit(&net->connections, memory_order_relaxed);
}

uint64_t net_accepted(const struct net *net)
{
	return atomic_load_explicit(&net->accepted, memory_order_relaxed);
}

static void one_less(struct net *net, _Atomic size_t *count)
{
	atomic_fetch_sub(count, 1);
	if (atomic_load(&net->listener.paused))
		listener_wake(&net->listener);
}

void net_closed(struct net *net)
{
	one_less(net, &net->connections);
}

void net_released(struct net *net)
{
	one_less(net, &net->held);
}

/* ---- sums ---- */

const double net_times[NET_TIMES] = { 10e-6,  25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3,
				      2.5e-3, 5e-3,  10e-3, 25e-3,  50e-3,  100e-3 };

static void add_up(uint64_t *sums, const counter *counters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sums[i] += counter_get(&counters[i]);
}

static void add_worker(struct net_sums *sums, const struct worker *worker)
{
	const struct answer_scratch *scratch = &worker->scratch;

	add_up(sums->counts, worker->counters, NET_COUNTS);
	add_up(sums->decisions, scratch->decisions, REASONS);
	add_up(sums->times, worker->times, NET_TIMES + 1);
	sums->time += (double)counter_get(&worker->nanoseconds) / 1e9;
	sums->unknown_messages += counter_get(&scratch->unknown_messages);
	sums->unknown_backends += counter_get(&scratch->unknown_backends);
	sums->fallbacks += counter_get(&scratch->fallbacks);
	sums->missing_arguments += counter_get(&scratch->missing_arguments);
	sums->shortened += counter_get(&scratch->shortened);
	if (scratch->rules)
		sums->regex_limits += rules_scratch_limits(scratch->rules);
}

void net_sum(const struct net *net, struct net_sums *sums)
{
	*sums = (struct net_sums){
		.accepted = net_accepted(net),
		.full = atomic_load_explicit(&net->full, memory_order_relaxed),
		.starved = atomic_load_explicit(&net->starved, memory_order_relaxed),
		.connections = net_connections(net),
		.maxconn = atomic_load(&net->settings)->maxconn,
		.workers = net->n_workers,
	};
	for (unsigned i = 0; i < net->n_workers; i++)
		add_worker(sums, &net->workers[i]);
}

void net_samples(const struct net *net, void (*visit)(void *into, const struct decision_sample *sample), void *into)
{
	for (unsigned i = 0; i < net->n_workers; i++)
		if (net->workers[i].scratch.samples)
			samples_visit(net->workers[i].scratch.samples, visit, into);
}

struct captures *net_captures(const struct net *net)
{
	return net->captures;
}

unsigned net_workers(const struct net *net)
{
	return net->n_workers;
}

unsigned net_settings_workers(const struct net_settings *settings)
{
	return settings->nbthread ? settings->nbthread : count_cpus();
}

/* What there is to tell at the end: nothing, where nobody asked. */
static void log_sums(const struct net *net)
{
	const struct log *log = &atomic_load(&net->settings)->log;
	struct net_sums sums;
	uint64_t trouble;
	char reasons[300] = "";
	int used = 0;

	net_sum(net, &sums);
	if (sums.accepted == 0)
		return;
	for (unsigned i = 0; i < REASONS; i++)
		if (sums.decisions[i] > 0)
			used += snprintf(reasons + used, sizeof(reasons) - (size_t)used, ", %s %llu",
					 answer_reason_name(i), (unsigned long long)sums.decisions[i]);
	log_line(log, LOG_INFO, "Answered %llu NOTIFYs on %llu connections%s.",
		 (unsigned long long)sums.counts[NET_NOTIFIES], (unsigned long long)sums.accepted, reasons);
	trouble = sums.starved;
	for (unsigned i = 0; i < NET_COUNTS; i++)
		trouble += i == NET_NOTIFIES || i == NET_IDLE ? 0 : sums.counts[i];
	if (trouble > 0)
		log_line(log, LOG_INFO,
			 "Trouble: %llu times no resources for a connection, %llu HELLOs refused, %llu late, "
			 "%llu frames late, %llu connections over output-limit, %llu ended for a bad frame, "
			 "%llu by HAProxy for an error, %llu NOTIFYs too long.",
			 (unsigned long long)sums.starved, (unsigned long long)sums.counts[NET_REFUSED],
			 (unsigned long long)sums.counts[NET_LATE_HELLOS],
			 (unsigned long long)sums.counts[NET_LATE_FRAMES],
			 (unsigned long long)sums.counts[NET_OVERFLOWS],
			 (unsigned long long)sums.counts[NET_BAD_FRAMES], (unsigned long long)sums.counts[NET_ENDED],
			 (unsigned long long)sums.counts[NET_DROPPED]);
}

void net_stop(struct net *net)
{
	if (!net)
		return;
	listener_stop(&net->listener);
	if (!net->workers)
		net->n_workers = 0;
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_stop(&net->workers[i]);
	log_sums(net);
	net_bequeath(net, -1);
	if (net->inherits.fd >= 0) {
		ev_io_stop(net->loop, &net->inherits);
		close(net->inherits.fd);
	}
	listener_free(&net->listener); /* until here a connection that ended could wake it */
	free(net->workers);
	captures_free(net->captures);
	fixed_free(net->fixed);
	free(net);
}
