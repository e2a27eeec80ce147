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

#endif
