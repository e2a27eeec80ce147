/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How people look in, on the control thread's loop: commands on `stats socket` in HAProxy's words and formats, and over
 * HTTP what Prometheus and health checks ask for. A client that does not read holds up nobody but itself.
 */
#ifndef SPOA_REDIRECT_ADMIN_H
#define SPOA_REDIRECT_ADMIN_H

#include "spoa-redirect/site.h"

struct admin;

/* Which program this is. */
struct admin_about {
	const char *version, *date;
	char *const *files; /* of its configuration */
	size_t n_files;
};

/* Listens where the settings of the running site say. running and reload outlive it. NULL: why. */
struct admin *admin_start(struct running *running, struct reload *reload, struct admin_about about, char *why,
			  size_t size);

/* From now on /readyz and `show info` say that the agent is about to stop. */
void admin_set_stopping(struct admin *admin);

/* Files of sockets that were taken over are ours from now on. */
void admin_own(struct admin *admin);

/* The process that was given our listening sockets, as long as it lives; 0: none. From then on their files are its. */
pid_t admin_heir(const struct admin *admin);
void admin_give_away(struct admin *admin);

/* Closes what is open. NULL is fine. */
void admin_stop(struct admin *admin);

#endif
