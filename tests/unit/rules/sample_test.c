/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each sample and the values it has of a request: HAProxy's configuration manual, 7.3. */
#include "rules.h"

static void one_argument_is_one_value(void **state)
{
	static const struct match cases[] = {
		{ "method GET HEAD", { METHOD("HEAD") }, true },
		{ "path /a", { PATH("/a") }, true },
		{ "query a=b", { QUERY("a=b") }, true },
		{ "query ''", { QUERY("") }, true },
		{ "query ''", { PATH("/") }, false },
		{ "query ''", { ABSENT("query") }, false },
		{ "arg(geo) DE", { STRING("geo", "DE") }, true },
		{ "arg(geo) DE", { BINARY("geo", "DE") }, true },
		{ "arg(geo) DE", { STRING("Geo", "DE") }, false },
		{ "arg(geo) 5", { NUMBER("geo", 5) }, true },
		{ "arg(path) /a", { PATH("/a") }, true },
		{ "req.ver 1.1", { STRING("ver", "1.1") }, true },
		{ "req.body -m sub x", { BINARY("body", "a\0xb") }, true },
		{ "ssl_fc_sni a.example", { STRING("sni", "a.example") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void pathq_has_its_question_mark_where_there_is_a_query(void **state)
{
	static const struct match cases[] = {
		{ "pathq /a?b=c", { PATH("/a"), QUERY("b=c") }, true },
		{ "pathq /a?", { PATH("/a"), QUERY("") }, true },
		{ "pathq /a", { PATH("/a") }, true },
		{ "pathq /a", { PATH("/a"), ABSENT("query") }, true },
		{ "pathq /a", { PATH("/a"), QUERY("") }, false },
		{ "pathq -m found", { QUERY("b=c") }, false },
		{ "url /a?b=c", { PATH("/a"), QUERY("b=c") }, true },
		{ "url_beg /a?b", { PATH("/a"), QUERY("b=c") }, true },
		{ "base www.example.com/a", { PATH("/a"), HOST("www.example.com"), QUERY("b") }, true },
		{ "base /a", { PATH("/a") }, true },
		{ "base -m found", { HOST("www.example.com") }, false },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_header_has_a_value_between_its_commas(void **state)
{
	static const struct match cases[] = {
		{ "hdr(x-a) b", { STRING("hdr(x-a)", "a, b ,c") }, true },
		{ "hdr(x-a) c", { STRING("hdr(x-a)", "a, b ,c") }, true },
		{ "hdr(x-a) 'a, b ,c'", { STRING("hdr(x-a)", "a, b ,c") }, false },
		{ "hdr(x-a) a", { STRING("hdr(x-a)", " \ta\t ") }, true },
		{ "hdr(x-a) ''", { STRING("hdr(x-a)", "a,,b") }, true },
		{ "hdr(x-a) '\"a,b\"'", { STRING("hdr(x-a)", "c, \"a,b\"") }, true },
		{ "hdr(x-a) 'b\"'", { STRING("hdr(x-a)", "\"a,b\"") }, false },
		{ "hdr(x-a) '\"a\\\",b\"'", { STRING("hdr(x-a)", "\"a\\\",b\"") }, true },
		{ "hdr(x-a) '\"a'", { STRING("hdr(x-a)", "\"a") }, true },
		{ "hdr(X-A) b", { STRING("hdr(x-a)", "b") }, true },
		{ "hdr(x-a) b", { BINARY("hdrs", "\3x-a\1a\3X-a\3c,b\0\0") }, true },
		{ "req.hdr(x-a) b", { BINARY("hdrs", "\3x-a\1b\0\0") }, true },
		{ "hdr(x-a) -m found", { BINARY("hdrs", "\3x-b\1b\0\0") }, false },
		{ "host example.com", { STRING("hdr(host)", "example.com") }, true },
		{ "host example.com", { BINARY("hdrs", "\4Host\13example.com\0\0") }, true },
		{ "hdr(host) example.com", { HOST("example.com") }, true },
		{ "hdr_dom(host) example", { HOST("www.example.com") }, true },
		{ "fhdr(x-a) 'a, b'", { STRING("hdr(x-a)", "a, b") }, true },
		{ "req.fhdr(x-a) b", { STRING("hdr(x-a)", "a,b") }, false },
		{ "fhdr(x-a) 'c,d'", { BINARY("hdrs", "\3x-a\1b\3x-a\3c,d\0\0") }, true },
		{ "hdr_cnt(x-a) 3", { BINARY("hdrs", "\3x-a\1b\3x-a\3c,d\0\0") }, true },
		{ "hdr_cnt(x-a) 0", { PATH("/") }, true },
		{ "hdr_cnt(x-a) gt 1", { STRING("hdr(x-a)", "a") }, false },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_cookie_is_found_by_its_name(void **state)
{
	static const struct match cases[] = {
		{ "cook(sid) 12", { STRING("hdr(cookie)", "a=b; sid=12; c=d") }, true },
		{ "req.cook(sid) 12", { STRING("hdr(cookie)", "sid=12") }, true },
		{ "cook(sid) 12", { STRING("hdr(cookie)", "xsid=12; sidx=12") }, false },
		{ "cook(sid) 12", { STRING("hdr(cookie)", "SID=12") }, false },
		{ "cook(sid) 12", { STRING("hdr(cookie)", "sid = 12 ;x=y") }, true },
		{ "cook(sid) 2", { STRING("hdr(cookie)", "sid=1; sid=2") }, true },
		{ "cook(sid) '\"a;b\"'", { STRING("hdr(cookie)", "sid=\"a;b\"; x=y") }, true },
		{ "cook(sid) 12", { BINARY("hdrs", "\6cookie\6sid=12\0\0") }, true },
		{ "cook(sid) -m found", { STRING("hdr(cookie)", "a=b; c") }, false },
		{ "cook(sid) -m found", { STRING("hdr(cookie)", "") }, false },
		{ "cook_beg(sid) 1", { STRING("hdr(cookie)", "sid=12") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void a_parameter_is_found_by_its_name(void **state)
{
	static const struct match cases[] = {
		{ "urlp(q) b", { QUERY("a=1&q=b") }, true },
		{ "url_param(q) b", { QUERY("q=b;x=y") }, true },
		{ "urlp(q) c", { QUERY("q=b&q=c") }, true },
		{ "urlp(q) ''", { QUERY("q=&a=b") }, true },
		{ "urlp(q) b=c", { QUERY("q=b=c") }, true },
		{ "urlp(q) -m found", { QUERY("q&a=b") }, false },
		{ "urlp(q) -m found", { QUERY("xq=1&qx=1&Q=1") }, false },
		{ "urlp(q) -m found", { QUERY("") }, false },
		{ "urlp(q) -m found", { PATH("/?q=1") }, false },
		{ "urlp(q) -m found", { QUERY("&&;=&q=") }, true },
		{ "urlp(q) a%20b", { QUERY("q=a%20b") }, true }, /* as it came */
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

/* Words of HAProxy 1.4 on: path_beg is path -m beg. */
static void a_sample_s_name_may_end_in_its_way_of_matching(void **state)
{
	static const struct match cases[] = {
		{ "path_beg /a", { PATH("/ab") }, true },
		{ "path_str /a", { PATH("/a") }, true },
		{ "path_reg ^/a", { PATH("/ab") }, true },
		{ "path_end b", { PATH("/ab") }, true },
		{ "path_sub b", { PATH("/abc") }, true },
		{ "path_dir b", { PATH("/a/b/c") }, true },
		{ "path_dom b", { PATH("/a.b/c") }, true },
		{ "path_len 2", { PATH("/a") }, true },
		{ "hdr_ip(x-real) 10.0.0.0/8", { STRING("hdr(x-real)", "192.0.2.1, 10.0.0.1") }, true },
		{ "urlp_int(n) gt 5", { QUERY("n=6") }, true },
		{ "path_beg -m end b", { PATH("/ab") }, true }, /* -m has the last word */
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void what_is_no_sample_says_so(void **state)
{
	(void)state;
	acl_says("pth /a", "unknown sample 'pth', did you mean 'path'?");
	acl_says("path_begg /a", "unknown sample 'path_begg', did you mean 'path_beg'?");
	acl_says("quite_another /a", "unknown sample 'quite_another'");
	acl_says("path(x) /a", "sample 'path' takes no argument");
	acl_says("hdr a", "sample 'hdr' expects hdr(<name>)");
	acl_says("hdr() a", "sample 'hdr' expects hdr(<name>)");
	acl_says("hdr(a b) a", "no closing ')' in 'hdr(a'");
	acl_says("'hdr(a b)' a", "sample 'hdr' expects hdr(<name>)");
	acl_says("hdr(x-a a", "no closing ')' in 'hdr(x-a'");
	acl_says("hdr(x)y a", "unexpected 'y' behind a sample");
	acl_says("_beg a", "unknown sample '_beg'");
	acl_says("''", "unknown sample ''");
}

static void a_frontend_reads_at_most_so_many_arguments(void **state)
{
	char text[4000];
	size_t used = (size_t)sprintf(text, "frontend f\n");
	unsigned room = REQUEST_MAX_SLOTS - REQUEST_FIRST_OWN;

	(void)state;
	for (unsigned i = 0; i <= room; i++)
		used += (size_t)sprintf(text + used, " acl a arg(x%u) 1\n", i);
	snprintf(text + used, sizeof(text) - used, " use_backend b if a\n");
	rules_say(text, "t.cfg:56: in section 'frontend f': the rules of one frontend may read at most 54 different "
			"arguments");
	assert_int_equal(room, 54);
}

/* HAProxy's own limit is a buffer's size; ours is 64 KiB, and what is longer has no value. */
static void what_is_joined_has_a_bound(void **state)
{
	static uint8_t path[70000], query[70000];
	struct argument arguments[] = { STRING("path", ""), STRING("query", ""), STRING("host", ""), { 0 } };
	struct rules rules;

	(void)state;
	memset(path, 'p', sizeof(path));
	memset(query, 'q', sizeof(query));
	rules_open(&rules, "frontend f\n acl q pathq -m found\n acl b base -m found\n"
			   " use_backend both if q b\n use_backend pathq if q\n use_backend base if b\n");
	arguments[0].value.bytes = (struct spop_slice){ path, 60000 };
	arguments[1].value.bytes = (struct spop_slice){ query, 5535 };
	arguments[2].value.bytes = (struct spop_slice){ query, 5536 };
	assert_string_equal(rules_choose(&rules, arguments), "both");
	arguments[1].value.bytes.len++;
	assert_string_equal(rules_choose(&rules, arguments), "base");
	arguments[1].value.bytes.len = 70000;
	arguments[2].value.bytes.len++;
	assert_string_equal(rules_choose(&rules, arguments), "-");
	rules_close(&rules);
}

/* One argument, whichever sample was named first. */
static void an_argument_and_a_header_may_share_a_name(void **state)
{
	static const struct argument arguments[] = { STRING("hdr_a_b", "x"), { 0 } };
	static const char *const texts[] = {
		"frontend f\n use_backend good if { arg(hdr_a_b) x } { hdr(a-b) x }\n",
		"frontend f\n use_backend good if { hdr(a-b) x } { arg(hdr_a_b) x }\n",
		"frontend f\n use_backend good if { hdr(a-b) x } !{ hdr(a_b) x }\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct rules rules;

		rules_open(&rules, texts[i]);
		assert_string_equal(rules_choose(&rules, arguments), "good");
		rules_close(&rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_argument_is_one_value),
		cmocka_unit_test(pathq_has_its_question_mark_where_there_is_a_query),
		cmocka_unit_test(a_header_has_a_value_between_its_commas),
		cmocka_unit_test(a_cookie_is_found_by_its_name),
		cmocka_unit_test(a_parameter_is_found_by_its_name),
		cmocka_unit_test(a_sample_s_name_may_end_in_its_way_of_matching),
		cmocka_unit_test(what_is_no_sample_says_so),
		cmocka_unit_test(a_frontend_reads_at_most_so_many_arguments),
		cmocka_unit_test(what_is_joined_has_a_bound),
		cmocka_unit_test(an_argument_and_a_header_may_share_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
