/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that are listened on, with the rights of those that are files. */
#ifndef SPOA_REDIRECT_BASE_LISTENING_H
#define SPOA_REDIRECT_BASE_LISTENING_H

#include <sys/types.h>

#include "spoa-redirect/base/endpoint.h"

/* What a line of the configuration says. */
struct listening {
	struct endpoint endpoint;
	mode_t mode; /* of a UNIX socket; 0: as umask leaves it */
	uid_t user;  /* (uid_t)−1: unchanged, likewise the group */
	gid_t group;
};

struct listening_socket {
	int fd;      /* −1: none */
	ino_t inode; /* of the file that we bound; 0: none, or not ours to remove */
	dev_t device;
	bool lent; /* the file goes with somebody else's process until listening_own() */
};

/* Non-blocking; a file that nobody listens on any more is replaced. False: errno tells why, nothing is left behind. */
bool listening_open(struct listening_socket *listening, const struct listening *where, int backlog);

/* A socket that listens there already is the caller's from now on; so will be its file, if it is lent. As above. */
bool listening_adopt(struct listening_socket *listening, int backlog, int fd, bool lent);

/* Whoever lent it is about to leave. */
void listening_own(struct listening_socket *listening, const struct listening *where);

/* Of a file that is ours still; true for all else. False: errno. */
bool listening_set_rights(const struct listening_socket *listening, const struct listening *where);

/* Its file goes, too, unless somebody else has replaced it. */
void listening_close(struct listening_socket *listening, const struct endpoint *endpoint);

#endif
