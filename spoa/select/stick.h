/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_SELECT_STICK_H
#define SPOA_SELECT_STICK_H

#include "ring.h"
#include "spoa-redirect/select.h"

/* Control thread: with each refresh of a policy whose backend sticks. */
void stick_refresh(const struct backend *backend, double now);

/* hash.c: where a key leads there. */
void hash_tell(const struct backend *backend, const struct ring *ring, uint64_t key, double now,
	       struct select_place *place);

#endif
