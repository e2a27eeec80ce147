/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void endpoint_set_port(struct endpoint *endpoint, unsigned port)
{
	if (endpoint->any.sa_family == AF_INET)
		((struct sockaddr_in *)&endpoint->any)->sin_port = htons((uint16_t)port);
	else if (endpoint->any.sa_family == AF_INET6)
		((struct sockaddr_in6 *)&endpoint->any)->sin6_port = htons((uint16_t)port);
}

unsigned endpoint_port(const struct endpoint *endpoint)
{
	if (endpoint->any.sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&endpoint->any)->sin_port);
	if (endpoint->any.sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&endpoint->any)->sin6_port);
	return 0;
}

static const char *parse_unix(struct endpoint *endpoint, const char *path)
{
	struct sockaddr_un *address = &endpoint->unix_path;

	if (!*path || strlen(path) >= sizeof(address->sun_path))
		return "a socket's path has 1 to 107 bytes";
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, strlen(path) + 1);
	endpoint->length = sizeof(*address);
	return NULL;
}

bool endpoint_resolve(struct endpoint *endpoint, const char *name, int family)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *found;
	unsigned port = endpoint_port(endpoint);

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	memcpy(&endpoint->storage, found->ai_addr, found->ai_addrlen);
	endpoint->length = found->ai_addrlen;
	freeaddrinfo(found);
	endpoint_set_port(endpoint, port);
	return true;
}

static bool is_name(const char *text)
{
	for (; *text; text++)
		if (!((lower((uint8_t)*text) >= 'a' && lower((uint8_t)*text) <= 'z') ||
		      (*text >= '0' && *text <= '9') || strchr("-._", *text)))
			return false;
	return true;
}

/* Names may come later; what is none never does. */
static const char *leave_name(struct endpoint *endpoint, const char *host, int family, char *name)
{
	if (!is_name(host) || strspn(host, "0123456789.") == strlen(host))
		return "neither an address nor the name of a host";
	memcpy(name, host, strlen(host) + 1);
	endpoint->any.sa_family = (sa_family_t)(family == AF_INET6 ? AF_INET6 : AF_INET);
	endpoint->length = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	return NULL;
}

/* name: NULL, or where a name is left. */
static const char *parse_host(struct endpoint *endpoint, struct slice host, int family, char *name)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint->any;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->any;
	char copy[ENDPOINT_NAME];

	if (host.len >= sizeof(copy))
		return "the name is too long";
	if (host.len == 0 || slice_eq(host, SLICE("*")))
		host = family == AF_INET6 ? SLICE("::") : SLICE("0.0.0.0");
	memcpy(copy, host.ptr, host.len);
	copy[host.len] = 0;
	if (family != AF_INET6 && inet_pton(AF_INET, copy, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		endpoint->length = sizeof(*v4);
		return NULL;
	}
	if (family != AF_INET && inet_pton(AF_INET6, copy, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		endpoint->length = sizeof(*v6);
		return NULL;
	}
	if (name)
		return leave_name(endpoint, copy, family, name);
	return endpoint_resolve(endpoint, copy, family) ? NULL : "cannot resolve the name";
}

/* The port is behind the last colon, as in HAProxy; brackets and the lack of any colon are clear as well. */
static bool split_port(struct slice text, struct slice *host, struct slice *port)
{
	size_t at = text.len;

	while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']')
		at--;
	*port = slice_of(NULL, 0);
	*host = text;
	if (at > 0 && text.ptr[at - 1] == ':') {
		*host = slice_of(text.ptr, at - 1);
		*port = slice_from(text, at);
	}
	if (host->len >= 2 && host->ptr[0] == '[') {
		if (host->ptr[host->len - 1] != ']')
			return false;
		*host = slice_of(host->ptr + 1, host->len - 2);
	}
	return true;
}

static const char *parse_inet(struct endpoint *endpoint, struct slice whole, bool port_optional, char *name,
			      int *family)
{
	struct slice host, port;
	const char *wrong;
	uint64_t number = 0;

	*family = AF_UNSPEC;
	if (slice_starts(whole, SLICE("ipv4@")))
		*family = AF_INET;
	else if (slice_starts(whole, SLICE("ipv6@")))
		*family = AF_INET6;
	else if (memchr(whole.ptr, '@', whole.len))
		return "unknown kind of address";
	if (*family != AF_UNSPEC)
		whole = slice_from(whole, 5);
	if (!split_port(whole, &host, &port))
		return "no closing ']'";
	if (!port.ptr && !port_optional)
		return "the port is missing";
	if (port.ptr && (!slice_to_natural(port, 65535, &number) || number == 0))
		return "a port is a number from 1 to 65535";
	if (slice_eq(host, SLICE(":")))
		return "what follows the last colon is a port: an IPv6 address without one goes in brackets";
	wrong = parse_host(endpoint, host, *family, name);
	if (!wrong)
		endpoint_set_port(endpoint, (unsigned)number);
	return wrong;
}

const char *endpoint_parse(struct endpoint *endpoint, const char *text, bool unix_too, bool port_optional)
{
	struct slice whole = slice_of_string(text);
	int family;

	memset(endpoint, 0, sizeof(*endpoint));
	if (unix_too && (slice_starts(whole, SLICE("unix@")) || slice_starts(whole, SLICE("/"))))
		return parse_unix(endpoint, text + (text[0] == '/' ? 0 : 5));
	return parse_inet(endpoint, whole, port_optional, NULL, &family);
}

const char *endpoint_parse_unresolved(struct endpoint *endpoint, const char *text, bool port_optional,
				      char name[ENDPOINT_NAME], int *family)
{
	memset(endpoint, 0, sizeof(*endpoint));
	name[0] = 0;
	return parse_inet(endpoint, slice_of_string(text), port_optional, name, family);
}

const char *endpoint_parse_portless(struct endpoint *endpoint, const char *text, char name[ENDPOINT_NAME], int *family)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->any;

	memset(endpoint, 0, sizeof(*endpoint));
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return endpoint_parse_unresolved(endpoint, text, true, name, family);
	v6->sin6_family = AF_INET6;
	endpoint->length = sizeof(*v6);
	name[0] = 0;
	*family = AF_INET6;
	return NULL;
}

struct endpoint endpoint_from_here(const struct endpoint *endpoint)
{
	struct endpoint here = *endpoint;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&here.any;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&here.any;

	if (here.any.sa_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY))
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (here.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		v6->sin6_addr = in6addr_loopback;
	return here;
}

const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (endpoint->any.sa_family == AF_UNIX) {
		snprintf(text, ENDPOINT_TEXT, "unix@%s", endpoint->unix_path.sun_path);
	} else if (endpoint->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&endpoint->any)->sin6_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT, "[%s]:%u", host, endpoint_port(endpoint));
	} else {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)&endpoint->any)->sin_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT, "%s:%u", host, endpoint_port(endpoint));
	}
	return text;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
}

bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
	struct endpoint other = *b;

	endpoint_set_port(&other, endpoint_port(a));
	return endpoint_equal(a, &other);
}
