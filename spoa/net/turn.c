/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of what was read, and their answers. What several connections ask is first read, then answered, then given
 * out: the code and the tables of each step stay in the processor's caches from one connection to the next, which they leave
 * where a system call comes between (Larus and Parkes, "Using cohort scheduling to enhance server performance", USENIX
 * 2002). Each turn takes about a quarter of those that the loop has found ready, so that whoever is read first has the
 * answer while the others are read, and asks on meanwhile. A connection that asks much at once, or is at its beginning or
 * its end, is answered when read.
 */
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "spoa-redirect/base/clock.h"

/* The answers of one connection, in its worker's buffer. */
struct answers {
	struct spop_writer writer;
	uint8_t *begin;
};

static void answers_begin(struct answers *answers, const struct worker *worker, uint8_t *begin)
{
	answers->begin = begin;
	spop_writer_init(&answers->writer, begin, NET_OUT_SIZE - (size_t)(begin - worker->out));
}

static struct spop_slice answers_of(const struct answers *answers)
{
	return (struct spop_slice){ answers->begin, (size_t)(answers->writer.at - answers->begin) };
}

/* ---- the frames of one connection ---- */

/* Keeps the beginning of a frame until the rest comes. False: no memory for it. */
static bool keep_rest(struct conn *conn, struct spop_slice rest)
{
	uint32_t length;

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
static bool make_room(struct conn *conn, struct answers *answers)
{
	if ((size_t)(answers->writer.end - answers->writer.at) >= (size_t)NET_MAX_FRAME_SIZE + SPOP_LENGTH_SIZE)
		return true;
	if (!conn_flush(conn, answers_of(answers)))
		return false;
	answers_begin(answers, conn->worker, answers->begin);
	return true;
}

/* A frame that ended the connection; in: what is left behind it. */
static void note_refusal(const struct conn *conn, struct spop_slice from, struct spop_slice in)
{
	if (conn->refusal != SPOP_ERR_NONE)
		conn_capture(
			conn, spop_error_text(conn->refusal),
			(struct spop_slice){ from.ptr, in.ptr > from.ptr ? (size_t)(in.ptr - from.ptr) : from.len });
}

/* Who has not said what he is may not fill memory with it. */
static uint32_t longest_hello(const struct net_settings *settings)
{
	return settings->max_frame_size < NET_MAX_HELLO ? settings->max_frame_size : NET_MAX_HELLO;
}

/* Answers every whole frame of *in, which moves on. False: the connection is freed. */
static bool answer_frames(struct conn *conn, struct spop_slice *in, struct answers *answers)
{
	while (conn->state == CONN_HELLO || conn->state == CONN_RUNNING) {
		bool running = conn->state == CONN_RUNNING;
		uint32_t max = running ? conn->max_frame_size : longest_hello(conn->worker->settings);
		struct spop_frame frame;
		struct spop_slice from = *in;
		enum spop_status status = spop_frame_decode(in, max, &frame);

		if (status == SPOP_MORE)
			return true;
		if (!make_room(conn, answers))
			return false;
		answer_expect(&conn->worker->scratch, in->len > 0 || conn->worker->turn.behind);
		if (status != SPOP_OK ? !dialog_bad_frame(conn, status, from, &answers->writer)
				      : !dialog_frame(conn, &frame, &answers->writer)) {
			note_refusal(conn, from, *in);
			return true;
		}
	}
	return true;
}

/*
 * Answers all that was read, and keeps the rest. That is late by when the first byte of it came, or the first piece of the
 * NOTIFY that it belongs to: what comes a little at a time gains no time by it. False: the connection is freed.
 */
static bool answer(struct conn *conn, struct spop_slice in, struct answers *answers)
{
	const uint8_t *begun = conn->head_len > 0 ? in.ptr : NULL;

	conn->head_len = 0;
	if (!answer_frames(conn, &in, answers))
		return false;
	if ((conn->state == CONN_HELLO || conn->state == CONN_RUNNING) && in.len > 0) {
		if (in.ptr != begun && !conn->fragmented)
			conn->rest_since = conn->worker->now;
		if (!keep_rest(conn, in))
			dialog_disconnect(conn, SPOP_ERR_RESOURCES, &answers->writer);
	}
	return true;
}

/* Of all that was answered together: none has left later. */
static void count_time(struct worker *worker, uint64_t answers)
{
	double seconds = answers > 0 ? clock_now() - worker->now : 0;
	unsigned bucket = 0;

	if (answers == 0)
		return;
	while (bucket < NET_TIMES && seconds > net_times[bucket])
		bucket++;
	counter_add(&worker->times[bucket], answers);
	counter_add(&worker->nanoseconds, (uint64_t)(seconds * 1e9) * answers);
}

/* ---- one at once ---- */

uint8_t *turn_room(struct worker *worker)
{
	return worker->in + worker->turn.bytes;
}

/* False: the connection is freed. */
static bool answer_partial(struct conn *conn, struct answers *answers)
{
	struct spop_slice frame = { conn->partial.ptr, conn->partial.len };

	if (!answer_frames(conn, &frame, answers))
		return false;
	bytes_release(&conn->partial);
	return true;
}

/* False: the connection is freed. */
static bool answer_read(struct conn *conn, uint8_t *room, size_t fresh, struct answers *answers)
{
	struct spop_slice in = { room, fresh + conn->head_len };

	answers_begin(answers, conn->worker, conn->worker->out);
	if (conn->partial.ptr) {
		if (conn->partial.len < conn->partial.room)
			return true;
		if (!answer_partial(conn, answers))
			return false;
	}
	memcpy(room, conn->head, conn->head_len);
	return answer(conn, in, answers);
}

/* Those who wait go first: they have asked less. */
void turn_answer_now(struct conn *conn, size_t fresh)
{
	struct worker *worker = conn->worker;
	uint8_t *room = turn_room(worker);
	struct answers answers;
	uint64_t before;

	turn_end(worker);
	before = counter_get(&worker->counters[NET_NOTIFIES]);
	if (answer_read(conn, room, fresh, &answers)) {
		conn_say_leaving(conn, &answers.writer);
		conn_answered(conn, answers_of(&answers));
	}
	count_time(worker, counter_get(&worker->counters[NET_NOTIFIES]) - before);
}

/* ---- those of a turn ---- */

void turn_expect(struct worker *worker, unsigned ready)
{
	unsigned quarter = ready / 4;

	if (quarter < NET_TURN_LEAST)
		worker->turn.most = NET_TURN_LEAST;
	else
		worker->turn.most = quarter < NET_TURN ? quarter : NET_TURN;
}

bool turn_keep(struct conn *conn, size_t fresh)
{
	struct worker *worker = conn->worker;
	struct turn *turn = &worker->turn;

	if (fresh > NET_TURN_READ || conn->state != CONN_RUNNING || !conn_is_idle(conn) || conn_is_leaving(conn))
		return false;
	turn->questions[turn->n++] = (struct question){ conn, { turn_room(worker), fresh }, { NULL, 0 } };
	turn->bytes += fresh;
	if (turn->n >= turn->most)
		turn_end(worker);
	return true;
}

static void give_out(const struct turn *turn, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (turn->questions[i].conn)
			conn_answered(turn->questions[i].conn, turn->questions[i].out);
}

void turn_end(struct worker *worker)
{
	struct turn *turn = &worker->turn;
	uint64_t before = counter_get(&worker->counters[NET_NOTIFIES]);
	uint8_t *at = worker->out;
	size_t given = 0;

	for (size_t i = 0; i < turn->n; i++) {
		struct question *question = &turn->questions[i];
		struct answers answers;

		turn->behind = i + 1 < turn->n;
		answers_begin(&answers, worker, at);
		if (answer(question->conn, question->in, &answers))
			question->out = answers_of(&answers);
		else
			question->conn = NULL;
		at = answers.writer.at;
		if (at - worker->out > NET_TURN_ANSWERS) {
			give_out(turn, given, i + 1);
			given = i + 1;
			at = worker->out;
		}
	}
	give_out(turn, given, turn->n);
	turn->n = turn->bytes = 0;
	count_time(worker, counter_get(&worker->counters[NET_NOTIFIES]) - before);
}
