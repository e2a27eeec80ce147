/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signature.h"

#include <stdlib.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define DIGEST 32u

struct signer {
	gnutls_hmac_hd_t keys[SIGNATURE_KEYS];
	size_t n;
};

struct signer *signer_new(const struct slice *keys, size_t n)
{
	struct signer *signer = calloc(1, sizeof(*signer));

	while (signer && signer->n < n && signer->n < SIGNATURE_KEYS) {
		const struct slice *key = &keys[signer->n];

		if (gnutls_hmac_init(&signer->keys[signer->n], GNUTLS_MAC_SHA256, key->ptr, key->len) < 0) {
			signer_free(signer);
			return NULL;
		}
		signer->n++;
	}
	return signer;
}

static bool hex_digit(uint8_t c, uint8_t *digit)
{
	if (c >= '0' && c <= '9')
		*digit = (uint8_t)(c - '0');
	else if (lower(c) >= 'a' && lower(c) <= 'f')
		*digit = (uint8_t)(lower(c) - 'a' + 10);
	else
		return false;
	return true;
}

static bool read_hex(struct slice hex, uint8_t digest[DIGEST])
{
	uint8_t high, low;

	if (hex.len != SIGNATURE_HEX)
		return false;
	for (size_t i = 0; i < DIGEST; i++) {
		if (!hex_digit(hex.ptr[2 * i], &high) || !hex_digit(hex.ptr[2 * i + 1], &low))
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool signer_verifies(struct signer *signer, struct slice text, struct slice hex)
{
	uint8_t told[DIGEST], own[DIGEST];
	bool good = false;

	if (!read_hex(hex, told))
		return false;
	for (size_t i = 0; i < signer->n; i++) {
		bool made = gnutls_hmac(signer->keys[i], text.ptr, text.len) == 0;

		gnutls_hmac_output(signer->keys[i], own); /* and begins anew */
		good |= made && gnutls_memcmp(told, own, DIGEST) == 0;
	}
	return good;
}

void signer_free(struct signer *signer)
{
	if (!signer)
		return;
	while (signer->n > 0)
		gnutls_hmac_deinit(signer->keys[--signer->n], NULL);
	free(signer);
}
