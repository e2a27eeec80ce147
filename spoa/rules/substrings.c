/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "substrings.h"

#include <stdlib.h>

#include "grams.h"
#include "pairs.h"

#define MANY_PATTERNS 100u /* from here on pairs tell little */

enum { TELLS = 0x80, MOST_DEPTH = 0x7f };

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
	uint16_t classes[256]; /* 0: in no pattern */
	uint32_t *next;        /* state × class → state */
	uint8_t *tells; /* by state: TELLS, if it or its outputs end a pattern, and its depth, MOST_DEPTH at most */
	struct slice *patterns; /* for the grams */
	size_t n_patterns;
	struct pairs pairs;
	/* of many patterns: those that are too short for grams, all others, and the grams of those */
	struct pairs shorts, longs;
	size_t n_longs;
	struct grams grams;
};

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
	struct slice *pattern;
	uint32_t at = 0;

	for (size_t i = 0; i < text.len; i++) {
		at = child_of(arena, substrings, at, text.ptr[i]);
		if (at == 0)
			return false;
		if (!substrings->classes[text.ptr[i]])
			substrings->classes[text.ptr[i]] = ++substrings->n_classes;
	}
	pairs_add(&substrings->pairs, text);
	pairs_add(text.len > GRAM ? &substrings->longs : &substrings->shorts, text);
	substrings->n_longs += text.len > GRAM;
	pattern = arena_grow(arena, &substrings->patterns, &substrings->n_patterns, sizeof(*pattern));
	if (!pattern)
		return false;
	*pattern = text;
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
		substrings->tells[state] |= node->hit != HIT_NONE || node->output ? TELLS : 0;
		for (uint32_t child = node->child; child; child = substrings->nodes[child].sibling) {
			uint16_t class = substrings->classes[substrings->nodes[child].byte];

			fails[child] = state ? row[class] : 0;
			substrings->tells[child] = (substrings->tells[state] & MOST_DEPTH) < MOST_DEPTH
							   ? (substrings->tells[state] & MOST_DEPTH) + 1
							   : MOST_DEPTH;
			row[class] = child;
			queue[tail++] = child;
		}
	}
}

static bool make_grams(struct arena *arena, struct substrings *substrings)
{
	if (!grams_init(arena, &substrings->grams, substrings->longs.window, substrings->n_longs))
		return false;
	for (size_t i = 0; i < substrings->n_patterns; i++)
		if (substrings->patterns[i].len > GRAM)
			grams_add(&substrings->grams, substrings->patterns[i]);
	return true;
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
	if (substrings->n_longs >= MANY_PATTERNS && substrings->shorts.n_anchors <= ANCHORS &&
	    !make_grams(arena, substrings))
		return false;
	return substrings->next != NULL;
}

/* Where grams tell all: a few short patterns do not stand in the text, which is soon seen. NULL: they do not. */
static inline const struct grams *grams_for(const struct substrings *substrings, struct slice text)
{
	return substrings->grams.bits && pairs_absent(&substrings->shorts, text) ? &substrings->grams : NULL;
}

static inline size_t next_start(const struct substrings *substrings, const struct grams *grams, struct slice text,
				size_t at)
{
	return grams ? grams_next(grams, text, at) : pairs_next(&substrings->pairs, text, at);
}

/*
 * Among many patterns nearly every byte begins one, and the state would be back at its first for none of them. So where
 * what is pending is shorter than any pattern, and cannot become one, the search goes on at the next place that can. *at is
 * behind the bytes that led to the state.
 */
static inline uint32_t skip_hopeless(const struct substrings *substrings, const struct grams *grams, struct slice text,
				     uint32_t state, size_t *at)
{
	size_t depth = substrings->tells[state] & MOST_DEPTH, start = *at - depth;

	if (!grams || depth >= grams->window || grams_begin(grams, text, start))
		return state;
	*at = grams_next(grams, text, start + 1);
	return 0;
}

uint32_t substrings_next(const struct substrings *substrings, struct slice text, struct substrings_cursor *cursor)
{
	size_t width = (size_t)substrings->n_classes + 1, at = cursor->at;
	uint32_t state = cursor->state, output = cursor->output;
	const struct grams *grams;

	if (output) {
		cursor->output = substrings->nodes[output].output;
		return substrings->nodes[output].hit;
	}
	if (at == 0) {
		if (pairs_absent(&substrings->pairs, text))
			return HIT_NONE;
		cursor->grams = grams_for(substrings, text);
	}
	grams = cursor->grams;
	while (at < text.len) {
		if (state == 0 && (at = next_start(substrings, grams, text, at)) == text.len)
			break;
		state = substrings->next[state * width + substrings->classes[text.ptr[at++]]];
		if (!(substrings->tells[state] & TELLS)) {
			state = skip_hopeless(substrings, grams, text, state, &at);
			continue;
		}
		output = substrings->nodes[state].hit != HIT_NONE ? state : substrings->nodes[state].output;
		*cursor = (struct substrings_cursor){ at, state, substrings->nodes[output].output, grams };
		return substrings->nodes[output].hit;
	}
	cursor->at = at;
	return HIT_NONE;
}
