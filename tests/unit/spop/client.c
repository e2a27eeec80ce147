/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the agent at a port of this machine about a client, as HAProxy would:
 * client 12345 192.0.2.7
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <spop.h>

#define MOST 16380u /* of a frame, as HAProxy has it */

/* The next frame; it is valid until the next call. */
static bool hear(int agent, uint32_t max, struct spop_frame *frame)
{
	static uint8_t bytes[MOST + SPOP_LENGTH_SIZE];
	static struct spop_slice in = { bytes, 0 };
	enum spop_status status;

	while ((status = spop_frame_decode(&in, max, frame)) == SPOP_MORE) {
		ssize_t n;

		memmove(bytes, in.ptr, in.len);
		n = read(agent, bytes + in.len, sizeof(bytes) - in.len);
		if (n <= 0)
			return false;
		in = (struct spop_slice){ bytes, in.len + (size_t)n };
	}
	return status == SPOP_OK;
}

static bool say(int agent, bool fits, struct spop_writer *out, uint8_t *start)
{
	size_t length = (size_t)(out->at - start);
	bool good = fits && write(agent, start, length) == (ssize_t)length;

	out->at = start;
	return good;
}

static void show(const struct spop_frame *frame)
{
	struct spop_slice rest = frame->payload, why;
	struct spop_action action;
	uint64_t status;

	if (spop_disconnect_decode(frame, &status, &why)) {
		printf("%s: %.*s", spop_error_text(status), (int)why.len, why.ptr);
		puts("");
	}
	while (frame->type == SPOP_ACK && spop_take_action(&rest, &action)) {
		if (action.value.type != SPOP_UINT32)
			continue;
		printf("%.*s is %lld", (int)action.name.len, action.name.ptr,
		       (long long)action.value.integer);
		puts("");
	}
	if (frame->type == SPOP_ACK && rest.len > 0)
		puts("the rest of it is no action");
}

int main(int argc, char **argv)
{
	struct spop_hello hello = { SPOP_SLICE("2.0"), MOST, SPOP_CAN_PIPELINE,
				    .engine_id = SPOP_SLICE("client") };
	struct sockaddr_in where = { .sin_family = AF_INET };
	uint8_t room[MOST + SPOP_LENGTH_SIZE], address[4];
	struct spop_value ip = { .type = SPOP_IPV4, .address = address };
	int agent = socket(AF_INET, SOCK_STREAM, 0);
	struct spop_writer out;
	struct spop_frame frame;

	if (argc != 3 || inet_pton(AF_INET, argv[2], address) != 1)
		return 2;
	where.sin_port = htons((uint16_t)atoi(argv[1]));
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(agent, (struct sockaddr *)&where, sizeof(where)) < 0)
		return 1;
	spop_writer_init(&out, room, sizeof(room));
	if (!say(agent, spop_put_hello(&out, &hello), &out, room) ||
	    !hear(agent, MOST, &frame))
		return 1;
	if (spop_agent_hello_decode(&frame, &hello) != SPOP_ERR_NONE ||
	    hello.max_frame_size > MOST) {
		show(&frame);
		return 1;
	}
	spop_frame_begin(&out, SPOP_NOTIFY, 1, 1); /* any ids; the ACK has the same */
	spop_put_message(&out, SPOP_SLICE("check-client-ip"), 1);
	spop_put_argument(&out, SPOP_SLICE("ip"), &ip);
	if (!say(agent, spop_frame_end(&out, hello.max_frame_size), &out, room) ||
	    !hear(agent, hello.max_frame_size, &frame))
		return 1;
	show(&frame);
	say(agent, spop_put_disconnect(&out, SPOP_HAPROXY_DISCONNECT,
				       SPOP_ERR_NONE, SPOP_SLICE("")), &out, room);
	return frame.type == SPOP_ACK ? 0 : 1;
}
