/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd hands over is sd_listen_fds(3), in its few lines instead of a library. */
#include "spoa-redirect/base/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

static long number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long number;

	if (!text)
		return 0;
	number = strtol(text, &end, 10);
	return *end ? 0 : number;
}

static int option_of(int fd, int option)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

/* What the environment promises may not be there, and the number be that of a file of our own. */
static bool listens(int fd)
{
	return option_of(fd, SO_ACCEPTCONN) || option_of(fd, SO_TYPE) == SOCK_DGRAM;
}

void inherited_take(struct inherited *inherited)
{
	long n = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != getpid())
		return;
	for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++)
		if (listens(fd))
			inherited_add(inherited, fd, false);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->any, *b4 = (const struct sockaddr_in *)&b->any;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->any,
				  *b6 = (const struct sockaddr_in6 *)&b->any;

	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_UNIX)
		return strcmp(a->unix_path.sun_path, b->unix_path.sun_path) == 0;
	if (a->any.sa_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
	return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

void inherited_add(struct inherited *inherited, int fd, bool ours)
{
	if (inherited->n == INHERITED_MAX) {
		close(fd);
		return;
	}
	inherited->sockets[inherited->n].fd = fd;
	inherited->sockets[inherited->n++].ours = ours;
}

/* −1: none is bound there. */
static int find(struct inherited *inherited, const struct endpoint *endpoint, int type, bool *ours)
{
	for (unsigned i = 0; i < inherited->n; i++) {
		struct endpoint bound = { .length = sizeof(bound.storage) };
		int fd = inherited->sockets[i].fd;

		if (getsockname(fd, &bound.any, &bound.length) < 0 || !same_address(&bound, endpoint) ||
		    option_of(fd, SO_TYPE) != type)
			continue;
		*ours = inherited->sockets[i].ours;
		inherited->sockets[i] = inherited->sockets[--inherited->n];
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		return fd;
	}
	return -1;
}

bool inherited_open(struct inherited *inherited, struct listening_socket *listening, const struct listening *where,
		    int backlog)
{
	bool ours = false;
	int fd = inherited ? find(inherited, &where->endpoint, SOCK_STREAM, &ours) : -1;

	return fd < 0 ? listening_open(listening, where, backlog) : listening_adopt(listening, backlog, fd, ours);
}

int inherited_datagrams(struct inherited *inherited, const struct endpoint *endpoint)
{
	bool ours;

	return find(inherited, endpoint, SOCK_DGRAM, &ours);
}

unsigned inherited_close(struct inherited *inherited)
{
	unsigned left = inherited->n;

	while (inherited->n > 0)
		close(inherited->sockets[--inherited->n].fd);
	return left;
}
