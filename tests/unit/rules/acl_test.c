/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Acls and the conditions made of them: HAProxy's configuration manual, 7.2. */
#include "rules.h"

/* a, b and c hold where the path has their letter. */
static const char head[] = "frontend f\n"
			   " acl a path_sub a\n acl b path_sub b\n acl c path_sub c\n"
			   " acl any path_sub a\n acl any path_sub b\n acl any method ANY\n"
			   " acl list path_sub a b\n acl unused path_sub x\n";

static void open_condition(struct rules *rules, const char *condition)
{
	char text[1000];

	snprintf(text, sizeof(text), "%s use_backend yes %s\n", head, condition);
	rules_open(rules, text);
}

/* The paths among "", a, b, ab, c, ac, bc and abc for which it holds, as bits. */
static unsigned truths(const char *condition)
{
	struct rules rules;
	unsigned bits = 0;

	open_condition(&rules, condition);
	for (unsigned i = 0; i < 8; i++) {
		struct argument arguments[] = { PATH("...."), { 0 } };
		const char path[] = { '/', i & 1 ? 'a' : '-', i & 2 ? 'b' : '-', i & 4 ? 'c' : '-' };

		arguments[0].value.bytes.ptr = (const uint8_t *)path;
		if (strcmp(rules_choose(&rules, arguments), "yes") == 0)
			bits |= 1u << i;
	}
	rules_close(&rules);
	return bits;
}

#define A 0xaau
#define B 0xccu
#define C 0xf0u

static void conditions_are_ors_of_ands(void **state)
{
	static const struct {
		const char *condition;
		unsigned bits;
	} cases[] = {
		{ "", 0xff },
		{ "if a", A },
		{ "unless a", ~A },
		{ "if a b", A & B },
		{ "if a or b", A | B },
		{ "if a || b", A | B },
		{ "if a b or c", (A & B) | C },
		{ "if c or a b", (A & B) | C },
		{ "if a or b c or b", A | B },
		{ "unless a b or c", ~((A & B) | C) },
		{ "if !a", ~A },
		{ "if ! a", ~A },
		{ "if !! a", A },
		{ "if ! !a", A },
		{ "if !!!a", ~A },
		{ "if !a b or !c", (~A & B) | ~C },
		{ "if a !a", 0 },
		{ "if a or !a", 0xff },
		{ "if any", A | B },
		{ "if !any", ~(A | B) },
		{ "if list !a", B & ~A },
		{ "if { path_sub a }", A },
		{ "if !{ path_sub a }", ~A },
		{ "if { path_sub a b } c", (A | B) & C },
		{ "if { path_sub -i A } or { path_sub c }", A | C },
		{ "if TRUE", 0xff },
		{ "if FALSE", 0 },
		{ "if !TRUE", 0 },
		{ "if !FALSE a", A },
		{ "if a TRUE or c WAIT_END", A | C },
		{ "unless FALSE", 0xff },
		{ "unless TRUE", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned bits = truths(cases[i].condition);

		if (bits != (cases[i].bits & 0xff))
			fail_msg("'%s': %02x, not %02x", cases[i].condition, bits, cases[i].bits & 0xff);
	}
}

static void a_missing_argument_holds_for_nothing_but_a_negation(void **state)
{
	static const struct argument nothing[] = { { 0 } };
	static const struct {
		const char *condition;
		bool holds;
	} cases[] = {
		{ "if a", false },
		{ "if !a", true },
		{ "unless a", true },
		{ "if { path -m found }", false },
		{ "if any", false },
		{ "if a or !b", true },
		{ "if { src ::/0 }", false },
		{ "if !{ hdr(x) y }", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rules rules;

		open_condition(&rules, cases[i].condition);
		assert_string_equal(rules_choose(&rules, nothing), cases[i].holds ? "yes" : "-");
		rules_close(&rules);
	}
}

static void predefined_acls_are_haproxy_s(void **state)
{
	static const struct {
		const char *name;
		struct argument arguments[MAX_ARGUMENTS];
		bool holds;
	} cases[] = {
		{ "METH_GET", { METHOD("GET") }, true },
		{ "METH_GET", { METHOD("HEAD") }, true },
		{ "METH_GET", { METHOD("POST") }, false },
		{ "METH_HEAD", { METHOD("GET") }, false },
		{ "METH_POST", { METHOD("POST") }, true },
		{ "METH_PUT", { METHOD("PUT") }, true },
		{ "METH_DELETE", { METHOD("DELETE") }, true },
		{ "METH_OPTIONS", { METHOD("OPTIONS") }, true },
		{ "METH_CONNECT", { METHOD("CONNECT") }, true },
		{ "METH_TRACE", { METHOD("TRACE") }, true },
		{ "LOCALHOST", { IPV4("src", "\177\1\2\3") }, true },
		{ "LOCALHOST", { IPV6("src", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") }, true },
		{ "LOCALHOST", { IPV4("src", "\12\0\0\1") }, false },
		{ "HTTP_URL_SLASH", { PATH("/a") }, true },
		{ "HTTP_URL_STAR", { PATH("*") }, true },
		{ "HTTP_URL_STAR", { PATH("/") }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rules rules;
		char text[200];

		snprintf(text, sizeof(text), "frontend f\n use_backend yes if %s\n", cases[i].name);
		rules_open(&rules, text);
		assert_string_equal(rules_choose(&rules, cases[i].arguments), cases[i].holds ? "yes" : "-");
		rules_close(&rules);
	}
	rules_say("frontend f\n use_backend b if HTTP_2.0\n",
		  "t.cfg:2: in section 'frontend f': the predefined acl 'HTTP_2.0' is not yet supported");
}

static void an_acl_of_a_predefined_name_is_one_s_own(void **state)
{
	static const struct argument get[] = { METHOD("GET"), { 0 } }, put[] = { METHOD("PUT"), { 0 } };
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n acl METH_GET method PUT\n use_backend yes if METH_GET\n");
	assert_string_equal(rules_choose(&rules, put), "yes");
	assert_string_equal(rules_choose(&rules, get), "-");
	rules_close(&rules);
}

/* What one rule found out serves the next, and nothing of it the next request. */
static void each_request_is_judged_afresh(void **state)
{
	static const struct argument a[] = { PATH("/a"), { 0 } }, b[] = { PATH("/b"), { 0 } },
				     c[] = { PATH("/c"), { 0 } };
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n acl a path /a\n acl b path /b\n use_backend ab if a b\n"
			   " use_backend a if a\n use_backend b if b !a\n");
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(rules_choose(&rules, a), "a");
		assert_string_equal(rules_choose(&rules, b), "b");
		assert_string_equal(rules_choose(&rules, c), "-");
	}
	rules_close(&rules);
}

/* More acls and samples than a word has bits: each is told by its own path and its own argument. */
static void any_number_of_acls_is_told_apart(void **state)
{
	const unsigned n = 300, samples = 50;
	struct rules rules;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fprintf(out, "frontend f\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(out, " acl a%u arg(x%u) -m %s v%u.\n", i, i % samples, i % 2 ? "beg" : "sub", i);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, " use_backend b%u if a%u\n", i, i);
	fclose(out);
	rules_open(&rules, text);
	for (unsigned i = 0; i < n; i++) {
		char name[16], value[16], backend[16];
		struct argument arguments[] = { { name, { SPOP_STRING, { .bytes = { (uint8_t *)value, 0 } } } },
						{ 0 } };

		snprintf(name, sizeof(name), "x%u", i % samples);
		snprintf(value, sizeof(value), "v%u.", i);
		snprintf(backend, sizeof(backend), "b%u", i);
		arguments[0].value.bytes.len = strlen(value);
		assert_string_equal(rules_choose(&rules, arguments), backend);
	}
	rules_close(&rules);
	free(text);
}

static void condition_says(const char *condition, const char *message)
{
	char text[300], expected[400];

	snprintf(text, sizeof(text), "frontend f\n acl alpha path /a\n use_backend b %s\n", condition);
	snprintf(expected, sizeof(expected), "t.cfg:3: in section 'frontend f': %s", message);
	rules_say(text, expected);
}

static void what_is_no_condition_says_so(void **state)
{
	(void)state;
	condition_says("if alhpa", "no acl 'alhpa' above this line, did you mean 'alpha'?");
	condition_says("if zzz", "no acl 'zzz' above this line");
	condition_says("iff alpha", "expected 'if' or 'unless' instead of 'iff'");
	condition_says("if", "'use_backend' expects an acl");
	condition_says("unless", "'use_backend' expects an acl");
	condition_says("if alpha or", "'use_backend' expects an acl");
	condition_says("if !", "'use_backend' expects an acl");
	condition_says("if or alpha", "no acl 'or' above this line");
	condition_says("if alpha || || alpha", "no acl '||' above this line");
	condition_says("if {", "'use_backend' expects a sample");
	condition_says("if { path /a", "no closing '}', with a blank before it");
	condition_says("if {path /a}", "'{path': an anonymous acl needs blanks around its braces, '{ … }'");
	condition_says("if { path }", "no pattern to compare 'path' with");
	condition_says("if { pth /a }", "unknown sample 'pth', did you mean 'path'?");
	condition_says("if alpha }", "no acl '}' above this line");
}

static void an_acl_s_name_and_flags_are_checked(void **state)
{
	(void)state;
	rules_say("frontend f\n acl or path /a\n",
		  "t.cfg:2: in section 'frontend f': 'or' cannot be the name of an acl");
	rules_say("frontend f\n acl a/b path /a\n",
		  "t.cfg:2: in section 'frontend f': 'a/b' cannot be the name of an acl");
	rules_say("frontend f\n acl\n", "t.cfg:2: in section 'frontend f': 'acl' expects a name");
	rules_say("frontend f\n acl a\n", "t.cfg:2: in section 'frontend f': 'acl' expects a sample");
	acl_says("path -M /a", "flag '-M' is not supported: patterns come as words or with -f");
	acl_says("path -u 1 /a", "flag '-u' is not supported: lists are named by their file");
}

static void a_pattern_may_begin_with_a_dash(void **state)
{
	static const struct match cases[] = {
		{ "path -- -i", { PATH("-i") }, true }, { "path -i -- -I", { PATH("-i") }, true },
		{ "path -x", { PATH("-x") }, true },    { "path /a -i", { PATH("-i") }, true },
		{ "path -- --", { PATH("--") }, true },
	};

	(void)state;
	expect_matches(cases, COUNT(cases));
}

static void an_acl_that_no_condition_names_is_warned_of(void **state)
{
	(void)state;
	rules_say("frontend f\n acl a path /a\n acl b path /b\n use_backend x if a\n",
		  "t.cfg:3: warning: in section 'frontend f': acl 'b' is used by no rule");
	rules_say("frontend f\n acl a path /a\n use_backend x if a\n", NULL);
}

static void a_path_that_does_not_begin_with_a_slash_is_warned_of(void **state)
{
	static const struct {
		const char *acl, *pattern, *sample;
	} cases[] = {
		{ "path_beg films", "films", "path" },
		{ "path films", "films", "path" },
		{ "path -i films", "films", "path" },
		{ "path_beg -i /a films series", "films", "path" },
		{ "path -m beg films", "films", "path" },
		{ "pathq_beg films?", "films?", "pathq" },
		{ "url_beg http://a/", "http://a/", "url" },
	};
	static const char *const may[] = {
		"path_beg /films", "path_beg ''",   "path *",           "path_end films",        "path_sub films",  "path_dir films",
		"path_reg ^films", "path_len 5",    "hdr(x-a) films",   "path,field(2,/) films", "path -m found",   "path_dom films",
		"query films",     "base_beg films", "url_param(a) films",
	};
	char text[200], message[300];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "frontend f\n acl a %s\n use_backend x if a\n", cases[i].acl);
		snprintf(message, sizeof(message),
			 "t.cfg:2: warning: in section 'frontend f': pattern '%s' never matches: '%s' begins with '/'",
			 cases[i].pattern, cases[i].sample);
		rules_say(text, message);
	}
	for (size_t i = 0; i < COUNT(may); i++) {
		snprintf(text, sizeof(text), "frontend f\n acl a %s\n use_backend x if a\n", may[i]);
		rules_say(text, NULL);
	}
}

static void a_condition_that_cannot_hold_is_warned_of(void **state)
{
	static const char *const never[] = { "if FALSE", "if !TRUE", "if { path /a } FALSE or FALSE", "unless TRUE",
					     "unless { path /a } or TRUE !FALSE" };
	static const char *const may[] = { "if TRUE", "if !FALSE", "if FALSE or { path /a }", "unless FALSE",
					   "unless { path /a } or { path /b } TRUE" };
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(never); i++) {
		snprintf(text, sizeof(text), "frontend f\n use_backend x %s\n", never[i]);
		rules_say(text, "t.cfg:2: warning: in section 'frontend f': this condition never holds");
	}
	for (size_t i = 0; i < COUNT(may); i++) {
		snprintf(text, sizeof(text), "frontend f\n use_backend x %s\n", may[i]);
		rules_say(text, NULL);
	}
}

static void acls_without_any_sample_are_enough(void **state)
{
	static const struct argument none[] = { { 0 } };
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n use_backend a if FALSE\n use_backend b if TRUE\n");
	assert_string_equal(rules_choose(&rules, none), "b");
	rules_close(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_ors_of_ands),
		cmocka_unit_test(a_missing_argument_holds_for_nothing_but_a_negation),
		cmocka_unit_test(predefined_acls_are_haproxy_s),
		cmocka_unit_test(an_acl_of_a_predefined_name_is_one_s_own),
		cmocka_unit_test(each_request_is_judged_afresh),
		cmocka_unit_test(any_number_of_acls_is_told_apart),
		cmocka_unit_test(what_is_no_condition_says_so),
		cmocka_unit_test(an_acl_s_name_and_flags_are_checked),
		cmocka_unit_test(a_pattern_may_begin_with_a_dash),
		cmocka_unit_test(an_acl_that_no_condition_names_is_warned_of),
		cmocka_unit_test(a_path_that_does_not_begin_with_a_slash_is_warned_of),
		cmocka_unit_test(a_condition_that_cannot_hold_is_warned_of),
		cmocka_unit_test(acls_without_any_sample_are_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
