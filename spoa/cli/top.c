/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `top`: the servers and where requests go, on a terminal, anew each second. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/base/endpoint.h"
#include "spoa-redirect/cli.h"
#include "top.h"

#define TICK       1.0        /* seconds between two questions */
#define PATIENCE   2          /* that an answer may take */
#define MAX_ANSWER (64 << 20) /* bytes */

struct top {
	const char *where;
	struct endpoint endpoint;
	struct top_view *view;
	struct termios before;
	int signals; /* signalfd */
	bool colours;
};

/* ---- asking ---- */

static int ask(const struct endpoint *endpoint, const char *command)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, &endpoint->any, endpoint->length) == 0 &&
	    send(fd, command, strlen(command), MSG_NOSIGNAL) == (ssize_t)strlen(command) &&
	    send(fd, "\n", 1, MSG_NOSIGNAL) == 1)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Of malloc(), the caller's. NULL: errno. */
static uint8_t *read_all(int fd, size_t *length)
{
	uint8_t *text = NULL, *bigger;
	size_t room = 0;
	ssize_t got = 1;

	for (*length = 0; got > 0; *length += got > 0 ? (size_t)got : 0) {
		if (*length == room) {
			room = room ? 2 * room : 65536;
			errno = EMSGSIZE;
			bigger = room <= MAX_ANSWER ? realloc(text, room) : NULL;
			if (!bigger)
				break;
			text = bigger;
		}
		got = recv(fd, text + *length, room - *length, 0);
	}
	if (got == 0)
		return text;
	free(text);
	return NULL;
}

static void refresh(struct top *top)
{
	int fd = ask(&top->endpoint, TOP_COMMANDS);
	size_t length = 0;
	uint8_t *text = fd >= 0 ? read_all(fd, &length) : NULL;
	char why[200];

	snprintf(why, sizeof(why), "no answer at %s: %s", top->where, strerror(errno));
	if (!text)
		top_view_fail(top->view, why);
	else if (!top_view_take(top->view, slice_of(text, length), clock_now()))
		top_view_fail(top->view, "that is no spoa-redirect's answer");
	free(text);
	if (fd >= 0)
		close(fd);
}

/* What was chosen by keys; who may do that is the socket's to say. */
static void act(struct top *top, const char *command)
{
	int fd = ask(&top->endpoint, command);
	size_t length = 0;
	uint8_t *text = fd >= 0 ? read_all(fd, &length) : NULL;

	if (text)
		top_view_answer(top->view, slice_of(text, length));
	else
		top_view_answer(top->view, slice_of_string(strerror(errno)));
	free(text);
	if (fd >= 0)
		close(fd);
	refresh(top);
}

/* ---- the terminal ---- */

static void measure(unsigned *rows, unsigned *columns)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*rows = size.ws_row ? size.ws_row : 24;
	*columns = size.ws_col ? size.ws_col : 80;
}

/* All at once, so that nothing flickers. */
static void draw(struct top *top)
{
	char *text = NULL;
	size_t length = 0;
	unsigned rows, columns;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return;
	measure(&rows, &columns);
	top_view_draw(top->view, out, rows, columns, top->colours);
	if (fclose(out) == 0)
		for (size_t done = 0; done < length;) {
			ssize_t put = write(STDOUT_FILENO, text + done, length - done);

			if (put < 0 && errno != EINTR)
				break;
			done += put > 0 ? (size_t)put : 0;
		}
	free(text);
}

static void put(const char *text)
{
	ssize_t ignored = write(STDOUT_FILENO, text, strlen(text));

	(void)ignored;
}

/* The other screen, without a cursor, and each key at once; what stops it comes as signals to a descriptor. */
static bool enter(struct top *top)
{
	struct termios raw;
	sigset_t signals;

	if (tcgetattr(STDIN_FILENO, &top->before) < 0)
		return false;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	top->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (top->signals < 0)
		return false;
	raw = top->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	put("\033[?1049h\033[?25l\033[2J");
	return true;
}

static void leave(struct top *top)
{
	put("\033[?25h\033[?1049l");
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &top->before);
	close(top->signals);
}

/* False: it ends. */
static bool take_signals(const struct top *top)
{
	struct signalfd_siginfo info;

	while (read(top->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGWINCH)
			return false;
	return true;
}

static bool take_keys(struct top *top)
{
	uint8_t bytes[64];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
	struct slice in = slice_of(bytes, got > 0 ? (size_t)got : 0);
	unsigned rows, columns;
	bool goes_on = got > 0 || (got < 0 && errno == EINTR);
	const char *command;
	int key;

	measure(&rows, &columns);
	while (goes_on && (key = top_take_key(&in)) >= 0) {
		goes_on = top_view_key(top->view, key, rows);
		command = top_view_command(top->view);
		if (command)
			act(top, command);
	}
	return goes_on;
}

static void watch(struct top *top)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { top->signals, POLLIN, 0 } };
	bool goes_on = true;

	while (goes_on) {
		double next = clock_now() + TICK;

		refresh(top);
		draw(top);
		while (goes_on && clock_now() < next) {
			int left = (int)((next - clock_now()) * 1000) + 1;

			if (poll(fds, COUNT(fds), left) <= 0)
				continue;
			goes_on = (!fds[1].revents || take_signals(top)) && (!fds[0].revents || take_keys(top));
			if (goes_on)
				draw(top);
		}
	}
}

/* Where nobody sees it change: one picture, of a second. */
static bool print_once(struct top *top)
{
	struct pollfd none = { -1, 0, 0 };

	refresh(top);
	if (top_view_servers(top->view) > 0) {
		poll(&none, 1, (int)(TICK * 1000));
		refresh(top);
	}
	top_view_draw(top->view, stdout, 0, 200, false);
	return fflush(stdout) == 0 && top_view_servers(top->view) > 0;
}

/* As HAProxy's tools take it: a path need not begin at the root. */
static const char *find(struct top *top)
{
	char path[sizeof(struct sockaddr_un)];

	if (strchr(top->where, ':') || *top->where == '/' || strchr(top->where, '@'))
		return endpoint_parse(&top->endpoint, top->where, true, false);
	snprintf(path, sizeof(path), "unix@%s", top->where);
	return endpoint_parse(&top->endpoint, path, true, false);
}

bool cli_top(const struct cli *cli)
{
	struct top top = { .where = cli->socket };
	const char *no_color = getenv("NO_COLOR"), *wrong = find(&top);
	bool good = true;

	if (wrong) {
		fprintf(stderr, "spoa-redirect: '%s': %s\n", cli->socket, wrong);
		return false;
	}
	top.view = top_view_new();
	if (!top.view) {
		fprintf(stderr, "spoa-redirect: out of memory\n");
		return false;
	}
	top.colours = !no_color || !*no_color;
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		good = print_once(&top);
	} else if (enter(&top)) {
		watch(&top);
		leave(&top);
	}
	top_view_free(top.view);
	return good;
}
