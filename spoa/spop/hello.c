/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HELLO in both directions: SPOE.txt 3.2.4 and 3.2.5. Keys come in any order; unknown and empty ones are skipped. */
#include "wire.h"

static const struct {
	const char *word;
	unsigned flag;
} capabilities[] = {
	{ "pipelining", SPOP_CAN_PIPELINE },
	{ "fragmentation", SPOP_CAN_FRAGMENT },
	{ "async", SPOP_CAN_ASYNC },
};

/* ---- words of a list: commas between, blanks around ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool take_list_word(struct spop_slice *list, struct spop_slice *word)
{
	size_t end = 0;

	if (list->len == 0)
		return false;
	while (end < list->len && list->ptr[end] != ',')
		end++;
	*word = (struct spop_slice){ list->ptr, end };
	end += end < list->len;
	list->ptr += end;
	list->len -= end;
	while (word->len > 0 && is_blank(word->ptr[0])) {
		word->ptr++;
		word->len--;
	}
	while (word->len > 0 && is_blank(word->ptr[word->len - 1]))
		word->len--;
	return true;
}

static unsigned capabilities_of(struct spop_slice list)
{
	struct spop_slice word;
	unsigned flags = 0;

	while (take_list_word(&list, &word))
		for (size_t i = 0; i < WIRE_COUNT(capabilities); i++)
			if (wire_equal(word, wire_text(capabilities[i].word)))
				flags |= capabilities[i].flag;
	return flags;
}

/* last_digit: '9' allows every minor version, '0' only 2.0. */
static bool is_version_2(struct spop_slice word, uint8_t last_digit)
{
	if (word.len < 3 || word.ptr[0] != '2' || word.ptr[1] != '.')
		return false;
	for (size_t i = 2; i < word.len; i++)
		if (word.ptr[i] < '0' || word.ptr[i] > last_digit)
			return false;
	return true;
}

/* Who announces 2.3 also supports the minor versions before it: SPOE.txt 3.2.4. */
static bool offers_2_0(struct spop_slice versions)
{
	struct spop_slice word;

	while (take_list_word(&versions, &word))
		if (is_version_2(word, '9'))
			return true;
	return false;
}

/* The agent names one version; HAProxy compares numbers, so 2.00 is 2.0 too. */
static bool chose_2_0(struct spop_slice version)
{
	struct spop_slice word;

	return take_list_word(&version, &word) && version.len == 0 && is_version_2(word, '0');
}

/* ---- reading ---- */

/* What the two directions do not share. */
struct side {
	enum spop_frame_type type;
	struct spop_slice version_key;
	bool (*is_2_0)(struct spop_slice version);
};

struct items {
	struct spop_hello *hello;
	struct spop_slice version_key;
	bool has_version, has_frame_size;
};

static bool read_text(const struct spop_value *value, struct spop_slice *text)
{
	if (value->type != SPOP_STRING)
		return false;
	*text = value->bytes;
	return true;
}

/* What does not fit 32 bits is as bad a size as 0. */
static bool read_frame_size(const struct spop_value *value, uint32_t *size)
{
	uint64_t number;

	if (!wire_natural(value, &number))
		return false;
	*size = number <= UINT32_MAX ? (uint32_t)number : 0;
	return true;
}

/* Keys are compared whole, unlike HAProxy, which takes "version-of-agent" for "version". */
static bool read_item(struct items *items, struct spop_slice key, const struct spop_value *value)
{
	struct spop_hello *hello = items->hello;
	struct spop_slice words;

	if (wire_equal(key, items->version_key)) {
		items->has_version = true;
		return read_text(value, &hello->version);
	}
	if (wire_equal(key, SPOP_SLICE("max-frame-size"))) {
		items->has_frame_size = true;
		return read_frame_size(value, &hello->max_frame_size);
	}
	if (wire_equal(key, SPOP_SLICE("capabilities"))) {
		if (!read_text(value, &words))
			return false;
		hello->capabilities = capabilities_of(words);
		return true;
	}
	if (wire_equal(key, SPOP_SLICE("engine-id")))
		return read_text(value, &hello->engine_id);
	if (wire_equal(key, SPOP_SLICE("healthcheck"))) {
		hello->healthcheck = value->type == SPOP_BOOL && value->boolean;
		return value->type == SPOP_BOOL;
	}
	return true;
}

/* Missing capabilities are none: HAProxy's engines take an agent that way, so status 7 is never found. */
static enum spop_error decode(const struct spop_frame *frame, const struct side *side, struct spop_hello *hello)
{
	struct items items = { .hello = hello, .version_key = side->version_key };
	struct spop_slice payload = frame->payload, key;
	struct spop_value value;

	*hello = (struct spop_hello){ .max_frame_size = 0 };
	if (frame->type != side->type || frame->stream_id != 0 || frame->frame_id != 0)
		return SPOP_ERR_INVALID;
	if (!(frame->flags & SPOP_FIN))
		return SPOP_ERR_FRAGMENTED;
	while (payload.len > 0)
		if (!spop_take_argument(&payload, &key, &value) || !read_item(&items, key, &value))
			return SPOP_ERR_INVALID;
	if (!items.has_version)
		return SPOP_ERR_NO_VERSION;
	if (!items.has_frame_size)
		return SPOP_ERR_NO_FRAME_SIZE;
	if (!side->is_2_0(hello->version))
		return SPOP_ERR_BAD_VERSION;
	return hello->max_frame_size < SPOP_MIN_FRAME_SIZE ? SPOP_ERR_BAD_FRAME_SIZE : SPOP_ERR_NONE;
}

enum spop_error spop_hello_decode(const struct spop_frame *frame, struct spop_hello *hello)
{
	const struct side engine = { SPOP_HAPROXY_HELLO, SPOP_SLICE("supported-versions"), offers_2_0 };

	return decode(frame, &engine, hello);
}

enum spop_error spop_agent_hello_decode(const struct spop_frame *frame, struct spop_hello *hello)
{
	const struct side agent = { SPOP_AGENT_HELLO, SPOP_SLICE("version"), chose_2_0 };

	return decode(frame, &agent, hello);
}

struct spop_hello spop_hello_agree(const struct spop_hello *offer, uint32_t limit, unsigned own)
{
	struct spop_hello answer = { .version = SPOP_SLICE("2.0") };

	if (limit < SPOP_MIN_FRAME_SIZE)
		limit = SPOP_MIN_FRAME_SIZE;
	answer.max_frame_size = offer->max_frame_size < limit ? offer->max_frame_size : limit;
	/* HAProxy ≥ 3.1 checks with 16380 and compares the answer with tune.bufsize, which may be smaller */
	if (offer->healthcheck)
		answer.max_frame_size = SPOP_MIN_FRAME_SIZE;
	answer.capabilities = own & (offer->capabilities | SPOP_CAN_FRAGMENT);
	return answer;
}

/* ---- writing ---- */

static void put_text(struct spop_writer *writer, struct spop_slice key, struct spop_slice text)
{
	struct spop_value value = { .type = SPOP_STRING, .bytes = text };

	spop_put_argument(writer, key, &value);
}

static void put_frame_size(struct spop_writer *writer, uint32_t size)
{
	struct spop_value value = { .type = SPOP_UINT32, .integer = size };

	spop_put_argument(writer, SPOP_SLICE("max-frame-size"), &value);
}

static void put_capabilities(struct spop_writer *writer, unsigned flags)
{
	uint8_t list[64];
	size_t len = 0;

	for (size_t i = 0; i < WIRE_COUNT(capabilities); i++) {
		struct spop_slice word = wire_text(capabilities[i].word);

		if (!(flags & capabilities[i].flag))
			continue;
		if (len > 0)
			list[len++] = ',';
		memcpy(list + len, word.ptr, word.len);
		len += word.len;
	}
	put_text(writer, SPOP_SLICE("capabilities"), (struct spop_slice){ list, len });
}

/* The sizes are agreed on by this very frame, so it keeps to the one that every peer takes. */
bool spop_put_hello(struct spop_writer *writer, const struct spop_hello *hello)
{
	struct spop_value yes = { .type = SPOP_BOOL, .boolean = true };

	spop_frame_begin(writer, SPOP_HAPROXY_HELLO, 0, 0);
	put_text(writer, SPOP_SLICE("supported-versions"), hello->version);
	put_frame_size(writer, hello->max_frame_size);
	put_capabilities(writer, hello->capabilities);
	if (hello->engine_id.len > 0)
		put_text(writer, SPOP_SLICE("engine-id"), hello->engine_id);
	if (hello->healthcheck)
		spop_put_argument(writer, SPOP_SLICE("healthcheck"), &yes);
	return spop_frame_end(writer, SPOP_MIN_FRAME_SIZE);
}

bool spop_put_agent_hello(struct spop_writer *writer, const struct spop_hello *hello)
{
	spop_frame_begin(writer, SPOP_AGENT_HELLO, 0, 0);
	put_text(writer, SPOP_SLICE("version"), hello->version);
	put_frame_size(writer, hello->max_frame_size);
	put_capabilities(writer, hello->capabilities);
	return spop_frame_end(writer, SPOP_MIN_FRAME_SIZE);
}
