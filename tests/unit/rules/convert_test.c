/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Converters behind a sample: HAProxy's configuration manual, 7.3.1. */
#include "rules.h"

static void letters_are_changed_in_ascii(void **state)
{
	static const struct match cases[] = {
		{ "path,lower /a@[z", { PATH("/A@[Z") }, true },
		{ "path,upper /A`{Z", { PATH("/a`{z") }, true },
		{ "path,lower,upper /A", { PATH("/a") }, true },
		{ "path,upper,lower,upper,lower,upper,lower,upper,lower /a", { PATH("/A") }, true },
		{ "path,lower /a", { PATH("/a") }, true },
		{ "path,lower ''", { PATH("") }, true },
		{ "path,lower -m beg /a", { PATH("/AB") }, true },
		{ "path_beg,lower /a", { PATH("/AB") }, true },
		{ "hdr(x-a),lower b", { STRING("hdr(x-a)", "A, B") }, true },
		{ "src,upper FD00::1", { IPV6("src", "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_length_is_an_integer(void **state)
{
	static const struct match cases[] = {
		{ "path,length 3", { PATH("/ab") }, true },
		{ "path,length gt 3", { PATH("/ab") }, false },
		{ "path,length 0", { PATH("") }, true },
		{ "path,length -m str 2", { PATH("/a") }, true },
		{ "path,length,length 1", { PATH("/abcdef") }, true },
		{ "query,length 0", { PATH("") }, false },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void url_dec_decodes_or_gives_no_value(void **state)
{
	static const struct match cases[] = {
		{ "path,url_dec '/a b'", { PATH("/a%20b") }, true },
		{ "path,url_dec /%", { PATH("/%25") }, true },
		{ "path,url_dec /%20", { PATH("/%2520") }, true }, /* once */
		{ "path,url_dec -m bool", { PATH("%31") }, true },
		{ "path,url_dec /a+b", { PATH("/a+b") }, true },
		{ "pathq,url_dec '/a+b?c d'", { PATH("/a+b"), QUERY("c+d") }, true },
		{ "query,url_dec(1) 'c d'", { QUERY("c+d") }, true },
		{ "query,url_dec(0) c+d", { QUERY("c+d") }, true },
		{ "path,url_dec -m found", { PATH("/%") }, false },
		{ "path,url_dec -m found", { PATH("/%4") }, false },
		{ "path,url_dec -m found", { PATH("/%4g") }, false },
		{ "path,url_dec -m found", { PATH("/%zz") }, false },
		{ "path,url_dec,length 3", { PATH("/%00a") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_field_is_counted_from_either_end(void **state)
{
	static const struct match cases[] = {
		{ "path,field(1,/) ''", { PATH("/a/b/c") }, true },
		{ "path,field(2,/) a", { PATH("/a/b/c") }, true },
		{ "path,field(4,/) c", { PATH("/a/b/c") }, true },
		{ "path,field(5,/) -m found", { PATH("/a/b/c") }, false },
		{ "path,field(-1,/) c", { PATH("/a/b/c") }, true },
		{ "path,field(-4,/) ''", { PATH("/a/b/c") }, true },
		{ "path,field(-5,/) -m found", { PATH("/a/b/c") }, false },
		{ "path,field(2,/,2) a/b", { PATH("/a/b/c") }, true },
		{ "path,field(2,/,0) a/b/c", { PATH("/a/b/c") }, true },
		{ "path,field(2,/,9) a/b/c", { PATH("/a/b/c") }, true },
		{ "path,field(-1,/,2) b/c", { PATH("/a/b/c") }, true },
		{ "path,field(-2,/,0) /a/b", { PATH("/a/b/c") }, true },
		{ "path,field(2,/.) a", { PATH("/a.b") }, true },
		{ "path,field(3,/.) b", { PATH("/a.b") }, true },
		{ "path,field(1,x) ''", { PATH("") }, true },
		{ "path,field(2,/),upper A", { PATH("/a/b") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_host_is_parted_from_its_port(void **state)
{
	static const struct match cases[] = {
		{ "host,host_only example.com", { HOST("Example.COM:8080") }, true },
		{ "host,host_only example.com", { HOST("example.com") }, true },
		{ "host,host_only [::1]", { HOST("[::1]:80") }, true },
		{ "host,host_only [::1]", { HOST("[::1]") }, true },
		{ "host,host_only example.com", { HOST("example.com:") }, true },
		{ "host,host_only 1.2.3.4", { HOST("1.2.3.4") }, true },
		{ "host,host_only ''", { HOST(":80") }, true },
		{ "host,port_only 8080", { HOST("example.com:8080") }, true },
		{ "host,port_only 0", { HOST("example.com") }, true },
		{ "host,port_only 80", { HOST("[::1]:80") }, true },
		{ "host,port_only 0", { HOST("[::1]") }, true },
		{ "host,port_only gt 0", { HOST("1.2.3.4") }, false },
		{ "host,port_only 0", { HOST("") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void what_is_no_converter_says_so(void **state)
{
	(void)state;
	acl_says("path,lowr /a", "unknown converter 'lowr', did you mean 'lower'?");
	acl_says("path,quite_another /a", "unknown converter 'quite_another'");
	acl_says("path, /a", "unknown converter ''");
	acl_says("path,map_bge(/etc/x.map) /a", "unknown converter 'map_bge', did you mean 'map_beg'?");
	acl_says("path,lower(1) /a", "converter 'lower' takes 0 to 0 arguments");
	acl_says("path,field(2 /a", "no closing ')' behind converter 'field'");
	acl_says("path,field(2) /a", "converter 'field' takes 2 to 3 arguments");
	acl_says("path,field(1,/,1,1) /a", "too many arguments for converter 'field'");
	acl_says("path,field(0,/) /a", "'field' expects an index other than 0, not '0'");
	acl_says("path,field(x,/) /a", "'field' expects an index other than 0, not 'x'");
	acl_says("path,field(1,) /a", "'field' expects delimiters");
	acl_says("path,field(1,/,-1) /a", "'field' expects a count, not '-1'");
	acl_says("path,url_dec(x) /a", "'url_dec' expects a number, not 'x'");
	acl_says("path,lower,lower,lower,lower,lower,lower,lower,lower,lower /a", "at most 8 converters in a row");
	acl_says("path,lower(/a", "no closing ')' behind converter 'lower'");
	acl_says("path,lower()x /a", "converter 'lower' takes 0 to 0 arguments");
}

/* Two converters write in turns; a third must not read what the first left. */
static void a_chain_keeps_its_values_apart(void **state)
{
	static const struct match cases[] = {
		{ "path,url_dec,lower,url_dec,upper '/A B'", { PATH("/%2561%2520b") }, true },
		{ "path,url_dec,lower,url_dec,upper '/A B'", { PATH("/a%2520b") }, true },
		{ "path,lower,field(2,/),upper,lower,upper AB", { PATH("/aB/c") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_value_of_more_than_64_kib_is_not_converted(void **state)
{
	static uint8_t path[65537];
	struct argument arguments[] = { STRING("path", ""), { 0 } };
	struct rules rules;

	(void)state;
	memset(path, 'P', sizeof(path));
	rules_open(&rules, "frontend f\n acl a path,lower -m len 65536\n use_backend yes if a\n");
	arguments[0].value.bytes = (struct spop_slice){ path, 65536 };
	assert_string_equal(rules_choose(&rules, arguments), "yes");
	rules_close(&rules);
	rules_open(&rules, "frontend f\n acl a path,lower -m found\n use_backend yes if a\n");
	arguments[0].value.bytes.len = 65537;
	assert_string_equal(rules_choose(&rules, arguments), "-");
	rules_close(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_are_changed_in_ascii),
		cmocka_unit_test(a_length_is_an_integer),
		cmocka_unit_test(url_dec_decodes_or_gives_no_value),
		cmocka_unit_test(a_field_is_counted_from_either_end),
		cmocka_unit_test(a_host_is_parted_from_its_port),
		cmocka_unit_test(what_is_no_converter_says_so),
		cmocka_unit_test(a_chain_keeps_its_values_apart),
		cmocka_unit_test(a_value_of_more_than_64_kib_is_not_converted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
