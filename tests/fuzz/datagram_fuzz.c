/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams from anybody. The first byte says whether the rest is signed with our key before it is taken.
 * - The parts lie within the datagram, in their order, and what is signed is all before the last blank.
 * - Without a signature nothing that is known of a server changes; with one the numbers only rise.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "site.h"
#include "spoa/load/datagram.h"
#include "spoa/load/receiver.h"
#include "tests/unit/load/signed.h"

#define KEY "the key of this target"

static const char text[] = "frontend f\n bind 127.0.0.1:1\n default_backend web\n"
			   "backend web\n server a 192.0.2.1:80 redir http://a.example load-push\n"
			   " server b 192.0.2.1:80 redir http://b.example\n";

static struct site site;
static struct load *load;
static double now = SITE_NOW;

static void build(void)
{
	static struct load_settings settings = { .keys = { SLICE(KEY) }, .n_keys = 1 };
	static const struct log silent = { .n = 0 };
	char why[200];

	site_of(&site, text);
	load = load_start(ev_loop_new(EVFLAG_NOENV), site.fleet, &silent);
	must(load && load_prepare(load, &settings, NULL, why, sizeof(why)));
	load_receive(load);
}

static const struct server_state *state_of(size_t i)
{
	return fleet_backend(site.fleet, 0)->servers[i]->state;
}

static void check_parts(struct slice bytes)
{
	const uint8_t *end = bytes.ptr + bytes.len;
	struct datagram datagram;

	if (!datagram_read(bytes, &datagram))
		return;
	must(datagram.text.ptr == bytes.ptr && datagram.signature.ptr == bytes.ptr + datagram.text.len + 1);
	must(datagram.signature.ptr + datagram.signature.len <= end);
	must(datagram.backend.ptr > bytes.ptr && datagram.backend.len > 0 && datagram.seq > 0);
	must(datagram.server.ptr == datagram.backend.ptr + datagram.backend.len + 1 && datagram.server.len > 0);
	must(datagram.json.ptr > datagram.server.ptr + datagram.server.len);
	must(datagram.json.ptr + datagram.json.len == bytes.ptr + datagram.text.len);
}

/* Some seeds bring a signature of their own, and a good one. */
static bool is_signed(const char *line)
{
	char copy[1001], room[1000 + 2 + SIGNATURE_HEX], *blank;
	struct slice with;

	strcpy(copy, line);
	blank = strrchr(copy, ' ');
	if (!blank)
		return false;
	*blank = 0;
	with = signed_with(room, KEY, copy);
	return with.len == strlen(line) && strncasecmp((const char *)with.ptr, line, with.len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct endpoint from = { .length = 0 };
	uint64_t seq, taken;
	char line[1001], room[1000 + 2 + SIGNATURE_HEX];
	struct slice bytes;
	bool sign;

	if (!load)
		build();
	if (size < 1 || size > 1000)
		return 0;
	sign = data[0] & 1;
	memcpy(line, data + 1, size - 1);
	line[size - 1] = 0;
	bytes = sign ? signed_with(room, KEY, line) : slice_of(data + 1, size - 1);
	sign = sign || is_signed(line);
	check_parts(bytes);
	fleet_backend(site.fleet, 0)->servers[0]->state->pushed_seq = seq = size % 3;
	taken = state_of(0)->said[SOURCE_PUSH].taken;
	receiver_take(load->receiver, bytes, &from, now += 0.01);
	must(state_of(0)->pushed_seq >= seq && state_of(0)->said[SOURCE_PUSH].taken <= taken + (sign ? 1 : 0));
	must(state_of(0)->pushed_seq == seq ? state_of(0)->said[SOURCE_PUSH].taken == taken : sign);
	must(state_of(1)->said[SOURCE_PUSH].taken == 0);
	must(!(atomic_load(&state_of(0)->load.q) > 1e9) && !isnan(atomic_load(&state_of(0)->load.q)));
	return 0;
}
