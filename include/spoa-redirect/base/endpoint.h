/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a socket is bound or connected, as HAProxy writes it. */
#ifndef SPOA_REDIRECT_BASE_ENDPOINT_H
#define SPOA_REDIRECT_BASE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "spoa-redirect/base/slice.h"

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
		struct sockaddr_un unix_path;
	};
	socklen_t length; /* 0: none */
};

#define ENDPOINT_TEXT 128u

/*
 * "10.0.0.1:80", "[::1]:80", "::1:80", "*:80", ":80", "ipv4@…", "ipv6@…", "host.example:80"; "unix@/path" and
 * "/path" where `unix_too`. Names are asked of the resolver. The port may be missing where port_optional; it
 * is 0 then. NULL: parsed; else what is wrong.
 */
const char *endpoint_parse(struct endpoint *endpoint, const char *text, bool unix_too, bool port_optional);

#define ENDPOINT_NAME 256u

/*
 * The same without asking: if it is the name of a host, that is in name, else name is empty, and the endpoint has the port
 * at no address of the family that is wanted, or of IPv4 where any will do.
 */
const char *endpoint_parse_unresolved(struct endpoint *endpoint, const char *text, bool port_optional,
				      char name[ENDPOINT_NAME], int *family);

/* Likewise, where no port is expected: "::1" is an address then, as in HAProxy, and so is "fe80::1:80". */
const char *endpoint_parse_portless(struct endpoint *endpoint, const char *text, char name[ENDPOINT_NAME], int *family);

/* Asks the resolver, which may take long; family: AF_UNSPEC for any. The port stays. False: there is no such name. */
bool endpoint_resolve(struct endpoint *endpoint, const char *name, int family);

void endpoint_set_port(struct endpoint *endpoint, unsigned port);
unsigned endpoint_port(const struct endpoint *endpoint);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* Where it is reached from the same machine: one that stands for every address is the loopback. */
struct endpoint endpoint_from_here(const struct endpoint *endpoint);

/* Whatever the ports. */
bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b);

/* For messages: "10.0.0.1:80", "[::1]:80", "unix@/path". */
const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT]);

#endif
