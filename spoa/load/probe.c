/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"

static void arm(struct probe *probe, double after)
{
	ev_timer_stop(probe->loop, &probe->timer);
	ev_timer_set(&probe->timer, after > 0 ? after : 0, 0);
	ev_timer_start(probe->loop, &probe->timer);
}

/* The next question is due an interval after this one began, however long it took. */
static void finish(struct probe *probe, enum probe_outcome outcome)
{
	double now = clock_now(), next;

	ev_io_stop(probe->loop, &probe->io);
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
	probe->asking = false;
	probe->kind->done(probe, outcome, slice_of(probe->answer, probe->heard), now);
	next = probe->started + probe->kind->interval(probe->server) - now;
	arm(probe, next);
}

static void refuse(struct probe *probe, int error)
{
	probe->error = error;
	finish(probe, PROBE_REFUSED);
}

/* What the system refuses us says nothing of the server. */
static bool is_starved(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EADDRNOTAVAIL;
}

static void postpone(struct probe *probe, int error)
{
	double now = clock_now();

	if (now >= probe->load->say_starved) {
		log_line(probe->load->log, LOG_ERR, "Cannot check servers: %s.", strerror(error));
		probe->load->say_starved = now + 1;
	}
	ev_io_stop(probe->loop, &probe->io);
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
	probe->asking = false;
	arm(probe, probe->kind->interval(probe->server));
}

static void watch(struct probe *probe, int events)
{
	ev_io_stop(probe->loop, &probe->io);
	ev_io_set(&probe->io, probe->fd, events);
	ev_io_start(probe->loop, &probe->io);
}

static void say(struct probe *probe)
{
	const char *question = probe->kind->question(probe->server);
	size_t length = question ? strlen(question) : 0;

	while (probe->said < length) {
		ssize_t sent = send(probe->fd, question + probe->said, length - probe->said, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			refuse(probe, errno);
			return;
		}
		probe->said += (size_t)sent;
	}
	watch(probe, EV_READ);
}

static void hear(struct probe *probe)
{
	size_t room = sizeof(probe->answer) - probe->heard;
	ssize_t got = recv(probe->fd, probe->answer + probe->heard, room, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		refuse(probe, errno);
		return;
	}
	probe->heard += (size_t)got;
	if (got == 0 || probe->heard == sizeof(probe->answer) ||
	    probe->kind->complete(slice_of(probe->answer, probe->heard)))
		finish(probe, PROBE_ANSWERED);
}

static void on_connected(struct probe *probe)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		refuse(probe, error);
		return;
	}
	probe->connected = true;
	if (!probe->kind->complete)
		finish(probe, PROBE_ANSWERED);
	else
		say(probe);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct probe *probe = io->data;

	(void)loop;
	if (!probe->connected)
		on_connected(probe);
	else if (events & EV_WRITE)
		say(probe);
	else
		hear(probe);
}

static void ask(struct probe *probe)
{
	const struct endpoint *to = probe->kind->to(probe->server);
	struct linger reset = { .l_onoff = 1 };
	int one = 1;

	probe->started = clock_now();
	probe->said = probe->heard = 0;
	probe->connected = false;
	probe->asking = true;
	probe->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0) {
		postpone(probe, errno);
		return;
	}
	/* a check leaves no TIME_WAIT behind, as HAProxy's; where an option is refused, the check works all the same */
	(void)setsockopt(probe->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)setsockopt(probe->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	arm(probe, probe->kind->interval(probe->server));
	if (connect(probe->fd, &to->any, to->length) == 0 || errno == EINPROGRESS)
		watch(probe, EV_WRITE);
	else if (is_starved(errno))
		postpone(probe, errno);
	else
		refuse(probe, errno);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct probe *probe = timer->data;

	(void)loop;
	(void)events;
	if (!probe->asking && probe->server->state->paused[probe->kind->what])
		arm(probe, probe->kind->interval(probe->server));
	else if (!probe->asking)
		ask(probe);
	else
		finish(probe, probe->connected ? PROBE_SILENT : PROBE_LATE);
}

void probe_start(struct probe *probe, double first)
{
	probe->fd = -1;
	ev_init(&probe->io, on_io);
	ev_init(&probe->timer, on_timer);
	probe->io.data = probe->timer.data = probe;
	arm(probe, first);
}

static bool asks_the_same(const struct probe *probe, const struct probe_kind *kind, const struct server *server)
{
	const struct endpoint *was = probe->kind->to(probe->server), *is = kind->to(server);
	const char *before = probe->kind->question ? probe->kind->question(probe->server) : NULL;
	const char *after = kind->question ? kind->question(server) : NULL;

	return kind == probe->kind && endpoint_equal(was, is) && strcmp(before ? before : "", after ? after : "") == 0;
}

void probe_move(struct probe *probe, const struct probe_kind *kind, struct server *server)
{
	bool same = asks_the_same(probe, kind, server);

	probe->kind = kind;
	probe->server = server;
	if (same)
		return;
	probe_stop(probe);
	probe->asking = false;
	arm(probe, 0);
}

void probe_stop(struct probe *probe)
{
	ev_io_stop(probe->loop, &probe->io);
	ev_timer_stop(probe->loop, &probe->timer);
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
}
