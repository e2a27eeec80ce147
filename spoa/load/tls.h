/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS over a connected socket that never blocks; GnuTLS does it. */
#ifndef SPOA_LOAD_TLS_H
#define SPOA_LOAD_TLS_H

#include <sys/types.h>

#include "spoa-redirect/fleet.h"

struct tls;

enum tls_step { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_FAILED };

/* Of the client's side. The socket stays the caller's. NULL: out of memory. */
struct tls *tls_new(int fd, const struct tls_target *target);

/* One step of the handshake; on TLS_FAILED tls_why() tells. */
enum tls_step tls_handshake(struct tls *tls);

/* As send() and recv(), with EAGAIN and EPROTO in errno. What tls_recv() has left inside tls_pending() tells: no socket does. */
ssize_t tls_send(struct tls *tls, const void *bytes, size_t n);
ssize_t tls_recv(struct tls *tls, void *bytes, size_t n);
bool tls_pending(const struct tls *tls);

/* For people: what failed last. */
const char *tls_why(const struct tls *tls);

/* Without a word to the peer. NULL is fine. */
void tls_free(struct tls *tls);

#endif
