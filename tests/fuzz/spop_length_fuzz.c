/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a stream of frames, cut by the decoder alone: where spop_frame_fuzz looks into what it finds, this one is
 * quick, a few hundred thousand inputs a second. At each limit: nothing is read twice or passed over, a frame lies within
 * what came and within the limit, and what is too long is refused while nothing but its length is there.
 */
#include <stdlib.h>

#include "spop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must stay in every build. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t length_at(struct spop_slice in)
{
	return (uint32_t)in.ptr[0] << 24 | (uint32_t)in.ptr[1] << 16 | (uint32_t)in.ptr[2] << 8 | in.ptr[3];
}

static void check_frame(struct spop_slice before, struct spop_slice after, uint32_t max, const struct spop_frame *frame)
{
	uint32_t length = length_at(before);
	const uint8_t *end = before.ptr + SPOP_LENGTH_SIZE + length;

	must(length <= max && after.ptr == end && after.len == before.len - SPOP_LENGTH_SIZE - length);
	must(frame->payload.len <= length && frame->payload.ptr + frame->payload.len == end);
}

static void check_end(struct spop_slice in, uint32_t max, enum spop_status status)
{
	struct spop_frame frame;
	struct spop_slice head = { in.ptr, in.len < SPOP_LENGTH_SIZE ? in.len : SPOP_LENGTH_SIZE };
	bool too_long = head.len == SPOP_LENGTH_SIZE && length_at(head) > max;

	must(!too_long || spop_frame_decode(&head, max, &frame) == status);
	must(status != SPOP_MORE || head.len < SPOP_LENGTH_SIZE ||
	     (!too_long && in.len < (size_t)length_at(in) + SPOP_LENGTH_SIZE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t limits[] = { SPOP_MIN_FRAME_SIZE, 16380, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct spop_slice in = { data, size }, before = in;
		struct spop_frame frame;
		enum spop_status status;

		while ((status = spop_frame_decode(&in, limits[i], &frame)) == SPOP_OK) {
			check_frame(before, in, limits[i], &frame);
			before = in;
		}
		must(in.ptr == before.ptr && in.len == before.len);
		check_end(in, limits[i], status);
	}
	return 0;
}
