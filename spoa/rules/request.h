/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_RULES_REQUEST_H
#define SPOA_RULES_REQUEST_H

#include "spoa-redirect/rules.h"

/* With the agent's own names in it. NULL: out of memory. */
struct request_names *request_names_new(struct arena *arena);

/* The slot of an argument, a new one if need be. REQUEST_MAX_SLOTS: there are too many. */
unsigned request_names_add(struct request_names *names, const char *name);

/* The slot of a header: hdr(x), hdr_x, and for host also host. */
unsigned request_names_add_header(struct request_names *names, struct slice header);

/* The slots that are headers. */
uint64_t request_names_headers(const struct request_names *names);

/* Before the first request_take(): makes the hash perfect. False: out of memory. */
bool request_names_seal(struct request_names *names);

/* The name that was added first for a slot. */
const char *request_names_of(const struct request_names *names, unsigned slot);

/* Takes the next header off a hdrs blob (req.hdrs_bin); false at its end. */
bool request_take_header(struct spop_slice *blob, struct slice *name, struct slice *value);

/* The same up to the next one of that name. */
bool request_find_header(struct spop_slice *blob, struct slice name, struct slice *value);

#endif
