/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One SPOP connection. What a read brings is answered frame by frame into the worker's buffer and leaves in one
 * write; a connection owns memory only while bytes wait: a frame that is not complete, the pieces of a fragmented
 * NOTIFY, answers that its peer does not take.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net.h"

#define MAX_FRAGMENTS (1024u * 1024) /* bytes of one NOTIFY that comes in pieces */

/* ours: what HAProxy needs to know before it may use it */
#define CAPABILITIES (SPOP_CAN_PIPELINE | SPOP_CAN_FRAGMENT)

enum conn_state {
	CONN_HELLO, /* waits for HAPROXY-HELLO */
	CONN_RUNNING,
	CONN_HELD,    /* refused during HELLO: silent, so that HAProxy ≤ 3.0 does not come back at once */
	CONN_CLOSING, /* DISCONNECT was said; what still comes is thrown away */
};

struct bytes {
	uint8_t *ptr;
	size_t len, room;
};

struct conn {
	struct conn *next, *previous;
	struct worker *worker;
	const struct routes *routes;
	ev_io io;
	ev_timer timer;
	enum conn_state state;
	enum spop_error refusal; /* what a held one will be told */
	uint32_t max_frame_size;
	struct bytes partial;               /* the frame being received; room: its whole length */
	uint8_t head[SPOP_LENGTH_SIZE - 1]; /* of a frame whose length is not known yet */
	uint8_t head_len;
	struct bytes pending; /* answers not taken yet */
	struct bytes fragments;
	uint64_t stream_id, frame_id; /* of the NOTIFY that the fragments belong to */
	bool fragmented, dropping;    /* one is being received; it is not kept */
};

/* ---- memory that waits ---- */

static void bytes_release(struct bytes *bytes)
{
	free(bytes->ptr);
	*bytes = (struct bytes){ 0 };
}

static bool bytes_add(struct bytes *bytes, const uint8_t *more, size_t len)
{
	if (len > bytes->room - bytes->len) {
		size_t room = bytes->len + len + bytes->len / 2;
		uint8_t *bigger = realloc(bytes->ptr, room);

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
		worker->held--;
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

static void arm(struct conn *conn, double after)
{
	ev_timer_stop(conn->worker->loop, &conn->timer);
	ev_timer_set(&conn->timer, after, 0);
	ev_timer_start(conn->worker->loop, &conn->timer);
}

static void watch(struct conn *conn, int events)
{
	if (conn->io.events == events)
		return;
	ev_io_stop(conn->worker->loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	ev_io_start(conn->worker->loop, &conn->io);
}

/* Half a close, so that the peer gets our last frame even while its own bytes are under way. */
static void half_close(struct conn *conn)
{
	shutdown(conn->io.fd, SHUT_WR);
	watch(conn, EV_READ);
	arm(conn, conn->worker->settings->linger_time);
}

/* ---- writing ---- */

/* Gives out what fits the socket; what does not is kept, and nothing is read until it is gone. False: freed. */
static bool flush(struct conn *conn, const uint8_t *out, size_t len)
{
	ssize_t sent = 0;

	if (conn->pending.len == 0 && len > 0) {
		do
			sent = send(conn->io.fd, out, len, MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		if (sent < 0 && errno != EAGAIN) {
			conn_free(conn); /* EPIPE and ECONNRESET: how HAProxy ≥ 3.1 ends */
			return false;
		}
		if (sent < 0)
			sent = 0;
	}
	if ((size_t)sent == len)
		return true;
	if (!bytes_add(&conn->pending, out + sent, len - (size_t)sent)) {
		conn_free(conn);
		return false;
	}
	watch(conn, EV_WRITE);
	arm(conn, conn->worker->settings->write_timeout);
	return true;
}

static void write_pending(struct conn *conn)
{
	ssize_t sent = send(conn->io.fd, conn->pending.ptr, conn->pending.len, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0) {
		conn_free(conn);
		return;
	}
	conn->pending.len -= (size_t)sent;
	memmove(conn->pending.ptr, conn->pending.ptr + sent, conn->pending.len);
	if (conn->pending.len > 0) {
		arm(conn, conn->worker->settings->write_timeout);
		return;
	}
	bytes_release(&conn->pending);
	ev_timer_stop(conn->worker->loop, &conn->timer);
	if (conn->state == CONN_CLOSING)
		half_close(conn);
	else
		watch(conn, EV_READ);
}

static void put_disconnect(struct spop_writer *writer, enum spop_error error)
{
	const char *text = spop_error_text(error);

	spop_put_disconnect(writer, SPOP_AGENT_DISCONNECT, error,
			    (struct spop_slice){ (const uint8_t *)text, strlen(text) });
}

/* ---- frames ---- */

/* True: go on with the next frame. */
typedef bool frame_handler(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer);

static bool disconnect(struct conn *conn, enum spop_error error, struct spop_writer *writer)
{
	put_disconnect(writer, error);
	conn->state = CONN_CLOSING;
	return false;
}

/*
 * To the engine of HAProxy ≤ 3.0 a connection that ends during HELLO means: try again at once. So it is held for a
 * while, as long as that costs little.
 */
static bool refuse_hello(struct conn *conn, enum spop_error error)
{
	struct worker *worker = conn->worker;

	conn->state = CONN_HELD;
	conn->refusal = error;
	worker->held++;
	arm(conn, worker->held > NET_MAX_HELD ? 0 : worker->settings->hold_time);
	return false;
}

static bool on_hello(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	struct spop_hello offer, answer;
	enum spop_error error;

	error = frame->type == SPOP_HAPROXY_HELLO ? spop_hello_decode(frame, &offer) : SPOP_ERR_INVALID;
	if (error != SPOP_ERR_NONE) {
		log_line(&conn->worker->settings->log, LOG_WARNING, "SPOP connection refused during HELLO: %s",
			 spop_error_text(error));
		return refuse_hello(conn, error);
	}
	/* HAProxy takes a check's server down at once, and looks for another agent */
	if (offer.healthcheck && atomic_load_explicit(&conn->worker->draining, memory_order_relaxed))
		return disconnect(conn, SPOP_ERR_NONE, writer);
	answer = spop_hello_agree(&offer, NET_MAX_FRAME_SIZE, CAPABILITIES);
	spop_put_agent_hello(writer, &answer);
	conn->max_frame_size = answer.max_frame_size;
	conn->state = offer.healthcheck ? CONN_CLOSING : CONN_RUNNING;
	ev_timer_stop(conn->worker->loop, &conn->timer);
	return !offer.healthcheck;
}

static bool on_notify(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	struct worker *worker = conn->worker;

	if (answer_notify(conn->routes, &worker->scratch, frame, worker->now, conn->max_frame_size, writer))
		return true;
	return disconnect(conn, SPOP_ERR_INVALID, writer);
}

/* Too much for us: HAProxy gives this one stream up, SPOE.txt 3.2.7, and the connection goes on. */
static void drop_fragments(struct conn *conn, struct spop_writer *writer)
{
	bytes_release(&conn->fragments);
	conn->dropping = true;
	spop_frame_begin_flags(writer, SPOP_ACK, SPOP_FIN | SPOP_ABORT, conn->stream_id, conn->frame_id);
	spop_frame_end(writer, conn->max_frame_size);
}

static bool on_fragment(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	struct spop_frame whole = *frame;
	bool good;

	if (!conn->dropping && (frame->payload.len > MAX_FRAGMENTS - conn->fragments.len ||
				!bytes_add(&conn->fragments, frame->payload.ptr, frame->payload.len)))
		drop_fragments(conn, writer);
	if (!(frame->flags & SPOP_FIN))
		return true;
	whole.payload = (struct spop_slice){ conn->fragments.ptr, conn->fragments.len };
	good = conn->dropping || (frame->flags & SPOP_ABORT) || on_notify(conn, &whole, writer);
	bytes_release(&conn->fragments);
	conn->fragmented = conn->dropping = false;
	return good;
}

static bool on_running(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	switch (frame->type) {
	case SPOP_NOTIFY:
		if (conn->fragmented)
			return disconnect(conn, SPOP_ERR_INTERLACED, writer);
		if (frame->flags & SPOP_FIN)
			return on_notify(conn, frame, writer);
		conn->fragmented = true;
		conn->stream_id = frame->stream_id;
		conn->frame_id = frame->frame_id;
		return on_fragment(conn, frame, writer);
	case SPOP_UNSET:
		if (!conn->fragmented || frame->stream_id != conn->stream_id || frame->frame_id != conn->frame_id)
			return disconnect(conn, SPOP_ERR_INTERLACED, writer);
		return on_fragment(conn, frame, writer);
	case SPOP_HAPROXY_DISCONNECT:
		return disconnect(conn, SPOP_ERR_NONE, writer);
	default:
		return disconnect(conn, SPOP_ERR_INVALID, writer);
	}
}

/* Before HELLO is done a frame may have our own limit; what is wrong then is refused slowly. */
static bool on_bad_frame(struct conn *conn, enum spop_status status, struct spop_writer *writer)
{
	enum spop_error error = status == SPOP_TOO_BIG ? SPOP_ERR_TOO_BIG : SPOP_ERR_INVALID;

	return conn->state == CONN_HELLO ? refuse_hello(conn, error) : disconnect(conn, error, writer);
}

/* Keeps the beginning of a frame until the rest comes. False: no memory for it. */
static bool keep_rest(struct conn *conn, struct spop_slice rest)
{
	uint32_t length;

	conn->head_len = 0;
	if (rest.len < SPOP_LENGTH_SIZE) {
		memcpy(conn->head, rest.ptr, rest.len);
		conn->head_len = (uint8_t)rest.len;
		return true;
	}
	length = (uint32_t)rest.ptr[0] << 24 | (uint32_t)rest.ptr[1] << 16 | (uint32_t)rest.ptr[2] << 8 | rest.ptr[3];
	conn->partial.room = (size_t)length + SPOP_LENGTH_SIZE; /* spop_frame_decode() has found it good */
	conn->partial.ptr = malloc(conn->partial.room);
	if (!conn->partial.ptr) {
		conn->partial.room = 0;
		return false;
	}
	memcpy(conn->partial.ptr, rest.ptr, rest.len);
	conn->partial.len = rest.len;
	return true;
}

/* Room for the longest answer is made before each frame. False: freed. */
static bool make_room(struct conn *conn, struct spop_writer *writer)
{
	struct worker *worker = conn->worker;

	if ((size_t)(writer->end - writer->at) >= (size_t)NET_MAX_FRAME_SIZE + SPOP_LENGTH_SIZE)
		return true;
	if (!flush(conn, worker->out, (size_t)(writer->at - worker->out)))
		return false;
	spop_writer_init(writer, worker->out, NET_OUT_SIZE);
	return true;
}

/* Answers every whole frame of *in, which moves on. False: the connection is freed. */
static bool answer_frames(struct conn *conn, struct spop_slice *in, struct spop_writer *writer)
{
	while (conn->state == CONN_HELLO || conn->state == CONN_RUNNING) {
		frame_handler *handler = conn->state == CONN_HELLO ? on_hello : on_running;
		uint32_t max = conn->state == CONN_HELLO ? NET_MAX_FRAME_SIZE : conn->max_frame_size;
		struct spop_frame frame;
		enum spop_status status = spop_frame_decode(in, max, &frame);

		if (status == SPOP_MORE)
			return true;
		if (!make_room(conn, writer))
			return false;
		if (status != SPOP_OK)
			on_bad_frame(conn, status, writer);
		else if (!handler(conn, &frame, writer))
			return true;
	}
	return true;
}

/* A slow sender of a frame is given up at its time; looked at only when the timer runs out, never per frame. */
static void expect_rest(struct conn *conn)
{
	if (!ev_is_active(&conn->timer))
		arm(conn, conn->worker->settings->frame_timeout);
}

static void after_frames(struct conn *conn, struct spop_slice rest, struct spop_writer *writer)
{
	struct worker *worker = conn->worker;
	bool running = conn->state == CONN_HELLO || conn->state == CONN_RUNNING;

	if (running && rest.len > 0 && !conn->partial.ptr) {
		if (!keep_rest(conn, rest))
			disconnect(conn, SPOP_ERR_RESOURCES, writer);
		else
			expect_rest(conn);
	}
	if (conn->state == CONN_RUNNING && atomic_load_explicit(&worker->leaving, memory_order_relaxed) &&
	    !conn->partial.ptr && conn->head_len == 0 && !conn->fragmented)
		disconnect(conn, SPOP_ERR_NONE, writer);
	if (flush(conn, worker->out, (size_t)(writer->at - worker->out)) && conn->state == CONN_CLOSING &&
	    conn->pending.len == 0)
		half_close(conn);
}

/* ---- reading ---- */

/* The frame being received first, then whatever follows it: one call for both. */
static ssize_t read_some(struct conn *conn, size_t *fresh)
{
	struct worker *worker = conn->worker;
	struct iovec parts[2] = {
		{ conn->partial.ptr + conn->partial.len, conn->partial.room - conn->partial.len },
		{ worker->in + conn->head_len, NET_READ_SIZE },
	};
	ssize_t got;

	if (!conn->partial.ptr)
		got = read(conn->io.fd, parts[1].iov_base, parts[1].iov_len);
	else
		got = readv(conn->io.fd, parts, 2);
	*fresh = 0;
	if (got <= 0)
		return got;
	if ((size_t)got > parts[0].iov_len)
		*fresh = (size_t)got - (conn->partial.ptr ? parts[0].iov_len : 0);
	if (conn->partial.ptr)
		conn->partial.len += (size_t)got - *fresh;
	else
		*fresh = (size_t)got;
	return got;
}

static void answer_all(struct conn *conn, size_t fresh)
{
	struct worker *worker = conn->worker;
	struct spop_slice in = { worker->in, fresh + conn->head_len };
	struct spop_writer writer;

	spop_writer_init(&writer, worker->out, NET_OUT_SIZE);
	if (conn->partial.ptr) {
		struct spop_slice first = { conn->partial.ptr, conn->partial.len };

		if (first.len < conn->partial.room) {
			expect_rest(conn);
			return;
		}
		if (!answer_frames(conn, &first, &writer))
			return;
		bytes_release(&conn->partial);
	}
	if (conn->head_len > 0)
		memcpy(worker->in, conn->head, conn->head_len);
	conn->head_len = 0;
	if (answer_frames(conn, &in, &writer))
		after_frames(conn, in, &writer);
}

static void discard(struct conn *conn)
{
	ssize_t got = read(conn->io.fd, conn->worker->in, NET_READ_SIZE);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		conn_free(conn);
}

static void on_readable(struct conn *conn)
{
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
		conn_free(conn);
		return;
	}
	answer_all(conn, fresh);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = io->data;

	(void)loop;
	if (events & EV_WRITE)
		write_pending(conn);
	else
		on_readable(conn);
}

/* ---- time ---- */

static void say_and_close(struct conn *conn, enum spop_error error)
{
	struct worker *worker = conn->worker;
	struct spop_writer writer;

	if (conn->state == CONN_HELD)
		worker->held--;
	conn->state = CONN_CLOSING;
	spop_writer_init(&writer, worker->out, NET_OUT_SIZE);
	put_disconnect(&writer, error);
	if (flush(conn, worker->out, (size_t)(writer.at - worker->out)) && conn->pending.len == 0)
		half_close(conn);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct conn *conn = timer->data;

	(void)loop;
	(void)events;
	if (conn->state == CONN_CLOSING || conn->pending.len > 0) {
		conn_free(conn);
	} else if (conn->state == CONN_HELD) {
		say_and_close(conn, conn->refusal);
	} else if (conn->state == CONN_HELLO) {
		say_and_close(conn, SPOP_ERR_TIMEOUT);
	} else if (conn->partial.ptr || conn->head_len > 0) {
		log_line(&conn->worker->settings->log, LOG_WARNING,
			 "SPOP connection closed: a frame did not become complete");
		say_and_close(conn, SPOP_ERR_TIMEOUT);
	}
}

void conn_leave(struct conn *conn)
{
	if (conn->state == CONN_HELD || conn->state == CONN_HELLO) {
		conn_free(conn);
		return;
	}
	/* with a frame half here or answers under way, after_frames() or the peer brings the end */
	if (conn->state == CONN_RUNNING && !conn->partial.ptr && conn->head_len == 0 && !conn->fragmented &&
	    conn->pending.len == 0)
		say_and_close(conn, SPOP_ERR_NONE);
}

/* ---- the beginning ---- */

void conn_open(struct worker *worker, int fd, const struct routes *routes)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	int one = 1;

	if (!conn) {
		close(fd);
		atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
		net_closed(worker->net);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* a UNIX socket has none */
	conn->worker = worker;
	conn->routes = routes;
	conn->next = worker->conns;
	if (conn->next)
		conn->next->previous = conn;
	worker->conns = conn;
	ev_io_init(&conn->io, on_io, fd, EV_READ);
	ev_init(&conn->timer, on_timer);
	conn->io.data = conn->timer.data = conn;
	ev_io_start(worker->loop, &conn->io);
	arm(conn, worker->settings->hello_timeout);
}
