/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

/* What HAProxy 3.1 and later sends; before, the capabilities are "pipelining,async". */
#define ENGINE_HELLO \
	"00 00 00 7b 01 00 00 00 01 00 00 12 73 75 70 70 6f 72 74 65 64 2d 76 65 72 73 69 6f 6e 73 08 03 32 2e 30" \
	"0e 6d 61 78 2d 66 72 61 6d 65 2d 73 69 7a 65 03 fc f0 06 0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 0a 70" \
	"69 70 65 6c 69 6e 69 6e 67 09 65 6e 67 69 6e 65 2d 69 64 08 24 30 62 39 66 33 63 34 65 2d 36 61 35 31 2d" \
	"34 66 33 65 2d 39 61 30 37 2d 31 63 32 64 33 65 34 66 35 61 36 62"
#define CHECK_HELLO \
	"00 00 00 4e 01 00 00 00 01 00 00 12 73 75 70 70 6f 72 74 65 64 2d 76 65 72 73 69 6f 6e 73 08 03 32 2e 30" \
	"0e 6d 61 78 2d 66 72 61 6d 65 2d 73 69 7a 65 03 fc f0 06 0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 00 0b" \
	"68 65 61 6c 74 68 63 68 65 63 6b 11"
#define AGENT_HELLO \
	"00 00 00 40 65 00 00 00 01 00 00 07 76 65 72 73 69 6f 6e 08 03 32 2e 30 0e 6d 61 78 2d 66 72 61 6d 65 2d" \
	"73 69 7a 65 03 fc f0 06 0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 0a 70 69 70 65 6c 69 6e 69 6e 67"
#define AGENT_HELLO_OF_NOTHING \
	"00 00 00 35 65 00 00 00 01 00 00 07 76 65 72 73 69 6f 6e 08 03 32 2e 30 0e 6d 61 78 2d 66 72 61 6d 65 2d" \
	"73 69 7a 65 03 f0 01 0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 00"

/* ---- whole frames ---- */

static struct spop_frame decoded(struct spop_slice in)
{
	struct spop_frame frame;

	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	assert_int_equal(in.len, 0);
	return frame;
}

static void engine_hello_decodes(void **state)
{
	struct spop_slice bytes = hex_new(ENGINE_HELLO);
	struct spop_frame frame = decoded(bytes);
	struct spop_hello hello;

	(void)state;
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_NONE);
	assert_text(hello.version, "2.0");
	assert_int_equal(hello.max_frame_size, 16380);
	assert_int_equal(hello.capabilities, SPOP_CAN_PIPELINE);
	assert_false(hello.healthcheck);
	assert_text(hello.engine_id, "0b9f3c4e-6a51-4f3e-9a07-1c2d3e4f5a6b");
	slice_free(bytes);
}

static void hello_healthcheck(void **state)
{
	struct spop_slice bytes = hex_new(CHECK_HELLO);
	struct spop_frame frame = decoded(bytes);
	struct spop_hello hello;

	(void)state;
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_NONE);
	assert_int_equal(hello.max_frame_size, 16380);
	assert_int_equal(hello.capabilities, 0);
	assert_true(hello.healthcheck);
	assert_int_equal(hello.engine_id.len, 0);
	slice_free(bytes);
}

static void agent_hello_decodes(void **state)
{
	struct spop_slice bytes = hex_new(AGENT_HELLO);
	struct spop_frame frame = decoded(bytes);
	struct spop_hello hello;

	(void)state;
	assert_int_equal(spop_agent_hello_decode(&frame, &hello), SPOP_ERR_NONE);
	assert_text(hello.version, "2.0");
	assert_int_equal(hello.max_frame_size, 16380);
	assert_int_equal(hello.capabilities, SPOP_CAN_PIPELINE);
	slice_free(bytes);
}

typedef bool hello_writer(struct spop_writer *writer, const struct spop_hello *hello);

static void assert_written(hello_writer *put, const struct spop_hello *hello, const char *hex)
{
	struct spop_slice whole = hex_new(hex);
	uint8_t out[300];
	struct spop_writer writer;

	for (size_t room = 0; room < whole.len; room++) {
		memset(out, 0xaa, sizeof(out));
		spop_writer_init(&writer, out, room);
		assert_false(put(&writer, hello));
		assert_ptr_equal(writer.at, out);
		assert_int_equal(out[room], 0xaa);
	}
	spop_writer_init(&writer, out, whole.len);
	assert_true(put(&writer, hello));
	assert_hex(written(&writer, out), hex);
	slice_free(whole);
}

static void engine_hello_encodes(void **state)
{
	const struct spop_hello hello = { .version = SPOP_SLICE("2.0"), .max_frame_size = 16380,
					  .capabilities = SPOP_CAN_PIPELINE,
					  .engine_id = SPOP_SLICE("0b9f3c4e-6a51-4f3e-9a07-1c2d3e4f5a6b") };
	const struct spop_hello check = { .version = SPOP_SLICE("2.0"), .max_frame_size = 16380, .healthcheck = true };

	(void)state;
	assert_written(spop_put_hello, &hello, ENGINE_HELLO);
	assert_written(spop_put_hello, &check, CHECK_HELLO);
}

static void hello_reply_keys(void **state)
{
	const struct spop_hello hello = { .version = SPOP_SLICE("2.0"), .max_frame_size = 16380,
					  .capabilities = SPOP_CAN_PIPELINE, .healthcheck = true,
					  .engine_id = SPOP_SLICE("never sent by an agent") };
	const struct spop_hello nothing = { .version = SPOP_SLICE("2.0"), .max_frame_size = 256 };

	(void)state;
	assert_written(spop_put_agent_hello, &hello, AGENT_HELLO);
	assert_written(spop_put_agent_hello, &nothing, AGENT_HELLO_OF_NOTHING);
}

static void capabilities_are_written_in_one_order(void **state)
{
	static const struct {
		unsigned flags;
		const char *list;
	} cases[] = {
		{ 0, "" },
		{ SPOP_CAN_ASYNC, "async" },
		{ SPOP_CAN_PIPELINE | SPOP_CAN_ASYNC, "pipelining,async" },
		{ SPOP_CAN_PIPELINE | SPOP_CAN_FRAGMENT, "pipelining,fragmentation" },
		{ SPOP_CAN_PIPELINE | SPOP_CAN_FRAGMENT | SPOP_CAN_ASYNC, "pipelining,fragmentation,async" },
		{ ~0u, "pipelining,fragmentation,async" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct spop_hello hello = { .version = SPOP_SLICE("2.0"), .max_frame_size = 256,
					    .capabilities = cases[i].flags };
		size_t len = strlen(cases[i].list);
		uint8_t out[128];
		struct spop_writer writer;

		spop_writer_init(&writer, out, sizeof(out));
		assert_true(spop_put_agent_hello(&writer, &hello));
		assert_memory_equal(writer.at - len, cases[i].list, len);
		assert_int_equal(*(writer.at - len - 1), len);
	}
}

/* No size is agreed on yet: what does not fit the smallest is not sent. */
static void hello_keeps_to_256(void **state)
{
	uint8_t id[300], out[400];
	struct spop_hello hello = { .version = SPOP_SLICE("2.0"), .max_frame_size = 16380 };
	struct spop_writer writer;

	(void)state;
	memset(id, 'x', sizeof(id));
	spop_writer_init(&writer, out, sizeof(out));
	hello.engine_id = (struct spop_slice){ id, 179 };
	assert_true(spop_put_hello(&writer, &hello));
	assert_int_equal(writer.at - out, 256 + 4);
	hello.engine_id.len++;
	spop_writer_init(&writer, out, sizeof(out));
	assert_false(spop_put_hello(&writer, &hello));
	assert_ptr_equal(writer.at, out);
}

/* ---- items ---- */

struct item {
	const char *key;
	struct spop_value value;
};

struct row {
	const char *name;
	struct item items[8];
	enum spop_error error;
	/* if there is none */
	uint32_t max_frame_size;
	unsigned capabilities;
	bool healthcheck;
};

#define TEXT(literal) { .type = SPOP_STRING, .bytes = { (const uint8_t *)(literal), sizeof(literal) - 1 } }
#define UINT32(n) { .type = SPOP_UINT32, .integer = (n) }
#define NULL_VALUE { .type = SPOP_NULL }
#define BOOL(b) { .type = SPOP_BOOL, .boolean = (b) }
#define VERSIONS(literal) { "supported-versions", TEXT(literal) }
#define SIZE(n) { "max-frame-size", UINT32(n) }
#define CAPS(literal) { "capabilities", TEXT(literal) }
#define BOTH (SPOP_CAN_PIPELINE | SPOP_CAN_ASYNC)
#define ALL (BOTH | SPOP_CAN_FRAGMENT)

static const struct row rows[] = {
	{ "hello_version_list_2.0", { VERSIONS("2.0"), SIZE(16380), CAPS("") }, .max_frame_size = 16380 },
	{ "hello_version_list_2.0_1.5", { VERSIONS(" 2.0 , 1.5"), SIZE(16380) }, .max_frame_size = 16380 },
	{ "hello_version_list_1.5_2.0", { VERSIONS("1.5,2.0"), SIZE(16380) }, .max_frame_size = 16380 },
	{ "hello_version_list_2.3", { VERSIONS("2.3"), SIZE(16380) }, .max_frame_size = 16380 },
	{ "hello_version_list_3.1_2.12", { VERSIONS("3.1,\t2.12\t"), SIZE(16380) }, .max_frame_size = 16380 },
	{ "hello_version_list_end_comma", { VERSIONS("2.0,"), SIZE(16380) }, .max_frame_size = 16380 },
	{ "hello_version_list_empty_words", { VERSIONS(" ,,2.0"), SIZE(16380) }, .max_frame_size = 16380 },
	{ "hello_version_list_1.0", { VERSIONS("1.0"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_3.0", { VERSIONS("3.0"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_empty", { VERSIONS(""), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_blank", { VERSIONS(" "), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_comma", { VERSIONS(","), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_2", { VERSIONS("2"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_2.", { VERSIONS("2."), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_20", { VERSIONS("20"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_20.0", { VERSIONS("20.0"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_12.0", { VERSIONS("12.0"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_2.x", { VERSIONS("2.x"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_2.0.1", { VERSIONS("2.0.1"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_2 .0", { VERSIONS("2 .0"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_1.0;2.0", { VERSIONS("1.0;2.0"), SIZE(16380) }, .error = SPOP_ERR_BAD_VERSION },
	{ "hello_version_list_missing", { SIZE(16380), CAPS("") }, .error = SPOP_ERR_NO_VERSION },
	{ "hello_version_list_of_nothing", { { 0 } }, .error = SPOP_ERR_NO_VERSION },
	{ "hello_version_list_key_of_the_agent", { { "version", TEXT("2.0") }, SIZE(16380) },
	  .error = SPOP_ERR_NO_VERSION },
	{ "hello_max_frame_256", { VERSIONS("2.0"), SIZE(256) }, .max_frame_size = 256 },
	{ "hello_max_frame_255", { VERSIONS("2.0"), SIZE(255) }, .error = SPOP_ERR_BAD_FRAME_SIZE },
	{ "hello_max_frame_0", { VERSIONS("2.0"), SIZE(0) }, .error = SPOP_ERR_BAD_FRAME_SIZE },
	{ "hello_max_frame_2^32-1", { VERSIONS("2.0"), SIZE(UINT32_MAX) }, .max_frame_size = UINT32_MAX },
	{ "hello_max_frame_2^32", { VERSIONS("2.0"), SIZE(1ll << 32) }, .error = SPOP_ERR_BAD_FRAME_SIZE },
	{ "hello_max_frame_2^32+16380", { VERSIONS("2.0"), SIZE((1ll << 32) + 16380) },
	  .error = SPOP_ERR_BAD_FRAME_SIZE },
	{ "hello_max_frame_missing", { VERSIONS("2.0"), CAPS("") }, .error = SPOP_ERR_NO_FRAME_SIZE },
	{ "int_any_type_int32", { VERSIONS("2.0"), { "max-frame-size", { SPOP_INT32, { .integer = 512 } } } },
	  .max_frame_size = 512 },
	{ "int_any_type_int64", { VERSIONS("2.0"), { "max-frame-size", { SPOP_INT64, { .integer = 512 } } } },
	  .max_frame_size = 512 },
	{ "int_any_type_uint64", { VERSIONS("2.0"), { "max-frame-size", { SPOP_UINT64, { .natural = 512 } } } },
	  .max_frame_size = 512 },
	{ "int_any_type_-1", { VERSIONS("2.0"), { "max-frame-size", { SPOP_INT64, { .integer = -1 } } } },
	  .error = SPOP_ERR_BAD_FRAME_SIZE },
	{ "int_any_type_2^64-1", { VERSIONS("2.0"), { "max-frame-size", { SPOP_UINT64, { .natural = UINT64_MAX } } } },
	  .error = SPOP_ERR_BAD_FRAME_SIZE },
	{ "int_any_type_string", { VERSIONS("2.0"), { "max-frame-size", TEXT("512") } }, .error = SPOP_ERR_INVALID },
	{ "int_any_type_bool", { VERSIONS("2.0"), { "max-frame-size", BOOL(true) } }, .error = SPOP_ERR_INVALID },
	{ "int_any_type_null", { VERSIONS("2.0"), { "max-frame-size", NULL_VALUE } }, .error = SPOP_ERR_INVALID },
	{ "version_of_wrong_type", { { "supported-versions", UINT32(2) }, SIZE(512) }, .error = SPOP_ERR_INVALID },
	{ "version_null", { { "supported-versions", NULL_VALUE }, SIZE(512) }, .error = SPOP_ERR_INVALID },
	{ "version_binary", { { "supported-versions", { SPOP_BINARY, { .bytes = SPOP_SLICE("2.0") } } }, SIZE(512) },
	  .error = SPOP_ERR_INVALID },
	{ "capabilities_of_wrong_type", { VERSIONS("2.0"), SIZE(512), { "capabilities", BOOL(true) } },
	  .error = SPOP_ERR_INVALID },
	{ "engine_id_of_wrong_type", { VERSIONS("2.0"), SIZE(512), { "engine-id", UINT32(1) } },
	  .error = SPOP_ERR_INVALID },
	{ "healthcheck_of_wrong_type", { VERSIONS("2.0"), SIZE(512), { "healthcheck", UINT32(1) } },
	  .error = SPOP_ERR_INVALID },
	{ "healthcheck_true", { VERSIONS("2.0"), SIZE(512), { "healthcheck", BOOL(true) } }, .max_frame_size = 512,
	  .healthcheck = true },
	{ "healthcheck_false", { VERSIONS("2.0"), SIZE(512), { "healthcheck", BOOL(false) } }, .max_frame_size = 512 },
	{ "hello_caps_parse_missing", { VERSIONS("2.0"), SIZE(512) }, .max_frame_size = 512 },
	{ "hello_caps_parse_empty", { VERSIONS("2.0"), SIZE(512), CAPS("") }, .max_frame_size = 512 },
	{ "hello_caps_parse_one", { VERSIONS("2.0"), SIZE(512), CAPS("pipelining") }, .max_frame_size = 512,
	  .capabilities = SPOP_CAN_PIPELINE },
	{ "hello_caps_parse_two", { VERSIONS("2.0"), SIZE(512), CAPS("pipelining,async") }, .max_frame_size = 512,
	  .capabilities = BOTH },
	{ "hello_caps_parse_blanks", { VERSIONS("2.0"), SIZE(512), CAPS(" async ,\tfragmentation, pipelining ") },
	  .max_frame_size = 512, .capabilities = ALL },
	{ "hello_caps_parse_unknown", { VERSIONS("2.0"), SIZE(512), CAPS("pipelines,x,,async,pipelining2") },
	  .max_frame_size = 512, .capabilities = SPOP_CAN_ASYNC },
	{ "kv_unknown_skipped", { { "a", NULL_VALUE }, VERSIONS("2.0"), { "b", BOOL(true) }, SIZE(512),
				  { "c", { SPOP_IPV4, { .address = (const uint8_t *)"1234" } } },
				  { "d", { SPOP_BINARY, { .bytes = SPOP_SLICE("xyz") } } }, { "e", UINT32(7) } },
	  .max_frame_size = 512 },
	{ "kv_unknown_skipped_empty_key", { { "", TEXT("x") }, VERSIONS("2.0"), SIZE(512) }, .max_frame_size = 512 },
	{ "kv_unknown_skipped_prefix", { VERSIONS("2.0"), SIZE(512), { "supported-versions-x", TEXT("1.0") },
					 { "supported", TEXT("1.0") }, { "max-frame-size-x", UINT32(1) },
					 { "max-frame", TEXT("x") } }, .max_frame_size = 512 },
	{ "kv_unknown_skipped_case", { VERSIONS("2.0"), SIZE(512), { "Max-Frame-Size", UINT32(1) } },
	  .max_frame_size = 512 },
	{ "kv_order_free", { CAPS("async"), { "healthcheck", BOOL(true) }, SIZE(512), VERSIONS("2.0") },
	  .max_frame_size = 512, .capabilities = SPOP_CAN_ASYNC, .healthcheck = true },
	{ "kv_order_free_last_wins", { VERSIONS("1.0"), SIZE(1), CAPS("async"), { "healthcheck", BOOL(true) },
				       VERSIONS("2.0"), SIZE(512), CAPS("pipelining"), { "healthcheck", BOOL(false) } },
	  .max_frame_size = 512, .capabilities = SPOP_CAN_PIPELINE },
	{ "kv_order_free_last_is_bad", { VERSIONS("2.0"), SIZE(512), VERSIONS("1.0") }, .error = SPOP_ERR_BAD_VERSION },
};

static struct spop_slice put_items(const struct item *items, size_t n, uint8_t *out, size_t room)
{
	struct spop_writer writer;

	spop_writer_init(&writer, out, room);
	for (size_t i = 0; i < n && items[i].key; i++)
		spop_put_argument(&writer, (struct spop_slice){ (const uint8_t *)items[i].key, strlen(items[i].key) },
				  &items[i].value);
	assert_false(writer.full);
	return written(&writer, out);
}

static void items_are_judged(void **state)
{
	const struct row *row = *state;
	uint8_t out[512];
	struct spop_slice payload = put_items(row->items, COUNT(row->items), out, sizeof(out));
	struct spop_slice copy = slice_new(payload.ptr, payload.len);
	const struct spop_frame frame = { SPOP_HAPROXY_HELLO, SPOP_FIN, 0, 0, copy };
	struct spop_hello hello;

	assert_int_equal(spop_hello_decode(&frame, &hello), row->error);
	if (row->error == SPOP_ERR_NONE) {
		assert_int_equal(hello.max_frame_size, row->max_frame_size);
		assert_int_equal(hello.capabilities, row->capabilities);
		assert_int_equal(hello.healthcheck, row->healthcheck);
	}
	slice_free(copy);
}

/* ---- the agent's version ---- */

struct version {
	const char *name; /* it is its own name */
	enum spop_error error;
};

static const struct version versions[] = {
	{ "2.0", SPOP_ERR_NONE },
	{ " 2.00\t", SPOP_ERR_NONE },
	{ "2.1", SPOP_ERR_BAD_VERSION },
	{ "1.0", SPOP_ERR_BAD_VERSION },
	{ "2.0,1.0", SPOP_ERR_BAD_VERSION },
	{ "1.0,2.0", SPOP_ERR_BAD_VERSION },
	{ "2", SPOP_ERR_BAD_VERSION },
	{ "", SPOP_ERR_BAD_VERSION },
};

static void version_is_judged(void **state)
{
	const struct version *version = *state;
	const struct item items[] = {
		{ "version", { SPOP_STRING, { .bytes = { (const uint8_t *)version->name, strlen(version->name) } } } },
		SIZE(16380),
	};
	uint8_t out[128];
	const struct spop_frame frame = { SPOP_AGENT_HELLO, SPOP_FIN, 0, 0,
					  put_items(items, COUNT(items), out, sizeof(out)) };
	struct spop_hello hello;

	assert_int_equal(spop_agent_hello_decode(&frame, &hello), version->error);
}

/* ---- what is around the items ---- */

static void ids_zero_hello(void **state)
{
	struct spop_slice engine = hex_new(ENGINE_HELLO), agent = hex_new(AGENT_HELLO);
	struct spop_frame frame = decoded(engine);
	struct spop_hello hello;

	(void)state;
	frame.stream_id = 1;
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_INVALID);
	frame.stream_id = 0;
	frame.frame_id = 1;
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_INVALID);
	frame = decoded(agent);
	frame.stream_id = UINT64_MAX;
	assert_int_equal(spop_agent_hello_decode(&frame, &hello), SPOP_ERR_INVALID);
	slice_free(engine);
	slice_free(agent);
}

static void hello_flags(void **state)
{
	struct spop_slice engine = hex_new(ENGINE_HELLO);
	struct spop_frame frame = decoded(engine);
	struct spop_hello hello;

	(void)state;
	frame.flags = 0;
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_FRAGMENTED);
	frame.flags = SPOP_ABORT;
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_FRAGMENTED);
	frame.flags = 0xfffffff1; /* flags_reserved_ignored */
	assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_NONE);
	slice_free(engine);
}

static void hello_first(void **state)
{
	struct spop_slice engine = hex_new(ENGINE_HELLO);
	struct spop_frame frame = decoded(engine);
	struct spop_hello hello;

	(void)state;
	assert_int_equal(spop_agent_hello_decode(&frame, &hello), SPOP_ERR_INVALID);
	for (unsigned type = 0; type < 256; type++) {
		frame.type = (uint8_t)type;
		assert_int_equal(spop_hello_decode(&frame, &hello),
				 type == SPOP_HAPROXY_HELLO ? SPOP_ERR_NONE : SPOP_ERR_INVALID);
	}
	slice_free(engine);
}

/* Cut between two items it lacks something; cut within one it is no list. */
static void hello_cut(void **state)
{
	struct spop_slice engine = hex_new(ENGINE_HELLO);
	struct spop_frame frame = decoded(engine);
	struct spop_slice whole = frame.payload;
	struct spop_hello hello;

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		enum spop_error expected = SPOP_ERR_INVALID;

		if (len == 0)
			expected = SPOP_ERR_NO_VERSION;
		else if (len == 24)
			expected = SPOP_ERR_NO_FRAME_SIZE;
		else if (len == 43 || len == 68)
			expected = SPOP_ERR_NONE;
		frame.payload = slice_new(whole.ptr, len);
		assert_int_equal(spop_hello_decode(&frame, &hello), expected);
		slice_free(frame.payload);
	}
	slice_free(engine);
}

static void hello_trailing_bytes(void **state)
{
	static const char *const more[] = { " 00", " 01", " 01 61", " 01 61 0a", " 01 61 08 02 61" };

	(void)state;
	for (size_t i = 0; i < COUNT(more); i++) {
		struct spop_slice whole = hex_new(ENGINE_HELLO), rest = hex_new(more[i]);
		uint8_t out[256];
		struct spop_frame frame = decoded(whole);
		struct spop_hello hello;

		memcpy(out, frame.payload.ptr, frame.payload.len);
		memcpy(out + frame.payload.len, rest.ptr, rest.len);
		frame.payload = (struct spop_slice){ out, frame.payload.len + rest.len };
		assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_INVALID);
		slice_free(whole);
		slice_free(rest);
	}
}

/* ---- the agreement ---- */

struct agreement {
	const char *name;
	uint32_t offered;
	unsigned offered_capabilities;
	bool healthcheck;
	uint32_t limit;
	unsigned own;
	uint32_t max_frame_size;
	unsigned capabilities;
};

#define OURS (SPOP_CAN_PIPELINE | SPOP_CAN_FRAGMENT)

static const struct agreement agreements[] = {
	{ "hello_max_frame_offered", 16380, SPOP_CAN_PIPELINE, false, 1048572, OURS, 16380, OURS },
	{ "hello_max_frame_limit", 1048572, SPOP_CAN_PIPELINE, false, 65532, OURS, 65532, OURS },
	{ "hello_max_frame_equal", 16380, SPOP_CAN_PIPELINE, false, 16380, OURS, 16380, OURS },
	{ "hello_pipelining_never_async", 16380, BOTH, false, 65532, SPOP_CAN_PIPELINE, 16380, SPOP_CAN_PIPELINE },
	{ "hello_pipelining_not_offered", 16380, 0, false, 65532, OURS, 16380, SPOP_CAN_FRAGMENT },
	{ "hello_async_of_both", 16380, BOTH, false, 65532, ALL, 16380, ALL },
	{ "fragmentation_not_ours", 16380, ALL, false, 65532, SPOP_CAN_PIPELINE, 16380, SPOP_CAN_PIPELINE },
	{ "hello_max_frame_limit_too_small", 16380, SPOP_CAN_PIPELINE, false, 255, OURS, 256, OURS },
	{ "hello_max_frame_no_limit", 16380, SPOP_CAN_PIPELINE, false, 0, OURS, 256, OURS },
	{ "hello_healthcheck_256", 16380, 0, true, 65532, OURS, 256, SPOP_CAN_FRAGMENT },
};

static void agrees(void **state)
{
	const struct agreement *row = *state;
	const struct spop_hello offer = { .version = SPOP_SLICE("2.3,1.5"), .max_frame_size = row->offered,
					  .capabilities = row->offered_capabilities, .healthcheck = row->healthcheck,
					  .engine_id = SPOP_SLICE("id") };
	struct spop_hello answer = spop_hello_agree(&offer, row->limit, row->own);

	assert_text(answer.version, "2.0");
	assert_int_equal(answer.max_frame_size, row->max_frame_size);
	assert_int_equal(answer.capabilities, row->capabilities);
	assert_false(answer.healthcheck);
	assert_int_equal(answer.engine_id.len, 0);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(engine_hello_decodes),
		cmocka_unit_test(hello_healthcheck),
		cmocka_unit_test(agent_hello_decodes),
		cmocka_unit_test(engine_hello_encodes),
		cmocka_unit_test(hello_reply_keys),
		cmocka_unit_test(capabilities_are_written_in_one_order),
		cmocka_unit_test(hello_keeps_to_256),
		cmocka_unit_test(ids_zero_hello),
		cmocka_unit_test(hello_flags),
		cmocka_unit_test(hello_first),
		cmocka_unit_test(hello_cut),
		cmocka_unit_test(hello_trailing_bytes),
	};
	struct CMUnitTest judged[COUNT(rows)], chosen[COUNT(versions)], agreed[COUNT(agreements)];
	int failed = cmocka_run_group_tests_name("spop hello", others, NULL, NULL);

	ADD_ROWS(judged, items_are_judged, rows);
	failed += cmocka_run_group_tests_name("spop hello: items", judged, NULL, NULL);
	ADD_ROWS(chosen, version_is_judged, versions);
	failed += cmocka_run_group_tests_name("spop hello: the agent's version", chosen, NULL, NULL);
	ADD_ROWS(agreed, agrees, agreements);
	failed += cmocka_run_group_tests_name("spop hello: agreement", agreed, NULL, NULL);
	return failed;
}
