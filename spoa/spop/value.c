/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPOE.txt 3.1: strings, typed data, and typed data with a name, of which HELLO, DISCONNECT and messages consist. */
#include "wire.h"

bool spop_take_string(struct spop_slice *in, struct spop_slice *string)
{
	struct spop_slice rest = *in;

	if (!wire_take_string(&rest, string))
		return false;
	*in = rest;
	return true;
}

/*
 * HAProxy reads integers of every type as 64 bits and so sign-extends a negative INT32; who thinks in 32 bits writes
 * 2^32-1 for -1, which no sane sender means as 4294967295.
 */
static bool take_integer(struct spop_slice *in, struct spop_value *value)
{
	uint64_t number;

	if (!wire_take_varint(in, &number))
		return false;
	if (value->type == SPOP_UINT64)
		value->natural = number;
	else if (value->type == SPOP_INT32 && number > INT32_MAX && number <= UINT32_MAX)
		value->integer = (int32_t)(uint32_t)number;
	else
		value->integer = (int64_t)number;
	return true;
}

static bool take_address(struct spop_slice *in, size_t size, struct spop_value *value)
{
	struct spop_slice bytes;

	if (!wire_take(in, size, &bytes))
		return false;
	value->address = bytes.ptr;
	return true;
}

static bool take_data(struct spop_slice *in, uint8_t byte, struct spop_value *value)
{
	value->type = (enum spop_type)(byte & WIRE_TYPE_MASK);
	switch (value->type) {
	case SPOP_NULL:
		return true;
	case SPOP_BOOL:
		value->boolean = byte & WIRE_TRUE;
		return true;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
	case SPOP_UINT64:
		return take_integer(in, value);
	case SPOP_IPV4:
		return take_address(in, 4, value);
	case SPOP_IPV6:
		return take_address(in, 16, value);
	case SPOP_STRING:
	case SPOP_BINARY:
		return wire_take_string(in, &value->bytes);
	}
	return false; /* 10 to 15: of unknown length, so nothing behind them could be read */
}

/* How many bytes it takes; 0: none of them make a value. By value: the input stays in registers. */
static size_t read_value(struct spop_slice in, struct spop_value *value)
{
	struct spop_slice rest = in;
	uint8_t byte;

	if (!wire_take_byte(&rest, &byte) || !take_data(&rest, byte, value))
		return 0;
	return in.len - rest.len;
}

bool spop_take_value(struct spop_slice *in, struct spop_value *value)
{
	size_t size = read_value(*in, value);

	if (size == 0)
		return false;
	wire_skip(in, size);
	return true;
}

bool spop_take_argument(struct spop_slice *in, struct spop_slice *name, struct spop_value *value)
{
	struct spop_slice rest = *in;
	size_t size;

	if (!wire_take_string(&rest, name))
		return false;
	size = read_value(rest, value);
	if (size == 0)
		return false;
	wire_skip(&rest, size);
	*in = rest;
	return true;
}

void spop_put_string(struct spop_writer *writer, struct spop_slice string)
{
	spop_put_varint(writer, string.len);
	spop_put_bytes(writer, string.ptr, string.len);
}

void spop_put_value(struct spop_writer *writer, const struct spop_value *value)
{
	uint8_t flags = value->type == SPOP_BOOL && value->boolean ? WIRE_TRUE : 0;

	spop_put_byte(writer, (uint8_t)value->type | flags);
	switch (value->type) {
	case SPOP_NULL:
	case SPOP_BOOL:
		return;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
		spop_put_varint(writer, (uint64_t)value->integer);
		return;
	case SPOP_UINT64:
		spop_put_varint(writer, value->natural);
		return;
	case SPOP_IPV4:
		spop_put_bytes(writer, value->address, 4);
		return;
	case SPOP_IPV6:
		spop_put_bytes(writer, value->address, 16);
		return;
	case SPOP_STRING:
	case SPOP_BINARY:
		spop_put_string(writer, value->bytes);
		return;
	}
	writer->full = true; /* no such type: no frame rather than one that nobody can read */
}

void spop_put_argument(struct spop_writer *writer, struct spop_slice name, const struct spop_value *value)
{
	spop_put_string(writer, name);
	spop_put_value(writer, value);
}
