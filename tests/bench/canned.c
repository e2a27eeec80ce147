/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canned ADDRESS: the least that an SPOP agent can do, to compare others with. It finds the frames of what it read
 * and their ids, answers each NOTIFY with the same five variables, and writes the answers to one read in one write.
 * It checks nothing and knows no time-out.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spoa-redirect/base/endpoint.h"
#include "spop.h"

#define MAX_FRAME 16380u
#define READ_SIZE (128u * 1024)
#define OUT_SIZE  (READ_SIZE * 4)

struct peer {
	int fd;
	size_t len; /* of what is kept from the last read */
	uint8_t kept[MAX_FRAME + SPOP_LENGTH_SIZE];
};

static struct spop_writer canned; /* the ACK's payload */

static void put_string(enum spop_scope scope, const char *name, const char *text)
{
	struct spop_value value = { SPOP_STRING, { .bytes = { (const uint8_t *)text, strlen(text) } } };

	spop_put_set_var(&canned, scope, (struct spop_slice){ (const uint8_t *)name, strlen(name) }, &value);
}

static void can(uint8_t *room, size_t size)
{
	struct spop_value code = { SPOP_INT32, { .integer = 302 } };

	spop_writer_init(&canned, room, size);
	/* of the bench's own request, so that no answer is shorter than the agent's */
	put_string(SPOP_TXN, "location",
		   "https://v7.example.com/videos/2026/season-2/episode-13/master-1080p.mp4"
		   "?session=5f2c9c0e7a6b4d1f8e3a&quality=high&start=1337");
	spop_put_set_var(&canned, SPOP_TXN, SPOP_SLICE("code"), &code);
	put_string(SPOP_TXN, "backend", "video");
	put_string(SPOP_TXN, "server", "v7");
	put_string(SPOP_TXN, "reason", "redirect");
}

static void answer(const struct spop_frame *frame, struct spop_writer *out, const uint8_t *room)
{
	struct spop_hello hello, agreed;

	if (frame->type == SPOP_NOTIFY) {
		spop_frame_begin(out, SPOP_ACK, frame->stream_id, frame->frame_id);
		spop_put_bytes(out, room, (size_t)(canned.at - room));
		spop_frame_end(out, MAX_FRAME);
	} else if (frame->type == SPOP_HAPROXY_HELLO && spop_hello_decode(frame, &hello) == SPOP_ERR_NONE) {
		agreed = spop_hello_agree(&hello, MAX_FRAME, SPOP_CAN_PIPELINE);
		spop_put_agent_hello(out, &agreed);
	}
}

/* False: the peer is gone. */
static bool serve(struct peer *peer, uint8_t *in, uint8_t *room_out, const uint8_t *room)
{
	struct spop_slice rest;
	struct spop_writer out;
	struct spop_frame frame;
	ssize_t got;

	memcpy(in, peer->kept, peer->len);
	got = read(peer->fd, in + peer->len, READ_SIZE - peer->len);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	rest = (struct spop_slice){ in, peer->len + (size_t)got };
	spop_writer_init(&out, room_out, OUT_SIZE);
	while (spop_frame_decode(&rest, MAX_FRAME, &frame) == SPOP_OK)
		answer(&frame, &out, room);
	if (rest.len > sizeof(peer->kept))
		return false;
	memcpy(peer->kept, rest.ptr, rest.len);
	peer->len = rest.len;
	return out.at == room_out || write(peer->fd, room_out, (size_t)(out.at - room_out)) > 0;
}

static void welcome(int epoll, int listener)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };

	if (!peer)
		return;
	peer->fd = accept(listener, NULL, NULL);
	if (peer->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &event) < 0)
		free(peer);
}

static int listen_at(const char *address)
{
	struct endpoint endpoint;
	const char *wrong = endpoint_parse(&endpoint, address, true, false);
	int fd, on = 1;

	if (wrong) {
		fprintf(stderr, "canned: '%s': %s\n", address, wrong);
		return -1;
	}
	fd = socket(endpoint.any.sa_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (endpoint.any.sa_family == AF_UNIX)
		unlink(((struct sockaddr_un *)&endpoint.any)->sun_path);
	if (fd < 0 || bind(fd, &endpoint.any, endpoint.length) < 0 || listen(fd, 4096) < 0) {
		fprintf(stderr, "canned: cannot bind '%s': %s\n", address, strerror(errno));
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	uint8_t room[512], *in = malloc(READ_SIZE), *out = malloc(OUT_SIZE);
	int listener = argc == 2 ? listen_at(argv[1]) : -1, epoll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN }, events[256];

	if (argc != 2)
		fprintf(stderr, "usage: canned ADDRESS:PORT|unix@PATH\n");
	if (listener < 0 || epoll < 0 || !in || !out || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	can(room, sizeof(room));
	while (1) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct peer *peer = events[i].data.ptr;

			if (!peer) {
				welcome(epoll, listener);
			} else if (!serve(peer, in, out, room)) {
				close(peer->fd);
				free(peer);
			}
		}
	}
}
