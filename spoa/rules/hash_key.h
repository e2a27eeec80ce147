/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the keys of backends get into the frontends that lead there. */
#ifndef SPOA_RULES_HASH_KEY_H
#define SPOA_RULES_HASH_KEY_H

#include "acl.h"
#include "wants.h"

/* Once all rules of the frontend are known, and before its names are sealed. False: out of memory. */
bool hash_keys_read(struct arena *arena, const struct wants *keys, struct frontend *frontend, struct acls *acls,
		    struct config *config);

#endif
