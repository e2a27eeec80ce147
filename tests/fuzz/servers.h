/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be changed of servers while an agent runs, as a number: the same before and after what changes nothing. */
#ifndef TESTS_FUZZ_SERVERS_H
#define TESTS_FUZZ_SERVERS_H

#include <stdlib.h>

#include "spoa-redirect/fleet.h"

/* Ends the program where a weight is none. */
static inline uint64_t servers_sum(const struct fleet *fleet)
{
	uint64_t sum = 17;

	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++) {
			const struct server_state *state = backend->servers[j]->state;

			if (atomic_load(&state->weight) > 256)
				abort();
			sum = sum * 31 + atomic_load(&state->weight) + (unsigned)state->admin * 1000u +
			      state->said[SOURCE_PUSH].taken * 17u + state->health * 10000u + state->agent_down * 7u +
			      state->paused[0] * 11u + state->paused[1] * 13u;
		}
	}
	return sum;
}

#endif
