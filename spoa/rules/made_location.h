/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the formats of `redirect location` get into the frontends that lead there. */
#ifndef SPOA_RULES_MADE_LOCATION_H
#define SPOA_RULES_MADE_LOCATION_H

#include "acl.h"
#include "wants.h"

/* Once all rules of the frontend are known, and before its names are sealed. False: out of memory. */
bool made_locations_read(struct arena *arena, const struct wants *locations, struct frontend *frontend,
			 struct acls *acls, struct config *config);

#endif
