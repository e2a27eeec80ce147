/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams as a server makes them: by GnuTLS's call for one message, not by what is tested. */
#ifndef TESTS_UNIT_LOAD_SIGNED_H
#define TESTS_UNIT_LOAD_SIGNED_H

#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "spoa-redirect/base/slice.h"

/* Into `to`, which has room for text, a blank and 64 digits. */
static inline struct slice signed_with(char *to, const char *key, const char *text)
{
	unsigned char digest[32];
	size_t length = strlen(text);

	gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, strlen(key), text, length, digest);
	memcpy(to, text, length);
	to[length++] = ' ';
	for (size_t i = 0; i < sizeof(digest); i++, length += 2)
		snprintf(to + length, 3, "%02x", digest[i]);
	return slice_of(to, length);
}

#endif
