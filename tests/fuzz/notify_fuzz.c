/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A NOTIFY's payload to rules with every sample and method.
 * - An answer is one ACK of at most the agreed size, of whole actions, and tells a reason; no answer, no byte.
 * - It has a location if, and only if, the reason is "redirect".
 * - A location is a server's prefix from the configuration, "/", and bytes that RFC 3986 allows in a path and, behind
 *   the first "?", in a query: 3.3 and 3.4. It fits 15/16 of a frame.
 * - Asked again, the same is answered.
 *
 * Input: a byte for the agreed size, the lowest bit of which says whether the rest is a payload, or makes one: of each
 * argument a byte for its name, one for its type, one for its length, and its bytes.
 */
#include <string.h>

#include "site.h"

#define MAX_PAYLOAD 65536u
#define MAX_ACK     16384u

static const char text[] =
	"global\n log stderr format raw daemon emerg\n"
	"frontend f\n message m\n message n\n bind 127.0.0.1:1\n"
	" acl str path -i /index.html /\n"
	" acl beg path_beg /api/ /v2/\n"
	" acl end path_end -i .jpg .mp4 .m3u8\n"
	" acl sub pathq -m sub search ?q=\n"
	" acl dir path_dir archive old/new\n"
	" acl dom host -i -m dom example.com www\n"
	" acl reg path_reg ^/[0-9]+/(a|b)*$ x.*y.*z\n"
	" acl net src 10.0.0.0/8 2001:db8::/32 192.0.2.7\n"
	" acl found hdr(x-b) -m found\n"
	" acl cookie req.hdr(x-c) -m reg -i sid=[0-9a-f]{4}\n"
	" acl list hdr(accept-language) -m beg -i de fr\n"
	" acl query query -m sub debug=1 a\n"
	" acl arg arg(geo) DE AT CH\n"
	" acl address arg(geo) -m ip 192.0.2.0/24\n"
	" acl get method GET HEAD\n"
	" use_backend tls if str get !net or dom\n"
	" use_backend plain if beg || sub !query\n"
	" use_backend deep if end or dir\n"
	" use_backend made if found !cookie\n"
	" use_backend trial if found str\n"
	" use_backend ttl if reg or found cookie\n"
	" use_backend any unless !list !arg !address\n"
	" use_backend none if query\n"
	" default_backend tls\n"
	"backend tls\n balance first\n server s 192.0.2.1:80 redir https://tls.example.com\n"
	"backend plain\n balance first\n server s 192.0.2.1:80 redir http://plain.example.com:8080\n"
	"backend deep\n balance first\n redirect code 303\n server s 192.0.2.1:80 redir https://[2001:db8::1]/a/b/\n"
	"backend ttl\n balance first\n redirect code 301 ttl 1h\n server s 192.0.2.1:80 redir https://ttl.example.com/x\n"
	"backend made\n balance first\n redirect location https://made.example.com/x%[hdr(x-b)]?%[query]&%[path,url_dec]\n"
	" server s 192.0.2.1:80 redir http://other.example.com\n"
	"backend trial\n option dry-run\n server s 192.0.2.1:80 redir https://trial.example.com\n"
	"backend any\n balance first\n redirect code 307 methods GET POST PUT OPTIONS allow-downgrade\n"
	" server s 192.0.2.1:80 redir http://any.example.com\n"
	"backend none\n balance first\n server s 192.0.2.1:80 redir https://none.example.com disabled\n";

static const char *const prefixes[] = { "https://tls.example.com",   "http://plain.example.com:8080",
					"https://[2001:db8::1]/a/b", "https://ttl.example.com/x",
					"http://any.example.com",    "https://made.example.com" };

static const char *const names[] = {
	"path",         "query",       "method",          "host",   "src", "ssl",       "hdrs",
	"hdr(x-b)",     "hdr_x_c",     "accept-language", "geo",    "",    "hdr(host)", "hdr_accept_language",
	"hdr(upgrade)", "hdr_upgrade", "hdr(x-c)",        "unused", "pathq",
};

static struct answer_scratch scratch;

/* ---- the payload ---- */

static void put_value(struct spop_writer *writer, struct slice name, unsigned type, struct slice bytes)
{
	struct spop_value value = { .type = (enum spop_type)(type % 11 > 9 ? SPOP_STRING : type % 11) };
	uint8_t address[16] = { 0 };

	memcpy(address, bytes.ptr, bytes.len < 16 ? bytes.len : 16);
	switch (value.type) {
	case SPOP_BOOL:
		value.boolean = address[0] & 1;
		break;
	case SPOP_INT32:
	case SPOP_UINT32:
		value.integer = address[0];
		break;
	case SPOP_INT64:
	case SPOP_UINT64:
		memcpy(&value.natural, address, 8);
		break;
	case SPOP_IPV4:
	case SPOP_IPV6:
		value.address = address;
		break;
	default:
		value.bytes = (struct spop_slice){ bytes.ptr, bytes.len };
	}
	spop_put_argument(writer, (struct spop_slice){ name.ptr, name.len }, &value);
}

static struct spop_slice make_payload(struct slice rest)
{
	static uint8_t bytes[MAX_PAYLOAD], arguments[MAX_PAYLOAD];
	struct spop_writer writer, list;
	unsigned n = 0;

	spop_writer_init(&list, arguments, sizeof(arguments));
	for (; rest.len >= 3 && n < 255; n++) {
		unsigned name = rest.ptr[0], type = rest.ptr[1];
		size_t len = rest.ptr[2];

		rest = slice_from(rest, 3);
		if (len > rest.len)
			len = rest.len;
		put_value(&list, slice_of_string(names[name % COUNT(names)]), type, slice_of(rest.ptr, len));
		rest = slice_from(rest, len);
	}
	spop_writer_init(&writer, bytes, sizeof(bytes));
	spop_put_message(&writer, SPOP_SLICE("m"), n);
	spop_put_bytes(&writer, arguments, (size_t)(list.at - arguments));
	must(!list.full && !writer.full);
	return (struct spop_slice){ bytes, (size_t)(writer.at - bytes) };
}

/* ---- the answer ---- */

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool is_allowed(uint8_t c, bool in_query)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c && (strchr("-._~!$&'()*+,;=:@/", c) || (in_query && c == '?'));
}

static void check_location(struct slice location, uint32_t max)
{
	bool in_query = false;
	size_t i = 0;

	must(location.len <= max - max / 16);
	while (i < COUNT(prefixes) && !slice_starts(location, slice_of_string(prefixes[i])))
		i++;
	must(i < COUNT(prefixes));
	location = slice_from(location, strlen(prefixes[i]));
	must(location.len > 0 && location.ptr[0] == '/');
	for (i = 0; i < location.len; i++) {
		uint8_t c = location.ptr[i];

		if (c == '%') {
			must(location.len - i > 2 && is_hex(location.ptr[i + 1]) && is_hex(location.ptr[i + 2]));
			i += 2;
		} else if (c == '?' && !in_query) {
			in_query = true;
		} else {
			must(is_allowed(c, in_query));
		}
	}
}

static bool is_reason(struct slice reason)
{
	for (unsigned i = 0; i < REASONS; i++)
		if (slice_eq(reason, slice_of_string(answer_reason_name((enum answer_reason)i))))
			return true;
	return false;
}

static void check_ack(struct spop_slice in, uint32_t max)
{
	struct slice reason = { NULL, 0 }, location = { NULL, 0 };
	struct spop_frame frame;
	bool code = false;

	must(spop_frame_decode(&in, max, &frame) == SPOP_OK && in.len == 0);
	must(frame.type == SPOP_ACK && frame.flags == SPOP_FIN && frame.stream_id == 7 && frame.frame_id == 1);
	while (frame.payload.len > 0) {
		struct spop_action action;

		must(spop_take_action(&frame.payload, &action) && !action.unset && action.scope == SPOP_TXN);
		if (slice_eq(slice_of_spop(action.name), SLICE("reason")))
			reason = slice_of_spop(action.value.bytes);
		else if (slice_eq(slice_of_spop(action.name), SLICE("location")))
			location = slice_of_spop(action.value.bytes);
		else if (slice_eq(slice_of_spop(action.name), SLICE("code")))
			code = true;
	}
	must(reason.ptr && is_reason(reason));
	must(slice_eq(reason, SLICE("redirect")) == (location.ptr != NULL) && code == (location.ptr != NULL));
	if (location.ptr)
		check_location(location, max);
}

static size_t ask(const struct routes *routes, struct spop_slice payload, uint32_t max, uint8_t *to)
{
	struct spop_frame notify = { SPOP_NOTIFY, SPOP_FIN, 7, 1, payload };
	struct spop_writer writer;
	bool good;

	spop_writer_init(&writer, to, MAX_ACK + SPOP_LENGTH_SIZE);
	good = answer_notify(routes, &scratch, &notify, SITE_NOW, max, &writer);
	must(good == (writer.at > to));
	return (size_t)(writer.at - to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[MAX_ACK + SPOP_LENGTH_SIZE], second[MAX_ACK + SPOP_LENGTH_SIZE];
	static struct routes *routes;
	static struct site site;
	struct spop_slice payload;
	size_t len;
	uint32_t max;

	if (!routes) {
		site_of(&site, text);
		routes = site_routes(&site);
		must(answer_scratch_init(&scratch));
	}
	if (size < 1)
		return 0;
	max = SPOP_MIN_FRAME_SIZE + (uint32_t)(data[0] >> 1) * (data[0] >> 1);
	payload = (struct spop_slice){ data + 1, size - 1 };
	if (data[0] & 1)
		payload = make_payload(slice_of(data + 1, size - 1));
	len = ask(routes, payload, max, first);
	must(ask(routes, payload, max, second) == len && memcmp(first, second, len) == 0);
	if (len > 0)
		check_ack((struct spop_slice){ first, len }, max);
	return 0;
}
