/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that go over to another process: both ends, each against a mirror of what the other one says. */
#include "agent.h"

#include <ev.h>

#define MAGIC 0x73706f31u

/* Mirrors the one in bequest.c: another version of the agent has to understand it, so a change is a change of MAGIC. */
struct message {
	uint32_t magic, max_frame_size;
	struct endpoint endpoint;
};

/* An agent with a control loop, as main.c has one, and our end of its channel. */
struct side {
	struct agent agent;
	struct ev_loop *loop;
	ev_async passed;
	int channel;
	bool alone; /* as the heir: told that the one before has ended */
};

static void on_passed(struct ev_loop *loop, ev_async *passed, int events)
{
	(void)loop;
	(void)passed;
	(void)events;
}

static int open_side(struct side *side)
{
	struct timeval patience = { .tv_sec = (time_t)PATIENCE };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	side->loop = ev_loop_new(EVFLAG_NOENV);
	ev_async_init(&side->passed, on_passed);
	ev_async_start(side->loop, &side->passed);
	agent_start(&side->agent, "nbthread 3");
	net_tell_passing(side->agent.net, side->loop, &side->passed);
	side->channel = pair[0];
	return pair[1];
}

static void close_side(struct side *side)
{
	if (side->channel >= 0)
		close(side->channel);
	agent_stop(&side->agent);
	ev_loop_destroy(side->loop);
}

/* It leaves, and what is connected goes to us. */
static void start_testator(struct side *side)
{
	net_bequeath(side->agent.net, open_side(side));
}

static void note_end(void *into)
{
	*(bool *)into = true;
}

static void start_heir(struct side *side)
{
	side->alone = false;
	net_inherit(side->agent.net, side->loop, open_side(side), note_end, &side->alone);
}

/* What comes over the channel; −1: its end. */
static int receive_one(int channel, struct message *message)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
	int fd;

	if (got == 0)
		return -1;
	assert_int_equal(got, sizeof(*message));
	assert_non_null(CMSG_FIRSTHDR(&header));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(fd));
	return fd;
}

/* fd: −1: none. */
static void send_one(int channel, const void *bytes, size_t len, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes, len };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		header.msg_control = control;
		header.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&header) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
							    .cmsg_type = SCM_RIGHTS,
							    .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(channel, &header, MSG_NOSIGNAL), len);
}

static struct message message_of(const struct side *side, uint32_t max_frame_size)
{
	struct message message = { .magic = MAGIC, .max_frame_size = max_frame_size };
	char text[128];

	snprintf(text, sizeof(text), "unix@%s", side->agent.socket);
	assert_null(endpoint_parse(&message.endpoint, text, true, false));
	return message;
}

static void ask(int fd, uint64_t id)
{
	uint8_t bytes[512];

	send_all(fd, bytes, put_notify(bytes, sizeof(bytes), id));
}

static void expect_answer(int fd, uint64_t id)
{
	uint8_t bytes[2048];
	struct spop_frame frame = receive_frame(fd, bytes, sizeof(bytes));

	assert_int_equal(frame.type, SPOP_ACK);
	assert_int_equal(frame.stream_id, id);
}

/* ---- from here ---- */

static void what_is_idle_goes_at_once_as_it_is(void **state)
{
	struct side side;
	struct message message, expected;
	int greeted, fresh, fd;

	(void)state;
	start_testator(&side);
	expected = message_of(&side, 16380);
	greeted = agent_greet(&side.agent);
	ask(greeted, 1);
	expect_answer(greeted, 1);
	net_leave(side.agent.net, false);
	fd = receive_one(side.channel, &message);
	assert_int_equal(message.magic, MAGIC);
	assert_int_equal(message.max_frame_size, 16380);
	assert_true(endpoint_equal(&message.endpoint, &expected.endpoint));
	/* it is the very connection, with nothing said on it */
	send_all(fd, "x", 1);
	assert_int_equal(recv(greeted, &(char){ 0 }, 1, 0), 1);
	close(fd);
	close(greeted);
	/* the channel ends when it has gone */
	fresh = side.channel;
	side.channel = -1;
	close_side(&side);
	assert_int_equal(receive_one(fresh, &message), -1);
	close(fresh);
}

static void half_a_frame_is_answered_first(void **state)
{
	uint8_t bytes[512];
	size_t length = put_notify(bytes, sizeof(bytes), 7);
	struct message message;
	struct side side;
	int idle, half, fd;

	(void)state;
	start_testator(&side);
	half = agent_greet(&side.agent);
	idle = agent_greet(&side.agent);
	ask(half, 6);
	send_all(half, bytes, length / 2);
	expect_answer(half, 6);
	wait_until_read(half); /* else it goes, and the heir reads that */
	net_leave(side.agent.net, false);
	fd = receive_one(side.channel, &message); /* the idle one, whichever came first */
	close(fd);
	assert_int_equal(receive_all(idle, bytes + length, sizeof(bytes) - length), 0);
	assert_int_equal(recv(side.channel, &message, sizeof(message), MSG_DONTWAIT), -1);
	send_all(half, bytes + length / 2, length - length / 2);
	expect_answer(half, 7);
	fd = receive_one(side.channel, &message);
	assert_int_equal(message.max_frame_size, 16380);
	close(fd);
	assert_int_equal(receive_all(half, bytes, sizeof(bytes)), 0);
	close(half);
	close(idle);
	close_side(&side);
}

/* It could not go; so it is ended as without an heir. */
static void an_heir_that_is_gone_inherits_nothing(void **state)
{
	struct side side;
	int fd;

	(void)state;
	start_testator(&side);
	fd = agent_greet(&side.agent);
	close(side.channel);
	side.channel = -1;
	net_leave(side.agent.net, false);
	expect_disconnect(fd, SPOP_ERR_NONE);
	close_side(&side);
}

/* ---- to here ---- */

static void what_comes_is_answered_without_a_hello(void **state)
{
	uint8_t bytes[512];
	struct side side;
	struct message message;
	int known[2], fresh[2];

	(void)state;
	start_heir(&side);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, known), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fresh), 0);
	ask(known[0], 1); /* under way while nobody read */
	message = message_of(&side, 16380);
	send_one(side.channel, &message, sizeof(message), known[1]);
	message = message_of(&side, 0);
	send_one(side.channel, &message, sizeof(message), fresh[1]);
	close(known[1]);
	close(fresh[1]);
	while (net_accepted(side.agent.net) < 2)
		ev_run(side.loop, EVRUN_ONCE);
	expect_answer(known[0], 1);
	ask(known[0], 2);
	expect_answer(known[0], 2);
	send_all(fresh[0], bytes, put_hello(bytes, sizeof(bytes), 1000));
	assert_int_equal(receive_frame(fresh[0], bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	close(known[0]);
	close(fresh[0]);
	close_side(&side);
}

/* Frames are as long as was agreed on with the other process. */
static void the_size_that_was_agreed_on_holds(void **state)
{
	uint8_t bytes[2048] = { 0, 0, 4, 1 };
	struct side side;
	struct message message;
	int pair[2];

	(void)state;
	start_heir(&side);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	message = message_of(&side, 1024);
	send_one(side.channel, &message, sizeof(message), pair[1]);
	close(pair[1]);
	while (net_accepted(side.agent.net) < 1)
		ev_run(side.loop, EVRUN_ONCE);
	send_all(pair[0], bytes, 4 + 1025);
	expect_disconnect(pair[0], SPOP_ERR_TOO_BIG);
	close_side(&side);
}

enum fault { MAGIC_ELSE, TOO_SHORT, NO_DESCRIPTOR, SIZE_TOO_SMALL, SIZE_TOO_LARGE, NO_SUCH_BIND, FAULTS };

/* Whose descriptor it is, it is closed: its peer sees the end. */
static void what_is_no_bequest_is_closed(void **state)
{
	(void)state;
	for (enum fault fault = 0; fault < FAULTS; fault++) {
		struct side side;
		struct message message;
		int pair[2];
		char byte;

		start_heir(&side);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		message = message_of(&side, fault == SIZE_TOO_SMALL   ? 255
					    : fault == SIZE_TOO_LARGE ? UINT32_MAX
								      : 16380);
		if (fault == MAGIC_ELSE)
			message.magic++;
		if (fault == NO_SUCH_BIND)
			message.endpoint.unix_path.sun_path[1] ^= 1;
		send_one(side.channel, &message, fault == TOO_SHORT ? 20 : sizeof(message),
			 fault == NO_DESCRIPTOR ? -1 : pair[1]);
		close(pair[1]);
		shutdown(side.channel, SHUT_WR);
		while (recv(side.channel, &byte, 1, MSG_DONTWAIT) < 0)
			ev_run(side.loop, EVRUN_NOWAIT);
		assert_int_equal(net_accepted(side.agent.net), 0);
		assert_true(side.alone);
		if (fault != NO_DESCRIPTOR)
			assert_int_equal(receive_all(pair[0], (uint8_t *)&message, sizeof(message)), 0);
		close(pair[0]);
		close_side(&side);
	}
}

#ifndef __SANITIZE_THREAD__
/* One agent after the other, many connections that are asked on all the while: no question goes without its answer. */
static void under_load_every_question_is_answered(void **state)
{
	enum { CONNECTIONS = 200 };
	struct side from, to;
	struct message message;
	int fds[CONNECTIONS], gone[CONNECTIONS];

	(void)state;
	start_testator(&from);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		fds[i] = agent_greet(&from.agent);
		ask(fds[i], i);
	}
	net_leave(from.agent.net, false);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		ask(fds[i], 1000 + i);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		gone[i] = receive_one(from.channel, &message);
		assert_true(gone[i] >= 0);
	}
	close_side(&from);
	start_heir(&to);
	/* as between two processes, but for the address, which is each agent's own here */
	message.endpoint = message_of(&to, 0).endpoint;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		send_one(to.channel, &message, sizeof(message), gone[i]);
		close(gone[i]);
		ev_run(to.loop, EVRUN_NOWAIT);
	}
	while (net_accepted(to.agent.net) < CONNECTIONS)
		ev_run(to.loop, EVRUN_ONCE);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		expect_answer(fds[i], i);
		expect_answer(fds[i], 1000 + i);
		close(fds[i]);
	}
	close_side(&to);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_idle_goes_at_once_as_it_is),
		cmocka_unit_test(half_a_frame_is_answered_first),
		cmocka_unit_test(an_heir_that_is_gone_inherits_nothing),
		cmocka_unit_test(what_comes_is_answered_without_a_hello),
		cmocka_unit_test(the_size_that_was_agreed_on_holds),
		cmocka_unit_test(what_is_no_bequest_is_closed),
#ifndef __SANITIZE_THREAD__
		/* In one process the numbers of descriptors that went are used again, while libev may still look at them. */
		cmocka_unit_test(under_load_every_question_is_answered),
#endif
	};

	return cmocka_run_group_tests_name("bequest", tests, NULL, NULL);
}
