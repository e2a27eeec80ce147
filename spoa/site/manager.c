/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's side of systemd: sd_notify(3) and its watchdog, in their few lines instead of a library. */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "spoa-redirect/site.h"

struct manager {
	struct running *running;
	struct sockaddr_un address; /* sun_family 0: nobody listens */
	socklen_t length;
	ev_timer timer; /* of the watchdog */
	unsigned mark;  /* that the threads are to pass before the next sign of life */
};

static void say(struct manager *manager, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct manager *manager, const char *format, ...)
{
	char text[300];
	va_list args;
	int fd;

	if (!manager || !manager->address.sun_family)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&manager->address, manager->length) < 0)
		log_line(net_settings_log(manager->running->site.settings), LOG_WARNING,
			 "the service manager cannot be told '%.*s'", (int)strcspn(text, "\n"), text);
	close(fd);
}

/* ---- the watchdog ---- */

/* One sign of life is that of all threads: each has come back to its loop since the last one. */
static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct manager *manager = timer->data;

	(void)loop;
	(void)events;
	if (!net_has_passed(manager->running->net, manager->mark))
		return;
	say(manager, "WATCHDOG=1");
	manager->mark = net_pass(manager->running->net);
}

static uint64_t number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void watch(struct manager *manager)
{
	uint64_t microseconds = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");
	double seconds = (double)microseconds / 1e6;

	if (microseconds == 0 || (pid > 0 && pid != (uint64_t)getpid()))
		return;
	/* a turn to ask the threads, one for the answer, and that twice */
	ev_timer_set(&manager->timer, seconds / 4, seconds / 4);
	ev_timer_start(manager->running->loop, &manager->timer);
	manager->mark = net_pass(manager->running->net);
}

/* ---- what is said ---- */

struct manager *manager_open(struct running *running)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct manager *manager = calloc(1, sizeof(*manager));
	size_t length = path ? strlen(path) : 0;

	if (!manager)
		return NULL;
	manager->running = running;
	ev_init(&manager->timer, on_timer);
	manager->timer.data = manager;
	if (length < 2 || length >= sizeof(manager->address.sun_path) || (*path != '/' && *path != '@'))
		return manager;
	manager->address.sun_family = AF_UNIX;
	memcpy(manager->address.sun_path, path, length);
	if (*path == '@')
		manager->address.sun_path[0] = 0;
	manager->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	watch(manager);
	return manager;
}

void manager_ready(struct manager *manager, const char *status)
{
	say(manager, "READY=1\nSTATUS=%.*s", (int)strcspn(status, "\n"), status);
}

void manager_reloading(struct manager *manager)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	say(manager, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading.",
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void manager_stopping(struct manager *manager, const char *status)
{
	say(manager, "STOPPING=1\nSTATUS=%.*s", (int)strcspn(status, "\n"), status);
}

void manager_give_away(struct manager *manager, pid_t pid)
{
	say(manager, "MAINPID=%d", (int)pid);
	if (!manager)
		return;
	ev_timer_stop(manager->running->loop, &manager->timer);
	manager->address.sun_family = 0;
}

void manager_close(struct manager *manager)
{
	if (!manager)
		return;
	ev_timer_stop(manager->running->loop, &manager->timer);
	free(manager);
}
