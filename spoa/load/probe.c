/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "names.h"
#include "spoa-redirect/base/clock.h"

#define NAME_PATIENCE 2.0 /* seconds at least, for the first answer of a resolver */

static void arm(struct probe *probe, double after)
{
	ev_timer_stop(probe->loop, &probe->timer);
	ev_timer_set(&probe->timer, after > 0 ? after : 0, 0);
	ev_timer_start(probe->loop, &probe->timer);
}

/* ---- what is held ---- */

static void forget_answer(struct probe *probe)
{
	if (probe->answer != probe->small)
		free(probe->answer);
	probe->answer = probe->small;
	probe->room = sizeof(probe->small);
	probe->heard = 0;
}

static void disconnect(struct probe *probe)
{
	ev_io_stop(probe->loop, &probe->io);
	if (probe->fd >= 0)
		close(probe->fd);
	tls_free(probe->tls);
	probe->tls = NULL;
	probe->fd = -1;
	probe->connected = probe->secured = false;
}

static const struct tls_target *target_of(const struct probe_kind *kind, const struct server *server)
{
	const struct tls_target *target = kind->secure ? kind->secure(server) : NULL;

	return target && target->trust ? target : NULL;
}

const char *probe_why(const struct probe *probe)
{
	if (probe->unresolved)
		return "its name stands for no address";
	return probe->tls && *tls_why(probe->tls) ? tls_why(probe->tls) : strerror(probe->error);
}

/* False: it is as long as may be, or there is no memory. */
static bool make_room(struct probe *probe)
{
	size_t room = probe->room * 4 < probe->kind->most ? probe->room * 4 : probe->kind->most;
	uint8_t *bigger;

	if (room <= probe->room)
		return false;
	bigger = malloc(room);
	if (!bigger)
		return false;
	memcpy(bigger, probe->answer, probe->heard);
	if (probe->answer != probe->small)
		free(probe->answer);
	probe->answer = bigger;
	probe->room = room;
	return true;
}

/* ---- how a question ends ---- */

/* Questions keep their beat, however long each took, unless one is missed altogether. */
static void finish(struct probe *probe, enum probe_outcome outcome)
{
	double now = clock_now(), interval;

	probe->asking = probe->waiting = false;
	probe->keep = false;
	probe->kind->done(probe, outcome, slice_of(probe->answer, probe->heard), now);
	if (!probe->keep || outcome != PROBE_ANSWERED)
		disconnect(probe);
	forget_answer(probe);
	interval = probe->kind->interval(probe->server);
	probe->due = probe->due + interval > now ? probe->due + interval : now;
	arm(probe, probe->due - now);
}

static void ask(struct probe *probe);

/* The server may end a connection that it keeps for us at any time: RFC 9112 section 9.3.1. Once more on a new one. */
static void refuse(struct probe *probe, int error)
{
	if (probe->again && probe->heard == 0) {
		disconnect(probe);
		ask(probe);
		return;
	}
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
	disconnect(probe);
	probe->asking = false;
	probe->due = now + probe->kind->interval(probe->server);
	arm(probe, probe->due - now);
}

static void watch(struct probe *probe, int events)
{
	if (ev_is_active(&probe->io) && (probe->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(probe->loop, &probe->io);
	ev_io_set(&probe->io, probe->fd, events);
	ev_io_start(probe->loop, &probe->io);
}

static void say(struct probe *probe)
{
	const char *question = probe->kind->question(probe->server);
	size_t length = question ? strlen(question) : 0;

	while (probe->said < length) {
		const char *rest = question + probe->said;
		ssize_t sent = probe->tls ? tls_send(probe->tls, rest, length - probe->said)
					  : send(probe->fd, rest, length - probe->said, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			watch(probe, EV_WRITE);
			return;
		}
		if (sent < 0) {
			refuse(probe, errno);
			return;
		}
		probe->said += (size_t)sent;
	}
	watch(probe, EV_READ);
}

/* What a kept connection says unasked is its end; or TLS's own, such as a ticket. */
static void hear_end(struct probe *probe)
{
	uint8_t byte;

	if (probe->tls && tls_recv(probe->tls, &byte, 1) < 0 && errno == EAGAIN)
		return;
	disconnect(probe);
}

/* False: there was nothing, or the question has ended. */
static bool hear_some(struct probe *probe)
{
	uint8_t *to = probe->answer + probe->heard;
	size_t room = probe->room - probe->heard;
	ssize_t got = probe->tls ? tls_recv(probe->tls, to, room) : recv(probe->fd, to, room, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got < 0 || (got == 0 && probe->again && probe->heard == 0)) {
		refuse(probe, got < 0 ? errno : ECONNRESET);
		return false;
	}
	probe->heard += (size_t)got;
	if (got > 0 && !probe->kind->complete(slice_of(probe->answer, probe->heard)) &&
	    (probe->heard < probe->room || make_room(probe)))
		return true;
	finish(probe, PROBE_ANSWERED);
	return false;
}

/* What TLS has decrypted already no socket tells of. */
static void hear(struct probe *probe)
{
	bool more = true;

	while (more)
		more = hear_some(probe) && probe->tls && tls_pending(probe->tls);
}

static void begin(struct probe *probe)
{
	if (!probe->kind->complete)
		finish(probe, PROBE_ANSWERED);
	else
		say(probe);
}

static void shake_hands(struct probe *probe)
{
	switch (tls_handshake(probe->tls)) {
	case TLS_DONE:
		probe->secured = true;
		begin(probe);
		break;
	case TLS_WANTS_READ:
		watch(probe, EV_READ);
		break;
	case TLS_WANTS_WRITE:
		watch(probe, EV_WRITE);
		break;
	case TLS_FAILED:
		refuse(probe, EPROTO);
		break;
	}
}

static void on_connected(struct probe *probe)
{
	const struct tls_target *target = target_of(probe->kind, probe->server);
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		refuse(probe, error);
		return;
	}
	probe->connected = true;
	if (!target)
		begin(probe);
	else if ((probe->tls = tls_new(probe->fd, target)))
		shake_hands(probe);
	else
		postpone(probe, ENOMEM);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct probe *probe = io->data;

	(void)loop;
	if (!probe->asking)
		hear_end(probe);
	else if (!probe->connected)
		on_connected(probe);
	else if (probe->tls && !probe->secured)
		shake_hands(probe);
	else if (events & EV_WRITE)
		say(probe);
	else
		hear(probe);
}

/* False: its host's name is not known. */
static bool find_address(struct probe *probe, struct endpoint *to)
{
	const struct host *host = probe->kind->host(probe->server);

	*to = *probe->kind->to(probe->server);
	return !host->name || names_find(probe->load->names, host, to);
}

static void open_connection(struct probe *probe)
{
	const struct endpoint *to = &probe->to;
	struct linger reset = { .l_onoff = 1 };
	int one = 1;

	probe->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0) {
		postpone(probe, errno);
		return;
	}
	/* a check leaves no TIME_WAIT behind, as HAProxy's; where an option is refused, the check works all the same */
	(void)setsockopt(probe->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)setsockopt(probe->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(probe->fd, &to->any, to->length) == 0 || errno == EINPROGRESS)
		watch(probe, EV_WRITE);
	else if (is_starved(errno))
		postpone(probe, errno);
	else
		refuse(probe, errno);
}

/* To where the name of its host stands for by now; or it waits a while until that is known, which is no failure of the host. */
static void go(struct probe *probe)
{
	double patience = probe->kind->interval(probe->server);
	struct endpoint to;

	probe->started = clock_now();
	probe->unresolved = !find_address(probe, &to);
	probe->waiting = probe->unresolved && names_wait(probe->load->names, probe->kind->host(probe->server));
	if (probe->again && !endpoint_equal(&to, &probe->to)) {
		disconnect(probe);
		probe->again = false;
	}
	probe->to = to;
	arm(probe, probe->waiting && patience < NAME_PATIENCE ? NAME_PATIENCE : patience);
	if (probe->waiting)
		return;
	if (probe->unresolved)
		refuse(probe, EADDRNOTAVAIL);
	else if (probe->again)
		say(probe);
	else
		open_connection(probe);
}

static void ask(struct probe *probe)
{
	probe->said = probe->heard = 0;
	probe->asking = true;
	probe->asked++;
	probe->again = probe->fd >= 0;
	go(probe);
}

void probe_wake(struct probe *probe)
{
	if (probe->waiting && !names_wait(probe->load->names, probe->kind->host(probe->server)))
		go(probe);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct probe *probe = timer->data;

	(void)loop;
	(void)events;
	if (!probe->asking && probe->server->state->paused[probe->kind->what]) {
		probe->due = clock_now() + probe->kind->interval(probe->server);
		arm(probe, probe->kind->interval(probe->server));
	} else if (!probe->asking)
		ask(probe);
	else if (probe->waiting)
		refuse(probe, EADDRNOTAVAIL);
	else
		finish(probe, probe->connected ? PROBE_SILENT : PROBE_LATE);
}

void probe_start(struct probe *probe, double first)
{
	probe->fd = -1;
	probe->answer = probe->small;
	probe->room = sizeof(probe->small);
	probe->due = clock_now() + first;
	ev_init(&probe->io, on_io);
	ev_init(&probe->timer, on_timer);
	probe->io.data = probe->timer.data = probe;
	arm(probe, first);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool secured_the_same(const struct tls_target *was, const struct tls_target *is)
{
	if (!was || !is)
		return was == is;
	return trust_equal(was->trust, is->trust) && same_text(was->sni, is->sni) &&
	       same_text(was->verify_host, is->verify_host);
}

static bool asks_the_same(const struct probe *probe, const struct probe_kind *kind, const struct server *server)
{
	const struct endpoint *was = probe->kind->to(probe->server), *is = kind->to(server);
	const char *before = probe->kind->question ? probe->kind->question(probe->server) : NULL;
	const char *after = kind->question ? kind->question(server) : NULL;

	return kind == probe->kind && endpoint_equal(was, is) &&
	       same_text(probe->kind->host(probe->server)->name, kind->host(server)->name) &&
	       secured_the_same(target_of(probe->kind, probe->server), target_of(kind, server)) &&
	       same_text(before, after);
}

void probe_move(struct probe *probe, const struct probe_kind *kind, struct server *server)
{
	bool same = asks_the_same(probe, kind, server);

	probe->kind = kind;
	probe->server = server;
	if (same)
		return;
	probe_stop(probe);
	probe->asking = probe->waiting = false;
	probe->memory.has = false;
	probe->due = clock_now();
	arm(probe, 0);
}

void probe_stop(struct probe *probe)
{
	disconnect(probe);
	ev_timer_stop(probe->loop, &probe->timer);
	forget_answer(probe);
}
