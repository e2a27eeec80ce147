/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole connection: net's own, on a socket pair and a loop of this thread. The input is bytes and how they are cut.
 * - Cut in any way, they bring the answers that they bring at once.
 * - What is answered are frames of the agent's types, none over the agreed size: first AGENT-HELLO or
 *   AGENT-DISCONNECT, then ACKs of whole actions, and behind AGENT-DISCONNECT nothing. Each ACK has the numbers of a
 *   NOTIFY that came, and no NOTIFY has two: HAProxy 3.1 and later stop using a connection for less.
 * - What waits in memory stays within its limits, and the peer's end is the connection's.
 *
 * Input: a byte of modes, one that counts lengths, the lengths, and the stream. Without lengths each byte comes alone.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "site.h"
#include "spoa/net/conn.h"

#define MAX_FRAME    4096u
#define MAX_STREAM   16384u
#define MAX_ANSWERS  (4u << 20)
#define MAX_SEGMENTS 48u
#define MAX_TURNS    1000u

enum mode {
	FRAMED = 0x01,   /* the stream is payloads, two bytes of length before each: their frames are made here */
	GREETED = 0x02,  /* a good HELLO comes first */
	NARROW = 0x04,   /* few answers fit the socket */
	DRAINING = 0x08, /* the agent refuses health checks */
	LEAVING = 0x10,  /* the agent leaves once the first segment is answered */
	REPEATED = 0x20, /* the stream comes as often as there is room: answers that fill the socket */
};

struct input {
	unsigned modes;
	struct slice lengths; /* of the segments, over and over */
	uint8_t bytes[MAX_STREAM];
	size_t len;
};

struct answers {
	uint8_t bytes[MAX_ANSWERS];
	size_t len;
};

struct peer {
	struct worker *worker;
	int fd;
	struct answers *answers;
};

static const char text[] = "frontend f\n message m\n message n\n bind 127.0.0.1:1\n"
			   " use_backend a if { path_beg /a } or { query -m sub a } or { src 192.0.2.0/24 }\n"
			   " default_backend b\n"
			   "backend a\n balance first\n server s 192.0.2.1:80 redir http://a.example\n"
			   "backend b\n balance first\n server s 192.0.2.1:80 redir http://b.example/base\n";

/* ---- the agent ---- */

static struct worker *the_worker(const struct acceptor **acceptor)
{
	static struct worker worker;
	static struct net net;
	static struct site site;
	static struct acceptor the_acceptor;

	if (!worker.loop) {
		site_of(&site, text);
		site.settings->log.n = 0;
		site.settings->max_frame_size = MAX_FRAME;
		site.settings->hold_time = 0; /* what a refused HELLO is told comes at once */
		atomic_store(&the_acceptor.routes, site_routes(&site));
		atomic_store(&net.settings, site.settings);
		atomic_store(&net.heir, -1);
		must((net.captures = captures_new()) != NULL);
		worker = (struct worker){ .settings = site.settings, .net = &net, .now = SITE_NOW };
		worker.loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
		worker.in = malloc(NET_IN_SIZE);
		worker.out = malloc(NET_OUT_SIZE);
		must(worker.loop && worker.in && worker.out && answer_scratch_init(&worker.scratch));
		turn_expect(&worker, 1); /* so that what is read waits, as it does in a worker with a clock */
	}
	*acceptor = &the_acceptor;
	return &worker;
}

static void check_memory(const struct worker *worker)
{
	const struct conn *conn = worker->conns;

	if (!conn)
		return;
	must(conn->partial.len <= conn->partial.room && conn->partial.room <= MAX_FRAME + SPOP_LENGTH_SIZE);
	must(conn->head_len < SPOP_LENGTH_SIZE);
	must(conn->pending.len <= worker->settings->output_limit);
	must(conn->fragments.len <= 1024 * 1024 && (conn->fragments.len == 0 || conn->fragmented));
}

static void turn(struct worker *worker)
{
	unsigned turns = 0;

	do {
		ev_run(worker->loop, EVRUN_NOWAIT);
		turn_end(worker);
	} while (worker->net->held > 0 && ++turns < MAX_TURNS);
	must(worker->net->held == 0);
	check_memory(worker);
	memset(worker->in, 0xee, 64); /* other connections are read into it meanwhile */
	memset(worker->out, 0xee, 64);
}

/* ---- the peer ---- */

/* False: there is nothing (yet). */
static bool receive(struct peer *peer)
{
	struct answers *answers = peer->answers;
	ssize_t got = recv(peer->fd, answers->bytes + answers->len, MAX_ANSWERS - answers->len, MSG_DONTWAIT);

	if (got > 0)
		answers->len += (size_t)got;
	must(answers->len < MAX_ANSWERS);
	return got > 0;
}

/* Reads only what it must. False: the agent has closed. */
static bool say(struct peer *peer, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(peer->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent < 0)
			receive(peer);
		else
			len -= (size_t)sent, bytes += sent;
		turn(peer->worker);
	}
	return true;
}

static void say_end(struct peer *peer)
{
	unsigned turns = 0;

	shutdown(peer->fd, SHUT_WR);
	while (peer->worker->conns && turns++ < MAX_TURNS) {
		turn(peer->worker);
		receive(peer);
	}
	must(!peer->worker->conns);
	while (receive(peer))
		;
	close(peer->fd);
}

static void leave(struct worker *worker)
{
	atomic_store(&worker->leaving, true);
	if (worker->conns)
		conn_leave(worker->conns);
}

/* ---- a conversation ---- */

static size_t segment(const struct input *input, bool cut, size_t at, unsigned i)
{
	size_t left = input->len - at, length = 1;

	if (!cut || i >= MAX_SEGMENTS)
		return left;
	if (input->lengths.len > 0)
		length += input->lengths.ptr[i % input->lengths.len];
	return length < left ? length : left;
}

static void converse(const struct input *input, bool cut, struct answers *answers)
{
	const struct acceptor *acceptor;
	struct worker *worker = the_worker(&acceptor);
	struct peer peer = { .worker = worker, .answers = answers };
	int fds[2], narrow = 1;
	size_t at = 0;

	answers->len = 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	if (cut && (input->modes & NARROW))
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &narrow, sizeof(narrow));
	peer.fd = fds[1];
	atomic_store(&worker->draining, input->modes & DRAINING);
	atomic_store(&worker->leaving, false);
	atomic_store(&worker->connections, 1);
	atomic_store(&worker->net->connections, 1);
	conn_open(worker, fds[0], acceptor, 0);
	for (unsigned i = 0; at < input->len; i++) {
		size_t length = segment(input, cut, at, i);

		if (!say(&peer, input->bytes + at, length))
			break;
		at += length;
		if (input->modes & LEAVING)
			leave(worker);
	}
	say_end(&peer);
	must(atomic_load(&worker->connections) == 0 && net_connections(worker->net) == 0);
}

/* ---- what was asked ---- */

struct asked {
	uint64_t stream_id, frame_id;
	bool answered;
};

static struct asked asked[MAX_STREAM / (SPOP_LENGTH_SIZE + 7)];
static size_t n_asked;

/* Every NOTIFY that is whole, whether or not what is in it is any good. */
static void take_asked(const struct input *input)
{
	struct spop_slice in = { input->bytes, input->len };
	struct spop_frame frame;

	n_asked = 0;
	while (spop_frame_decode(&in, MAX_FRAME, &frame) == SPOP_OK)
		if (frame.type == SPOP_NOTIFY)
			asked[n_asked++] = (struct asked){ frame.stream_id, frame.frame_id, false };
}

static void check_asked(const struct spop_frame *ack)
{
	size_t i = 0;

	while (i < n_asked &&
	       (asked[i].answered || asked[i].stream_id != ack->stream_id || asked[i].frame_id != ack->frame_id))
		i++;
	must(i < n_asked);
	asked[i].answered = true;
}

/* ---- what was answered ---- */

static void check_ack(const struct spop_frame *frame)
{
	struct spop_slice payload = frame->payload;
	struct spop_action action;

	must(frame->flags == SPOP_FIN && payload.len > 0);
	while (payload.len > 0)
		must(spop_take_action(&payload, &action));
}

static void check_answers(const struct input *input, const struct answers *answers)
{
	struct spop_slice in = { answers->bytes, answers->len };
	uint32_t max = SPOP_MIN_FRAME_SIZE;
	bool greeted = false, over = false;

	take_asked(input);
	while (in.len > 0) {
		struct spop_frame frame;
		struct spop_hello hello;
		struct spop_slice message;
		uint64_t status;

		must(!over && spop_frame_decode(&in, max, &frame) == SPOP_OK);
		switch (frame.type) {
		case SPOP_AGENT_HELLO:
			must(!greeted && spop_agent_hello_decode(&frame, &hello) == SPOP_ERR_NONE);
			must(hello.max_frame_size <= MAX_FRAME);
			max = hello.max_frame_size;
			greeted = true;
			break;
		case SPOP_ACK:
			must(greeted);
			check_ack(&frame);
			check_asked(&frame);
			break;
		default:
			must(frame.type == SPOP_AGENT_DISCONNECT && spop_disconnect_decode(&frame, &status, &message));
			over = true;
		}
	}
}

/* ---- the input ---- */

static void add(struct input *input, const uint8_t *bytes, size_t len)
{
	size_t room = MAX_STREAM - input->len;

	if (len > room)
		len = room;
	memcpy(input->bytes + input->len, bytes, len);
	input->len += len;
}

static void add_hello(struct input *input)
{
	struct spop_hello hello = { .version = SPOP_SLICE("2.0"),
				    .max_frame_size = 1024,
				    .capabilities = SPOP_CAN_PIPELINE };
	uint8_t bytes[256];
	struct spop_writer writer;

	spop_writer_init(&writer, bytes, sizeof(bytes));
	must(spop_put_hello(&writer, &hello));
	add(input, bytes, (size_t)(writer.at - bytes));
}

static void add_framed(struct input *input, struct slice stream)
{
	while (stream.len >= 2) {
		size_t len = ((size_t)stream.ptr[0] << 8 | stream.ptr[1]) & 0x7ff;
		uint8_t head[SPOP_LENGTH_SIZE];

		stream = slice_from(stream, 2);
		if (len > stream.len)
			len = stream.len;
		head[0] = head[1] = 0;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		add(input, head, sizeof(head));
		add(input, stream.ptr, len);
		stream = slice_from(stream, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	static struct answers at_once, cut;
	struct slice rest = slice_of(data, size);
	size_t lengths;

	if (size < 2)
		return 0;
	input.modes = data[0];
	input.len = 0;
	rest = slice_from(rest, 2);
	lengths = data[1] % 16 < rest.len ? data[1] % 16 : rest.len;
	input.lengths = slice_of(rest.ptr, lengths);
	rest = slice_from(rest, lengths);
	if (input.modes & GREETED)
		add_hello(&input);
	do {
		if (input.modes & FRAMED)
			add_framed(&input, rest);
		else
			add(&input, rest.ptr, rest.len);
	} while ((input.modes & REPEATED) && rest.len > 2 && input.len < MAX_STREAM);
	converse(&input, true, &cut);
	check_answers(&input, &cut);
	if (input.modes & LEAVING) /* what is answered before depends on the cuts */
		return 0;
	converse(&input, false, &at_once);
	must(at_once.len == cut.len && memcmp(at_once.bytes, cut.bytes, cut.len) == 0);
	return 0;
}
