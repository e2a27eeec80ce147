/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_ANSWER_SAMPLES_H
#define SPOA_ANSWER_SAMPLES_H

#include "spoa-redirect/answer.h"

/* NULL: out of memory. */
struct samples *samples_new(void);
void samples_free(struct samples *samples);

/* Keeps the decision of the request at hand, and says when the next may be kept. The worker's thread. */
void samples_take(struct answer_scratch *scratch, const struct frontend *frontend, const struct decision *decision,
		  double now);

#endif
