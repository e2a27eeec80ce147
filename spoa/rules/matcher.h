/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that a frontend's acls compare one sample with, in either case or in one: each kind of pattern in an index
 * of its own, so that a request pays for the sample and not for the number of patterns. Built when a configuration is
 * complete; what its patterns are may change, list.h.
 */
#ifndef SPOA_RULES_MATCHER_H
#define SPOA_RULES_MATCHER_H

#include "list.h"

struct matcher;

/*
 * What makes two acl lines share a matcher is the sample, what it is cast to, and -i. dead: of an acl that nobody asks for.
 * NULL: out of memory.
 */
struct matcher *matcher_new(struct lists *lists, struct arena *arena, const struct sample *sample,
			    const struct patterns *patterns, uint32_t dead);
bool matcher_fits(const struct matcher *matcher, const struct sample *sample, const struct patterns *patterns);

/* Where its patterns are to be put. */
struct search *matcher_search(const struct matcher *matcher);

/* Sets the bit of each acl that holds for one of the sample's values. */
__attribute__((nonnull)) void matcher_run(const struct matcher *matcher, struct request *request,
					  struct rules_scratch *scratch, uint64_t *holds);

#endif
