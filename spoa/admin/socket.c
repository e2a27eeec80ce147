/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime socket: lines in, what the commands say out. Without `prompt` one line is answered, as in HAProxy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin.h"

#define BACKLOG 64
#define MOST    64u /* clients at a time */

struct door {
	struct admin *admin;
	struct listening where; /* of the configuration at the start, which may be gone */
	enum stats_level level;
	bool expose;
	struct listening_socket socket;
	ev_io io;
};

static struct ev_loop *loop_of(const struct session *session)
{
	return session->admin->running->loop;
}

/* ---- the end ---- */

static void session_free(struct session *session)
{
	ev_io_stop(loop_of(session), &session->io);
	ev_timer_stop(loop_of(session), &session->timer);
	if (session->waits)
		reload_forget(session->admin->reload, session);
	close(session->io.fd);
	*session->previous = session->next;
	if (session->next)
		session->next->previous = session->previous;
	free(session->out);
	free(session->command);
	free(session->payload);
	free(session);
}

static void watch(struct session *session)
{
	int events = session->n_out > 0 ? EV_WRITE : session->heard_all ? 0 : EV_READ;

	if (session->io.events == events && ev_is_active(&session->io))
		return;
	ev_io_stop(loop_of(session), &session->io);
	if (!events)
		return;
	ev_io_set(&session->io, session->io.fd, events);
	ev_io_start(loop_of(session), &session->io);
}

/* ---- out ---- */

/* False: freed. */
static bool flush(struct session *session)
{
	ssize_t sent = session->n_out > 0 ? send(session->io.fd, session->out, session->n_out, MSG_NOSIGNAL) : 0;

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		session_free(session);
		return false;
	}
	if (sent > 0) {
		session->n_out -= (size_t)sent;
		memmove(session->out, session->out + sent, session->n_out);
	}
	if (session->n_out == 0 && session->ended && !session->waits) {
		session_free(session);
		return false;
	}
	watch(session);
	return true;
}

static void append(struct session *session, const char *text, size_t length)
{
	char *bigger = realloc(session->out, session->n_out + length + 1);

	if (!bigger) {
		session->ended = true;
		return;
	}
	session->out = bigger;
	memcpy(session->out + session->n_out, text, length);
	session->n_out += length;
}

/* An empty line ends what a command says. */
static void append_answer(struct session *session, const char *text, size_t length)
{
	append(session, text, length);
	if (length > 0 && text[length - 1] != '\n')
		append(session, "\n", 1);
	append(session, "\n", 1);
}

/* ---- lines ---- */

/* The end of a command: a semicolon that no backslash precedes. */
static char *end_of_command(char *at)
{
	while (*at && *at != ';')
		at += at[0] == '\\' && at[1] ? 2 : 1;
	return at;
}

static void run_one(struct session *session, char *line)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		session->ended = true;
		return;
	}
	command_run(session, line, out);
	if (fclose(out) == 0 && !session->waits && !session->ended)
		append_answer(session, text, length);
	free(text);
}

/* As far as it goes: a command that waits holds up those behind it. */
static void run_line(struct session *session, char *line)
{
	bool any = false;

	while (line && !session->waits && !session->ended) {
		char *end = end_of_command(line);
		char *next = *end ? end + 1 : NULL;

		*end = 0;
		if (line[strspn(line, " \t\r")]) {
			run_one(session, line);
			any = true;
		}
		line = next;
	}
	if (session->waits) {
		snprintf(session->rest, sizeof(session->rest), "%s", line ? line : "");
		return;
	}
	if (!session->prompt)
		session->ended = true;
	else if (!session->ended)
		append(session, any ? "> " : "\n> ", any ? 2 : 3);
}

/* ---- payload ---- */

#define MOST_PAYLOAD (8u * 1024 * 1024)

/* "add map m.map <<", or with a word of up to 7 bytes behind: the lines up to an empty one, or to that word, belong to it. */
static bool begins_payload(struct session *session, const char *line)
{
	const char *last = strrchr(line, ' '), *end;

	if (!last || strncmp(last + 1, "<<", 2) != 0)
		return false;
	end = last + 3;
	if (strcspn(end, "\r") >= sizeof(session->payload_end))
		return false;
	session->command = strndup(line, (size_t)(last - line));
	session->payload = strdup("");
	session->payload_room = session->n_payload = 0;
	snprintf(session->payload_end, sizeof(session->payload_end), "%.*s", (int)strcspn(end, "\r"), end);
	session->ended = !session->command || !session->payload;
	return true;
}

static void forget_payload(struct session *session)
{
	free(session->command);
	free(session->payload);
	session->command = session->payload = NULL;
}

static bool grow_payload(struct session *session, size_t more)
{
	size_t room = session->payload_room ? session->payload_room : 4096;
	char *bigger;

	while (room < session->n_payload + more)
		room *= 2;
	if (room == session->payload_room)
		return true;
	bigger = room <= MOST_PAYLOAD ? realloc(session->payload, room) : NULL;
	if (!bigger)
		return false;
	session->payload = bigger;
	session->payload_room = room;
	return true;
}

/* One of its lines, or its end: then the command is run. */
static void take_payload(struct session *session, const char *line)
{
	size_t length = strcspn(line, "\r");

	if (length == strlen(session->payload_end) && memcmp(line, session->payload_end, length) == 0) {
		run_line(session, session->command);
		forget_payload(session);
	} else if (grow_payload(session, length + 2)) {
		memcpy(session->payload + session->n_payload, line, length);
		session->n_payload += length;
		session->payload[session->n_payload++] = '\n';
		session->payload[session->n_payload] = 0;
	} else {
		append_answer(session, "Payload too long.", 17);
		session->ended = true;
	}
}

/* Whole lines, the first only where there is no prompt. */
static void run_lines(struct session *session)
{
	char *end;

	while (!session->ended && !session->waits && (end = memchr(session->in, '\n', session->n_in))) {
		char line[ADMIN_LINE];
		size_t length = (size_t)(end - session->in);

		memcpy(line, session->in, length);
		line[length] = 0;
		session->n_in -= length + 1;
		memmove(session->in, end + 1, session->n_in);
		if (session->command)
			take_payload(session, line);
		else if (!begins_payload(session, line))
			run_line(session, line);
	}
	if (session->heard_all && !session->waits)
		session->ended = true;
	if (session->n_in == sizeof(session->in)) {
		append_answer(session, "Line too long.", 14);
		session->ended = true;
	}
}

void session_resume(struct session *session, const char *text)
{
	char rest[ADMIN_LINE];

	memcpy(rest, session->rest, sizeof(rest));
	session->waits = false;
	append_answer(session, text, strlen(text));
	if (*rest || !session->prompt)
		run_line(session, rest);
	else
		append(session, "> ", 2);
	run_lines(session);
	flush(session);
}

/* ---- events ---- */

static void on_readable(struct session *session)
{
	ssize_t got = recv(session->io.fd, session->in + session->n_in, sizeof(session->in) - session->n_in, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		session_free(session);
		return;
	}
	session->n_in += (size_t)got;
	/* the last line may lack its end */
	if (got == 0 && session->n_in > 0 && session->n_in < sizeof(session->in))
		session->in[session->n_in++] = '\n';
	session->heard_all = got == 0;
	run_lines(session);
	ev_timer_again(loop_of(session), &session->timer);
	flush(session);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	if (events & EV_WRITE)
		flush(io->data);
	else
		on_readable(io->data);
}

static void on_silent(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct session *session = timer->data;

	(void)events;
	if (session->waits)
		ev_timer_again(loop, timer);
	else
		session_free(session);
}

static size_t count(const struct admin *admin)
{
	size_t n = 0;

	for (const struct session *session = admin->sessions; session; session = session->next)
		n++;
	return n;
}

static void session_open(struct door *door, int fd)
{
	struct admin *admin = door->admin;
	struct session *session = count(admin) < MOST ? calloc(1, sizeof(*session)) : NULL;

	if (!session) {
		close(fd);
		return;
	}
	session->admin = admin;
	session->level = door->level;
	session->expose = door->expose;
	session->next = admin->sessions;
	session->previous = &admin->sessions;
	if (session->next)
		session->next->previous = &session->next;
	admin->sessions = session;
	admin->n_sessions++;
	ev_io_init(&session->io, on_io, fd, EV_READ);
	ev_timer_init(&session->timer, on_silent, 0, net_settings_stats_timeout(admin->running->site.settings));
	session->io.data = session->timer.data = session;
	ev_io_start(admin->running->loop, &session->io);
	ev_timer_again(admin->running->loop, &session->timer);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct door *door = io->data;
	int fd = accept4(door->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd >= 0)
		session_open(door, fd);
}

/* ---- doors ---- */

bool doors_open(struct admin *admin, char *why, size_t size)
{
	const struct net_settings *settings = admin->running->site.settings;
	const struct stats_socket *stats;
	char text[ENDPOINT_TEXT];
	size_t n = 0;

	while (net_settings_stats(settings, n))
		n++;
	admin->doors = calloc(n + 1, sizeof(*admin->doors));
	for (size_t i = 0; admin->doors && (stats = net_settings_stats(settings, i)); i++) {
		struct door *door = &admin->doors[i];

		*door = (struct door){
			.admin = admin, .where = stats->where, .level = stats->level, .expose = stats->expose
		};
		if (!inherited_open(admin->running->inherited, &door->socket, &stats->where, BACKLOG)) {
			snprintf(why, size, "%s:%u: cannot bind '%s': %s", stats->place.file, stats->place.line,
				 endpoint_text(&stats->where.endpoint, text), strerror(errno));
			return false;
		}
		ev_io_init(&door->io, on_acceptable, door->socket.fd, EV_READ);
		door->io.data = door;
		ev_io_start(admin->running->loop, &door->io);
		admin->n_doors++;
	}
	return admin->doors != NULL;
}

size_t doors_sockets(const struct admin *admin, struct listening_socket *to, size_t room)
{
	size_t n = 0;

	for (; n < admin->n_doors && n < room; n++)
		to[n] = admin->doors[n].socket;
	return n;
}

void doors_give_away(struct admin *admin)
{
	for (size_t i = 0; i < admin->n_doors; i++)
		admin->doors[i].socket.inode = 0;
}

void doors_own(struct admin *admin)
{
	for (size_t i = 0; i < admin->n_doors; i++)
		listening_own(&admin->doors[i].socket, &admin->doors[i].where);
}

void doors_close(struct admin *admin)
{
	while (admin->sessions)
		session_free(admin->sessions);
	for (size_t i = 0; i < admin->n_doors; i++) {
		ev_io_stop(admin->running->loop, &admin->doors[i].io);
		listening_close(&admin->doors[i].socket, &admin->doors[i].where.endpoint);
	}
	free(admin->doors);
}
