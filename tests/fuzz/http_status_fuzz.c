/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an HTTP check hears, as the answer to one question.
 * - It passes if, and only if, it begins with a status line of HTTP/1 (RFC 9112 section 4) and a code of 2xx or 3xx.
 * - More bytes do not make a complete answer incomplete, and bytes behind the code change nothing.
 */
#include <string.h>

#include "site.h"
#include "spoa/load/probe.h"
#include "spoa/net/net.h"

static const char text[] = "frontend f\n bind 127.0.0.1:1\n default_backend web\n"
			   "backend web\n balance first\n option httpchk\n"
			   " server s 192.0.2.1:80 redir https://a.example check fall 1 rise 1\n";

/* Whether the server is up after this answer, whatever it was before. */
static bool passes(struct load *load, struct server *server, struct slice answer)
{
	struct probe probe = { .kind = &health_http_kind, .server = server, .load = load };
	bool up[2];

	for (unsigned before = 0; before < 2; before++) {
		server_set_health(load->fleet, server, before, "", SITE_NOW);
		must((server_status(server) == SERVER_UP) == before);
		health_http_kind.done(&probe, PROBE_ANSWERED, answer, SITE_NOW);
		up[before] = server_status(server) == SERVER_UP;
	}
	must(up[0] == up[1]);
	return up[0];
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_good(struct slice answer)
{
	const uint8_t *at = answer.ptr;

	return answer.len >= 12 && memcmp(at, "HTTP/1.", 7) == 0 && at[8] == ' ' && (at[9] == '2' || at[9] == '3') &&
	       is_digit(at[10]) && is_digit(at[11]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site site;
	static struct log silent;
	struct slice answer = slice_of(data, size < PROBE_ROOM ? size : PROBE_ROOM);
	struct load load = { .log = &silent };
	struct server *server;
	bool good;

	if (!site.arena) {
		site_of(&site, text);
		site.settings->log.n = 0;
	}
	load.fleet = site.fleet;
	server = fleet_backend(site.fleet, 0)->servers[0];
	good = passes(&load, server, answer);
	must(good == is_good(answer));
	must(!good || passes(&load, server, slice_of(answer.ptr, 12)));
	for (size_t i = 0; i <= answer.len; i++)
		must(health_http_kind.complete(slice_of(answer.ptr, i)) ==
		     (i > 0 && memchr(answer.ptr, '\n', i) != NULL));
	return 0;
}
