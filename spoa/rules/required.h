/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a text has to hold for a regex to match it: pcre2pattern(3) read as far as that is simple. */
#ifndef SPOA_RULES_REQUIRED_H
#define SPOA_RULES_REQUIRED_H

#include "spoa-redirect/base/slice.h"

#define REQUIRED_MOST 64u

enum required_place { REQUIRED_ANYWHERE, REQUIRED_LEADS, REQUIRED_BEGINS };

/*
 * The longest string of plain characters that every match contains, cut at REQUIRED_MOST; empty: there is none, or who knows.
 * REQUIRED_LEADS: every match begins with it; REQUIRED_BEGINS: and so does the text.
 */
struct slice required_literal(struct slice regex, uint8_t room[REQUIRED_MOST], enum required_place *place);

#endif
