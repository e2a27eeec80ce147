/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPOE.txt 3.2: a length, a type, flags, two ids, a payload. */
#include "wire.h"

#define MIN_LENGTH 7u /* type, flags and two ids of one byte each */

enum spop_status spop_frame_decode(struct spop_slice *in, uint32_t max, struct spop_frame *frame)
{
	struct spop_slice rest = *in, body;
	uint32_t length;

	if (rest.len < SPOP_LENGTH_SIZE)
		return SPOP_MORE;
	length = wire_u32(rest.ptr);
	if (length < MIN_LENGTH)
		return SPOP_INVALID;
	if (length > max)
		return SPOP_TOO_BIG;
	wire_skip(&rest, SPOP_LENGTH_SIZE);
	if (!wire_take(&rest, length, &body))
		return SPOP_MORE;
	frame->type = body.ptr[0];
	frame->flags = wire_u32(body.ptr + 1);
	wire_skip(&body, 5);
	if (!wire_take_varint(&body, &frame->stream_id) || !wire_take_varint(&body, &frame->frame_id))
		return SPOP_INVALID;
	frame->payload = body;
	*in = rest;
	return SPOP_OK;
}

void spop_writer_init(struct spop_writer *writer, uint8_t *at, size_t room)
{
	*writer = (struct spop_writer){ .at = at, .end = at + room };
}

/* Not a byte of the open frame is left. */
static void give_up(struct spop_writer *writer)
{
	writer->at = writer->frame;
	writer->frame = NULL;
	writer->full = false;
}

static uint8_t *put_head(uint8_t *at, enum spop_frame_type type, uint32_t flags, uint64_t stream_id, uint64_t frame_id)
{
	wire_put_u32(at, 0);
	at[SPOP_LENGTH_SIZE] = (uint8_t)type;
	wire_put_u32(at + SPOP_LENGTH_SIZE + 1, flags);
	return wire_put_varint_at(wire_put_varint_at(at + SPOP_LENGTH_SIZE + 5, stream_id), frame_id);
}

void spop_frame_begin_flags(struct spop_writer *writer, enum spop_frame_type type, uint32_t flags, uint64_t stream_id,
			    uint64_t frame_id)
{
	uint8_t head[SPOP_LENGTH_SIZE + 5 + 2 * WIRE_VARINT_MOST] = { 0 };
	uint8_t *end;

	if (writer->frame)
		give_up(writer);
	writer->frame = writer->at;
	if (!writer->full && (size_t)(writer->end - writer->at) >= sizeof(head)) {
		writer->at = put_head(writer->at, type, flags, stream_id, frame_id);
		return;
	}
	end = put_head(head, type, flags, stream_id, frame_id);
	wire_put_bytes(writer, head, (size_t)(end - head));
}

void spop_frame_begin(struct spop_writer *writer, enum spop_frame_type type, uint64_t stream_id, uint64_t frame_id)
{
	spop_frame_begin_flags(writer, type, SPOP_FIN, stream_id, frame_id);
}

bool spop_frame_end(struct spop_writer *writer, uint32_t max)
{
	size_t length;

	if (!writer->frame)
		return false;
	length = (size_t)(writer->at - writer->frame);
	if (writer->full || length - SPOP_LENGTH_SIZE > max) {
		give_up(writer);
		return false;
	}
	wire_put_u32(writer->frame, (uint32_t)(length - SPOP_LENGTH_SIZE));
	writer->frame = NULL;
	return true;
}
