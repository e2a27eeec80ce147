/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a request a backend hashes, and that its frontends ask HAProxy for it. */
#include "request.h"
#include "spoa-redirect/base/hash.h"

#define SERVERS                                                   \
	"  server w1 192.0.2.1:80 redir https://w1.example.com\n" \
	"  server w2 192.0.2.2:80 redir https://w2.example.com\n"

static void open_with(struct site *site, const char *balance)
{
	char text[600];

	sprintf(text, "frontend route\n  default_backend web\nbackend web\n  balance %s\n" SERVERS, balance);
	site_open(site, text, 1);
}

static struct slice key_of(struct site *site, const struct argument *arguments)
{
	const struct frontend *frontend = ruleset_frontend(site->ruleset, 0);

	decide(site, arguments);
	return frontend_key(frontend, fleet_backend(site->fleet, 0)->hash.key, &site->scratch.request,
			    site->scratch.rules);
}

static void the_key_is_what_the_line_names(void **state)
{
	static const struct {
		const char *balance;
		struct argument arguments[MAX_ARGUMENTS];
		const char *key; /* NULL: none */
	} cases[] = {
		{ "hash req.hdr(x-user)", { PATH("/a"), STRING("hdr(x-user)", "ann") }, "ann" },
		{ "hash req.hdr(x-user)", { PATH("/a"), STRING("hdr(x-user)", "ann, bob") }, "bob" },
		{ "hash req.hdr(x-user),lower", { PATH("/a"), STRING("hdr(x-user)", "ANN") }, "ann" },
		{ "hash req.hdr(x-user)", { PATH("/a"), STRING("hdr(x-user)", "") }, NULL },
		{ "hash req.hdr(x-user)", { PATH("/a") }, NULL },
		{ "hash req.cook(s)", { PATH("/a"), STRING("hdr(cookie)", "a=1; s=abc") }, "abc" },
		{ "hash path,field(2,/)", { PATH("/tenant/x") }, "tenant" },
		{ "hdr(x-user)", { PATH("/a"), STRING("hdr(x-user)", "ann, bob") }, "ann" },
		{ "hdr(host)", { PATH("/a"), HOST("www.example.com") }, "www.example.com" },
		{ "hdr(host) use_domain_only", { PATH("/a"), HOST("www.example.com") }, "example" },
		{ "hdr(host) use_domain_only", { PATH("/a"), HOST("example.com") }, "example" },
		{ "hdr(host) use_domain_only", { PATH("/a"), HOST("localhost") }, "localhost" },
		{ "hdr(host) use_domain_only", { PATH("/a"), HOST(".com") }, NULL },
		{ "source", { PATH("/a"), IPV4("src", "\x0a\x01\x02\x03") }, "10.1.2.3" },
		{ "source", { PATH("/a") }, NULL },
		{ "uri", { PATH("/a/b/c"), STRING("query", "d=e") }, "/a/b/c" },
		{ "uri path-only", { PATH("/a/b/c"), STRING("query", "d=e") }, "/a/b/c" },
		{ "uri whole", { PATH("/a/b/c"), STRING("query", "d=e") }, "/a/b/c?d=e" },
		{ "uri len 4", { PATH("/a/b/c") }, "/a/b" },
		{ "uri len 40", { PATH("/a/b/c") }, "/a/b/c" },
		{ "uri depth 1", { PATH("/a/b/c") }, "/a" },
		{ "uri depth 2", { PATH("/a/b/c") }, "/a/b" },
		{ "uri depth 3", { PATH("/a/b/c") }, "/a/b/c" },
		{ "uri len 3 depth 1", { PATH("/abc/b/c") }, "/ab" },
		{ "url_param id", { PATH("/a"), STRING("query", "x=1&id=77&id=78") }, "77" },
		{ "url_param id", { PATH("/a"), STRING("query", "id=") }, NULL },
		{ "url_param id", { PATH("/a"), STRING("query", "idx=1") }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice wanted = cases[i].key ? slice_of_string(cases[i].key) : slice_of(NULL, 0), key;
		struct site site;

		open_with(&site, cases[i].balance);
		key = key_of(&site, cases[i].arguments);
		if (!key.ptr != !wanted.ptr || !slice_eq(key, wanted))
			fail_msg("case %zu: '%.*s'", i, SLICE_ARGS(key));
		site_close(&site);
	}
}

/* Whom the key leads to is who is answered; a request without one can get either. */
static void a_request_goes_where_its_key_leads(void **state)
{
	struct site site;

	(void)state;
	open_with(&site, "hash req.hdr(x-user)");
	for (unsigned i = 0; i < 200; i++) {
		char user[16];
		struct backend *backend = fleet_backend(site.fleet, 0);
		struct argument arguments[MAX_ARGUMENTS] = { METHOD("GET"), PATH("/a"), STRING("hdr(x-user)", "") };
		struct server *server;

		sprintf(user, "user%u", i / 2);
		arguments[2].value.bytes = (struct spop_slice){ (const uint8_t *)user, strlen(user) };
		server = backend->balance->pick(backend, hash_of(slice_of_string(user)), SITE_START,
						&site.scratch.picker);
		assert_ptr_equal(decide(&site, arguments).server, server);
	}
	site_close(&site);
}

/* Each frontend reads keys in slots of its own, and only of backends that it may lead to. */
static void only_frontends_that_lead_there_read_it(void **state)
{
	static const char text[] =
		"defaults\n  balance hash arg(user)\n"
		"frontend one\n  acl a path /a\n  use_backend web if a\n  default_backend plain\n"
		"frontend two\n  default_backend plain\n"
		"frontend three\n  use_backend %[path]\n"
		"frontend four\n  default_backend near\n"
		"backend plain\n  balance first\n" SERVERS "backend web\n" SERVERS "backend more\n" SERVERS
		"backend near\n  balance first\n  fallback-backend web\n" SERVERS;
	static const bool reads[] = { true, false, true, true };
	struct site site;

	(void)state;
	site_open(&site, text, 1);
	for (size_t i = 0; i < COUNT(reads); i++) {
		const struct frontend *frontend = ruleset_frontend(site.ruleset, i);
		bool read = false;

		for (unsigned slot = REQUEST_FIRST_OWN; slot < REQUEST_MAX_SLOTS; slot++)
			read |= (frontend->needs >> slot & 1) &&
				strcmp(frontend_slot_name(frontend, slot), "user") == 0;
		assert_int_equal(read, reads[i]);
	}
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_what_the_line_names),
		cmocka_unit_test(a_request_goes_where_its_key_leads),
		cmocka_unit_test(only_frontends_that_lead_there_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
