/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans.h"

/* HAProxy's pat_match_dir() and pat_match_dom(). */
static const uint8_t delimiters[256] = {
	['/'] = SPAN_DIR | SPAN_DOM, ['?'] = SPAN_DIR | SPAN_DOM, ['.'] = SPAN_DOM, [':'] = SPAN_DOM
};

static inline bool has_bit(const uint64_t *bits, size_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

void spans_init(struct spans *spans, enum span_kind kind, uint64_t seed)
{
	*spans = (struct spans){ .kind = kind };
	literals_init(&spans->set, seed);
}

/* Delimiters around the pattern itself do not count; one that is nothing else matches nothing. */
bool spans_add(struct arena *arena, struct spans *spans, struct slice text, uint32_t acl, struct hits *hits)
{
	uint32_t within = 0;

	while (text.len > 0 && (delimiters[text.ptr[0]] & spans->kind))
		text = slice_from(text, 1);
	while (text.len > 0 && (delimiters[text.ptr[text.len - 1]] & spans->kind))
		text.len--;
	if (text.len == 0)
		return true;
	for (size_t i = 0; i < text.len; i++)
		within += (delimiters[text.ptr[i]] & spans->kind) != 0;
	if (within > spans->most)
		spans->most = within;
	spans->withins |= 1ull << within % 64;
	spans->sizes |= 1ull << text.len % 64;
	spans->first[text.ptr[0] / 64] |= 1ull << text.ptr[0] % 64;
	pairs_add(&spans->pairs, text);
	return literals_add(arena, &spans->set, text, acl, hits);
}

static inline size_t word_end(struct slice text, size_t at, uint8_t kind)
{
	while (at < text.len && !(delimiters[text.ptr[at]] & kind))
		at++;
	return at;
}

/* All rows of words from `start` on; the first word ends at `end`. */
static void match_from(const struct spans *spans, struct slice text, size_t start, size_t end, struct sink *sink)
{
	for (uint32_t within = 0;; within++) {
		if (has_bit(&spans->sizes, (end - start) % 64) && has_bit(&spans->withins, within % 64))
			sink_take(sink, literals_find(&spans->set, slice_of(text.ptr + start, end - start)));
		if (within == spans->most || end == text.len)
			return;
		end = word_end(text, end + 1, spans->kind);
	}
}

void spans_match(const struct spans *spans, struct slice text, struct sink *sink)
{
	if (pairs_absent(&spans->pairs, text) || pairs_next(&spans->pairs, text, 0) == text.len)
		return;
	for (size_t start = 0, end; start < text.len; start = end + 1) {
		end = word_end(text, start, spans->kind);
		if (end > start && has_bit(spans->first, text.ptr[start]))
			match_from(spans, text, start, end, sink);
	}
}
