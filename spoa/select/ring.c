/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include <math.h>
#include <stdlib.h>

#include "spoa-redirect/base/hash.h"

#define MOST_EACH  1024u      /* places of an average server */
#define MOST_ALL   (1u << 21) /* of all */
#define MOST_UNIT  10
#define LEAST_UNIT (-8)
#define MANY       (1u << 17) /* from so many on, */
#define SLOWNESS   1e-6       /* weights wait for so many seconds by place between two rings */

/* ---- how many places ---- */

static bool has_slot(const struct server *server)
{
	return !server->backup && !server->standby_of;
}

/* A share of the sum: it is a power of two of the weight, so that one server more or less changes nobody's, or all of them. */
static int unit_of(const struct backend *backend, const struct ring_rule *rule)
{
	double n = 0, configured = 0, sum = 0, each = MOST_EACH;
	int unit;

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];

		if (!has_slot(server))
			continue;
		n++;
		configured += server->weight;
		sum += rule->weight(server);
	}
	while (each * n > MOST_ALL && each > 1)
		each /= 2;
	unit = n > 0 ? (int)floor(log2(each * n / (configured > 0 ? configured : 1))) : LEAST_UNIT;
	unit = unit > MOST_UNIT ? MOST_UNIT : unit < LEAST_UNIT ? LEAST_UNIT : unit;
	while (unit > LEAST_UNIT && ldexp(sum, unit) > 2.0 * MOST_ALL) /* weights far above what is configured */
		unit--;
	return unit;
}

static uint32_t places_of(uint32_t weight, int unit)
{
	uint32_t places = unit >= 0 ? weight << unit : weight >> -unit;

	return weight > 0 && places == 0 ? 1 : places;
}

/* The first places of a server are the same however many it has. */
static inline uint32_t place_of(uint64_t name, uint32_t i)
{
	return (uint32_t)(hash_mix(name + i * 0x9e3779b97f4a7c15) >> 32);
}

/* ---- making one ---- */

static struct ring *new_ring(uint32_t n, uint32_t n_slots)
{
	unsigned bits = 1;
	struct ring *ring;
	size_t parts;

	while (bits < 31 && (1u << bits) < n)
		bits++;
	parts = (size_t)1 << bits;
	ring = calloc(1, sizeof(*ring) + n * sizeof(*ring->nodes) +
				 n_slots * (sizeof(*ring->slots) + sizeof(*ring->holders)) +
				 (parts + 1) * sizeof(*ring->starts));
	if (!ring)
		return NULL;
	ring->n = n;
	ring->shift = 32 - bits;
	ring->slots = (struct server **)(ring->nodes + n);
	ring->holders = (server_slot *)(ring->slots + n_slots);
	ring->starts = (uint32_t *)(ring->holders + n_slots);
	return ring;
}

static void sort_part(struct ring_node *nodes, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct ring_node node = nodes[i];
		uint32_t j = i;

		for (; j > 0 && nodes[j - 1].at > node.at; j--)
			nodes[j] = nodes[j - 1];
		nodes[j] = node;
	}
}

/* put false: only counts, each place in the start behind that of its part. */
static void place_all(struct ring *ring, const struct ring_rule *rule, int unit, bool put)
{
	for (uint32_t slot = 0; slot < ring->n_slots; slot++) {
		uint64_t name = hash_of(slice_of_string(ring->slots[slot]->name));
		uint32_t places = places_of(rule->weight(ring->slots[slot]), unit);

		for (uint32_t i = 0; i < places; i++) {
			uint32_t at = place_of(name, i), part = at >> ring->shift;

			if (put)
				ring->nodes[ring->starts[part]++] = (struct ring_node){ at, slot };
			else
				ring->starts[part + 1]++;
		}
	}
}

/* By the parts of the ring that they are in, as many as there are places; within one, a few are sorted by hand. */
static void sort_places(struct ring *ring, const struct ring_rule *rule, int unit)
{
	uint32_t parts = 1u << (32 - ring->shift);

	place_all(ring, rule, unit, false);
	for (uint32_t part = 0; part < parts; part++)
		ring->starts[part + 1] += ring->starts[part];
	place_all(ring, rule, unit, true);
	/* each start has become its part's end, which is where the next one starts */
	for (uint32_t part = parts; part > 0; part--)
		ring->starts[part] = ring->starts[part - 1];
	ring->starts[0] = 0;
	for (uint32_t part = 0; part < parts; part++)
		sort_part(ring->nodes + ring->starts[part], ring->starts[part + 1] - ring->starts[part]);
}

static struct ring *make(const struct backend *backend, const struct ring_rule *rule)
{
	int unit = unit_of(backend, rule);
	uint64_t places = 0;
	struct ring *ring;

	for (size_t i = 0; i < backend->n_servers; i++)
		if (has_slot(backend->servers[i]))
			places += places_of(rule->weight(backend->servers[i]), unit);
	ring = places <= UINT32_MAX ? new_ring((uint32_t)places, (uint32_t)backend->n_servers) : NULL;
	if (!ring)
		return NULL;
	for (size_t i = 0; i < backend->n_servers; i++)
		if (has_slot(backend->servers[i]))
			ring->slots[ring->n_slots++] = backend->servers[i];
	sort_places(ring, rule, unit);
	return ring;
}

static void release(struct retired *retired)
{
	free((struct ring *)retired);
}

static void free_all(void *object)
{
	struct backend_state *state = object;

	free(atomic_load_explicit(&state->ring, memory_order_relaxed));
	retired_free(state->retired);
}

bool ring_prepare(struct arena *arena, struct backend_state *state)
{
	return arena_on_free(arena, free_all, state);
}

/* ---- keeping it ---- */

static uint64_t slots_of(const struct backend *backend)
{
	uint64_t sum = 17;

	for (size_t i = 0; i < backend->n_servers; i++)
		if (has_slot(backend->servers[i]))
			sum = hash_mix(sum ^ (uintptr_t)backend->servers[i]);
	return sum;
}

static uint64_t weights_of(const struct backend *backend, const struct ring_rule *rule)
{
	uint64_t sum = 17;

	for (size_t i = 0; i < backend->n_servers; i++)
		sum = hash_mix(sum) + rule->weight(backend->servers[i]);
	return sum;
}

/* Who may be picked is below its maxload, each of them, unless nobody is. */
static bool may_keep(const struct backend *backend, const struct server *owner, double now)
{
	const struct server *first = backend_n_usable(backend) > 0 ? backend_usable(backend, 0) : NULL;

	if (server_status(owner) != SERVER_DRAIN || owner->weight == 0)
		return false;
	return !first || !server_over_maxload(owner, now) || server_over_maxload(first, now);
}

/* Of a shadow, who stands in is the standby's. */
static bool may_hold(const struct server *server, const struct server *owner)
{
	return server == owner || (owner->standby && (server == owner->standby || server->real == owner->standby));
}

/* Who may be picked stands in the order of the slots, and so each is met once. */
static void find_holders(struct ring *ring, const struct backend *backend, const struct ring_rule *rule, double now)
{
	uint32_t n = backend_n_usable(backend), next = 0, found = 0;

	for (uint32_t slot = 0; slot < ring->n_slots; slot++) {
		struct server *owner = ring->slots[slot], *holder = next < n ? backend_usable(backend, next) : NULL;

		if (holder && !may_hold(holder, owner))
			holder = NULL;
		next += holder != NULL;
		if (rule->keeps_draining && may_keep(backend, owner, now))
			holder = owner;
		atomic_store_explicit(&ring->holders[slot], holder, memory_order_relaxed);
		found += holder != NULL;
	}
	atomic_store_explicit(&ring->n_holders, found, memory_order_relaxed);
}

/* Of a server that is gone nothing may be left. */
static void leave_holders(struct ring *ring)
{
	atomic_store_explicit(&ring->n_holders, 0, memory_order_relaxed);
	for (uint32_t slot = 0; slot < ring->n_slots; slot++)
		atomic_store_explicit(&ring->holders[slot], NULL, memory_order_relaxed);
}

void ring_refresh(const struct backend *backend, const struct ring_rule *rule, double now)
{
	struct backend_state *state = backend->state;
	struct ring *old = atomic_load_explicit(&state->ring, memory_order_relaxed), *ring;
	uint64_t slots = slots_of(backend), weights = weights_of(backend, rule);
	bool same_slots = old && old->slots_of == slots,
	     early = old && old->n >= MANY && now < old->made + old->n * SLOWNESS;

	if (same_slots && (early || old->weights_of == weights)) {
		find_holders(old, backend, rule, now);
		return;
	}
	ring = make(backend, rule);
	if (!ring && same_slots)
		find_holders(old, backend, rule, now);
	else if (!ring && old)
		leave_holders(old);
	if (!ring)
		return;
	ring->slots_of = slots;
	ring->weights_of = weights;
	ring->made = now;
	find_holders(ring, backend, rule, now);
	atomic_store_explicit(&state->ring, ring, memory_order_release);
	if (old)
		retired_add(&state->retired, &old->retired, release);
}
