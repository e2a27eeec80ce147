/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first server that can serve, in the order of the configuration. */
#include "select.h"

static void first_refresh(struct backend *backend, double now)
{
	(void)backend;
	(void)now;
}

static struct server *first_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	(void)key;
	(void)now;
	(void)picker;
	return backend_n_usable(backend) > 0 ? backend_usable(backend, 0) : NULL;
}

static void first_book(struct server *server, double now, const struct picker *picker)
{
	(void)picker;
	(void)now;
	atomic_fetch_add_explicit(&server->state->load.booked, 1, memory_order_relaxed);
}

const struct balance balance_first = {
	.name = "first",
	.refresh = first_refresh,
	.pick = first_pick,
	.book = first_book,
};
