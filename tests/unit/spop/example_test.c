/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent of libspop(3)'s EXAMPLES: it is what the manual shows, and it works. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bytes.h"

int example_main(void);
int client_main(int argc, char **argv);

#define main example_main
#include "example.c"
#undef main
#define main client_main
#include "client.c"
#undef main

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

#define HELLO_ITEMS \
	"12 73 75 70 70 6f 72 74 65 64 2d 76 65 72 73 69 6f 6e 73 08 03 32 2e 30" \
	"0e 6d 61 78 2d 66 72 61 6d 65 2d 73 69 7a 65 03 fc f0 06" \
	"0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 0a 70 69 70 65 6c 69 6e 69 6e 67"
#define HELLO "00 00 00 4b 01 00 00 00 01 00 00" HELLO_ITEMS
#define CHECK "00 00 00 58 01 00 00 00 01 00 00" HELLO_ITEMS "0b 68 65 61 6c 74 68 63 68 65 63 6b 11"
#define HELLO_1_0 \
	"00 00 00 1f 01 00 00 00 01 00 00 12 73 75 70 70 6f 72 74 65 64 2d 76 65 72 73 69 6f 6e 73 08 03 31 2e 30"
#define NOTIFY_HEAD "00 00 00 12 03 00 00 00 01 07 01 01 6d 01 02 69 70 06"
#define NOTIFY_HOME NOTIFY_HEAD "7f 00 00 01"
#define NOTIFY_AWAY NOTIFY_HEAD "c0 00 02 07"
#define AGENT_HELLO \
	"00 00 00 40 65 00 00 00 01 00 00 07 76 65 72 73 69 6f 6e 08 03 32 2e 30 0e 6d 61 78 2d 66 72 61 6d 65 2d" \
	"73 69 7a 65 03 fc f0 06 0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 0a 70 69 70 65 6c 69 6e 69 6e 67"
#define AGENT_HELLO_256 \
	"00 00 00 3f 65 00 00 00 01 00 00 07 76 65 72 73 69 6f 6e 08 03 32 2e 30 0e 6d 61 78 2d 66 72 61 6d 65 2d" \
	"73 69 7a 65 03 f0 01 0c 63 61 70 61 62 69 6c 69 74 69 65 73 08 0a 70 69 70 65 6c 69 6e 69 6e 67"
#define ACK(score) "00 00 00 15 67 00 00 00 01 07 01 01 03 01 08 69 70 5f 73 63 6f 72 65 03" score
#define LEAVE(status) "00 00 00 22 66 00 00 00 01 00 00 0b 73 74 61 74 75 73 2d 63 6f 64 65 03" status \
	"07 6d 65 73 73 61 67 65 08 03 62 79 65"

struct row {
	const char *name;
	const char *in;
	const char *out;
	bool open;
};

static const struct row rows[] = {
	{ "nothing", "", "", true },
	{ "hello", HELLO, AGENT_HELLO, true },
	{ "half_a_hello", "00 00 00 4b 01 00 00", "", true },
	{ "hello_healthcheck", CHECK, AGENT_HELLO_256, false },
	{ "notify", HELLO NOTIFY_HOME, AGENT_HELLO ACK("64"), true },
	{ "frame_coalesced", HELLO NOTIFY_HOME NOTIFY_AWAY NOTIFY_HEAD, AGENT_HELLO ACK("64") ACK("32"), true },
	{ "notify_empty", HELLO "00 00 00 07 03 00 00 00 01 07 01", AGENT_HELLO ACK("32"), true },
	{ "disco_reply", HELLO "00 00 00 07 02 00 00 00 01 00 00", AGENT_HELLO LEAVE("00"), false },
	{ "hello_first", NOTIFY_HOME, LEAVE("04"), false },
	{ "hello_once", HELLO HELLO, AGENT_HELLO LEAVE("04"), false },
	{ "frag_unannounced", HELLO "00 00 00 08 03 00 00 00 00 07 01 01", AGENT_HELLO LEAVE("0a"), false },
	{ "notify_nbargs_strict", HELLO "00 00 00 0a 03 00 00 00 01 07 01 01 6d 01", AGENT_HELLO LEAVE("04"), false },
	{ "notify_cut", HELLO "00 00 00 08 03 00 00 00 01 07 01 01", AGENT_HELLO LEAVE("04"), false },
	{ "frame_min7", HELLO "00 00 00 06", AGENT_HELLO LEAVE("04"), false },
	{ "frame_max", HELLO "00 00 3f fd", AGENT_HELLO LEAVE("03"), false },
	{ "hello_version_list", HELLO_1_0, LEAVE("06"), false },
};

static void answers(void **state)
{
	const struct row *row = *state;
	struct spop_slice bytes = hex_new(row->in), in = bytes;
	uint8_t room[1024];
	struct spop_writer out;
	uint32_t agreed = 0;

	spop_writer_init(&out, room, sizeof(room));
	assert_int_equal(answer(&in, &out, &agreed), row->open);
	assert_hex(written(&out, room), row->out);
	slice_free(bytes);
}

/* The process of its own that systemd would start. */
static pid_t start(int *fd)
{
	int pair[2];
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		close(pair[0]);
		close(pair[1]);
		_exit(example_main());
	}
	close(pair[1]);
	*fd = pair[0];
	return child;
}

/* The agent for the next who connects. */
static pid_t serve(int listening)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		int fd = accept(listening, NULL, NULL);

		dup2(fd, 0);
		dup2(fd, 1);
		_exit(example_main());
	}
	return child;
}

static pid_t run_client(char **call, int *out)
{
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int status;

		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		status = client_main(3, call);
		fflush(stdout);
		_exit(status);
	}
	close(ends[1]);
	*out = ends[0];
	return child;
}

static size_t hear_all(int fd, void *room, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, (char *)room + len, size - len)) > 0)
		len += (size_t)n;
	close(fd);
	return len;
}

/* frame_reassemble_bytes */
static void serves_byte_by_byte(void **state)
{
	struct spop_slice bytes = hex_new(HELLO NOTIFY_HOME NOTIFY_AWAY);
	struct spop_slice expected = hex_new(AGENT_HELLO ACK("64") ACK("32"));
	uint8_t got[1024];
	size_t len;
	pid_t child;
	int fd, status;

	(void)state;
	child = start(&fd);
	for (size_t i = 0; i < bytes.len; i++)
		assert_int_equal(send(fd, bytes.ptr + i, 1, MSG_NOSIGNAL), 1);
	shutdown(fd, SHUT_WR);
	len = hear_all(fd, got, sizeof(got));
	assert_slice((struct spop_slice){ got, len }, expected.ptr, expected.len);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	slice_free(bytes);
	slice_free(expected);
}

/* Both programs of the manual, over a socket as a user has them. */
static void client_is_answered(void **state)
{
	static const struct {
		const char *address;
		const char *says;
	} asked[] = { { "127.0.0.1", "ip_score is 100\n" }, { "192.0.2.7", "ip_score is 50\n" } };
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(where);
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	char port[16];

	(void)state;
	assert_int_equal(bind(listening, (struct sockaddr *)&where, size), 0);
	assert_int_equal(listen(listening, 8), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&where, &size), 0);
	snprintf(port, sizeof(port), "%u", ntohs(where.sin_port));
	for (size_t i = 0; i < COUNT(asked); i++) {
		char *call[] = { "client", port, (char *)(uintptr_t)asked[i].address, NULL }, said[256];
		pid_t agent = serve(listening), client;
		int out, status;
		size_t n;

		client = run_client(call, &out);
		n = hear_all(out, said, sizeof(said));
		assert_slice((struct spop_slice){ (uint8_t *)said, n }, asked[i].says, strlen(asked[i].says));
		assert_int_equal(waitpid(client, &status, 0), client);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_int_equal(waitpid(agent, &status, 0), agent);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	close(listening);
}

/* ---- the manual ---- */

static char *read_all(const char *name)
{
	const char *folder = getenv("TESTS_DIR") ? getenv("TESTS_DIR") : TESTS_DIR;
	char path[4096];
	char *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void manual_shows(const char *name)
{
	static const char before[] = ".Bd -literal\n", after[] = ".Ed\n";
	char *program = read_all(name), *manual = read_all("../spoa/spop/libspop.3");
	char *start = strstr(manual, program);

	assert_non_null(start);
	assert_memory_equal(start - strlen(before), before, strlen(before));
	assert_memory_equal(start + strlen(program), after, strlen(after));
	/* nothing in it that mdoc reads as its own */
	assert_null(strchr(program, '\\'));
	assert_null(strstr(program, "\n."));
	assert_null(strstr(program, "\n'"));
	free(program);
	free(manual);
}

static void manual_shows_these(void **state)
{
	(void)state;
	manual_shows("unit/spop/example.c");
	manual_shows("unit/spop/client.c");
}

static void is_under_100_lines(void **state)
{
	char *example = read_all("unit/spop/example.c");
	unsigned lines = 0;

	(void)state;
	for (const char *at = example; *at; at++)
		lines += *at == '\n';
	assert_in_range(lines, 1, 99);
	free(example);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(serves_byte_by_byte),
		cmocka_unit_test(client_is_answered),
		cmocka_unit_test(manual_shows_these),
		cmocka_unit_test(is_under_100_lines),
	};
	struct CMUnitTest each[COUNT(rows)];
	int failed = cmocka_run_group_tests_name("spop example", others, NULL, NULL);

	ADD_ROWS(each, answers, rows);
	failed += cmocka_run_group_tests_name("spop example: answers", each, NULL, NULL);
	return failed;
}
