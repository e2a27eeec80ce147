/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server's counter says of clients: what this agent and others like it asked themselves is not theirs. No socket. */
#include "spoa/load/probe.h"
#include "tests/unit/site.h"

#define SERVER  "  server a 192.0.2.1:80 redir http://a.example.com load-check http /load "
#define HTTPCHK "backend web\n  option httpchk GET /\n" SERVER "check port 81\n"
#define TCP     "backend web\n" SERVER "check\n"
#define NGINX \
	"Active connections: 1\nserver accepts handled requests\n %1$u %1$u %1$u\nReading: 0 Writing: 1 Waiting: 0\n"
#define APACHE "BusyWorkers: 1\nTotal Accesses: %u\n"

struct polled {
	struct site site;
	struct load load;
	struct server *server;
	struct probe poll, check;
	const char *form; /* of its answers */
	unsigned figure;
	unsigned requests; /* that it counted */
	double now;
};

static void open_polled(struct polled *polled, const char *text)
{
	*polled = (struct polled){ .form = NGINX, .figure = LOAD_A, .requests = 7000, .now = SITE_START };
	site_open(&polled->site, text, 1);
	polled->server = site_server(&polled->site, "a");
	polled->load = (struct load){ .fleet = polled->site.fleet, .log = &polled->site.log };
	polled->poll = (struct probe){ .kind = &poll_kind, .to = polled->server->load_check_address };
	polled->check = (struct probe){ .kind = &health_http_kind, .to = polled->server->check_address };
	polled->poll.server = polled->check.server = polled->server;
	polled->poll.load = polled->check.load = &polled->load;
	polled->server->state->probes[PROBED_HEALTH] = &polled->check;
}

/* As it is told to the policy, which does not hear of us. */
static double told(struct polled *polled)
{
	return *report_figure(&polled->server->state->said[SOURCE_CHECK].report, polled->figure);
}

/*
 * The server is asked once more, after so many checks, and has counted `ours`, all agents' questions and checks, and clients
 * since. Returns how many clients it is known to have had since.
 */
static double clients_known(struct polled *polled, unsigned checks, unsigned ours, unsigned clients)
{
	char body[300], answer[400];
	double before = told(polled);
	uint64_t taken = polled->server->state->said[SOURCE_CHECK].taken;

	polled->check.asked += checks;
	polled->poll.asked++;
	polled->requests += ours + clients;
	snprintf(body, sizeof(body), polled->form, polled->requests);
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	poll_kind.done(&polled->poll, PROBE_ANSWERED, slice_of_string(answer), polled->now += 1);
	assert_int_equal(polled->server->state->said[SOURCE_CHECK].taken, taken + 1);
	return told(polled) - before;
}

static void questions_and_checks_are_no_clients(void **state)
{
	static const struct {
		const char *form;
		unsigned figure;
	} forms[] = { { NGINX, LOAD_A }, { APACHE, LOAD_C } };

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct polled polled;

		open_polled(&polled, HTTPCHK);
		polled.form = forms[i].form;
		polled.figure = forms[i].figure;
		clients_known(&polled, 1, 2, 0);
		for (unsigned n = 0; n < 10; n++)
			assert_float_equal(clients_known(&polled, n % 4, 1 + n % 4, n), n, 0);
		site_close(&polled.site);
	}
}

static void nor_are_those_of_other_agents(void **state)
{
	struct polled polled;

	(void)state;
	open_polled(&polled, "global\n  agents 3\n" HTTPCHK);
	clients_known(&polled, 0, 3, 0);
	assert_float_equal(clients_known(&polled, 2, 9, 10), 10, 0);
	assert_float_equal(clients_known(&polled, 0, 3, 0), 0, 0);
	site_close(&polled.site);
}

static void connections_are_no_requests(void **state)
{
	struct polled polled;

	(void)state;
	open_polled(&polled, TCP);
	clients_known(&polled, 1, 1, 0);
	assert_float_equal(clients_known(&polled, 50, 1, 10), 10, 0);
	site_close(&polled.site);
}

/* However often nobody answered before: the first counter is taken as it is, and nothing is owed to it. */
static void what_was_before_the_first_counter_is_no_matter(void **state)
{
	struct polled polled;

	(void)state;
	open_polled(&polled, HTTPCHK);
	polled.poll.asked = 100;
	polled.check.asked = 1000;
	polled.requests = 0;
	assert_float_equal(clients_known(&polled, 3, 4, 10), 14, 0);
	assert_float_equal(clients_known(&polled, 3, 4, 10), 10, 0);
	site_close(&polled.site);
}

/* As where the name of its host stands for this one, now and then: of the others no counter here knows. */
static void checks_of_another_host_are_not_counted_here(void **state)
{
	struct endpoint elsewhere, here;
	struct polled polled;

	(void)state;
	assert_null(endpoint_parse(&elsewhere, "192.0.2.9:81", false, true));
	open_polled(&polled, HTTPCHK);
	here = polled.check.to;
	polled.check.to = elsewhere;
	clients_known(&polled, 500, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		polled.check.to = elsewhere;
		assert_float_equal(clients_known(&polled, 1000, 1, 10), 10, 0);
		assert_float_equal(clients_known(&polled, 1000, 1, 20), 20, 0);
		polled.check.to = here;
		assert_float_equal(clients_known(&polled, 3, 4, 10), 10, 0);
		assert_float_equal(clients_known(&polled, 3, 4, 20), 20, 0);
	}
	site_close(&polled.site);
}

/* Those of another configuration begin anew, or there are none; what they were is not subtracted, nor is less than nothing. */
static void checks_may_begin_anew(void **state)
{
	struct polled polled;
	double known;

	(void)state;
	open_polled(&polled, HTTPCHK);
	clients_known(&polled, 1000, 1001, 0);
	polled.check.asked = 0;
	known = clients_known(&polled, 2, 3, 10);
	assert_true(known >= 10 && known <= 12);
	assert_float_equal(clients_known(&polled, 2, 3, 10), 10, 0);
	polled.server->state->probes[PROBED_HEALTH] = NULL;
	assert_float_equal(clients_known(&polled, 0, 1, 10), 10, 0);
	polled.check.asked = 0;
	polled.server->state->probes[PROBED_HEALTH] = &polled.check;
	assert_float_equal(clients_known(&polled, 2, 3, 10), 10, 0);
	site_close(&polled.site);
}

/* One check at most is under way while the server answers, and comes with its next counter. */
static void what_is_not_counted_yet_is_owed(void **state)
{
	struct polled polled;

	(void)state;
	open_polled(&polled, HTTPCHK);
	clients_known(&polled, 1, 2, 0);
	assert_float_equal(clients_known(&polled, 1, 1, 0), 0, 0);
	assert_float_equal(clients_known(&polled, 1, 3, 10), 10, 0);
	/* a server that does not count its checks owes no more than that one, whatever it was asked */
	assert_float_equal(clients_known(&polled, 50, 1, 0), 0, 0);
	assert_float_equal(clients_known(&polled, 0, 1, 10), 9, 0);
	site_close(&polled.site);
}

static void a_restarted_server_counts_anew(void **state)
{
	struct polled polled;

	(void)state;
	open_polled(&polled, HTTPCHK);
	clients_known(&polled, 1, 2, 0);
	assert_float_equal(clients_known(&polled, 1, 1, 0), 0, 0); /* owes one, which is forgotten with it */
	polled.requests = 0;
	clients_known(&polled, 3, 1, 5);
	assert_float_equal(told(&polled), 0, 0);
	assert_float_equal(clients_known(&polled, 3, 4, 10), 10, 0);
	assert_float_equal(told(&polled), 10, 0);
	site_close(&polled.site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_and_checks_are_no_clients),
		cmocka_unit_test(nor_are_those_of_other_agents),
		cmocka_unit_test(connections_are_no_requests),
		cmocka_unit_test(what_was_before_the_first_counter_is_no_matter),
		cmocka_unit_test(checks_of_another_host_are_not_counted_here),
		cmocka_unit_test(checks_may_begin_anew),
		cmocka_unit_test(what_is_not_counted_yet_is_owed),
		cmocka_unit_test(a_restarted_server_counts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
