/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that belong to someone else: (pointer, length), passed by value. A request is read, matched and
 * answered as slices of its connection's buffer; nothing here allocates or needs a terminator.
 * Print one with "%.*s" and SLICE_ARGS().
 */
#ifndef SPOA_REDIRECT_BASE_SLICE_H
#define SPOA_REDIRECT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *ptr;
	size_t len;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A constant string. */
#define SLICE(literal)    ((struct slice){ (const uint8_t *)("" literal), sizeof(literal) - 1 })
#define SLICE_ARGS(slice) (int)(slice).len, (const char *)(slice).ptr

static inline struct slice slice_of(const void *ptr, size_t len)
{
	return (struct slice){ ptr, len };
}

static inline struct slice slice_of_string(const char *string)
{
	return slice_of(string, strlen(string));
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The part from `from` on; nothing when there is none. */
static inline struct slice slice_from(struct slice s, size_t from)
{
	return from < s.len ? slice_of(s.ptr + from, s.len - from) : slice_of(s.ptr + s.len, 0);
}

/* ASCII only, as HTTP compares names. */
static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Writes s in lower case, ASCII only, to `to`, which has room for it. */
void slice_lower(uint8_t *to, struct slice s);

/* Whether it has no capital letter, ASCII only. */
bool slice_is_lower(struct slice s);

/* Copies s, which does not overlap, without a call: for the few dozen bytes that most strings of a request have. Behind it. */
static inline uint8_t *slice_copy(uint8_t *to, struct slice s)
{
	size_t i = 0;

	if (s.len < 16) {
		for (; i < s.len; i++)
			to[i] = s.ptr[i];
		return to + s.len;
	}
	for (; i + 16 < s.len; i += 16)
		memcpy(to + i, s.ptr + i, 16);
	memcpy(to + s.len - 16, s.ptr + s.len - 16, 16);
	return to + s.len;
}

/*
 * Up to 16 bytes as two numbers, in two loads each: with its length they are the whole of it, so that short strings are
 * hashed and compared without a loop. *head and *tail are 0 for an empty one.
 */
static inline void slice_ends_as_numbers(struct slice s, uint64_t *head, uint64_t *tail)
{
	uint32_t a, b;

	*head = *tail = 0;
	if (s.len >= 8) {
		memcpy(head, s.ptr, 8);
		memcpy(tail, s.ptr + s.len - 8, 8);
	} else if (s.len >= 4) {
		memcpy(&a, s.ptr, 4);
		memcpy(&b, s.ptr + s.len - 4, 4);
		*head = a;
		*tail = b;
	} else if (s.len > 0) {
		*head = s.ptr[0];
		*tail = (uint64_t)s.ptr[s.len / 2] << 8 | s.ptr[s.len - 1];
	}
}

bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* Without blanks and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* The part before the first `separator`, which goes; what follows stays in *rest. False: *rest is used up (ptr NULL). */
bool slice_split(struct slice *rest, uint8_t separator, struct slice *part);

/* Decimal digits only, all of them, at most max. */
bool slice_to_natural(struct slice s, uint64_t max, uint64_t *number);

#endif
