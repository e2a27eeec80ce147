/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record itself: written as JSON, and what cannot be true. */
#include "record.h"

static void json_is_read_as_it_is_meant(void **state)
{
	static const struct {
		const char *text;
		enum load_rejection verdict;
		struct load_report report;
	} cases[] = {
		{ "{\"q\":3,\"A\":1200,\"C\":1197,\"B\":10.5,\"u\":0.4}", REPORT_TAKEN,
		  { LOAD_Q | LOAD_A | LOAD_C | LOAD_B | LOAD_U, 0.4, 3, 1200, 1197, 10.5 } },
		{ " { \"u\" : 1e-1 , \"more\": [1, null] } \n", REPORT_TAKEN, { LOAD_U, .u = 0.1 } },
		{ "{\"u\":0}", REPORT_TAKEN, { LOAD_U, .u = 0 } },
		{ "{\"u\":2.5}", REPORT_TAKEN, { LOAD_U, .u = 2.5 } },
		{ "{\"state\":\"drain\"}", REPORT_TAKEN, { 0 } },
		{ "{}", REPORT_EMPTY, { 0 } },
		{ "{\"t\":1,\"capacity\":3}", REPORT_EMPTY, { 0 } },
		{ "{\"load\":1}", REPORT_EMPTY, { 0 } },
		{ "{\"u\":-0.1}", REPORT_NEGATIVE, { 0 } },
		{ "{\"u\":0.1,\"q\":-1}", REPORT_NEGATIVE, { 0 } },
		{ "{\"u\":10}", REPORT_TAKEN, { LOAD_U, .u = 10 } },
		{ "{\"u\":10.1}", REPORT_PERCENT, { 0 } }, /* as somebody meant 10 % */
		{ "{\"u\":75}", REPORT_PERCENT, { 0 } },
		{ "{\"q\":3,\"u\":75}", REPORT_PERCENT, { 0 } },
		{ "{\"u\":1001}", REPORT_PERCENT, { 0 } },
		{ "{\"q\":1e10}", REPORT_IMPOSSIBLE, { 0 } },
		{ "{\"A\":1e16}", REPORT_IMPOSSIBLE, { 0 } },
		{ "{\"A\":1,\"C\":2}", REPORT_IMPOSSIBLE, { 0 } },
		{ "{\"q\":1,\"capacity\":0}", REPORT_IMPOSSIBLE, { 0 } },
		{ "{\"u\":1,\"capacity\":-1}", REPORT_NEGATIVE, { 0 } },
		{ "{\"u\":NaN}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1e999}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":\"1\"}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":null}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1,\"u\":2}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1,\"state\":\"UP\"}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1,\"state\":1}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1,\"state\":\"up  ready\"}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1,\"state\":\"\"}", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1", REPORT_MALFORMED, { 0 } },
		{ "{\"u\":1} x", REPORT_MALFORMED, { 0 } },
		{ "[1]", REPORT_MALFORMED, { 0 } },
		{ "1", REPORT_MALFORMED, { 0 } },
		{ "", REPORT_MALFORMED, { 0 } },
	};
	struct record record;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_record(cases[i].text, record_parse_json(slice_of_string(cases[i].text), &record), &record,
			      cases[i].verdict, &cases[i].report);
}

static void json_has_states_and_times(void **state)
{
	static const struct {
		const char *text;
		enum record_health health;
		enum record_admin admin;
	} cases[] = {
		{ "{\"state\":\"up\"}", RECORD_UP, RECORD_NO_ADMIN },
		{ "{\"state\":\"down\"}", RECORD_DOWN, RECORD_NO_ADMIN },
		{ "{\"state\":\"ready\"}", RECORD_NO_HEALTH, RECORD_READY },
		{ "{\"state\":\"drain\"}", RECORD_NO_HEALTH, RECORD_DRAIN },
		{ "{\"state\":\"up ready\"}", RECORD_UP, RECORD_READY },
		{ "{\"state\":\"maint down up\"}", RECORD_UP, RECORD_MAINT },
		{ "{\"state\":\"maint\"}", RECORD_NO_HEALTH, RECORD_MAINT },
	};
	struct record record;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(record_parse_json(slice_of_string(cases[i].text), &record), REPORT_TAKEN);
		assert_int_equal(record.health, cases[i].health);
		assert_int_equal(record.admin, cases[i].admin);
	}
	assert_int_equal(record_parse_json(SLICE("{\"q\":2,\"capacity\":8,\"t\":-5}"), &record), REPORT_TAKEN);
	assert_int_equal(record.also, RECORD_CAPACITY | RECORD_T);
	assert_true(record.capacity == 8 && record.t == -5);
}

static void figures_that_are_none_are_told_apart(void **state)
{
	struct record record = { .report = { .has = LOAD_U, .u = NAN } };

	(void)state;
	assert_int_equal(record_check(&record), REPORT_NAN);
	record.report.u = INFINITY;
	assert_int_equal(record_check(&record), REPORT_IMPOSSIBLE);
	record.report.u = -INFINITY;
	assert_int_equal(record_check(&record), REPORT_NEGATIVE);
	record.report.u = 0.5;
	record.report.q = NAN; /* not said */
	assert_int_equal(record_check(&record), REPORT_TAKEN);
}

static void numbers_are_all_of_the_text(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "1x", "0x10", "1e", "--1", "nan", "infinity", "1,5", "." };
	double number;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (number_parse(slice_of_string(bad[i]), &number))
			fail_msg("'%s' is %g", bad[i], number);
	assert_false(number_parse(SLICE("1\0"), &number));
	assert_true(number_parse(SLICE("-1.5e3"), &number) && number == -1500);
	assert_true(number_parse(SLICE("+Inf"), &number) && isinf(number));
	assert_true(number_parse(SLICE("NaN"), &number) && isnan(number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_read_as_it_is_meant),
		cmocka_unit_test(json_has_states_and_times),
		cmocka_unit_test(figures_that_are_none_are_told_apart),
		cmocka_unit_test(numbers_are_all_of_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
