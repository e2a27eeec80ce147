/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPOE.txt 3.1: numbers of variable length, and the single bytes that everything consists of. */
#include "wire.h"

#define LAST_SAFE_SHIFT 53u /* a byte shifted that far, and all before it, are below 2^62 */

bool spop_take_byte(struct spop_slice *in, uint8_t *byte)
{
	return wire_take_byte(in, byte);
}

bool spop_take_varint(struct spop_slice *in, uint64_t *number)
{
	return wire_take_varint(in, number);
}

/*
 * The whole of each following byte is added, its high bit included: the encoder has subtracted that before. HAProxy's
 * decoders know no longest number and let the sum wrap; here what does not fit 64 bits is none. Only the tenth byte
 * can be too much, and one that says that another follows always is.
 */
size_t spop_wire_long_varint(struct spop_slice in, uint64_t *number)
{
	uint64_t value = in.ptr[0];
	unsigned shift = 4;

	for (size_t i = 1; i < in.len; i++, shift += 7) {
		uint64_t byte = in.ptr[i];

		if (shift > LAST_SAFE_SHIFT && byte > (UINT64_MAX - value) >> shift)
			return 0;
		value += byte << shift;
		if (byte < 128) {
			*number = value;
			return i + 1;
		}
	}
	return 0;
}

size_t spop_varint_size(uint64_t number)
{
	size_t size = 2;

	if (number < WIRE_LONG_VARINT)
		return 1;
	for (number = (number - WIRE_LONG_VARINT) >> 4; number >= 128; size++)
		number = (number - 128) >> 7;
	return size;
}

void spop_put_byte(struct spop_writer *writer, uint8_t byte)
{
	if (writer->full || writer->at == writer->end) {
		writer->full = true;
		return;
	}
	*writer->at++ = byte;
}

void spop_put_bytes(struct spop_writer *writer, const void *bytes, size_t len)
{
	if (len > 0) /* bytes may be NULL then */
		wire_put_bytes(writer, bytes, len);
}

void spop_put_varint(struct spop_writer *writer, uint64_t number)
{
	uint8_t bytes[WIRE_VARINT_MOST] = { 0 };
	uint8_t *end;

	if (!writer->full && (size_t)(writer->end - writer->at) >= sizeof(bytes)) {
		writer->at = wire_put_varint_at(writer->at, number);
		return;
	}
	end = wire_put_varint_at(bytes, number);
	wire_put_bytes(writer, bytes, (size_t)(end - bytes));
}
