/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks that cannot be made, and answers that are not whole: no verdict follows from either. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/load.h"
#include "spoa/load/probe.h"
#include "tests/unit/site.h"

#define PATIENCE 10.0

/* Turns the loop until `done` says so. */
static void run_until(struct ev_loop *loop, bool (*done)(const struct load *load, int fd), const struct load *load, int fd)
{
	double until = clock_now() + PATIENCE;

	while (!done(load, fd)) {
		ev_run(loop, EVRUN_NOWAIT);
		assert_true(clock_now() < until);
	}
}

static bool is_starved(const struct load *load, int fd)
{
	(void)fd;
	return load->say_starved > 0;
}

/* As many are open as may be. */
static void exhaust(struct rlimit *before)
{
	int next = open("/dev/null", O_RDONLY);
	struct rlimit none;

	assert_true(next >= 0);
	close(next);
	getrlimit(RLIMIT_NOFILE, before);
	none = (struct rlimit){ (rlim_t)next, before->rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void without_descriptors_no_server_goes_down(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
	struct rlimit before;
	struct load *load;
	struct site site;

	(void)state;
	site_open(&site,
		  "backend web\n"
		  "  server a 127.0.0.1:9 redir http://a.example.com check inter 10ms fall 1 agent-check agent-port 9\n",
		  1);
	load = load_start(loop, site.fleet, &site.log);
	exhaust(&before);
	run_until(loop, is_starved, load, -1);
	for (unsigned i = 0; i < 1000; i++)
		ev_run(loop, EVRUN_NOWAIT);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(server_status(site_server(&site, "a")), SERVER_UP);
	load_stop(load);
	ev_loop_destroy(loop);
	site_close(&site);
}

/* ---- an agent that ends within its line ---- */

static bool said_incomplete(const struct load *load, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		assert_int_equal(send(fd, "down", 4, MSG_NOSIGNAL), 4);
		close(fd);
	}
	return load->probes[0]->said_incomplete;
}

static void a_line_without_an_end_is_ignored(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	char text[200];
	struct load *load;
	struct site site;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 10), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(text, sizeof(text),
		 "backend web\n  server a 127.0.0.1:9 redir http://a.example.com agent-check agent-inter 20ms agent-port %u\n",
		 ntohs(address.sin_port));
	site_open(&site, text, 1);
	load = load_start(loop, site.fleet, &site.log);
	run_until(loop, said_incomplete, load, listener);
	assert_int_equal(server_status(site_server(&site, "a")), SERVER_UP);
	load_stop(load);
	close(listener);
	ev_loop_destroy(loop);
	site_close(&site);
}

/* ---- a connection that is kept ---- */

/* Serves on one connection at a time; ends it, unasked, after every third answer. */
struct keeper {
	int listener, fd;
	unsigned answers, connections;
};

static bool answered_often(const struct load *load, int fd)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"q\":1}";
	static struct keeper keeper = { .fd = -1 };
	char question[512];

	keeper.listener = fd;
	if (keeper.fd < 0 && (keeper.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		keeper.connections++;
	if (keeper.fd >= 0 && recv(keeper.fd, question, sizeof(question), 0) > 0) {
		assert_int_equal(send(keeper.fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), sizeof(answer) - 1);
		if (++keeper.answers % 3 == 0) {
			close(keeper.fd);
			keeper.fd = -1;
		}
	}
	if (keeper.answers < 30)
		return false;
	assert_int_equal(keeper.connections, 10);
	return load->probes[0]->server->state->said[SOURCE_CHECK].taken >= 29;
}

static void what_the_server_ends_is_no_failure(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	char text[200];
	struct load *load;
	struct site site;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 10), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(text, sizeof(text),
		 "backend web\n  server a 127.0.0.1:%u redir http://a.example.com load-check http /l load-inter 100ms\n",
		 ntohs(address.sin_port));
	site_open(&site, text, 1);
	load = load_start(loop, site.fleet, &site.log);
	run_until(loop, answered_often, load, listener);
	assert_int_equal(site_server(&site, "a")->state->load_checks_failed, 0);
	load_stop(load);
	close(listener);
	ev_loop_destroy(loop);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_descriptors_no_server_goes_down),
		cmocka_unit_test(a_line_without_an_end_is_ignored),
		cmocka_unit_test(what_the_server_ends_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
