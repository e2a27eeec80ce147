/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent does with peers that are late, deaf, too many or wrong. */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>

static const uint8_t HALF[] = { 0, 0, 0, 20, SPOP_NOTIFY, 0, 0, 0, 1 };

static void ask_once(int fd, uint64_t id)
{
	uint8_t bytes[1024];
	struct spop_frame frame;

	send_all(fd, bytes, put_notify(bytes, sizeof(bytes), id));
	frame = receive_frame(fd, bytes, sizeof(bytes));
	assert_int_equal(frame.type, SPOP_ACK);
	assert_int_equal(frame.stream_id, id);
	assert_true(frame.payload.len > 0);
}

static void hello_timeout(void **state)
{
	struct agent agent;

	(void)state;
	agent_start(&agent, "timeout hello 50ms");
	expect_disconnect(agent_connect(&agent), SPOP_ERR_TIMEOUT);
	agent_stop(&agent);
}

static void late_frame(void **state)
{
	struct agent agent;
	int fd;

	(void)state;
	agent_start(&agent, "timeout frame 50ms");
	fd = agent_greet(&agent);
	send_all(fd, HALF, sizeof(HALF));
	expect_disconnect(fd, SPOP_ERR_TIMEOUT);
	agent_stop(&agent);
}

struct trickle {
	const char *name;
	uint8_t begin[20], more[20];
	size_t begin_len, more_len;
};

static const struct trickle trickles[] = {
	{ "length_trickles", { 0 }, { 0 }, 1, 1 },
	{ "length_then_frame_trickles", { 0 }, { 0, 0, 20, SPOP_NOTIFY }, 1, 4 },
	{ "frame_trickles", { 0, 0, 0, 20, SPOP_NOTIFY }, { 0 }, 5, 1 },
	{ "pieces_trickle",
	  { 0, 0, 0, 8, SPOP_NOTIFY, 0, 0, 0, 0, 1, 1, 'x' },
	  { 0, 0, 0, 8, SPOP_UNSET, 0, 0, 0, 0, 1, 1, 'x' },
	  12,
	  12 },
	{ "pieces_trickle_in_halves",
	  { 0, 0, 0, 8, SPOP_NOTIFY, 0, 0, 0, 0, 1, 1, 'x', 0, 0, 0, 8, SPOP_UNSET },
	  { 0, 0, 0, 0, 1, 1, 'x', 0, 0, 0, 8, SPOP_UNSET },
	  17,
	  12 },
};

/* What began first is late first, though more of it comes when the other begins. */
static void trickling_is_late(void **state)
{
	const struct trickle *trickle = *state;
	struct pollfd both[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct agent agent;

	agent_start(&agent, "timeout frame 400ms");
	both[0].fd = agent_greet(&agent);
	both[1].fd = agent_greet(&agent);
	send_all(both[0].fd, trickle->begin, trickle->begin_len);
	assert_int_equal(poll(both, 1, 200), 0);
	send_all(both[1].fd, HALF, sizeof(HALF));
	send_all(both[0].fd, trickle->more, trickle->more_len);
	assert_true(poll(both, 2, (int)(PATIENCE * 1000)) > 0);
	assert_true(both[0].revents & POLLIN);
	expect_disconnect(both[0].fd, SPOP_ERR_TIMEOUT);
	expect_disconnect(both[1].fd, SPOP_ERR_TIMEOUT);
	agent_stop(&agent);
}

/* The timer of one frame ran out for whichever frame was incomplete by then. */
static void busy_connection_is_not_late(void **state)
{
	uint8_t notify[1024], bytes[1024];
	size_t len = put_notify(notify, sizeof(notify), 7), half = len / 2;
	struct agent agent;
	double until;
	int fd;

	(void)state;
	agent_start(&agent, "timeout frame 300ms");
	fd = agent_greet(&agent);
	send_all(fd, notify, half);
	for (until = clock_now() + 1; clock_now() < until;) {
		/* the end of one and the beginning of the next: a frame is always incomplete */
		send_all(fd, notify + half, len - half);
		send_all(fd, notify, half);
		assert_int_equal(receive_frame(fd, bytes, sizeof(bytes)).type, SPOP_ACK);
	}
	close(fd);
	agent_stop(&agent);
}

static void idle_connection(void **state)
{
	struct agent agent;
	int fd;

	(void)state;
	agent_start(&agent, "timeout idle 50ms");
	fd = agent_greet(&agent);
	ask_once(fd, 1);
	expect_disconnect(fd, SPOP_ERR_TIMEOUT);
	agent_stop(&agent);
}

/* Who has agreed on nothing yet has no frame that fills memory; the length alone is looked at. */
static void long_hello(void **state)
{
	static const uint8_t longest[] = { 0, 0, 0x3f, 0xfc, SPOP_HAPROXY_HELLO }, longer[] = { 0, 0, 0x3f, 0xfd };
	struct pollfd peer = { .events = POLLIN };
	struct agent agent;

	(void)state;
	agent_start(&agent, "max-frame-size 1048572\n timeout hello 3s");
	peer.fd = agent_connect(&agent);
	send_all(peer.fd, longest, sizeof(longest));
	assert_int_equal(poll(&peer, 1, 1500), 0);
	close(peer.fd);
	peer.fd = agent_connect(&agent);
	send_all(peer.fd, longer, sizeof(longer));
	expect_disconnect(peer.fd, SPOP_ERR_TOO_BIG);
	agent_stop(&agent);
}

static void newcomers_wait(void **state)
{
	uint8_t bytes[512];
	struct agent agent;
	struct pollfd third = { .events = POLLIN };
	double until = clock_now() + PATIENCE;
	struct net_sums sums;
	int first, second;

	(void)state;
	agent_start(&agent, "maxconn 2");
	first = agent_greet(&agent);
	second = agent_greet(&agent);
	third.fd = agent_connect(&agent);
	send_all(third.fd, bytes, put_hello(bytes, sizeof(bytes), 16380));
	ask_once(first, 1);
	assert_int_equal(net_connections(agent.net), 2);
	assert_int_equal(poll(&third, 1, 0), 0);
	do { /* the listener sees it once the second is served */
		assert_true(clock_now() < until);
		net_sum(agent.net, &sums);
	} while (sums.full == 0);
	assert_int_equal(sums.full, 1);
	close(second);
	assert_int_equal(receive_frame(third.fd, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	close(first);
	close(third.fd);
	agent_stop(&agent);
}

static void many_idle(void **state)
{
	enum { MANY = 500 };
	struct agent agent;
	int fds[MANY];

	(void)state;
	agent_start(&agent, "");
	for (size_t i = 0; i < MANY; i++)
		fds[i] = agent_greet(&agent);
	for (size_t i = 0; i < MANY; i++)
		ask_once(fds[i], i + 1);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
	agent_stop(&agent);
}

/* ---- wrong frames ---- */

struct wrong {
	const char *name;
	uint8_t bytes[40];
	size_t len;
	enum spop_error error;
};

static const struct wrong wrongs[] = {
	{ "length_zero", { 0, 0, 0, 0 }, 4, SPOP_ERR_INVALID },
	{ "length_all_ones", { 0xff, 0xff, 0xff, 0xff }, 4, SPOP_ERR_TOO_BIG },
	{ "length_one_over", { 0, 0, 0x3f, 0xfd }, 4, SPOP_ERR_TOO_BIG },
	{ "length_six", { 0, 0, 0, 6 }, 4, SPOP_ERR_INVALID },
	{ "type_unknown", { 0, 0, 0, 7, 42, 0, 0, 0, 1, 1, 1 }, 11, SPOP_ERR_INVALID },
	{ "type_of_an_agent", { 0, 0, 0, 7, SPOP_ACK, 0, 0, 0, 1, 1, 1 }, 11, SPOP_ERR_INVALID },
	{ "hello_again", { 0, 0, 0, 7, SPOP_HAPROXY_HELLO, 0, 0, 0, 1, 0, 0 }, 11, SPOP_ERR_INVALID },
	{ "fragment_of_nothing", { 0, 0, 0, 7, SPOP_UNSET, 0, 0, 0, 1, 1, 1 }, 11, SPOP_ERR_INTERLACED },
	{ "fragments_mixed",
	  { 0, 0, 0, 7, SPOP_NOTIFY, 0, 0, 0, 0, 1, 1, 0, 0, 0, 7, SPOP_UNSET, 0, 0, 0, 1, 2, 1 },
	  22,
	  SPOP_ERR_INTERLACED },
	{ "fragments_of_another_frame",
	  { 0, 0, 0, 7, SPOP_NOTIFY, 0, 0, 0, 0, 1, 1, 0, 0, 0, 7, SPOP_UNSET, 0, 0, 0, 1, 1, 2 },
	  22,
	  SPOP_ERR_INTERLACED },
	{ "payload_ends_early", { 0, 0, 0, 9, SPOP_NOTIFY, 0, 0, 0, 1, 1, 1, 5, 'r' }, 13, SPOP_ERR_INVALID },
	{ "argument_missing",
	  { 0, 0, 0, 14, SPOP_NOTIFY, 0, 0, 0, 1, 1, 1, 5, 'r', 'o', 'u', 't', 'e', 1 },
	  18,
	  SPOP_ERR_INVALID },
	{ "goodbye_of_a_stream", { 0, 0, 0, 7, SPOP_HAPROXY_DISCONNECT, 0, 0, 0, 1, 1, 0 }, 11, SPOP_ERR_INVALID },
	{ "goodbye_of_a_frame", { 0, 0, 0, 7, SPOP_HAPROXY_DISCONNECT, 0, 0, 0, 1, 0, 1 }, 11, SPOP_ERR_INVALID },
	{ "goodbye", { 0, 0, 0, 7, SPOP_HAPROXY_DISCONNECT, 0, 0, 0, 1, 0, 0 }, 11, SPOP_ERR_NONE },
};

static void wrong_frame(void **state)
{
	const struct wrong *wrong = *state;
	struct agent agent;
	int fd;

	agent_start(&agent, "");
	fd = agent_greet(&agent);
	ask_once(fd, 1);
	send_all(fd, wrong->bytes, wrong->len);
	expect_disconnect(fd, wrong->error);
	agent_stop(&agent);
}

/* Silent for a second, then the status: HAProxy up to 3.0 would be back at once. */
static void wrong_hello(void **state)
{
	struct agent agent;
	uint8_t bytes[512];
	int fd;

	(void)state;
	agent_start(&agent, "");
	fd = agent_connect(&agent);
	send_all(fd, bytes, put_notify(bytes, sizeof(bytes), 1));
	expect_disconnect(fd, SPOP_ERR_INVALID);
	fd = agent_connect(&agent);
	send_all(fd, bytes, put_hello(bytes, sizeof(bytes), 255));
	expect_disconnect(fd, SPOP_ERR_BAD_FRAME_SIZE);
	agent_stop(&agent);
}

/* Before HELLO its own limit holds, and what is over it is told from the length alone. */
static void first_frame_too_big(void **state)
{
	static const uint8_t length[] = { 0, 0, 0x10, 0x01 };
	struct agent agent;
	int fd;

	(void)state;
	agent_start(&agent, "max-frame-size 4096");
	fd = agent_connect(&agent);
	send_all(fd, length, sizeof(length));
	expect_disconnect(fd, SPOP_ERR_TOO_BIG);
	agent_stop(&agent);
}

/* ---- what is counted ---- */

static void come_without_hello(struct agent *agent)
{
	expect_disconnect(agent_connect(agent), SPOP_ERR_TIMEOUT);
}

static void come_with_a_wrong_hello(struct agent *agent)
{
	uint8_t bytes[512];
	int fd = agent_connect(agent);

	send_all(fd, bytes, put_hello(bytes, sizeof(bytes), 255));
	expect_disconnect(fd, SPOP_ERR_BAD_FRAME_SIZE);
}

static void say_half_a_frame(struct agent *agent)
{
	int fd = agent_greet(agent);

	send_all(fd, HALF, sizeof(HALF));
	expect_disconnect(fd, SPOP_ERR_TIMEOUT);
}

static void say_a_wrong_frame(struct agent *agent)
{
	static const uint8_t nothing[] = { 0, 0, 0, 0 };
	int fd = agent_greet(agent);

	send_all(fd, nothing, sizeof(nothing));
	expect_disconnect(fd, SPOP_ERR_INVALID);
}

static void say_nothing(struct agent *agent)
{
	expect_disconnect(agent_greet(agent), SPOP_ERR_TIMEOUT);
}

static void say_goodbye_for_an_error(struct agent *agent)
{
	struct spop_writer writer;
	uint8_t bytes[512];
	int fd = agent_greet(agent);

	spop_writer_init(&writer, bytes, sizeof(bytes));
	assert_true(spop_put_disconnect(&writer, SPOP_HAPROXY_DISCONNECT, SPOP_ERR_INVALID,
					SPOP_SLICE("an invalid frame")));
	send_all(fd, bytes, (size_t)(writer.at - bytes));
	expect_disconnect(fd, SPOP_ERR_NONE);
}

/*
 * A peer that asks on and on and reads nothing, until it is closed. What it asks at a time is answered before it asks more, so
 * that the answers, too long for the least output-limit, are one piece of the socket's memory: all of it fits, or nothing.
 */
static void read_nothing(struct agent *agent)
{
	static uint8_t questions[8 * 1024];
	int deaf = agent_greet(agent), other = agent_greet(agent);
	double until = clock_now() + PATIENCE;
	size_t len = 0, at = 0;
	ssize_t sent;

	while (sizeof(questions) - len > 1024)
		len += put_notify(questions + len, sizeof(questions) - len, 1);
	do {
		sent = send(deaf, questions + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0)
			at = (at + (size_t)sent) % len;
		else if (errno != EAGAIN)
			break;
		ask_once(other, 2); /* whoever else is served meanwhile does not notice */
		assert_true(clock_now() < until);
	} while (true);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	close(deaf);
	close(other);
}

static void ask_too_much(struct agent *agent)
{
	static uint8_t piece[16000];
	uint8_t head[] = { 0, 0, 0, 0, SPOP_NOTIFY, 0, 0, 0, 0, 1, 1 };
	size_t said = 0, length = sizeof(piece) + 7;
	uint8_t bytes[512];
	int fd = agent_greet(agent);

	head[2] = (uint8_t)(length >> 8);
	head[3] = (uint8_t)length;
	for (; said <= 1024 * 1024; said += sizeof(piece)) {
		send_all(fd, head, sizeof(head));
		send_all(fd, piece, sizeof(piece));
		head[4] = SPOP_UNSET;
	}
	head[2] = 0;
	head[3] = 7;
	head[8] = SPOP_FIN;
	send_all(fd, head, sizeof(head));
	assert_int_equal(receive_frame(fd, bytes, sizeof(bytes)).type, SPOP_ACK);
	close(fd);
}

struct limit {
	const char *name, *global;
	void (*provoke)(struct agent *agent);
	enum net_count count;
};

static const struct limit limits[] = {
	{ "counts_hello_timeouts", "timeout hello 50ms", come_without_hello, NET_LATE_HELLOS },
	{ "counts_hello_refused", "", come_with_a_wrong_hello, NET_REFUSED },
	{ "counts_frame_timeouts", "timeout frame 50ms", say_half_a_frame, NET_LATE_FRAMES },
	{ "counts_deaf_as_frame_timeouts", "timeout frame 50ms", read_nothing, NET_LATE_FRAMES },
	{ "counts_bad_frames", "", say_a_wrong_frame, NET_BAD_FRAMES },
	{ "counts_idle_timeouts", "timeout idle 50ms", say_nothing, NET_IDLE },
	{ "counts_haproxy_errors", "", say_goodbye_for_an_error, NET_ENDED },
	{ "counts_output_overflows", "output-limit 4096\n timeout frame 1m", read_nothing, NET_OVERFLOWS },
	{ "counts_fragments_dropped", "", ask_too_much, NET_DROPPED },
};

/* What happens is counted once, and as nothing else. */
static void counted(void **state)
{
	const struct limit *limit = *state;
	struct net_sums sums;
	struct agent agent;

	agent_start(&agent, limit->global);
	limit->provoke(&agent);
	net_sum(agent.net, &sums);
	for (enum net_count i = 0; i < NET_COUNTS; i++)
		if (i != NET_NOTIFIES)
			assert_int_equal(sums.counts[i], i == limit->count);
	agent_stop(&agent);
}

/* ---- the end ---- */

static void leaving(void **state)
{
	struct agent agent;
	int idle, half;

	(void)state;
	agent_start(&agent, "");
	idle = agent_greet(&agent);
	half = agent_greet(&agent);
	send_all(half, HALF, sizeof(HALF));
	ask_once(idle, 1);
	net_leave(agent.net, true);
	expect_disconnect(idle, SPOP_ERR_NONE);
	close(half);
	agent_stop(&agent);
}

/* What HAProxy asks while it is about to hear the end is answered, and the end comes in the same piece. */
static void leaving_behind_an_answer(void **state)
{
	uint8_t bytes[1024];
	struct spop_slice in = { bytes, 0 };
	struct spop_frame frame;
	struct agent agent;
	int asking, idle, late;
	ssize_t got;

	(void)state;
	agent_start(&agent, "");
	asking = agent_greet(&agent);
	idle = agent_greet(&agent);
	late = agent_connect(&agent);
	while (net_connections(agent.net) < 3)
		sched_yield();
	net_leave(agent.net, false);
	send_all(asking, bytes, put_notify(bytes, sizeof(bytes), 1));
	got = recv(asking, bytes, sizeof(bytes), 0);
	assert_true(got > 0);
	in.len = (size_t)got;
	assert_int_equal(spop_frame_decode(&in, 1u << 20, &frame), SPOP_OK);
	assert_int_equal(frame.type, SPOP_ACK);
	assert_int_equal(spop_frame_decode(&in, 1u << 20, &frame), SPOP_OK);
	assert_int_equal(frame.type, SPOP_AGENT_DISCONNECT);
	assert_int_equal(in.len, 0);
	/* one that was accepted is greeted, too, and may ask once */
	send_all(late, bytes, put_hello(bytes, sizeof(bytes), 16380));
	assert_int_equal(receive_frame(late, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	send_all(late, bytes, put_notify(bytes, sizeof(bytes), 1));
	assert_int_equal(receive_frame(late, bytes, sizeof(bytes)).type, SPOP_ACK);
	expect_disconnect(late, SPOP_ERR_NONE);
	expect_disconnect(idle, SPOP_ERR_NONE);
	close(asking);
	agent_stop(&agent);
}

/* Its answers are under way when the agent leaves: it hears the end behind them. */
static void leaving_with_answers_under_way(void **state)
{
	static uint8_t bytes[16 * 1024 * 1024];
	uint8_t notify[1024];
	size_t len = put_notify(notify, sizeof(notify), 1), got;
	struct spop_slice in = { bytes, 0 };
	struct spop_frame frame = { .type = SPOP_UNSET };
	struct agent agent;
	unsigned asked = 0, answered = 0, full = 0;
	int fd;

	(void)state;
	agent_start(&agent, "");
	fd = agent_greet(&agent);
	/* until the agent has stopped reading, for it cannot write */
	while (full < 1000) {
		ssize_t sent = send(fd, notify, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(sent == (ssize_t)len || (sent < 0 && errno == EAGAIN));
		asked += sent > 0;
		full = sent > 0 ? 0 : full + 1;
		if (sent < 0)
			sched_yield();
	}
	net_leave(agent.net, true);
	got = receive_all(fd, bytes, sizeof(bytes));
	in.len = got;
	while (spop_frame_decode(&in, 1u << 20, &frame) == SPOP_OK)
		answered += frame.type == SPOP_ACK;
	assert_int_equal(frame.type, SPOP_AGENT_DISCONNECT);
	assert_int_equal(in.len, 0);
	assert_true(answered > 0 && answered <= asked);
	close(fd);
	agent_stop(&agent);
}

static void draining(void **state)
{
	struct spop_hello hello = { .version = SPOP_SLICE("2.0"), .max_frame_size = 16380, .healthcheck = true };
	struct spop_writer writer;
	struct agent agent;
	uint8_t bytes[512];
	int check, asking;

	(void)state;
	agent_start(&agent, "");
	net_drain(agent.net);
	spop_writer_init(&writer, bytes, sizeof(bytes));
	assert_true(spop_put_hello(&writer, &hello));
	check = agent_connect(&agent);
	send_all(check, bytes, (size_t)(writer.at - bytes));
	expect_disconnect(check, SPOP_ERR_NONE);
	asking = agent_greet(&agent);
	ask_once(asking, 1);
	close(asking);
	agent_stop(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_timeout),
		cmocka_unit_test(late_frame),
		cmocka_unit_test(busy_connection_is_not_late),
		cmocka_unit_test(idle_connection),
		cmocka_unit_test(long_hello),
		cmocka_unit_test(newcomers_wait),
		cmocka_unit_test(many_idle),
		cmocka_unit_test(wrong_hello),
		cmocka_unit_test(first_frame_too_big),
		cmocka_unit_test(leaving),
		cmocka_unit_test(leaving_behind_an_answer),
		cmocka_unit_test(leaving_with_answers_under_way),
		cmocka_unit_test(draining),
	};
	struct CMUnitTest each[COUNT(wrongs)], slow[COUNT(trickles)], counting[COUNT(limits)];
	int failed;

	for (size_t i = 0; i < COUNT(wrongs); i++)
		each[i] = (struct CMUnitTest){ .name = wrongs[i].name,
					       .test_func = wrong_frame,
					       .initial_state = (void *)(uintptr_t)&wrongs[i] };
	for (size_t i = 0; i < COUNT(trickles); i++)
		slow[i] = (struct CMUnitTest){ .name = trickles[i].name,
					       .test_func = trickling_is_late,
					       .initial_state = (void *)(uintptr_t)&trickles[i] };
	for (size_t i = 0; i < COUNT(limits); i++)
		counting[i] = (struct CMUnitTest){ .name = limits[i].name,
						   .test_func = counted,
						   .initial_state = (void *)(uintptr_t)&limits[i] };
	failed = _cmocka_run_group_tests("wrong frames", each, COUNT(each), NULL, NULL);
	failed += _cmocka_run_group_tests("what trickles", slow, COUNT(slow), NULL, NULL);
	failed += _cmocka_run_group_tests("what is counted", counting, COUNT(counting), NULL, NULL);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
