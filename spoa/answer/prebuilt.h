/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Actions whose bytes are the same for every request: written once, copied into each ACK. */
#ifndef SPOA_ANSWER_PREBUILT_H
#define SPOA_ANSWER_PREBUILT_H

#include "authority.h"
#include "spoa-redirect/answer.h"

/* One backend's; the servers' by their index. */
struct prebuilt {
	struct slice backend;  /* backend */
	struct slice brief;    /* reason redirect, code and ttl: for frames that hold no more */
	struct slice *servers; /* backend, server */
	struct slice *targets; /* reason redirect, backend, server, code and ttl */
	const struct authorities *authorities;
	bool any_tls; /* some server is reached over TLS */
};

struct prebuilt *prebuilt_new(struct arena *arena, const struct backend *backend);

#endif
