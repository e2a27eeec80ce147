/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns in indexes hold where each of them alone would: other patterns, acls and ways of matching change nothing. */
#include <arpa/inet.h>
#include <unistd.h>

#include "rules.h"

#define MOST 40u    /* bytes of a text */
#define ACLS 130u   /* more than two machine words have bits */
#define MANY 10000u /* patterns of a file */

static void append(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t room, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	assert_true((size_t)vsnprintf(text + used, room - used, format, args) < room - used);
	va_end(args);
}

static struct argument text_argument(const char *name, const char *bytes, size_t len)
{
	return (struct argument){ name, { SPOP_STRING, { .bytes = { (const uint8_t *)bytes, len } } } };
}

/* Each way of matching of one path, in one index beside the others of the same text. */
static void ways_of_matching_keep_apart(void **state)
{
	static const struct {
		const char *path, *holding; /* the letters of the acls that hold */
	} cases[] = {
		{ "ab", "sbexdolr" }, { "abc", "bxor" }, { "cab", "exor" }, { "/ab/", "xdolr" }, { "x.ab", "exolr" },
		{ "AB", "ol" },       { "", "" },        { "a", "" },       { "xaby", "xolr" },
	};
	static const char acls[] = " acl s path ab\n acl b path_beg ab\n acl e path_end ab\n acl x path_sub ab\n"
				   " acl d path_dir ab\n acl o path_sub -i Ab\n acl l path_len 2 4\n"
				   " acl r path_reg ab\n";

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct argument arguments[] = { text_argument("path", cases[i].path, strlen(cases[i].path)), { 0 } };

		for (const char *name = "sbexdolr"; *name; name++) {
			struct rules rules;
			char text[1000] = "";
			bool expected = strchr(cases[i].holding, *name) != NULL, holds;

			append(text, sizeof(text), "frontend f\n%s use_backend yes if %c\n", acls, *name);
			rules_open(&rules, text);
			holds = strcmp(rules_choose(&rules, arguments), "yes") == 0;
			rules_close(&rules);
			if (holds != expected)
				fail_msg("acl %c and '%s': %d", *name, cases[i].path, holds);
		}
	}
}

/* Of one pattern and a text of each length, which differ at their end, at their beginning or not at all. */
static void texts_of_all_lengths_are_compared_whole(void **state)
{
	static const char *const ways[] = { "str", "beg", "end", "sub" };
	char pattern[MOST + 1], path[MOST + 1], text[200];

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		pattern[i] = (char)('a' + i % 25);
	for (size_t way = 0; way < COUNT(ways); way++) {
		for (size_t len = 0; len <= MOST; len++) {
			struct rules rules;

			snprintf(text, sizeof(text), "frontend f\n acl a path -m %s '%.*s'\n use_backend yes if a\n",
				 ways[way], (int)len, pattern);
			rules_open(&rules, text);
			for (size_t at = 0; at <= len; at++) {
				struct argument arguments[] = { text_argument("path", path, len), { 0 } };

				memcpy(path, pattern, len);
				if (at < len)
					path[at] = 'z';
				assert_string_equal(rules_choose(&rules, arguments), at < len ? "-" : "yes");
				arguments[0] = text_argument("path", pattern, len > 0 ? len - 1 : 0);
				assert_string_equal(rules_choose(&rules, arguments), len > 0 ? "-" : "yes");
			}
			rules_close(&rules);
		}
	}
}

/* Acl i has the patterns that i divides, so pattern i is the first of acl i; rules ask from the last acl on. */
static void many_acls_share_a_pattern(void **state)
{
	static char text[60000];
	struct rules rules;

	(void)state;
	strcpy(text, "frontend f\n");
	for (unsigned i = 1; i <= ACLS; i++) {
		append(text, sizeof(text), " acl a%u path_end -i", i);
		for (unsigned j = i; j <= ACLS; j += i)
			append(text, sizeof(text), " /P%u", j);
		append(text, sizeof(text), "\n");
	}
	for (unsigned i = ACLS; i > 0; i--)
		append(text, sizeof(text), " use_backend b%u if a%u a1\n", i, i);
	rules_open(&rules, text);
	for (unsigned j = 1; j <= ACLS; j++) {
		char path[20], expected[20];
		struct argument arguments[] = { text_argument("path", path, (size_t)sprintf(path, "/x/p%u", j)),
						{ 0 } };

		snprintf(expected, sizeof(expected), "b%u", j);
		assert_string_equal(rules_choose(&rules, arguments), expected);
	}
	rules_close(&rules);
}

static void one_of_many_acls_chooses_its_rule(void **state)
{
	static char text[20000];
	struct rules rules;

	(void)state;
	strcpy(text, "frontend f\n");
	for (unsigned i = 0; i < ACLS; i++)
		append(text, sizeof(text), " use_backend b%u if { path -m %s /%u }\n", i, i % 2 ? "str" : "beg",
		       i + 1000);
	rules_open(&rules, text);
	for (unsigned i = 0; i < ACLS + 10; i++) {
		char path[20], expected[20] = "-";
		struct argument arguments[] = { text_argument("path", path, (size_t)sprintf(path, "/%u", i + 1000)),
						{ 0 } };

		if (i < ACLS)
			snprintf(expected, sizeof(expected), "b%u", i);
		assert_string_equal(rules_choose(&rules, arguments), expected);
	}
	rules_close(&rules);
}

/* Of a file with that many patterns each is found, in each way of matching, and none that is not in it. */
static void ten_thousand_patterns_of_a_file_are_found(void **state)
{
	static const char *const ways[] = { "str", "beg", "end", "sub", "dir", "dom" };
	char path[] = "/tmp/spoa-unit.XXXXXX", text[300], word[40];
	FILE *file = fdopen(mkstemp(path), "w");

	(void)state;
	assert_non_null(file);
	for (unsigned i = 0; i < MANY; i++)
		fprintf(file, "film-%05u-x\n", i * 7);
	assert_int_equal(fclose(file), 0);
	for (size_t way = 0; way < COUNT(ways); way++) {
		struct rules rules;

		snprintf(text, sizeof(text), "frontend f\n acl a path -m %s -f %s\n use_backend yes if a\n", ways[way],
			 path);
		rules_open(&rules, text);
		for (unsigned number = 0; number < 7 * MANY; number += 11) {
			size_t len = (size_t)sprintf(word, "film-%05u-x", number);
			struct argument arguments[] = { text_argument("path", word, len), { 0 } };

			assert_string_equal(rules_choose(&rules, arguments), number % 7 ? "-" : "yes");
		}
		rules_close(&rules);
	}
	unlink(path);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/* Each width of a network, and an address that differs from it in one bit. */
static void networks_of_all_widths_are_compared_bit_by_bit(void **state)
{
	static const struct {
		const char *address;
		int family;
		enum spop_type type;
		unsigned bits;
	} families[] = { { "10.165.90.60", AF_INET, SPOP_IPV4, 32 },
			 { "fd5a:a53c:69c3:1234:5678:9abc:def0:1357", AF_INET6, SPOP_IPV6, 128 } };
	uint8_t base[16], other[16];
	char text[200];

	(void)state;
	for (size_t k = 0; k < COUNT(families); k++) {
		assert_int_equal(inet_pton(families[k].family, families[k].address, base), 1);
		for (unsigned prefix = 0; prefix <= families[k].bits; prefix++) {
			struct rules rules;

			snprintf(text, sizeof(text), "frontend f\n acl a src %s/%u\n use_backend yes if a\n",
				 families[k].address, prefix);
			rules_open(&rules, text);
			for (unsigned bit = 0; bit <= families[k].bits; bit++) {
				struct argument arguments[] = { { "src", { families[k].type, { .address = other } } },
								{ 0 } };

				memcpy(other, base, sizeof(other));
				if (bit < families[k].bits)
					other[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
				assert_string_equal(rules_choose(&rules, arguments),
						    same_bits(base, other, prefix) ? "yes" : "-");
			}
			rules_close(&rules);
		}
	}
}

/* A value that never came is none, whatever it is compared with; one that came and is empty is one. */
static void an_absent_value_holds_for_nothing(void **state)
{
	static const struct match cases[] = {
		{ "path -m str ''", { METHOD("GET") }, false },
		{ "path -m beg ''", { METHOD("GET") }, false },
		{ "path -m sub ''", { METHOD("GET") }, false },
		{ "path_reg ^", { METHOD("GET") }, false },
		{ "path_len 0", { METHOD("GET") }, false },
		{ "path -m found", { METHOD("GET") }, false },
		{ "src 0.0.0.0/0 ::/0", { METHOD("GET") }, false },
		{ "path -m str ''", { ABSENT("path") }, false },
		{ "path -m str ''", { PATH("") }, true },
		{ "path -m beg ''", { PATH("") }, true },
		{ "path -m sub ''", { PATH("") }, true },
		{ "path_reg ^", { PATH("") }, true },
		{ "path_len 0", { PATH("") }, true },
		{ "path -m found", { PATH("") }, true },
		{ "path -i -m end ''", { PATH("") }, true },
		{ "path_dir ''", { PATH("") }, false },
		{ "src ::/0", { IPV4("src", "\1\2\3\4") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways_of_matching_keep_apart),
		cmocka_unit_test(texts_of_all_lengths_are_compared_whole),
		cmocka_unit_test(many_acls_share_a_pattern),
		cmocka_unit_test(one_of_many_acls_chooses_its_rule),
		cmocka_unit_test(ten_thousand_patterns_of_a_file_are_found),
		cmocka_unit_test(networks_of_all_widths_are_compared_bit_by_bit),
		cmocka_unit_test(an_absent_value_holds_for_nothing),
	};

	return cmocka_run_group_tests_name("rules: matcher", tests, NULL, NULL);
}
