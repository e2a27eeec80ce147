/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that real HAProxy versions said, and were told, in tests/captures: read to the last argument, and written
 * again to the same bytes. The folder of the tests is found by the environment's TESTS_DIR, else where the test is run.
 */
#include <glob.h>

#include "bytes.h"

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

#define MAX_CONNECTIONS 16
#define MAX_START 2048
#define MAX_FRAME 65536u

enum { FROM_HAPROXY, FROM_AGENT, DIRECTIONS };

/* What must have been met in all the recordings together. */
struct seen {
	unsigned frames[256];
	unsigned reassembled, arguments, actions;
};

struct recording {
	const char *name; /* its path */
	struct seen *seen;
};

/* All bytes of one connection in one direction. */
struct stream {
	uint8_t *ptr;
	size_t len;
};

struct conversation {
	struct stream streams[MAX_CONNECTIONS][DIRECTIONS];
};

static void stream_add(struct stream *stream, struct spop_slice bytes)
{
	if (bytes.len == 0)
		return;
	stream->ptr = realloc(stream->ptr, stream->len + bytes.len);
	assert_non_null(stream->ptr);
	memcpy(stream->ptr + stream->len, bytes.ptr, bytes.len);
	stream->len += bytes.len;
}

static void add_line(struct conversation *conversation, unsigned *connection, const char *line)
{
	struct spop_slice bytes;

	if (line[0] == '@')
		assert_int_equal(sscanf(line, "@ %u", connection), 1);
	assert_true(*connection < MAX_CONNECTIONS);
	if (line[0] != '>' && line[0] != '<')
		return;
	bytes = hex_new(line + 1);
	stream_add(&conversation->streams[*connection][line[0] == '<' ? FROM_AGENT : FROM_HAPROXY], bytes);
	slice_free(bytes);
}

static void conversation_read(struct conversation *conversation, const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned connection = 0;
	char *line = NULL;
	size_t room = 0;

	assert_non_null(file);
	memset(conversation, 0, sizeof(*conversation));
	while (getline(&line, &room, file) >= 0)
		add_line(conversation, &connection, line);
	free(line);
	fclose(file);
	assert_true(conversation->streams[0][FROM_HAPROXY].len > 0);
}

static void conversation_release(struct conversation *conversation)
{
	for (size_t i = 0; i < MAX_CONNECTIONS; i++)
		for (size_t d = 0; d < DIRECTIONS; d++)
			free(conversation->streams[i][d].ptr);
}

/* ---- payloads, read and written again ---- */

static void hello_again(const struct recording *recording, const struct spop_frame *frame, struct spop_writer *writer)
{
	bool agent = frame->type == SPOP_AGENT_HELLO;
	struct spop_hello hello;
	enum spop_error error = agent ? spop_agent_hello_decode(frame, &hello) : spop_hello_decode(frame, &hello);

	if (agent && strstr(recording->name, "bad-version")) {
		assert_int_equal(error, SPOP_ERR_BAD_VERSION);
		hello.version = SPOP_SLICE("3.0");
	} else {
		assert_int_equal(error, SPOP_ERR_NONE);
	}
	assert_true(agent ? spop_put_agent_hello(writer, &hello) : spop_put_hello(writer, &hello));
}

static void disconnect_again(const struct spop_frame *frame, struct spop_writer *writer)
{
	struct spop_slice message;
	uint64_t status;

	assert_true(spop_disconnect_decode(frame, &status, &message));
	assert_true(spop_put_disconnect(writer, (enum spop_frame_type)frame->type, (enum spop_error)status, message));
}

static void messages_again(struct seen *seen, struct spop_slice payload, struct spop_writer *writer)
{
	while (payload.len > 0) {
		struct spop_message message;

		assert_true(spop_take_message(&payload, &message));
		assert_true(message.name.len > 0);
		spop_put_message(writer, message.name, message.arguments);
		for (; message.arguments > 0; message.arguments--, seen->arguments++) {
			struct spop_slice name;
			struct spop_value value;

			assert_true(spop_take_argument(&payload, &name, &value));
			spop_put_argument(writer, name, &value);
		}
	}
}

static void actions_again(struct seen *seen, struct spop_slice payload, struct spop_writer *writer)
{
	for (; payload.len > 0; seen->actions++) {
		struct spop_action action;

		assert_true(spop_take_action(&payload, &action));
		if (action.unset)
			spop_put_unset_var(writer, action.scope, action.name);
		else
			spop_put_set_var(writer, action.scope, action.name, &action.value);
	}
}

/* A whole frame; of a piece of one only the outside is known here. */
static void frame_again(const struct recording *recording, const struct spop_frame *frame, struct spop_writer *writer)
{
	spop_frame_begin_flags(writer, (enum spop_frame_type)frame->type, frame->flags, frame->stream_id,
			       frame->frame_id);
	if (frame->type == SPOP_ACK)
		actions_again(recording->seen, frame->payload, writer);
	else if (frame->type == SPOP_NOTIFY && (frame->flags & SPOP_FIN))
		messages_again(recording->seen, frame->payload, writer);
	else
		spop_put_bytes(writer, frame->payload.ptr, frame->payload.len);
	assert_true(spop_frame_end(writer, MAX_FRAME));
}

static void write_again(const struct recording *recording, const struct spop_frame *frame, struct spop_writer *writer)
{
	switch (frame->type) {
	case SPOP_HAPROXY_HELLO:
	case SPOP_AGENT_HELLO:
		hello_again(recording, frame, writer);
		break;
	case SPOP_HAPROXY_DISCONNECT:
	case SPOP_AGENT_DISCONNECT:
		disconnect_again(frame, writer);
		break;
	case SPOP_NOTIFY:
	case SPOP_UNSET:
	case SPOP_ACK:
		frame_again(recording, frame, writer);
		break;
	default:
		fail_msg("frame of type %u", frame->type);
	}
}

/* The pieces of a NOTIFY; once complete, it is read and written as one. */
static void reassemble(const struct recording *recording, const struct spop_frame *frame, struct stream *pieces)
{
	struct spop_slice whole;
	struct spop_writer writer;
	uint8_t *out;

	assert_true(frame->type == SPOP_UNSET ? pieces->len > 0 : pieces->len == 0);
	stream_add(pieces, frame->payload);
	if (!(frame->flags & SPOP_FIN))
		return;
	out = malloc(pieces->len);
	assert_non_null(out);
	spop_writer_init(&writer, out, pieces->len);
	whole = (struct spop_slice){ pieces->ptr, pieces->len };
	messages_again(recording->seen, whole, &writer);
	assert_false(writer.full);
	assert_true(slice_same(written(&writer, out), whole));
	recording->seen->reassembled++;
	pieces->len = 0;
	free(out);
}

static void stream_is_written_again(const struct recording *recording, const struct stream *stream)
{
	struct spop_slice in = { stream->ptr, stream->len };
	struct stream pieces = { NULL, 0 };
	uint8_t *out = malloc(MAX_FRAME + SPOP_LENGTH_SIZE);

	assert_non_null(out);
	while (in.len > 0) {
		const uint8_t *start = in.ptr;
		struct spop_frame frame;
		struct spop_writer writer;

		assert_int_equal(spop_frame_decode(&in, MAX_FRAME, &frame), SPOP_OK);
		recording->seen->frames[frame.type]++;
		spop_writer_init(&writer, out, MAX_FRAME + SPOP_LENGTH_SIZE);
		write_again(recording, &frame, &writer);
		assert_slice(written(&writer, out), start, (size_t)(in.ptr - start));
		if (frame.type == SPOP_UNSET || (frame.type == SPOP_NOTIFY && !(frame.flags & SPOP_FIN)))
			reassemble(recording, &frame, &pieces);
	}
	assert_int_equal(pieces.len, 0);
	free(pieces.ptr);
	free(out);
}

static void is_written_again(void **state)
{
	const struct recording *recording = *state;
	struct conversation conversation;

	conversation_read(&conversation, recording->name);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++)
		for (size_t d = 0; d < DIRECTIONS; d++)
			stream_is_written_again(recording, &conversation.streams[i][d]);
	conversation_release(&conversation);
}

/* ---- the same in two reads ---- */

struct frames {
	struct spop_frame at[MAX_START / 11 + 1];
	size_t n;
};

/* Whole frames; how many bytes they took. */
static size_t add_frames(struct frames *frames, struct spop_slice bytes)
{
	struct spop_slice in = bytes;
	enum spop_status status;

	while ((status = spop_frame_decode(&in, MAX_FRAME, &frames->at[frames->n])) == SPOP_OK)
		frames->n++;
	assert_int_equal(status, SPOP_MORE);
	return bytes.len - in.len;
}

static void assert_frame(const struct spop_frame *a, const struct spop_frame *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->stream_id, b->stream_id);
	assert_int_equal(a->frame_id, b->frame_id);
	assert_true(slice_same(a->payload, b->payload));
}

/* The first read ends on the heap's edge. */
static void assert_frames_when_split(const struct frames *expected, struct spop_slice bytes, size_t at)
{
	struct spop_slice first = slice_new(bytes.ptr, at);
	struct frames frames = { .n = 0 };
	size_t used = add_frames(&frames, first);

	add_frames(&frames, (struct spop_slice){ bytes.ptr + used, bytes.len - used });
	assert_int_equal(frames.n, expected->n);
	for (size_t i = 0; i < frames.n; i++)
		assert_frame(&frames.at[i], &expected->at[i]);
	slice_free(first);
}

static void is_the_same_in_two_reads(void **state)
{
	const struct recording *recording = *state;
	struct conversation conversation;

	conversation_read(&conversation, recording->name);
	for (size_t i = 0; i < MAX_CONNECTIONS * DIRECTIONS; i++) {
		const struct stream *stream = &conversation.streams[i / DIRECTIONS][i % DIRECTIONS];
		struct spop_slice start = { stream->ptr, stream->len < MAX_START ? stream->len : MAX_START };
		struct frames frames = { .n = 0 };

		if (stream->len > 0)
			add_frames(&frames, start);
		for (size_t at = 0; at < start.len; at++)
			assert_frames_when_split(&frames, start, at);
	}
	conversation_release(&conversation);
}

/* ---- all of them ---- */

static void every_kind_was_met(void **state)
{
	static const uint8_t types[] = { SPOP_UNSET, SPOP_HAPROXY_HELLO, SPOP_HAPROXY_DISCONNECT, SPOP_NOTIFY,
					 SPOP_AGENT_HELLO, SPOP_AGENT_DISCONNECT, SPOP_ACK };
	const struct seen *seen = *state;

	for (size_t i = 0; i < COUNT(types); i++)
		assert_true(seen->frames[types[i]] > 0);
	assert_true(seen->reassembled > 0);
	assert_true(seen->arguments > 0);
	assert_true(seen->actions > 0);
}

/* cmocka's macro wants an array of a size it can count. */
static int run(const char *group, struct CMUnitTest *tests, size_t n)
{
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}

int main(void)
{
	const char *folder = getenv("TESTS_DIR") ? getenv("TESTS_DIR") : TESTS_DIR;
	struct seen seen = { .reassembled = 0 };
	struct CMUnitTest summary[] = { cmocka_unit_test_prestate(every_kind_was_met, &seen) };
	struct recording *recordings;
	struct CMUnitTest *tests;
	glob_t found;
	char pattern[4096];
	int failed;

	snprintf(pattern, sizeof(pattern), "%s/captures/*/*.txt", folder);
	if (glob(pattern, 0, NULL, &found) != 0) {
		fprintf(stderr, "no recordings: %s\n", pattern);
		return 1;
	}
	recordings = calloc(found.gl_pathc, sizeof(*recordings));
	tests = calloc(found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++)
		recordings[i] = (struct recording){ found.gl_pathv[i], &seen };
	add_rows(tests, is_written_again, recordings, found.gl_pathc, sizeof(*recordings));
	failed = run("spop captures: written again", tests, found.gl_pathc);
	failed += cmocka_run_group_tests_name("spop captures: all together", summary, NULL, NULL);
	add_rows(tests, is_the_same_in_two_reads, recordings, found.gl_pathc, sizeof(*recordings));
	failed += run("spop captures: frame_reassemble_bytes", tests, found.gl_pathc);
	free(recordings);
	free(tests);
	globfree(&found);
	return failed;
}
