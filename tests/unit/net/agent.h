/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole agent within a test: configuration in, a UNIX socket out. Two of them may run at a time. */
#ifndef TESTS_UNIT_NET_AGENT_H
#define TESTS_UNIT_NET_AGENT_H

#include <linux/sockios.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "spoa-redirect/answer.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/net.h"
#include "spoa-redirect/select.h"

#define PATIENCE 20.0 /* seconds until a test gives a condition up */

struct agent {
	char folder[64], socket[96];
	struct arena *arena;
	struct fleet *fleet;
	struct net *net;
};

static inline void agent_write_config(const struct agent *agent, const char *global, const char *file)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fprintf(out,
		"global\n  nbthread 1\n  log stderr format raw daemon emerg\n%s\n"
		"frontend route\n  message m n\n  bind unix@%s\n  default_backend web\n"
		"backend web\n  balance first\n  server w1 192.0.2.1:80 redir https://w1.example.com\n",
		global, agent->socket);
	fclose(out);
}

/* Bound, without threads. global: lines for that section. False: what failed is in why. */
static inline bool agent_bind(struct agent *agent, const char *global, char *why, size_t size)
{
	struct net_settings *settings;
	struct ruleset *ruleset;
	struct inherited inherited = { .n = 0 };
	struct config_room rooms[4];
	struct config *config;
	char file[96];

	strcpy(agent->folder, "/tmp/spoa-unit-XXXXXX");
	assert_non_null(mkdtemp(agent->folder));
	snprintf(agent->socket, sizeof(agent->socket), "%s/spop.sock", agent->folder);
	snprintf(file, sizeof(file), "%s/agent.cfg", agent->folder);
	agent_write_config(agent, global, file);
	agent->arena = arena_new();
	settings = net_settings_new(agent->arena);
	ruleset = ruleset_new(agent->arena);
	agent->fleet = fleet_new(agent->arena, net_settings_log(settings), balance_default());
	rooms[0] = net_room(settings);
	rooms[1] = ruleset_room(ruleset);
	rooms[2] = fleet_room(agent->fleet);
	rooms[3] = balance_room(agent->fleet);
	config = config_new(agent->arena, rooms, 4);
	config_read(config, file);
	balance_finish(agent->fleet, ruleset, config);
	ruleset_finish(ruleset, config);
	fleet_finish(agent->fleet, config, clock_now());
	net_settings_finish(settings, ruleset, agent->fleet, config);
	config_print_messages(config, stderr);
	assert_int_equal(config_count(config, CONFIG_ERROR), 0);
	assert_true(answer_prepare(agent->arena, agent->fleet));
	unlink(file);
	inherited_take(&inherited);
	agent->net = net_open(settings, &inherited, why, size);
	return agent->net != NULL;
}

static inline bool agent_try(struct agent *agent, const char *global, char *why, size_t size)
{
	return agent_bind(agent, global, why, size) && net_start(agent->net, why, size);
}

static inline void agent_start(struct agent *agent, const char *global)
{
	char why[300];

	if (!agent_try(agent, global, why, sizeof(why)))
		fail_msg("%s", why);
}

static inline void agent_stop(struct agent *agent)
{
	net_stop(agent->net);
	arena_free(agent->arena);
	assert_int_equal(rmdir(agent->folder), 0);
}

static inline int agent_connect(const struct agent *agent)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = (time_t)PATIENCE };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, agent->socket);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static inline void send_all(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Until the agent has read all of it. */
static inline void wait_until_read(int fd)
{
	double until = clock_now() + PATIENCE;
	int unread = 1;

	while (ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0) {
		assert_true(clock_now() < until);
		sched_yield();
	}
}

/* Up to the peer's end. Returns the length. */
static inline size_t receive_all(int fd, uint8_t *to, size_t room)
{
	size_t len = 0;
	ssize_t got;

	while ((got = recv(fd, to + len, room - len, 0)) > 0)
		len += (size_t)got;
	assert_int_equal(got, 0);
	assert_true(len < room);
	return len;
}

static inline struct spop_frame receive_frame(int fd, uint8_t *to, size_t room)
{
	struct spop_slice in = { to, 0 };
	struct spop_frame frame;

	while (spop_frame_decode(&in, (uint32_t)room, &frame) == SPOP_MORE) {
		ssize_t got = recv(fd, to + in.len, 1, 0);

		assert_int_equal(got, 1);
		in.len++;
	}
	return frame;
}

static inline size_t put_hello(uint8_t *to, size_t room, uint32_t max_frame_size)
{
	struct spop_hello hello = { .version = SPOP_SLICE("2.0"),
				    .max_frame_size = max_frame_size,
				    .capabilities = SPOP_CAN_PIPELINE };
	struct spop_writer writer;

	spop_writer_init(&writer, to, room);
	assert_true(spop_put_hello(&writer, &hello));
	return (size_t)(writer.at - to);
}

static inline size_t put_notify(uint8_t *to, size_t room, uint64_t id)
{
	struct spop_value get = { SPOP_STRING, { .bytes = SPOP_SLICE("GET") } };
	struct spop_value path = { SPOP_STRING, { .bytes = SPOP_SLICE("/films/a.mp4") } };
	struct spop_writer writer;

	spop_writer_init(&writer, to, room);
	spop_frame_begin(&writer, SPOP_NOTIFY, id, 1);
	spop_put_message(&writer, SPOP_SLICE("route"), 2);
	spop_put_argument(&writer, SPOP_SLICE("method"), &get);
	spop_put_argument(&writer, SPOP_SLICE("path"), &path);
	assert_true(spop_frame_end(&writer, 16380));
	return (size_t)(writer.at - to);
}

/* Connected, and agreed on frames of 16380 bytes. */
static inline int agent_greet(const struct agent *agent)
{
	uint8_t bytes[512];
	int fd = agent_connect(agent);

	send_all(fd, bytes, put_hello(bytes, sizeof(bytes), 16380));
	assert_int_equal(receive_frame(fd, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	return fd;
}

/* The next frame is a DISCONNECT with this status, and nothing follows it. */
static inline void expect_disconnect(int fd, enum spop_error error)
{
	uint8_t bytes[512];
	struct spop_frame frame = receive_frame(fd, bytes, sizeof(bytes));
	struct spop_slice message;
	uint64_t status;

	assert_int_equal(frame.type, SPOP_AGENT_DISCONNECT);
	assert_true(spop_disconnect_decode(&frame, &status, &message));
	assert_int_equal(status, error);
	assert_int_equal(receive_all(fd, bytes, sizeof(bytes)), 0);
	close(fd);
}

#endif
