/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consistent hashing (Karger et al. 1997), as HAProxy's lb_chash: every server has places on a ring, as many as its weight
 * tells, and a key belongs to the next place. Places follow from the servers' names alone, so that all agents have the
 * same ones, and so that who goes, or loses weight, gives up only what was its own.
 *
 * A ring does not change but for its holders: another one takes its place, and workers may be looking at the old one for
 * a while, see base/retired.h.
 */
#ifndef SPOA_SELECT_RING_H
#define SPOA_SELECT_RING_H

#include "spoa-redirect/base/retired.h"
#include "spoa-redirect/fleet.h"

struct ring_node {
	uint32_t at, slot;
};

struct ring {
	struct retired retired;
	uint64_t slots_of, weights_of; /* what it was made of, hashed */
	double made;                   /* when */
	uint32_t n, n_slots;
	_Atomic uint32_t n_holders; /* 0: nobody has a place */
	unsigned shift;             /* of a place, for where to look for it */
	struct server **slots;      /* whose places they are */
	server_slot *holders;       /* who serves there, by slot; NULL: nobody can */
	uint32_t *starts;           /* the first node of each part of the ring */
	struct ring_node nodes[];   /* in their order */
};

/* How the servers of a backend are on a ring. */
struct ring_rule {
	uint32_t (*weight)(const struct server *server); /* by which it has places */
	bool keeps_draining; /* who drains still holds its places, below its maxload, beside those who may be picked */
};

/* Of a backend whose state has a ring, once: it goes with the arena. False: out of memory. */
bool ring_prepare(struct arena *arena, struct backend_state *state);

/*
 * Control thread: has the backend's ring follow its servers, weights and states. What it replaces is added to the state's
 * retired. Where there is no memory the old one stays, and the next call tries again.
 */
void ring_refresh(const struct backend *backend, const struct ring_rule *rule, double now);

/* The node that a place belongs to. */
static inline uint32_t ring_find(const struct ring *ring, uint32_t at)
{
	uint32_t part = at >> ring->shift, i = ring->starts[part];

	while (i < ring->starts[part + 1] && ring->nodes[i].at < at)
		i++;
	return i < ring->n ? i : 0;
}

static inline struct server *ring_holder(const struct ring *ring, uint32_t i)
{
	return atomic_load_explicit(&ring->holders[ring->nodes[i].slot], memory_order_relaxed);
}

#endif
