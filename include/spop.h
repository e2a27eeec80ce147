/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libspop: HAProxy's Stream Processing Offload Protocol, version 2.0, as pure functions over bytes.
 *
 * The library does no I/O and no allocation, keeps no state of its own and may be called from any
 * thread. Whatever it decodes are slices into the caller's bytes, valid as long as those are.
 * Decoding: spop_frame_decode() cuts a frame from what was read; by its type one of
 * spop_hello_decode(), spop_disconnect_decode(), or spop_take_message() and spop_take_argument()
 * reads its payload. Encoding: between spop_frame_begin() and spop_frame_end() spop_put_…()
 * append to a struct spop_writer; a frame that does not fit leaves no byte behind.
 *
 * The protocol is described in HAProxy's doc/SPOE.txt, section 3; where HAProxy differs from it,
 * HAProxy's behaviour counts.
 */
#ifndef SPOP_H
#define SPOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SPOP_API __attribute__((visibility("default")))
#else
#define SPOP_API
#endif

/* A length that HAProxy itself never goes below, SPOE.txt 3.2. */
#define SPOP_MIN_FRAME_SIZE 256u
/* The bytes of a frame's length field, which its length does not count. */
#define SPOP_LENGTH_SIZE 4u
/* The longest encoding of a number. */
#define SPOP_MAX_VARINT 10u

/* Bytes that belong to someone else. */
struct spop_slice {
	const uint8_t *ptr;
	size_t len;
};

/* How a decoder ended. Only after SPOP_OK the input has moved on. */
enum spop_status {
	SPOP_OK,
	SPOP_MORE,    /* all right so far, but the frame is not complete */
	SPOP_INVALID, /* no further byte can make it a frame: status 4 */
	SPOP_TOO_BIG, /* the frame's length is over the limit: status 3 */
};

/* What a DISCONNECT frame says, SPOE.txt 3.2.9; other values may arrive. */
enum spop_error {
	SPOP_ERR_NONE = 0,
	SPOP_ERR_IO = 1,
	SPOP_ERR_TIMEOUT = 2,
	SPOP_ERR_TOO_BIG = 3,
	SPOP_ERR_INVALID = 4,
	SPOP_ERR_NO_VERSION = 5,
	SPOP_ERR_NO_FRAME_SIZE = 6,
	SPOP_ERR_NO_CAPABILITIES = 7,
	SPOP_ERR_BAD_VERSION = 8,
	SPOP_ERR_BAD_FRAME_SIZE = 9,
	SPOP_ERR_FRAGMENTED = 10,
	SPOP_ERR_INTERLACED = 11,
	SPOP_ERR_NO_FRAME_ID = 12,
	SPOP_ERR_RESOURCES = 13,
	SPOP_ERR_UNKNOWN = 99,
};

enum spop_frame_type {
	SPOP_UNSET = 0,
	SPOP_HAPROXY_HELLO = 1,
	SPOP_HAPROXY_DISCONNECT = 2,
	SPOP_NOTIFY = 3,
	SPOP_AGENT_HELLO = 101,
	SPOP_AGENT_DISCONNECT = 102,
	SPOP_ACK = 103,
};

#define SPOP_FIN   0x1u
#define SPOP_ABORT 0x2u

struct spop_frame {
	uint8_t type;
	uint32_t flags;
	uint64_t stream_id;
	uint64_t frame_id;
	struct spop_slice payload;
};

enum spop_type {
	SPOP_NULL = 0,
	SPOP_BOOL = 1,
	SPOP_INT32 = 2,
	SPOP_UINT32 = 3,
	SPOP_INT64 = 4,
	SPOP_UINT64 = 5,
	SPOP_IPV4 = 6,
	SPOP_IPV6 = 7,
	SPOP_STRING = 8,
	SPOP_BINARY = 9,
};

/* Typed data, SPOE.txt 3.1. */
struct spop_value {
	enum spop_type type;
	union {
		bool boolean;            /* SPOP_BOOL */
		int64_t integer;         /* SPOP_INT32, SPOP_UINT32, SPOP_INT64 */
		uint64_t natural;        /* SPOP_UINT64 */
		const uint8_t *address;  /* SPOP_IPV4: 4 bytes, SPOP_IPV6: 16 bytes, network order */
		struct spop_slice bytes; /* SPOP_STRING, SPOP_BINARY */
	};
};

enum spop_scope {
	SPOP_PROC = 0,
	SPOP_SESS = 1,
	SPOP_TXN = 2,
	SPOP_REQ = 3,
	SPOP_RES = 4,
};

#define SPOP_CAN_PIPELINE 0x1u
#define SPOP_CAN_ASYNC    0x2u
#define SPOP_CAN_FRAGMENT 0x4u

/* The items of a HELLO, whichever side sends it. */
struct spop_hello {
	struct spop_slice version; /* the engine: a list, "2.0"; the agent: the one chosen */
	uint32_t max_frame_size;
	unsigned capabilities;       /* SPOP_CAN_…, unknown words left out */
	bool healthcheck;            /* the engine only */
	struct spop_slice engine_id; /* the engine only; may be empty */
};

struct spop_message {
	struct spop_slice name;
	unsigned arguments; /* how many follow: that many spop_take_argument() */
};

/* ---- reading ---- */

/*
 * Cuts the first frame off *in, of a length of at most max (the length field not counted), and leaves its
 * payload undecoded. Nothing after the length field is read before the length has been found good.
 */
SPOP_API enum spop_status spop_frame_decode(struct spop_slice *in, uint32_t max, struct spop_frame *frame);

/*
 * Each takes one item off *in, or returns false and leaves it where it was. A varint may have at most
 * ten bytes and must fit 64 bits; a string's length is compared with what is left.
 */
SPOP_API bool spop_take_byte(struct spop_slice *in, uint8_t *byte);
SPOP_API bool spop_take_varint(struct spop_slice *in, uint64_t *number);
SPOP_API bool spop_take_string(struct spop_slice *in, struct spop_slice *string);
SPOP_API bool spop_take_value(struct spop_slice *in, struct spop_value *value);

/* A NOTIFY's payload is messages up to its end, where in->len is 0; a message is a name and its arguments. */
SPOP_API bool spop_take_message(struct spop_slice *in, struct spop_message *message);
SPOP_API bool spop_take_argument(struct spop_slice *in, struct spop_slice *name, struct spop_value *value);

/* An ACK's payload is actions up to its end, where in->len is 0. value is NULL typed for an unset-var. */
struct spop_action {
	bool unset;
	enum spop_scope scope;
	struct spop_slice name;
	struct spop_value value;
};
SPOP_API bool spop_take_action(struct spop_slice *in, struct spop_action *action);

/*
 * Reads HAPROXY-HELLO and tells what is wrong with it by the status to refuse it with, SPOP_ERR_NONE
 * if nothing is. The agent's own side of the agreement is spop_hello_agree().
 */
SPOP_API enum spop_error spop_hello_decode(const struct spop_frame *frame, struct spop_hello *hello);

/* The engine's view of AGENT-HELLO; the same statuses. */
SPOP_API enum spop_error spop_agent_hello_decode(const struct spop_frame *frame, struct spop_hello *hello);

/*
 * What an agent answers to an offer: version 2.0, the offered frame size but at most limit, which is taken
 * as SPOP_MIN_FRAME_SIZE if it is less (256 to a health check: the one size that every tune.bufsize accepts),
 * and of the capabilities (SPOP_CAN_…) that it has itself those that were offered. Fragmentation needs no
 * offer: HAProxy does not announce it, yet uses it when the agent does.
 */
SPOP_API struct spop_hello spop_hello_agree(const struct spop_hello *offer, uint32_t limit, unsigned capabilities);

/* Either side's DISCONNECT. False: not even that could be read. message may be empty. */
SPOP_API bool spop_disconnect_decode(const struct spop_frame *frame, uint64_t *status, struct spop_slice *message);

/* HAProxy's own words for a status, "an unknown error occurred" for those without. Constant. */
SPOP_API const char *spop_error_text(uint64_t status);

/* ---- writing ---- */

/*
 * Appends to [at, end): what was written is from where it was started up to at. Once something did not fit,
 * full is set and nothing more is written until spop_frame_end() has taken the frame back; check its result
 * only. Without a frame, to prepare actions, check full: a part of what did not fit may have been written, and
 * spop_writer_init() begins anew.
 */
struct spop_writer {
	uint8_t *at;
	uint8_t *end;
	uint8_t *frame; /* where the open frame began, NULL without one */
	bool full;
};

SPOP_API void spop_writer_init(struct spop_writer *writer, uint8_t *at, size_t room);

/*
 * Every frame of ours is FIN and nothing else; use spop_frame_begin_flags() to test a peer. A frame that is open
 * is given up by the next that is begun, also by those that spop_put_hello() and its like are: no byte of it is left.
 */
SPOP_API void spop_frame_begin(struct spop_writer *writer, enum spop_frame_type type, uint64_t stream_id,
			       uint64_t frame_id);
SPOP_API void spop_frame_begin_flags(struct spop_writer *writer, enum spop_frame_type type, uint32_t flags,
				     uint64_t stream_id, uint64_t frame_id);

/*
 * Completes the open frame. False: it would be longer than max, or did not fit the writer; then not a byte
 * of it is left and the writer can go on. False, too, and nothing else, if none is open.
 */
SPOP_API bool spop_frame_end(struct spop_writer *writer, uint32_t max);

SPOP_API void spop_put_byte(struct spop_writer *writer, uint8_t byte);
SPOP_API void spop_put_bytes(struct spop_writer *writer, const void *bytes, size_t len);
SPOP_API void spop_put_varint(struct spop_writer *writer, uint64_t number);
SPOP_API void spop_put_string(struct spop_writer *writer, struct spop_slice string);
SPOP_API void spop_put_value(struct spop_writer *writer, const struct spop_value *value);

/*
 * Actions of an ACK. A scope that there is none of does not fit. name is not looked at: HAProxy takes
 * [A-Za-z0-9_.], of which 24 bytes are safe beside its var-prefix.
 */
SPOP_API void spop_put_set_var(struct spop_writer *writer, enum spop_scope scope, struct spop_slice name,
			       const struct spop_value *value);
SPOP_API void spop_put_unset_var(struct spop_writer *writer, enum spop_scope scope, struct spop_slice name);

/* Whole frames of at most SPOP_MIN_FRAME_SIZE bytes. False: it would be longer, or did not fit. */
SPOP_API bool spop_put_hello(struct spop_writer *writer, const struct spop_hello *hello);
SPOP_API bool spop_put_agent_hello(struct spop_writer *writer, const struct spop_hello *hello);
SPOP_API bool spop_put_disconnect(struct spop_writer *writer, enum spop_frame_type type, enum spop_error error,
				  struct spop_slice message);

/* An engine's NOTIFY, between begin and end: a message, then exactly that many arguments. */
SPOP_API void spop_put_message(struct spop_writer *writer, struct spop_slice name, unsigned arguments);
SPOP_API void spop_put_argument(struct spop_writer *writer, struct spop_slice name, const struct spop_value *value);

/* How many bytes spop_put_varint() writes. */
SPOP_API size_t spop_varint_size(uint64_t number);

/* A constant string as a slice; SPOP_SLICE_INIT() where a static one is to begin as that. */
#ifdef __cplusplus
#define SPOP_SLICE_INIT(literal)                                                   \
	{                                                                          \
		reinterpret_cast<const uint8_t *>("" literal), sizeof(literal) - 1 \
	}
#define SPOP_SLICE(literal) (spop_slice SPOP_SLICE_INIT(literal))
#else
#define SPOP_SLICE_INIT(literal)                                   \
	{                                                          \
		(const uint8_t *)("" literal), sizeof(literal) - 1 \
	}
#define SPOP_SLICE(literal) ((struct spop_slice)SPOP_SLICE_INIT(literal))
#endif

#ifdef __cplusplus
}
#endif

#endif
