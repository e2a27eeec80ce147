/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_RULES_HITS_H
#define SPOA_RULES_HITS_H

#include "spoa-redirect/rules.h"

/* Once all its lines are there. False: out of memory. */
bool hits_new(struct arena *arena, struct frontend *frontend, unsigned workers);

/* What the old frontend's lines have goes on with ours of the same words. */
void hits_adopt(struct frontend *frontend, const struct frontend *old);

#endif
