/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/slice.h"

#define EACH_BYTE(b) (0x0101010101010101u * (b))

/* Eight bytes at a time: a capital letter is a byte without the high bit that carries for 'A' and not for 'Z' + 1. */
static uint64_t lower_eight(uint64_t bytes)
{
	uint64_t low = bytes & EACH_BYTE(0x7f);
	uint64_t from_a = low + EACH_BYTE(0x80 - 'A'), past_z = low + EACH_BYTE(0x7f - 'Z');

	return bytes | ((from_a ^ past_z) & ~bytes & EACH_BYTE(0x80)) >> 2;
}

void slice_lower(uint8_t *to, struct slice s)
{
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		uint64_t eight;

		memcpy(&eight, s.ptr + i, 8);
		eight = lower_eight(eight);
		memcpy(to + i, &eight, 8);
	}
	if (i < s.len && s.len >= 8) { /* the last eight, some of them again */
		uint64_t eight;

		memcpy(&eight, s.ptr + s.len - 8, 8);
		eight = lower_eight(eight);
		memcpy(to + s.len - 8, &eight, 8);
		return;
	}
	for (; i < s.len; i++)
		to[i] = lower(s.ptr[i]);
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
