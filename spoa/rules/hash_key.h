/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the keys of backends get into the frontends that lead there. */
#ifndef SPOA_RULES_HASH_KEY_H
#define SPOA_RULES_HASH_KEY_H

#include "acl.h"

struct hash_keys {
	struct hash_key_use {
		const struct hash_key *key;
		const char *backend;
	} * uses;
	size_t n_uses, n; /* n: different ones */
};

/* Of one frontend, by the keys' numbers; NULL: it does not lead where that one is hashed. */
struct hash_key_samples {
	const struct sample **each;
};

/* False: out of memory. */
bool hash_keys_add(struct arena *arena, struct hash_keys *keys, struct hash_key *key, const char *backend);

/* Once all rules of the frontend are known, and before its names are sealed. False: out of memory. */
bool hash_keys_read(struct arena *arena, const struct hash_keys *keys, struct frontend *frontend, struct acls *acls,
		    struct config *config);

#endif
