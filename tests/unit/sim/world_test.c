/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulation itself, where queueing theory knows what has to come out. Seeds are fixed; bounds are four deviations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/cell.h"

/* Words as in a line of simulate's. */
static struct cell_result run(const char *words)
{
	struct cell cell = cell_default;
	struct cell_result result;
	char *copy = strdup(words), *rest = NULL, *name = strtok_r(copy, " ", &rest);

	for (; name; name = strtok_r(NULL, " ", &rest))
		if (!cell_set(&cell, name, strtok_r(NULL, " ", &rest)))
			fail_msg("'%s' in '%s'", name, words);
	if (!cell_run(&cell, &result))
		fail_msg("no such policy in '%s'", words);
	free(copy);
	return result;
}

static void expect_near(const char *words, const char *what, double value, double wanted, double share)
{
	if (!(fabs(value - wanted) <= share * wanted))
		fail_msg("%s: %s is %g, not %g", words, what, value, wanted);
}

/*
 * M/G/1-PS (Kleinrock 1967): E[S]/(1 − ρ) in the mean and 1/(1 − ρ) times its work for each, ρ/(1 − ρ) there, however the
 * work is distributed. It stays so with clients who come back, as networks of such queues have a product form (Baskett,
 * Chandy, Muntz and Palacios 1975).
 */
static void one_server_does_as_theory_says(void **state)
{
	static const struct {
		const char *words;
		double rho, share;
	} cases[] = {
		{ "load 0.5 shape 0 measure 60000", 0.5, 0.06 },
		{ "load 0.8 shape 0 measure 150000", 0.8, 0.09 },
		{ "load 0.5 shape 2.5 measure 60000", 0.5, 0.06 },
		{ "load 0.5 shape 1.5 measure 60000", 0.5, 0.06 },
		{ "load 0.5 shape 0 measure 60000 requests 5 think 1", 0.5, 0.06 },
		{ "load 0.5 shape 0 measure 60000 requests 9 think 20 single 0.5", 0.5, 0.06 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char words[200] = "policy weighted servers 1 slowest 2 fastest 2 work 0.4 ";
		double rho = cases[i].rho, share = cases[i].share;
		struct cell_result result = run(strcat(words, cases[i].words));

		expect_near(words, "mean", result.mean, 0.2 / (1 - rho), share);
		expect_near(words, "slowdown", result.slowdown, 0.5 / (1 - rho), share);
		expect_near(words, "in system", result.in_system, rho / (1 - rho), share);
	}
}

/* Little 1961: what is there is what comes in a second times how long it stays. The two are counted apart. */
static void as_many_are_there_as_come_and_stay(void **state)
{
	static const char *const cases[] = {
		"policy weighted load 0.8",
		"policy omniscient load 0.95",
		"policy least-load agents 4 load 0.8",
		"policy least-load requests 5 think 0.5",
		"policy power-of-two leave 30",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char words[200] = "servers 10 measure 20000 ";
		struct cell_result result = run(strcat(words, cases[i]));

		expect_near(words, "in system", result.in_system, result.measured / result.seconds * result.mean, 0.05);
	}
}

/* By their weights, n servers of any speeds are n times the work by all speeds and 1 − ρ. */
static void random_by_weight_does_as_theory_says(void **state)
{
	const char *words = "policy weighted servers 16 load 0.5 shape 0 measure 40000";

	(void)state;
	expect_near(words, "mean", run(words).mean, 16 / (40 * 0.5), 0.04);
}

/* With next to no load each is alone on the fastest server. */
static void who_sees_all_goes_to_the_fastest(void **state)
{
	const char *words = "policy omniscient servers 4 load 0.001 shape 0 measure 5000";

	(void)state;
	expect_near(words, "slowdown", run(words).slowdown, 0.25, 0.01);
}

static void the_same_seed_makes_the_same(void **state)
{
	const char *words = "policy least-load servers 10 agents 2 measure 5000 lost 0.3 noise 0.2 late 0.5 requests 3 "
			    "think 1 seed";
	char one[200], other[200];
	struct cell_result a, b, c;

	(void)state;
	snprintf(one, sizeof(one), "%s 7", words);
	snprintf(other, sizeof(other), "%s 8", words);
	a = run(one);
	b = run(one);
	c = run(other);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.mean != c.mean);
}

/* Losses in the mean; what comes late or is lost makes it worse, and a slow or an absent server, too. */
static void what_is_bad_makes_it_worse(void **state)
{
	static const char *const bad[] = { "late 2",   "lost 0.6", "noise 0.9", "slower 10", "slower 10 degrade 20",
					   "leave 11", "agents 16" };
	const char *base = "policy least-load servers 10 load 0.9 measure 20000 period 1";
	double good = run(base).mean;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char words[200];
		struct cell_result result;

		snprintf(words, sizeof(words), "%s %s", base, bad[i]);
		result = run(words);
		if (!(result.mean > good))
			fail_msg("%s: %g, without that %g", words, result.mean, good);
		if (strcmp(bad[i], "lost 0.6") == 0)
			expect_near(words, "lost", result.lost, 0.6 * 10 * (result.seconds + 100), 0.05);
	}
}

static void what_is_no_cell_is_refused(void **state)
{
	static const char *const wrong[][2] = { { "servers", "0" },    { "servers", "many" }, { "load", "-1" },
						{ "load", "0.5x" },    { "load", "" },        { "knows", "nothing" },
						{ "wheather", "good" } };
	struct cell cell = cell_default;
	struct cell_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(cell_set(&cell, wrong[i][0], wrong[i][1]));
	cell = cell_default;
	cell.policy = "best";
	assert_false(cell_run(&cell, &result));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_server_does_as_theory_says),
		cmocka_unit_test(as_many_are_there_as_come_and_stay),
		cmocka_unit_test(random_by_weight_does_as_theory_says),
		cmocka_unit_test(who_sees_all_goes_to_the_fastest),
		cmocka_unit_test(the_same_seed_makes_the_same),
		cmocka_unit_test(what_is_bad_makes_it_worse),
		cmocka_unit_test(what_is_no_cell_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
