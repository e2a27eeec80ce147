/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What backends want to know of a request, such as the key that one hashes: each frontend that leads there reads it in slots
 * of its own. Filled before the frontends are finished.
 */
#ifndef SPOA_RULES_WANTS_H
#define SPOA_RULES_WANTS_H

#include "spoa-redirect/rules.h"

struct wants {
	struct want_of {
		const void *what;
		size_t number;       /* what `want` says */
		const char *backend; /* whoever leads to that one reads it */
	} * each;
	size_t n;
	size_t different;
};

/* A backend's; want: the number of what it wants, given here at the first time. False: out of memory. */
bool wants_add(struct arena *arena, struct wants *wants, const void *what, struct want *want, const char *backend);

/* Whether the frontend, all of whose rules are known, leads there. */
bool want_concerns(const struct want_of *want, const struct frontend *frontend);

#endif
