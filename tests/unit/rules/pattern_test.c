/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every way of matching: HAProxy's configuration manual, 7.1, and its pattern.c where that says more. */
#include <unistd.h>

#include "rules.h"

static void strings_match_whole_at_either_end_or_within(void **state)
{
	static const struct match cases[] = {
		{ "path /a /b", { PATH("/a") }, true },
		{ "path /a /b", { PATH("/b") }, true },
		{ "path /a", { PATH("/a/") }, false },
		{ "path /a", { PATH("/A") }, false },
		{ "path -m str /a", { PATH("/a") }, true },
		{ "path ''", { PATH("") }, true },
		{ "path_beg /a /b/", { PATH("/b/c") }, true },
		{ "path_beg /a", { PATH("/a") }, true },
		{ "path_beg /ab", { PATH("/a") }, false },
		{ "path_beg /a", { PATH("x/a") }, false },
		{ "path -m beg ''", { PATH("/a") }, true },
		{ "path_end .mp4 .m3u8", { PATH("/a.m3u8") }, true },
		{ "path_end .mp4", { PATH("/a.mp4/") }, false },
		{ "path_end .mp4", { PATH("mp4") }, false },
		{ "path_sub ear find", { PATH("/search") }, true },
		{ "path_sub search", { PATH("search") }, true },
		{ "path_sub search", { PATH("/searc") }, false },
		{ "path_sub aab", { PATH("/aaab") }, true },
		{ "path_sub she he hers", { PATH("/ushers") }, true },
		{ "path -m sub ''", { PATH("/a") }, true },
		{ "path -m sub a\\x01b", { PATH("/a\1b") }, true },
		{ "path -m str /\xc3\xa9", { PATH("/\xc3\xa9") }, true },
		{ "path -m str /a", { PATH("/a\0") }, false },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

/* Delimiters: "/" and "?" of a dir, and "." and ":" too of a dom; those around a pattern do not count. */
static void dir_and_dom_match_whole_words(void **state)
{
	static const struct match cases[] = {
		{ "path_dir img", { PATH("/a/img/b") }, true },
		{ "path_dir img", { PATH("/img") }, true },
		{ "path_dir img", { PATH("img") }, true },
		{ "path_dir img", { PATH("/imgs/a") }, false },
		{ "path_dir img", { PATH("/a.img/b") }, false },
		{ "path_dir /img/", { PATH("/a/img/b") }, true },
		{ "path_dir a/b", { PATH("/x/a/b/c") }, true },
		{ "path_dir a/b", { PATH("/x/a/c/b") }, false },
		{ "path_dir a/b", { PATH("/a//b") }, false },
		{ "pathq -m dir x", { PATH("/a"), QUERY("x") }, true },
		{ "path_dir a.b", { PATH("/a.b/") }, true },
		{ "path_dir -i IMG", { PATH("/iMg") }, true },
		{ "path_dir a aa aaa", { PATH("/aaa/") }, true },
		{ "path_dir a aa", { PATH("/aaa/") }, false },
		{ "path_dir /", { PATH("/a/") }, false },
		{ "host -m dom example.com", { HOST("example.com") }, true },
		{ "host -m dom example.com", { HOST("www.example.com:8080") }, true },
		{ "host -m dom example.com", { HOST("example.com.evil.net") }, true },
		{ "host -m dom .example.com.", { HOST("a.example.com") }, true },
		{ "host -m dom example.com", { HOST("notexample.com") }, false },
		{ "host -m dom example.com", { HOST("example.community") }, false },
		{ "host -m dom example.com", { HOST("example..com") }, false },
		{ "host -m dom www com", { HOST("www.example.org") }, true },
		{ "host -m dom EXAMPLE", { HOST("www.example.org") }, false },
		{ "host -i -m dom EXAMPLE", { HOST("www.example.org") }, true },
		{ "host -m dom 8080", { HOST("a.b:8080") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void case_is_ignored_where_i_says_so(void **state)
{
	static const struct match cases[] = {
		{ "path -i /A", { PATH("/a") }, true },
		{ "path_beg -i /a", { PATH("/AB") }, true },
		{ "path_end -i .MP4", { PATH("/x.mP4") }, true },
		{ "path_sub -i sEArch", { PATH("/SeaRCH") }, true },
		{ "path_reg -i ^/a$", { PATH("/A") }, true },
		{ "path_reg ^/a$", { PATH("/A") }, false },
		{ "path -i @", { PATH("`") }, false },
		{ "path -i \xc4", { PATH("\xe4") }, false },
		{ "method -i get", { METHOD("GET") }, true },
		{ "method get", { METHOD("GET") }, false },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void regexes_are_pcre_s(void **state)
{
	static const struct match cases[] = {
		{ "path_reg ^/[0-9]+/(a|b)$", { PATH("/12/b") }, true },
		{ "path_reg ^/[0-9]+/(a|b)$", { PATH("/12/c") }, false },
		{ "path_reg x", { PATH("/axb") }, true },
		{ "path_reg ^$", { PATH("") }, true },
		{ "path_reg \\.mp4$ ^/v/", { PATH("/v/1") }, true },
		{ "path_reg '^/(?!evil)'", { PATH("/evil") }, false },
		{ "path_reg ^/a.b$", { PATH("/a\0b") }, true },
		{ "path_reg ^/a.b$",
		  { PATH("/a\xff"
			 "b") },
		  true },
		{ "query -m reg -i ^Q=", { QUERY("q=1") }, true },
		{ "query -n -i -m beg Q=", { QUERY("q=1") }, true }, /* -n forbids what is never done */
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
	acl_says("path_reg (", "regex '(': missing closing parenthesis at position 1");
	acl_says("path_reg a [", "regex '[': missing terminating ] for character class at position 1");
}

static void a_regex_that_backtracks_too_long_is_given_up_and_counted(void **state)
{
	struct argument arguments[] = { PATH("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
					{ 0 } };
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n acl a path_reg '^/(?=a)(a|aa|a+)+(?!.)'\n acl b path_reg '^/a+!$'\n"
			   " use_backend a if a\n use_backend b if b\n");
	rules_choose(&rules, arguments);
	assert_int_equal(rules_scratch_limits(rules.scratch), 1);
	assert_true(slice_eq(rules_scratch_given_up(rules.scratch), SLICE("^/(?=a)(a|aa|a+)+(?!.)")));
	rules_choose(&rules, arguments);
	assert_int_equal(rules_scratch_limits(rules.scratch), 2);
	arguments[0] = (struct argument)PATH("/aaaa");
	assert_string_equal(rules_choose(&rules, arguments), "a");
	assert_int_equal(rules_scratch_limits(rules.scratch), 2);
	assert_null(rules_scratch_given_up(rules.scratch).ptr);
	rules_close(&rules);
}

/* It takes as many steps as the text has bytes, whatever PCRE2 would do. */
static void a_regular_one_is_never_given_up(void **state)
{
	static char path[8001];
	struct argument arguments[] = { PATH(""), { 0 } };
	struct rules rules;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '!';
	arguments[0].value.bytes = (struct spop_slice){ (const uint8_t *)path, sizeof(path) };
	rules_open(&rules, "frontend f\n acl a path_reg '^/(a|aa|a+)+$'\n acl b path_reg '^/a+!$'\n"
			   " use_backend a if a\n use_backend b if b\n");
	assert_string_equal(rules_choose(&rules, arguments), "b");
	assert_int_equal(rules_scratch_limits(rules.scratch), 0);
	rules_close(&rules);
}

/* Each for itself stays below its limit. */
static void regexes_of_one_request_have_a_time_limit_together(void **state)
{
	static char text[400000];
	struct argument arguments[] = { PATH("/aaaaa!"), { 0 } };
	char *at = text + sprintf(text, "frontend f\n");
	struct rules rules;

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		at += sprintf(at, " acl a path_reg ^/(?=[ab])(a|aa|a+)+[b-y]?(?!.)\n");
	strcpy(at, " use_backend a if a\n");
	rules_open(&rules, text);
	rules_choose(&rules, arguments);
	assert_int_equal(rules_scratch_limits(rules.scratch), 1);
	arguments[0] = (struct argument)PATH("/b");
	/* but where a sanitizer makes all of it slow */
	for (unsigned i = 0; i < 20 && rules_scratch_given_up(rules.scratch).ptr; i++)
		assert_string_equal(rules_choose(&rules, arguments), "-");
	assert_null(rules_scratch_given_up(rules.scratch).ptr);
	rules_close(&rules);
}

static void a_regex_may_go_deep(void **state)
{
	static char path[8001] = "/";
	struct argument arguments[] = { PATH(""), { 0 } };
	struct rules rules;

	(void)state;
	memset(path + 1, 'a', sizeof(path) - 2);
	arguments[0].value.bytes = (struct spop_slice){ (const uint8_t *)path, sizeof(path) - 1 };
	rules_open(&rules, "frontend f\n acl a path_reg '^/(?=a)(a|b)*$'\n use_backend a if a\n");
	assert_string_equal(rules_choose(&rules, arguments), "a");
	rules_close(&rules);
}

#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"

static void networks_match_addresses_of_both_families(void **state)
{
	static const struct match cases[] = {
		{ "src 10.0.0.1", { IPV4("src", "\12\0\0\1") }, true },
		{ "src 10.0.0.1", { IPV4("src", "\12\0\0\2") }, false },
		{ "src 10.0.0.0/8 fd00::/8", { IPV4("src", "\12\377\0\1") }, true },
		{ "src 10.0.0.0/8", { IPV4("src", "\13\0\0\0") }, false },
		{ "src 10.9.9.9/8", { IPV4("src", "\12\1\2\3") }, true },
		{ "src 10.0.0.0/255.0.0.0", { IPV4("src", "\12\1\2\3") }, true },
		{ "src 192.168.0.0/17", { IPV4("src", "\300\250\177\377") }, true },
		{ "src 192.168.0.0/17", { IPV4("src", "\300\250\200\0") }, false },
		{ "src 0.0.0.0/0", { IPV4("src", "\1\2\3\4") }, true },
		{ "src 127.0.0.1/8", { IPV4("src", "\177\0\0\5") }, true },
		{ "src fd00::/8", { IPV6("src", "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") }, true },
		{ "src fd00::/8", { IPV6("src", "\376\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") }, false },
		{ "src ::1", { IPV6("src", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") }, true },
		{ "src 2001:db8::/33", { IPV6("src", "\40\1\15\270\177\0\0\0\0\0\0\0\0\0\0\1") }, true },
		{ "src 2001:db8::/33", { IPV6("src", "\40\1\15\270\200\0\0\0\0\0\0\0\0\0\0\1") }, false },
		{ "src ::/0", { IPV6("src", "\40\1\15\270\200\0\0\0\0\0\0\0\0\0\0\1") }, true },
		{ "src 10.0.0.0/8", { IPV6("src", MAPPED "\12\0\0\1") }, true },
		{ "src 10.0.0.0/8", { IPV6("src", "\40\2\12\0\0\1\0\0\0\0\0\0\0\0\0\0") }, true }, /* 6to4 */
		{ "src 10.0.0.0/8", { IPV6("src", "\40\1\12\0\0\1\0\0\0\0\0\0\0\0\0\0") }, false },
		{ "src ::ffff:10.0.0.0/104", { IPV4("src", "\12\0\0\1") }, true },
		{ "src ::ffff:10.0.0.0/104", { IPV4("src", "\13\0\0\1") }, false },
		{ "src ::/0", { IPV4("src", "\1\2\3\4") }, true },
		{ "arg(x) -m ip 10.0.0.0/8", { STRING("x", "10.1.2.3") }, true },
		{ "arg(x) -m ip 10.0.0.0/8", { STRING("x", "10.1.2.3 ") }, false },
		{ "arg(x) -m ip 10.0.0.0/8", { STRING("x", "") }, false },
		{ "src -m str 10.0.0.1", { IPV4("src", "\12\0\0\1") }, true },
		{ "src -m beg fd00:", { IPV6("src", "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") }, true },
	};
	static const char *const wrong[] = {
		"10.0.0", "10.0.0.0/33",  "fd00::/129", "10.0.0.0/", "10.0.0.0/255.0.255.0", "10.0.0.0/ff00::", "host",
		"''",     "10.0.0.0/8/8", "/8",         "1.2.3.4/-1"
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char acl[100], message[200];

		snprintf(acl, sizeof(acl), "src 10.0.0.0/8 %s", wrong[i]);
		snprintf(message, sizeof(message), "'%s' is no address or network, such as 10.0.0.0/8 or fd00::/8",
			 strcmp(wrong[i], "''") == 0 ? "" : wrong[i]);
		acl_says(acl, message);
	}
}

static void integers_are_compared_one_by_one_and_in_ranges(void **state)
{
	static const struct match cases[] = {
		{ "arg(n) -m int 5", { NUMBER("n", 5) }, true },
		{ "arg(n) -m int 5", { NUMBER("n", 6) }, false },
		{ "arg(n) -m int 1 5:9", { NUMBER("n", 9) }, true },
		{ "arg(n) -m int 5:9", { NUMBER("n", 10) }, false },
		{ "arg(n) -m int 5:", { NUMBER("n", INT64_MAX) }, true },
		{ "arg(n) -m int :9", { NUMBER("n", INT64_MIN) }, true },
		{ "arg(n) -m int -5:-3", { NUMBER("n", -4) }, true },
		{ "arg(n) -m int ge 5", { NUMBER("n", 5) }, true },
		{ "arg(n) -m int gt 5", { NUMBER("n", 5) }, false },
		{ "arg(n) -m int gt 5", { NUMBER("n", 6) }, true },
		{ "arg(n) -m int le 5", { NUMBER("n", 5) }, true },
		{ "arg(n) -m int lt 5", { NUMBER("n", 5) }, false },
		{ "arg(n) -m int lt 5 eq 7", { NUMBER("n", 7) }, true },
		{ "arg(n) -m int 5", { STRING("n", "5") }, true },
		{ "arg(n) -m int 5", { STRING("n", "5x") }, true },
		{ "arg(n) -m int 0", { STRING("n", "x") }, true },
		{ "arg(n) -m int 0", { STRING("n", "") }, false },
		{ "arg(n) -m int -1", { STRING("n", "-1") }, true },
		{ "arg(n) -m str 5", { NUMBER("n", 5) }, true },
		{ "path -m len 2", { PATH("/a") }, true },
		{ "path -m len gt 2", { PATH("/a") }, false },
		{ "path_len 3:", { PATH("/\0\0") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
	acl_says("arg(n) -m int x", "'x' is no integer or range, such as 5, 5:9, 5: or :9");
	acl_says("arg(n) -m int :", "':' is no integer or range, such as 5, 5:9, 5: or :9");
	acl_says("arg(n) -m int 99999999999999999999",
		 "'99999999999999999999' is no integer or range, such as 5, 5:9, 5: or :9");
	acl_says("arg(n) -m int gt 5:9", "a range ('5:9') goes with 'eq' only");
}

static void what_is_found_or_true_needs_no_pattern(void **state)
{
	static const struct match cases[] = {
		{ "query -m found", { QUERY("") }, true },
		{ "query -m found", { ABSENT("query") }, false },
		{ "query -m found", { PATH("/") }, false },
		{ "ssl_fc", { BOOLEAN("ssl", true) }, true },
		{ "ssl_fc", { BOOLEAN("ssl", false) }, false },
		{ "ssl_fc", { PATH("/") }, false },
		{ "ssl_fc -m found", { BOOLEAN("ssl", false) }, true },
		{ "arg(n) -m bool", { NUMBER("n", 2) }, true },
		{ "arg(n) -m bool", { STRING("n", "0") }, false },
		{ "arg(n) -m bool", { STRING("n", "1") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
	acl_says("query -m found x", "unexpected pattern 'x': 'found' takes none");
	acl_says("ssl_fc x", "unexpected pattern 'x': 'bool' takes none");
}

static void a_way_of_matching_is_one_of_haproxy_s(void **state)
{
	(void)state;
	acl_says("path -m begg /a", "unknown way of matching 'begg', did you mean 'beg'?");
	acl_says("path -m quite /a", "unknown way of matching 'quite'");
	acl_says("path -m bin 2f", "matching by 'bin' is not yet supported");
	acl_says("path -m", "'acl' expects a way of matching after -m");
	acl_says("path", "no pattern to compare 'path' with");
	acl_says("path -i", "no pattern to compare 'path' with");
}

/* ---- files ---- */

static void patterns_come_from_files_too(void **state)
{
	char path[] = "/tmp/spoa-unit.XXXXXX", text[300], expected[300];
	static const struct argument one[] = { PATH("/one"), { 0 } }, two[] = { PATH("/TWO #2"), { 0 } },
				     comment[] = { PATH("# no"), { 0 } }, three[] = { PATH("/three"), { 0 } },
				     empty[] = { PATH(""), { 0 } };
	int fd = mkstemp(path);
	struct rules rules;
	FILE *file = fdopen(fd, "w");

	(void)state;
	assert_non_null(file);
	fputs("/one\r\n\n# no\n  /two #2\n\t\n/last", file);
	fclose(file);
	snprintf(text, sizeof(text), "frontend f\n acl a path -i -f %s -- /three\n use_backend yes if a\n", path);
	rules_open(&rules, text);
	assert_string_equal(rules_choose(&rules, one), "yes");
	assert_string_equal(rules_choose(&rules, two), "yes");
	assert_string_equal(rules_choose(&rules, three), "yes");
	assert_string_equal(rules_choose(&rules, comment), "-");
	assert_string_equal(rules_choose(&rules, empty), "-");
	rules_close(&rules);
	snprintf(text, sizeof(text), "src -f %s", path);
	snprintf(expected, sizeof(expected), "%s:1: '/one' is no address or network, such as 10.0.0.0/8 or fd00::/8",
		 path);
	acl_says(text, expected);
	unlink(path);
	snprintf(text, sizeof(text), "path -f %s", path);
	snprintf(expected, sizeof(expected), "cannot read patterns from '%s': No such file or directory", path);
	acl_says(text, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_match_whole_at_either_end_or_within),
		cmocka_unit_test(dir_and_dom_match_whole_words),
		cmocka_unit_test(case_is_ignored_where_i_says_so),
		cmocka_unit_test(regexes_are_pcre_s),
		cmocka_unit_test(a_regex_that_backtracks_too_long_is_given_up_and_counted),
		cmocka_unit_test(a_regular_one_is_never_given_up),
		cmocka_unit_test(regexes_of_one_request_have_a_time_limit_together),
		cmocka_unit_test(a_regex_may_go_deep),
		cmocka_unit_test(networks_match_addresses_of_both_families),
		cmocka_unit_test(integers_are_compared_one_by_one_and_in_ranges),
		cmocka_unit_test(what_is_found_or_true_needs_no_pattern),
		cmocka_unit_test(a_way_of_matching_is_one_of_haproxy_s),
		cmocka_unit_test(patterns_come_from_files_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
