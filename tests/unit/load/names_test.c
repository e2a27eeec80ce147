/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of hosts: what servers are while there is no address, and when there is another. The resolver is a false one. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/load.h"
#include "spoa/load/names.h"
#include "tests/unit/site.h"

#define VALID 0.5
#define TEXT                                                                                                           \
	"backend web\n  server a a.example:81 redir http://a.example.com\n"                                            \
	"  server b 192.0.2.1:80 redir http://b.example.com\n"                                                         \
	"  server c a.example redir http://c.example.com\n"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *answer; /* NULL: there is no such name; "": it never answers */

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found);
void __wrap_freeaddrinfo(struct addrinfo *found);

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	struct sockaddr_in *address = calloc(1, sizeof(*address));
	int status = EAI_NONAME;

	(void)service;
	(void)hints;
	assert_string_equal(name, "a.example");
	*found = calloc(1, sizeof(**found));
	pthread_mutex_lock(&lock);
	while (answer && !*answer)
		pthread_cond_wait(&changed, &lock);
	if (answer && inet_pton(AF_INET, answer, &address->sin_addr) == 1)
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

static void resolves_to(const char *text)
{
	pthread_mutex_lock(&lock);
	answer = text;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
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

static void a_name_is_an_address_or_may_become_one(void **state)
{
	(void)state;
	site_says("backend web\n  server a 300.1.2.3:80 redir http://a.example.com\n",
		  "test.cfg:2: in section 'backend web': server 'a': '300.1.2.3:80': neither an address nor the name of a host");
	site_says("backend web\n  server a a_b/c:80 redir http://a.example.com\n",
		  "test.cfg:2: in section 'backend web': server 'a': 'a_b/c:80': neither an address nor the name of a host");
	site_says_nothing("backend web\n  server a ipv6@no.such.host:80 redir http://a.example.com check\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_address_a_server_is_down),
		cmocka_unit_test(another_address_is_followed_and_none_is_not),
		cmocka_unit_test(nobody_waits_for_a_resolver_that_is_silent),
		cmocka_unit_test(a_name_is_an_address_or_may_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
