/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_ANSWER_ROUTES_H
#define SPOA_ANSWER_ROUTES_H

#include "prebuilt.h"

struct route {
	const struct frontend *frontend;
	struct backend **backends; /* by rule; NULL: it is named by the request */
	struct backend **by_name;  /* all, sorted, where there is such a rule */
	size_t n;
};

/* NULL: there is none of that name. */
struct backend *route_find(const struct route *route, struct slice name);

/* Of the request at hand, what the backend hashes; 0: nothing. */
uint64_t answer_key(const struct frontend *frontend, const struct backend *backend, struct answer_scratch *scratch);

struct routes {
	struct arena *arena;
	const struct log *log;
	struct config *config;
	struct message_route {
		struct slice message;
		const struct route *route;
	} * messages;
	size_t n;
};

/* NULL: no frontend here answers such a message. */
static inline const struct route *routes_find(const struct routes *routes, struct spop_slice message)
{
	for (size_t i = 0; i < routes->n; i++)
		if (slice_eq(routes->messages[i].message, slice_of(message.ptr, message.len)))
			return routes->messages[i].route;
	return NULL;
}

#endif
