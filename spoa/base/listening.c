/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/listening.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A socket file that nobody listens on is left from a process that was killed; what is no socket is somebody's file. */
static bool unlink_stale(const struct endpoint *endpoint)
{
	const char *path = endpoint->unix_path.sun_path;
	struct stat status;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale = fd >= 0 && connect(fd, &endpoint->any, endpoint->length) < 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale && lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && unlink(path) == 0;
}

static bool bind_socket(int fd, const struct endpoint *endpoint)
{
	if (bind(fd, &endpoint->any, endpoint->length) == 0)
		return true;
	if (errno != EADDRINUSE || endpoint->any.sa_family != AF_UNIX)
		return false;
	if (unlink_stale(endpoint))
		return bind(fd, &endpoint->any, endpoint->length) == 0;
	errno = EADDRINUSE;
	return false;
}

/* Whether the file at the path is the socket that was bound there, and not one that came after. */
static bool is_ours(const struct listening_socket *listening, const struct endpoint *endpoint, struct stat *status)
{
	return listening->inode && lstat(endpoint->unix_path.sun_path, status) == 0 &&
	       status->st_ino == listening->inode && status->st_dev == listening->device;
}

static void note_file(struct listening_socket *listening, const struct endpoint *endpoint)
{
	struct stat status;

	if (endpoint->any.sa_family != AF_UNIX || lstat(endpoint->unix_path.sun_path, &status) < 0)
		return;
	listening->inode = status.st_ino;
	listening->device = status.st_dev;
}

/* Who has what it should is left alone: we may be nobody who could change it. */
bool listening_set_rights(const struct listening_socket *listening, const struct listening *where)
{
	const char *path = where->endpoint.unix_path.sun_path;
	struct stat status;

	if (!is_ours(listening, &where->endpoint, &status))
		return true;
	if (((where->user != (uid_t)-1 && where->user != status.st_uid) ||
	     (where->group != (gid_t)-1 && where->group != status.st_gid)) &&
	    chown(path, where->user, where->group) < 0)
		return false;
	return !where->mode || where->mode == (status.st_mode & 07777) || chmod(path, where->mode) == 0;
}

/*
 * Whoever vanishes without a word, a machine that lost its power, is gone after four minutes and not never: where nothing is
 * asked, nothing else would tell, and where an answer is under way the kernel would send it again for a quarter of an hour.
 * What is accepted has these of the socket that listens, tcp(7); a UNIX socket has none.
 */
static void keep_alive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 },
			{ IPPROTO_TCP, TCP_KEEPIDLE, 120 },
			{ IPPROTO_TCP, TCP_KEEPINTVL, 30 },
			{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
			{ IPPROTO_TCP, TCP_USER_TIMEOUT, 240000 } };

	for (size_t i = 0; i < COUNT(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

bool listening_open(struct listening_socket *listening, const struct listening *where, int backlog)
{
	int family = where->endpoint.any.sa_family, one = 1, error;

	*listening = (struct listening_socket){
		.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	};
	if (listening->fd < 0)
		return false;
	if (family != AF_UNIX)
		setsockopt(listening->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6) /* as HAProxy: IPv4 has a line of its own */
		setsockopt(listening->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind_socket(listening->fd, &where->endpoint)) {
		note_file(listening, &where->endpoint);
		keep_alive(listening->fd);
		if (listening_set_rights(listening, where) && listen(listening->fd, backlog) == 0)
			return true;
	}
	error = errno;
	listening_close(listening, &where->endpoint);
	errno = error;
	return false;
}

bool listening_adopt(struct listening_socket *listening, int backlog, int fd, bool lent)
{
	int error;

	*listening = (struct listening_socket){ .fd = fd, .lent = lent };
	keep_alive(fd);
	if (listen(fd, backlog) == 0)
		return true;
	error = errno;
	close(fd);
	listening->fd = -1;
	errno = error;
	return false;
}

void listening_own(struct listening_socket *listening, const struct listening *where)
{
	if (!listening->lent)
		return;
	listening->lent = false;
	note_file(listening, &where->endpoint);
	(void)listening_set_rights(listening, where);
}

void listening_close(struct listening_socket *listening, const struct endpoint *endpoint)
{
	struct stat status;

	if (listening->fd < 0)
		return;
	if (is_ours(listening, endpoint, &status))
		unlink(endpoint->unix_path.sun_path);
	close(listening->fd);
	*listening = (struct listening_socket){ .fd = -1 };
}
