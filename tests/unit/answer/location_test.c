/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Location's bytes: what of a path and a query stays as it came, what is encoded, and what is refused. */
#include "spoa/answer/location.h"
#include "tests/unit/site.h"

#define ROOM (8u * LOCATION_MAX_PATH)

static const char prefix[] = "https://v1.example.com/p";

/* RFC 3986 3.3 and 3.4, spelt out; every other byte is encoded. */
static const char of_paths[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/";
static const char more_of_queries[] = "?";

/* The whole Location, NULL if it is refused; the length promised is the length that is written. */
static const char *make(struct slice path, struct slice query)
{
	static char made[ROOM];
	struct location location;
	struct spop_writer writer;
	size_t length;

	if (!location_take(&location, path, query))
		return NULL;
	length = location_length(&location, slice_of_string(prefix));
	assert_true(length < sizeof(made));
	spop_writer_init(&writer, (uint8_t *)made, sizeof(made) - 1);
	location_put(&writer, &location, slice_of_string(prefix));
	assert_false(writer.full);
	assert_int_equal(writer.at - (uint8_t *)made, length);
	*writer.at = 0;
	return made;
}

/* What stands for one byte behind "/x" in a path, or "x" in a query; NULL: refused. */
static const char *one_byte(uint8_t c, bool in_query)
{
	const uint8_t path[] = { '/', 'x', c }, query[] = { 'x', c };
	const char *made = in_query ? make(SLICE("/"), slice_of(query, 2)) : make(slice_of(path, 3), slice_of(NULL, 0));
	const char *before = in_query ? "/?x" : "/x";

	if (!made)
		return NULL;
	assert_true(strncmp(made, prefix, strlen(prefix)) == 0);
	made += strlen(prefix);
	assert_true(strncmp(made, before, strlen(before)) == 0);
	return made + strlen(before);
}

static void every_byte_stays_or_is_encoded_or_refuses_it_all(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (int in_query = 0; in_query < 2; in_query++) {
			const char *got = one_byte((uint8_t)c, in_query);
			char expected[4] = { (char)c, 0 };

			if (c == 0 || c == '\r' || c == '\n') {
				assert_null(got);
				continue;
			}
			if (!strchr(of_paths, (int)c) && !(in_query && strchr(more_of_queries, (int)c)))
				snprintf(expected, sizeof(expected), "%%%02X", c);
			assert_non_null(got);
			assert_string_equal(got, expected);
		}
}

static void an_encoded_byte_stays_and_a_lone_percent_is_encoded(void **state)
{
	static const struct {
		const char *in, *out; /* of a path and of a query alike */
	} cases[] = {
		{ "%20", "%20" },
		{ "%2f%2F%aF%00%0d%0A", "%2f%2F%aF%00%0d%0A" }, /* encoded already: what it means is the server's */
		{ "%", "%25" },
		{ "%4", "%254" },
		{ "%zz", "%25zz" },
		{ "%4g", "%254g" },
		{ "%g4", "%25g4" },
		{ "%%20", "%25%20" },
		{ "%2%20", "%252%20" },
		{ "100%", "100%25" },
		{ "a b", "a%20b" },
		{ "a#b", "a%23b" },
		{ "#", "%23" },
		{ "a\\b\"<>^`{|}", "a%5Cb%22%3C%3E%5E%60%7B%7C%7D" },
		{ "[1]", "%5B1%5D" },
		{ "\xc3\xa9\xff\x80", "%C3%A9%FF%80" },
		{ "//evil.example.com/", "//evil.example.com/" },
		{ "@evil.example.com:80", "@evil.example.com:80" },
		{ "..//./../", "..//./../" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[64], expected[200];

		snprintf(path, sizeof(path), "/%s", cases[i].in);
		snprintf(expected, sizeof(expected), "%s/%s", prefix, cases[i].out);
		assert_string_equal(make(slice_of_string(path), slice_of(NULL, 0)), expected);
		snprintf(expected, sizeof(expected), "%s/?%s", prefix, cases[i].out);
		assert_string_equal(make(SLICE("/"), slice_of_string(cases[i].in)), expected);
	}
}

/* What follows it in memory is not its own. */
static void a_percent_at_the_end_looks_no_further(void **state)
{
	static const char text[] = "/a%20";

	(void)state;
	assert_string_equal(make(slice_of(text, 5), slice_of(NULL, 0)), "https://v1.example.com/p/a%20");
	assert_string_equal(make(slice_of(text, 4), slice_of(NULL, 0)), "https://v1.example.com/p/a%252");
	assert_string_equal(make(slice_of(text, 3), slice_of(NULL, 0)), "https://v1.example.com/p/a%25");
}

static void a_question_mark_ends_a_path_only_before_a_query(void **state)
{
	(void)state;
	assert_string_equal(make(SLICE("/a?b"), SLICE("c?d")), "https://v1.example.com/p/a%3Fb?c?d");
	assert_string_equal(make(SLICE("/a"), SLICE("")), "https://v1.example.com/p/a");
	assert_string_equal(make(SLICE("/a"), slice_of(NULL, 0)), "https://v1.example.com/p/a");
	assert_string_equal(make(SLICE("/"), SLICE("?")), "https://v1.example.com/p/??");
}

/* One encoded byte among many, wherever it stands, changes no other. */
static void runs_that_stay_are_kept_whole(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 40; length++)
		for (size_t at = 0; at < length; at++) {
			char path[64] = "/", expected[128];

			memset(path + 1, 'x', length);
			path[1 + at] = '|';
			snprintf(expected, sizeof(expected), "%s/%.*s%%7C%s", prefix, (int)at, path + 1, path + 2 + at);
			assert_string_equal(make(slice_of_string(path), slice_of(NULL, 0)), expected);
		}
}

static void a_path_begins_with_a_slash_and_ends_at_8192_bytes(void **state)
{
	static uint8_t path[LOCATION_MAX_PATH + 1], query[2 * LOCATION_MAX_PATH];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	memset(query, 'q', sizeof(query));
	assert_int_equal(LOCATION_MAX_PATH, 8192);
	assert_non_null(make(slice_of(path, 8192), slice_of(NULL, 0)));
	assert_null(make(slice_of(path, 8193), slice_of(NULL, 0)));
	memset(path + 1, ' ', 8191); /* it is the request's bytes that count */
	assert_int_equal(strlen(make(slice_of(path, 8192), slice_of(NULL, 0))), strlen(prefix) + 1 + 3 * 8191);
	assert_int_equal(strlen(make(SLICE("/"), slice_of(query, sizeof(query)))), strlen(prefix) + 2 + sizeof(query));
	assert_null(make(slice_of(NULL, 0), slice_of(NULL, 0)));
	assert_null(make(SLICE(""), SLICE("a=b")));
	assert_null(make(SLICE("a"), slice_of(NULL, 0)));
	assert_null(make(SLICE("*"), slice_of(NULL, 0)));
	assert_null(make(SLICE("http://evil.example.com/"), slice_of(NULL, 0)));
}

static void what_would_end_a_header_line_is_refused_wherever_it_stands(void **state)
{
	static const char forbidden[] = { 0, '\r', '\n' };

	(void)state;
	for (size_t i = 0; i < sizeof(forbidden); i++)
		for (size_t at = 1; at < 20; at++) {
			char text[20];

			memset(text, 'x', sizeof(text));
			text[0] = '/';
			text[at] = forbidden[i];
			assert_null(make(slice_of(text, sizeof(text)), slice_of(NULL, 0)));
			assert_null(make(SLICE("/"), slice_of(text, sizeof(text))));
			text[0] = '|'; /* also where bytes are encoded one by one */
			assert_null(make(SLICE("/"), slice_of(text, sizeof(text))));
		}
}

static void a_writer_without_room_is_full_not_overrun(void **state)
{
	uint8_t bytes[80];
	struct location location;

	(void)state;
	assert_true(location_take(&location, SLICE("/a|b c"), SLICE("q=#")));
	for (size_t room = 0; room <= location_length(&location, slice_of_string(prefix)); room++) {
		struct spop_writer writer;

		memset(bytes, 0xee, sizeof(bytes));
		spop_writer_init(&writer, bytes, room);
		location_put(&writer, &location, slice_of_string(prefix));
		assert_int_equal(writer.full, room < location_length(&location, slice_of_string(prefix)));
		for (size_t i = room; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_stays_or_is_encoded_or_refuses_it_all),
		cmocka_unit_test(an_encoded_byte_stays_and_a_lone_percent_is_encoded),
		cmocka_unit_test(a_percent_at_the_end_looks_no_further),
		cmocka_unit_test(a_question_mark_ends_a_path_only_before_a_query),
		cmocka_unit_test(runs_that_stay_are_kept_whole),
		cmocka_unit_test(a_path_begins_with_a_slash_and_ends_at_8192_bytes),
		cmocka_unit_test(what_would_end_a_header_line_is_refused_wherever_it_stands),
		cmocka_unit_test(a_writer_without_room_is_full_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
