/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HMAC-SHA256 (RFC 2104, FIPS 180-4) by any of a few keys, so that one can follow another without a gap. GnuTLS computes it. */
#ifndef SPOA_LOAD_SIGNATURE_H
#define SPOA_LOAD_SIGNATURE_H

#include "spoa-redirect/base/slice.h"

#define SIGNATURE_KEYS 4u
#define SIGNATURE_HEX  64u /* digits of one */

struct signer;

/* NULL: out of memory. */
struct signer *signer_new(const struct slice *keys, size_t n);

/* hex: lower or upper case. How long it takes tells nothing of how much of it was right. */
bool signer_verifies(struct signer *signer, struct slice text, struct slice hex);

/* NULL is fine. */
void signer_free(struct signer *signer);

#endif
