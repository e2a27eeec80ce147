/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving the listening sockets to the process that takes over: site/takeover.c is the other side. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin.h"

static size_t collect(const struct admin *admin, struct listening_socket *sockets, size_t room)
{
	size_t n = net_sockets(admin->running->net, sockets, room);

	n += doors_sockets(admin, sockets + n, room - n);
	n += load_sockets(admin->running->load, sockets + n, room - n);
	if (admin->http && n < room)
		sockets[n++] = http_socket(admin->http);
	return n;
}

/* bytes: one for each descriptor. */
static bool send_descriptors(int to, const int *fds, const char *bytes, size_t n)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(INHERITED_MAX * sizeof(int))] = { 0 };
	struct iovec part = { (char *)bytes, n };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * sizeof(int))
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS,
				    .cmsg_len = CMSG_LEN(n * sizeof(int)) };
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	return sendmsg(to, &message, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool send_sockets(int to, const struct listening_socket *sockets, size_t n)
{
	char bytes[INHERITED_MAX];
	int fds[INHERITED_MAX];

	for (size_t i = 0; i < n; i++) {
		bytes[i] = sockets[i].inode ? 'f' : '-';
		fds[i] = sockets[i].fd;
	}
	return send_descriptors(to, fds, bytes, n);
}

static bool is_allowed(const struct session *session)
{
	return session->expose && session->n_out == 0 && !session->admin->stopping;
}

void hand_over(struct session *session, FILE *out, char **words, size_t n)
{
	struct admin *admin = session->admin;
	struct listening_socket sockets[INHERITED_MAX];
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	(void)words;
	n = collect(admin, sockets, INHERITED_MAX);
	if (!is_allowed(session)) {
		fprintf(out, "Permission denied: 'expose-fd listeners' is not set here.\n");
		return;
	}
	state_file_save(admin->running->state_file);
	if (!send_sockets(session->io.fd, sockets, n)) {
		fprintf(out, "Cannot hand over: %s.\n", strerror(errno));
		return;
	}
	if (getsockopt(session->io.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		admin->heir = peer.pid;
	session->ended = true;
}

/* Who has the listening sockets gets the end of a channel, over which connections come when this process leaves. */
void hand_over_connections(struct session *session, FILE *out, char **words, size_t n)
{
	struct admin *admin = session->admin;
	int ends[2];

	(void)words;
	(void)n;
	if (!is_allowed(session) || !admin->heir) {
		fprintf(out, "Permission denied: the listening sockets come first.\n");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		fprintf(out, "Cannot hand over: %s.\n", strerror(errno));
		return;
	}
	session->ended = send_descriptors(session->io.fd, &ends[1], "c", 1);
	close(ends[1]);
	if (session->ended)
		net_bequeath(admin->running->net, ends[0]);
	else
		close(ends[0]);
}

pid_t admin_heir(const struct admin *admin)
{
	return admin->heir > 0 && (kill(admin->heir, 0) == 0 || errno == EPERM) ? admin->heir : 0;
}

void admin_own(struct admin *admin)
{
	doors_own(admin);
	if (admin->http)
		http_own(admin->http);
}

void admin_give_away(struct admin *admin)
{
	doors_give_away(admin);
	if (admin->http)
		http_give_away(admin->http);
}
