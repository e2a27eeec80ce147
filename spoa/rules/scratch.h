/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one worker needs while it evaluates rules; shared by the room's files only. */
#ifndef SPOA_RULES_SCRATCH_H
#define SPOA_RULES_SCRATCH_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "spoa-redirect/base/counter.h"
#include "spoa-redirect/rules.h"

struct rules_scratch {
	pcre2_match_data *match;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
	counter limit_hits;
	struct slice given_up;           /* a regex, at its limit */
	size_t regexes;                  /* run since the last look at the clock, those on a long text count more; */
	double until, own_until;         /* when they have to end, and by the thread's own time; 0: they are few */
	uint64_t *holds;                 /* of the frontend being decided: acls that hold, */
	uint64_t *ran;                   /* and matchers that have run */
	size_t room;                     /* of both, in words */
	uint64_t *marks;                 /* regexes that have run on one value, */
	uint32_t *reached;               /* and how far those of them went */
	size_t marks_room;               /* in words of marks */
	char text[64];                   /* a number or address as a string, until the next value */
	uint8_t name[256];               /* of a backend, from a sample */
	uint8_t join[64 * 1024];         /* path?query */
	uint8_t converted[2][64 * 1024]; /* what converters write, in turns */
	uint8_t base[64 * 1024];         /* host and path */
	uint8_t fold[1024 * 1024];       /* a value in lower case; what is longer is cut */
};

/* Makes room for n marks, none of them set, and as many numbers in `reached`, with no meaning yet. False: out of memory. */
bool rules_scratch_marks(struct rules_scratch *scratch, size_t n);

/* Before a decision: nothing has run. False: out of memory, which can only be at a frontend's first request. */
bool rules_scratch_clear(struct rules_scratch *scratch, size_t acls, size_t matchers);

#endif
