/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that go over to the process which takes over, as they are: between two frames all that is known of one is
 * what its HELLO agreed on. HAProxy does not notice, and what it has sent meanwhile is read by the other. They go as
 * SCM_RIGHTS over a pair of sockets, whose one end the other process asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"

#define MAGIC 0x73706f31u /* "spo1": another layout, another number */

struct message {
	uint32_t magic;
	uint32_t max_frame_size;  /* 0: it has not said HELLO yet */
	struct endpoint endpoint; /* that it came by */
};

/* ---- from here ---- */

void net_bequeath(struct net *net, int channel)
{
	int before = atomic_exchange(&net->heir, channel);

	if (before >= 0)
		close(before);
}

/* Nothing of it may be read or waiting to be written; before HELLO not even a byte. */
static bool can_go(const struct conn *conn)
{
	return (conn->state == CONN_RUNNING || conn->state == CONN_HELLO) && conn_is_idle(conn) &&
	       !atomic_load_explicit(&conn->acceptor->retired, memory_order_relaxed);
}

enum bequest bequest_try(const struct conn *conn)
{
	int channel = atomic_load(&conn->worker->net->heir);
	struct message message = { MAGIC, conn->state == CONN_RUNNING ? conn->max_frame_size : 0,
				   conn->acceptor->endpoint };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &message, sizeof(message) };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	if (channel < 0 || !atomic_load_explicit(&conn->worker->leaving, memory_order_relaxed))
		return BEQUEST_NONE;
	if (!can_go(conn))
		return BEQUEST_LATER;
	*rights = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS,
				    .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(rights), &conn->io.fd, sizeof(int));
	if (sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(message))
		return BEQUEST_GONE;
	if (errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS)
		return BEQUEST_LATER;
	/* it is gone; the channel is closed at the end, as another thread may be about to use it */
	atomic_store(&conn->worker->net->heir, -1);
	return BEQUEST_NONE;
}

/* ---- to here ---- */

/* −1: nothing is there; ended: nothing will be. */
static int receive(int channel, struct message *message, bool *ended)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *rights = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	int fd = -1;

	*ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
	if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
	if (got > 0 && (fd < 0 || got != (ssize_t)sizeof(*message) || message->magic != MAGIC)) {
		*ended = true;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_size(uint32_t size)
{
	return size == 0 || (size >= SPOP_MIN_FRAME_SIZE && size <= NET_MAX_FRAME_SIZE);
}

static void on_channel(struct ev_loop *loop, ev_io *io, int events)
{
	struct net *net = io->data;
	struct message message;
	bool ended = false;
	int fd;

	(void)events;
	while ((fd = receive(io->fd, &message, &ended)) >= 0)
		if (!is_size(message.max_frame_size) ||
		    !listener_take(&net->listener, &message.endpoint, fd, message.max_frame_size))
			close(fd);
	if (!ended)
		return;
	ev_io_stop(loop, io);
	close(io->fd);
	io->fd = -1;
	net->ended(net->ended_into);
}

void net_inherit(struct net *net, struct ev_loop *loop, int channel, void (*ended)(void *into), void *into)
{
	net->ended = ended;
	net->ended_into = into;
	ev_io_init(&net->inherits, on_channel, channel, EV_READ);
	net->inherits.data = net;
	ev_io_start(loop, &net->inherits);
}
