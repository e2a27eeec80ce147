/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the formats of `redirect location` get into the frontends that lead there. */
#ifndef SPOA_RULES_MADE_LOCATION_H
#define SPOA_RULES_MADE_LOCATION_H

#include "acl.h"

struct made_locations {
	struct made_location_use {
		const struct made_location *location;
		const char *backend;
	} * uses;
	size_t n_uses, n; /* n: different ones */
};

/* Once all rules of the frontend are known, and before its names are sealed. False: out of memory. */
bool made_locations_read(struct arena *arena, const struct made_locations *locations, struct frontend *frontend,
			 struct acls *acls, struct config *config);

/* False: out of memory. */
bool made_locations_add(struct arena *arena, struct made_locations *locations, struct made_location *location,
			const char *backend);

#endif
