/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a connection can make the agent keep, whatever its peer does: no frame that is whole waits in it, answers only so
 * many as one read asks for, and memory no more than its settings and the manual say.
 *
 * The calls of the agent's objects come here first: --wrap, see the Makefile.
 */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/uio.h>

#include "agent.h"
#include "spoa/net/conn.h"

#define PIECES_MOST (1024u * 1024) /* of one NOTIFY */
#define SLACK       (4 * 4096u)    /* of malloc's: four pieces of memory, each up to a page longer */

static pthread_t tester;
static _Atomic uint64_t bytes_read, bytes_sent;
static _Atomic int64_t kept;

/* ---- what comes and goes ---- */

ssize_t __real_recv(int fd, void *to, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t len, int flags);
ssize_t __real_readv(int fd, const struct iovec *parts, int n);
ssize_t __wrap_readv(int fd, const struct iovec *parts, int n);
ssize_t __real_send(int fd, const void *from, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *from, size_t len, int flags);

static ssize_t note(_Atomic uint64_t *sum, ssize_t done)
{
	if (done > 0 && !pthread_equal(pthread_self(), tester))
		*sum += (uint64_t)done;
	return done;
}

ssize_t __wrap_recv(int fd, void *to, size_t len, int flags)
{
	return note(&bytes_read, __real_recv(fd, to, len, flags));
}

ssize_t __wrap_readv(int fd, const struct iovec *parts, int n)
{
	return note(&bytes_read, __real_readv(fd, parts, n));
}

ssize_t __wrap_send(int fd, const void *from, size_t len, int flags)
{
	return note(&bytes_sent, __real_send(fd, from, len, flags));
}

/* ---- what is kept ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __real_free(void *old);
void __wrap_free(void *old);

static void *keep(void *fresh)
{
	if (fresh && !pthread_equal(pthread_self(), tester))
		kept += (int64_t)malloc_usable_size(fresh);
	return fresh;
}

static void let_go(void *old)
{
	if (old && !pthread_equal(pthread_self(), tester))
		kept -= (int64_t)malloc_usable_size(old);
}

void *__wrap_malloc(size_t size)
{
	return keep(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return keep(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	let_go(old);
	return keep(__real_realloc(old, size));
}

void __wrap_free(void *old)
{
	let_go(old);
	__real_free(old);
}

/* ---- peers that ask and do not read ---- */

static uint64_t notifies(const struct agent *agent)
{
	struct net_sums sums;

	net_sum(agent->net, &sums);
	return sums.counts[NET_NOTIFIES];
}

/* Whether all threads but this one wait for something: proc(5). Who is to be woken does not. */
static bool others_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	bool sleep = true;

	assert_non_null(tasks);
	while (sleep && (entry = readdir(tasks))) {
		char path[80], line[256] = "", *state;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", entry->d_name);
		file = entry->d_name[0] != '.' && atol(entry->d_name) != gettid() ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
		sleep = !state || state[2] == 'S';
		fclose(file);
	}
	closedir(tasks);
	return sleep;
}

static bool is_quiet(uint64_t *seen)
{
	uint64_t now = bytes_read + bytes_sent;
	bool same = now == *seen;

	*seen = now;
	return same && others_sleep();
}

/* Asks until neither gets on: the agent cannot write, so it does not read. Returns how much was asked. */
static size_t ask_in_vain(int fd, const uint8_t *notify, size_t len)
{
	double until = clock_now() + PATIENCE;
	uint64_t seen = 0;
	size_t asked = 0;

	for (unsigned same = 0; same < 3;) {
		ssize_t sent = send(fd, notify + asked % len, len - asked % len, MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(sent > 0 || errno == EAGAIN);
		if (sent > 0)
			asked += (size_t)sent;
		same = sent < 0 && is_quiet(&seen) ? same + 1 : 0;
		if (sent < 0)
			sched_yield();
		assert_true(clock_now() < until);
	}
	return asked;
}

/* Whatever the agent has read is answered by then, and what it has not read waits in the kernel, in nobody's way. */
static void no_frame_in_flight(void **state)
{
	static uint8_t answers[64 * 1024];
	uint8_t notify[1024], bytes[1024];
	size_t len = put_notify(notify, sizeof(notify), 7), ack_len, most;
	struct agent agent;
	uint64_t before, asked, answered;
	int deaf, other;

	(void)state;
	agent_start(&agent, "");
	deaf = agent_greet(&agent);
	other = agent_greet(&agent);
	send_all(deaf, notify, len);
	ack_len = (size_t)recv(deaf, answers, sizeof(answers), 0);
	bytes_sent = 0;
	before = notifies(&agent);
	bytes_read = 0;
	ask_in_vain(deaf, notify, len);
	asked = bytes_read / len;
	answered = notifies(&agent) - before;
	assert_true(asked > 100);
	assert_int_equal(answered, asked);
	most = NET_READ_SIZE / len + 1;
	assert_true(answered * ack_len - bytes_sent <= most * ack_len);
	/* so it is for the others as if there were none */
	send_all(other, bytes, put_notify(bytes, sizeof(bytes), 1));
	assert_int_equal(receive_frame(other, answers, sizeof(answers)).type, SPOP_ACK);
	close(deaf);
	close(other);
	agent_stop(&agent);
}

/* ---- memory ---- */

static size_t put_head(uint8_t *to, uint32_t payload, enum spop_frame_type type)
{
	const uint8_t head[] = { (uint8_t)((payload + 7) >> 24),
				 (uint8_t)((payload + 7) >> 16),
				 (uint8_t)((payload + 7) >> 8),
				 (uint8_t)(payload + 7),
				 (uint8_t)type,
				 0,
				 0,
				 0,
				 0,
				 1,
				 1 };

	memcpy(to, head, sizeof(head));
	return sizeof(head);
}

static int greet_with(const struct agent *agent, uint32_t max)
{
	uint8_t bytes[512];
	int fd = agent_connect(agent);

	send_all(fd, bytes, put_hello(bytes, sizeof(bytes), max));
	assert_int_equal(receive_frame(fd, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	return fd;
}

/* All but the last byte of a frame that is as long as may be. */
static int send_most_of_a_frame(const struct agent *agent, uint32_t max)
{
	static uint8_t much[NET_MAX_FRAME_SIZE + 4];
	int fd = greet_with(agent, max);

	put_head(much, max - 7, SPOP_NOTIFY);
	send_all(fd, much, max + 3);
	return fd;
}

/* As much in pieces as is kept, and most of another one. */
static int send_pieces(const struct agent *agent, uint32_t max)
{
	static uint8_t much[NET_MAX_FRAME_SIZE + 4];
	int fd = greet_with(agent, max);
	uint32_t left = PIECES_MOST;

	for (enum spop_frame_type type = SPOP_NOTIFY; left > 0; type = SPOP_UNSET) {
		uint32_t piece = left < max - 7 ? left : max - 7;

		send_all(fd, much, put_head(much, piece, type) + piece);
		left -= piece;
	}
	put_head(much, max - 7, SPOP_UNSET);
	send_all(fd, much, max + 3);
	return fd;
}

/* Answers that it does not read, of questions whose last one is not complete. */
static int read_nothing(const struct agent *agent, uint32_t max)
{
	uint8_t notify[1024];
	int fd = greet_with(agent, max);

	ask_in_vain(fd, notify, put_notify(notify, sizeof(notify), 7));
	return fd;
}

static const struct hog {
	const char *name, *global;
	int (*come)(const struct agent *agent, uint32_t max);
	uint32_t max;
	size_t most;
} hogs[] = {
	{ "idle_takes_half_a_kib", "", greet_with, 16380, 0 },
	{ "half_a_frame", "", send_most_of_a_frame, NET_MAX_FRAME_SIZE, NET_MAX_FRAME_SIZE + 4 },
	{ "half_a_small_frame", "max-frame-size 4096", send_most_of_a_frame, 4096, 4096 + 4 },
	{ "pieces", "", send_pieces, NET_MAX_FRAME_SIZE, PIECES_MOST + NET_MAX_FRAME_SIZE + 4 },
	{ "small_pieces", "max-frame-size 1000", send_pieces, 1000, PIECES_MOST + 1000 + 4 },
	{ "answers", "output-limit 300000", read_nothing, 16380, 300000 + 16380 + 4 },
};

/* Each takes no more than the manual says, and leaves nothing. */
static void memory_is_bounded(void **state)
{
	enum { MANY = 8 };
	uint8_t notify[1024];
	const struct hog *hog = *state;
	struct agent agent;
	int fds[MANY], first;
	int64_t before;

	agent_start(&agent, hog->global);
	first = agent_greet(&agent); /* makes room that stays: its worker's inbox, and for the rules */
	send_all(first, notify, put_notify(notify, sizeof(notify), 1));
	receive_frame(first, notify, sizeof(notify));
	before = kept;
	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = hog->come(&agent, hog->max);
		wait_until_read(hog->come == read_nothing ? first : fds[i]);
	}
	assert_true(kept - before >= MANY * (int64_t)sizeof(struct conn));
	assert_true(kept - before <= MANY * (int64_t)(512 + hog->most + (hog->most > 0 ? SLACK : 0)));
	for (unsigned i = 0; i < MANY; i++)
		close(fds[i]);
	for (double until = clock_now() + PATIENCE; net_connections(agent.net) > 1 || kept != before; sched_yield())
		assert_true(clock_now() < until);
	close(first);
	agent_stop(&agent);
}

/* One of nearly so many bytes, most of them an argument that no rule reads. */
static size_t put_large(uint8_t *to, uint32_t length)
{
	static const uint8_t nothing[NET_MAX_FRAME_SIZE];
	struct spop_value path = { SPOP_STRING, { .bytes = SPOP_SLICE("/films/a.mp4") } };
	struct spop_value body = { SPOP_BINARY, { .bytes = { nothing, length - 64 } } };
	struct spop_writer writer;

	spop_writer_init(&writer, to, length + SPOP_LENGTH_SIZE);
	spop_frame_begin(&writer, SPOP_NOTIFY, 5, 1);
	spop_put_message(&writer, SPOP_SLICE("route"), 3);
	spop_put_argument(&writer, SPOP_SLICE("path"), &path);
	spop_put_argument(&writer, SPOP_SLICE("body"), &body);
	spop_put_argument(&writer, SPOP_SLICE(""), &(struct spop_value){ .type = SPOP_NULL });
	assert_true(spop_frame_end(&writer, length));
	return (size_t)(writer.at - to);
}

/* As large as was agreed on, and answered like any other; of its memory nothing stays. */
static void large_frames_are_answered(void **state)
{
	static const uint32_t lengths[] = { 256 * 1024, NET_MAX_FRAME_SIZE, 256 * 1024 };
	static uint8_t bytes[NET_MAX_FRAME_SIZE + SPOP_LENGTH_SIZE];
	struct spop_frame ack;
	struct agent agent;
	int64_t before;
	int fd;

	(void)state;
	agent_start(&agent, "");
	fd = greet_with(&agent, NET_MAX_FRAME_SIZE);
	send_all(fd, bytes, put_notify(bytes, sizeof(bytes), 1));
	receive_frame(fd, bytes, sizeof(bytes));
	before = kept;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		send_all(fd, bytes, put_large(bytes, lengths[i]));
		ack = receive_frame(fd, bytes, sizeof(bytes));
		assert_int_equal(ack.type, SPOP_ACK);
		assert_int_equal(ack.stream_id, 5);
	}
	send_all(fd, bytes, put_notify(bytes, sizeof(bytes), 1)); /* so that the last one is done with */
	receive_frame(fd, bytes, sizeof(bytes));
	assert_int_equal(kept, before);
	close(fd);
	agent_stop(&agent);
}

static int start(void **state)
{
	(void)state;
	tester = pthread_self();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_frame_in_flight),
					    cmocka_unit_test(large_frames_are_answered) };
	struct CMUnitTest each[COUNT(hogs)];

	for (size_t i = 0; i < COUNT(hogs); i++)
		each[i] = (struct CMUnitTest){ .name = hogs[i].name,
					       .test_func = memory_is_bounded,
					       .initial_state = (void *)(uintptr_t)&hogs[i] };
	return cmocka_run_group_tests(tests, start, NULL) +
	       _cmocka_run_group_tests("memory of a connection", each, COUNT(each), start, NULL);
}
