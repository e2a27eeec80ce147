/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/units.h"

static const struct {
	struct slice name;
	double seconds;
} time_units[] = {
	{ SLICE(""), 1e-3 }, { SLICE("us"), 1e-6 }, { SLICE("ms"), 1e-3 }, { SLICE("s"), 1 },
	{ SLICE("m"), 60 },  { SLICE("h"), 3600 },  { SLICE("d"), 86400 },
};

bool units_parse_time(struct slice text, double *seconds)
{
	size_t digits = 0;
	uint64_t number;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (!slice_to_natural(slice_of(text.ptr, digits), UINT32_MAX, &number))
		return false;
	for (size_t i = 0; i < COUNT(time_units); i++) {
		if (!slice_eq(slice_from(text, digits), time_units[i].name))
			continue;
		*seconds = (double)number * time_units[i].seconds;
		return *seconds <= 0x7fffffff * 1e-3;
	}
	return false;
}
