/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "literals.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_SIZE 8u

bool hits_add(struct arena *arena, struct hits *hits, uint32_t acl, uint32_t *first)
{
	struct hit *slot;

	for (uint32_t at = *first; at != HIT_NONE; at = hits->hits[at].next)
		if (hits->hits[at].acl == acl)
			return true;
	slot = arena_grow(arena, &hits->hits, &hits->n, sizeof(*slot));
	if (!slot)
		return false;
	*slot = (struct hit){ acl, *first };
	*first = (uint32_t)(hits->n - 1);
	return true;
}

/* Up to eight bytes, as nearly all suffixes and labels have, in a few instructions; the product folds as wyhash's. */
static inline uint64_t hash(struct slice text, uint64_t seed)
{
	uint64_t head = 0, tail = 0;
	__uint128_t product;

	if (text.len > 8)
		return XXH3_64bits_withSeed(text.ptr, text.len, seed);
	if (text.len >= 4) {
		uint32_t a, b;

		memcpy(&a, text.ptr, 4);
		memcpy(&b, text.ptr + text.len - 4, 4);
		head = a;
		tail = b;
	} else if (text.len > 0) {
		head = (uint64_t)text.ptr[0] << 16 | (uint64_t)text.ptr[text.len / 2] << 8 | text.ptr[text.len - 1];
	}
	product = (__uint128_t)(head << 32 ^ tail ^ seed) * (0x9e3779b97f4a7c15 ^ text.len << 56 ^ seed << 1);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

void literals_init(struct literals *literals, uint64_t seed)
{
	*literals = (struct literals){ .seed = seed };
}

static void put(struct literals *literals, uint32_t item, uint64_t hash)
{
	size_t at = hash & literals->mask;

	while (literals->table[at])
		at = (at + 1) & literals->mask;
	literals->table[at] = item + 1;
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
		put(literals, (uint32_t)i, hash(literals->items[i].text, literals->seed));
	return true;
}

static struct literal *find(const struct literals *literals, struct slice text, uint64_t hash)
{
	if (literals->n == 0)
		return NULL;
	for (size_t at = hash & literals->mask; literals->table[at]; at = (at + 1) & literals->mask) {
		struct literal *item = &literals->items[literals->table[at] - 1];

		if (item->hash == hash >> 32 && slice_eq(item->text, text))
			return item;
	}
	return NULL;
}

bool literals_add(struct arena *arena, struct literals *literals, struct slice text, uint32_t acl, struct hits *hits)
{
	uint64_t number = hash(text, literals->seed);
	struct literal *item = find(literals, text, number);

	if (item)
		return hits_add(arena, hits, acl, &item->hit);
	if ((literals->n + 1) * 2 > literals->mask + 1 || !literals->table)
		if (!grow(arena, literals))
			return false;
	item = arena_grow(arena, &literals->items, &literals->n, sizeof(*item));
	if (!item)
		return false;
	*item = (struct literal){ text, HIT_NONE, (uint32_t)(number >> 32) };
	put(literals, (uint32_t)(literals->n - 1), number);
	return hits_add(arena, hits, acl, &item->hit);
}

uint32_t literals_find(const struct literals *literals, struct slice text)
{
	const struct literal *item = find(literals, text, hash(text, literals->seed));

	return item ? item->hit : HIT_NONE;
}
