/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of hosts: what servers are while there is no address, and when there is another. The resolver is a false one. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <math.h>
#include <pthread.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/load.h"
#include "spoa/load/names.h"
#include "tests/unit/site.h"

#define VALID 0.5
#define TEXT                                                                \
	"backend web\n  server a a.example:81 redir http://a.example.com\n" \
	"  server b 192.0.2.1:80 redir http://b.example.com\n"              \
	"  server c a.example redir http://c.example.com\n"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *answers[2]; /* of a.example and b.example; NULL: there is no such name; "": nobody answers */

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found);
void __wrap_freeaddrinfo(struct addrinfo *found);

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	struct sockaddr_in *address = calloc(1, sizeof(*address));
	const char **answer = &answers[strcmp(name, "a.example") != 0];
	int status = EAI_NONAME;

	(void)service;
	(void)hints;
	assert_true(answer == answers || strcmp(name, "b.example") == 0);
	*found = calloc(1, sizeof(**found));
	pthread_mutex_lock(&lock);
	while (*answer && !**answer)
		pthread_cond_wait(&changed, &lock);
	if (*answer && inet_pton(AF_INET, *answer, &address->sin_addr) == 1)
		status = 0;
	pthread_mutex_unlock(&lock);
	address->sin_family = AF_INET;
	(*found)->ai_addr = (struct sockaddr *)address;
	(*found)->ai_addrlen = sizeof(*address);
	if (status != 0)
		__wrap_freeaddrinfo(*found);
	return status;
}

void __wrap_freeaddrinfo(struct addrinfo *found)
{
	free(found->ai_addr);
	free(found);
}

static void name_resolves_to(size_t i, const char *text)
{
	pthread_mutex_lock(&lock);
	answers[i] = text;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void resolves_to(const char *text)
{
	name_resolves_to(0, text);
}

struct asking {
	struct site site;
	struct ev_loop *loop;
	struct load load;
};

static void open_asking(struct asking *asking, const char *text)
{
	resolves_to(text);
	site_open(&asking->site, TEXT, 1);
	asking->loop = ev_loop_new(EVBACKEND_EPOLL);
	asking->load = (struct load){ .loop = asking->loop, .fleet = asking->site.fleet, .log = &asking->site.log };
	asking->load.names = names_new(&asking->load, VALID);
	assert_true(names_want(asking->load.names));
}

static void close_asking(struct asking *asking)
{
	names_free(asking->load.names);
	ev_loop_destroy(asking->loop);
	site_close(&asking->site);
}

static void becomes(struct asking *asking, const char *name, const char *address)
{
	const struct server *server = site_server(&asking->site, name);
	double until = clock_now() + 10;
	char text[ENDPOINT_TEXT];

	while (strcmp(endpoint_text(server_address(server), text), address) != 0) {
		ev_run(asking->loop, EVRUN_ONCE);
		if (clock_now() > until)
			fail_msg("%s is %s, not %s", name, text, address);
	}
}

/* For a while that is long enough to ask again. */
static void turn(struct asking *asking)
{
	double until = clock_now() + 3 * VALID;

	while (clock_now() < until)
		ev_run(asking->loop, EVRUN_ONCE);
}

static void without_an_address_a_server_is_down(void **state)
{
	struct asking asking;

	(void)state;
	open_asking(&asking, NULL);
	turn(&asking);
	assert_int_equal(server_status(site_server(&asking.site, "a")), SERVER_DOWN);
	assert_int_equal(server_status(site_server(&asking.site, "b")), SERVER_UP);
	assert_string_equal(site_pick(&asking.site, SITE_START), "b");
	resolves_to("192.0.2.7");
	becomes(&asking, "a", "192.0.2.7:81");
	becomes(&asking, "c", "192.0.2.7:0");
	assert_int_equal(server_status(site_server(&asking.site, "a")), SERVER_UP);
	assert_int_equal(server_status(site_server(&asking.site, "c")), SERVER_UP);
	close_asking(&asking);
}

static void another_address_is_followed_and_none_is_not(void **state)
{
	struct asking asking;

	(void)state;
	open_asking(&asking, "192.0.2.7");
	becomes(&asking, "a", "192.0.2.7:81");
	resolves_to("192.0.2.8");
	becomes(&asking, "a", "192.0.2.8:81");
	resolves_to(NULL);
	turn(&asking);
	becomes(&asking, "a", "192.0.2.8:81");
	assert_int_equal(server_status(site_server(&asking.site, "a")), SERVER_UP);
	close_asking(&asking);
}

static void nobody_waits_for_a_resolver_that_is_silent(void **state)
{
	struct asking asking;
	double then = clock_now();

	(void)state;
	open_asking(&asking, "");
	turn(&asking);
	assert_int_equal(server_status(site_server(&asking.site, "a")), SERVER_DOWN);
	close_asking(&asking);
	assert_true(clock_now() < then + 3 * VALID + 5);
	resolves_to(NULL); /* so that its threads end */
}

/* ---- of checks and agents ---- */

struct check {
	struct site site, next; /* next: in place of it, once it has a fleet */
	struct load load;
	struct probe *probes[2]; /* a's health, and its agent */
};

static void open_check(struct check *check, const char *text)
{
	const struct probe_kind *const kinds[] = { &health_tcp_kind, &agent_kind };

	check->next = (struct site){ 0 };
	site_open(&check->site, text, 1);
	check->load = (struct load){ .loop = ev_loop_new(EVBACKEND_EPOLL),
				     .fleet = check->site.fleet,
				     .log = &check->site.log,
				     .probes = check->probes,
				     .say_starved = INFINITY,
				     .n = COUNT(kinds) };
	for (size_t i = 0; i < COUNT(kinds); i++) {
		check->probes[i] = calloc(1, sizeof(struct probe));
		*check->probes[i] = (struct probe){ .kind = kinds[i],
						    .server = site_server(&check->site, "a"),
						    .load = &check->load,
						    .loop = check->load.loop };
	}
	check->load.names = names_new(&check->load, VALID);
	assert_true(names_want(check->load.names));
	for (size_t i = 0; i < COUNT(kinds); i++)
		probe_start(check->probes[i], 0);
}

static void close_check(struct check *check)
{
	for (size_t i = 0; i < check->load.n; i++) {
		probe_stop(check->probes[i]);
		free(check->probes[i]);
	}
	names_free(check->load.names);
	ev_loop_destroy(check->load.loop);
	site_close(check->next.fleet ? &check->next : &check->site);
}

static void goes_to(struct check *check, size_t i, const char *address)
{
	double until = clock_now() + 10;
	char text[ENDPOINT_TEXT];

	while (strcmp(endpoint_text(&check->probes[i]->to, text), address) != 0) {
		ev_run(check->load.loop, EVRUN_ONCE);
		if (clock_now() > until)
			fail_msg("asked is %s, not %s", text, address);
	}
}

static void checks_and_agents_follow_their_own_names(void **state)
{
	struct check check;

	(void)state;
	resolves_to("127.0.0.7");
	open_check(&check, "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check inter 50ms"
			   " addr a.example:9 agent-check agent-addr ipv4@a.example agent-port 11 agent-inter 50ms\n");
	goes_to(&check, 0, "127.0.0.7:9");
	goes_to(&check, 1, "127.0.0.7:11");
	resolves_to("127.0.0.8");
	goes_to(&check, 0, "127.0.0.8:9");
	goes_to(&check, 1, "127.0.0.8:11");
	close_check(&check);
}

/* What is not known yet is no failed check. */
static void the_first_check_waits_for_the_first_answer(void **state)
{
	const struct server *server;
	struct check check;
	double until;

	(void)state;
	resolves_to("");
	open_check(&check,
		   "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check inter 30s addr a.example"
		   " agent-check agent-addr a.example agent-port 11 agent-inter 30s\n");
	server = site_server(&check.site, "a");
	for (until = clock_now() + VALID; clock_now() < until;)
		ev_run(check.load.loop, EVRUN_ONCE);
	assert_true(check.probes[0]->waiting && check.probes[1]->waiting);
	assert_int_equal(server_status(server), SERVER_UP);
	resolves_to(NULL);
	for (until = clock_now() + 10; server_status(server) == SERVER_UP && clock_now() < until;)
		ev_run(check.load.loop, EVRUN_ONCE);
	assert_int_equal(server_status(server), SERVER_DOWN);
	assert_string_equal(server->state->check.why, "its name stands for no address");
	assert_int_equal(server->state->agent.status, CHECK_L4CON);
	close_check(&check);
}

/* ---- a name that nobody answers ---- */

static void wait_for_both(struct check *check)
{
	double until = clock_now() + 10;

	while (!check->probes[0]->waiting || !check->probes[1]->waiting) {
		ev_run(check->load.loop, EVRUN_NOWAIT);
		assert_true(clock_now() < until);
	}
}

/* As of the loop's last turn. */
static double patience_left(const struct check *check, size_t i)
{
	return ev_timer_remaining(check->load.loop, &check->probes[i]->timer);
}

/* At once, instead of after its time. */
static void run_out_of_patience(struct check *check, size_t i)
{
	ev_feed_event(check->load.loop, &check->probes[i]->timer, EV_TIMER);
	ev_run(check->load.loop, EVRUN_NOWAIT);
}

/* And what is said of them is no time-out of a connection, which nobody tried. */
static void a_name_that_nobody_answers_fails_its_checks(void **state)
{
	const struct server_state *seen;
	struct check check;

	(void)state;
	resolves_to("");
	name_resolves_to(1, "");
	open_check(&check,
		   "backend web\n  server a 192.0.2.1:80 redir http://a.example check inter 20ms fall 1 check-via redir"
		   " agent-check agent-addr b.example agent-port 11 agent-inter 20ms\n");
	seen = site_server(&check.site, "a")->state;
	wait_for_both(&check);
	for (size_t i = 0; i < 2; i++)
		assert_true(patience_left(&check, i) > 1.9 && patience_left(&check, i) < 2.1);
	run_out_of_patience(&check, 0);
	assert_int_equal(server_status(site_server(&check.site, "a")), SERVER_DOWN);
	assert_int_equal(seen->check.status, CHECK_L4CON);
	assert_string_equal(seen->check.why, "its name stands for no address");
	assert_true(!check.probes[0]->waiting && check.probes[1]->waiting);
	run_out_of_patience(&check, 1);
	assert_int_equal(seen->agent.status, CHECK_L4CON);
	assert_string_equal(seen->agent.why, "its name stands for no address");
	/* the next ones wait anew */
	wait_for_both(&check);
	resolves_to("127.0.0.7");
	goes_to(&check, 0, "127.0.0.7:80");
	name_resolves_to(1, "127.0.0.8");
	goes_to(&check, 1, "127.0.0.8:11");
	close_check(&check);
}

static void another_name_that_answers_leaves_it_no_more_time(void **state)
{
	struct check check;
	double left, until;

	(void)state;
	resolves_to("");
	name_resolves_to(1, "");
	open_check(&check,
		   "backend web\n  server a 192.0.2.1:80 redir http://a.example.com check inter 30s addr a.example"
		   " agent-check agent-addr b.example agent-port 11 agent-inter 30s\n");
	wait_for_both(&check);
	left = patience_left(&check, 0);
	for (until = clock_now() + 0.01; clock_now() < until;)
		ev_run(check.load.loop, EVRUN_NOWAIT);
	name_resolves_to(1, NULL);
	for (until = clock_now() + 10; check.probes[1]->waiting && clock_now() < until;)
		ev_run(check.load.loop, EVRUN_ONCE);
	assert_true(check.probes[0]->waiting && !check.probes[1]->waiting);
	assert_true(patience_left(&check, 0) < left - 0.009);
	close_check(&check);
	resolves_to(NULL); /* so that its thread ends */
}

/* ---- another configuration ---- */

static void move_check(struct check *check, const char *text)
{
	const struct probe_kind *const kinds[] = { &health_tcp_kind, &agent_kind };

	site_open(&check->next, text, 1);
	fleet_adopt(check->next.fleet, check->site.fleet, clock_now());
	check->load.fleet = check->next.fleet;
	check->load.log = &check->next.log;
	assert_true(names_want(check->load.names));
	for (size_t i = 0; i < check->load.n; i++)
		probe_move(check->probes[i], kinds[i], site_server(&check->next, "a"));
	site_close(&check->site);
}

#define TEXT_OF(check, agent)                                                   \
	"backend web\n  server a 192.0.2.1:80 redir http://a.example.com check" \
	" inter 30s addr " check " agent-check agent-addr " agent " agent-port 11 agent-inter 30s\n"

/* Whoever waits for a name that is wanted as before has not more time, nor is it asked again. */
static void what_is_wanted_as_before_waits_on(void **state)
{
	struct check check;
	double started;

	(void)state;
	resolves_to("");
	name_resolves_to(1, "");
	open_check(&check, TEXT_OF("a.example:9", "b.example"));
	wait_for_both(&check);
	started = check.probes[0]->started;
	move_check(&check, TEXT_OF("a.example:9", "127.0.0.9"));
	goes_to(&check, 1, "127.0.0.9:11");
	assert_true(check.probes[0]->waiting && check.probes[0]->started == started);
	assert_int_equal(check.probes[0]->asked, 1);
	resolves_to("127.0.0.7");
	goes_to(&check, 0, "127.0.0.7:9");
	assert_int_equal(check.probes[0]->asked, 1);
	close_check(&check);
	name_resolves_to(1, NULL); /* so that its thread ends */
}

/* It does not go on waiting for the one that nobody wants any more. */
static void another_name_is_asked_for_at_once(void **state)
{
	struct check check;

	(void)state;
	resolves_to("");
	name_resolves_to(1, "127.0.0.8");
	open_check(&check, TEXT_OF("a.example:9", "b.example"));
	goes_to(&check, 1, "127.0.0.8:11");
	assert_true(check.probes[0]->waiting);
	move_check(&check, TEXT_OF("b.example:9", "b.example"));
	goes_to(&check, 0, "127.0.0.8:9");
	close_check(&check);
	resolves_to(NULL); /* so that its thread ends */
}

static void an_address_waits_for_no_name(void **state)
{
	struct check check;

	(void)state;
	resolves_to("");
	name_resolves_to(1, "");
	open_check(&check, TEXT_OF("a.example:9", "b.example"));
	wait_for_both(&check);
	move_check(&check, TEXT_OF("127.0.0.9:9", "127.0.0.9"));
	probe_wake(check.probes[0]); /* the answer came just then */
	goes_to(&check, 0, "127.0.0.9:9");
	goes_to(&check, 1, "127.0.0.9:11");
	close_check(&check);
	resolves_to(NULL);
	name_resolves_to(1, NULL);
}

static void a_name_is_an_address_or_may_become_one(void **state)
{
	(void)state;
	site_says("backend web\n  server a 300.1.2.3:80 redir http://a.example.com\n",
		  "test.cfg:2: in section 'backend web': server 'a': '300.1.2.3:80': neither an address nor the name "
		  "of a host");
	site_says("backend web\n  server a a_b/c:80 redir http://a.example.com\n",
		  "test.cfg:2: in section 'backend web': server 'a': 'a_b/c:80': neither an address nor the name of a "
		  "host");
	site_says("backend web\n  server a 192.0.2.1:80 redir http://a.example.com check addr 300.1.2.3\n",
		  "test.cfg:2: in section 'backend web': server 'a': '300.1.2.3': neither an address nor the name of a "
		  "host");
	site_says_nothing("backend web\n  server a 192.0.2.1:80 redir http://a.example.com check addr no.such.host:81 "
			  "agent-check agent-addr no.such.host agent-port 82\n");
	site_says_nothing("backend web\n  server a ipv6@no.such.host:80 redir http://a.example.com check\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_address_a_server_is_down),
		cmocka_unit_test(another_address_is_followed_and_none_is_not),
		cmocka_unit_test(nobody_waits_for_a_resolver_that_is_silent),
		cmocka_unit_test(checks_and_agents_follow_their_own_names),
		cmocka_unit_test(the_first_check_waits_for_the_first_answer),
		cmocka_unit_test(a_name_that_nobody_answers_fails_its_checks),
		cmocka_unit_test(another_name_that_answers_leaves_it_no_more_time),
		cmocka_unit_test(what_is_wanted_as_before_waits_on),
		cmocka_unit_test(another_name_is_asked_for_at_once),
		cmocka_unit_test(an_address_waits_for_no_name),
		cmocka_unit_test(a_name_is_an_address_or_may_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
