/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "authority.h"

#include <stdlib.h>

#define MAX_HOST 300u

struct authorities {
	struct retired retired;
	struct arena *arena;           /* its own; NULL: the configuration's */
	const struct server **servers; /* sorted by authority */
	size_t n;
	struct slice literal; /* of `redirect location` */
	uint64_t lengths;     /* bits of theirs, modulo 64: most hosts are no server's by that alone */
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
	authorities->literal = backend->redirect.literal.authority;
	if (authorities->literal.len > 0)
		authorities->lengths |= 1ull << authorities->literal.len % 64;
	authorities->servers = arena_array(arena, backend->n_servers, sizeof(*authorities->servers));
	if (!authorities->servers)
		return NULL;
	for (size_t i = 0; i < backend->n_servers; i++) {
		authorities->servers[i] = backend->servers[i];
		authorities->lengths |= 1ull << backend->servers[i]->redir.authority.len % 64;
	}
	if (authorities->n > 1)
		qsort(authorities->servers, authorities->n, sizeof(*authorities->servers), by_authority);
	return authorities;
}

struct authorities *authorities_own(const struct backend *backend)
{
	struct arena *arena = arena_new();
	struct authorities *authorities = arena ? authorities_new(arena, backend) : NULL;

	if (authorities)
		authorities->arena = arena;
	else
		arena_free(arena);
	return authorities;
}

bool authorities_are_own(const struct authorities *authorities)
{
	return authorities->arena != NULL;
}

void authorities_release(struct retired *retired)
{
	arena_free(((struct authorities *)retired)->arena);
}

static bool find_up(const struct authorities *authorities, struct slice host)
{
	size_t low = 0, high = authorities->n;

	if (authorities->literal.len > 0 && slice_eq(authorities->literal, host))
		return true;
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

static inline bool has_length(const struct authorities *authorities, size_t length)
{
	return authorities->lengths >> length % 64 & 1;
}

/* How many bytes of the host are one, with its colon. */
static size_t default_port(struct slice host)
{
	if (host.len == 0 || host.ptr[host.len - 1] > '9') /* most hosts end as a name does */
		return 0;
	return slice_ends(host, SLICE(":443")) ? 4 : slice_ends(host, SLICE(":80")) ? 3 : 0;
}

bool authorities_name(const struct authorities *authorities, struct slice host)
{
	uint8_t folded[MAX_HOST];
	struct slice name = { folded, host.len };
	size_t port = default_port(host);

	if (host.len == 0 || host.len > sizeof(folded) ||
	    !(has_length(authorities, host.len) || (port > 0 && has_length(authorities, host.len - port))))
		return false;
	slice_lower(folded, host);
	if (find_up(authorities, name))
		return true;
	name.len -= port;
	return port > 0 && find_up(authorities, name);
}
