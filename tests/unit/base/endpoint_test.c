/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as HAProxy writes them, read and written again. No name is asked of a resolver but "localhost". */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "spoa-redirect/base/endpoint.h"

static void expect(const char *text, const char *again)
{
	struct endpoint endpoint;
	char written[ENDPOINT_TEXT];
	const char *wrong = endpoint_parse(&endpoint, text, true, false);

	if (wrong)
		fail_msg("'%s': %s", text, wrong);
	assert_string_equal(endpoint_text(&endpoint, written), again);
}

static void refuse(const char *text, const char *why)
{
	struct endpoint endpoint;
	const char *wrong = endpoint_parse(&endpoint, text, true, false);

	if (!wrong)
		fail_msg("'%s' is taken", text);
	assert_string_equal(wrong, why);
}

static void addresses_of_both_families_are_read_and_written(void **state)
{
	(void)state;
	expect("10.0.0.1:80", "10.0.0.1:80");
	expect("ipv4@10.0.0.1:65535", "10.0.0.1:65535");
	expect("[::1]:80", "[::1]:80");
	expect("::1:80", "[::1]:80");
	expect("ipv6@[2001:db8::1]:9", "[2001:db8::1]:9");
	expect("ipv6@2001:db8::1:9", "[2001:db8::1]:9");
	expect("2001:db8:1:2:3:4:5:6:443", "[2001:db8:1:2:3:4:5:6]:443");
	expect("[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1");
	expect("[127.0.0.1]:1", "127.0.0.1:1");
}

static void an_asterisk_or_nothing_is_every_address(void **state)
{
	(void)state;
	expect("*:80", "0.0.0.0:80");
	expect(":80", "0.0.0.0:80");
	expect("ipv4@:80", "0.0.0.0:80");
	expect("ipv4@*:80", "0.0.0.0:80");
	expect("ipv6@*:80", "[::]:80");
	expect("ipv6@:80", "[::]:80");
	expect("[::]:80", "[::]:80");
	expect(":::80", "[::]:80");
}

static void a_socket_of_the_file_system_is_its_path(void **state)
{
	char path[130] = "/";
	struct endpoint endpoint;

	(void)state;
	expect("unix@/run/x.sock", "unix@/run/x.sock");
	expect("unix@x.sock", "unix@x.sock");
	expect("/run/x:80", "unix@/run/x:80");
	refuse("unix@", "a socket's path has 1 to 107 bytes");
	memset(path + 1, 'x', 106);
	expect(path,
	       "unix@/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	       "xxxxxxxxxxxx");
	path[107] = 'x';
	refuse(path, "a socket's path has 1 to 107 bytes");
	assert_null(endpoint_parse(&endpoint, "/run/x.sock", true, true));
	assert_int_equal(endpoint.any.sa_family, AF_UNIX);
	assert_int_equal(endpoint_port(&endpoint), 0);
	assert_non_null(endpoint_parse(&endpoint, "unix@/run/x.sock", false, true));
}

static void what_is_no_address_says_why(void **state)
{
	char text[400];

	(void)state;
	refuse("10.0.0.1", "the port is missing");
	refuse("", "the port is missing");
	refuse("[::1]", "the port is missing");
	refuse("10.0.0.1:", "a port is a number from 1 to 65535");
	refuse("10.0.0.1:0", "a port is a number from 1 to 65535");
	refuse("10.0.0.1:65536", "a port is a number from 1 to 65535");
	refuse("10.0.0.1:+1", "a port is a number from 1 to 65535");
	refuse("10.0.0.1:80x", "a port is a number from 1 to 65535");
	refuse("10.0.0.1:99999999999999999999", "a port is a number from 1 to 65535");
	refuse("[::1:80", "no closing ']'");
	refuse("fd@3", "unknown kind of address");
	refuse("abns@x:1", "unknown kind of address");
	refuse("ipv6@10.0.0.1:80", "cannot resolve the name");
	refuse("ipv4@[::1]:80", "cannot resolve the name");
	memset(text, 'x', sizeof(text));
	memcpy(text + 300, ":80", 4);
	refuse(text, "the name is too long");
}

static void a_port_may_be_left_out_where_it_is_known_otherwise(void **state)
{
	static const char *const texts[] = { "10.0.0.1", "[::1]", "ipv6@[::1]", "*" };
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_null(endpoint_parse(&endpoint, texts[i], false, true));
		assert_int_equal(endpoint_port(&endpoint), 0);
		endpoint_set_port(&endpoint, 8080);
		assert_int_equal(endpoint_port(&endpoint), 8080);
	}
	assert_non_null(endpoint_parse(&endpoint, "10.0.0.1:0", false, true));
	assert_null(endpoint_parse(&endpoint, "10.0.0.1:80", false, true));
	assert_string_equal(endpoint_text(&endpoint, text), "10.0.0.1:80");
	assert_int_equal(endpoint.length, sizeof(struct sockaddr_in));
}

static void where_no_port_is_expected_an_address_needs_no_brackets(void **state)
{
	static const char *const cases[][2] = {
		{ "::1", "[::1]:0" },       { "fe80::1:99", "[fe80::1:99]:0" }, { "[::1]", "[::1]:0" },
		{ "[::1]:80", "[::1]:80" }, { "10.0.0.1", "10.0.0.1:0" },       { "10.0.0.1:80", "10.0.0.1:80" },
	};
	char text[ENDPOINT_TEXT], name[ENDPOINT_NAME];
	struct endpoint endpoint;
	int family;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(endpoint_parse_portless(&endpoint, cases[i][0], name, &family));
		assert_string_equal(name, "");
		assert_string_equal(endpoint_text(&endpoint, text), cases[i][1]);
	}
	assert_non_null(endpoint_parse_portless(&endpoint, "::1::2", name, &family));
	assert_null(endpoint_parse_portless(&endpoint, "ipv6@agent.example", name, &family));
	assert_string_equal(name, "agent.example");
	assert_int_equal(family, AF_INET6);
	assert_string_equal(endpoint_parse(&endpoint, "::1", false, true),
			    "what follows the last colon is a port: an IPv6 address without one goes in brackets");
}

static void what_stands_for_every_address_is_reached_at_the_loopback(void **state)
{
	static const char *const cases[][2] = {
		{ ":80", "127.0.0.1:80" },
		{ "ipv6@*:80", "[::1]:80" },
		{ "[::]:80", "[::1]:80" },
		{ "10.0.0.1:80", "10.0.0.1:80" },
		{ "[fd00::1]:80", "[fd00::1]:80" },
		{ "/run/x.sock", "unix@/run/x.sock" },
	};
	char text[ENDPOINT_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct endpoint endpoint, here;

		assert_null(endpoint_parse(&endpoint, cases[i][0], true, false));
		here = endpoint_from_here(&endpoint);
		assert_string_equal(endpoint_text(&here, text), cases[i][1]);
	}
}

static void a_name_is_resolved_to_the_family_that_is_asked_for(void **state)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	struct endpoint endpoint;

	(void)state;
	if (getaddrinfo("localhost", NULL, &hints, &found) != 0)
		skip(); /* no /etc/hosts, as in a fresh root */
	freeaddrinfo(found);
	assert_null(endpoint_parse(&endpoint, "ipv4@localhost:80", false, false));
	assert_int_equal(endpoint.any.sa_family, AF_INET);
	assert_int_equal(endpoint_port(&endpoint), 80);
	assert_null(endpoint_parse(&endpoint, "localhost:81", false, false));
	assert_int_equal(endpoint_port(&endpoint), 81);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_both_families_are_read_and_written),
		cmocka_unit_test(an_asterisk_or_nothing_is_every_address),
		cmocka_unit_test(a_socket_of_the_file_system_is_its_path),
		cmocka_unit_test(what_is_no_address_says_why),
		cmocka_unit_test(a_port_may_be_left_out_where_it_is_known_otherwise),
		cmocka_unit_test(where_no_port_is_expected_an_address_needs_no_brackets),
		cmocka_unit_test(what_stands_for_every_address_is_reached_at_the_loopback),
		cmocka_unit_test(a_name_is_resolved_to_the_family_that_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
