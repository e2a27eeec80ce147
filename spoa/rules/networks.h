/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks that an address lies in: one by one while they are few, else by a hash for each length of their prefixes. Built
 * once, then only read.
 */
#ifndef SPOA_RULES_NETWORKS_H
#define SPOA_RULES_NETWORKS_H

#include "literals.h"
#include "sample.h"

/* In the order of the network: an IPv4 address is the first half of hi. */
struct network_bits {
	uint64_t hi, lo;
};

struct network {
	struct network_bits bits, mask;
	bool four; /* of IPv4 */
	uint32_t hit;
};

struct networks {
	struct network *items;
	size_t n;
	struct network *widths; /* masks and families among them, each once */
	size_t n_widths;
	struct literals set; /* of their bits, and behind them the number of the width */
};

void networks_init(struct networks *networks, uint64_t seed);

/* prefix: in bits. False: out of memory. */
bool networks_add(struct arena *arena, struct networks *networks, const struct address *address, unsigned prefix,
		  uint32_t acl, struct hits *hits);

/*
 * All networks that the address lies in: those of its own family, and as it would be written in the other one, HAProxy's
 * manual, 7.1.6.
 */
void networks_match(const struct networks *networks, const struct address *address, struct sink *sink);

/* The best of its own family, or only where there is none the best of the other: HAProxy's pat_match_ip(). */
void networks_match_best(const struct networks *networks, const struct address *address, struct sink *sink);

#endif
