/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct tls {
	gnutls_session_t session;
	struct trust *trust;
	char why[200];
};

static bool set_up(struct tls *tls, int fd, const struct tls_target *target)
{
	if (gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
		return false;
	gnutls_transport_set_int(tls->session, fd);
	gnutls_handshake_set_timeout(tls->session, 0); /* time is the caller's business */
	if (trust_verifies(target->trust))
		gnutls_session_set_verify_cert(tls->session, target->verify_host, 0);
	return gnutls_set_default_priority(tls->session) == 0 &&
	       gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, trust_credentials(target->trust)) == 0 &&
	       (!target->sni ||
		gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, target->sni, strlen(target->sni)) == 0);
}

struct tls *tls_new(int fd, const struct tls_target *target)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	tls->trust = target->trust;
	trust_hold(tls->trust);
	if (set_up(tls, fd, target))
		return tls;
	tls_free(tls);
	return NULL;
}

/* What is wrong with a certificate is more than that it is wrong. */
static void note(struct tls *tls, int error)
{
	gnutls_datum_t text = { NULL, 0 };
	unsigned status = gnutls_session_get_verify_cert_status(tls->session);

	if (error == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
	    gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) == 0)
		snprintf(tls->why, sizeof(tls->why), "%s", (const char *)text.data);
	else
		snprintf(tls->why, sizeof(tls->why), "%s", gnutls_strerror(error));
	gnutls_free(text.data);
	for (size_t end = strlen(tls->why); end > 0 && strchr(" .", tls->why[end - 1]); end--)
		tls->why[end - 1] = 0;
}

enum tls_step tls_handshake(struct tls *tls)
{
	int error;

	do
		error = gnutls_handshake(tls->session);
	while (error < 0 && error != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(error));
	if (error == 0)
		return TLS_DONE;
	if (error == GNUTLS_E_AGAIN)
		return gnutls_record_get_direction(tls->session) ? TLS_WANTS_WRITE : TLS_WANTS_READ;
	note(tls, error);
	return TLS_FAILED;
}

/* A stream that just ends is taken as such: of a length that matters HTTP tells by itself. */
static ssize_t result(struct tls *tls, ssize_t n)
{
	if (n >= 0 || n == GNUTLS_E_PREMATURE_TERMINATION)
		return n >= 0 ? n : 0;
	if (gnutls_error_is_fatal((int)n)) {
		note(tls, (int)n);
		errno = EPROTO;
	} else {
		errno = EAGAIN;
	}
	return -1;
}

ssize_t tls_send(struct tls *tls, const void *bytes, size_t n)
{
	return result(tls, gnutls_record_send(tls->session, bytes, n));
}

ssize_t tls_recv(struct tls *tls, void *bytes, size_t n)
{
	return result(tls, gnutls_record_recv(tls->session, bytes, n));
}

bool tls_pending(const struct tls *tls)
{
	return gnutls_record_check_pending(tls->session) > 0;
}

const char *tls_why(const struct tls *tls)
{
	return tls->why;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->session)
		gnutls_deinit(tls->session);
	trust_release(tls->trust);
	free(tls);
}
