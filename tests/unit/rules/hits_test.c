/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each line held: by worker, summed, and carried on to the next configuration. */
#include "rules.h"

static const char text[] = "frontend f\n"
			   " redirect-unless { path_beg /no }\n"
			   " use_backend a if { path_beg /a }\n"
			   " use_backend b if { path_beg /b }\n"
			   " default_backend c\n";

static void hit(struct rules *rules, const struct rule *rule, unsigned worker, double now)
{
	frontend_hit(rules->frontend, rule, worker, now);
}

static void expect(const struct rules *rules, const struct rule *rule, uint64_t n, double last)
{
	double got;

	assert_int_equal(frontend_hits(rules->frontend, rule, &got), n);
	assert_true(got == last);
}

static void each_worker_counts_for_itself_and_all_are_summed(void **state)
{
	struct rules rules;
	const struct rule **all;

	(void)state;
	rules_open(&rules, text);
	assert_true(ruleset_count_hits(rules.ruleset, 3));
	all = rules.frontend->rules;
	for (unsigned worker = 0; worker < 3; worker++)
		hit(&rules, all[1], worker, 10.0 + worker);
	hit(&rules, all[1], 0, 11);
	hit(&rules, all[2], 2, 7);
	hit(&rules, rules.frontend->excludes[0], 1, 5);
	hit(&rules, all[0], 3, 99); /* there is no such worker */
	expect(&rules, all[0], 0, 0);
	expect(&rules, all[1], 4, 12);
	expect(&rules, all[2], 1, 7);
	expect(&rules, rules.frontend->excludes[0], 1, 5);
	rules_close(&rules);
}

static void workers_do_not_share_a_line_of_the_cache(void **state)
{
	struct rules rules;

	(void)state;
	rules_open(&rules, text);
	assert_true(ruleset_count_hits(rules.ruleset, 2));
	assert_int_equal((uintptr_t)rules.frontend->hits->each % 64, 0);
	assert_int_equal(rules.frontend->hits->stride * sizeof(struct rule_hits) % 64, 0);
	rules_close(&rules);
}

static void nobody_counts_before_the_number_of_workers_is_known(void **state)
{
	struct rules rules;

	(void)state;
	rules_open(&rules, text);
	hit(&rules, rules.frontend->rules[0], 0, 1);
	expect(&rules, rules.frontend->rules[0], 0, 0);
	rules_close(&rules);
}

/* One line is gone, one is new, one has moved; and of the other frontend nothing comes over. */
static const char changed[] = "frontend f\n"
			      " use_backend b if { path_beg /b }\n"
			      " use_backend a if { path_beg /new }\n"
			      " default_backend c\n"
			      "frontend g\n default_backend c\n";

static void the_same_words_go_on_after_a_reload(void **state)
{
	struct rules old, fresh;

	(void)state;
	rules_open(&old, text);
	rules_open(&fresh, changed);
	assert_true(ruleset_count_hits(old.ruleset, 2) && ruleset_count_hits(fresh.ruleset, 1));
	hit(&old, old.frontend->rules[0], 0, 1);
	hit(&old, old.frontend->rules[1], 0, 2);
	hit(&old, old.frontend->rules[1], 1, 3);
	hit(&old, old.frontend->rules[2], 1, 4);
	ruleset_adopt_hits(fresh.ruleset, old.ruleset);
	expect(&fresh, fresh.frontend->rules[0], 2, 3);
	/* a worker may count in the old one a little longer, and another in the new one already */
	hit(&old, old.frontend->rules[1], 1, 5);
	hit(&fresh, fresh.frontend->rules[0], 0, 6);
	ruleset_adopt_hits(fresh.ruleset, old.ruleset);
	expect(&fresh, fresh.frontend->rules[0], 4, 6);
	expect(&fresh, fresh.frontend->rules[1], 0, 0);
	expect(&fresh, fresh.frontend->rules[2], 1, 4);
	fresh.frontend = ruleset_frontend(fresh.ruleset, 1);
	expect(&fresh, fresh.frontend->rules[0], 0, 0);
	rules_close(&fresh);
	rules_close(&old);
}

static void a_frontend_without_lines_has_nothing_to_count(void **state)
{
	struct rules rules, fresh;

	(void)state;
	rules_open(&rules, "frontend f\n");
	rules_open(&fresh, text);
	assert_true(ruleset_count_hits(rules.ruleset, 2) && ruleset_count_hits(fresh.ruleset, 2));
	ruleset_adopt_hits(rules.ruleset, fresh.ruleset);
	ruleset_adopt_hits(fresh.ruleset, rules.ruleset);
	expect(&fresh, fresh.frontend->rules[0], 0, 0);
	rules_close(&fresh);
	rules_close(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_worker_counts_for_itself_and_all_are_summed),
		cmocka_unit_test(workers_do_not_share_a_line_of_the_cache),
		cmocka_unit_test(nobody_counts_before_the_number_of_workers_is_known),
		cmocka_unit_test(the_same_words_go_on_after_a_reload),
		cmocka_unit_test(a_frontend_without_lines_has_nothing_to_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
