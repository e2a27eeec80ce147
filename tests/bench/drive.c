/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FRAME 16380u
#define READ_SIZE (256u * 1024)
#define OUT_SIZE  (1024u * 1024)

struct stream {
	int fd;
	uint64_t next_id;
	unsigned in_flight;
	double due;                 /* open loop: of the next NOTIFY */
	size_t kept_len;
	uint8_t kept[MAX_FRAME + SPOP_LENGTH_SIZE];
	struct {
		uint64_t id;
		double since;
	} ring[DRIVE_RING];
};

struct drive {
	const struct drive_options *options;
	int epoll;
	unsigned alive;
	struct stream **streams;
	size_t next_payload;
	struct drive_result *result;
	double now, until; /* what is due later is not asked */
	uint8_t *in, *out;
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- beginning and end ---- */

static bool say_hello(struct drive *drive, struct stream *stream)
{
	const char *id = drive->options->engine_id;
	struct spop_hello hello = { .version = SPOP_SLICE("2.0"),
				    .max_frame_size = MAX_FRAME,
				    .capabilities = SPOP_CAN_PIPELINE,
				    .engine_id = { (const uint8_t *)id, strlen(id) } };
	struct spop_writer writer;
	struct spop_slice in = { drive->in, 0 };
	struct spop_frame frame;

	spop_writer_init(&writer, drive->out, OUT_SIZE);
	spop_put_hello(&writer, &hello);
	if (write(stream->fd, drive->out, (size_t)(writer.at - drive->out)) < 0)
		return false;
	while (spop_frame_decode(&in, MAX_FRAME, &frame) == SPOP_MORE) {
		ssize_t got = read(stream->fd, drive->in + in.len, READ_SIZE - in.len);

		if (got <= 0)
			return false;
		in.len += (size_t)got;
	}
	return frame.type == SPOP_AGENT_HELLO && spop_agent_hello_decode(&frame, &hello) == SPOP_ERR_NONE;
}

static struct stream *connect_one(struct drive *drive)
{
	const struct endpoint *agent = &drive->options->agent;
	struct stream *stream = calloc(1, sizeof(*stream));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = stream };

	if (!stream)
		return NULL;
	stream->fd = socket(agent->any.sa_family, SOCK_STREAM, 0);
	if (stream->fd >= 0 && connect(stream->fd, &agent->any, agent->length) == 0 && say_hello(drive, stream) &&
	    epoll_ctl(drive->epoll, EPOLL_CTL_ADD, stream->fd, &event) == 0)
		return stream;
	fprintf(stderr, "spopbench: no agreement with the agent: %s\n", strerror(errno));
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream);
	return NULL;
}

struct drive *drive_new(const struct drive_options *options)
{
	struct drive *drive = calloc(1, sizeof(*drive));

	if (!drive)
		return NULL;
	drive->options = options;
	drive->epoll = epoll_create1(0);
	drive->in = malloc(READ_SIZE + sizeof(((struct stream *)0)->kept));
	drive->out = malloc(OUT_SIZE);
	drive->streams = calloc(options->connections, sizeof(*drive->streams));
	if (drive->epoll >= 0 && drive->in && drive->out && drive->streams)
		while (drive->alive < options->connections && (drive->streams[drive->alive] = connect_one(drive)))
			drive->alive++;
	if (drive->alive == options->connections)
		return drive;
	drive_free(drive);
	return NULL;
}

static void stream_end(struct drive *drive, struct stream *stream)
{
	close(stream->fd);
	stream->fd = -1;
	drive->alive--;
}

void drive_free(struct drive *drive)
{
	for (unsigned i = 0; drive->streams && i < drive->options->connections && drive->streams[i]; i++) {
		if (drive->streams[i]->fd >= 0)
			close(drive->streams[i]->fd);
		free(drive->streams[i]);
	}
	if (drive->epoll >= 0)
		close(drive->epoll);
	free(drive->streams);
	free(drive->in);
	free(drive->out);
	free(drive);
}

/* ---- asking ---- */

static void put_notify(struct drive *drive, struct stream *stream, struct spop_writer *writer, double since)
{
	const struct payloads *payloads = &drive->options->payloads;
	struct spop_slice payload = payloads->each[drive->next_payload];
	uint64_t id = stream->next_id++;

	drive->next_payload = drive->next_payload + 1 < payloads->n ? drive->next_payload + 1 : 0;
	stream->ring[id % DRIVE_RING].id = id;
	stream->ring[id % DRIVE_RING].since = since;
	stream->in_flight++;
	spop_frame_begin(writer, SPOP_NOTIFY, id, 1);
	spop_put_bytes(writer, payload.ptr, payload.len);
	spop_frame_end(writer, MAX_FRAME);
}

/* What is due, in one write; the sockets block, and the limits of window and rate keep that short. */
static void ask(struct drive *drive, struct stream *stream)
{
	const struct drive_options *options = drive->options;
	struct spop_writer writer;

	spop_writer_init(&writer, drive->out, OUT_SIZE);
	if (options->rate == 0) {
		while (stream->in_flight < options->window)
			put_notify(drive, stream, &writer, drive->now);
	} else {
		while (stream->due <= drive->now && stream->due <= drive->until && stream->in_flight < DRIVE_RING / 4) {
			put_notify(drive, stream, &writer, stream->due);
			stream->due += options->connections / options->rate;
		}
	}
	if (writer.at > drive->out && write(stream->fd, drive->out, (size_t)(writer.at - drive->out)) < 0)
		stream_end(drive, stream);
}

/* ---- hearing ---- */

static bool has_variable(struct spop_slice payload, struct spop_slice name)
{
	struct spop_action action;

	while (spop_take_action(&payload, &action))
		if (!action.unset && action.name.len == name.len && memcmp(action.name.ptr, name.ptr, name.len) == 0)
			return true;
	return false;
}

static bool hear(struct drive *drive, struct stream *stream, const struct spop_frame *frame)
{
	struct drive_result *result = drive->result;
	uint64_t id = frame->stream_id;

	if (frame->type != SPOP_ACK)
		return false;
	if (id >= stream->next_id || stream->ring[id % DRIVE_RING].id != id || stream->in_flight == 0 ||
	    (drive->options->expect.len > 0 && !has_variable(frame->payload, drive->options->expect)))
		result->errors++;
	stream->in_flight--;
	result->answers++;
	histogram_add(&result->latency, (uint64_t)((drive->now - stream->ring[id % DRIVE_RING].since) * 1e9));
	return true;
}

/* False: the agent has ended it. */
static bool hear_all(struct drive *drive, struct stream *stream)
{
	struct spop_slice in;
	struct spop_frame frame;
	ssize_t got;

	memcpy(drive->in, stream->kept, stream->kept_len);
	got = recv(stream->fd, drive->in + stream->kept_len, READ_SIZE, MSG_DONTWAIT);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	in = (struct spop_slice){ drive->in, stream->kept_len + (size_t)got };
	while (spop_frame_decode(&in, MAX_FRAME, &frame) == SPOP_OK)
		if (!hear(drive, stream, &frame))
			return false;
	if (in.len > sizeof(stream->kept))
		return false;
	memcpy(stream->kept, in.ptr, in.len);
	stream->kept_len = in.len;
	return true;
}

/* ---- the loop ---- */

static void on_event(struct drive *drive, struct stream *stream)
{
	if (stream->fd < 0)
		return;
	if (!hear_all(drive, stream)) {
		drive->result->disconnected++;
		stream_end(drive, stream);
	} else if (drive->options->rate == 0) {
		ask(drive, stream);
	}
}

static void ask_all(struct drive *drive)
{
	for (unsigned i = 0; i < drive->options->connections; i++)
		if (drive->streams[i]->fd >= 0)
			ask(drive, drive->streams[i]);
}

static void spread_dues(struct drive *drive)
{
	for (unsigned i = 0; i < drive->options->connections; i++)
		if (drive->options->rate > 0 && drive->streams[i]->due == 0)
			drive->streams[i]->due = drive->now + i / drive->options->rate;
}

/* Seconds until something has to be done without an answer. An open loop mostly turns without rest: a timer is late. */
static double idle_time(const struct drive *drive)
{
	const struct drive_options *options = drive->options;
	double due = drive->now + 0.1;

	if (options->awake || (options->rate > 0 && !options->sleeps))
		return 0;
	for (unsigned i = 0; options->rate > 0 && i < options->connections; i++)
		if (drive->streams[i]->fd >= 0 && drive->streams[i]->due < due)
			due = drive->streams[i]->due;
	return due > drive->now ? due - drive->now : 0;
}

static void turn(struct drive *drive)
{
	const struct timespec wait = { .tv_nsec = (long)(idle_time(drive) * 1e9) };
	struct epoll_event events[256];
	int n = epoll_pwait2(drive->epoll, events, 256, &wait, NULL);

	drive->now = seconds_now();
	for (int i = 0; i < n; i++)
		on_event(drive, events[i].data.ptr);
	if (drive->options->rate > 0)
		ask_all(drive);
}

bool drive_run(struct drive *drive, double seconds, struct drive_result *result)
{
	memset(result, 0, sizeof(*result));
	drive->result = result;
	drive->now = seconds_now();
	drive->until = drive->now + seconds;
	spread_dues(drive);
	ask_all(drive);
	while (drive->now < drive->until && drive->alive > 0)
		turn(drive);
	return drive->alive > 0;
}

static bool owes(const struct drive *drive)
{
	for (unsigned i = 0; i < drive->options->connections; i++) {
		const struct stream *stream = drive->streams[i];

		if (stream->fd >= 0 && (stream->in_flight > 0 || stream->due <= drive->until))
			return true;
	}
	return false;
}

bool drive_rest(struct drive *drive, double seconds, struct drive_result *result)
{
	double left;

	drive->result = result;
	while (owes(drive) && drive->now < drive->until + 1 && drive->alive > 0)
		turn(drive);
	if (owes(drive)) {
		fprintf(stderr, "spopbench: not everything was answered within a second\n");
		return false;
	}
	left = drive->until + seconds - seconds_now();
	if (left > 0)
		nanosleep(&(struct timespec){ .tv_nsec = (long)(left * 1e9) }, NULL);
	for (unsigned i = 0; i < drive->options->connections; i++)
		drive->streams[i]->due += seconds;
	return drive->alive > 0;
}
