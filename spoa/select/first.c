/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first server that can serve and is below its maxconn, in the order of the configuration. */
#include "estimate.h"
#include "least_load.h"
#include "select.h"

static bool has_room(const struct backend *backend, uint32_t i, double now)
{
	const struct server_load *load = &backend_usable(backend, i)->state->load;
	double est, z;

	drain(load, half_busy(backend), now, &est, &z);
	return !is_full(load, est);
}

static void first_refresh(struct backend *backend, double now)
{
	uint32_t n = backend_n_usable(backend), front = 0;

	least_load_refresh(backend, now);
	while (front < n && !has_room(backend, front, now))
		front++;
	SET(backend->state->front, front);
}

/* From where the last one found room: those before are looked at again with the next refresh. */
static struct server *first_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	uint32_t n = backend_n_usable(backend);

	(void)key;
	picker->n = 0;
	picker->front = GET(backend->state->front);
	for (picker->found = picker->front; picker->found < n; picker->found++)
		if (has_room(backend, picker->found, now))
			return backend_usable(backend, picker->found);
	return NULL;
}

static void first_book(struct server *server, double now, struct picker *picker)
{
	uint32_t front = picker->front;

	least_load_book(server, now, picker);
	/* unless a refresh knows better */
	if (picker->found > front)
		atomic_compare_exchange_strong_explicit(&server->backend->state->front, &front, picker->found,
							memory_order_relaxed, memory_order_relaxed);
}

const struct balance balance_first = {
	.name = "first",
	.prepare = least_load_prepare,
	.refresh = first_refresh,
	.report = least_load_report,
	.pick = first_pick,
	.book = first_book,
};
