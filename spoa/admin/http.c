/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /metrics, /healthz and /readyz: libmicrohttpd, its epoll descriptor inside the control loop. */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"

#define BACKLOG     64
#define CONNECTIONS 64u
#define TIMEOUT     10u          /* seconds of silence */
#define MEMORY      (32u * 1024) /* of one connection */

struct http {
	struct admin *admin;
	struct listening where;
	struct listening_socket socket;
	struct MHD_Daemon *daemon;
	ev_io io;
	ev_timer timer;
};

/* ---- what is served ---- */

static void put_metrics(const struct admin *admin, FILE *out, unsigned *status)
{
	*status = MHD_HTTP_OK;
	metrics_write(admin, out);
}

static void put_health(const struct admin *admin, FILE *out, unsigned *status)
{
	(void)admin;
	*status = MHD_HTTP_OK;
	fprintf(out, "ok\n");
}

static void put_ready(const struct admin *admin, FILE *out, unsigned *status)
{
	*status = admin->stopping ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
	fprintf(out, admin->stopping ? "stopping\n" : "ready\n");
}

static const struct {
	const char *path, *type;
	void (*put)(const struct admin *admin, FILE *out, unsigned *status);
} pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", put_metrics },
	{ "/healthz", "text/plain", put_health },
	{ "/readyz", "text/plain", put_ready },
};

/* text: of malloc(), the response's from here on. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type, char *text,
			       size_t length)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void put_page(const struct admin *admin, const char *method, const char *path, FILE *out, unsigned *status,
		     const char **type)
{
	*type = "text/plain";
	*status = MHD_HTTP_NOT_FOUND;
	for (size_t i = 0; i < COUNT(pages); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
			*status = MHD_HTTP_METHOD_NOT_ALLOWED;
			return;
		}
		*type = pages[i].type;
		pages[i].put(admin, out, status);
		return;
	}
	fprintf(out, "not found; there are:\n");
	for (size_t i = 0; i < COUNT(pages); i++)
		fprintf(out, "%s\n", pages[i].path);
}

static enum MHD_Result on_request(void *into, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **state)
{
	const char *type;
	char *text = NULL;
	size_t length;
	unsigned status;
	FILE *out;

	(void)version;
	(void)upload;
	/* the first call is for the headers alone; a body is read and not looked at */
	if (!*state || *upload_size > 0) {
		*state = into;
		*upload_size = 0;
		return MHD_YES;
	}
	out = open_memstream(&text, &length);
	if (!out)
		return MHD_NO;
	put_page(((struct http *)into)->admin, method, path, out, &status, &type);
	return fclose(out) == 0 ? respond(connection, status, type, text, length) : MHD_NO;
}

/* ---- the loop ---- */

static void run(struct http *http)
{
	struct ev_loop *loop = http->admin->running->loop;
	MHD_UNSIGNED_LONG_LONG milliseconds;

	MHD_run(http->daemon);
	ev_timer_stop(loop, &http->timer);
	if (MHD_get_timeout(http->daemon, &milliseconds) != MHD_YES)
		return;
	ev_timer_set(&http->timer, (double)milliseconds / 1000, 0);
	ev_timer_start(loop, &http->timer);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	run(io->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	run(timer->data);
}

static bool start_daemon(struct http *http)
{
	const union MHD_DaemonInfo *info;

	http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET,
					http->socket.fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
					MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					(size_t)MEMORY, MHD_OPTION_END);
	info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return false;
	ev_io_init(&http->io, on_io, info->epoll_fd, EV_READ);
	ev_init(&http->timer, on_timer);
	http->io.data = http->timer.data = http;
	ev_io_start(http->admin->running->loop, &http->io);
	return true;
}

struct http *http_start(struct admin *admin, const struct stats_socket *where, char *why, size_t size)
{
	struct http *http = calloc(1, sizeof(*http));
	char text[ENDPOINT_TEXT];

	if (!http)
		return NULL;
	http->admin = admin;
	http->where = where->where;
	if (!inherited_open(admin->running->inherited, &http->socket, &where->where, BACKLOG)) {
		snprintf(why, size, "%s:%u: cannot bind '%s': %s", where->place.file, where->place.line,
			 endpoint_text(&where->where.endpoint, text), strerror(errno));
		free(http);
		return NULL;
	}
	if (start_daemon(http))
		return http;
	snprintf(why, size, "%s:%u: cannot serve HTTP", where->place.file, where->place.line);
	http_stop(http);
	return NULL;
}

struct listening_socket http_socket(const struct http *http)
{
	return http->socket;
}

void http_give_away(struct http *http)
{
	http->socket.inode = 0;
}

void http_own(struct http *http)
{
	listening_own(&http->socket, &http->where);
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	ev_io_stop(http->admin->running->loop, &http->io);
	ev_timer_stop(http->admin->running->loop, &http->timer);
	if (http->daemon)
		MHD_quiesce_daemon(http->daemon); /* the listening socket is ours */
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	listening_close(&http->socket, &http->where.endpoint);
	free(http);
}
