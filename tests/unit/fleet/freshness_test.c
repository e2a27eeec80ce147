/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which time between two reports says how often they come. */
#include "tests/unit/site.h"

static void a_silence_does_not_say_how_often_reports_come(void **state)
{
	static const struct {
		double period, elapsed;
		double before; /* a silence ended so long ago; 0: there was none */
		bool teaches, silence;
	} cases[] = {
		{ 0, 1000, 0, true, false }, /* it is not known yet */
		{ 1, 1, 0, true, false },
		{ 1, 4.9, 0, true, false },
		{ 1, 5.1, 0, false, true },
		{ 1, 900, 0, false, true }, /* nearly as long as the clock has run */
		{ 100, 499, 0, true, false },
		{ 100, 501, 0, false, true },
		/* not what is believed anyway: the first two may have followed each other closely */
		{ 0.002, 0.5, 0, true, false },
		{ 0.002, 4.9, 0, true, false },
		{ 0.002, 5.1, 0, false, true },
		/* but where one follows on another; a burst may be between */
		{ 1, 60, 60, true, true },
		{ 1, 60, 70, true, true },
		{ 1, 60, 80, false, true },
		{ 1, 60, 119, false, true },
		{ 1, 4.9, 4.9, true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double now = SITE_START, before = cases[i].before > 0 ? now - cases[i].before : 0, silent = before;

		print_message("case %zu\n", i);
		assert_int_equal(load_teaches_period(cases[i].period, cases[i].elapsed, now, &silent),
				 cases[i].teaches);
		assert_float_equal(silent, cases[i].silence ? now : before, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silence_does_not_say_how_often_reports_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
