/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "substrings.h"

#include <stdlib.h>

#define PAIRS      4096u
#define MAX_WINDOW 32u

struct node {
	uint32_t child, sibling; /* while building: the first child, the next of the same parent; 0: none */
	uint32_t hit;            /* HIT_NONE: no pattern ends here */
	uint32_t output;         /* the longest other state that ends here too; 0: none */
	uint8_t byte;
};

struct substrings {
	struct node *nodes;
	size_t n;
	uint16_t n_classes;
	uint16_t classes[256];      /* 0: in no pattern */
	uint32_t *next;             /* state × class → state */
	uint8_t *tells;             /* by state: it or its outputs end a pattern */
	size_t shortest;            /* pattern */
	uint64_t pairs[PAIRS / 64]; /* of two bytes that stand among the first `shortest` of a pattern */
};

static unsigned pair(uint8_t a, uint8_t b)
{
	return ((unsigned)a << 4 ^ b) & (PAIRS - 1);
}

struct substrings *substrings_new(struct arena *arena)
{
	struct substrings *substrings = arena_alloc(arena, sizeof(*substrings));

	if (!substrings || !arena_grow(arena, &substrings->nodes, &substrings->n, sizeof(struct node)))
		return NULL;
	substrings->nodes[0] = (struct node){ .hit = HIT_NONE };
	return substrings;
}

static uint32_t child_of(struct arena *arena, struct substrings *substrings, uint32_t parent, uint8_t byte)
{
	struct node *fresh;
	uint32_t at = substrings->nodes[parent].child;

	for (; at; at = substrings->nodes[at].sibling)
		if (substrings->nodes[at].byte == byte)
			return at;
	fresh = arena_grow(arena, &substrings->nodes, &substrings->n, sizeof(*fresh));
	if (!fresh)
		return 0;
	*fresh = (struct node){ .sibling = substrings->nodes[parent].child, .hit = HIT_NONE, .byte = byte };
	return substrings->nodes[parent].child = (uint32_t)(substrings->n - 1);
}

bool substrings_add(struct arena *arena, struct substrings *substrings, struct slice text, uint32_t acl,
		    struct hits *hits)
{
	uint32_t at = 0;

	for (size_t i = 0; i < text.len; i++) {
		at = child_of(arena, substrings, at, text.ptr[i]);
		if (at == 0)
			return false;
		if (!substrings->classes[text.ptr[i]])
			substrings->classes[text.ptr[i]] = ++substrings->n_classes;
	}
	if (substrings->shortest == 0 || text.len < substrings->shortest)
		substrings->shortest = text.len;
	return hits_add(arena, hits, acl, &substrings->nodes[at].hit);
}

/* Breadth first: where a state's longest proper suffix leads is known before the state itself. */
static void link_states(struct substrings *substrings, uint32_t *queue, uint32_t *fails)
{
	size_t width = (size_t)substrings->n_classes + 1, head = 0, tail = 0;

	queue[tail++] = 0;
	while (head < tail) {
		uint32_t state = queue[head++], fail = fails[state];
		struct node *node = &substrings->nodes[state];
		uint32_t *row = &substrings->next[state * width];

		if (state)
			memcpy(row, &substrings->next[fail * width], width * sizeof(*row));
		node->output = state && substrings->nodes[fail].hit != HIT_NONE ? fail : substrings->nodes[fail].output;
		substrings->tells[state] = node->hit != HIT_NONE || node->output;
		for (uint32_t child = node->child; child; child = substrings->nodes[child].sibling) {
			uint16_t class = substrings->classes[substrings->nodes[child].byte];

			fails[child] = state ? row[class] : 0;
			row[class] = child;
			queue[tail++] = child;
		}
	}
}

static void note_pairs(struct substrings *substrings, uint32_t state, size_t depth, uint8_t before)
{
	for (uint32_t child = substrings->nodes[state].child; child && depth < substrings->shortest;
	     child = substrings->nodes[child].sibling) {
		uint8_t byte = substrings->nodes[child].byte;
		unsigned bit = pair(before, byte);

		if (depth > 0)
			substrings->pairs[bit / 64] |= 1ull << bit % 64;
		note_pairs(substrings, child, depth + 1, byte);
	}
}

bool substrings_seal(struct arena *arena, struct substrings *substrings)
{
	uint32_t *queue = calloc(substrings->n, sizeof(*queue)), *fails = calloc(substrings->n, sizeof(*fails));

	substrings->next = arena_array(arena, substrings->n, (substrings->n_classes + 1u) * sizeof(*substrings->next));
	substrings->tells = arena_alloc(arena, substrings->n);
	if (queue && fails && substrings->next && substrings->tells)
		link_states(substrings, queue, fails);
	else
		substrings->next = NULL;
	free(queue);
	free(fails);
	if (substrings->shortest > MAX_WINDOW)
		substrings->shortest = MAX_WINDOW;
	note_pairs(substrings, 0, 0, 0);
	return substrings->next != NULL;
}

/*
 * From the root on, up to the next place where a pattern may begin; the text's length if there is none. The first
 * `shortest` bytes of a pattern hold one pair less than that, so looking at every (shortest − 1)th pair misses none;
 * no look waits for the one before.
 */
static size_t skip(const struct substrings *substrings, struct slice text, size_t at)
{
	size_t window = substrings->shortest;

	if (window < 2)
		return at;
	for (; at + window <= text.len; at += window - 1) {
		unsigned bit = pair(text.ptr[at + window - 2], text.ptr[at + window - 1]);

		if (substrings->pairs[bit / 64] >> bit % 64 & 1)
			return at;
	}
	return text.len;
}

uint32_t substrings_next(const struct substrings *substrings, struct slice text, struct substrings_cursor *cursor)
{
	size_t width = (size_t)substrings->n_classes + 1, at = cursor->at;
	uint32_t state = cursor->state, output = cursor->output;

	if (output) {
		cursor->output = substrings->nodes[output].output;
		return substrings->nodes[output].hit;
	}
	while (at < text.len) {
		if (state == 0 && (at = skip(substrings, text, at)) == text.len)
			break;
		state = substrings->next[state * width + substrings->classes[text.ptr[at++]]];
		if (!substrings->tells[state])
			continue;
		output = substrings->nodes[state].hit != HIT_NONE ? state : substrings->nodes[state].output;
		*cursor = (struct substrings_cursor){ at, state, substrings->nodes[output].output };
		return substrings->nodes[output].hit;
	}
	cursor->at = at;
	return HIT_NONE;
}
