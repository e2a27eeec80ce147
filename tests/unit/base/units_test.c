/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times as HAProxy writes them: its configuration manual, 2.5. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "spoa-redirect/base/units.h"

static void each_unit_has_its_length_and_none_is_milliseconds(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} cases[] = {
		{ "0", 0 },
		{ "1", 0.001 },
		{ "1500", 1.5 },
		{ "0s", 0 },
		{ "7us", 7e-6 },
		{ "500ms", 0.5 },
		{ "2s", 2 },
		{ "3m", 180 },
		{ "4h", 14400 },
		{ "1d", 86400 },
		{ "24d", 2073600 },
		{ "007s", 7 },
		{ "2147483647", 2147483.647 },
		{ "2147483s", 2147483 },
		{ "4294967295us", 4294.967295 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double seconds = -1;

		if (!units_parse_time(slice_of_string(cases[i].text), &seconds) ||
		    fabs(seconds - cases[i].seconds) > 1e-9 * cases[i].seconds)
			fail_msg("%s: %g", cases[i].text, seconds);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = { "",    "s",    "ms", "-1", "+1",  " 1",  "1 ",   "1 s", "1.5s", "1S",
					     "1MS", "1sec", "1w", "1y", "1ss", "0x1", "1ms2", "inf", "nan" };
	double seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (units_parse_time(slice_of_string(cases[i]), &seconds))
			fail_msg("'%s': %g", cases[i], seconds);
	assert_false(units_parse_time(SLICE("1s\0"), &seconds));
}

static void more_than_24_days_is_refused(void **state)
{
	static const char *const cases[] = {
		"2147483648",          "2147484s",   "25d",          "597h",
		"4294967295",          "4294967296", "4294967296us", "99999999999999999999s",
		"18446744073709551617"
	};
	double seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (units_parse_time(slice_of_string(cases[i]), &seconds))
			fail_msg("'%s': %g", cases[i], seconds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_unit_has_its_length_and_none_is_milliseconds),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(more_than_24_days_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
