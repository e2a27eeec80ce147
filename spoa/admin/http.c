/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmicrohttpd, its epoll descriptor inside the control loop; what is asked goes to routes.c. */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"

#define BACKLOG     64
#define CONNECTIONS 64u
#define TIMEOUT     10u          /* seconds of silence */
#define MEMORY      (32u * 1024) /* of one connection */
#define LISTENED    (64u * 1024) /* bytes of a body that are taken in at most, to be answered when it has ended */

struct http {
	struct admin *admin;
	struct listening where;
	struct listening_socket socket;
	struct MHD_Daemon *daemon;
	ev_io io;
	ev_timer timer;
};

/* ---- a request and its answer ---- */

/* A request while its body comes in. */
struct exchange {
	char body[WEB_BODY];
	size_t n_body; /* of all that came */
};

/* Sent with every answer. */
static const struct {
	const char *name, *value;
} headers[] = {
	{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	/* the page's own files and the API beside it, and nothing else in the world */
	{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
				     "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" },
};

/* text: of malloc(), the response's from here on. */
static enum MHD_Result respond(struct MHD_Connection *connection, const struct web *web, char *text, size_t length)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	char seconds[16];
	enum MHD_Result result;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, web->type);
	for (size_t i = 0; i < COUNT(headers); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (*web->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, web->allow);
	if (web->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, WEB_REALM);
	if (web->retry > 0) {
		snprintf(seconds, sizeof(seconds), "%u", web->retry);
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	result = MHD_queue_response(connection, web->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result keep_argument(void *into, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct web *web = into;

	(void)kind;
	if (web->n_query == WEB_QUERY)
		return MHD_NO;
	web->query[web->n_query++] = (struct web_argument){ name, value ? value : "" };
	return MHD_YES;
}

/* Of a body that is not worth hearing to its end. */
static bool is_endless(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t length;

	return text && !slice_to_natural(slice_of_string(text), LISTENED, &length);
}

static void answer(struct web *web, struct MHD_Connection *connection, const struct exchange *whole)
{
	const struct web_route *route;

	web->type = "text/plain";
	web->authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	route = web_find(web);
	if (!route)
		return;
	if (!whole || whole->n_body > WEB_BODY)
		web_refuse(web, MHD_HTTP_CONTENT_TOO_LARGE, "the body has more than %u bytes", WEB_BODY);
	else if (MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_argument, web) > (int)WEB_QUERY)
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "more than %u arguments", WEB_QUERY);
	else
		web_run(web, route);
}

/* What is beyond the room is only counted. False: it goes on and on. */
static bool take_body(struct exchange *exchange, const char *upload, size_t size)
{
	size_t room = exchange->n_body < WEB_BODY ? WEB_BODY - exchange->n_body : 0;

	memcpy(exchange->body + WEB_BODY - room, upload, size < room ? size : room);
	exchange->n_body += size;
	return exchange->n_body <= LISTENED;
}

/* For the headers, for each piece of a body, and at the end. */
static enum MHD_Result on_request(void *into, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct web web = { .admin = ((struct http *)into)->admin, .method = method, .path = path };
	struct exchange *exchange = *state;
	size_t length = *upload_size;
	char *text = NULL;

	(void)version;
	if (!exchange && !is_endless(connection)) {
		*state = calloc(1, sizeof(*exchange));
		return *state ? MHD_YES : MHD_NO;
	}
	if (exchange && length > 0) {
		*upload_size = 0;
		return take_body(exchange, upload, length) ? MHD_YES : MHD_NO;
	}
	if (exchange)
		web.body = slice_of(exchange->body, exchange->n_body);
	web.out = open_memstream(&text, &length);
	if (!web.out)
		return MHD_NO;
	answer(&web, connection, exchange);
	if (fclose(web.out) == 0)
		return respond(connection, &web, text, length);
	free(text);
	return MHD_NO;
}

static void on_completed(void *into, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode how)
{
	(void)into;
	(void)connection;
	(void)how;
	free(*state);
	*state = NULL;
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

	http->daemon =
		MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET,
				 http->socket.fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				 MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				 (size_t)MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
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
