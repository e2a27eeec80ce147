/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the generator's NOTIFY frames carry: one message made from the command line, or those of a recording. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include "spop.h"

/* Payloads that are sent in turn. */
struct payloads {
	struct spop_slice *each;
	size_t n;
	size_t longest;
};

/* From arguments NAME=[TYPE:]VALUE with TYPE str, bin, int, uint, bool, ip or null; str is the default. False: said why. */
bool payloads_add_message(struct payloads *payloads, const char *message, char **arguments, size_t n);

/* Each whole NOTIFY of a recording under tests/captures. False: said why. */
bool payloads_add_capture(struct payloads *payloads, const char *path);

/* Like those of a browser behind `args method path query host src hdr(user-agent)`: a frame of 470 bytes. */
#define PAYLOAD_DEFAULT_ARGUMENTS 6
extern char *payload_default_arguments[PAYLOAD_DEFAULT_ARGUMENTS];

#endif
