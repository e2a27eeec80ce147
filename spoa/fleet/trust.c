/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose certificates are believed: `ca-file` and `verify`. One file is read once for all servers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

#include "fleet.h"

#define SYSTEM "@system-ca"

struct trust {
	gnutls_certificate_credentials_t credentials;
	const char *file; /* of malloc(); NULL: nobody is asked for a certificate that is believed */
	unsigned users;
};

void trust_hold(struct trust *trust)
{
	trust->users++;
}

void trust_release(struct trust *trust)
{
	if (--trust->users > 0)
		return;
	gnutls_certificate_free_credentials(trust->credentials);
	free((char *)trust->file);
	free(trust);
}

void *trust_credentials(const struct trust *trust)
{
	return trust->credentials;
}

bool trust_verifies(const struct trust *trust)
{
	return trust->file != NULL;
}

bool trust_equal(const struct trust *a, const struct trust *b)
{
	return a == b || (a && b && strcmp(a->file ? a->file : "", b->file ? b->file : "") == 0);
}

static void release(void *object)
{
	trust_release(object);
}

/* How many certificates; negative: an error of GnuTLS. */
static int read_certificates(struct trust *trust)
{
	if (!trust->file)
		return 1;
	if (strcmp(trust->file, SYSTEM) == 0)
		return gnutls_certificate_set_x509_system_trust(trust->credentials);
	return gnutls_certificate_set_x509_trust_file(trust->credentials, trust->file, GNUTLS_X509_FMT_PEM);
}

static struct trust *make(struct fleet *fleet, const char *file)
{
	struct trust *trust = calloc(1, sizeof(*trust)), **slot;

	if (!trust)
		return NULL;
	trust->users = 1;
	trust->file = file ? strdup(file) : NULL;
	if ((file && !trust->file) || gnutls_certificate_allocate_credentials(&trust->credentials) < 0) {
		free((char *)trust->file);
		free(trust);
		return NULL;
	}
	slot = arena_on_free(fleet->arena, release, trust)
		       ? arena_grow(fleet->arena, &fleet->trusts, &fleet->n_trusts, sizeof(*slot))
		       : NULL;
	return slot ? (*slot = trust) : NULL;
}

struct trust *trust_of(struct fleet *fleet, const struct server *server, struct config *config)
{
	const char *file = !server->tls.verify ? NULL : server->tls.ca_file ? server->tls.ca_file : SYSTEM;
	struct trust *trust = NULL;
	int n;

	for (size_t i = 0; i < fleet->n_trusts; i++)
		if (strcmp(fleet->trusts[i]->file ? fleet->trusts[i]->file : "", file ? file : "") == 0)
			return fleet->trusts[i];
	trust = make(fleet, file);
	if (!trust) {
		config_say_at(config, CONFIG_ERROR, server->place, "out of memory");
		return NULL;
	}
	if (file && strcmp(file, SYSTEM) != 0)
		config_note_file(config, file);
	n = read_certificates(trust);
	if (n <= 0)
		config_say_at(config, CONFIG_ERROR, server->place,
			      "server '%s': cannot read certificates from '%s': %s", server->name, file,
			      n < 0 ? gnutls_strerror(n) : "it has none");
	return trust;
}
