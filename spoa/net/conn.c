/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes and time of one connection: what comes is read into the worker's buffer, what it is answered leaves in one write. */
#include "conn.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"

#define STARVED_PAUSE 0.1 /* seconds until what the kernel had no memory for is sent again */

/* ---- memory that waits ---- */

void bytes_release(struct bytes *bytes)
{
	free(bytes->ptr);
	*bytes = (struct bytes){ 0 };
}

bool bytes_add(struct bytes *bytes, const uint8_t *more, size_t len, size_t most)
{
	if (len == 0)
		return true;
	if (len > bytes->room - bytes->len) {
		size_t needed = bytes->len + len, room = needed + bytes->len / 2;
		uint8_t *bigger;

		if (room > most)
			room = needed > most ? needed : most;
		bigger = realloc(bytes->ptr, room);
		if (!bigger)
			return false;
		bytes->ptr = bigger;
		bytes->room = room;
	}
	memcpy(bytes->ptr + bytes->len, more, len);
	bytes->len += len;
	return true;
}

/* ---- the end ---- */

void conn_free(struct conn *conn)
{
	struct worker *worker = conn->worker;

	ev_io_stop(worker->loop, &conn->io);
	ev_timer_stop(worker->loop, &conn->timer);
	close(conn->io.fd);
	if (conn->state == CONN_HELD)
		net_released(worker->net);
	bytes_release(&conn->partial);
	bytes_release(&conn->pending);
	bytes_release(&conn->fragments);
	if (conn->next)
		conn->next->previous = conn->previous;
	if (conn->previous)
		conn->previous->next = conn->next;
	else
		worker->conns = conn->next;
	free(conn);
	atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
	net_closed(worker->net);
}

struct conn *conn_next(const struct conn *conn)
{
	return conn->next;
}

static void watch(struct conn *conn, int events)
{
	if (conn->io.events == events && ev_is_active(&conn->io))
		return;
	ev_io_stop(conn->worker->loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	ev_io_start(conn->worker->loop, &conn->io);
}

/* ---- time ---- */

static bool has_rest(const struct conn *conn)
{
	return conn->partial.ptr || conn->head_len > 0 || conn->fragmented;
}

bool conn_is_idle(const struct conn *conn)
{
	return !has_rest(conn) && conn->pending.len == 0;
}

/* When something has to have happened; INFINITY: nothing has to. */
static double deadline_of_state(const struct conn *conn)
{
	const struct net_settings *settings = conn->worker->settings;
	double deadline = INFINITY;

	if (conn->state == CONN_HELLO && conn->leave_at > 0)
		return fmin(conn->deadline, conn->leave_at);
	if (conn->state != CONN_RUNNING)
		return conn->deadline;
	if (has_rest(conn))
		deadline = conn->rest_since + settings->frame_timeout;
	if (conn->pending.len > 0)
		deadline = fmin(deadline, conn->output_since + settings->frame_timeout);
	if (settings->idle_timeout > 0 && conn_is_idle(conn))
		deadline = conn->heard + settings->idle_timeout;
	if (conn->leave_at > 0 && conn_is_idle(conn))
		deadline = fmin(deadline, conn->leave_at);
	return deadline;
}

static double next_deadline(const struct conn *conn)
{
	double deadline = deadline_of_state(conn);

	return conn->retry_at > 0 ? fmin(deadline, conn->retry_at) : deadline;
}

/*
 * On the way of a request deadlines only move away or vanish, and then the timer is left alone: when it runs out it is
 * set anew. So a frame that is complete in time costs no timer.
 */
void conn_expect_deadline(struct conn *conn)
{
	struct ev_loop *loop = conn->worker->loop;
	double deadline = next_deadline(conn);

	if (deadline == INFINITY || (ev_is_active(&conn->timer) && conn->alarm <= deadline))
		return;
	conn->alarm = deadline;
	ev_timer_stop(loop, &conn->timer);
	ev_timer_set(&conn->timer, fmax(deadline - conn->worker->now, 0), 0);
	ev_timer_start(loop, &conn->timer);
}

void conn_set_state(struct conn *conn, enum conn_state state, double seconds)
{
	if (conn->state == CONN_HELD && state != CONN_HELD)
		net_released(conn->worker->net);
	conn->state = state;
	conn->deadline = conn->worker->now + seconds;
	conn_expect_deadline(conn);
}

/* ---- writing ---- */

/* Half a close, so that the peer gets our last frame even while its own bytes are under way. */
static void half_close(struct conn *conn)
{
	shutdown(conn->io.fd, SHUT_WR);
	watch(conn, EV_READ);
}

/* A socket that is full, or a kernel that has no memory just now, which is no end either. */
static bool will_pass(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

/* Of memory nobody tells when there is some: a socket with room would be ready over and over. */
static void wait_for_room(struct conn *conn, bool starved)
{
	struct worker *worker = conn->worker;

	conn->retry_at = starved ? worker->now + STARVED_PAUSE : 0;
	if (starved)
		ev_io_stop(worker->loop, &conn->io);
	else
		watch(conn, EV_WRITE);
	conn_expect_deadline(conn);
}

static void give_up(struct conn *conn, const char *why)
{
	worker_complain(conn->worker, "closed", why);
	conn_free(conn);
}

bool conn_flush(struct conn *conn, struct spop_slice out)
{
	struct worker *worker = conn->worker;
	bool starved = false;
	ssize_t sent = 0;

	if (conn->pending.len == 0 && out.len > 0) {
		do
			sent = send(conn->io.fd, out.ptr, out.len, MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		if (sent < 0 && !will_pass(errno)) {
			conn_free(conn); /* EPIPE and ECONNRESET: how HAProxy ≥ 3.1 ends */
			return false;
		}
		starved = sent < 0 && errno != EAGAIN;
		if (sent < 0)
			sent = 0;
	}
	if ((size_t)sent == out.len)
		return true;
	if (conn->pending.len == 0)
		conn->output_since = worker->now;
	if (out.len - (size_t)sent > worker->settings->output_limit - conn->pending.len) {
		counter_add(&worker->counters[NET_OVERFLOWS], 1);
		give_up(conn, "its peer does not read");
		return false;
	}
	if (!bytes_add(&conn->pending, out.ptr + sent, out.len - (size_t)sent, worker->settings->output_limit)) {
		give_up(conn, "out of memory");
		return false;
	}
	if (conn->retry_at == 0)
		wait_for_room(conn, starved);
	return true;
}

static void write_pending(struct conn *conn)
{
	ssize_t sent;

	do
		sent = send(conn->io.fd, conn->pending.ptr, conn->pending.len, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && will_pass(errno)) {
		wait_for_room(conn, errno != EAGAIN);
		return;
	}
	if (sent < 0) {
		conn_free(conn);
		return;
	}
	conn->pending.len -= (size_t)sent;
	memmove(conn->pending.ptr, conn->pending.ptr + sent, conn->pending.len);
	conn->output_since = conn->worker->now;
	if (conn->pending.len > 0) {
		wait_for_room(conn, false);
		return;
	}
	conn->retry_at = 0;
	bytes_release(&conn->pending);
	if (conn->state == CONN_CLOSING) {
		half_close(conn);
		return;
	}
	watch(conn, EV_READ);
	if (conn_is_leaving(conn))
		conn_leave(conn);
}

static void say_disconnect(struct conn *conn, enum spop_error error)
{
	struct worker *worker = conn->worker;
	struct spop_writer writer;

	spop_writer_init(&writer, worker->out, NET_OUT_SIZE);
	dialog_disconnect(conn, error, &writer);
	if (conn_flush(conn, (struct spop_slice){ worker->out, (size_t)(writer.at - worker->out) }) &&
	    conn->pending.len == 0)
		half_close(conn);
}

/* ---- what is wrong ---- */

static struct slice peer_of(const struct conn *conn, char text[ENDPOINT_TEXT])
{
	struct endpoint peer = { .length = sizeof(peer.storage) };

	if (getpeername(conn->io.fd, &peer.any, &peer.length) == 0 && peer.any.sa_family != AF_UNIX)
		return slice_of_string(endpoint_text(&peer, text));
	return slice_of_string(endpoint_text(&conn->acceptor->endpoint, text)); /* who is there has no name */
}

void conn_capture(const struct conn *conn, const char *why, struct spop_slice bytes)
{
	char text[ENDPOINT_TEXT];

	captures_take(conn->worker->net->captures, "frame", peer_of(conn, text), slice_of_string(why),
		      slice_of(bytes.ptr, bytes.len));
}

/* ---- answers ---- */

/* Who takes the whole connection: then nothing is ended. */
static bool has_heir(const struct conn *conn)
{
	return atomic_load_explicit(&conn->worker->net->heir, memory_order_relaxed) >= 0;
}

/* HAProxy has asked for more meanwhile: that would be lost behind an AGENT-DISCONNECT. */
static bool more_waits(const struct conn *conn)
{
	uint8_t byte;

	return recv(conn->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void conn_say_leaving(struct conn *conn, struct spop_writer *writer)
{
	if (conn->state == CONN_RUNNING && conn_is_leaving(conn) && conn->answered && !has_rest(conn) &&
	    !has_heir(conn) && !more_waits(conn))
		dialog_disconnect(conn, SPOP_ERR_NONE, writer);
}

void conn_answered(struct conn *conn, struct spop_slice out)
{
	if (!conn_flush(conn, out))
		return;
	if (conn->state == CONN_RUNNING && conn_is_leaving(conn) && bequest_try(conn) == BEQUEST_GONE) {
		conn_free(conn);
		return;
	}
	if (conn->state == CONN_CLOSING && conn->pending.len == 0)
		half_close(conn);
	conn_expect_deadline(conn);
}

/* ---- reading ---- */

/* The frame being received first, then whatever follows it: one call for both. */
static ssize_t read_some(struct conn *conn, size_t *fresh)
{
	struct bytes *partial = &conn->partial;
	struct iovec parts[2] = { [1] = { turn_room(conn->worker) + conn->head_len, NET_READ_SIZE } };
	ssize_t got;

	if (!partial->ptr) {
		got = recv(conn->io.fd, parts[1].iov_base, parts[1].iov_len, 0);
		*fresh = got > 0 ? (size_t)got : 0;
		return got;
	}
	parts[0] = (struct iovec){ partial->ptr + partial->len, partial->room - partial->len };
	got = readv(conn->io.fd, parts, 2);
	*fresh = got > 0 && (size_t)got > parts[0].iov_len ? (size_t)got - parts[0].iov_len : 0;
	if (got > 0)
		partial->len += (size_t)got - *fresh;
	return got;
}

static void discard(struct conn *conn)
{
	ssize_t got = read(conn->io.fd, turn_room(conn->worker), NET_READ_SIZE);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		conn_free(conn);
}

static void on_readable(struct conn *conn)
{
	struct worker *worker = conn->worker;
	size_t fresh;
	ssize_t got;

	if (conn->state == CONN_CLOSING || conn->state == CONN_HELD) {
		discard(conn);
		return;
	}
	got = read_some(conn, &fresh);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		if (has_rest(conn)) /* at a frame's border an end is an end, however it comes */
			worker_complain(worker, "lost", "it ended within a frame");
		conn_free(conn);
		return;
	}
	conn->heard = worker->now;
	conn->answered = false;
	if (!turn_keep(conn, fresh))
		turn_answer_now(conn, fresh);
}

/* ---- events ---- */

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = io->data;

	(void)loop;
	if (events & EV_WRITE)
		write_pending(conn);
	else
		on_readable(conn);
}

/* Long enough nothing was asked on it. */
static bool has_left(const struct conn *conn)
{
	return conn->leave_at > 0 && conn->leave_at <= conn->worker->now + 0.001;
}

static void on_late(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->retry_at > 0 && conn->retry_at <= worker->now + 0.001) {
		write_pending(conn);
		return;
	}
	switch (conn->state) {
	case CONN_CLOSING:
		conn_free(conn);
		return;
	case CONN_HELD:
		say_disconnect(conn, conn->refusal);
		return;
	case CONN_HELLO:
		counter_add(&worker->counters[NET_LATE_HELLOS], has_left(conn) ? 0 : 1);
		say_disconnect(conn, has_left(conn) ? SPOP_ERR_NONE : SPOP_ERR_TIMEOUT);
		return;
	case CONN_RUNNING:
		break;
	}
	if (conn_is_idle(conn)) {
		if (has_left(conn) && has_heir(conn)) {
			conn_leave(conn);
			return;
		}
		counter_add(&worker->counters[NET_IDLE], has_left(conn) ? 0 : 1);
		say_disconnect(conn, has_left(conn) ? SPOP_ERR_NONE : SPOP_ERR_TIMEOUT);
		return;
	}
	counter_add(&worker->counters[NET_LATE_FRAMES], 1);
	if (conn->pending.len > 0) {
		give_up(conn, "its peer does not read");
	} else {
		worker_complain(worker, "closed", "a frame did not become complete");
		say_disconnect(conn, SPOP_ERR_TIMEOUT);
	}
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct conn *conn = timer->data;

	(void)loop;
	(void)events;
	if (next_deadline(conn) <= conn->worker->now + 0.001)
		on_late(conn);
	else
		conn_expect_deadline(conn);
}

bool conn_is_leaving(const struct conn *conn)
{
	return atomic_load_explicit(&conn->worker->leaving, memory_order_relaxed) ||
	       atomic_load_explicit(&conn->acceptor->retired, memory_order_relaxed);
}

/*
 * HAProxy may be about to ask on it, and what crosses an AGENT-DISCONNECT is lost. So its next NOTIFY is answered and the
 * end told with that, by conn_say_leaving(); only a connection on which nothing is asked for a while is ended by itself.
 * The longer it was not used the less likely it is to be used just then: of 150,000 requests of sixteen clients in 28
 * restarts on a busy machine 11 were lost with a fifth of a second, 5 with two, and 2 where nothing is ended that
 * more_waits() on.
 */
void conn_leave(struct conn *conn)
{
	/* at an address that is gone there are no rules to answer by */
	bool hasty = atomic_load_explicit(&conn->worker->hasty, memory_order_relaxed) ||
		     atomic_load_explicit(&conn->acceptor->retired, memory_order_relaxed);

	switch (bequest_try(conn)) {
	case BEQUEST_GONE:
		conn_free(conn);
		return;
	case BEQUEST_LATER:
		if (conn->leave_at > 0 && has_left(conn)) /* so it has waited already */
			conn->leave_at = 0;
		break;
	case BEQUEST_NONE:
		break;
	}
	if (conn->leave_at == 0)
		conn->leave_at = conn->worker->now + (hasty ? 0 : has_heir(conn) ? NET_RETRY : NET_QUIET);
	if (conn->state == CONN_HELD)
		say_disconnect(conn, conn->refusal);
	else if (conn->state == CONN_HELLO && has_left(conn))
		say_disconnect(conn, SPOP_ERR_NONE);
	else if (conn->state == CONN_RUNNING && conn_is_idle(conn) && has_left(conn))
		say_disconnect(conn, SPOP_ERR_NONE);
	else
		conn_expect_deadline(conn);
}

/* ---- the beginning ---- */

void conn_open(struct worker *worker, int fd, const struct acceptor *acceptor, uint32_t max_frame_size)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	int one = 1;

	if (!conn) {
		atomic_fetch_add_explicit(&worker->net->starved, 1, memory_order_relaxed);
		close(fd);
		atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
		net_closed(worker->net);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* a UNIX socket has none */
	conn->worker = worker;
	conn->acceptor = acceptor;
	conn->next = worker->conns;
	if (conn->next)
		conn->next->previous = conn;
	worker->conns = conn;
	ev_io_init(&conn->io, on_io, fd, EV_READ);
	ev_init(&conn->timer, on_timer);
	ev_set_priority(&conn->timer, 1); /* before any read: no question waits for its answer then */
	conn->io.data = conn->timer.data = conn;
	ev_io_start(worker->loop, &conn->io);
	conn->max_frame_size = max_frame_size;
	conn->heard = worker->now;
	if (max_frame_size > 0)
		conn_set_state(conn, CONN_RUNNING, 0);
	else
		conn_set_state(conn, CONN_HELLO, worker->settings->hello_timeout);
	if (conn_is_leaving(conn))
		conn_leave(conn);
}
