/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rates clients: of an argument ip=src it makes sess.iprep.ip_score. Standard
 * input and output are one connection of HAProxy, from systemd or socat.
 */
#include <string.h>
#include <unistd.h>
#include <spop.h>

#define LIMIT 16380u /* of a frame, until a smaller one is agreed on */

static bool leave(enum spop_error why, struct spop_writer *out)
{
	spop_put_disconnect(out, SPOP_AGENT_DISCONNECT, why, SPOP_SLICE("bye"));
	return false;
}

static bool on_hello(const struct spop_frame *frame, struct spop_writer *out,
		     uint32_t *agreed)
{
	struct spop_hello offer, hello;
	enum spop_error error = spop_hello_decode(frame, &offer);

	if (error != SPOP_ERR_NONE)
		return leave(error, out);
	hello = spop_hello_agree(&offer, LIMIT, SPOP_CAN_PIPELINE);
	*agreed = hello.max_frame_size;
	return spop_put_agent_hello(out, &hello) && !offer.healthcheck;
}

static bool on_notify(const struct spop_frame *frame, struct spop_writer *out,
		      uint32_t max)
{
	struct spop_value value, score = { .type = SPOP_UINT32, .integer = 50 };
	struct spop_slice rest = frame->payload, name;
	struct spop_message message;

	if (!(frame->flags & SPOP_FIN))
		return leave(SPOP_ERR_FRAGMENTED, out);
	while (rest.len > 0) {
		if (!spop_take_message(&rest, &message))
			return leave(SPOP_ERR_INVALID, out);
		while (message.arguments-- > 0) {
			if (!spop_take_argument(&rest, &name, &value))
				return leave(SPOP_ERR_INVALID, out);
			if (name.len == 2 && memcmp(name.ptr, "ip", 2) == 0 &&
			    value.type == SPOP_IPV4 && value.address[0] == 127)
				score.integer = 100;
		}
	}
	spop_frame_begin(out, SPOP_ACK, frame->stream_id, frame->frame_id);
	spop_put_set_var(out, SPOP_SESS, SPOP_SLICE("ip_score"), &score);
	return spop_frame_end(out, max);
}

/* All whole frames of *in. False: close, once the answers are written. */
static bool answer(struct spop_slice *in, struct spop_writer *out,
		   uint32_t *agreed)
{
	for (;;) {
		uint32_t max = *agreed ? *agreed : LIMIT;
		struct spop_frame frame;
		enum spop_status status = spop_frame_decode(in, max, &frame);

		if (status == SPOP_MORE)
			return true;
		if (status != SPOP_OK)
			return leave(status == SPOP_TOO_BIG ?
				     SPOP_ERR_TOO_BIG : SPOP_ERR_INVALID, out);
		if (*agreed && frame.type != SPOP_NOTIFY)
			return leave(frame.type == SPOP_HAPROXY_DISCONNECT ?
				     SPOP_ERR_NONE : SPOP_ERR_INVALID, out);
		if (!(*agreed ? on_notify(&frame, out, max) :
				on_hello(&frame, out, agreed)))
			return false;
	}
}

int main(void)
{
	static uint8_t bytes[LIMIT + SPOP_LENGTH_SIZE], answers[4 * LIMIT];
	struct spop_slice in = { bytes, 0 };
	struct spop_writer out;
	uint32_t agreed = 0;
	bool open = true;
	ssize_t n;

	while (open && (n = read(0, bytes + in.len, sizeof(bytes) - in.len)) > 0) {
		in = (struct spop_slice){ bytes, in.len + (size_t)n };
		spop_writer_init(&out, answers, sizeof(answers));
		open = answer(&in, &out, &agreed);
		memmove(bytes, in.ptr, in.len);
		if (!open && !agreed)
			sleep(1); /* else HAProxy before 3.1 is back at once */
		if (write(1, answers, (size_t)(out.at - answers)) < 0)
			return 1;
	}
	return 0;
}
