/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "literals.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_SIZE 8u

void hits_begin(struct hits *hits)
{
	for (unsigned i = 0; i < HITS_TOUCHED; i++)
		hits->touched[i] = HIT_NONE;
}

static bool touch(struct hits *hits, uint32_t at)
{
	unsigned i = 0;

	while (i + 1 < HITS_TOUCHED && hits->touched[i] != HIT_NONE)
		i++;
	hits->touched[i] = at;
	hits->users[at]++;
	return true;
}

bool hits_drop(struct hits *hits, uint32_t hit, uint32_t dead)
{
	if (--hits->users[hit] > 0 && !hits->first_only)
		return true;
	atomic_store_explicit(&hits->hits[hit].acl, dead, memory_order_relaxed);
	return hits->users[hit] > 0;
}

bool hits_add(struct arena *arena, struct hits *hits, uint32_t acl, uint32_t *first)
{
	uint32_t *users;
	struct hit *slot;

	if (hits->first_only && *first != HIT_NONE)
		return touch(hits, *first);
	for (uint32_t at = *first; at != HIT_NONE; at = hits->hits[at].next)
		if (hits->hits[at].acl == acl)
			return touch(hits, at);
	slot = arena_grow(arena, &hits->hits, &hits->n, sizeof(*slot));
	users = arena_grow(arena, &hits->users, &hits->n_users, sizeof(*users));
	if (!slot || !users)
		return false;
	atomic_init(&slot->acl, acl);
	slot->next = *first;
	*users = 0;
	*first = (uint32_t)(hits->n - 1);
	return touch(hits, *first);
}

/* Up to eight bytes, as nearly all suffixes and labels have, are their own key. */
static inline uint64_t key_of(struct slice text, uint64_t seed)
{
	uint64_t head, tail;

	if (text.len > 8)
		return XXH3_64bits_withSeed(text.ptr, text.len, seed);
	slice_ends_as_numbers(text, &head, &tail);
	return text.len == 8 ? head : head << 32 | tail;
}

/* A product, folded as wyhash does. */
static inline size_t place_of(const struct literals *literals, uint64_t key, size_t length)
{
	__uint128_t product = (__uint128_t)(key ^ literals->seed) * (0x9e3779b97f4a7c15 ^ length);

	return ((uint64_t)product ^ (uint64_t)(product >> 64)) & literals->mask;
}

void literals_init(struct literals *literals, uint64_t seed)
{
	*literals = (struct literals){ .seed = seed };
}

static void put(struct literals *literals, uint32_t item)
{
	struct slice text = literals->items[item].text;
	uint64_t key = key_of(text, literals->seed);
	size_t at = place_of(literals, key, text.len);

	while (literals->table[at].item)
		at = (at + 1) & literals->mask;
	literals->table[at] = (struct literal_place){ key, (uint32_t)text.len, item + 1 };
}

/* The old table stays in the arena; all of them together are as large as the last. */
static bool grow(struct arena *arena, struct literals *literals)
{
	size_t size = literals->table ? (literals->mask + 1) * 2 : FIRST_SIZE;

	literals->table = arena_array(arena, size, sizeof(*literals->table));
	if (!literals->table)
		return false;
	literals->mask = size - 1;
	for (size_t i = 0; i < literals->n; i++)
		put(literals, (uint32_t)i);
	return true;
}

static inline struct literal *find(const struct literals *literals, struct slice text)
{
	const struct literal_place *place;
	uint64_t key;

	if (literals->n == 0)
		return NULL;
	key = key_of(text, literals->seed);
	for (size_t at = place_of(literals, key, text.len);; at = (at + 1) & literals->mask) {
		place = &literals->table[at];
		if (!place->item)
			return NULL;
		if (place->key == key && place->length == text.len &&
		    (text.len <= 8 || slice_eq(literals->items[place->item - 1].text, text)))
			return &literals->items[place->item - 1];
	}
}

bool literals_add(struct arena *arena, struct literals *literals, struct slice text, uint32_t acl, struct hits *hits)
{
	struct literal *item = find(literals, text);

	if (item)
		return hits_add(arena, hits, acl, &item->hit);
	if ((literals->n + 1) * 2 > literals->mask + 1 || !literals->table)
		if (!grow(arena, literals))
			return false;
	item = arena_grow(arena, &literals->items, &literals->n, sizeof(*item));
	if (!item)
		return false;
	*item = (struct literal){ text, HIT_NONE };
	put(literals, (uint32_t)(literals->n - 1));
	return hits_add(arena, hits, acl, &item->hit);
}

uint32_t literals_find(const struct literals *literals, struct slice text)
{
	const struct literal *item = find(literals, text);

	return item ? item->hit : HIT_NONE;
}
