/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one worker needs while it evaluates rules; shared by the room's files only. */
#ifndef SPOA_RULES_SCRATCH_H
#define SPOA_RULES_SCRATCH_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "spoa-redirect/rules.h"

struct rules_scratch {
	pcre2_match_data *match;
	pcre2_match_context *limits;
	uint64_t limit_hits;
	char text[64];           /* a number or address as a string, until the next value */
	uint8_t join[64 * 1024]; /* path?query */
};

#endif
