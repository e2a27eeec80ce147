/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "affixes.h"

#define LAST_BIT 63u

void affixes_init(struct affixes *affixes, bool suffixes, uint64_t seed)
{
	*affixes = (struct affixes){ .suffixes = suffixes };
	literals_init(&affixes->set, seed);
}

static bool find_length(struct arena *arena, struct affixes *affixes, uint32_t length, size_t *at)
{
	uint32_t *slot;

	for (*at = 0; *at < affixes->n; ++*at)
		if (affixes->lengths[*at] == length)
			return true;
	slot = arena_grow(arena, &affixes->lengths, &affixes->n, sizeof(*slot));
	if (slot)
		*slot = length;
	return slot != NULL;
}

/* text's byte at the end, or the one next to it; false: it is shorter. */
static inline bool byte_at(const struct affixes *affixes, struct slice text, size_t depth, uint8_t *byte)
{
	if (text.len <= depth)
		return false;
	*byte = text.ptr[affixes->suffixes ? text.len - 1 - depth : depth];
	return true;
}

/* What lacks the byte allows every one. */
static void allow(const struct affixes *affixes, uint64_t *masks, struct slice text, size_t depth, uint64_t bit)
{
	uint8_t byte;

	if (byte_at(affixes, text, depth, &byte))
		masks[byte] |= bit;
	else
		for (unsigned i = 0; i < 256; i++)
			masks[i] |= bit;
}

bool affixes_add(struct arena *arena, struct affixes *affixes, struct slice text, uint32_t acl, struct hits *hits)
{
	uint64_t bit;
	size_t at;

	if (!affixes->outer) {
		affixes->outer = arena_alloc(arena, sizeof(*affixes->outer));
		affixes->inner = arena_alloc(arena, sizeof(*affixes->inner));
	}
	if (!affixes->outer || !affixes->inner || !find_length(arena, affixes, (uint32_t)text.len, &at))
		return false;
	bit = 1ull << (at < LAST_BIT ? at : LAST_BIT);
	allow(affixes, *affixes->outer, text, 0, bit);
	allow(affixes, *affixes->inner, text, 1, bit);
	return literals_add(arena, &affixes->set, text, acl, hits);
}

static inline uint32_t find_at(const struct affixes *affixes, size_t i, struct slice text)
{
	size_t length = affixes->lengths[i];

	if (length > text.len)
		return HIT_NONE;
	if (affixes->suffixes)
		text.ptr += text.len - length;
	return literals_find(&affixes->set, slice_of(text.ptr, length));
}

static inline void match_length(const struct affixes *affixes, size_t i, struct slice text, struct sink *sink)
{
	sink_take(sink, find_at(affixes, i, text));
}

/* A bit for each length that the text's end allows. */
static inline uint64_t allowed(const struct affixes *affixes, struct slice text)
{
	uint64_t lengths = UINT64_MAX;
	uint8_t byte;

	if (byte_at(affixes, text, 0, &byte))
		lengths &= (*affixes->outer)[byte];
	if (byte_at(affixes, text, 1, &byte))
		lengths &= (*affixes->inner)[byte];
	if (affixes->n <= LAST_BIT)
		lengths &= (1ull << affixes->n) - 1;
	return lengths;
}

uint32_t affixes_next(const struct affixes *affixes, struct slice text, struct affixes_cursor *cursor)
{
	uint64_t lengths = affixes->n > 0 ? allowed(affixes, text) : 0;

	while (cursor->next < affixes->n) {
		size_t i = cursor->next++;
		uint32_t hit = HIT_NONE;

		if (lengths >> (i < LAST_BIT ? i : LAST_BIT) & 1)
			hit = find_at(affixes, i, text);
		if (hit != HIT_NONE)
			return hit;
	}
	return HIT_NONE;
}

void affixes_match(const struct affixes *affixes, struct slice text, struct sink *sink)
{
	uint64_t lengths;

	if (affixes->n == 0)
		return;
	lengths = allowed(affixes, text);
	for (; lengths & ~(1ull << LAST_BIT); lengths &= lengths - 1)
		match_length(affixes, (size_t)__builtin_ctzll(lengths), text, sink);
	if (lengths)
		for (size_t i = LAST_BIT; i < affixes->n; i++)
			match_length(affixes, i, text, sink);
}
