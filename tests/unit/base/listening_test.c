/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "spoa-redirect/base/listening.h"
#include "spoa-redirect/base/slice.h"

static struct listening at(const char *address)
{
	struct listening where = { .user = (uid_t)-1, .group = (gid_t)-1 };

	assert_null(endpoint_parse(&where.endpoint, address, true, true));
	return where;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

/* Somebody comes to it; he is gone four minutes after his machine is. */
static void expect_keepalive(struct listening_socket *listening)
{
	struct pollfd comes = { .fd = listening->fd, .events = POLLIN };
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int fd, peer;

	assert_int_equal(getsockname(listening->fd, (struct sockaddr *)&address, &size), 0);
	peer = socket(address.ss_family, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&address, size), 0);
	assert_int_equal(poll(&comes, 1, 10000), 1);
	fd = accept(listening->fd, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 120);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT), 120);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 240 * 1000);
	close(fd);
	close(peer);
}

static void who_vanishes_is_gone_in_time(void **state)
{
	const struct listening where = at("127.0.0.1");
	struct listening_socket opened, adopted;
	int bound;

	(void)state;
	assert_true(listening_open(&opened, &where, 10));
	expect_keepalive(&opened);
	bound = socket(AF_INET, SOCK_STREAM, 0); /* as systemd gives it */
	assert_int_equal(bind(bound, &where.endpoint.any, where.endpoint.length), 0);
	assert_true(listening_adopt(&adopted, 10, bound, false));
	expect_keepalive(&adopted);
	listening_close(&adopted, &where.endpoint);
	listening_close(&opened, &where.endpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_vanishes_is_gone_in_time),
	};

	return cmocka_run_group_tests_name("base: listening", tests, NULL, NULL);
}
