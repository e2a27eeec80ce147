/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving the listening sockets to the process that takes over: site/takeover.c is the other side. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

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

static bool send_sockets(int fd, const struct listening_socket *sockets, size_t n)
{
	char bytes[INHERITED_MAX];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(INHERITED_MAX * sizeof(int))] = { 0 };
	struct iovec part = { bytes, n };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * sizeof(int))
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS,
				    .cmsg_len = CMSG_LEN(n * sizeof(int)) };
	for (size_t i = 0; i < n; i++) {
		bytes[i] = sockets[i].inode ? 'f' : '-';
		memcpy(CMSG_DATA(header) + i * sizeof(int), &sockets[i].fd, sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)n;
}

void hand_over(struct session *session, FILE *out, char **words, size_t n)
{
	struct admin *admin = session->admin;
	struct listening_socket sockets[INHERITED_MAX];
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	(void)words;
	n = collect(admin, sockets, INHERITED_MAX);
	if (!session->expose || session->n_out > 0 || admin->stopping) {
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
