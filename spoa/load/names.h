/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of hosts, asked of the system's resolver again and again, on threads of their own: it may take its time, and
 * nobody waits for it. An address that was known once stays while there is no other. Control thread.
 */
#ifndef SPOA_LOAD_NAMES_H
#define SPOA_LOAD_NAMES_H

#include "probe.h"

struct names;

#define NAMES_VALID 10.0 /* HAProxy's `hold valid` */

/* valid: seconds until a name is asked again; a tenth of that while it is not known. NULL: out of memory. */
struct names *names_new(struct load *load, double valid);

/* Those of the load's fleet from now on; what is known of one goes on, and is told to its servers. False: out of memory. */
bool names_want(struct names *names);

/* The host's address, with the port that is in `to` already. False: it is not known. */
bool names_find(const struct names *names, const struct host *host, struct endpoint *to);

/* Nobody has said yet whether the host's name stands for anything: once somebody has, probe_wake(). */
bool names_wait(const struct names *names, const struct host *host);

/* Without waiting for a resolver that does not answer. NULL is fine. */
void names_free(struct names *names);

#endif
