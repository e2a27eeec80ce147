/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is owed to an engine on its connections, by the names of the list "an agent is correct when" that the project was
 * begun with; what concerns single frames is tested by libspop's tests under such names.
 */
#include "agent.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "spoa/net/net.h"

#define ROOM (4u * 1024 * 1024)

static struct agent agent;
static uint8_t bytes[ROOM], answer[ROOM];

/* ---- what the agent calls, and the test does not ---- */

static pthread_t tester;
static _Atomic unsigned sends, torn, strange;
static _Atomic size_t last_sent;
static _Atomic int64_t ahead; /* nanoseconds: how far all clocks are */
static _Atomic int64_t leap;  /* and by how much more after each look at them */

/* What an agent may say at all: three types, FIN alone, ids where they belong. */
static bool is_an_agents(const struct spop_frame *frame)
{
	bool of_a_stream = frame->stream_id != 0 || frame->frame_id != 0;

	return frame->flags == SPOP_FIN &&
	       (frame->type == SPOP_ACK ? of_a_stream
					: !of_a_stream && (frame->type == SPOP_AGENT_HELLO ||
							   frame->type == SPOP_AGENT_DISCONNECT));
}

static void look_at(const void *from, size_t len)
{
	struct spop_slice in = { from, len };
	struct spop_frame frame;

	while (in.len > 0) {
		if (spop_frame_decode(&in, ROOM, &frame) != SPOP_OK) {
			torn++;
			return;
		}
		strange += !is_an_agents(&frame);
	}
}

/* Nobody here is so deaf that the kernel would take less than a whole frame. */
ssize_t send(int fd, const void *from, size_t len, int flags)
{
	struct stat kind;

	/* lines of the log are sent first, too */
	if (!pthread_equal(pthread_self(), tester) && fstat(fd, &kind) == 0 && S_ISSOCK(kind.st_mode)) {
		sends++;
		last_sent = len;
		look_at(from, len);
	}
	return syscall(SYS_sendto, fd, from, len, flags, NULL, 0);
}

/* libev's looks, too, and at the thread's own time. */
int clock_gettime(clockid_t clock, struct timespec *to)
{
	int result = (int)syscall(SYS_clock_gettime, clock, to);
	int64_t all;

	if (result < 0 || clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID)
		return result;
	if (leap && !pthread_equal(pthread_self(), tester))
		ahead += leap;
	all = to->tv_nsec + ahead;
	to->tv_sec += all / 1000000000;
	to->tv_nsec = all % 1000000000;
	return 0;
}

/* ---- asking ---- */

static struct spop_slice text(const char *string)
{
	return (struct spop_slice){ (const uint8_t *)string, strlen(string) };
}

static size_t put_message(uint8_t *to, uint64_t stream, uint64_t frame, const char *name, const char *path)
{
	struct spop_value get = { SPOP_STRING, { .bytes = SPOP_SLICE("GET") } };
	struct spop_value value = { SPOP_STRING, { .bytes = text(path) } };
	struct spop_writer writer;

	spop_writer_init(&writer, to, ROOM);
	spop_frame_begin(&writer, SPOP_NOTIFY, stream, frame);
	spop_put_message(&writer, text(name), 2);
	spop_put_argument(&writer, SPOP_SLICE("method"), &get);
	spop_put_argument(&writer, SPOP_SLICE("path"), &value);
	assert_true(spop_frame_end(&writer, 65536));
	return (size_t)(writer.at - to);
}

static size_t put_piece(uint8_t *to, enum spop_frame_type type, uint32_t flags, uint64_t stream, struct spop_slice part)
{
	struct spop_writer writer;

	spop_writer_init(&writer, to, ROOM);
	spop_frame_begin_flags(&writer, type, flags, stream, 1);
	spop_put_bytes(&writer, part.ptr, part.len);
	assert_true(spop_frame_end(&writer, 16380));
	return (size_t)(writer.at - to);
}

static struct spop_frame ask(int fd, uint64_t stream, uint64_t frame, const char *name, const char *path)
{
	send_all(fd, bytes, put_message(bytes, stream, frame, name, path));
	return receive_frame(fd, answer, ROOM);
}

static bool get_variable(struct spop_slice payload, const char *name, struct spop_value *value)
{
	struct spop_action action;

	while (spop_take_action(&payload, &action)) {
		if (action.name.len != strlen(name) || memcmp(action.name.ptr, name, action.name.len) != 0)
			continue;
		*value = action.value;
		return true;
	}
	return false;
}

static void expect_reason(const struct spop_frame *ack, const char *reason)
{
	struct spop_value value;

	assert_int_equal(ack->type, SPOP_ACK);
	assert_true(get_variable(ack->payload, "reason", &value));
	assert_int_equal(value.bytes.len, strlen(reason));
	assert_memory_equal(value.bytes.ptr, reason, value.bytes.len);
}

/* ---- ACKs ---- */

static void ack_ids_echo(void **state)
{
	static const uint64_t ids[] = { 1, 239, 240, 2287, 2288, 1ull << 32, UINT64_MAX };
	int fd = agent_greet(&agent);

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		struct spop_frame ack = ask(fd, ids[i], ids[COUNT(ids) - 1 - i], "route", "/a");

		expect_reason(&ack, "redirect");
		assert_int_equal(ack.stream_id, ids[i]);
		assert_int_equal(ack.frame_id, ids[COUNT(ids) - 1 - i]);
	}
	close(fd);
}

/* Known and unknown messages, good and bad paths: as many ACKs as NOTIFYs, in their order, and nothing else. */
static void ack_exactly_once(void **state)
{
	static const char *const messages[] = { "route", "nobody", "m", "route" };
	static const char *const paths[] = { "/a", "/a", "no-slash", "*", "/a\r\nb", "" };
	enum { MANY = 240 };
	int fd = agent_greet(&agent);
	struct spop_slice in = { answer, 0 };
	struct spop_frame frame;
	size_t len = 0;
	uint64_t id = 0;

	(void)state;
	for (uint64_t i = 1; i <= MANY; i++)
		len += put_message(bytes + len, i, 1, messages[i % COUNT(messages)], paths[i % COUNT(paths)]);
	send_all(fd, bytes, len);
	shutdown(fd, SHUT_WR);
	in.len = receive_all(fd, answer, ROOM);
	while (spop_frame_decode(&in, 16380, &frame) == SPOP_OK) {
		assert_int_equal(frame.type, SPOP_ACK);
		assert_int_equal(frame.flags, SPOP_FIN);
		assert_int_equal(frame.stream_id, ++id);
	}
	assert_int_equal(id, MANY);
	assert_int_equal(in.len, 0);
	close(fd);
}

/* Nothing but a NOTIFY is ever answered by an ACK. */
static void ack_never_for_others(void **state)
{
	int fd = agent_greet(&agent);
	size_t len = put_message(bytes, 7, 1, "route", "/a"), got;
	struct spop_slice in = { answer, 0 };
	struct spop_frame frame;

	(void)state;
	len += put_piece(bytes + len, SPOP_HAPROXY_DISCONNECT, SPOP_FIN, 0, (struct spop_slice){ NULL, 0 });
	bytes[len - 1] = 0; /* its frame id */
	len += put_message(bytes + len, 8, 1, "route", "/a");
	send_all(fd, bytes, len);
	got = in.len = receive_all(fd, answer, ROOM);
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(frame.stream_id, 7);
	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(frame.type, SPOP_AGENT_DISCONNECT);
	assert_true(got > 0 && in.len == 0);
	close(fd);
}

static void ack_keyed_per_connection(void **state)
{
	int one = agent_greet(&agent), two = agent_greet(&agent);
	struct spop_frame ack;

	(void)state;
	send_all(one, bytes, put_message(bytes, 1, 1, "route", "/one"));
	ack = ask(two, 1, 1, "route", "no-slash");
	expect_reason(&ack, "bad-request");
	ack = receive_frame(one, answer, ROOM);
	expect_reason(&ack, "redirect");
	close(one);
	close(two);
}

/* Each is decided at once, so none waits for another: the order is that of the questions. */
static void ack_out_of_order(void **state)
{
	ack_exactly_once(state);
}

static void ack_size(void **state)
{
	char path[240];
	int fd = agent_connect(&agent);
	struct spop_frame ack;
	struct spop_value value;

	(void)state;
	send_all(fd, bytes, put_hello(bytes, ROOM, 256));
	assert_int_equal(receive_frame(fd, answer, ROOM).type, SPOP_AGENT_HELLO);
	for (size_t length = 1; length < 200; length++) {
		memset(path, 'a', length);
		path[0] = '/';
		path[length] = 0;
		ack = ask(fd, length, 1, "route", path);
		assert_true(ack.payload.len < 256);
		assert_true(get_variable(ack.payload, "reason", &value));
		if (!get_variable(ack.payload, "location", &value))
			expect_reason(&ack, "bad-request");
	}
	expect_reason(&ack, "bad-request");
	close(fd);
}

static void ack_var_names(void **state)
{
	int fd = agent_greet(&agent);
	struct spop_frame ack = ask(fd, 1, 1, "route", "/a");
	struct spop_action action;
	unsigned n = 0;

	(void)state;
	for (; spop_take_action(&ack.payload, &action); n++) {
		assert_int_equal(action.scope, SPOP_TXN);
		assert_in_range(action.name.len, 1, 24);
		for (size_t i = 0; i < action.name.len; i++)
			assert_true(strchr("abcdefghijklmnopqrstuvwxyz_.", action.name.ptr[i]));
	}
	assert_int_equal(n, 5);
	close(fd);
}

static void ack_nonempty_option(void **state)
{
	int fd = agent_greet(&agent);
	struct spop_frame ack = ask(fd, 1, 1, "nobody", "/a");

	(void)state;
	expect_reason(&ack, "no-rule");
	close(fd);
}

static void ack_no_ctl(void **state)
{
	int fd = agent_greet(&agent);
	char path[] = "/a?b";
	struct spop_value value;
	struct spop_frame ack;

	(void)state;
	for (unsigned byte = 1; byte < 256; byte++) {
		path[2] = (char)byte;
		ack = ask(fd, byte, 1, "route", path);
		if (!get_variable(ack.payload, "location", &value)) {
			assert_true(byte == '\r' || byte == '\n');
			continue;
		}
		assert_true(value.bytes.len > 22);
		assert_memory_equal(value.bytes.ptr, "https://w1.example.com/a", 24);
		for (size_t i = 0; i < value.bytes.len; i++)
			assert_true(value.bytes.ptr[i] > ' ' && value.bytes.ptr[i] < 0x7f &&
				    !strchr("\\\"<>#", value.bytes.ptr[i]));
	}
	close(fd);
}

/* ---- writes ---- */

/* The next frames, which end in one of this type, have left in one piece. */
static void expect_one_write(int fd, unsigned before, size_t frames, enum spop_frame_type type)
{
	struct spop_frame frame = { .type = SPOP_UNSET };
	size_t got = 0;

	for (size_t i = 0; i < frames; i++) {
		frame = receive_frame(fd, answer, ROOM);
		got += (size_t)(frame.payload.ptr + frame.payload.len - answer);
	}
	assert_int_equal(frame.type, type);
	assert_int_equal(sends, before + 1);
	assert_int_equal(last_sent, got);
}

static size_t put_check(uint8_t *to)
{
	struct spop_hello hello = { .version = SPOP_SLICE("2.0"), .max_frame_size = 16380, .healthcheck = true };
	struct spop_writer writer;

	spop_writer_init(&writer, to, ROOM);
	assert_true(spop_put_hello(&writer, &hello));
	return (size_t)(writer.at - to);
}

static int hello_in_one_write(size_t len)
{
	int fd = agent_connect(&agent);
	unsigned before = sends;

	send_all(fd, bytes, len);
	expect_one_write(fd, before, 1, SPOP_AGENT_HELLO);
	return fd;
}

static void disconnect_in_one_write(int fd, const uint8_t *wrong, size_t len)
{
	unsigned before = sends;

	send_all(fd, wrong, len);
	expect_one_write(fd, before, 1, SPOP_AGENT_DISCONNECT);
	assert_int_equal(receive_all(fd, answer, ROOM), 0);
	close(fd);
}

static void frame_single_write(void **state)
{
	static const uint8_t nonsense[] = { 0, 0, 0, 3 }, goodbye[] = { 0, 0, 0, 7, 2, 0, 0, 0, 1, 0, 0 };
	enum { MANY = 20 };
	size_t len = 0;
	unsigned before;
	int fd;

	(void)state;
	close(hello_in_one_write(put_check(bytes)));
	disconnect_in_one_write(hello_in_one_write(put_hello(bytes, ROOM, 16380)), nonsense, sizeof(nonsense));
	disconnect_in_one_write(hello_in_one_write(put_hello(bytes, ROOM, 16380)), goodbye, sizeof(goodbye));
	disconnect_in_one_write(agent_connect(&agent), nonsense, sizeof(nonsense));
	fd = hello_in_one_write(put_hello(bytes, ROOM, 16380));
	for (uint64_t i = 1; i <= MANY; i++)
		len += put_message(bytes + len, i, 1, "route", "/a");
	before = sends;
	send_all(fd, bytes, len);
	expect_one_write(fd, before, MANY, SPOP_ACK);
	/* with the end behind it */
	len = put_message(bytes, 1, 1, "route", "/a");
	len += put_piece(bytes + len, SPOP_HAPROXY_DISCONNECT, SPOP_FIN, 0, (struct spop_slice){ NULL, 0 });
	bytes[len - 1] = 0; /* its frame id */
	before = sends;
	send_all(fd, bytes, len);
	expect_one_write(fd, before, 2, SPOP_AGENT_DISCONNECT);
	close(fd);
}

static void wait_until_refused(const struct agent *refusing, uint64_t n)
{
	double until = clock_now() + PATIENCE;
	struct net_sums sums;

	do {
		assert_true(clock_now() < until);
		sched_yield();
		net_sum(refusing->net, &sums);
	} while (sums.counts[NET_REFUSED] < n);
}

/* Whose HELLO has not come, or was refused a moment ago, is told as well. */
static void leaving_before_hello(void **state)
{
	struct agent leaving;
	int silent, refused;

	(void)state;
	agent_start(&leaving, "");
	silent = agent_connect(&leaving);
	refused = agent_connect(&leaving);
	send_all(refused, bytes, put_message(bytes, 1, 1, "route", "/a"));
	wait_until_refused(&leaving, 1);
	net_leave(leaving.net, true);
	expect_disconnect(refused, SPOP_ERR_INVALID);
	expect_disconnect(silent, SPOP_ERR_NONE);
	agent_stop(&leaving);
}

/* The end that the agent itself wants. */
static void leaving_in_one_write(void **state)
{
	struct agent leaving;
	unsigned before;
	int fd;

	(void)state;
	agent_start(&leaving, "");
	fd = agent_greet(&leaving);
	net_leave(leaving.net, false);
	before = sends;
	send_all(fd, bytes, put_message(bytes, 1, 1, "route", "/a"));
	expect_one_write(fd, before, 2, SPOP_AGENT_DISCONNECT);
	close(fd);
	agent_stop(&leaving);
}

/* In all that the other tests here were answered. */
static void no_write_tears_a_frame(void **state)
{
	(void)state;
	assert_true(sends > 0);
	assert_int_equal(torn, 0);
}

static void nothing_else_is_ever_sent(void **state)
{
	(void)state;
	assert_true(sends > 0);
	assert_int_equal(strange, 0);
}

/* The agent says nothing before it has heard what HAProxy offers. */
static void hello_second(void **state)
{
	size_t len = put_hello(bytes, ROOM, 16380);
	int fd = agent_connect(&agent), other;
	unsigned before = sends;

	(void)state;
	send_all(fd, bytes, len - 1);
	wait_until_read(fd);
	other = agent_greet(&agent); /* so long its worker has had time for it */
	ask(other, 1, 1, "route", "/a");
	len = put_hello(bytes, ROOM, 16380);
	assert_int_equal(recv(fd, answer, 1, MSG_DONTWAIT), -1);
	assert_int_equal(sends, before + 2);
	send_all(fd, bytes + len - 1, 1);
	assert_int_equal(receive_frame(fd, answer, ROOM).type, SPOP_AGENT_HELLO);
	close(other);
	close(fd);
}

/* ---- fragments ---- */

static struct spop_slice a_payload(uint8_t *room)
{
	struct spop_slice in = { room, put_message(room, 1, 1, "route", "/a") };
	struct spop_frame frame;

	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	return frame.payload;
}

static void frag_reassembly(void **state)
{
	static uint8_t room[512];
	struct spop_slice whole = a_payload(room);
	int fd = agent_greet(&agent);

	(void)state;
	for (size_t at = 0; at <= whole.len; at++) {
		struct spop_slice first = { whole.ptr, at }, rest = { whole.ptr + at, whole.len - at };
		size_t len = put_piece(bytes, SPOP_NOTIFY, 0, at + 1, first);
		struct spop_frame ack;

		len += put_piece(bytes + len, SPOP_UNSET, SPOP_FIN, at + 1, rest);
		send_all(fd, bytes, len);
		ack = receive_frame(fd, answer, ROOM);
		expect_reason(&ack, "redirect");
		assert_int_equal(ack.stream_id, at + 1);
	}
	close(fd);
}

static void frag_abort(void **state)
{
	static uint8_t room[512];
	int fd = agent_greet(&agent);
	size_t len = put_piece(bytes, SPOP_NOTIFY, 0, 1, a_payload(room));
	struct spop_frame ack;

	(void)state;
	len += put_piece(bytes + len, SPOP_UNSET, SPOP_FIN | SPOP_ABORT, 1, (struct spop_slice){ NULL, 0 });
	send_all(fd, bytes, len);
	ack = ask(fd, 2, 1, "route", "/a");
	assert_int_equal(ack.stream_id, 2); /* the first got none */
	close(fd);
}

static void notify_abort(void **state)
{
	static uint8_t room[512];
	int fd = agent_greet(&agent);
	struct spop_frame ack;

	(void)state;
	send_all(fd, bytes, put_piece(bytes, SPOP_NOTIFY, SPOP_FIN | SPOP_ABORT, 1, a_payload(room)));
	ack = ask(fd, 2, 1, "route", "/a");
	assert_int_equal(ack.stream_id, 2); /* the first got none */
	close(fd);
}

/* So many bytes in all, which are no message; the last piece has the flags. */
static void send_pieces(int fd, uint64_t stream, size_t total, uint32_t flags)
{
	static uint8_t much[16000];
	size_t left = total;

	memset(much, 0xff, sizeof(much));
	for (; left > sizeof(much); left -= sizeof(much))
		send_all(fd, bytes,
			 put_piece(bytes, left == total ? SPOP_NOTIFY : SPOP_UNSET, 0, stream,
				   (struct spop_slice){ much, sizeof(much) }));
	send_all(fd, bytes, put_piece(bytes, SPOP_UNSET, flags, stream, (struct spop_slice){ much, left }));
}

static uint64_t dropped(void)
{
	struct net_sums sums;

	net_sum(agent.net, &sums);
	return sums.counts[NET_DROPPED];
}

/*
 * One over the bound is answered when it has come to its end, as any is: an ACK before that has HAProxy 2.6 to 3.0 fail the
 * requests behind it (tests/vtc/spop/fragments-too-long.vtc).
 */
static void frag_limits(void **state)
{
	int fd = agent_greet(&agent);
	uint64_t before = dropped();
	struct spop_frame ack;

	(void)state;
	send_pieces(fd, 1, 1024 * 1024 + 1, SPOP_FIN);
	ack = receive_frame(fd, answer, ROOM);
	expect_reason(&ack, "bad-request");
	assert_int_equal(ack.stream_id, 1);
	assert_int_equal(ack.flags, SPOP_FIN);
	assert_int_equal(dropped(), before + 1);

	/* HAProxy gives it up: no answer, now as when it is kept */
	send_pieces(fd, 2, 2 * 1024 * 1024, SPOP_FIN | SPOP_ABORT);
	ack = ask(fd, 3, 1, "route", "/a");
	expect_reason(&ack, "redirect");
	assert_int_equal(ack.stream_id, 3);
	assert_int_equal(dropped(), before + 2);

	/* the next is measured on its own, and read: that is no message */
	send_pieces(fd, 4, 1024 * 1024, SPOP_FIN);
	expect_disconnect(fd, SPOP_ERR_INVALID);
	assert_int_equal(dropped(), before + 2);
}

/* ---- connections ---- */

static unsigned raise_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur < UINT32_MAX ? (unsigned)limit.rlim_cur : UINT32_MAX;
}

static void close_isolated(void **state)
{
	static const uint8_t nonsense[] = { 0, 0, 0, 3 };
	int good = agent_greet(&agent), bad = agent_greet(&agent);
	struct spop_frame ack;

	(void)state;
	send_all(good, bytes, put_message(bytes, 1, 1, "route", "/a") - 3);
	send_all(bad, nonsense, sizeof(nonsense));
	expect_disconnect(bad, SPOP_ERR_INVALID);
	put_message(bytes, 1, 1, "route", "/a");
	send_all(good, bytes + put_message(bytes, 1, 1, "route", "/a") - 3, 3);
	ack = receive_frame(good, answer, ROOM);
	expect_reason(&ack, "redirect");
	close(good);
}

static void burst_accept(void **state)
{
	enum { MANY = 1000 };
	static int fds[MANY];
	size_t len;

	(void)state;
	if (raise_descriptors() < 2 * MANY + 100)
		skip();
	len = put_hello(bytes, ROOM, 16380);
	len += put_message(bytes + len, 1, 1, "route", "/a");
	for (size_t i = 0; i < MANY; i++) {
		fds[i] = agent_connect(&agent);
		send_all(fds[i], bytes, len);
	}
	for (size_t i = 0; i < MANY; i++) {
		struct spop_frame ack;

		assert_int_equal(receive_frame(fds[i], answer, ROOM).type, SPOP_AGENT_HELLO);
		ack = receive_frame(fds[i], answer, ROOM);
		expect_reason(&ack, "redirect");
		close(fds[i]);
	}
}

/* All clocks go on by so much, and the agent notices. */
static void let_time_pass(double seconds, int other)
{
	ahead += (int64_t)(seconds * 1e9);
	for (uint64_t i = 1; i <= 2; i++)
		ask(other, i, 1, "route", "/a");
}

/* No time of the agent's own ends a connection: not that of its HELLO, of its last frame, nor any other. */
static void idle_forever(void **state)
{
	static const double pauses[] = { 1, 9, 11, 59, 61, 600, 3600, 24 * 3600, 30 * 24 * 3600 };
	int idle = agent_greet(&agent), silent = agent_greet(&agent), other = agent_greet(&agent);
	struct spop_frame ack = ask(idle, 1, 1, "route", "/a");

	(void)state;
	for (size_t i = 0; i < COUNT(pauses); i++) {
		let_time_pass(pauses[i], other);
		ack = ask(idle, i + 2, 1, "route", "/a");
		expect_reason(&ack, "redirect");
	}
	ack = ask(silent, 1, 1, "route", "/a");
	expect_reason(&ack, "redirect");
	close(idle);
	close(silent);
	close(other);
}

/* But what is configured does, so that the above would notice. */
static void idle_until_configured(void **state)
{
	struct agent limited;
	struct spop_frame ack;
	int idle, other;

	(void)state;
	agent_start(&limited, "timeout idle 1h");
	idle = agent_greet(&limited);
	other = agent_greet(&limited);
	let_time_pass(3500, other);
	ack = ask(idle, 1, 1, "route", "/a");
	expect_reason(&ack, "redirect");
	let_time_pass(3500, other);
	let_time_pass(200, other);
	expect_disconnect(idle, SPOP_ERR_TIMEOUT);
	close(other);
	agent_stop(&limited);
}

/* All that came, and what had begun to come, before it leaves. */
static void disco_after_acks(void **state)
{
	enum { MANY = 50 };
	struct agent leaving;
	struct spop_frame ack;
	size_t len = 0, half;
	int fd;

	(void)state;
	agent_start(&leaving, "");
	fd = agent_greet(&leaving);
	for (uint64_t i = 1; i <= MANY; i++)
		len += put_message(bytes + len, i, 1, "route", "/a");
	half = len - 20;
	send_all(fd, bytes, half);
	for (uint64_t i = 1; i <= MANY; i++) {
		if (i == 2) { /* the others are answered by now, or wait, and half of the last one is there */
			net_leave(leaving.net, true);
			send_all(fd, bytes + half, len - half);
		}
		ack = receive_frame(fd, answer, ROOM);
		expect_reason(&ack, "redirect");
		assert_int_equal(ack.stream_id, i);
	}
	expect_disconnect(fd, SPOP_ERR_NONE);
	agent_stop(&leaving);
}

/* The same where it leaves already: the end is not said with an answer that half a NOTIFY follows. */
static void disco_after_half_a_notify(void **state)
{
	struct agent leaving;
	struct spop_frame ack;
	size_t first, len;
	int fd;

	(void)state;
	agent_start(&leaving, "");
	fd = agent_greet(&leaving);
	net_leave(leaving.net, false);
	first = put_message(bytes, 1, 1, "route", "/a");
	len = first + put_message(bytes + first, 2, 1, "route", "/a");
	send_all(fd, bytes, len - 20);
	ack = receive_frame(fd, answer, ROOM);
	assert_int_equal(ack.stream_id, 1);
	send_all(fd, bytes + len - 20, 20);
	ack = receive_frame(fd, answer, ROOM);
	expect_reason(&ack, "redirect");
	assert_int_equal(ack.stream_id, 2);
	expect_disconnect(fd, SPOP_ERR_NONE);
	agent_stop(&leaving);
}

/* ---- time for one NOTIFY ---- */

/* Regexes that pass over the whole text, none of them up to its own limit, in two frontends: very many, and some. */
static void start_slow(struct agent *slow)
{
	static char global[64 * 1024];
	size_t len = 0;

	for (unsigned i = 0; i < 240; i++) {
		if (i == 0 || i == 40)
			len += (size_t)sprintf(global + len, "frontend %s\n  bind unix@/tmp/spoa-unit-%ld.sock\n",
					       i == 0 ? "some" : "many", (long)getpid());
		len += (size_t)sprintf(global + len, "  acl slow path_reg ^/(?=[ab])a*[b-y]{0,%u}(?!.)\n", 1 + i % 40);
		if (i == 39 || i == 239)
			len += (size_t)sprintf(global + len, "  use_backend web if slow\n  default_backend web\n");
	}
	agent_start(slow, global);
	snprintf(slow->socket, sizeof(slow->socket), "/tmp/spoa-unit-%ld.sock", (long)getpid());
}

static uint64_t given_up(const struct agent *slow)
{
	struct net_sums sums;

	net_sum(slow->net, &sums);
	return sums.regex_limits;
}

static size_t put_messages(uint8_t *to, unsigned n, const char *name, const char *path)
{
	struct spop_value get = { SPOP_STRING, { .bytes = SPOP_SLICE("GET") } };
	struct spop_value value = { SPOP_STRING, { .bytes = text(path) } };
	struct spop_writer writer;

	spop_writer_init(&writer, to, ROOM);
	spop_frame_begin(&writer, SPOP_NOTIFY, 1, 1);
	while (n-- > 0) {
		spop_put_message(&writer, text(name), 2);
		spop_put_argument(&writer, SPOP_SLICE("method"), &get);
		spop_put_argument(&writer, SPOP_SLICE("path"), &value);
	}
	assert_true(spop_frame_end(&writer, 16380));
	return (size_t)(writer.at - to);
}

/* But where something else takes the processor so long. */
static void expect_no_deadline(int fd, const char *name)
{
	struct spop_frame ack = ask(fd, 1, 1, name, "/aaaa!");
	struct spop_value reason;

	for (unsigned i = 0; i < 20 && get_variable(ack.payload, "reason", &reason) && reason.bytes.len != strlen("redirect");
	     i++)
		ack = ask(fd, 1, 1, name, "/aaaa!");
	expect_reason(&ack, "redirect");
}

/*
 * However slow the rules could be, the answer comes: at a deadline that all messages of a NOTIFY have together the rest is
 * given up, and nobody is redirected. HAProxy waits for 100 ms, as the examples have it; here each look at the clock takes one.
 */
static void latency_bound(void **state)
{
	struct agent slow;
	struct spop_frame ack;
	uint64_t before;
	int64_t began;
	int fd;

	(void)state;
	start_slow(&slow);
	fd = agent_greet(&slow);
	expect_no_deadline(fd, "many");
	before = given_up(&slow);

	leap = 1000000;
	ack = ask(fd, 2, 1, "many", "/aaaa!");
	expect_reason(&ack, "bad-request");
	assert_int_equal(given_up(&slow), before + 1);
	began = ahead;
	send_all(fd, bytes, put_messages(bytes, 40, "many", "/aaaa!"));
	ack = receive_frame(fd, answer, ROOM);
	expect_reason(&ack, "bad-request");
	assert_true(ahead - began < 50 * (int64_t)1000000);
	/* so few are run to their end, unless the text is long */
	expect_no_deadline(fd, "some");
	before = given_up(&slow);
	memset(answer, 'a', 5000);
	answer[0] = '/';
	answer[4999] = '!';
	answer[5000] = 0;
	ack = ask(fd, 4, 1, "some", (const char *)answer);
	expect_reason(&ack, "bad-request");
	assert_int_equal(given_up(&slow), before + 1);
	leap = 0;
	close(fd);
	agent_stop(&slow);
}

/* Nor does one regex that is never done. */
static void latency_bound_of_one_regex(void **state)
{
	char path[4000], global[400];
	struct agent slow;
	struct spop_frame ack;
	int fd;

	(void)state;
	snprintf(global, sizeof(global),
		 "frontend slow\n  bind unix@/tmp/spoa-unit-%ld.sock\n"
		 "  use_backend web if { path_reg ^/(?=a)(a+)+(?!.) }\n  default_backend web",
		 (long)getpid());
	agent_start(&slow, global);
	snprintf(slow.socket, sizeof(slow.socket), "/tmp/spoa-unit-%ld.sock", (long)getpid());
	fd = agent_greet(&slow);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 2] = '!';
	path[sizeof(path) - 1] = 0;
	ack = ask(fd, 1, 1, "slow", path);
	expect_reason(&ack, "bad-request");
	assert_int_equal(given_up(&slow), 1);
	close(fd);
	agent_stop(&slow);
}

/* ---- the log ---- */

static int saved_stdout, log_file;

static void start_logged(struct agent *logged)
{
	char name[] = "/tmp/spoa-unit-log-XXXXXX";

	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	log_file = mkstemp(name);
	unlink(name);
	dup2(log_file, STDOUT_FILENO);
	agent_start(logged, "log stdout format raw daemon notice");
}

/* How many lines the agent has logged, its sums at the end left out. */
static unsigned stop_logged(struct agent *logged)
{
	unsigned lines = 0;
	ssize_t len;

	agent_stop(logged);
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
	len = pread(log_file, answer, ROOM, 0);
	close(log_file);
	for (ssize_t i = 0; i < len; i++)
		lines += answer[i] == '\n';
	return lines;
}

static void wait_until_gone(const struct agent *logged)
{
	for (double until = clock_now() + PATIENCE; net_connections(logged->net) > 0;)
		assert_true(clock_now() < until);
}

/* It is answered, and nothing behind it; that HAProxy ends it by a reset is no news. */
static void hello_healthcheck(void **state)
{
	struct linger reset = { .l_onoff = 1 };
	struct agent logged;
	size_t len = put_check(bytes);
	unsigned lines;
	int fd;

	(void)state;
	start_logged(&logged);
	fd = agent_connect(&logged);
	send_all(fd, bytes, len);
	assert_int_equal(receive_frame(fd, answer, ROOM).type, SPOP_AGENT_HELLO);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	fd = agent_connect(&logged);
	len = put_check(bytes);
	len += put_message(bytes + len, 1, 1, "route", "/a");
	send_all(fd, bytes, len);
	assert_int_equal(receive_frame(fd, answer, ROOM).type, SPOP_AGENT_HELLO);
	assert_int_equal(receive_all(fd, answer, ROOM), 0);
	close(fd);
	wait_until_gone(&logged);
	lines = stop_logged(&logged);
	assert_int_equal(lines, 0);
}

static size_t put_disconnect(enum spop_error error)
{
	struct spop_writer writer;

	spop_writer_init(&writer, bytes, ROOM);
	assert_true(spop_put_disconnect(&writer, SPOP_HAPROXY_DISCONNECT, error, SPOP_SLICE("because")));
	return (size_t)(writer.at - bytes);
}

/* What HAProxy ends for a reason of its own is no news, what it blames us for is. */
static void disconnect_logged(void **state)
{
	static const struct {
		enum spop_error error;
		unsigned lines;
	} cases[] = { { SPOP_ERR_NONE, 0 }, { SPOP_ERR_TIMEOUT, 0 }, { SPOP_ERR_INVALID, 1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agent logged;
		int fd;

		start_logged(&logged);
		fd = agent_greet(&logged);
		send_all(fd, bytes, put_disconnect(cases[i].error));
		expect_disconnect(fd, SPOP_ERR_NONE);
		wait_until_gone(&logged);
		assert_int_equal(stop_logged(&logged), cases[i].lines);
	}
}

static void close_quiet(void **state)
{
	struct linger reset = { .l_onoff = 1 };
	struct agent logged;
	unsigned lines;
	int fd;

	(void)state;
	start_logged(&logged);
	fd = agent_greet(&logged);
	close(fd);
	fd = agent_greet(&logged);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	wait_until_gone(&logged);
	lines = stop_logged(&logged);
	assert_int_equal(lines, 0);

	start_logged(&logged);
	fd = agent_greet(&logged);
	send_all(fd, bytes, put_message(bytes, 1, 1, "route", "/a") - 1);
	close(fd);
	wait_until_gone(&logged);
	lines = stop_logged(&logged);
	assert_int_equal(lines, 1);
}

static double cpu_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Nobody hears anything before that, and the agent does nothing meanwhile. */
static void expect_silence(struct pollfd *peers, const double *asked, size_t n, double seconds)
{
	double began = clock_now(), used = cpu_seconds();
	size_t first = 0;

	assert_true(poll(peers, n, (int)(PATIENCE * 1000)) > 0);
	used = cpu_seconds() - used;
	while (!peers[first].revents)
		first++;
	assert_true(clock_now() - asked[first] > seconds);
	if (clock_now() - began > seconds / 4) /* else the test itself was slow */
		assert_true(used < (clock_now() - began) / 2);
}

/* HAProxy up to 3.0 would come back at once: nothing is said for a second, and little is logged. */
static void refuse_slowly(void **state)
{
	enum { MANY = 1000, MORE = 200 };
	static struct pollfd peers[MANY + MORE];
	static double asked[MANY + MORE];
	struct agent logged;
	unsigned lines;
	bool slow;

	(void)state;
	if (raise_descriptors() < 2 * (MANY + MORE) + 100)
		skip();
	start_logged(&logged);
	for (size_t i = 0; i < MANY + MORE; i++) {
		if (i == MANY)
			wait_until_refused(&logged, MANY);
		peers[i] = (struct pollfd){ .fd = agent_connect(&logged), .events = POLLIN };
		asked[i] = clock_now();
		send_all(peers[i].fd, bytes, put_message(bytes, 1, 1, "route", "/a"));
	}
	slow = clock_now() - asked[0] > 0.5; /* the test itself */
	expect_silence(peers, asked, MANY + MORE, 0.99);
	for (size_t i = 0; i < MANY + MORE; i++)
		expect_disconnect(peers[i].fd, SPOP_ERR_INVALID);
	/* so many are held at a time; the others wait until then in the backlog */
	assert_true(slow || clock_now() - asked[0] > 1.9);
	lines = stop_logged(&logged);
	assert_in_range(lines, 1, 10);
}

static int start(void **state)
{
	(void)state;
	tester = pthread_self();
	agent_start(&agent, "");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	agent_stop(&agent);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ack_ids_echo),
		cmocka_unit_test(ack_exactly_once),
		cmocka_unit_test(ack_never_for_others),
		cmocka_unit_test(ack_keyed_per_connection),
		cmocka_unit_test(ack_out_of_order),
		cmocka_unit_test(ack_size),
		cmocka_unit_test(ack_var_names),
		cmocka_unit_test(ack_nonempty_option),
		cmocka_unit_test(ack_no_ctl),
		cmocka_unit_test(frame_single_write),
		cmocka_unit_test(frag_reassembly),
		cmocka_unit_test(frag_abort),
		cmocka_unit_test(notify_abort),
		cmocka_unit_test(frag_limits),
		cmocka_unit_test(close_isolated),
		cmocka_unit_test(burst_accept),
		cmocka_unit_test(idle_forever),
		cmocka_unit_test(disco_after_acks),
		cmocka_unit_test(latency_bound),
		cmocka_unit_test(latency_bound_of_one_regex),
		cmocka_unit_test(close_quiet),
		cmocka_unit_test(disconnect_logged),
		cmocka_unit_test(refuse_slowly),
		cmocka_unit_test(leaving_before_hello),
		cmocka_unit_test(leaving_in_one_write),
		cmocka_unit_test(idle_until_configured),
		cmocka_unit_test(hello_second),
		cmocka_unit_test(hello_healthcheck),
		cmocka_unit_test(disco_after_half_a_notify),
		cmocka_unit_test(no_write_tears_a_frame),
		cmocka_unit_test(nothing_else_is_ever_sent),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
