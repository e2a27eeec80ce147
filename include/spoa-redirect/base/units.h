/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times and sizes as HAProxy writes them: "10s", "500ms", "1d"; a time without a unit is milliseconds. */
#ifndef SPOA_REDIRECT_BASE_UNITS_H
#define SPOA_REDIRECT_BASE_UNITS_H

#include <stdbool.h>

#include "spoa-redirect/base/slice.h"

/* Into seconds. False: no number, unknown unit, or over 2³¹ milliseconds, HAProxy's own limit. */
bool units_parse_time(struct slice text, double *seconds);

#endif
