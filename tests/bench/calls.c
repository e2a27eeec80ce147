/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an agent (LD_PRELOAD), counts its reads and writes, and writes both numbers to the file that CALLS_FILE
 * names when it ends. A tracer would slow the agent down until every batch is a large one.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic unsigned long reads, writes;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *to, size_t len)
{
	atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
	return REAL(read)(fd, to, len);
}

ssize_t readv(int fd, const struct iovec *parts, int n)
{
	atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
	return REAL(readv)(fd, parts, n);
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
	return REAL(recv)(fd, to, len, flags);
}

ssize_t write(int fd, const void *from, size_t len)
{
	atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
	return REAL(write)(fd, from, len);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
	return REAL(writev)(fd, parts, n);
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
	atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
	return REAL(send)(fd, from, len, flags);
}

static FILE *file;

/* While it may: the agent confines itself to its own files before long. */
static void __attribute__((constructor)) prepare(void)
{
	const char *path = getenv("CALLS_FILE");

	file = path ? fopen(path, "we") : NULL;
}

static void __attribute__((destructor)) tell(void)
{
	if (!file)
		return;
	fprintf(file, "%lu %lu\n", atomic_load(&reads), atomic_load(&writes));
	fclose(file);
}
