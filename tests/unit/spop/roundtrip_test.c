/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written at random is read as it was, and written again to the same bytes. Each run has another seed, which is
 * printed; SPOP_SEED=N repeats one.
 */
#include <inttypes.h>
#include <time.h>

#include "bytes.h"

#define ROUNDS 20000
#define ROOM 65536u
#define MAX_ITEMS 24u

/* splitmix64 */
struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(struct dice *dice, unsigned limit)
{
	return (unsigned)(roll(dice) % limit);
}

/* Of every length alike. */
static uint64_t any_number(struct dice *dice)
{
	uint64_t number = roll(dice) >> below(dice, 64);

	return below(dice, 8) == 0 ? ~number : number;
}

/* Mostly short; sometimes with a length of two or three bytes. */
static struct spop_slice any_bytes(struct dice *dice)
{
	static const uint8_t pool[4096] = "/index.html?a=b&c=d#\r\n\xf0\x80\x11\x08";
	unsigned longest = below(dice, 40) == 0 ? 2400 : below(dice, 8) == 0 ? 300 : 20;
	size_t len = below(dice, longest);

	return (struct spop_slice){ pool + below(dice, 1000), len };
}

static struct spop_value any_value(struct dice *dice)
{
	struct spop_value value = { .type = (enum spop_type)below(dice, SPOP_BINARY + 1) };

	switch (value.type) {
	case SPOP_NULL:
		break;
	case SPOP_BOOL:
		value.boolean = below(dice, 2);
		break;
	case SPOP_INT32: /* a number that fits the type: others in it have two spellings */
		value.integer = (int32_t)any_number(dice);
		break;
	case SPOP_UINT32:
		value.integer = (uint32_t)any_number(dice);
		break;
	case SPOP_INT64:
		value.integer = (int64_t)any_number(dice);
		break;
	case SPOP_UINT64:
		value.natural = any_number(dice);
		break;
	case SPOP_IPV4:
	case SPOP_IPV6:
		value.address = any_bytes(dice).ptr;
		break;
	case SPOP_STRING:
	case SPOP_BINARY:
		value.bytes = any_bytes(dice);
		break;
	}
	return value;
}

/* ---- lists: a model, its bytes, and what is read from them ---- */

struct item {
	struct spop_slice name;
	struct spop_value value;
	unsigned follow; /* a message: so many arguments, which are the next items */
	bool unset;      /* an action */
	enum spop_scope scope;
};

struct list {
	struct spop_frame frame;
	struct item items[MAX_ITEMS];
	size_t n;
};

static struct list any_list(struct dice *dice, enum spop_frame_type type)
{
	struct list list = { .frame = { (uint8_t)type, SPOP_FIN, any_number(dice), any_number(dice), { NULL, 0 } },
			     .n = below(dice, MAX_ITEMS + 1) };
	unsigned follow = 0;

	for (size_t i = 0; i < list.n; i++) {
		struct item *item = &list.items[i];

		item->name = any_bytes(dice);
		item->unset = below(dice, 4) == 0;
		item->scope = (enum spop_scope)below(dice, SPOP_RES + 1);
		if (type == SPOP_NOTIFY && follow == 0) {
			follow = below(dice, (unsigned)(list.n - i));
			item->follow = follow;
		} else {
			item->value = any_value(dice);
			follow -= follow > 0;
		}
		if (type == SPOP_ACK && item->unset)
			item->value.type = SPOP_NULL;
	}
	return list;
}

static void put_messages(struct spop_writer *writer, const struct list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		unsigned follow = list->items[i].follow;

		spop_put_message(writer, list->items[i].name, follow);
		for (; follow > 0; follow--, i++)
			spop_put_argument(writer, list->items[i + 1].name, &list->items[i + 1].value);
	}
}

static void put_actions(struct spop_writer *writer, const struct list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct item *item = &list->items[i];

		if (item->unset)
			spop_put_unset_var(writer, item->scope, item->name);
		else
			spop_put_set_var(writer, item->scope, item->name, &item->value);
	}
}

static bool put_list(struct spop_writer *writer, const struct list *list)
{
	spop_frame_begin(writer, (enum spop_frame_type)list->frame.type, list->frame.stream_id, list->frame.frame_id);
	if (list->frame.type == SPOP_NOTIFY)
		put_messages(writer, list);
	else
		put_actions(writer, list);
	return spop_frame_end(writer, ROOM);
}

static void take_messages(struct spop_slice payload, struct list *list)
{
	while (payload.len > 0) {
		struct item *item = &list->items[list->n++];
		struct spop_message message;

		assert_true(spop_take_message(&payload, &message));
		item->name = message.name;
		item->follow = message.arguments;
		for (; message.arguments > 0; message.arguments--) {
			item = &list->items[list->n++];
			assert_true(spop_take_argument(&payload, &item->name, &item->value));
		}
	}
}

static void take_actions(struct spop_slice payload, struct list *list)
{
	while (payload.len > 0) {
		struct item *item = &list->items[list->n++];
		struct spop_action action;

		assert_true(spop_take_action(&payload, &action));
		*item = (struct item){ .name = action.name, .value = action.value, .unset = action.unset,
				       .scope = action.scope };
	}
}

static struct list take_list(struct spop_slice in)
{
	struct list list = { .n = 0 };

	assert_int_equal(spop_frame_decode(&in, ROOM, &list.frame), SPOP_OK);
	assert_int_equal(in.len, 0);
	if (list.frame.type == SPOP_NOTIFY)
		take_messages(list.frame.payload, &list);
	else
		take_actions(list.frame.payload, &list);
	return list;
}

static void assert_list(const struct list *a, const struct list *b)
{
	assert_int_equal(a->frame.type, b->frame.type);
	assert_int_equal(a->frame.flags, b->frame.flags);
	assert_int_equal(a->frame.stream_id, b->frame.stream_id);
	assert_int_equal(a->frame.frame_id, b->frame.frame_id);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_true(slice_same(a->items[i].name, b->items[i].name));
		assert_int_equal(a->items[i].follow, b->items[i].follow);
		assert_true(value_same(&a->items[i].value, &b->items[i].value));
		if (a->frame.type != SPOP_ACK)
			continue;
		assert_int_equal(a->items[i].unset, b->items[i].unset);
		assert_int_equal(a->items[i].scope, b->items[i].scope);
	}
}

static void lists_go_round(struct dice *dice, enum spop_frame_type type)
{
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		struct list model = any_list(dice, type), list;
		uint8_t out[ROOM], again[ROOM];
		struct spop_writer writer;
		struct spop_slice bytes;

		spop_writer_init(&writer, out, sizeof(out));
		if (!put_list(&writer, &model)) /* possible, if all items are long */
			continue;
		bytes = slice_new(out, (size_t)(writer.at - out));
		list = take_list(bytes);
		assert_list(&list, &model);
		spop_writer_init(&writer, again, bytes.len);
		assert_true(put_list(&writer, &list));
		assert_true(slice_same(written(&writer, again), bytes));
		spop_writer_init(&writer, again, below(dice, (unsigned)bytes.len));
		assert_false(put_list(&writer, &list));
		assert_ptr_equal(writer.at, again);
		slice_free(bytes);
	}
}

/* ---- the tests ---- */

static void numbers(void **state)
{
	for (unsigned round = 0; round < ROUNDS * 10; round++) {
		uint64_t number = any_number(*state), value;
		uint8_t out[SPOP_MAX_VARINT];
		struct spop_writer writer;
		struct spop_slice in;

		spop_writer_init(&writer, out, sizeof(out));
		spop_put_varint(&writer, number);
		in = written(&writer, out);
		assert_int_equal(in.len, spop_varint_size(number));
		assert_true(spop_take_varint(&in, &value));
		assert_int_equal(value, number);
		assert_int_equal(in.len, 0);
		in = (struct spop_slice){ out, spop_varint_size(number) - 1 };
		assert_false(spop_take_varint(&in, &value));
	}
}

static void values(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct spop_value model = any_value(*state), value;
		uint8_t out[4096];
		struct spop_writer writer;
		struct spop_slice bytes, in;

		spop_writer_init(&writer, out, sizeof(out));
		spop_put_value(&writer, &model);
		assert_false(writer.full);
		in = bytes = slice_new(out, (size_t)(writer.at - out));
		assert_true(spop_take_value(&in, &value));
		assert_true(value_same(&value, &model));
		assert_int_equal(in.len, 0);
		in = slice_new(bytes.ptr, below(*state, (unsigned)bytes.len));
		slice_free(bytes);
		bytes = in;
		assert_false(spop_take_value(&in, &value));
		slice_free(bytes);
	}
}

static void notifies(void **state)
{
	lists_go_round(*state, SPOP_NOTIFY);
}

static void acks(void **state)
{
	lists_go_round(*state, SPOP_ACK);
}

static void hellos(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct spop_hello model = { .version = SPOP_SLICE("1.5, 2.0"), .capabilities = below(*state, 8),
					    .max_frame_size = (uint32_t)any_number(*state) | SPOP_MIN_FRAME_SIZE,
					    .healthcheck = below(*state, 2), .engine_id = any_bytes(*state) }, hello;
		uint8_t out[512];
		struct spop_writer writer;
		struct spop_slice in;
		struct spop_frame frame;

		spop_writer_init(&writer, out, sizeof(out));
		if (!spop_put_hello(&writer, &model)) {
			assert_true(model.engine_id.len > 100);
			continue;
		}
		in = written(&writer, out);
		assert_int_equal(spop_frame_decode(&in, SPOP_MIN_FRAME_SIZE, &frame), SPOP_OK);
		assert_int_equal(spop_hello_decode(&frame, &hello), SPOP_ERR_NONE);
		assert_true(slice_same(hello.version, model.version));
		assert_int_equal(hello.max_frame_size, model.max_frame_size);
		assert_int_equal(hello.capabilities, model.capabilities);
		assert_int_equal(hello.healthcheck, model.healthcheck);
		assert_true(slice_same(hello.engine_id, model.engine_id));
	}
}

static void disconnects(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct spop_slice model = any_bytes(*state), in, message;
		enum spop_error error = (enum spop_error)(any_number(*state) & INT32_MAX);
		uint8_t out[512];
		struct spop_writer writer;
		struct spop_frame frame;
		uint64_t status;

		spop_writer_init(&writer, out, sizeof(out));
		if (!spop_put_disconnect(&writer, SPOP_HAPROXY_DISCONNECT, error, model)) {
			assert_true(model.len > 200);
			continue;
		}
		in = written(&writer, out);
		assert_int_equal(spop_frame_decode(&in, SPOP_MIN_FRAME_SIZE, &frame), SPOP_OK);
		assert_true(spop_disconnect_decode(&frame, &status, &message));
		assert_int_equal(status, error);
		assert_true(slice_same(message, model));
	}
}

int main(void)
{
	const char *given = getenv("SPOP_SEED");
	struct dice dice = { given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(numbers, &dice),
		cmocka_unit_test_prestate(values, &dice),
		cmocka_unit_test_prestate(notifies, &dice),
		cmocka_unit_test_prestate(acks, &dice),
		cmocka_unit_test_prestate(hellos, &dice),
		cmocka_unit_test_prestate(disconnects, &dice),
	};

	fprintf(stderr, "SPOP_SEED=%" PRIu64 "\n", dice.state);
	return cmocka_run_group_tests_name("spop round trip", tests, NULL, NULL);
}
