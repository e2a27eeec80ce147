/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What real HAProxy versions said on each connection, however TCP may cut it: all at once, byte by byte, and in two at every
 * offset. The answers are the same bytes each time.
 */
#include "agent.h"

#include <glob.h>

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

#define MAX_BYTES (256u * 1024)

/* From offset to offset where it is cut; sanitizers take several times as long, so there only the beginning is cut everywhere. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEP(at) ((at) < 200 ? 1u : 61u)
#else
#define STEP(at) 1u
#endif

static struct agent agent;

struct recording {
	uint8_t bytes[MAX_BYTES];
	size_t len;
};

static int nibble(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What HAProxy sent on one connection of the recording, from 0; false: there are not so many. */
static bool recording_read(struct recording *recording, const char *path, int wanted)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	int connection = 0, last = 0;

	assert_non_null(file);
	recording->len = 0;
	while (getline(&line, &room, file) > 0) {
		if (line[0] == '@')
			connection = atoi(line + 1);
		last = connection > last ? connection : last;
		if (line[0] != '>' || connection != wanted)
			continue;
		for (const char *at = line + 2; nibble(at[0]) >= 0 && nibble(at[1]) >= 0; at += 2) {
			assert_true(recording->len < MAX_BYTES);
			recording->bytes[recording->len++] = (uint8_t)(nibble(at[0]) << 4 | nibble(at[1]));
		}
	}
	free(line);
	fclose(file);
	return wanted <= last;
}

/* Waits, or the pieces would meet again in the socket. */
static bool send_piece(int fd, const uint8_t *bytes, size_t len)
{
	if (len > 0 && send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		return false; /* it has said DISCONNECT and closed: what follows is nobody's */
	wait_until_read(fd);
	return true;
}

/* Pieces of `step` bytes, the first of `first`. */
static size_t replay(const struct recording *recording, size_t first, size_t step, uint8_t *answer)
{
	int fd = agent_connect(&agent);
	size_t at = 0, len;

	for (size_t piece = first; at < recording->len; at += piece, piece = step) {
		if (piece > recording->len - at)
			piece = recording->len - at;
		if (!send_piece(fd, recording->bytes + at, piece))
			break;
	}
	shutdown(fd, SHUT_WR);
	len = receive_all(fd, answer, MAX_BYTES);
	close(fd);
	return len;
}

static void expect_same(const struct recording *recording, size_t first, size_t step, const uint8_t *answer, size_t len)
{
	static uint8_t other[MAX_BYTES];
	size_t other_len = replay(recording, first, step, other);

	assert_int_equal(other_len, len);
	assert_memory_equal(other, answer, len);
}

/* Returns how much it is answered. */
static size_t cut_everywhere(const struct recording *recording)
{
	static uint8_t answer[MAX_BYTES];
	size_t len = replay(recording, recording->len, 1, answer);

	expect_same(recording, 1, 1, answer, len);
	for (size_t at = 1; at < recording->len; at += STEP(at))
		expect_same(recording, at, recording->len, answer, len);
	return len;
}

static void any_segmentation(void **state)
{
	static struct recording recording;
	size_t answered = 0;

	for (int connection = 0; recording_read(&recording, *state, connection); connection++)
		answered += cut_everywhere(&recording);
	assert_true(answered > 0 || strstr(*state, "bad-version"));
}

static int start(void **state)
{
	(void)state;
	agent_start(&agent, "");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	agent_stop(&agent);
	return 0;
}

int main(void)
{
	const char *folder = getenv("TESTS_DIR");
	struct CMUnitTest *tests;
	char pattern[300];
	glob_t found;
	int failed;

	snprintf(pattern, sizeof(pattern), "%s/captures/*/*.txt", folder ? folder : TESTS_DIR);
	if (glob(pattern, 0, NULL, &found) != 0)
		return EXIT_FAILURE;
	tests = calloc(found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; tests && i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = found.gl_pathv[i],
						.test_func = any_segmentation,
						.initial_state = found.gl_pathv[i] };
	failed = tests ? _cmocka_run_group_tests("segments", tests, found.gl_pathc, start, stop) : 1;
	globfree(&found);
	free(tests);
	return failed;
}
