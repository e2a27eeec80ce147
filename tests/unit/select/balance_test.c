/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of `balance` and those that belong to it: what is taken, and what is said of the rest. */
#include "tests/unit/site.h"

#define SERVER "  server w1 192.0.2.1:80 redir https://w1.example.com\n"

static void each_policy_has_its_words(void **state)
{
	static const char *const lines[] = {
		"least-load",
		"roundrobin",
		"first",
		"static-rr",
		"random",
		"random(3)",
		"hash req.hdr(x-user)",
		"hash src",
		"source",
		"uri",
		"uri whole len 20 depth 3",
		"uri path-only",
		"url_param user",
		"hdr(x-user)",
		"hdr(host) use_domain_only",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		char text[300];

		sprintf(text, "backend web\n  balance %s\n" SERVER, lines[i]);
		site_says_nothing(text);
	}
}

static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *lines, *message;
	} cases[] = {
		{ "balance hush", "unknown policy 'hush', did you mean 'hash'?" },
		{ "balance hash", "'balance' expects a sample such as req.hdr(x-user) behind 'hash'" },
		{ "balance hash req.hrd(x)", "unknown sample 'req.hrd', did you mean 'req.hdr'?" },
		{ "balance hash path_beg", "'path_beg' compares, and has no value of its own" },
		{ "balance hash(src)", "this policy has nothing in parentheses, unlike '(src)'" },
		{ "balance first(2)", "this policy has nothing in parentheses, unlike '(2)'" },
		{ "balance random(0)", "'random' expects a number of draws from 1 to 16, not '0'" },
		{ "balance random(two)", "'random' expects a number of draws from 1 to 16, not 'two'" },
		{ "balance static-rr(1)", "this policy has nothing in parentheses, unlike '(1)'" },
		{ "balance hdr", "'balance hdr' expects the name of a header, as in 'hdr(x-user)'" },
		{ "balance hdr(x-user", "no closing ')' in 'hdr(x-user'" },
		{ "balance uri deep", "'balance uri' takes 'depth', 'len', 'path-only' and 'whole', not 'deep'" },
		{ "balance uri depth 0", "'balance' expects a number from 1 to 8192, not '0'" },
		{ "balance url_param", "'balance' expects the name of a parameter behind 'url_param'" },
		{ "balance url_param u check_post",
		  "'check_post' is not supported: a redirect knows nothing of the body" },
		{ "balance source\n  hash-type map-based", "'hash-type map-based' is not supported: with each server "
							   "that comes or goes it moves nearly every key; "
							   "'consistent' moves those of that server" },
		{ "balance source\n  hash-type ring", "'hash-type' expects 'consistent', not 'ring'" },
		{ "balance source\n  hash-balance-factor 100", "'hash-balance-factor' is 0, for no bound, or above "
							       "100: percent of a server's share, and all of them "
							       "cannot carry less than theirs" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[300], message[400];

		sprintf(text, "backend web\n  %s\n" SERVER, cases[i].lines);
		sprintf(message, "test.cfg:%u: in section 'backend web': %s", strchr(cases[i].lines, '\n') ? 3u : 2u,
			cases[i].message);
		site_says(text, message);
	}
}

static void what_has_no_effect_is_warned_of(void **state)
{
	(void)state;
	site_says("backend web\n  hash-balance-factor 125\n" SERVER,
		  "test.cfg:2: warning: in section 'backend web': 'hash-balance-factor' has no effect: 'balance "
		  "least-load' does not hash");
	site_says("backend web\n  balance first\n  hash-type consistent\n" SERVER,
		  "test.cfg:3: warning: in section 'backend web': 'hash-type' has no effect: 'balance first' does not "
		  "hash");
	site_says("backend web\n  balance source\n  hash-type consistent sdbm avalanche\n" SERVER,
		  "test.cfg:3: notice: in section 'backend web': the hash function is the agent's own, whatever stands "
		  "behind 'consistent'");
	/* of defaults it may be for other backends */
	site_says_nothing("defaults\n  hash-balance-factor 125\n  hash-type consistent\nbackend web\n" SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_has_its_words),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(what_has_no_effect_is_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
