/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the system refuses: descriptors, memory, buffers, and calls that do less than they were asked to. Whoever meets
 * it waits or is refused; an older connection is served all the while, and nothing stays behind (asan looks for memory).
 *
 * The calls of the agent's objects come here first: --wrap, see the Makefile. Those of libraries do not.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "agent.h"

#define MAX_N 2000u /* allocations after which a test gives up */

static struct {
	pthread_t tester;
	_Atomic bool everywhere; /* the test's own thread, too */
	_Atomic int accept_error, read_error, send_error;
	_Atomic bool once, always; /* else every other call */
	_Atomic unsigned read_max, send_max;
	_Atomic unsigned calls, failed;
	_Atomic unsigned fail_at, allocations; /* the fail_at-th fails */
} faults;

static void all_is_well(void)
{
	faults.everywhere = faults.once = faults.always = false;
	faults.accept_error = faults.read_error = faults.send_error = 0;
	faults.read_max = faults.send_max = 0;
	faults.calls = faults.failed = faults.fail_at = faults.allocations = 0;
}

static bool is_spared(void)
{
	return !faults.everywhere && pthread_equal(pthread_self(), faults.tester);
}

/* ---- calls that fail ---- */

static bool fails(_Atomic int *error)
{
	int number = *error;

	if (!number || is_spared() || (!faults.once && !faults.always && faults.calls++ % 2 == 1))
		return false;
	if (faults.once)
		*error = 0;
	faults.failed++;
	errno = number;
	return true;
}

static size_t shorter(size_t len, unsigned max)
{
	return max && !is_spared() && len > max ? max : len;
}

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
ssize_t __real_read(int fd, void *to, size_t len);
ssize_t __wrap_read(int fd, void *to, size_t len);
ssize_t __real_recv(int fd, void *to, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t len, int flags);
ssize_t __real_readv(int fd, const struct iovec *parts, int n);
ssize_t __wrap_readv(int fd, const struct iovec *parts, int n);
ssize_t __real_send(int fd, const void *from, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *from, size_t len, int flags);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	return fails(&faults.accept_error) ? -1 : __real_accept4(fd, address, len, flags);
}

ssize_t __wrap_read(int fd, void *to, size_t len)
{
	return fails(&faults.read_error) ? -1 : __real_read(fd, to, shorter(len, faults.read_max));
}

ssize_t __wrap_recv(int fd, void *to, size_t len, int flags)
{
	return fails(&faults.read_error) ? -1 : __real_recv(fd, to, shorter(len, faults.read_max), flags);
}

ssize_t __wrap_readv(int fd, const struct iovec *parts, int n)
{
	if (fails(&faults.read_error))
		return -1;
	if (faults.read_max && parts[0].iov_len > 0)
		return __real_read(fd, parts[0].iov_base, shorter(parts[0].iov_len, faults.read_max));
	return __real_readv(fd, parts, n);
}

ssize_t __wrap_send(int fd, const void *from, size_t len, int flags)
{
	return fails(&faults.send_error) ? -1 : __real_send(fd, from, shorter(len, faults.send_max), flags);
}

/* ---- memory that is not there ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool is_refused(void)
{
	if (is_spared() || ++faults.allocations != faults.fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_refused() ? NULL : __real_realloc(old, size);
}

/* ---- an agent with one connection ---- */

struct scene {
	struct agent agent;
	int old;
	unsigned fds;
	struct rlimit limit; /* of descriptors */
};

static unsigned count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	faults.tester = pthread_self();
	all_is_well();
	agent_start(&scene->agent, "");
	scene->old = agent_greet(&scene->agent);
	all_is_well(); /* what that took is not counted */
	scene->fds = count_fds();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &scene->limit), 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	all_is_well();
	setrlimit(RLIMIT_NOFILE, &scene->limit);
	close(scene->old);
	agent_stop(&scene->agent);
	free(scene);
	return 0;
}

static void expect_ack(int fd, uint64_t id)
{
	uint8_t bytes[1024];
	struct spop_frame frame = receive_frame(fd, bytes, sizeof(bytes));

	assert_int_equal(frame.type, SPOP_ACK);
	assert_int_equal(frame.flags, SPOP_FIN);
	assert_int_equal(frame.stream_id, id);
}

static void ask(int fd, uint64_t id)
{
	uint8_t bytes[512];

	send_all(fd, bytes, put_notify(bytes, sizeof(bytes), id));
	expect_ack(fd, id);
}

/* Only the old one is left, and it is served. */
static void expect_as_before(struct scene *scene)
{
	double patience = clock_now() + PATIENCE;

	all_is_well();
	while (net_connections(scene->agent.net) > 1 && clock_now() < patience)
		sched_yield();
	assert_int_equal(net_connections(scene->agent.net), 1);
	assert_int_equal(count_fds(), scene->fds);
	ask(scene->old, 99);
}

static void wait_for_failures(unsigned n)
{
	double patience = clock_now() + PATIENCE;

	while (faults.failed < n && clock_now() < patience)
		sched_yield();
	assert_true(faults.failed >= n);
}

/* ---- accepting ---- */

static void expect_wait(struct scene *scene, int newcomer)
{
	uint8_t bytes[512];

	send_all(newcomer, bytes, put_hello(bytes, sizeof(bytes), 16380));
	for (uint64_t id = 1; id <= 10; id++)
		ask(scene->old, id);
	assert_int_equal(recv(newcomer, bytes, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void expect_service(int newcomer)
{
	uint8_t bytes[512];

	assert_int_equal(receive_frame(newcomer, bytes, sizeof(bytes)).type, SPOP_AGENT_HELLO);
	ask(newcomer, 1);
	close(newcomer);
}

/* So often the agent says that there was none for a newcomer. */
static uint64_t count_starved(const struct agent *agent)
{
	struct net_sums sums;

	net_sum(agent->net, &sums);
	return sums.starved;
}

/* The listener looks again after a while. */
static void starved(struct scene *scene, int error)
{
	uint64_t before = count_starved(&scene->agent);
	unsigned failed = faults.failed;
	int newcomer;

	faults.accept_error = error;
	faults.calls = 0;
	newcomer = agent_connect(&scene->agent);
	wait_for_failures(1);
	faults.calls = 0; /* the next one fails again */
	expect_wait(scene, newcomer);
	faults.accept_error = 0;
	expect_service(newcomer);
	assert_int_equal(count_starved(&scene->agent) - before, faults.failed - failed);
	expect_as_before(scene);
}

static void accept_without_resources(void **state)
{
	starved(*state, EMFILE);
	starved(*state, ENFILE);
	starved(*state, ENOBUFS);
	starved(*state, ENOMEM);
}

/* valgrind minds the limit by itself: it has the connection accepted, and closes it. */
static bool is_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

/* Not a made-up one: a limit of this process. */
static void accept_without_descriptors(void **state)
{
	struct scene *scene = *state;
	struct rlimit tight = scene->limit;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = (time_t)PATIENCE };
	int newcomer;

	if (is_valgrind())
		skip();
	newcomer = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(newcomer >= 0);
	tight.rlim_cur = (rlim_t)newcomer + 1; /* fds are given out from below: all below this one are taken */
	setsockopt(newcomer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	strcpy(address.sun_path, scene->agent.socket);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(connect(newcomer, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_wait(scene, newcomer);
	for (double until = clock_now() + PATIENCE; count_starved(&scene->agent) < 2; sched_yield())
		assert_true(clock_now() < until); /* it looks again, and again in vain */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &scene->limit), 0);
	expect_service(newcomer);
	expect_as_before(scene);
}

static void accept_interrupted(void **state)
{
	static const int errors[] = { EINTR, ECONNABORTED, EAGAIN };
	struct scene *scene = *state;

	for (size_t i = 0; i < COUNT(errors); i++) {
		faults.accept_error = errors[i];
		faults.calls = 0;
		close(agent_greet(&scene->agent));
		assert_true(faults.failed >= 1);
		expect_as_before(scene);
	}
	assert_int_equal(count_starved(&scene->agent), 0);
}

/* ---- reading and writing ---- */

static void ask_both(struct scene *scene)
{
	int newcomer = agent_greet(&scene->agent);

	for (uint64_t id = 1; id <= 20; id++) {
		ask(scene->old, id);
		ask(newcomer, id);
	}
	close(newcomer);
}

static void not_now(void **state)
{
	static const int reading[] = { EINTR, EAGAIN }, sending[] = { EINTR, EAGAIN, ENOBUFS, ENOMEM };
	struct scene *scene = *state;

	for (size_t i = 0; i < COUNT(reading); i++) {
		faults.read_error = reading[i];
		ask_both(scene);
		assert_true(faults.failed > 40);
		expect_as_before(scene);
	}
	for (size_t i = 0; i < COUNT(sending); i++) {
		faults.send_error = sending[i];
		ask_both(scene);
		assert_true(faults.failed > 20);
		expect_as_before(scene);
	}
}

/* The kernel has no memory, and room in the socket all the while: what waits is tried again ten times a second. */
static void not_for_a_while(void **state)
{
	struct scene *scene = *state;
	double began = clock_now();
	uint8_t bytes[512];

	faults.always = true;
	faults.send_error = ENOBUFS;
	send_all(scene->old, bytes, put_notify(bytes, sizeof(bytes), 1));
	while (faults.failed < 4) {
		assert_true(clock_now() - began < PATIENCE);
		sched_yield();
	}
	assert_true(clock_now() - began > 0.25);
	faults.send_error = 0;
	assert_int_equal(receive_frame(scene->old, bytes, sizeof(bytes)).type, SPOP_ACK);
	expect_as_before(scene);
}

static void only_some(void **state)
{
	static const unsigned most[] = { 1, 2, 3, 7, 40 };
	struct scene *scene = *state;

	for (size_t i = 0; i < COUNT(most); i++) {
		faults.read_max = most[i];
		ask_both(scene);
		faults.send_max = most[i];
		ask_both(scene);
		faults.read_max = 0;
		ask_both(scene);
		faults.send_error = EAGAIN;
		ask_both(scene);
		expect_as_before(scene);
	}
}

/* The newcomer meets it, at its HELLO or at the answer. */
static void broken(struct scene *scene, _Atomic int *which, int error)
{
	uint8_t bytes[512];
	int newcomer;

	faults.once = true;
	*which = error;
	newcomer = agent_connect(&scene->agent);
	send_all(newcomer, bytes, put_hello(bytes, sizeof(bytes), 16380));
	while (recv(newcomer, bytes, sizeof(bytes), 0) > 0)
		fail_msg("an answer");
	assert_true(errno != EAGAIN); /* that would be the end of patience */
	close(newcomer);
	assert_int_equal(faults.failed, 1);
	expect_as_before(scene);
}

static void connection_broken(void **state)
{
	broken(*state, &faults.read_error, ECONNRESET);
	broken(*state, &faults.read_error, ENOMEM);
	broken(*state, &faults.send_error, EPIPE);
}

/* ---- memory ---- */

/* HELLO, a NOTIFY in two pieces, a whole one. */
static size_t put_all(uint8_t *to, size_t room)
{
	uint8_t whole[512];
	struct spop_slice in = { whole, put_notify(whole, sizeof(whole), 1) };
	struct spop_frame frame;
	struct spop_writer writer;
	size_t len = put_hello(to, room, 16380), half;

	assert_int_equal(spop_frame_decode(&in, 16380, &frame), SPOP_OK);
	half = frame.payload.len / 2;
	spop_writer_init(&writer, to + len, room - len);
	spop_frame_begin_flags(&writer, SPOP_NOTIFY, 0, 1, 1);
	spop_put_bytes(&writer, frame.payload.ptr, half);
	assert_true(spop_frame_end(&writer, 16380));
	spop_frame_begin_flags(&writer, SPOP_UNSET, SPOP_FIN, 1, 1);
	spop_put_bytes(&writer, frame.payload.ptr + half, frame.payload.len - half);
	assert_true(spop_frame_end(&writer, 16380));
	len = (size_t)(writer.at - to);
	return len + put_notify(to + len, room - len, 2);
}

/* Everything that it asked for was answered; false: it was refused in a manner that HAProxy understands. */
static bool is_served(int fd)
{
	uint8_t bytes[4096];
	struct spop_slice in = { bytes, 0 };
	struct spop_frame frame;
	bool aborted = false;

	for (;;) {
		ssize_t got = recv(fd, bytes + in.len, 1, 0);

		if (got <= 0) {
			assert_true(got == 0 || errno == ECONNRESET);
			return false;
		}
		in.ptr = bytes;
		in.len++;
		if (spop_frame_decode(&in, 16380, &frame) != SPOP_OK)
			continue;
		in.len = 0;
		if (frame.type == SPOP_AGENT_DISCONNECT)
			return false;
		aborted |= frame.type == SPOP_ACK && (frame.flags & SPOP_ABORT);
		if (frame.type == SPOP_ACK && frame.stream_id == 2)
			return !aborted;
	}
}

/* With frames that come and go in pieces, so that all the kinds of memory are asked for. */
static bool converse(struct scene *scene, unsigned fail_at)
{
	uint8_t bytes[2048];
	bool served;
	int fd;

	faults.read_max = 20;
	faults.send_max = 5;
	faults.send_error = EAGAIN;
	faults.fail_at = fail_at;
	fd = agent_connect(&scene->agent);
	/* it may have been refused by now, and closed */
	served = send(fd, bytes, put_all(bytes, sizeof(bytes)), MSG_NOSIGNAL) > 0 && is_served(fd);
	close(fd);
	return served;
}

static void connection_without_memory(void **state)
{
	struct scene *scene = *state;
	unsigned n = 0, refused = 0, used;
	bool served;

	do {
		served = converse(scene, ++n);
		used = faults.allocations;
		refused += !served;
		assert_true(served || used >= n);
		expect_as_before(scene);
	} while (used >= n && n < MAX_N);
	assert_true(n < MAX_N && served);
	assert_true(refused >= 5); /* the connection, a frame, fragments, answers */
}

/* The first that ever comes also makes its worker's inbox. */
static void first_without_memory(void **state)
{
	struct agent agent;
	uint8_t byte;
	int fd;

	(void)state;
	faults.tester = pthread_self();
	for (unsigned n = 1; n <= 2; n++) {
		all_is_well();
		agent_start(&agent, "");
		faults.fail_at = n;
		fd = agent_connect(&agent);
		assert_int_equal(recv(fd, &byte, 1, 0), 0);
		assert_int_equal(faults.allocations, n);
		assert_int_equal(count_starved(&agent), 1);
		close(fd);
		all_is_well();
		fd = agent_greet(&agent);
		ask(fd, 1);
		assert_int_equal(net_connections(agent.net), 1);
		close(fd);
		agent_stop(&agent);
	}
}

/* ---- starting ---- */

/* As main.c does it. False: refused, which must have been said. */
static bool build(struct agent *agent, const char *file, struct net_settings **settings)
{
	struct config_room rooms[4];
	struct ruleset *ruleset;
	struct config *config;

	agent->arena = arena_new();
	if (!agent->arena)
		return false;
	*settings = net_settings_new(agent->arena);
	ruleset = ruleset_new(agent->arena);
	if (!*settings || !ruleset)
		return false;
	agent->fleet = fleet_new(agent->arena, net_settings_log(*settings), balance_default());
	if (!agent->fleet)
		return false;
	rooms[0] = net_room(*settings);
	rooms[1] = ruleset_room(ruleset);
	rooms[2] = fleet_room(agent->fleet);
	rooms[3] = balance_room(agent->fleet);
	config = config_new(agent->arena, rooms, COUNT(rooms));
	if (!config)
		return false;
	config_read(config, file);
	balance_finish(agent->fleet, ruleset, config);
	ruleset_finish(ruleset, config);
	fleet_finish(agent->fleet, config, clock_now());
	net_settings_finish(*settings, ruleset, agent->fleet, config);
	return answer_prepare(agent->arena, agent->fleet) && !arena_failed(agent->arena) &&
	       config_count(config, CONFIG_ERROR) == 0;
}

static bool start(struct agent *agent, const char *file)
{
	struct net_settings *settings;
	char why[300] = "";

	agent->net = NULL;
	if (!build(agent, file, &settings))
		return false;
	agent->net = net_open(settings, NULL, why, sizeof(why));
	assert_true(agent->net || *why);
	return agent->net && net_start(agent->net, why, sizeof(why));
}

/* So much that memory runs out in the midst of each kind of line. */
static void write_much(const struct agent *agent, const char *file)
{
	static char much[1u << 20];
	FILE *out = fmemopen(much, sizeof(much), "w");

	assert_non_null(out);
	for (unsigned i = 0; i < 16; i++) {
		fprintf(out, "backend b%u\n  balance %s\n", i, i % 2 ? "least-load" : "roundrobin");
		for (unsigned j = 0; j < 32; j++)
			fprintf(out, "  server s%u 192.0.2.%u:80 redir https://s%u.example.com\n", j, j + 1, j);
	}
	for (unsigned i = 0; i < 8; i++) {
		fprintf(out, "frontend f%u\n  bind unix@%s\n", i, agent->socket);
		for (unsigned j = 0; j < 40; j++)
			fprintf(out,
				"  acl a%u path_beg -i /%u/%u /a/%u\n  acl r%u path_reg ^/%u$\n"
				"  use_backend b%u if a%u !r%u\n",
				j, i, j, j, j, j, j % 16, j, j);
	}
	fclose(out);
	agent_write_config(agent, much, file);
}

/* Of the allocations, how many go by between two that fail: there are thousands, and one sanitizer makes each slow. */
#ifdef __SANITIZE_THREAD__
#define EACH 7u
#else
#define EACH 1u
#endif

static void start_without_memory(void **state)
{
	struct agent agent = { .folder = "/tmp/spoa-unit-XXXXXX" };
	unsigned n = 0, fds, used;
	char file[96];
	bool started;

	(void)state;
	assert_non_null(mkdtemp(agent.folder));
	snprintf(agent.socket, sizeof(agent.socket), "%s/spop.sock", agent.folder);
	snprintf(file, sizeof(file), "%s/agent.cfg", agent.folder);
	write_much(&agent, file);
	fds = count_fds();
	do {
		all_is_well();
		faults.fail_at = n += EACH;
		faults.everywhere = true;
		started = start(&agent, file);
		used = faults.allocations;
		all_is_well();
		assert_true(started || used >= n); /* what can be made later may be missing */
		if (started)
			close(agent_greet(&agent));
		net_stop(agent.net);
		arena_free(agent.arena);
		assert_int_equal(access(agent.socket, F_OK), -1);
		assert_int_equal(count_fds(), fds);
	} while (used >= n && n < MAX_N);
	assert_true(started && n > 20);

	unlink(file);
	assert_int_equal(rmdir(agent.folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accept_without_resources, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accept_without_descriptors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accept_interrupted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_now, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_for_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_some, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connection_broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connection_without_memory, set_up, tear_down),
		cmocka_unit_test(first_without_memory),
		cmocka_unit_test(start_without_memory),
	};

	return cmocka_run_group_tests_name("net: what the system refuses", tests, NULL, NULL);
}
