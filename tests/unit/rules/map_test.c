/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Map files: how lines are read, and which of several that match counts; backends named by samples. */
#include <unistd.h>

#include "rules.h"

/* The backend that path names by a map with these lines. */
static void expect(const char *map, const char *lines, const char *path, const char *backend)
{
	struct argument arguments[] = { PATH(""), STRING("n", ""), { 0 } };
	char file[] = "/tmp/spoa-unit-map-XXXXXX", text[300];
	int fd = mkstemp(file);
	struct rules rules;
	const char *chosen;

	arguments[0].value.bytes = arguments[1].value.bytes =
		(struct spop_slice){ (const uint8_t *)path, strlen(path) };
	assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	close(fd);
	snprintf(text, sizeof(text), "frontend f\n use_backend %%[arg(n),%s(%s,none)]\n", map, file);
	rules_open(&rules, text);
	chosen = rules_name(&rules, arguments);
	if (strcmp(chosen, backend) != 0)
		fail_msg("%s of '%s' in '%s': %s instead of %s", map, path, lines, chosen, backend);
	rules_close(&rules);
	unlink(file);
}

static void a_line_is_a_pattern_and_the_rest(void **state)
{
	(void)state;
	expect("map", "/a web\n", "/a", "web");
	expect("map", "\t /a\t  web \t\r\n", "/a", "web");
	expect("map", "/a web site\n", "/a", "web site");
	expect("map", "#/a web\n\n/a", "/a", "");
	expect("map", " #/a web\n", "#/a", "web");
	expect("map", "/a web", "/b", "none");
	expect("map", "", "/b", "none");
}

static void of_several_lines_the_right_one_counts(void **state)
{
	(void)state;
	expect("map_str", "/a one\n/a two\n", "/a", "one");
	expect("map_beg", "/ root\n/a/b long\n/a short\n/a/b late\n", "/a/b/c", "long");
	expect("map_beg", "/ root\n/a/b long\n/a short\n", "/x", "root");
	expect("map_end", "4 one\nmp4 two\n.mp4 three\n", "/x.mp4", "one");
	expect("map_sub", "zz one\nx two\n/ three\n", "/x", "two");
	expect("map_dir", "b one\na two\n", "/a/b", "one");
	expect("map_dom", "example.com one\nwww two\n", "www.example.com", "one");
	expect("map_reg", "^/z one\n/[a-c] two\n/b three\n", "/b", "two");
	expect("map_ip", "10.0.0.0/8 wide\n10.1.0.0/16 narrow\n0.0.0.0/0 all\n", "10.1.2.3", "narrow");
	expect("map_ip", "10.0.0.0/8 wide\n10.1.0.0/16 narrow\n0.0.0.0/0 all\n", "11.1.2.3", "all");
	expect("map_ip", "::/0 six\n0.0.0.0/0 four\n", "10.1.2.3", "four");
	expect("map_ip", "::/0 six\n", "10.1.2.3", "six");
	expect("map_ip", "::/0 six\n", "no address", "");
	expect("map_int", "1:5 low\n3 three\n6: high\n", "3", "low");
	expect("map_int", "1:5 low\n3 three\n6: high\n", "700", "high");
}

static void many_networks_are_found_as_few_are(void **state)
{
	char lines[4000];
	int used = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		used += snprintf(lines + used, sizeof(lines) - (size_t)used, "10.%u.0.0/%u n%u\n", i, 16 + i % 8, i);
	expect("map_ip", lines, "10.42.0.9", "n42");
	expect("map_ip", lines, "10.142.0.9", "none");
}

static void refuse(const char *lines, size_t length, const char *map, const char *message)
{
	char file[] = "/tmp/spoa-unit-map-XXXXXX", text[300], expected[300];
	int fd = mkstemp(file);

	assert_int_equal(write(fd, lines, length), (ssize_t)length);
	close(fd);
	snprintf(text, sizeof(text), "frontend f\n use_backend %%[path,%s(%s)]\n", map, file);
	snprintf(expected, sizeof(expected), "t.cfg:2: in section 'frontend f': %s:%s", file, message);
	rules_say(text, expected);
	unlink(file);
}

static void what_is_wrong_in_a_file_is_told_with_its_line(void **state)
{
	(void)state;
	refuse("/a b\n10.0.0.0/33 x\n", 19, "map_ip",
	       "1: '/a' is no address or network, such as 10.0.0.0/8 or fd00::/8");
	refuse("a b\n( x\n", 8, "map_reg", "2: regex '(': missing closing parenthesis at position 1");
	refuse("a b\nc\0d e\n", 10, "map", "2: a NUL byte");
	refuse("\xef\xbb\xbf" "a b\n", 7, "map", "1: a byte order mark: save it without one");
	rules_say("frontend f\n use_backend %[path,map(/nonexistent/map)]\n",
		  "t.cfg:2: in section 'frontend f': cannot read the map '/nonexistent/map': No such file or directory");
	rules_say("frontend f\n use_backend %[path,map]\n",
		  "t.cfg:2: in section 'frontend f': converter 'map' takes 1 to 2 arguments");
	rules_say("frontend f\n use_backend %[path,map()]\n", "t.cfg:2: in section 'frontend f': 'map' expects a file");
}

/* ---- names made of text and samples ---- */

static void expect_name(const char *format, const struct argument *arguments, const char *name)
{
	char text[300];
	struct rules rules;

	snprintf(text, sizeof(text), "frontend f\n use_backend %s\n", format);
	rules_open(&rules, text);
	assert_string_equal(rules_name(&rules, arguments), name);
	rules_close(&rules);
}

static void a_name_is_text_and_samples(void **state)
{
	static const struct argument arguments[] = { PATH("/a/b"), STRING("hdr_x_a", "one, two"), STRING("query", "q=1&q=2"),
						     STRING("hdr_cookie", "c=1; c=2"), { 0 } };

	(void)state;
	expect_name("%[path]", arguments, "/a/b");
	expect_name("be_%[path,field(2,/)]_%[path,length]%%", arguments, "be_a_4%");
	expect_name("x%[arg(none)]y", arguments, "xy");
	/* outside of acls a header and a cookie is the last one, a parameter the first */
	expect_name("%[hdr(x-a)]%[url_param(q)]%[cook(c)]", arguments, "two12");
}

static void a_name_that_is_none_says_so(void **state)
{
	(void)state;
	rules_say("frontend f\n use_backend %[path\n", "t.cfg:2: in section 'frontend f': no closing ']' in '%[path'");
	rules_say("frontend f\n use_backend %[path_beg]\n",
		  "t.cfg:2: in section 'frontend f': 'path_beg' compares, and has no value of its own");
	rules_say("frontend f\n use_backend 5%x%[path]\n",
		  "t.cfg:2: in section 'frontend f': '%' stands before '[' or another '%' only, in '%x%[path]'");
	rules_say("frontend f\n default_backend %[path]\n",
		  "t.cfg:2: in section 'frontend f': 'default_backend' takes a name; a sample goes with 'use_backend'");
}

static void a_name_has_a_limit(void **state)
{
	static char path[257];
	struct argument arguments[] = { PATH(""), { 0 } };

	(void)state;
	memset(path, 'a', 255);
	arguments[0].value.bytes = (struct spop_slice){ (const uint8_t *)path, 255 };
	expect_name("%[path]", arguments, path);
	expect_name("%[path]x", arguments, "(too long)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_pattern_and_the_rest),
		cmocka_unit_test(of_several_lines_the_right_one_counts),
		cmocka_unit_test(many_networks_are_found_as_few_are),
		cmocka_unit_test(what_is_wrong_in_a_file_is_told_with_its_line),
		cmocka_unit_test(a_name_is_text_and_samples),
		cmocka_unit_test(a_name_that_is_none_says_so),
		cmocka_unit_test(a_name_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
