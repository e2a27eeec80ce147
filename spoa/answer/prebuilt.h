/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Actions whose bytes are the same for every request: written once, copied into each ACK. */
#ifndef SPOA_ANSWER_PREBUILT_H
#define SPOA_ANSWER_PREBUILT_H

#include "authority.h"
#include "spoa-redirect/answer.h"

/* One backend's. A server's are its own: said is backend and server, target also reason, code and ttl. */
struct prebuilt {
	struct slice backend; /* backend */
	struct slice brief;   /* reason redirect, code and ttl: for frames that hold no more */
	_Atomic(struct authorities *) authorities;
	_Atomic bool any_tls; /* some server is reached over TLS */
};

/* And of its servers. NULL: out of memory. */
struct prebuilt *prebuilt_new(struct arena *arena, struct backend *backend);

/* False: out of memory. */
bool prebuilt_server(struct arena *arena, struct server *server);

#endif
