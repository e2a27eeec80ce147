/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets that somebody else opened: the service manager, or the process that this one takes over from. */
#ifndef SPOA_REDIRECT_BASE_INHERITED_H
#define SPOA_REDIRECT_BASE_INHERITED_H

#include "spoa-redirect/base/listening.h"

#define INHERITED_MAX 250u /* SCM_MAX_FD is 253 */

/* Those that nobody has asked for yet. */
struct inherited {
	struct {
		int fd;
		bool ours; /* its file, if it has one, goes when we do */
	} sockets[INHERITED_MAX];
	unsigned n;
};

/* Those that systemd's environment names for this process, whose variables go. */
void inherited_take(struct inherited *inherited);

/* One more; closed if there are too many. */
void inherited_add(struct inherited *inherited, int fd, bool ours);

/* The one that is bound there, or else a fresh one, as listening_open(). inherited may be NULL: there is none. */
bool inherited_open(struct inherited *inherited, struct listening_socket *listening, const struct listening *where,
		    int backlog);

/* One for datagrams that is bound there; −1: none. */
int inherited_datagrams(struct inherited *inherited, const struct endpoint *endpoint);

/* How many were left. */
unsigned inherited_close(struct inherited *inherited);

#endif
