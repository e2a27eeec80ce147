/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "authority.h"

#include <stdlib.h>

#define MAX_HOST 300u

struct authorities {
	const struct server **servers; /* sorted by authority */
	size_t n;
};

static int compare(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

static int by_authority(const void *a, const void *b)
{
	const struct server *const *x = a, *const *y = b;

	return compare((*x)->redir.authority, (*y)->redir.authority);
}

struct authorities *authorities_new(struct arena *arena, const struct backend *backend)
{
	struct authorities *authorities = arena_alloc(arena, sizeof(*authorities));

	if (!authorities)
		return NULL;
	authorities->n = backend->n_servers;
	authorities->servers = arena_array(arena, backend->n_servers, sizeof(*authorities->servers));
	if (!authorities->servers)
		return NULL;
	for (size_t i = 0; i < backend->n_servers; i++)
		authorities->servers[i] = backend->servers[i];
	if (authorities->n > 1)
		qsort(authorities->servers, authorities->n, sizeof(*authorities->servers), by_authority);
	return authorities;
}

static bool find_up(const struct authorities *authorities, struct slice host)
{
	size_t low = 0, high = authorities->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(authorities->servers[middle]->redir.authority, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < authorities->n && slice_eq(authorities->servers[low]->redir.authority, host); low++)
		if (server_status(authorities->servers[low]) == SERVER_UP)
			return true;
	return false;
}

bool authorities_name(const struct authorities *authorities, struct slice host)
{
	uint8_t folded[MAX_HOST];
	struct slice name = { folded, host.len };

	if (host.len == 0 || host.len > sizeof(folded))
		return false;
	slice_lower(folded, host);
	if (find_up(authorities, name))
		return true;
	if (slice_ends(name, SLICE(":443")))
		name.len -= 4;
	else if (slice_ends(name, SLICE(":80")))
		name.len -= 3;
	else
		return false;
	return find_up(authorities, name);
}
