/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What many connections ask at once: a worker without its thread, so that the test says when its loop turns. */
#include "agent.h"

#include <fcntl.h>
#include <poll.h>

#include "spoa/net/conn.h"

#define MANY      (4 * NET_TURN + 20u)
#define MAX_FRAME 16380u

static struct agent agent;
static struct worker *worker;
static int peers[MANY];
static uint8_t bytes[1024 * 1024];

static void connect_all(void)
{
	char why[300];

	if (!agent_bind(&agent, "", why, sizeof(why)))
		fail_msg("%s", why);
	worker = &agent.net->workers[0];
	for (size_t i = 0; i < MANY; i++) {
		struct timeval patience = { .tv_sec = (time_t)PATIENCE };
		int pair[2], room = 1 << 20;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		atomic_fetch_add(&worker->connections, 1);
		atomic_fetch_add(&agent.net->connections, 1);
		conn_open(worker, pair[0], agent.net->listener.acceptors, MAX_FRAME);
		fcntl(pair[1], F_SETFL, 0);
		setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		peers[i] = pair[1];
	}
}

static void tear_down(void)
{
	for (size_t i = 0; i < MANY; i++)
		close(peers[i]);
	agent_stop(&agent);
}

/* Reads what all have said; whoever waits then is answered when the loop turns again. */
static void read_all(void)
{
	ev_run(worker->loop, EVRUN_NOWAIT);
}

static void answer_all(void)
{
	ev_run(worker->loop, EVRUN_NOWAIT);
	assert_int_equal(worker->turn.n, 0);
	assert_int_equal(worker->turn.bytes, 0);
}

static void ask(size_t peer, uint64_t id)
{
	send_all(peers[peer], bytes, put_notify(bytes, sizeof(bytes), id));
}

static void expect_ack(size_t peer, uint64_t id)
{
	struct spop_frame frame = receive_frame(peers[peer], bytes, sizeof(bytes));

	assert_int_equal(frame.type, SPOP_ACK);
	assert_int_equal(frame.stream_id, id);
	assert_true(frame.payload.len > 0);
}

static bool is_silent(size_t peer)
{
	struct pollfd waits = { .fd = peers[peer], .events = POLLIN };

	return poll(&waits, 1, 0) == 0;
}

/* At first libev hears of no more than 64 at once: of twice as many each time that there are more. */
static void set_up(void)
{
	connect_all();
	for (unsigned heard = 64; heard < MANY; heard *= 2) {
		for (size_t i = 0; i < MANY; i++)
			ask(i, heard);
		for (size_t i = 0; i < MANY; i += 64)
			read_all();
		answer_all();
		for (size_t i = 0; i < MANY; i++)
			expect_ack(i, heard);
	}
}

/* ---- tests ---- */

/* More than four turns take: they are answered as soon as one is full, and the others with the next of the loop. */
static void each_gets_its_own_answer(void **state)
{
	(void)state;
	set_up();
	for (uint64_t round = 0; round < 3; round++) {
		unsigned silent = 0;

		for (size_t i = 0; i < MANY; i++)
			ask(i, round * 1000 + i);
		read_all();
		for (size_t i = 0; i < MANY; i++)
			silent += is_silent(i);
		assert_int_equal(silent, MANY - 4 * NET_TURN);
		assert_int_equal(worker->turn.n, MANY - 4 * NET_TURN);
		answer_all();
		for (size_t i = 0; i < MANY; i++) {
			expect_ack(i, round * 1000 + i);
			assert_true(is_silent(i));
		}
	}
	tear_down();
}

/* Whoever is read first does not wait until all are. */
static void a_quarter_is_answered_at_a_time(void **state)
{
	static const struct {
		unsigned ask, wait; /* after the loop's turn, in which all but those were answered */
	} rows[] = { { 1, 1 }, { 2, 0 }, { 3, 1 }, { 5, 1 }, { 11, 1 }, { 12, 0 }, { 14, 2 }, { 43, 3 }, { 60, 0 } };

	(void)state;
	set_up();
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		unsigned silent = 0;

		for (size_t i = 0; i < rows[row].ask; i++)
			ask(i, i);
		read_all();
		for (size_t i = 0; i < rows[row].ask; i++)
			silent += is_silent(i);
		assert_int_equal(silent, rows[row].wait);
		assert_int_equal(worker->turn.n, rows[row].wait);
		answer_all();
		for (size_t i = 0; i < rows[row].ask; i++)
			expect_ack(i, i);
	}
	tear_down();
}

/* More answers than wait in the buffer: 16 questions of each in one read. */
static void many_answers_come_whole(void **state)
{
	(void)state;
	set_up();
	for (size_t i = 0; i < MANY; i++) {
		size_t len = 0;

		for (uint64_t id = 1; id <= 16; id++)
			len += put_notify(bytes + len, sizeof(bytes) - len, i * 100 + id);
		assert_true(len <= NET_TURN_READ);
		send_all(peers[i], bytes, len);
	}
	read_all();
	assert_int_equal(worker->turn.n, MANY - 4 * NET_TURN);
	answer_all();
	for (size_t i = 0; i < NET_TURN; i++)
		assert_true(worker->turn.questions[i].out.ptr <= worker->out + NET_TURN_ANSWERS);
	for (size_t i = 0; i < MANY; i++)
		for (uint64_t id = 1; id <= 16; id++)
			expect_ack(i, i * 100 + id);
	tear_down();
}

/* One sends what is no frame, one half of one, one is gone before its answer, one asks for more than may wait. */
static void the_bad_ones_concern_nobody_else(void **state)
{
	size_t len;

	(void)state;
	set_up();
	for (size_t i = 4; i < 40; i++)
		ask(i, i);
	send_all(peers[0], "\0\0\0\0", 4);
	len = put_notify(bytes, sizeof(bytes), 1);
	send_all(peers[1], bytes, len - 5);
	ask(2, 2);
	close(peers[2]);
	peers[2] = -1;
	for (len = 0; len <= NET_TURN_READ;)
		len += put_notify(bytes + len, sizeof(bytes) - len, 3);
	send_all(peers[3], bytes, len);
	read_all();
	assert_false(is_silent(3)); /* at once */
	answer_all();
	for (size_t i = 4; i < 40; i++)
		expect_ack(i, i);
	assert_int_equal(receive_frame(peers[0], bytes, sizeof(bytes)).type, SPOP_AGENT_DISCONNECT);
	assert_true(is_silent(1));
	len = put_notify(bytes, sizeof(bytes), 1);
	send_all(peers[1], bytes + len - 5, 5);
	read_all();
	answer_all();
	expect_ack(1, 1);
	expect_ack(3, 3);
	tear_down();
}

/* Who has asked when its worker leaves is answered before it hears of that; libev promises no order of events. */
static void leaving_comes_after_the_answer(void **state)
{
	(void)state;
	set_up();
	ask(0, 7);
	read_all();
	assert_true(is_silent(0));
	atomic_store(&worker->hasty, true);
	atomic_store(&worker->leaving, true);
	ev_invoke(worker->loop, &worker->wake, EV_ASYNC);
	expect_ack(0, 7);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(receive_frame(peers[i], bytes, sizeof(bytes)).type, SPOP_AGENT_DISCONNECT);
	tear_down();
}

/* What happens to a connection while its question waits comes once that is answered. */
static void the_end_of_a_peer_comes_after_its_question(void **state)
{
	uint64_t before;

	(void)state;
	set_up();
	before = counter_get(&worker->counters[NET_NOTIFIES]);
	ask(0, 9);
	assert_int_equal(shutdown(peers[0], SHUT_WR), 0);
	read_all();
	answer_all();
	assert_int_equal(counter_get(&worker->counters[NET_NOTIFIES]), before + 1);
	expect_ack(0, 9);
	assert_int_equal(receive_all(peers[0], bytes, sizeof(bytes)), 0);
	tear_down();
}

/* Gone before its answer, and the timer runs out in the turn that would have told so. */
static void a_timer_finds_no_question_waiting(void **state)
{
	(void)state;
	set_up();
	for (size_t i = 0; i < 8; i++) {
		struct conn *conn = worker->conns;

		ask(MANY - 1, i); /* the newest is the list's first */
		ev_timer_stop(worker->loop, &conn->timer);
		ev_timer_set(&conn->timer, 0, 0);
		ev_timer_start(worker->loop, &conn->timer);
		conn->alarm = 0;
		if (i == 7) {
			close(peers[MANY - 1]);
			peers[MANY - 1] = -1;
		}
		read_all();
		answer_all();
		if (i < 7)
			expect_ack(MANY - 1, i);
	}
	assert_int_equal(atomic_load(&worker->connections), MANY - 1);
	tear_down();
}

/* Which is not left to chance: of events that are as urgent libev promises no order. */
static void a_timer_comes_before_reads(void **state)
{
	(void)state;
	set_up();
	read_all();
	assert_true(ev_priority(&worker->conns->timer) > ev_priority(&worker->conns->io));
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own_answer),
		cmocka_unit_test(a_quarter_is_answered_at_a_time),
		cmocka_unit_test(many_answers_come_whole),
		cmocka_unit_test(the_bad_ones_concern_nobody_else),
		cmocka_unit_test(leaving_comes_after_the_answer),
		cmocka_unit_test(the_end_of_a_peer_comes_after_its_question),
		cmocka_unit_test(a_timer_finds_no_question_waiting),
		cmocka_unit_test(a_timer_comes_before_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
