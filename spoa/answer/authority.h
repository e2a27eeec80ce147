/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which servers of a backend a Host names: to tell a request that has arrived from one that is to be sent on. */
#ifndef SPOA_ANSWER_AUTHORITY_H
#define SPOA_ANSWER_AUTHORITY_H

#include "spoa-redirect/fleet.h"

struct authorities;

struct authorities *authorities_new(struct arena *arena, const struct backend *backend);

/* The same with memory of its own; the first member is a struct retired. NULL: out of memory. */
struct authorities *authorities_own(const struct backend *backend);
bool authorities_are_own(const struct authorities *authorities);
void authorities_release(struct retired *retired);

/* Whether host, in any case and with or without a default port, is that of a server of the backend that is up. */
bool authorities_name(const struct authorities *authorities, struct slice host);

#endif
