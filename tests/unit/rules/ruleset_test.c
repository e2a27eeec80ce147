/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frontend's rules in their order, its messages, and what it reads of a message. */
#include "rules.h"

static const struct argument a[] = { PATH("/a"), { 0 } }, b[] = { PATH("/b"), { 0 } };

static void the_first_rule_that_holds_counts(void **state)
{
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n use_backend one if { path /a }\n use_backend two if { path /a /b }\n"
			   " use_backend three\n use_backend four\n");
	assert_string_equal(rules_choose(&rules, a), "one");
	assert_string_equal(rules_choose(&rules, b), "two");
	assert_string_equal(rules_choose(&rules, (struct argument[]){ { 0 } }), "three");
	assert_int_equal(rules.frontend->n_rules, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(rules.frontend->rules[i]->index, i);
		assert_int_equal(rules.frontend->rules[i]->place.line, i + 2);
	}
	rules_close(&rules);
}

static void the_default_comes_last_wherever_it_stands(void **state)
{
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n default_backend default\n use_backend one if { path /a }\n");
	assert_string_equal(rules_choose(&rules, a), "one");
	assert_string_equal(rules_choose(&rules, b), "default");
	rules_close(&rules);
	rules_open(&rules, "frontend f\n default_backend first\n default_backend second\n");
	assert_string_equal(rules_choose(&rules, b), "second");
	assert_int_equal(rules.frontend->n_rules, 1);
	rules_close(&rules);
}

static void defaults_hold_for_the_frontends_behind_them(void **state)
{
	struct rules rules;
	const struct frontend *frontends[4];

	(void)state;
	rules_open(&rules, "frontend before\n use_backend x\n"
			   "defaults\n default_backend d\n"
			   "frontend plain\n use_backend x if { path /a }\n"
			   "frontend own\n default_backend o\n"
			   "defaults\n"
			   "frontend after\n use_backend x\n");
	for (size_t i = 0; i < 4; i++)
		frontends[i] = ruleset_frontend(rules.ruleset, i);
	assert_int_equal(ruleset_count(rules.ruleset), 4);
	assert_int_equal(frontends[0]->n_rules, 1);
	assert_int_equal(frontends[1]->n_rules, 2);
	assert_string_equal(frontends[1]->rules[1]->backend, "d");
	assert_int_equal(frontends[1]->rules[1]->place.line, 4);
	assert_int_equal(frontends[2]->n_rules, 1);
	assert_string_equal(frontends[2]->rules[0]->backend, "o");
	assert_int_equal(frontends[3]->n_rules, 1);
	rules.frontend = frontends[1];
	assert_string_equal(rules_choose(&rules, b), "d");
	rules_close(&rules);
}

static void a_frontend_answers_its_name_and_more(void **state)
{
	struct rules rules;

	(void)state;
	rules_open(&rules,
		   "frontend f\n message m n\n message o\n default_backend b\nfrontend g\n default_backend b\n");
	assert_int_equal(rules.frontend->n_messages, 4);
	assert_string_equal(rules.frontend->messages[0], "f");
	assert_string_equal(rules.frontend->messages[1], "m");
	assert_string_equal(rules.frontend->messages[2], "n");
	assert_string_equal(rules.frontend->messages[3], "o");
	assert_int_equal(ruleset_frontend(rules.ruleset, 1)->n_messages, 1);
	rules_close(&rules);
	rules_say("frontend f\n message m\n message n m\n default_backend b\n",
		  "t.cfg:3: in section 'frontend f': message 'm' is named twice");
	rules_say("frontend f\n message f\n default_backend b\n",
		  "t.cfg:2: in section 'frontend f': message 'f' is named twice");
	rules_say("frontend f\n message\n",
		  "t.cfg:2: in section 'frontend f': 'message' expects the name of an SPOE message");
}

static uint64_t bit_of(const struct frontend *frontend, const char *name)
{
	for (unsigned slot = 0; slot < REQUEST_MAX_SLOTS; slot++)
		if (strcmp(frontend_slot_name(frontend, slot), name) == 0)
			return 1ull << slot;
	return 0;
}

/* What the answer needs itself, and each sample's arguments: the SPOE file is printed from it. */
static void a_frontend_knows_what_its_rules_read(void **state)
{
	const uint64_t always = 1ull << REQUEST_METHOD | 1ull << REQUEST_PATH | 1ull << REQUEST_HOST;
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n default_backend b\n");
	assert_true(rules.frontend->needs == always);
	rules_close(&rules);
	rules_open(&rules, "frontend f\n acl a src 10.0.0.0/8\n use_backend b if a { pathq -m found } { arg(geo) DE }\n"
			   " use_backend b if { hdr(x-a) -m found } { cook(sid) -m found }\n"
			   " redirect-unless { ssl_fc }\n");
	assert_true(rules.frontend->needs ==
		    (always | 1ull << REQUEST_SRC | 1ull << REQUEST_QUERY | 1ull << REQUEST_SSL |
		     bit_of(rules.frontend, "geo") | bit_of(rules.frontend, "hdr(x-a)") |
		     bit_of(rules.frontend, "hdr(cookie)")));
	assert_true(bit_of(rules.frontend, "geo") && bit_of(rules.frontend, "hdr(cookie)"));
	assert_true(rules.frontend->headers ==
		    (1ull << REQUEST_HOST | 1ull << REQUEST_UPGRADE | 1ull << REQUEST_PREFLIGHT |
		     bit_of(rules.frontend, "hdr(x-a)") | bit_of(rules.frontend, "hdr(cookie)")));
	rules_close(&rules);
}

static bool excludes(struct rules *rules, const struct argument *arguments)
{
	uint8_t *bytes;
	bool excluded;

	rules_take(rules, arguments, &bytes);
	rules_begin(rules->scratch);
	assert_true(frontend_begin(rules->frontend, rules->scratch));
	excluded = frontend_excludes(rules->frontend, &rules->request, rules->scratch);
	free(bytes);
	return excluded;
}

static void any_redirect_unless_excludes(void **state)
{
	static const struct argument c[] = { PATH("/c"), { 0 } };
	struct rules rules;

	(void)state;
	rules_open(&rules, "frontend f\n acl a path /a\n redirect-unless a\n use_backend x\n"
			   " redirect-unless !a { path /b } or FALSE\n");
	assert_true(excludes(&rules, a));
	assert_true(excludes(&rules, b));
	assert_false(excludes(&rules, c));
	assert_string_equal(rules_choose(&rules, a), "x"); /* it is no rule */
	rules_close(&rules);
	rules_open(&rules, "frontend f\n use_backend x\n");
	assert_false(excludes(&rules, a));
	rules_close(&rules);
	rules_say("frontend f\n redirect-unless\n",
		  "t.cfg:2: in section 'frontend f': 'redirect-unless' expects an acl");
	rules_say("frontend f\n redirect-unless if { path /a }\n",
		  "t.cfg:2: in section 'frontend f': 'redirect-unless' is followed by the condition itself, without 'if'");
	rules_say("frontend f\n acl if path /a\n redirect-unless if\n use_backend x\n", NULL);
}

static void acls_of_one_frontend_are_unknown_to_others(void **state)
{
	(void)state;
	rules_say("frontend f\n acl a path /a\n use_backend x if a\nfrontend g\n use_backend x if a\n",
		  "t.cfg:5: in section 'frontend g': no acl 'a' above this line");
	rules_say("frontend f\n use_backend x if a\n acl a path /a\n",
		  "t.cfg:2: in section 'frontend f': no acl 'a' above this line");
}

static void rules_without_a_sense_are_told(void **state)
{
	(void)state;
	rules_say(
		"frontend f\n",
		"t.cfg:1: warning: in section 'frontend f': neither 'use_backend' nor 'default_backend': nothing will "
		"be redirected");
	rules_say("frontend f\n use_backend\n",
		  "t.cfg:2: in section 'frontend f': 'use_backend' expects the name of a backend");
	rules_say("frontend f\n default_backend\n",
		  "t.cfg:2: in section 'frontend f': 'default_backend' expects the name of a backend");
	rules_say("frontend f\n default_backend x y\n",
		  "t.cfg:2: in section 'frontend f': unexpected word 'y' after 'default_backend'");
	rules_say("backend b\n use_backend x\n", "t.cfg:2: in section 'backend b': 'use_backend' belongs into section 'frontend'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_holds_counts),
		cmocka_unit_test(the_default_comes_last_wherever_it_stands),
		cmocka_unit_test(defaults_hold_for_the_frontends_behind_them),
		cmocka_unit_test(a_frontend_answers_its_name_and_more),
		cmocka_unit_test(a_frontend_knows_what_its_rules_read),
		cmocka_unit_test(any_redirect_unless_excludes),
		cmocka_unit_test(acls_of_one_frontend_are_unknown_to_others),
		cmocka_unit_test(rules_without_a_sense_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
