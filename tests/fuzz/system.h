/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of the system, while a target reads a configuration: each file of patterns is PATTERNS, each host name is unknown.
 * For one file of a target.
 */
#ifndef TESTS_FUZZ_SYSTEM_H
#define TESTS_FUZZ_SYSTEM_H

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATTERNS "# one a line\n.mp4\n\n  /a b\n192.0.2.0/24\n^x+$\n"

FILE *fopen(const char *path, const char *mode);
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);
struct passwd *getpwnam(const char *name);
struct group *getgrnam(const char *name);

static bool reading; /* a text: the system is not asked */

/* libFuzzer reads and writes its files with it. */
FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);
	static char patterns[] = PATTERNS;

	if (reading && path[0] == '/') {
		errno = ENOENT;
		return NULL;
	}
	if (reading)
		return fmemopen(patterns, sizeof(patterns) - 1, "r");
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	return real(path, mode);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	(void)host;
	(void)service;
	(void)hints;
	(void)found;
	return EAI_NONAME;
}

struct passwd *getpwnam(const char *name)
{
	static struct passwd nobody = { .pw_uid = 65534 };

	return strcmp(name, "nobody") == 0 ? &nobody : NULL;
}

struct group *getgrnam(const char *name)
{
	static struct group nogroup = { .gr_gid = 65534 };

	return strcmp(name, "nogroup") == 0 ? &nogroup : NULL;
}

#endif
