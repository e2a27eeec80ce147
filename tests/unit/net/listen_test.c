/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the agent listens: every family, rights of a UNIX socket, a reload's burst, sockets of the service manager. */
#include "agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define BURST 2000

static int free_port(int family)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t length = family == AF_INET ? sizeof(four) : sizeof(six);
	int fd = socket(family, SOCK_STREAM, 0), port;

	if (bind(fd, address, length) < 0 || getsockname(fd, address, &length) < 0) {
		close(fd);
		return 0; /* a machine without IPv6 */
	}
	port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
	close(fd);
	return port;
}

static int connect_to(int family, int port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				    .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons((uint16_t)port) };
	int fd = socket(family, SOCK_STREAM, 0);

	assert_int_equal(family == AF_INET ? connect(fd, (struct sockaddr *)&four, sizeof(four))
					   : connect(fd, (struct sockaddr *)&six, sizeof(six)),
			 0);
	return fd;
}

static void greet(int fd)
{
	uint8_t bytes[512];

	send_all(fd, bytes, put_hello(bytes, sizeof(bytes), 16380));
	assert_int_equal(receive_frame(fd, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	close(fd);
}

/* agent.h writes `global` first and the frontend's own bind last: more binds come with a frontend of their own. */
static void start_with(struct agent *agent, const char *format, ...)
{
	char lines[600], global[700];
	va_list args;

	va_start(args, format);
	vsnprintf(lines, sizeof(lines), format, args);
	va_end(args);
	snprintf(global, sizeof(global), "frontend other\n%s\n  default_backend web", lines);
	agent_start(agent, global);
}

static void ipv4(void **state)
{
	struct agent agent;
	int port = free_port(AF_INET);

	(void)state;
	start_with(&agent, "  bind 127.0.0.1:%d", port);
	greet(connect_to(AF_INET, port));
	agent_stop(&agent);
}

static void ipv6(void **state)
{
	struct agent agent;
	int port = free_port(AF_INET6);

	(void)state;
	if (port == 0)
		skip();
	start_with(&agent, "  bind [::1]:%d", port);
	greet(connect_to(AF_INET6, port));
	agent_stop(&agent);
}

static void unix_rights(void **state)
{
	struct stat stat_of;
	struct agent agent;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/spoa-unit-%ld.sock", (long)getpid());
	start_with(&agent, "  bind unix@%s mode 640", path);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0640);
	agent_stop(&agent);
	assert_int_equal(stat(path, &stat_of), -1);
}

/* False: so many descriptors there may not be. */
static bool may_have_descriptors(unsigned n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur >= n;
}

/* net.core.somaxconn bounds every backlog. */
static bool has_room_for(int n)
{
	FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
	int most = 0;

	if (file && fscanf(file, "%d", &most) != 1)
		most = 0;
	if (file)
		fclose(file);
	return most >= n;
}

/* Does not wait for anybody to accept it: −1, there is no room in the backlog. */
static int connect_at_once(int family, const struct sockaddr *address, socklen_t length)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, address, length) == 0 || errno == EINPROGRESS)
		return fd;
	assert_int_equal(errno, EAGAIN);
	close(fd);
	return -1;
}

static void expect_welcome(int fd, uint64_t id)
{
	struct timeval patience = { .tv_sec = (time_t)PATIENCE };
	uint8_t bytes[1024];
	struct spop_frame frame;

	fcntl(fd, F_SETFL, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(receive_frame(fd, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	frame = receive_frame(fd, bytes, sizeof(bytes));
	assert_int_equal(frame.type, SPOP_ACK);
	assert_int_equal(frame.stream_id, id);
	close(fd);
}

/*
 * As after a reload of HAProxy with as many requests waiting: 2,000 connect at once, each with its HELLO and a NOTIFY, and
 * nobody is there to accept them yet. The backlog has them all, and then they are answered.
 */
static void burst_at(int family, const struct sockaddr *address, socklen_t length, struct agent *agent)
{
	static int fds[BURST];
	uint8_t bytes[1024];
	char why[300];

	for (size_t i = 0; i < BURST; i++) {
		size_t len = put_hello(bytes, sizeof(bytes), 16380);

		fds[i] = connect_at_once(family, address, length);
		assert_true(fds[i] >= 0);
		len += put_notify(bytes + len, sizeof(bytes) - len, i + 1);
		send_all(fds[i], bytes, len);
	}
	assert_int_equal(net_accepted(agent->net), 0);
	assert_true(net_start(agent->net, why, sizeof(why)));
	for (size_t i = 0; i < BURST; i++)
		expect_welcome(fds[i], i + 1);
	agent_stop(agent);
}

static void burst(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct agent agent;
	char why[300];

	(void)state;
	if (!may_have_descriptors(2 * BURST + 100) || !has_room_for(BURST))
		skip();
	assert_true(agent_bind(&agent, "", why, sizeof(why)));
	strcpy(address.sun_path, agent.socket);
	burst_at(AF_UNIX, (struct sockaddr *)&address, sizeof(address), &agent);
}

static void burst_tcp(void **state)
{
	int port = free_port(AF_INET);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((uint16_t)port) };
	struct agent agent;
	char global[200], why[300];

	(void)state;
	if (!may_have_descriptors(2 * BURST + 100) || !has_room_for(BURST))
		skip();
	snprintf(global, sizeof(global), "frontend other\n  message route\n  bind 127.0.0.1:%d\n  default_backend web",
		 port);
	assert_true(agent_bind(&agent, global, why, sizeof(why)));
	burst_at(AF_INET, (struct sockaddr *)&address, sizeof(address), &agent);
}

/* What the above would notice: a shorter one is full. */
static void a_short_backlog_is_full(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[12];
	unsigned in = 0;
	struct agent agent;
	char why[300];

	(void)state;
	assert_true(agent_bind(&agent, "backlog 10", why, sizeof(why)));
	strcpy(address.sun_path, agent.socket);
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = connect_at_once(AF_UNIX, (struct sockaddr *)&address, sizeof(address));
		in += fds[i] >= 0;
	}
	assert_int_equal(in, 11); /* Linux lets one more wait */
	for (size_t i = 0; i < in; i++)
		close(fds[i]);
	agent_stop(&agent);
}

static void socket_activation(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct agent agent;
	char text[24];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), saved;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/spoa-unit-%ld.sock", (long)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 10), 0);
	saved = fcntl(3, F_DUPFD_CLOEXEC, 10); /* whatever the runner left there */
	if (fd != 3)
		assert_int_equal(dup2(fd, 3), 3);
	snprintf(text, sizeof(text), "%ld", (long)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "1", 1);
	start_with(&agent, "  bind unix@%s", address.sun_path);
	assert_null(getenv("LISTEN_FDS"));
	snprintf(agent.socket, sizeof(agent.socket), "%.90s", address.sun_path);
	greet(agent_connect(&agent));
	agent_stop(&agent);
	assert_int_equal(unlink(address.sun_path), 0); /* still there: it was the manager's */
	if (fd != 3)
		close(fd);
	if (saved >= 0) {
		dup2(saved, 3);
		close(saved);
	}
}

/* A file that nobody listens on was left by a process that was killed; one that somebody serves is not taken. */
static void stale_socket(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct agent agent;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/spoa-unit-%ld.sock", (long)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	start_with(&agent, "  bind unix@%s", address.sun_path);
	agent_stop(&agent);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void a_file_that_is_no_socket_stays(void **state)
{
	char path[64], global[200], why[300] = "";
	struct agent agent;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/spoa-unit-%ld.sock", (long)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	snprintf(global, sizeof(global), "frontend other\n  bind unix@%s\n  default_backend web", path);
	assert_false(agent_try(&agent, global, why, sizeof(why)));
	agent_stop(&agent);
	assert_non_null(strstr(why, "cannot bind"));
	assert_int_equal(unlink(path), 0);
}

/* Another agent has taken the path over: its file is not ours to remove. */
static void a_newcomers_socket_stays(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct agent agent;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/spoa-unit-%ld.sock", (long)getpid());
	start_with(&agent, "  bind unix@%s", address.sun_path);
	assert_int_equal(unlink(address.sun_path), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	agent_stop(&agent);
	assert_int_equal(unlink(address.sun_path), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(unix_rights),
		cmocka_unit_test(burst),
		cmocka_unit_test(burst_tcp),
		cmocka_unit_test(a_short_backlog_is_full),
		cmocka_unit_test(socket_activation),
		cmocka_unit_test(stale_socket),
		cmocka_unit_test(a_file_that_is_no_socket_stays),
		cmocka_unit_test(a_newcomers_socket_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
