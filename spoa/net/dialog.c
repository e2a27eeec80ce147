/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said on an SPOP connection: SPOE.txt 3.2, with the refusals of HELLO held back. */
#include <stdio.h>
#include <string.h>

#include "conn.h"

#define MAX_FRAGMENTS (1024u * 1024) /* bytes of one NOTIFY that comes in pieces */

/* ours: what HAProxy needs to know before it may use it */
#define CAPABILITIES (SPOP_CAN_PIPELINE | SPOP_CAN_FRAGMENT)

/* ---- the end ---- */

/* That a connection was not used for too long is its peer's right; the refusal of a held one was told before. */
static bool is_news(const struct conn *conn, enum spop_error error)
{
	if (error == SPOP_ERR_TIMEOUT && conn->state == CONN_RUNNING && conn_is_idle(conn))
		return false;
	return error != SPOP_ERR_NONE && conn->state != CONN_HELD;
}

bool dialog_disconnect(struct conn *conn, enum spop_error error, struct spop_writer *writer)
{
	const char *text = spop_error_text(error);

	spop_put_disconnect(writer, SPOP_AGENT_DISCONNECT, error,
			    (struct spop_slice){ (const uint8_t *)text, strlen(text) });
	conn->refusal = error;
	if (is_news(conn, error))
		worker_complain(conn->worker, "closed", text);
	conn_set_state(conn, CONN_CLOSING, conn->worker->settings->linger_time);
	return false;
}

/* Behind HELLO. */
static bool bad_frame(struct conn *conn, enum spop_error error, struct spop_writer *writer)
{
	counter_add(&conn->worker->counters[NET_BAD_FRAMES], 1);
	return dialog_disconnect(conn, error, writer);
}

/* What begins otherwise than with a frame's length has one of some GiB, and is better called by its name. */
static const char *reason_of(enum spop_error error, struct spop_slice bytes)
{
	static const char http[] = "this is HTTP, not SPOP: HAProxy's checks are SPOP's with 'option spop-check'";
	static const char proxy[] = "this is the PROXY protocol: HAProxy's server is one without 'send-proxy'";
	static const char tls[] = "this is TLS, not SPOP";
	static const struct {
		const char *begin, *reason;
	} others[] = { { "GET ", http },    { "HEAD", http },   { "OPTI", http },
		       { "POST", http },    { "PUT ", http },   { "PRI ", http },
		       { "\x16\x03", tls }, { "PROXY", proxy }, { "\r\n\r\n", proxy } };

	for (size_t i = 0; i < COUNT(others); i++) {
		size_t length = strlen(others[i].begin);

		if (bytes.len >= length && memcmp(bytes.ptr, others[i].begin, length) == 0)
			return others[i].reason;
	}
	return spop_error_text(error);
}

/*
 * To the engine of HAProxy ≤ 3.0 a connection that ends during HELLO means: try again at once. So it is held for a
 * while; where many are, the listener takes no more.
 */
static bool refuse_hello(struct conn *conn, enum spop_error error, struct spop_slice bytes)
{
	struct worker *worker = conn->worker;

	counter_add(&worker->counters[NET_REFUSED], 1);
	worker_complain(worker, "refused during HELLO", reason_of(error, bytes));
	atomic_fetch_add(&worker->net->held, 1);
	conn->refusal = error;
	conn_set_state(conn, CONN_HELD, worker->settings->hold_time);
	return false;
}

/* ---- HELLO ---- */

static bool on_hello(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	struct worker *worker = conn->worker;
	struct spop_hello offer, answer;
	enum spop_error error;

	error = frame->type == SPOP_HAPROXY_HELLO ? spop_hello_decode(frame, &offer) : SPOP_ERR_INVALID;
	if (error != SPOP_ERR_NONE)
		return refuse_hello(conn, error, (struct spop_slice){ NULL, 0 });
	/* HAProxy takes a check's server down at once, and looks for another agent */
	if (offer.healthcheck && atomic_load_explicit(&worker->draining, memory_order_relaxed))
		return dialog_disconnect(conn, SPOP_ERR_NONE, writer);
	answer = spop_hello_agree(&offer, worker->settings->max_frame_size, CAPABILITIES);
	spop_put_agent_hello(writer, &answer);
	conn->max_frame_size = answer.max_frame_size;
	if (offer.healthcheck)
		conn_set_state(conn, CONN_CLOSING, worker->settings->linger_time);
	else
		conn_set_state(conn, CONN_RUNNING, 0);
	return !offer.healthcheck;
}

/* ---- NOTIFY ---- */

static bool on_notify(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	const struct routes *routes = atomic_load_explicit(&conn->acceptor->routes, memory_order_acquire);
	struct worker *worker = conn->worker;

	counter_add(&worker->counters[NET_NOTIFIES], 1);
	conn->answered = true;
	if (answer_notify(routes, &worker->scratch, frame, worker->now, conn->max_frame_size, writer))
		return true;
	return bad_frame(conn, SPOP_ERR_INVALID, writer);
}

/*
 * Too much for us, so nothing of it is kept. It is not refused by FIN and ABORT while it comes, as SPOE.txt 3.2.7 has it:
 * HAProxy 2.6 to 3.0 then loses count of the frames of that connection, and requests fail that came after it.
 */
static void drop_fragments(struct conn *conn)
{
	bytes_release(&conn->fragments);
	conn->dropping = true;
	counter_add(&conn->worker->counters[NET_DROPPED], 1);
}

/* Its last piece has come: now it is answered like any other. */
static bool on_whole(struct conn *conn, const struct spop_frame *last, struct spop_writer *writer)
{
	struct spop_frame whole = *last;

	if (last->flags & SPOP_ABORT)
		return true;
	whole.payload = (struct spop_slice){ conn->fragments.ptr, conn->fragments.len };
	if (!conn->dropping)
		return on_notify(conn, &whole, writer);
	counter_add(&conn->worker->counters[NET_NOTIFIES], 1);
	conn->answered = true;
	answer_refuse(&conn->worker->scratch, &whole, conn->max_frame_size, writer);
	return true;
}

static bool on_fragment(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	bool good;

	if (!conn->dropping && (frame->payload.len > MAX_FRAGMENTS - conn->fragments.len ||
				!bytes_add(&conn->fragments, frame->payload.ptr, frame->payload.len, MAX_FRAGMENTS)))
		drop_fragments(conn);
	if (!(frame->flags & SPOP_FIN))
		return true;
	good = on_whole(conn, frame, writer);
	bytes_release(&conn->fragments);
	conn->fragmented = conn->dropping = false;
	return good;
}

static bool on_first_fragment(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	conn->fragmented = true;
	conn->rest_since = conn->worker->now;
	conn->stream_id = frame->stream_id;
	conn->frame_id = frame->frame_id;
	return on_fragment(conn, frame, writer);
}

/* That HAProxy stops, or found a connection idle for too long, is no news; anything else was something that we did. */
static void note_disconnect(struct conn *conn, const struct spop_frame *frame)
{
	struct worker *worker = conn->worker;
	struct spop_slice message;
	char what[200];
	uint64_t status;

	if (!spop_disconnect_decode(frame, &status, &message)) {
		status = SPOP_ERR_INVALID;
		message = SPOP_SLICE("the DISCONNECT itself cannot be read");
	}
	if (status <= SPOP_ERR_TIMEOUT)
		return;
	counter_add(&worker->counters[NET_ENDED], 1);
	snprintf(what, sizeof(what), "status %llu, \"%.*s\"", (unsigned long long)status,
		 (int)(message.len < 100 ? message.len : 100), (const char *)message.ptr);
	worker_complain(worker, "ended by HAProxy", what);
	conn_capture(conn, what, frame->payload);
}

static bool on_running(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	switch (frame->type) {
	case SPOP_NOTIFY:
		if (conn->fragmented)
			return bad_frame(conn, SPOP_ERR_INTERLACED, writer);
		if (frame->flags & SPOP_FIN)
			return (frame->flags & SPOP_ABORT) || on_notify(conn, frame, writer);
		return on_first_fragment(conn, frame, writer);
	case SPOP_UNSET:
		if (!conn->fragmented || frame->stream_id != conn->stream_id || frame->frame_id != conn->frame_id)
			return bad_frame(conn, SPOP_ERR_INTERLACED, writer);
		return on_fragment(conn, frame, writer);
	case SPOP_HAPROXY_DISCONNECT:
		if (frame->stream_id != 0 || frame->frame_id != 0) /* SPOE.txt 3.2.8 */
			return bad_frame(conn, SPOP_ERR_INVALID, writer);
		note_disconnect(conn, frame);
		return dialog_disconnect(conn, SPOP_ERR_NONE, writer);
	default:
		return bad_frame(conn, SPOP_ERR_INVALID, writer);
	}
}

/* ---- what turn.c found ---- */

bool dialog_frame(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer)
{
	return conn->state == CONN_HELLO ? on_hello(conn, frame, writer) : on_running(conn, frame, writer);
}

/* Before HELLO is done a frame may have our own limit; what is wrong then is refused slowly. */
bool dialog_bad_frame(struct conn *conn, enum spop_status status, struct spop_slice bytes, struct spop_writer *writer)
{
	enum spop_error error = status == SPOP_TOO_BIG ? SPOP_ERR_TOO_BIG : SPOP_ERR_INVALID;

	return conn->state == CONN_HELLO ? refuse_hello(conn, error, bytes) : bad_frame(conn, error, writer);
}
