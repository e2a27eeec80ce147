/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message's arguments by slot, and headers out of a blob, whatever bytes come. */
#include "rules.h"
#include "spoa/rules/request.h"

static struct rules rules;

static int open_names(void **state)
{
	(void)state;
	rules_open(&rules, "frontend f\n"
			   " acl a hdr(x-a) -m found\n acl b arg(geo) DE\n acl c hdr(Accept-Language) -m found\n"
			   " use_backend x if a b c\n");
	return 0;
}

static int close_names(void **state)
{
	(void)state;
	rules_close(&rules);
	return 0;
}

static unsigned slot_of(const char *name)
{
	for (unsigned slot = 0; slot < REQUEST_MAX_SLOTS; slot++)
		if (strcmp(frontend_slot_name(rules.frontend, slot), name) == 0)
			return slot;
	fail_msg("no slot '%s'", name);
	return 0;
}

static bool is(struct slice bytes, const char *text)
{
	return bytes.ptr && slice_eq(bytes, slice_of_string(text));
}

static void each_argument_lies_in_its_slot(void **state)
{
	static const struct argument arguments[] = {
		QUERY("q"),     PATH("/p"),           METHOD("GET"), STRING("geo", "DE"), STRING("hdr(x-a)", "1"),
		NUMBER("x", 1), BOOLEAN("ssl", true), HOST("h")
	};
	uint8_t *bytes;

	(void)state;
	rules_take(&rules, arguments, &bytes);
	assert_true(is(request_bytes(&rules.request, REQUEST_METHOD), "GET"));
	assert_true(is(request_bytes(&rules.request, REQUEST_PATH), "/p"));
	assert_true(is(request_bytes(&rules.request, REQUEST_QUERY), "q"));
	assert_true(is(request_bytes(&rules.request, REQUEST_HOST), "h"));
	assert_true(is(request_bytes(&rules.request, slot_of("geo")), "DE"));
	assert_true(is(request_bytes(&rules.request, slot_of("hdr(x-a)")), "1"));
	assert_int_equal(rules.request.values[REQUEST_SSL].type, SPOP_BOOL);
	assert_null(request_bytes(&rules.request, REQUEST_SSL).ptr);
	assert_null(request_bytes(&rules.request, REQUEST_SRC).ptr);
	assert_true(rules.request.seen ==
		    (1ull << REQUEST_METHOD | 1ull << REQUEST_PATH | 1ull << REQUEST_QUERY | 1ull << REQUEST_HOST |
		     1ull << REQUEST_SSL | 1ull << slot_of("geo") | 1ull << slot_of("hdr(x-a)")));
	free(bytes);
}

static void a_header_is_known_by_its_other_names(void **state)
{
	static const struct {
		const char *argument, *slot;
	} cases[] = {
		{ "host", "host" },
		{ "hdr(host)", "host" },
		{ "hdr_host", "host" },
		{ "hdr(upgrade)", "hdr(upgrade)" },
		{ "hdr_upgrade", "hdr(upgrade)" },
		{ "hdr_access_control_request_method", "hdr(access-control-request-method)" },
		{ "hdr(accept-language)", "hdr(accept-language)" },
		{ "hdr_accept_language", "hdr(accept-language)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct argument arguments[] = { STRING("", "value"), { 0 } };
		uint8_t *bytes;

		arguments[0].name = cases[i].argument;
		rules_take(&rules, arguments, &bytes);
		assert_true(rules.request.seen == 1ull << slot_of(cases[i].slot));
		assert_true(is(request_bytes(&rules.request, slot_of(cases[i].slot)), "value"));
		free(bytes);
	}
}

static void of_two_of_one_name_the_first_counts(void **state)
{
	static const struct argument arguments[] = { PATH("/1"), PATH("/2"), ABSENT("query"), QUERY("q"), { 0 } };
	uint8_t *bytes;

	(void)state;
	rules_take(&rules, arguments, &bytes);
	assert_true(is(request_bytes(&rules.request, REQUEST_PATH), "/1"));
	assert_null(request_bytes(&rules.request, REQUEST_QUERY).ptr);
	assert_true(rules.request.seen & 1ull << REQUEST_QUERY);
	free(bytes);
}

static void nothing_is_left_of_the_message_before(void **state)
{
	static const struct argument first[] = { PATH("/1"), STRING("geo", "DE"), { 0 } }, second[] = { { 0 } };
	uint8_t *bytes;

	(void)state;
	rules_take(&rules, first, &bytes);
	free(bytes);
	rules_take(&rules, second, &bytes);
	assert_true(rules.request.seen == 0);
	for (unsigned slot = 0; slot <= slot_of("hdr(accept-language)"); slot++)
		assert_null(request_bytes(&rules.request, slot).ptr);
	free(bytes);
}

/* Every beginning of a good payload is refused, and so are too few arguments. */
static void a_truncated_payload_is_refused(void **state)
{
	static const struct argument arguments[] = { PATH("/p"), NUMBER("geo", 300), IPV4("src", "\12\0\0\1"), { 0 } };
	uint8_t bytes[200];
	struct spop_writer writer;
	size_t length;

	(void)state;
	spop_writer_init(&writer, bytes, sizeof(bytes));
	put_arguments(&writer, arguments);
	length = (size_t)(writer.at - bytes);
	for (size_t n = 0; n <= length; n++) {
		uint8_t *copy = malloc(n + 1);
		struct spop_slice payload = { copy + 1, n };

		memcpy(copy + 1, bytes, n);
		assert_int_equal(request_take(rules.frontend->names, 3, &payload, &rules.request), n == length);
		payload = (struct spop_slice){ copy + 1, n };
		assert_false(request_take(rules.frontend->names, 4, &payload, &rules.request));
		free(copy);
	}
}

/* Most of them unknown; what follows them is left for the next message. */
static void a_message_has_up_to_255_arguments(void **state)
{
	static const struct argument known = PATH("/p"), next = NUMBER("geo", 1);
	uint8_t bytes[8000];

	(void)state;
	for (unsigned n = 1; n <= 255; n++) {
		struct spop_slice payload = { bytes, 0 };
		struct spop_writer writer;

		spop_writer_init(&writer, bytes, sizeof(bytes));
		for (unsigned i = 1; i < n; i++) {
			char name[20];

			snprintf(name, sizeof(name), "unknown%u", i);
			spop_put_argument(&writer, name_of(name), &next.value);
		}
		spop_put_argument(&writer, name_of(known.name), &known.value);
		spop_put_argument(&writer, name_of(next.name), &next.value);
		assert_false(writer.full);
		payload.len = (size_t)(writer.at - bytes);
		assert_true(request_take(rules.frontend->names, n, &payload, &rules.request));
		assert_true(rules.request.seen == 1ull << REQUEST_PATH);
		assert_true(payload.len > 0);
		assert_true(request_take(rules.frontend->names, 1, &payload, &rules.request));
		assert_true(rules.request.seen == 1ull << slot_of("geo"));
		assert_int_equal(payload.len, 0);
	}
}

static void a_frontend_reads_so_many_arguments_and_no_more(void **state)
{
	struct arena *arena = arena_new();
	struct request_names *names = request_names_new(arena);
	char name[32];

	(void)state;
	for (unsigned slot = REQUEST_FIRST_OWN; slot < REQUEST_MAX_SLOTS; slot++) {
		snprintf(name, sizeof(name), "argument-%u", slot);
		assert_int_equal(request_names_add(names, name), slot);
		assert_int_equal(request_names_add(names, name), slot);
	}
	assert_int_equal(request_names_add(names, "one-more"), REQUEST_MAX_SLOTS);
	assert_int_equal(request_names_add_header(names, SLICE("one-more")), REQUEST_MAX_SLOTS);
	assert_int_equal(request_names_add(names, "path"), REQUEST_PATH);
	assert_true(request_names_seal(names));
	assert_string_equal(request_names_of(names, REQUEST_MAX_SLOTS - 1), "argument-63");
	assert_string_equal(request_names_of(names, REQUEST_MAX_SLOTS), "?");
	arena_free(arena);
}

/* ---- hdrs ---- */

struct header_case {
	const char *blob;
	size_t len;
	const char *value; /* of x-a; NULL: absent */
};
#define BLOB(text) text, sizeof(text) - 1

static void expect_header(const struct header_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *copy = malloc(cases[i].len + 1);
		struct slice value;

		memcpy(copy + 1, cases[i].blob, cases[i].len);
		for (unsigned slot = 0; slot < REQUEST_MAX_SLOTS; slot++)
			rules.request.values[slot].type = SPOP_NULL;
		rules.request.values[REQUEST_HDRS] = (struct spop_value){ i % 2 ? SPOP_STRING : SPOP_BINARY,
									  { .bytes = { copy + 1, cases[i].len } } };
		value = request_header(&rules.request, slot_of("hdr(x-a)"), SLICE("x-a"));
		if (cases[i].value ? !is(value, cases[i].value) : value.ptr != NULL)
			fail_msg("case %zu: <%.*s>", i, SLICE_ARGS(value));
		free(copy);
	}
}

static void a_header_comes_out_of_the_blob(void **state)
{
	static const struct header_case cases[] = {
		{ BLOB("\3x-a\5value\0\0"), "value" },
		{ BLOB("\4host\1h\3x-a\5value\0\0"), "value" },
		{ BLOB("\3X-A\5value\0\0"), "value" },
		{ BLOB("\3x-a\1"
		       "1\3x-a\1"
		       "2\0\0"),
		  "1" },
		{ BLOB("\3x-a\0\0\0"), "" },
		{ BLOB("\3x-a\7 \tvalue\0\0"), "value" },
		{ BLOB("\4x-ab\1x\2x-\1y\0\0"), NULL },
		{ BLOB("\0\0"), NULL },
	};

	(void)state;
	expect_header(cases, COUNT(cases));
}

static void a_blob_of_hostile_bytes_is_read_as_far_as_it_is_one(void **state)
{
	static const struct header_case cases[] = {
		{ BLOB(""), NULL },
		{ BLOB("\0"), NULL },
		{ BLOB("\3"), NULL },
		{ BLOB("\3x-"), NULL },
		{ BLOB("\3x-a"), NULL },
		{ BLOB("\3x-a\5valu"), NULL },
		{ BLOB("\3x-a\5value"), "value" },            /* no end */
		{ BLOB("\3x-a\5value\0"), "value" },          /* half an end */
		{ BLOB("\0\0\3x-a\5value"), NULL },           /* behind the end */
		{ BLOB("\0\1x\3x-a\5value"), NULL },          /* no name, but a value */
		{ BLOB("\4host\xef\3x-a\5value\0\0"), NULL }, /* longer than what follows */
		{ BLOB("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\3x-a\5value"), NULL },
		{ BLOB("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), NULL },
		{ BLOB("\xf0\xff\xff\xff\xff\xff\xff\xff\xff\0\3x-a\5value"), NULL },
		{ BLOB("\1\0\1\0\3x-a\5value\0\0"), "value" }, /* NULs are bytes like others */
	};

	(void)state;
	expect_header(cases, COUNT(cases));
}

/* However much of it came, a value is there as a whole or not at all. */
static void a_blob_may_end_at_every_byte(void **state)
{
	static const char whole[] = "\4host\1h\3x-a\5value\3x-b\1b\0\0";
	const size_t end = sizeof("\4host\1h\3x-a\5value") - 1;

	(void)state;
	for (size_t length = 0; length < sizeof(whole); length++) {
		const struct header_case one = { whole, length, length < end ? NULL : "value" };

		expect_header(&one, 1);
	}
}

static void an_argument_of_its_own_counts_before_the_blob(void **state)
{
	static const struct argument both[] = { BINARY("hdrs", "\3x-a\4blob\0\0"), STRING("hdr(x-a)", "own"), { 0 } };
	static const struct argument null[] = { ABSENT("hdr(x-a)"), BINARY("hdrs", "\3x-a\4blob\0\0"), { 0 } };
	uint8_t *bytes;

	(void)state;
	rules_take(&rules, both, &bytes);
	assert_true(is(request_header(&rules.request, slot_of("hdr(x-a)"), SLICE("x-a")), "own"));
	free(bytes);
	rules_take(&rules, null, &bytes);
	assert_true(is(request_header(&rules.request, slot_of("hdr(x-a)"), SLICE("x-a")), "blob"));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_argument_lies_in_its_slot),
		cmocka_unit_test(a_header_is_known_by_its_other_names),
		cmocka_unit_test(of_two_of_one_name_the_first_counts),
		cmocka_unit_test(nothing_is_left_of_the_message_before),
		cmocka_unit_test(a_truncated_payload_is_refused),
		cmocka_unit_test(a_message_has_up_to_255_arguments),
		cmocka_unit_test(a_frontend_reads_so_many_arguments_and_no_more),
		cmocka_unit_test(a_header_comes_out_of_the_blob),
		cmocka_unit_test(a_blob_of_hostile_bytes_is_read_as_far_as_it_is_one),
		cmocka_unit_test(a_blob_may_end_at_every_byte),
		cmocka_unit_test(an_argument_of_its_own_counts_before_the_blob),
	};

	return cmocka_run_group_tests(tests, open_names, close_names);
}
