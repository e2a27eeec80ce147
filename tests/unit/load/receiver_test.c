/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams from the socket to the server's record: who is believed, how often, and what a reload changes. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "signed.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/load.h"
#include "spoa/load/datagram.h"
#include "spoa/load/receiver.h"
#include "tests/unit/site.h"

#define KEY   "the first key of all"
#define OTHER "the key that follows"
#define TEXT                                                                                                           \
	"backend web\n  server a 192.0.2.1:80 redir http://a.example.com load-push\n"                                 \
	"  server unasked 192.0.2.1:80 redir http://b.example.com\n"

struct inbox {
	struct site site;
	struct ev_loop *loop;
	struct load *load;
	struct load_settings settings;
	struct log log;
	int log_ends[2];
	int fd; /* sends to where it listens */
};

static unsigned free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void set_key(struct inbox *inbox, const char *key)
{
	inbox->settings.keys[0] = slice_of_string(key);
	inbox->settings.n_keys = 1;
}

static void open_inbox(struct inbox *inbox)
{
	char where[40], why[200];

	*inbox = (struct inbox){ .loop = ev_loop_new(EVBACKEND_EPOLL) };
	site_open(&inbox->site, TEXT, 1);
	assert_int_equal(pipe2(inbox->log_ends, O_NONBLOCK), 0);
	inbox->log = (struct log){
		.targets = { { .fd = inbox->log_ends[1], .format = LOG_FORMAT_RAW, .level = LOG_WARNING } }, .n = 1
	};
	inbox->load = load_start(inbox->loop, inbox->site.fleet, &inbox->log);
	set_key(inbox, KEY);
	snprintf(where, sizeof(where), "127.0.0.1:%u", free_port());
	assert_null(endpoint_parse(&inbox->settings.binds[0].endpoint, where, false, false));
	inbox->settings.n_binds = 1;
	assert_true(load_prepare(inbox->load, &inbox->settings, NULL, why, sizeof(why)));
	load_receive(inbox->load);
	inbox->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(inbox->fd, &inbox->settings.binds[0].endpoint.any,
				 inbox->settings.binds[0].endpoint.length),
			 0);
}

static void close_inbox(struct inbox *inbox)
{
	load_stop(inbox->load);
	ev_loop_destroy(inbox->loop);
	close(inbox->fd);
	close(inbox->log_ends[0]);
	close(inbox->log_ends[1]);
	site_close(&inbox->site);
}

static uint64_t total(const struct inbox *inbox)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOAD_DATAGRAMS; i++)
		sum += load_datagrams(inbox->load, (enum load_datagram)i);
	return sum;
}

static void turn_until(struct inbox *inbox, uint64_t datagrams)
{
	double until = clock_now() + 10;

	while (total(inbox) < datagrams) {
		ev_run(inbox->loop, EVRUN_NOWAIT);
		assert_true(clock_now() < until);
	}
}

/* What becomes of one. */
static void send_one(struct inbox *inbox, struct slice bytes, enum load_datagram outcome)
{
	uint64_t before = load_datagrams(inbox->load, outcome), all = total(inbox);

	assert_int_equal(send(inbox->fd, bytes.ptr, bytes.len, 0), bytes.len);
	turn_until(inbox, all + 1);
	if (load_datagrams(inbox->load, outcome) != before + 1)
		fail_msg("'%.*s' is not %s", SLICE_ARGS(bytes), load_datagram_name(outcome));
}

static void send_signed(struct inbox *inbox, const char *key, const char *text, enum load_datagram outcome)
{
	char room[DATAGRAM_ROOM * 2];

	send_one(inbox, signed_with(room, key, text), outcome);
}

static void logs(struct inbox *inbox, const char *expected)
{
	char got[4096] = "";

	(void)!read(inbox->log_ends[0], got, sizeof(got) - 1);
	if (*expected ? strstr(got, expected) == NULL : *got != 0)
		fail_msg("'%s' in '%s'", expected, got);
}

static void who_has_the_key_is_believed_once(void **state)
{
	struct server_state *server;
	struct inbox inbox;

	(void)state;
	open_inbox(&inbox);
	server = site_server(&inbox.site, "a")->state;
	send_signed(&inbox, KEY, "v1 web/a 5 {\"q\":3}", LOAD_DATAGRAM_TAKEN);
	assert_true(atomic_load(&server->load.q) == 3);
	send_signed(&inbox, KEY, "v1 web/a 5 {\"q\":3}", LOAD_DATAGRAM_OUTDATED);
	send_signed(&inbox, KEY, "v1 web/a 4 {\"q\":9}", LOAD_DATAGRAM_OUTDATED);
	logs(&inbox, "Server web/a: a report by load-push is older than the one before");
	send_signed(&inbox, KEY, "v1 web/a 6 {\"q\":-1}", LOAD_DATAGRAM_REJECTED);
	send_signed(&inbox, KEY, "v1 web/a 6 {\"q\":1}", LOAD_DATAGRAM_OUTDATED); /* its number is used up */
	assert_true(atomic_load(&server->load.q) == 3);
	send_signed(&inbox, KEY, "v1 web/a 7 {\"q\":4}", LOAD_DATAGRAM_TAKEN);
	assert_true(atomic_load(&server->load.q) == 4);
	assert_int_equal(server->rejected[REPORT_OUTDATED], 3);
	close_inbox(&inbox);
}

static void who_has_none_is_not(void **state)
{
	struct server_state *server;
	struct inbox inbox;
	char room[DATAGRAM_ROOM * 2];
	struct slice bytes;

	(void)state;
	open_inbox(&inbox);
	server = site_server(&inbox.site, "a")->state;
	send_signed(&inbox, OTHER, "v1 web/a 5 {\"q\":3}", LOAD_DATAGRAM_FORGED);
	logs(&inbox, "Server web/a: a report by load-push is not signed with a key of ours");
	send_signed(&inbox, OTHER, "v1 web/a 6 {\"q\":3}", LOAD_DATAGRAM_FORGED);
	logs(&inbox, "");
	/* another number under a signature that was good */
	bytes = signed_with(room, KEY, "v1 web/a 5 {\"q\":3}");
	room[9] = '6';
	send_one(&inbox, bytes, LOAD_DATAGRAM_FORGED);
	assert_int_equal(server->rejected[REPORT_FORGED], 3);
	assert_int_equal(server->pushed_seq, 0);
	send_signed(&inbox, OTHER, "v1 web/none 5 {\"q\":3}", LOAD_DATAGRAM_FORGED);
	assert_true(atomic_load(&server->load.q) < 0);
	close_inbox(&inbox);
}

static void each_kind_of_trouble_is_said_once(void **state)
{
	struct inbox inbox;
	char long_one[DATAGRAM_ROOM + 200];

	(void)state;
	open_inbox(&inbox);
	send_signed(&inbox, KEY, "v1 web/none 5 {\"q\":3}", LOAD_DATAGRAM_UNKNOWN);
	logs(&inbox, "A datagram for 'web/none' from 127.0.0.1:");
	send_signed(&inbox, KEY, "v1 web/none 5 {\"q\":3}", LOAD_DATAGRAM_UNKNOWN);
	logs(&inbox, "");
	send_signed(&inbox, KEY, "v1 web/unasked 5 {\"q\":3}", LOAD_DATAGRAM_UNASKED);
	logs(&inbox, "is of a server without load-push");
	send_one(&inbox, SLICE("hello\n"), LOAD_DATAGRAM_MALFORMED);
	logs(&inbox, "is none of the form");
	send_one(&inbox, SLICE(""), LOAD_DATAGRAM_MALFORMED);
	snprintf(long_one, sizeof(long_one), "v1 web/a 9 {\"q\":3}%*s", (int)DATAGRAM_ROOM, "");
	send_signed(&inbox, KEY, long_one, LOAD_DATAGRAM_MALFORMED); /* cut, it could have become another */
	assert_true(atomic_load(&site_server(&inbox.site, "a")->state->load.q) < 0);
	close_inbox(&inbox);
}

/* As many as wait are read, in the order in which they came. */
static void many_are_read_at_once(void **state)
{
	struct inbox inbox;
	char text[60], room[DATAGRAM_ROOM * 2];

	(void)state;
	open_inbox(&inbox);
	for (unsigned i = 1; i <= 100; i++) {
		struct slice bytes;

		snprintf(text, sizeof(text), "v1 web/a %u {\"q\":%u}", i, i);
		bytes = signed_with(room, KEY, text);
		assert_int_equal(send(inbox.fd, bytes.ptr, bytes.len, 0), bytes.len);
	}
	turn_until(&inbox, 100);
	assert_int_equal(load_datagrams(inbox.load, LOAD_DATAGRAM_TAKEN), 100);
	assert_int_equal(site_server(&inbox.site, "a")->state->pushed_seq, 100);
	assert_int_equal(load_datagrams_lost(inbox.load), 0);
	close_inbox(&inbox);
}

static void another_configuration_has_other_keys_and_addresses(void **state)
{
	struct load_settings next;
	struct inbox inbox;
	char why[200], where[40];
	int taken;

	(void)state;
	open_inbox(&inbox);
	send_signed(&inbox, KEY, "v1 web/a 1 {\"q\":1}", LOAD_DATAGRAM_TAKEN);
	/* one that cannot be: nothing changes */
	next = inbox.settings;
	taken = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(where, sizeof(where), "127.0.0.1:%u", free_port());
	assert_null(endpoint_parse(&next.binds[1].endpoint, where, false, false));
	assert_int_equal(bind(taken, &next.binds[1].endpoint.any, next.binds[1].endpoint.length), 0);
	next.binds[1].place = (struct config_place){ "a.cfg", 7, NULL };
	next.n_binds = 2;
	next.keys[0] = SLICE(OTHER);
	assert_false(load_prepare(inbox.load, &next, NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "a.cfg:7: cannot bind 'udp@127.0.0.1:"));
	send_signed(&inbox, KEY, "v1 web/a 2 {\"q\":1}", LOAD_DATAGRAM_TAKEN);
	/* and one that can: both addresses, the other key; numbers go on */
	close(taken);
	assert_true(load_prepare(inbox.load, &next, NULL, why, sizeof(why)));
	send_signed(&inbox, KEY, "v1 web/a 3 {\"q\":1}", LOAD_DATAGRAM_TAKEN);
	load_receive(inbox.load);
	send_signed(&inbox, KEY, "v1 web/a 4 {\"q\":1}", LOAD_DATAGRAM_FORGED);
	send_signed(&inbox, OTHER, "v1 web/a 3 {\"q\":1}", LOAD_DATAGRAM_OUTDATED);
	assert_int_equal(connect(inbox.fd, &next.binds[1].endpoint.any, next.binds[1].endpoint.length), 0);
	send_signed(&inbox, OTHER, "v1 web/a 4 {\"q\":1}", LOAD_DATAGRAM_TAKEN);
	/* none at all: they are closed */
	next.n_binds = next.n_keys = 0;
	assert_true(load_prepare(inbox.load, &next, NULL, why, sizeof(why)));
	load_receive(inbox.load);
	taken = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(taken, &next.binds[1].endpoint.any, next.binds[1].endpoint.length), 0);
	close(taken);
	close_inbox(&inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_the_key_is_believed_once),
		cmocka_unit_test(who_has_none_is_not),
		cmocka_unit_test(each_kind_of_trouble_is_said_once),
		cmocka_unit_test(many_are_read_at_once),
		cmocka_unit_test(another_configuration_has_other_keys_and_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
