/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * servers [OPTION VALUE]...: a fleet of simulated servers on real sockets, and the clients that HAProxy sends there.
 *
 * Server i listens at 127.8.0.(i + 1): on `port` for HTTP, where it shares its time among the jobs that it has and says how it
 * does at /status as nginx's stub_status, and on `agent-port` for HAProxy's agent-check, to say how much of the last second it
 * was idle. Clients ask `front` (a port of 127.0.0.1), follow the redirect after `delay`, and wait for their answer.
 *
 * Prints "ready" when all listens, begins at the first byte on its standard input, and prints what came of it as JSON, beside
 * what an omniscient dispatcher had made of the same clients. How long a job takes is computed from when it arrived, so a
 * machine that is late to say that it is done does not spoil it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "queue.h"
#include "spoa-redirect/base/clock.h"

#define HISTORY     10  /* slots of the last second */
#define SLOT        0.1 /* seconds */
#define GRACE       0.5 /* seconds, for the last ones to arrive */
#define NO_JOB      UINT32_MAX
#define MAX_SERVERS 250u

enum kind {
	LISTENS_HTTP,
	LISTENS_AGENT,
	SERVED, /* the server's end */
	ASKING, /* a client's, to HAProxy */
	TAKING  /* a client's, to a server */
};

struct conn {
	enum kind kind;
	int fd;
	uint32_t server, job;
	bool closed, polls; /* polls: it asks for /status, and is kept */
	size_t len;
	char text[1024];
	struct conn *next; /* in a list of its kind */
};

struct server {
	struct queue queue;
	uint64_t accepts, requests; /* polls included, as nginx counts */
	unsigned polled;            /* connections that poll */
	double busy[HISTORY + 1]; /* at fleet.sampled, the same slots */
	struct conn http, agent;
};

struct fleet {
	struct load load;
	struct server servers[MAX_SERVERS];
	struct conn **served;   /* by job, while its server works on it */
	struct conn *idle;      /* clients' connections to HAProxy */
	struct conn *closed;    /* freed after the batch of events that may name them */
	struct in_addr *target; /* by job: where it was sent */
	uint32_t sent, gone;    /* jobs that have asked; that have left for their servers */
	uint32_t *leaving;      /* jobs in the order in which they were redirected, a ring as long as all */
	double *leave_at;
	uint32_t n_leaving;
	double began, now; /* now: since the beginning */
	double sampled[HISTORY + 1];
	double spread;     /* sum of what load_result.fullest is the mean of */
	uint32_t samples, slot, errors;
	uint16_t port, agent_port, front;
	int epoll;
};

static struct fleet fleet;

/* ---- connections ---- */

static void watch(struct conn *conn, uint32_t events, int operation)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	if (epoll_ctl(fleet.epoll, operation, conn->fd, &event) != 0)
		err(1, "epoll_ctl");
}

static struct conn *conn_new(enum kind kind, int fd, uint32_t server, uint32_t job, uint32_t events)
{
	struct conn *conn = malloc(sizeof(*conn));

	if (!conn)
		err(1, "conn");
	*conn = (struct conn){ .kind = kind, .fd = fd, .server = server, .job = job };
	watch(conn, events, EPOLL_CTL_ADD);
	return conn;
}

static void conn_close(struct conn *conn)
{
	if (conn->closed)
		return;
	close(conn->fd);
	if (conn->polls)
		fleet.servers[conn->server].polled--;
	conn->closed = true;
	conn->next = fleet.closed;
	fleet.closed = conn;
}

static void free_closed(void)
{
	for (struct conn *conn = fleet.closed, *next; conn; conn = next) {
		next = conn->next;
		free(conn);
	}
	fleet.closed = NULL;
}

static int dial(struct in_addr address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		fleet.errors++;
}

/* Whether a head is there, whole; its length includes what ends it. */
static bool read_head(struct conn *conn, size_t *head)
{
	ssize_t got = recv(conn->fd, conn->text + conn->len, sizeof(conn->text) - 1 - conn->len, 0);
	const char *end;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			conn_close(conn);
		return false;
	}
	conn->len += (size_t)got;
	conn->text[conn->len] = '\0';
	end = strstr(conn->text, "\r\n\r\n");
	if (!end && conn->len + 1 == sizeof(conn->text))
		conn_close(conn);
	*head = end ? (size_t)(end - conn->text) + 4 : 0;
	return end;
}

/* ---- servers ---- */

static void on_done(void *context, uint32_t job, double when)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\ndone\n";
	struct conn *conn = fleet.served[job];

	(void)context;
	fleet.load.jobs[job].end = when;
	say(conn->fd, answer, sizeof(answer) - 1);
	conn_close(conn);
	fleet.served[job] = NULL;
}

static struct server *up_to_now(uint32_t i)
{
	queue_advance(&fleet.servers[i].queue, fleet.now, on_done, NULL);
	return &fleet.servers[i];
}

/* As nginx: the poll itself is being written while it is answered; who may ask again is waiting. */
static void tell_status(struct conn *conn)
{
	struct server *server = up_to_now(conn->server);
	char body[256], answer[512];
	int len;

	if (!conn->polls)
		server->polled++;
	conn->polls = true;
	snprintf(body, sizeof(body),
		 "Active connections: %zu \nserver accepts handled requests\n %llu %llu %llu \n"
		 "Reading: 0 Writing: %zu Waiting: %u \n",
		 server->queue.n + server->polled, (unsigned long long)server->accepts,
		 (unsigned long long)server->accepts, (unsigned long long)server->requests, server->queue.n + 1,
		 server->polled - 1);
	len = snprintf(answer, sizeof(answer),
		       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
		       body);
	say(conn->fd, answer, (size_t)len);
}

static void on_served(struct conn *conn)
{
	unsigned long job;
	size_t head;

	while (read_head(conn, &head)) {
		fleet.servers[conn->server].requests++;
		if (strncmp(conn->text, "GET /status", 11) == 0) {
			tell_status(conn);
			conn->len -= head;
			memmove(conn->text, conn->text + head, conn->len);
			continue;
		}
		if (sscanf(conn->text, "GET /job/%lu ", &job) != 1 || job >= fleet.load.n || fleet.served[job]) {
			fleet.errors++;
			conn_close(conn);
			return;
		}
		watch(conn, 0, EPOLL_CTL_DEL);
		fleet.served[job] = conn;
		fleet.load.jobs[job].arrival = fleet.now;
		fleet.load.jobs[job].server = conn->server;
		queue_add(&up_to_now(conn->server)->queue, (uint32_t)job, fleet.load.jobs[job].work);
		return;
	}
}

/* How much of the last second it was idle; at least 1 %, for 0 % would drain it. */
static void tell_agent(int fd, uint32_t i)
{
	const struct server *server = up_to_now(i);
	uint32_t oldest = (fleet.slot + 1) % (HISTORY + 1);
	double past = fmax(fleet.now - fleet.sampled[oldest], SLOT);
	double idle = 1 - (server->queue.busy - server->busy[oldest]) / past;
	char line[16];
	int len = snprintf(line, sizeof(line), "%d%%\n", (int)lround(100 * fmin(1, fmax(0.01, idle))));

	say(fd, line, (size_t)len);
	close(fd);
}

static void on_listening(const struct conn *listening)
{
	int fd;

	while ((fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (listening->kind == LISTENS_AGENT) {
			tell_agent(fd, listening->server);
			continue;
		}
		fleet.servers[listening->server].accepts++;
		conn_new(SERVED, fd, listening->server, NO_JOB, EPOLLIN);
	}
}

static void start_listening(struct conn *conn, enum kind kind, uint32_t server, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1;

	at.sin_addr.s_addr = htonl((127u << 24 | 8u << 16) + server + 1);
	*conn = (struct conn){ .kind = kind, .server = server };
	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || setsockopt(conn->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(conn->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(conn->fd, 4096) != 0)
		err(1, "cannot listen on port %u", port);
	watch(conn, EPOLLIN, EPOLL_CTL_ADD);
}

/* ---- clients ---- */

static void ask(uint32_t job)
{
	struct conn *conn = fleet.idle;
	char request[128];
	int len = snprintf(request, sizeof(request), "GET /job/%u HTTP/1.1\r\nHost: www.example.com\r\n\r\n", job), fd;

	if (conn) {
		fleet.idle = conn->next;
		conn->job = job;
		say(conn->fd, request, (size_t)len);
		return;
	}
	fd = dial((struct in_addr){ htonl(INADDR_LOOPBACK) }, fleet.front);
	if (fd < 0) {
		fleet.errors++;
		return;
	}
	conn = conn_new(ASKING, fd, 0, job, EPOLLIN | EPOLLOUT);
	memcpy(conn->text, request, (size_t)len); /* said once it is connected */
	conn->len = (size_t)len;
}

static bool find_target(const char *head, struct in_addr *target)
{
	const char *at = strcasestr(head, "\r\nlocation: http://");
	char address[INET_ADDRSTRLEN] = "";

	return at && sscanf(at + 19, "%15[0-9.]", address) == 1 && inet_pton(AF_INET, address, target) == 1;
}

static void on_redirect(struct conn *conn)
{
	if (find_target(conn->text, &fleet.target[conn->job])) {
		fleet.leaving[fleet.n_leaving] = conn->job;
		fleet.leave_at[fleet.n_leaving++] = fleet.now + fleet.load.settings.delay;
	} else {
		fleet.errors++;
	}
	conn->job = NO_JOB;
	conn->len = 0;
	if (strcasestr(conn->text, "\r\nconnection: close")) {
		conn_close(conn);
		return;
	}
	conn->next = fleet.idle;
	fleet.idle = conn;
}

static void forget_idle(const struct conn *conn)
{
	for (struct conn **at = &fleet.idle; *at; at = &(*at)->next) {
		if (*at == conn) {
			*at = conn->next;
			return;
		}
	}
}

static void on_asking(struct conn *conn, uint32_t events)
{
	size_t head;

	if (events & EPOLLOUT) {
		say(conn->fd, conn->text, conn->len);
		conn->len = 0;
		watch(conn, EPOLLIN, EPOLL_CTL_MOD);
	}
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	if (conn->job == NO_JOB)
		forget_idle(conn);
	if (read_head(conn, &head) && conn->job != NO_JOB)
		on_redirect(conn);
	else if (conn->closed && conn->job != NO_JOB)
		fleet.errors++;
}

static void go(uint32_t job)
{
	int fd = dial(fleet.target[job], fleet.port);

	if (fd < 0)
		fleet.errors++;
	else
		conn_new(TAKING, fd, 0, job, EPOLLOUT);
}

static void on_taking(struct conn *conn, uint32_t events)
{
	char request[128];
	size_t head;

	if (events & EPOLLOUT) {
		int len = snprintf(request, sizeof(request), "GET /job/%u HTTP/1.1\r\nHost: server\r\n\r\n", conn->job);

		say(conn->fd, request, (size_t)len);
		watch(conn, EPOLLIN, EPOLL_CTL_MOD);
	} else if (read_head(conn, &head)) {
		fleet.load.jobs[conn->job].received = fleet.now;
		conn_close(conn);
	}
}

/* ---- time ---- */

static void sample(void)
{
	size_t most = 0, sum = 0;

	fleet.slot = (fleet.slot + 1) % (HISTORY + 1);
	fleet.sampled[fleet.slot] = fleet.now;
	for (unsigned i = 0; i < fleet.load.settings.servers; i++) {
		struct server *server = up_to_now(i);

		server->busy[fleet.slot] = server->queue.busy;
		most = server->queue.n > most ? server->queue.n : most;
		sum += server->queue.n;
	}
	if (fleet.now < fleet.load.settings.warm)
		return;
	fleet.spread += (double)most - (double)sum / fleet.load.settings.servers;
	fleet.samples++;
}

static double run_timers(double *sample_at)
{
	double next;

	while (fleet.sent < fleet.load.n && fleet.load.jobs[fleet.sent].start <= fleet.now)
		ask(fleet.sent++);
	while (fleet.gone < fleet.n_leaving && fleet.leave_at[fleet.gone] <= fleet.now)
		go(fleet.leaving[fleet.gone++]);
	if (*sample_at <= fleet.now) {
		sample();
		*sample_at = fmax(*sample_at + SLOT, fleet.now); /* as late as it was, once */
	}
	next = *sample_at;
	if (fleet.sent < fleet.load.n)
		next = fmin(next, fleet.load.jobs[fleet.sent].start);
	if (fleet.gone < fleet.n_leaving)
		next = fmin(next, fleet.leave_at[fleet.gone]);
	for (unsigned i = 0; i < fleet.load.settings.servers; i++)
		next = fmin(next, queue_next(&up_to_now(i)->queue));
	return next;
}

static void on_event(struct conn *conn, uint32_t events)
{
	switch (conn->kind) {
	case LISTENS_HTTP:
	case LISTENS_AGENT:
		on_listening(conn);
		break;
	case SERVED:
		on_served(conn);
		break;
	case ASKING:
		on_asking(conn, events);
		break;
	case TAKING:
		on_taking(conn, events);
		break;
	}
}

static void wait_until(double next)
{
	struct epoll_event events[256];
	double left = fmax(next - (clock_now() - fleet.began), 0);
	struct timespec timeout = { (time_t)left, (long)((left - floor(left)) * 1e9) };
	int n = epoll_pwait2(fleet.epoll, events, 256, &timeout, NULL);

	fleet.now = clock_now() - fleet.began;
	for (int i = 0; i < n; i++) {
		struct conn *conn = events[i].data.ptr;

		if (!conn->closed)
			on_event(conn, events[i].events);
	}
	free_closed();
}

/* The servers answer their checks before the clients come. */
static void serve_until_told(void)
{
	struct conn input = { .fd = STDIN_FILENO };
	struct epoll_event events[256];
	char byte;
	int n;

	watch(&input, EPOLLIN, EPOLL_CTL_ADD);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		n = epoll_wait(fleet.epoll, events, 256, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != &input) {
				on_event(events[i].data.ptr, events[i].events);
				continue;
			}
			if (read(STDIN_FILENO, &byte, 1) != 1)
				exit(1);
			watch(&input, 0, EPOLL_CTL_DEL);
			free_closed();
			return;
		}
		free_closed();
	}
}

static void run(void)
{
	double end = fleet.load.jobs[fleet.load.n - 1].start + fleet.load.settings.delay + GRACE, sample_at = 0,
	       next = 0;

	fleet.began = clock_now();
	while (fleet.now < end) {
		wait_until(next);
		next = run_timers(&sample_at);
		free_closed();
	}
	/* what is still there ends without more coming, the same for all that are compared */
	for (unsigned i = 0; i < fleet.load.settings.servers; i++)
		queue_advance(&fleet.servers[i].queue, INFINITY, on_done, NULL);
}

/* ---- beginning and end ---- */

static void print_result(const char *name, const struct load_result *result, const char *after)
{
	printf("\"%s\": {\"measured\": %u, \"failed\": %u, \"mean\": %.6f, \"p99\": %.6f, \"slowdown\": %.4f, "
	       "\"slowdown_p99\": %.4f, \"client_mean\": %.6f, \"client_p99\": %.6f, \"fullest\": %.3f}%s",
	       name, result->measured, result->failed, result->mean, result->p99, result->slowdown,
	       result->slowdown_p99, result->client_mean, result->client_p99, result->fullest, after);
}

static void print_results(void)
{
	struct load_result ours, best;

	load_result(&fleet.load, &ours);
	ours.fullest = fleet.samples ? fleet.spread / fleet.samples : 0;
	load_omniscient(&fleet.load, &best);
	printf("{\"errors\": %u, ", fleet.errors);
	print_result("live", &ours, ", ");
	print_result("omniscient", &best, "}\n");
	fflush(stdout);
}

static void set_up(const struct load_settings *settings)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load_make(&fleet.load, settings);
	fleet.served = calloc(fleet.load.n, sizeof(struct conn *));
	fleet.target = calloc(fleet.load.n, sizeof(*fleet.target));
	fleet.leaving = calloc(fleet.load.n, sizeof(*fleet.leaving));
	fleet.leave_at = calloc(fleet.load.n, sizeof(*fleet.leave_at));
	fleet.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!fleet.served || !fleet.target || !fleet.leaving || !fleet.leave_at || fleet.epoll < 0)
		err(1, "set-up");
	for (uint32_t i = 0; i < settings->servers; i++) {
		queue_init(&fleet.servers[i].queue, load_speed(settings, i), 0);
		start_listening(&fleet.servers[i].http, LISTENS_HTTP, i, fleet.port);
		start_listening(&fleet.servers[i].agent, LISTENS_AGENT, i, fleet.agent_port);
	}
}

static const struct {
	const char *name;
	size_t into;
} numbers[] = {
	{ "slowest", offsetof(struct load_settings, slowest) }, { "fastest", offsetof(struct load_settings, fastest) },
	{ "rate", offsetof(struct load_settings, rate) },       { "load", offsetof(struct load_settings, share) },
	{ "shape", offsetof(struct load_settings, shape) },     { "delay", offsetof(struct load_settings, delay) },
	{ "warm", offsetof(struct load_settings, warm) },       { "seconds", offsetof(struct load_settings, seconds) },
};

static void take_option(const char *name, double value, struct load_settings *settings)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(name, numbers[i].name) == 0) {
			*(double *)((char *)settings + numbers[i].into) = value;
			return;
		}
	}
	if (strcmp(name, "servers") == 0 && value >= 1 && value <= MAX_SERVERS)
		settings->servers = (unsigned)value;
	else if (strcmp(name, "seed") == 0)
		settings->seed = (uint64_t)value;
	else if (strcmp(name, "port") == 0)
		fleet.port = (uint16_t)value;
	else if (strcmp(name, "agent-port") == 0)
		fleet.agent_port = (uint16_t)value;
	else if (strcmp(name, "front") == 0)
		fleet.front = (uint16_t)value;
	else
		errx(2, "option '%s' is not known", name);
}

int main(int argc, char **argv)
{
	struct load_settings settings = { .servers = 50,
					  .slowest = 1,
					  .fastest = 4,
					  .rate = 500,
					  .share = 0.8,
					  .shape = 1.5,
					  .delay = 0.05,
					  .warm = 10,
					  .seconds = 30,
					  .seed = 1 };

	for (int i = 1; i + 1 < argc; i += 2)
		take_option(argv[i], atof(argv[i + 1]), &settings);
	signal(SIGPIPE, SIG_IGN);
	set_up(&settings);
	serve_until_told();
	run();
	print_results();
	return 0;
}
