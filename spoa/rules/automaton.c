/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "automaton.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "byte_ranges.h"
#include "regular.h"

#define MOST_STATES  200u
#define MOST_ENTRIES 4096u
#define FEW          4u /* bytes by which a text mostly tells that a "^…" does not match it */

/* Rows of the table; the first two are the same of all. */
enum { DEAD, MATCHED, FIRST_OTHER };

/*
 * A state is the offset of its row: where each class of bytes leads, and in the last column what is of use less often.
 */
struct automaton {
	uint8_t classes[256];
	uint16_t width;
	uint16_t start, later;     /* at the text's begin, and behind it */
	struct byte_ranges *stays; /* sets of bytes with which some state stays as it is */
	uint16_t next[];
};

/* The last column: whether a match may end at the text's end, and above that the number of a set of `stays`, from 1. */
enum { ENDS = 1, STAYS_SHIFT = 1 };

typedef unsigned __int128 node_set;

struct builder {
	struct regular regular;
	node_set after[REGULAR_NODES]; /* of nodes of bytes: where they lead */
	node_set later;
	node_set ends;
	uint16_t n_classes;
	uint8_t classes[256], sample[256]; /* a byte of each class */
	node_set states[MOST_STATES];
	size_t n_states;
	uint16_t entries[MOST_ENTRIES];
	struct byte_ranges stays[MOST_STATES];
	uint16_t n_stays;
};

/* ---- building ---- */

static inline node_set bit_of(size_t node)
{
	return (node_set)1 << node;
}

/* All that is reached without a byte and waits for one, or for the end, or is the match. */
static void reach(const struct regular *regular, uint16_t at, bool at_begin, node_set *seen, node_set *reached)
{
	const struct regular_node *node = &regular->nodes[at];

	if (*seen & bit_of(at))
		return;
	*seen |= bit_of(at);
	if (node->kind == REGULAR_EITHER) {
		reach(regular, node->next, at_begin, seen, reached);
		reach(regular, node->other, at_begin, seen, reached);
	} else if (node->kind == REGULAR_BEGIN) {
		if (at_begin)
			reach(regular, node->next, at_begin, seen, reached);
	} else {
		*reached |= bit_of(at);
	}
}

static node_set reach_from(const struct regular *regular, uint16_t at, bool at_begin)
{
	node_set seen = 0, reached = 0;

	reach(regular, at, at_begin, &seen, &reached);
	return reached;
}

/* Behind the end only the match, or another end, may come. False: there is something else. */
static bool ends_well(const struct regular *regular, uint16_t at)
{
	node_set seen = 0, reached = 0;

	reach(regular, at, true, &seen, &reached);
	for (uint16_t i = 0; i < regular->n; i++)
		if ((seen & bit_of(i)) &&
		    (regular->nodes[i].kind == REGULAR_BYTES || regular->nodes[i].kind == REGULAR_BEGIN))
			return false;
	return true;
}

static bool reach_all(struct builder *builder)
{
	const struct regular *regular = &builder->regular;

	builder->ends = 0;
	for (uint16_t i = 0; i < regular->n; i++) {
		const struct regular_node *node = &regular->nodes[i];

		if (node->kind == REGULAR_BYTES)
			builder->after[i] = reach_from(regular, node->next, false);
		if (node->kind != REGULAR_END)
			continue;
		builder->ends |= bit_of(i);
		if (!ends_well(regular, node->next))
			return false;
	}
	builder->later = reach_from(regular, regular->start, false);
	return true;
}

static unsigned size_of(const struct byte_set *set)
{
	unsigned size = 0;

	for (size_t i = 0; i < COUNT(set->bits); i++)
		size += (unsigned)__builtin_popcountll(set->bits[i]);
	return size;
}

/* Each class that is partly in the set becomes two. */
static void split_classes(struct builder *builder, const struct byte_set *set)
{
	uint16_t moved[256] = { 0 };
	bool stays[256] = { false };

	for (unsigned byte = 0; byte < 256; byte++)
		stays[builder->classes[byte]] |= !byte_set_has(set, byte);
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t class = builder->classes[byte];

		if (!byte_set_has(set, byte) || !stays[class])
			continue;
		if (!moved[class])
			moved[class] = builder->n_classes++;
		builder->classes[byte] = (uint8_t)moved[class];
	}
}

/* A single byte is a class of its own, without a look at all others. False: there are too many, some of them empty. */
static bool make_classes(struct builder *builder)
{
	const struct regular *regular = &builder->regular;
	bool alone[256] = { false };

	memset(builder->classes, 0, sizeof(builder->classes));
	memset(builder->sample, 0, sizeof(builder->sample));
	builder->n_classes = 1;
	for (uint16_t i = 0; i < regular->n_sets; i++)
		if (size_of(&regular->sets[i]) > 1)
			split_classes(builder, &regular->sets[i]);
	for (uint16_t i = 0; i < regular->n_sets; i++)
		for (unsigned word = 0; size_of(&regular->sets[i]) == 1 && word < 4; word++)
			if (regular->sets[i].bits[word])
				alone[word * 64 + (unsigned)__builtin_ctzll(regular->sets[i].bits[word])] = true;
	for (unsigned byte = 0; byte < 256; byte++)
		if (alone[byte])
			builder->classes[byte] = (uint8_t)builder->n_classes++;
	for (unsigned byte = 0; byte < 256; byte++)
		builder->sample[builder->classes[byte]] = (uint8_t)byte;
	return builder->n_classes <= 256;
}

/* Its number; MOST_STATES: there are too many. */
static size_t state_of(struct builder *builder, node_set nodes)
{
	if (nodes & bit_of(0))
		return MATCHED;
	if (!nodes)
		return DEAD;
	for (size_t i = FIRST_OTHER; i < builder->n_states; i++)
		if (builder->states[i] == nodes)
			return i;
	if (builder->n_states == MOST_STATES || (builder->n_states + 1) * (builder->n_classes + 1u) > MOST_ENTRIES)
		return MOST_STATES;
	builder->states[builder->n_states] = nodes;
	return builder->n_states++;
}

static node_set step_from(const struct builder *builder, node_set from, uint8_t byte)
{
	node_set to = builder->later;

	for (uint16_t i = 1; i < builder->regular.n; i++) {
		const struct regular_node *node = &builder->regular.nodes[i];

		if ((from & bit_of(i)) && node->kind == REGULAR_BYTES &&
		    byte_set_has(&builder->regular.sets[node->set], byte))
			to |= builder->after[i];
	}
	return to;
}

/* False: the table would be too large. */
static bool fill(struct builder *builder)
{
	unsigned width = builder->n_classes + 1u;

	for (unsigned i = 0; i < 2 * width; i++)
		builder->entries[i] = (uint16_t)(i < width ? 0 : width);
	builder->entries[width - 1] = 0;
	for (size_t at = FIRST_OTHER; at < builder->n_states; at++) {
		uint16_t *row = &builder->entries[at * width];

		row[width - 1] = builder->states[at] & builder->ends ? ENDS : 0;
		for (unsigned class = 0; class < builder->n_classes; class ++) {
			size_t to = state_of(builder, step_from(builder, builder->states[at], builder->sample[class]));

			if (to == MOST_STATES)
				return false;
			row[class] = (uint16_t)(to * width);
		}
	}
	return true;
}

static void note_stay(struct builder *builder, size_t state)
{
	unsigned width = builder->n_classes + 1u;
	uint16_t *row = &builder->entries[state * width];
	bool stays[256];

	for (unsigned byte = 0; byte < 256; byte++)
		stays[byte] = row[builder->classes[byte]] == state * width;
	if (byte_ranges_of(stays, &builder->stays[builder->n_stays]))
		row[width - 1] |= (uint16_t)(++builder->n_stays << STAYS_SHIFT);
}

static bool copy_stays(struct arena *arena, const struct builder *builder, struct automaton *automaton)
{
	size_t bytes = builder->n_stays * sizeof(*automaton->stays);

	if (bytes == 0)
		return true;
	automaton->stays = arena_alloc(arena, bytes);
	if (automaton->stays)
		memcpy(automaton->stays, builder->stays, bytes);
	return automaton->stays != NULL;
}

static struct automaton *build(struct arena *arena, struct builder *builder)
{
	size_t width, start, later, bytes;
	struct automaton *automaton;

	if (!reach_all(builder) || !make_classes(builder))
		return NULL;
	builder->n_states = FIRST_OTHER;
	start = state_of(builder, builder->later | reach_from(&builder->regular, builder->regular.start, true));
	later = state_of(builder, builder->later);
	if (start == MOST_STATES || later == MOST_STATES || !fill(builder))
		return NULL;
	builder->n_stays = 0;
	for (size_t i = FIRST_OTHER; i < builder->n_states; i++)
		note_stay(builder, i);
	width = builder->n_classes + 1u;
	bytes = builder->n_states * width * sizeof(*automaton->next);
	automaton = arena_alloc(arena, sizeof(*automaton) + bytes);
	if (!automaton || !copy_stays(arena, builder, automaton))
		return NULL;
	automaton->width = (uint16_t)width;
	automaton->start = (uint16_t)(start * width);
	automaton->later = (uint16_t)(later * width);
	memcpy(automaton->classes, builder->classes, sizeof(automaton->classes));
	memcpy(automaton->next, builder->entries, bytes);
	return automaton;
}

static bool build_from(struct arena *arena, struct slice regex, bool nocase, bool relaxed, struct automaton **automaton)
{
	struct builder *builder = malloc(sizeof(*builder));
	uint32_t newline;
	bool read;

	/* what "." and "$" mean is a matter of how PCRE2 was built */
	read = builder && pcre2_config(PCRE2_CONFIG_NEWLINE, &newline) >= 0 && newline == PCRE2_NEWLINE_LF &&
	       regular_read(regex, nocase, relaxed, &builder->regular);
	*automaton = read ? build(arena, builder) : NULL;
	read &= builder && builder->regular.unbounded;
	free(builder);
	return read;
}

struct automaton *automaton_new(struct arena *arena, struct slice regex, bool nocase)
{
	struct automaton *automaton;

	build_from(arena, regex, nocase, false, &automaton);
	return automaton;
}

struct automaton *automaton_new_guard(struct arena *arena, struct slice regex, bool nocase)
{
	struct automaton *automaton;

	if (!build_from(arena, regex, nocase, true, &automaton) || !automaton || automaton->start == automaton->width)
		return NULL;
	return automaton;
}

/* ---- matching ---- */

static inline uint16_t step(const struct automaton *automaton, uint16_t state, uint8_t byte)
{
	const uint16_t *column = automaton->next + automaton->classes[byte];

	return column[state];
}

/*
 * By sixteen bytes: the rows that nothing leaves need no look in between, and where such a piece has changed nothing, bytes
 * that change nothing are skipped.
 */
static inline size_t run_blocks(const struct automaton *automaton, struct slice text, size_t at, uint16_t pause,
				uint16_t *last)
{
	uint16_t state = *last, width = automaton->width;

	while (text.len - at >= BLOCK && state > width && state != pause) {
		uint16_t before = state, stay;

		for (size_t i = 0; i < BLOCK; i++)
			state = step(automaton, state, text.ptr[at + i]);
		at += BLOCK;
		stay = automaton->next[state + width - 1] >> STAYS_SHIFT;
		if (state == before && stay)
			at = byte_ranges_skip(&automaton->stays[stay - 1], text, at);
	}
	*last = state;
	return at;
}

/* Up to `end`, a pause, or where all that comes is the same. */
static inline size_t run_bytes(const struct automaton *automaton, struct slice text, size_t at, size_t end,
			       uint16_t pause, uint16_t *last)
{
	uint16_t state = *last, width = automaton->width;

	while (at < end && state > width && state != pause)
		state = step(automaton, state, text.ptr[at++]);
	*last = state;
	return at;
}

bool automaton_match(const struct automaton *automaton, struct slice text, bool pauses, size_t *at)
{
	uint16_t state = *at == 0 ? automaton->start : automaton->later, width = automaton->width;
	uint16_t pause = pauses ? automaton->later : 0;
	size_t i = *at, end = text.len;

	/* "$" is before a last line feed, too */
	if (i < end && text.ptr[end - 1] == '\n')
		end--;
	if (pauses && i < end) {
		state = step(automaton, state, text.ptr[i++]);
		i = run_bytes(automaton, text, i, end - i < BLOCK ? end : i + BLOCK, pause, &state);
	} else {
		i = run_bytes(automaton, text, i, end - i < FEW ? end : i + FEW, pause, &state);
	}
	i = run_blocks(automaton, slice_of(text.ptr, end), i, pause, &state);
	i = run_bytes(automaton, text, i, end, pause, &state);
	if (i == end && end < text.len && state > width && !(automaton->next[state + width - 1] & ENDS))
		state = step(automaton, state, text.ptr[i++]);
	*at = i;
	return state == width || (i >= end && state > width && (automaton->next[state + width - 1] & ENDS));
}
