/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wants.h"

#include <string.h>

bool wants_add(struct arena *arena, struct wants *wants, const void *what, struct want *want, const char *backend)
{
	struct want_of *slot = arena_grow(arena, &wants->each, &wants->n, sizeof(*slot));

	if (!slot)
		return false;
	if (!want->numbered)
		*want = (struct want){ wants->different++, true };
	*slot = (struct want_of){ what, want->number, backend };
	return true;
}

bool want_concerns(const struct want_of *want, const struct frontend *frontend)
{
	for (size_t i = 0; i < frontend->n_rules; i++)
		if (frontend->rules[i]->format || strcmp(frontend->rules[i]->backend, want->backend) == 0)
			return true;
	return false;
}
