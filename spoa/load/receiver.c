/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "receiver.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "datagram.h"
#include "push.h"
#include "report.h"
#include "spoa-redirect/base/clock.h"

#define BATCH   64u        /* datagrams of one call */
#define BATCHES 16u        /* of one waking: checks are to have their turn, too */
#define BACKLOG (4u << 20) /* bytes that may wait in the kernel, as far as it allows that */

struct inlet {
	struct inlet *next;
	struct receiver *receiver;
	struct endpoint endpoint;
	int fd;
	ev_io io;
};

struct receiver {
	struct load *load;
	struct signer *signer; /* NULL: nothing is to come */
	struct inlet *inlets;
	/* what the next configuration has, and this one has not */
	struct signer *next_signer;
	struct inlet *fresh;
	const struct load_settings *next;
	uint64_t counts[LOAD_DATAGRAMS];
	uint64_t lost; /* at sockets that are closed */
	unsigned said; /* bits, by enum load_datagram */
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct endpoint from[BATCH];
	uint8_t bytes[BATCH][DATAGRAM_ROOM];
};

/* ---- one datagram ---- */

/* Once for each kind: whoever can send here could fill the log. */
static void say(struct receiver *receiver, enum load_datagram outcome, const struct datagram *datagram,
		const struct endpoint *from)
{
	static const char *const texts[LOAD_DATAGRAMS] = {
		[LOAD_DATAGRAM_MALFORMED] = "is none of the form 'v1 BACKEND/SERVER SEQ JSON HMAC'",
		[LOAD_DATAGRAM_FORGED] = "is not signed with a key of ours",
		[LOAD_DATAGRAM_UNKNOWN] = "is of a server that is not there",
		[LOAD_DATAGRAM_UNASKED] = "is of a server without load-push",
	};
	char text[ENDPOINT_TEXT], name[120] = "";

	receiver->counts[outcome]++;
	if (!texts[outcome] || receiver->said & 1u << outcome)
		return;
	receiver->said |= 1u << outcome;
	if (outcome != LOAD_DATAGRAM_MALFORMED) {
		snprintf(name, sizeof(name), " for '%.*s/%.*s'", SLICE_ARGS(datagram->backend),
			 SLICE_ARGS(datagram->server));
		for (char *at = name; *at; at++)
			if (*at < ' ' || *at == 0x7f)
				*at = '?';
	}
	log_line(receiver->load->log, LOG_WARNING,
		 "A datagram%s from %s %s, and is not used; this is said once, and counted.", name,
		 endpoint_text(from, text), texts[outcome]);
}

/* Signed, and for a server that wants it. */
static enum load_datagram use(struct receiver *receiver, struct server *server, const struct datagram *datagram,
			      double now)
{
	struct record record = { 0 };

	if (datagram->seq <= server->state->pushed_seq) {
		report_take(receiver->load, server, SOURCE_PUSH, REPORT_OUTDATED, &record, now);
		return LOAD_DATAGRAM_OUTDATED;
	}
	server->state->pushed_seq = datagram->seq;
	return load_set(receiver->load, server, datagram->json, now) == REPORT_TAKEN ? LOAD_DATAGRAM_TAKEN
										     : LOAD_DATAGRAM_REJECTED;
}

enum load_datagram receiver_take(struct receiver *receiver, struct slice bytes, const struct endpoint *from, double now)
{
	enum load_datagram outcome = LOAD_DATAGRAM_MALFORMED;
	struct record record = { 0 };
	struct datagram datagram;
	struct server *server = NULL;

	if (datagram_read(bytes, &datagram)) {
		bool good = receiver->signer && signer_verifies(receiver->signer, datagram.text, datagram.signature);

		server = push_find(receiver->load, datagram.backend, datagram.server);
		outcome = !good                ? LOAD_DATAGRAM_FORGED
			  : !server            ? LOAD_DATAGRAM_UNKNOWN
			  : !server->load_push ? LOAD_DATAGRAM_UNASKED
					       : use(receiver, server, &datagram, now);
	}
	if (outcome == LOAD_DATAGRAM_FORGED && server && server->load_push)
		report_take(receiver->load, server, SOURCE_PUSH, REPORT_FORGED, &record, now);
	say(receiver, outcome, &datagram, from);
	return outcome;
}

/* ---- sockets ---- */

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct inlet *inlet = io->data;
	struct receiver *receiver = inlet->receiver;
	double now = clock_now();
	int n = BATCH;

	(void)loop;
	(void)events;
	for (unsigned i = 0; n == BATCH && i < BATCHES; i++) {
		for (unsigned j = 0; j < BATCH; j++)
			receiver->messages[j].msg_hdr.msg_namelen = sizeof(receiver->from[j].storage);
		n = recvmmsg(inlet->fd, receiver->messages, BATCH, MSG_DONTWAIT, NULL);
		for (int j = 0; j < n; j++) {
			bool whole = !(receiver->messages[j].msg_hdr.msg_flags & MSG_TRUNC);

			receiver->from[j].length = receiver->messages[j].msg_hdr.msg_namelen;
			receiver_take(receiver, slice_of(receiver->bytes[j], whole ? receiver->messages[j].msg_len : 0),
				      &receiver->from[j], now);
		}
	}
}

/* What came while nobody had the time to read it: the kernel counts. */
static uint64_t lost_at(const struct inlet *inlet)
{
	uint32_t information[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(information);

	if (getsockopt(inlet->fd, SOL_SOCKET, SO_MEMINFO, information, &size) < 0)
		return 0;
	return information[SK_MEMINFO_DROPS];
}

static int open_socket(const struct endpoint *endpoint)
{
	int fd = socket(endpoint->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, error;

	if (fd < 0)
		return -1;
	if (endpoint->any.sa_family == AF_INET6) /* as HAProxy: IPv4 has a line of its own */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &endpoint->any, endpoint->length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Onto the list of what is to be added. */
static bool open_inlet(struct receiver *receiver, const struct load_bind *bind, struct inherited *inherited)
{
	struct inlet *inlet = calloc(1, sizeof(*inlet));
	int room = BACKLOG;

	if (!inlet)
		return false;
	inlet->receiver = receiver;
	inlet->endpoint = bind->endpoint;
	inlet->fd = inherited ? inherited_datagrams(inherited, &bind->endpoint) : -1;
	if (inlet->fd < 0)
		inlet->fd = open_socket(&bind->endpoint);
	if (inlet->fd < 0) {
		free(inlet);
		return false;
	}
	(void)setsockopt(inlet->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ev_io_init(&inlet->io, on_readable, inlet->fd, EV_READ);
	inlet->io.data = inlet;
	inlet->next = receiver->fresh;
	receiver->fresh = inlet;
	return true;
}

static void close_inlet(struct inlet *inlet)
{
	ev_io_stop(inlet->receiver->load->loop, &inlet->io);
	inlet->receiver->lost += lost_at(inlet);
	close(inlet->fd);
	free(inlet);
}

static void close_all(struct inlet **list)
{
	while (*list) {
		struct inlet *inlet = *list;

		*list = inlet->next;
		close_inlet(inlet);
	}
}

/* ---- one configuration, and the next ---- */

static bool has(const struct load_settings *settings, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < settings->n_binds; i++)
		if (endpoint_equal(&settings->binds[i].endpoint, endpoint))
			return true;
	return false;
}

static bool is_open(const struct receiver *receiver, const struct endpoint *endpoint)
{
	for (const struct inlet *inlet = receiver->inlets; inlet; inlet = inlet->next)
		if (endpoint_equal(&inlet->endpoint, endpoint))
			return true;
	return false;
}

bool receiver_prepare(struct receiver *receiver, const struct load_settings *settings, struct inherited *inherited,
		      char *why, size_t size)
{
	char text[ENDPOINT_TEXT];
	int error;

	receiver_unprepare(receiver);
	receiver->next_signer = signer_new(settings->keys, settings->n_keys);
	snprintf(why, size, "out of memory");
	if (!receiver->next_signer)
		return false;
	for (size_t i = 0; i < settings->n_binds; i++) {
		const struct load_bind *bind = &settings->binds[i];

		if (is_open(receiver, &bind->endpoint) || open_inlet(receiver, bind, inherited))
			continue;
		error = errno;
		snprintf(why, size, "%s:%u: cannot bind 'udp@%s': %s", bind->place.file, bind->place.line,
			 endpoint_text(&bind->endpoint, text), strerror(error));
		receiver_unprepare(receiver);
		errno = error;
		return false;
	}
	receiver->next = settings;
	return true;
}

void receiver_unprepare(struct receiver *receiver)
{
	close_all(&receiver->fresh);
	signer_free(receiver->next_signer);
	receiver->next_signer = NULL;
	receiver->next = NULL;
}

void receiver_move(struct receiver *receiver)
{
	struct inlet **at = &receiver->inlets;

	if (!receiver->next)
		return;
	while (*at) {
		struct inlet *inlet = *at;

		if (has(receiver->next, &inlet->endpoint)) {
			at = &inlet->next;
			continue;
		}
		*at = inlet->next;
		close_inlet(inlet);
	}
	*at = receiver->fresh;
	receiver->fresh = NULL;
	for (struct inlet *inlet = receiver->inlets; inlet; inlet = inlet->next)
		ev_io_start(receiver->load->loop, &inlet->io);
	signer_free(receiver->signer);
	receiver->signer = receiver->next_signer;
	receiver->next_signer = NULL;
	receiver->next = NULL;
	receiver->said = 0;
}

void receiver_pause(struct receiver *receiver)
{
	for (struct inlet *inlet = receiver->inlets; inlet; inlet = inlet->next)
		ev_io_stop(receiver->load->loop, &inlet->io);
}

size_t receiver_sockets(const struct receiver *receiver, struct listening_socket *to, size_t room)
{
	size_t n = 0;

	for (const struct inlet *inlet = receiver->inlets; inlet && n < room; inlet = inlet->next)
		to[n++] = (struct listening_socket){ .fd = inlet->fd };
	return n;
}

uint64_t receiver_count(const struct receiver *receiver, enum load_datagram outcome)
{
	return receiver->counts[outcome];
}

uint64_t receiver_lost(const struct receiver *receiver)
{
	uint64_t lost = receiver->lost;

	for (const struct inlet *inlet = receiver->inlets; inlet; inlet = inlet->next)
		lost += lost_at(inlet);
	return lost;
}

struct receiver *receiver_new(struct load *load)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));

	if (!receiver)
		return NULL;
	receiver->load = load;
	for (unsigned i = 0; i < BATCH; i++) {
		receiver->parts[i] = (struct iovec){ receiver->bytes[i], DATAGRAM_ROOM };
		receiver->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &receiver->parts[i],
								 .msg_iovlen = 1,
								 .msg_name = &receiver->from[i].storage };
	}
	return receiver;
}

void receiver_free(struct receiver *receiver)
{
	if (!receiver)
		return;
	receiver_unprepare(receiver);
	close_all(&receiver->inlets);
	signer_free(receiver->signer);
	free(receiver);
}
