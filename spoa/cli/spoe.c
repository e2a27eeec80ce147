/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `spoe`: the file that tells HAProxy to send what the rules read, and nothing more. */
#include <stdio.h>
#include <string.h>

#include "spoa-redirect/cli.h"

/* What HAProxy computes for an argument of ours. */
static const struct {
	enum request_slot slot;
	const char *argument;
} own[] = {
	{ REQUEST_METHOD, "method=method" }, { REQUEST_PATH, "path=path" }, { REQUEST_QUERY, "query=query" },
	{ REQUEST_SRC, "src=src" },          { REQUEST_SSL, "ssl=ssl_fc" },
};

/* Arguments that samples of the rules read, and that have no slot of their own. */
static const struct {
	const char *name, *argument;
} known[] = {
	{ "body", "body=req.body,bytes(0,4096)" }, /* needs option http-buffer-request in the frontend */
	{ "sni", "sni=ssl_fc_sni" },
	{ "ver", "ver=req.ver" },
};

/* Fields that HTTP knows once a request (RFC 9110, 6265), so that their whole value is one argument. */
static const char *const single[] = { "host",  "user-agent",    "cookie",         "referer",      "origin",  "from",
				      "range", "authorization", "content-length", "content-type", "if-range" };

/* Behind Host, which is always sent: those that only some rules read. */
#define FIRST_HEADER REQUEST_UPGRADE

#define FIRST_CODE 301u
#define LAST_CODE  308u

static bool is_header(const struct frontend *frontend, unsigned slot)
{
	return frontend->headers >> slot & 1;
}

static bool is_single(const char *argument)
{
	for (size_t i = 0; i < COUNT(single); i++) {
		size_t length = strlen(single[i]);

		if (strncmp(argument, "hdr(", 4) == 0 && strncmp(argument + 4, single[i], length) == 0 &&
		    strcmp(argument + 4 + length, ")") == 0)
			return true;
	}
	return false;
}

/* Whether some header of the rules may come as a list, or on several lines. */
static bool needs_all_headers(const struct frontend *frontend)
{
	for (unsigned slot = FIRST_HEADER; slot < REQUEST_MAX_SLOTS; slot++)
		if ((frontend->needs >> slot & 1) && is_header(frontend, slot) &&
		    !is_single(frontend_slot_name(frontend, slot)))
			return true;
	return false;
}

static void print_own_headers(const struct frontend *frontend)
{
	if (needs_all_headers(frontend)) {
		printf("    args hdrs=req.hdrs_bin\n");
		return;
	}
	printf("    args hdr(host)=req.fhdr(host)\n");
	for (unsigned slot = FIRST_HEADER; slot < REQUEST_MAX_SLOTS; slot++) {
		const char *name = frontend_slot_name(frontend, slot);

		if ((frontend->needs >> slot & 1) && is_header(frontend, slot))
			printf("    args %s=req.f%s\n", name, name);
	}
}

static const char *known_argument(const char *name)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].argument;
	return NULL;
}

static void print_free_argument(const char *name)
{
	if (strcmp(name, "body") == 0)
		printf("    # the frontend needs option http-buffer-request for this one\n");
	if (known_argument(name))
		printf("    args %s\n", known_argument(name));
	else
		printf("    # arg(%s) of the rules: put its sample in place of the empty string\n"
		       "    args %s=str()\n",
		       name, name);
}

/* Only who wrote the rules knows what an argument of their own choice is made of. */
static void print_free_arguments(const struct frontend *frontend)
{
	for (unsigned slot = REQUEST_FIRST_OWN; slot < REQUEST_MAX_SLOTS; slot++)
		if ((frontend->needs >> slot & 1) && !is_header(frontend, slot))
			print_free_argument(frontend_slot_name(frontend, slot));
}

/* Rules may have an argument of that name, too. */
static void print_id(const struct frontend *frontend, bool id)
{
	if (id)
		printf("    # as the frontend's unique-id-format makes it; without one it is empty\n"
		       "    args id=unique-id\n");
	else if (frontend->needs >> REQUEST_ID & 1)
		print_free_argument("id");
}

static void print_arguments(const struct frontend *frontend, bool id)
{
	/* what the answer itself needs, whatever the rules */
	uint64_t needs = frontend->needs | 1ull << REQUEST_QUERY | 1ull << REQUEST_SSL;

	printf("    args");
	for (size_t i = 0; i < COUNT(own); i++)
		if (needs >> own[i].slot & 1)
			printf(" %s", own[i].argument);
	printf("\n");
	print_own_headers(frontend);
	print_free_arguments(frontend);
	print_id(frontend, id);
}

/* Whether some backend answers with this status: HAProxy wants a line for each. */
static bool is_used(const struct fleet *fleet, unsigned code)
{
	for (size_t i = 0; i < fleet_count(fleet); i++)
		if (fleet_backend(fleet, i)->redirect.code == code)
			return true;
	return false;
}

/* 302 has its line from the README; of another it is easily forgotten, and HAProxy would serve the request itself, in silence. */
static bool has_other_codes(const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet_count(fleet); i++)
		if (fleet_backend(fleet, i)->redirect.code != 302)
			return true;
	return false;
}

/* Without its line HAProxy tells no client how long, and browsers keep a 301 or 308 for ever. */
static bool has_ttl(const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet_count(fleet); i++)
		if (fleet_backend(fleet, i)->redirect.ttl >= 0)
			return true;
	return false;
}

void cli_valid(const struct fleet *fleet)
{
	printf("Configuration file is valid\n");
	if (!has_other_codes(fleet) && !has_ttl(fleet))
		return;
	printf("haproxy.cfg needs a line for each code in use,");
	for (unsigned code = FIRST_CODE; code <= LAST_CODE; code++)
		if (is_used(fleet, code))
			printf(" %u", code);
	printf("%s: 'spoa-redirect spoe' prints them\n", has_ttl(fleet) ? ", and one for 'ttl'" : "");
}

static void print_message(const struct frontend *frontend, bool group, bool id)
{
	printf("\nspoe-message %s\n", frontend->name);
	print_arguments(frontend, id);
	if (group)
		return;
	printf("    # what a redirect would break: tunnels, upgrades, CORS preflights\n"
	       "    acl upgrade   req.hdr(upgrade) -m found\n"
	       "    acl preflight req.hdr(access-control-request-method) -m found\n"
	       "    event on-frontend-http-request unless METH_CONNECT or METH_TRACE or upgrade or preflight\n");
}

static bool is_repeated(const struct net_settings *settings, size_t i)
{
	const struct endpoint here = endpoint_from_here(net_settings_bind(settings, i));

	for (size_t earlier = 0; earlier < i; earlier++) {
		const struct endpoint other = endpoint_from_here(net_settings_bind(settings, earlier));

		if (endpoint_equal(&other, &here))
			return true;
	}
	return false;
}

/* By which of its addresses this HAProxy is to come is not for us to know. */
static void print_servers(const struct net_settings *settings)
{
	const struct endpoint *bind;
	char text[ENDPOINT_TEXT];
	bool some_file = false;

	for (size_t i = 0; (bind = net_settings_bind(settings, i)); i++) {
		const struct endpoint here = endpoint_from_here(bind);

		some_file |= here.any.sa_family == AF_UNIX;
		if (!is_repeated(settings, i))
			printf("#     %sserver a1 %s check\n", i ? "# or: " : "", endpoint_text(&here, text));
	}
	if (some_file)
		printf("#     # (where haproxy.cfg has 'chroot DIR': the path below DIR)\n");
	printf("\n");
}

/* What haproxy.cfg needs beside this file. */
static void print_use(const struct cli *cli, const struct site *site, bool old)
{
	const struct ruleset *ruleset = site->ruleset;

	printf("# For HAProxy %s, made by spoa-redirect spoe. In haproxy.cfg:\n"
	       "#\n"
	       "# frontend …\n"
	       "#     filter spoe engine redirect config /etc/haproxy/THIS-FILE\n",
	       old ? "up to 3.0" : "from 3.1 on");
	for (size_t i = 0; cli->group && i < ruleset_count(ruleset); i++)
		printf("#     http-request send-spoe-group redirect %s unless METH_CONNECT or METH_TRACE"
		       " or { req.hdr(upgrade) -m found } or { req.hdr(access-control-request-method) -m found }\n",
		       ruleset_frontend(ruleset, i)->name);
	for (unsigned code = FIRST_CODE; code <= LAST_CODE; code++)
		if (is_used(site->fleet, code))
			printf("#     http-request redirect location %%[var(txn.redirect.location)] code %u"
			       " if { var(txn.redirect.code) -m int %u }\n",
			       code, code);
	if (has_ttl(site->fleet))
		printf("#     http-after-response set-header cache-control \"private, "
		       "max-age=%%[var(txn.redirect.ttl)]\""
		       " if { var(txn.redirect.ttl) -m found }\n");
	printf("#\n"
	       "# backend agents\n"
	       "#     mode %s\n"
	       "#     option spop-check\n",
	       old ? "tcp" : "spop");
	print_servers(site->settings);
}

void cli_spoe(const struct cli *cli, const struct site *site)
{
	const struct ruleset *ruleset = site->ruleset;
	bool id = net_settings_log(site->settings)->sample > 0;
	bool old = cli->haproxy_major < 3 || (cli->haproxy_major == 3 && cli->haproxy_minor < 1);

	print_use(cli, site, old);
	printf("[redirect]\n\nspoe-agent redirect\n    %s", cli->group ? "groups" : "messages");
	for (size_t i = 0; i < ruleset_count(ruleset); i++)
		printf(" %s", ruleset_frontend(ruleset, i)->name);
	printf("\n    option var-prefix redirect\n%s    timeout processing 100ms\n    use-backend agents\n",
	       old ? "    timeout hello 2s\n    timeout idle 2m\n" : "");
	for (size_t i = 0; cli->group && i < ruleset_count(ruleset); i++)
		printf("\nspoe-group %s\n    messages %s\n", ruleset_frontend(ruleset, i)->name,
		       ruleset_frontend(ruleset, i)->name);
	for (size_t i = 0; i < ruleset_count(ruleset); i++)
		print_message(ruleset_frontend(ruleset, i), cli->group, id);
}
