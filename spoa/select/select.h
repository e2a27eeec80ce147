/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_SELECT_SELECT_H
#define SPOA_SELECT_SELECT_H

#include "spoa-redirect/select.h"

extern const struct balance balance_first;
extern const struct balance balance_hash;
extern const struct balance balance_hdr;
extern const struct balance balance_least_load;
extern const struct balance balance_random;
extern const struct balance balance_roundrobin;
extern const struct balance balance_source;
extern const struct balance balance_static_rr;
extern const struct balance balance_uri;
extern const struct balance balance_url_param;

static inline uint32_t server_weight(const struct server *server)
{
	return atomic_load_explicit(&server->state->weight, memory_order_relaxed);
}

/* The same in hundredths, as much of it as a slow start lets through. */
static inline uint32_t server_share(const struct server *server)
{
	return server_weight(server) * (100 - atomic_load_explicit(&server->state->held_back, memory_order_relaxed));
}

#endif
