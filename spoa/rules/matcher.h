/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that a frontend's acls compare one sample with, in either case or in one: each kind of pattern in an index
 * of its own, so that a request pays for the sample and not for the number of patterns. Built when a configuration is
 * complete, then only read.
 */
#ifndef SPOA_RULES_MATCHER_H
#define SPOA_RULES_MATCHER_H

#include "pattern.h"

struct matcher;

/* What makes two acl lines share a matcher is the sample, what it is cast to, and -i. NULL: out of memory. */
struct matcher *matcher_new(struct arena *arena, const struct sample *sample, const struct patterns *patterns);
bool matcher_fits(const struct matcher *matcher, const struct sample *sample, const struct patterns *patterns);

/* All patterns of a list make the acl hold. False: out of memory. */
bool matcher_add(struct arena *arena, struct matcher *matcher, const struct patterns *patterns, uint32_t acl);
bool matcher_seal(struct arena *arena, struct matcher *matcher);

/* Sets the bit of each acl that holds for one of the sample's values. */
void matcher_run(const struct matcher *matcher, struct request *request, struct rules_scratch *scratch,
		 uint64_t *holds);

#endif
