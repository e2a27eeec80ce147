/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records compared by their figures. */
#ifndef TESTS_UNIT_LOAD_RECORD_H
#define TESTS_UNIT_LOAD_RECORD_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spoa/load/format.h"

/* Fails with `name` unless it was read as `verdict`, and then as `wanted`. */
static inline void expect_record(const char *name, enum load_rejection verdict, const struct record *record,
				 enum load_rejection wanted_verdict, const struct load_report *wanted)
{
	static const unsigned figures[] = { LOAD_Q, LOAD_A, LOAD_C, LOAD_B, LOAD_U };
	struct record got = *record, other = { .report = *wanted };

	if (verdict != wanted_verdict)
		fail_msg("%s: %s", name, load_rejection_name(verdict));
	if (verdict != REPORT_TAKEN)
		return;
	if (record->report.has != wanted->has)
		fail_msg("%s: has %x", name, record->report.has);
	for (size_t i = 0; i < COUNT(figures); i++)
		if (wanted->has & figures[i] &&
		    fabs(*report_figure(&got.report, figures[i]) - *report_figure(&other.report, figures[i])) > 1e-9)
			fail_msg("%s: figure %x is %.17g", name, figures[i], *report_figure(&got.report, figures[i]));
}

#endif
