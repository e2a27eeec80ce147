/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share. The takers of every argument are inline, so that the input stays in two registers
 * from the first byte of an item to its last; spop_take_…() are their names for the world.
 */
#ifndef SPOA_SPOP_WIRE_H
#define SPOA_SPOP_WIRE_H

#include <string.h>

#include "spop.h"

#define WIRE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The low nibble of a typed value is its type, bit 4 a boolean's value: SPOE.txt 3.1. */
#define WIRE_TYPE_MASK 0x0fu
#define WIRE_TRUE      0x10u

/* First bytes below this are the whole number. */
#define WIRE_LONG_VARINT 240u

/* How many bytes a number of more than one takes; 0: not complete, or no number of 64 bits. */
size_t spop_wire_long_varint(struct spop_slice in, uint64_t *number);

static inline void wire_skip(struct spop_slice *in, size_t len)
{
	in->ptr += len;
	in->len -= len;
}

static inline bool wire_take_byte(struct spop_slice *in, uint8_t *byte)
{
	if (in->len == 0)
		return false;
	*byte = *in->ptr;
	wire_skip(in, 1);
	return true;
}

static inline bool wire_take_varint(struct spop_slice *in, uint64_t *number)
{
	size_t size = 1;

	if (in->len == 0)
		return false;
	*number = *in->ptr;
	if (*number >= WIRE_LONG_VARINT) {
		size = spop_wire_long_varint(*in, number);
		if (size == 0)
			return false;
	}
	wire_skip(in, size);
	return true;
}

static inline bool wire_take(struct spop_slice *in, uint64_t len, struct spop_slice *part)
{
	if (len > in->len)
		return false;
	*part = (struct spop_slice){ in->ptr, (size_t)len };
	wire_skip(in, (size_t)len);
	return true;
}

static inline bool wire_take_string(struct spop_slice *in, struct spop_slice *string)
{
	uint64_t len;

	return wire_take_varint(in, &len) && wire_take(in, len, string);
}

static inline struct spop_slice wire_text(const char *text)
{
	return (struct spop_slice){ (const uint8_t *)text, strlen(text) };
}

static inline bool wire_equal(struct spop_slice a, struct spop_slice b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, b.len) == 0;
}

/* An integer of any type; a negative one is a very large number. */
static inline bool wire_natural(const struct spop_value *value, uint64_t *number)
{
	if (value->type < SPOP_INT32 || value->type > SPOP_UINT64)
		return false;
	*number = value->type == SPOP_UINT64 ? value->natural : (uint64_t)value->integer;
	return true;
}

static inline uint32_t wire_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void wire_put_u32(uint8_t *at, uint32_t number)
{
	at[0] = (uint8_t)(number >> 24);
	at[1] = (uint8_t)(number >> 16);
	at[2] = (uint8_t)(number >> 8);
	at[3] = (uint8_t)number;
}

/* A number of any size is no longer than this. */
#define WIRE_VARINT_MOST 10u

/* Where there is room for it: behind it. */
static inline uint8_t *wire_put_varint_at(uint8_t *at, uint64_t number)
{
	if (number < WIRE_LONG_VARINT) {
		*at++ = (uint8_t)number;
		return at;
	}
	*at++ = (uint8_t)(number | 0xf0);
	for (number = (number - WIRE_LONG_VARINT) >> 4; number >= 128; number = (number - 128) >> 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

static inline void wire_put_bytes(struct spop_writer *writer, const void *bytes, size_t len)
{
	if (writer->full || len > (size_t)(writer->end - writer->at)) {
		writer->full = true;
		return;
	}
	memcpy(writer->at, bytes, len);
	writer->at += len;
}

#endif
