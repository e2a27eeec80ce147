/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process that runs gives to the one that takes over from it, asked as HAProxy asks: by the command "_getsocks" on a
 * runtime socket. The answer is a byte for each listening socket, with its descriptor as SCM_RIGHTS: 'f' if the file of a
 * UNIX socket goes over, too, '-' if not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spoa-redirect/site.h"

#define PATIENCE   5          /* seconds that the other process may take */
#define MAX_STATES (64 << 20) /* bytes */

static int ask(const char *path, const char *command)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, command, strlen(command), MSG_NOSIGNAL) == (ssize_t)strlen(command))
		return fd;
	close(fd);
	return -1;
}

/* ---- sockets ---- */

/* One message's descriptors, each with its byte; what has none is an error's text, of which the beginning is kept. */
static void take_message(struct inherited *sockets, struct msghdr *message, const char *bytes, size_t n, char *text,
			 size_t size)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	size_t fds = 0;

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		fds = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < fds; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(control) + i * sizeof(fd), sizeof(fd));
		inherited_add(sockets, fd, i < n && bytes[i] == 'f');
	}
	if (fds == 0 && !*text)
		snprintf(text, size, "%.*s", (int)n, bytes);
}

static bool fetch_sockets(struct inherited *sockets, int fd, char *why, size_t size)
{
	char bytes[INHERITED_MAX], text[200] = "";
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(INHERITED_MAX * sizeof(int))];
	unsigned before = sockets->n;
	ssize_t got;

	do {
		struct iovec part = { bytes, sizeof(bytes) };
		struct msghdr message = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
		};

		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		if (got > 0)
			take_message(sockets, &message, bytes, (size_t)got, text, sizeof(text));
	} while (got > 0);
	if (got < 0)
		snprintf(why, size, "%s", strerror(errno));
	else if (sockets->n == before)
		snprintf(why, size, "it says '%.*s'", (int)strcspn(text, "\n"), text);
	return got == 0 && sockets->n > before;
}

/* ---- connections ---- */

/* A channel that an older version does not have. */
static int fetch_channel(const char *path)
{
	char byte;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	int fd = ask(path, "_getconns\n"), channel = -1;
	struct cmsghdr *rights;

	if (fd < 0)
		return -1;
	rights = recvmsg(fd, &message, MSG_CMSG_CLOEXEC) == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&channel, CMSG_DATA(rights), sizeof(channel));
	close(fd);
	return channel;
}

/* ---- states ---- */

static char *read_all(int fd)
{
	size_t length = 0, room = 0;
	char *text = NULL, *bigger;
	ssize_t got = 1;

	while (got > 0) {
		if (length == room) {
			room = room ? room * 2 : 65536;
			bigger = room <= MAX_STATES ? realloc(text, room + 1) : NULL;
			if (!bigger)
				break;
			text = bigger;
		}
		got = recv(fd, text + length, room - length, 0);
		length += got > 0 ? (size_t)got : 0;
	}
	if (got == 0 && text) {
		text[length] = 0;
		return text;
	}
	free(text);
	return NULL;
}

bool takeover_fetch(struct takeover *takeover, const char *path, char *why, size_t size)
{
	char reason[240] = "";
	int fd = ask(path, "_getsocks\n");
	bool good;

	if (fd < 0)
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
	good = fd >= 0 && fetch_sockets(takeover->sockets, fd, reason, sizeof(reason));
	if (fd >= 0)
		close(fd);
	if (!good) {
		snprintf(why, size, "cannot take over from '%s': %s", path, reason);
		return false;
	}
	takeover->connections = fetch_channel(path);
	fd = ask(path, "show servers state\n");
	takeover->states = fd >= 0 ? read_all(fd) : NULL;
	if (fd >= 0)
		close(fd);
	return true;
}
