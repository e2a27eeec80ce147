/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPOE.txt 3.2.8 and 3.2.9. */
#include "wire.h"

static const char *const texts[] = {
	[SPOP_ERR_NONE] = "normal",
	[SPOP_ERR_IO] = "I/O error",
	[SPOP_ERR_TIMEOUT] = "a timeout occurred",
	[SPOP_ERR_TOO_BIG] = "frame is too big",
	[SPOP_ERR_INVALID] = "invalid frame received",
	[SPOP_ERR_NO_VERSION] = "version value not found",
	[SPOP_ERR_NO_FRAME_SIZE] = "max-frame-size value not found",
	[SPOP_ERR_NO_CAPABILITIES] = "capabilities value not found",
	[SPOP_ERR_BAD_VERSION] = "unsupported version",
	[SPOP_ERR_BAD_FRAME_SIZE] = "max-frame-size too big or too small",
	[SPOP_ERR_FRAGMENTED] = "fragmentation not supported",
	[SPOP_ERR_INTERLACED] = "invalid interlaced frames",
	[SPOP_ERR_NO_FRAME_ID] = "frame-id not found",
	[SPOP_ERR_RESOURCES] = "resource allocation error",
};

const char *spop_error_text(uint64_t status)
{
	return status < WIRE_COUNT(texts) ? texts[status] : "an unknown error occurred";
}

static bool is_disconnect(const struct spop_frame *frame)
{
	return (frame->type == SPOP_HAPROXY_DISCONNECT || frame->type == SPOP_AGENT_DISCONNECT) &&
	       frame->flags & SPOP_FIN && frame->stream_id == 0 && frame->frame_id == 0;
}

bool spop_disconnect_decode(const struct spop_frame *frame, uint64_t *status, struct spop_slice *message)
{
	struct spop_slice payload = frame->payload, key;
	struct spop_value value;
	bool has_status = false;

	*message = SPOP_SLICE("");
	if (!is_disconnect(frame))
		return false;
	while (payload.len > 0) {
		if (!spop_take_argument(&payload, &key, &value))
			return false;
		if (wire_equal(key, SPOP_SLICE("status-code"))) {
			if (!wire_natural(&value, status))
				return false;
			has_status = true;
		} else if (wire_equal(key, SPOP_SLICE("message"))) {
			if (value.type != SPOP_STRING)
				return false;
			*message = value.bytes;
		}
	}
	return has_status;
}

/* It may be the first frame, before a size has been agreed on: every peer takes the smallest. */
bool spop_put_disconnect(struct spop_writer *writer, enum spop_frame_type type, enum spop_error error,
			 struct spop_slice message)
{
	struct spop_value status = { .type = SPOP_UINT32, .integer = error };
	struct spop_value text = { .type = SPOP_STRING, .bytes = message };

	spop_frame_begin(writer, type, 0, 0);
	spop_put_argument(writer, SPOP_SLICE("status-code"), &status);
	spop_put_argument(writer, SPOP_SLICE("message"), &text);
	return spop_frame_end(writer, SPOP_MIN_FRAME_SIZE);
}
