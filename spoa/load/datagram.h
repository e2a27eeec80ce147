/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report as one datagram: "v1 BACKEND/SERVER SEQ JSON HMAC", one line, whose end may be there or not. HMAC is in
 * hexadecimal and of all that is before the blank that precedes it. Pure functions of bytes.
 */
#ifndef SPOA_LOAD_DATAGRAM_H
#define SPOA_LOAD_DATAGRAM_H

#include "spoa-redirect/base/slice.h"

#define DATAGRAM_ROOM 2048u /* bytes; longer ones are not taken */

struct datagram {
	struct slice text; /* what is signed */
	struct slice backend, server;
	uint64_t seq; /* from 1 on */
	struct slice json;
	struct slice signature;
};

/* False: it is none. */
bool datagram_read(struct slice bytes, struct datagram *datagram);

#endif
