/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/slice.h"

#include "spoa-redirect/base/block.h"

typedef uint8_t eight __attribute__((vector_size(8)));

#define CAPITALS(bytes) ((bytes) - (uint8_t)'A' <= (uint8_t)('Z' - 'A'))

static inline void lower_sixteen(uint8_t *to, const uint8_t *from)
{
	block bytes = block_load(from);

	bytes |= block_within(bytes, 'A', 'Z') & 0x20;
	memcpy(to, &bytes, sizeof(bytes));
}

static inline void lower_eight(uint8_t *to, const uint8_t *from)
{
	eight bytes;

	memcpy(&bytes, from, sizeof(bytes));
	bytes |= (eight)CAPITALS(bytes) & 0x20;
	memcpy(to, &bytes, sizeof(bytes));
}

/* The last ones end where s does: some of them are written twice. */
void slice_lower(uint8_t *to, struct slice s)
{
	size_t i = 0;

	if (s.len >= BLOCK) {
		for (; i + BLOCK < s.len; i += BLOCK)
			lower_sixteen(to + i, s.ptr + i);
		lower_sixteen(to + s.len - BLOCK, s.ptr + s.len - BLOCK);
	} else if (s.len >= sizeof(eight)) {
		lower_eight(to, s.ptr);
		lower_eight(to + s.len - sizeof(eight), s.ptr + s.len - sizeof(eight));
	} else {
		for (; i < s.len; i++)
			to[i] = lower(s.ptr[i]);
	}
}

static inline block capitals(const uint8_t *from)
{
	return block_within(block_load(from), 'A', 'Z');
}

static inline uint64_t capitals_of_eight(const uint8_t *from)
{
	eight bytes;

	memcpy(&bytes, from, sizeof(bytes));
	return (uint64_t)(eight)CAPITALS(bytes);
}

bool slice_is_lower(struct slice s)
{
	if (s.len >= BLOCK) {
		block found = capitals(s.ptr + s.len - BLOCK);

		for (size_t i = 0; i + BLOCK < s.len; i += BLOCK)
			found |= capitals(s.ptr + i);
		return !block_any(found);
	}
	if (s.len >= sizeof(eight))
		return !(capitals_of_eight(s.ptr) | capitals_of_eight(s.ptr + s.len - sizeof(eight)));
	for (size_t i = 0; i < s.len; i++)
		if (lower(s.ptr[i]) != s.ptr[i])
			return false;
	return true;
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool slice_split(struct slice *rest, uint8_t separator, struct slice *part)
{
	const uint8_t *found;

	if (!rest->ptr)
		return false;
	found = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
	if (!found) {
		*part = *rest;
		*rest = slice_of(NULL, 0);
		return true;
	}
	*part = slice_of(rest->ptr, (size_t)(found - rest->ptr));
	*rest = slice_of(found + 1, rest->len - part->len - 1);
	return true;
}

bool slice_to_natural(struct slice s, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t digit = (uint8_t)(s.ptr[i] - '0');

		if (digit > 9 || value > (max - (digit < max ? digit : max)) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*number = value;
	return true;
}
