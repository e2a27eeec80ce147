/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One SPOP connection, split in three: conn.c moves its bytes and watches its time, turn.c finds frames in them, dialog.c
 * answers those. A connection owns memory only while bytes wait: a frame that is not complete, the pieces of a fragmented
 * NOTIFY, answers that its peer does not take.
 */
#ifndef SPOA_NET_CONN_H
#define SPOA_NET_CONN_H

#include "net.h"

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
	const struct acceptor *acceptor;
	ev_io io;
	ev_timer timer;
	double alarm;                           /* when the timer will run out, if it is active */
	double deadline;                        /* of the state, unless it is CONN_RUNNING */
	double leave_at;                        /* nothing asked until then: it is ended; 0: it does not leave */
	double heard, rest_since, output_since; /* the last read; what is under way, or waits, since when */
	double retry_at;                        /* the kernel had no memory for what waits; 0: it had */
	enum conn_state state;
	enum spop_error refusal; /* what a held one will be told, or another was */
	uint32_t max_frame_size;
	struct bytes partial;               /* the frame being received; room: its whole length */
	uint8_t head[SPOP_LENGTH_SIZE - 1]; /* of a frame whose length is not known yet */
	uint8_t head_len;
	struct bytes pending; /* answers not taken yet */
	struct bytes fragments;
	uint64_t stream_id, frame_id; /* of the NOTIFY that the fragments belong to */
	bool fragmented, dropping;    /* one is being received; it is not kept */
	bool answered;                /* a NOTIFY, of what was read last */
};

/* ---- conn.c ---- */

/* With room for more to come, but for no more than `most` in all. False: out of memory. */
bool bytes_add(struct bytes *bytes, const uint8_t *more, size_t len, size_t most);
void bytes_release(struct bytes *bytes);

/* The state lasts so many seconds; then on_timer() ends it. */
void conn_set_state(struct conn *conn, enum conn_state state, double seconds);

/* Whether nothing of a frame, of a NOTIFY's fragments or of our answers is under way. */
bool conn_is_idle(const struct conn *conn);

/* Gives out what fits the socket; what does not is kept, and nothing is read until it is gone. False: freed. */
bool conn_flush(struct conn *conn, struct spop_slice out);

/*
 * Where it leaves: the end, in one write with the answer and right before that, so that HAProxy knows before it asks for
 * more. Those of a turn, whose answers wait for each other, hear it with their next one.
 */
void conn_say_leaving(struct conn *conn, struct spop_writer *writer);

/* The same for all that a read was answered, and what it makes due. Frees it where it has ended. */
void conn_answered(struct conn *conn, struct spop_slice out);

/* Keeps what came for `show errors`. */
void conn_capture(const struct conn *conn, const char *why, struct spop_slice bytes);

/* ---- turn.c ---- */

/* Where the next read puts what it brings: room for NET_READ_SIZE and what its connection's last one left. */
uint8_t *turn_room(struct worker *worker);

/*
 * Whether what was read there is kept for turn_end(), until when nobody else may free the connection; else
 * turn_answer_now() is due. The last that a turn takes ends it, so it may be freed.
 */
bool turn_keep(struct conn *conn, size_t fresh);

/* Answers what conn->partial has, if it is a whole frame, and what was read to turn_room(). May free. */
void turn_answer_now(struct conn *conn, size_t fresh);

/* ---- bequest.c ---- */

/* Whether another process has the connection now, who may only be freed here, or will take it, or there is none. */
enum bequest { BEQUEST_GONE, BEQUEST_LATER, BEQUEST_NONE };
enum bequest bequest_try(const struct conn *conn);

/* ---- dialog.c ---- */

/* Each appends what is to be said; true: go on with the next frame. bytes: from where no frame could be read. */
bool dialog_frame(struct conn *conn, const struct spop_frame *frame, struct spop_writer *writer);
bool dialog_bad_frame(struct conn *conn, enum spop_status status, struct spop_slice bytes, struct spop_writer *writer);
bool dialog_disconnect(struct conn *conn, enum spop_error error, struct spop_writer *writer);

#endif
