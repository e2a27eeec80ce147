/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAYLOAD 65536u

char *payload_default_arguments[PAYLOAD_DEFAULT_ARGUMENTS] = {
	"method=GET",
	"path=/videos/2026/season-2/episode-13/master-1080p.mp4",
	"query=session=5f2c9c0e7a6b4d1f8e3a&quality=high&start=1337",
	"host=www.example.com",
	"src=ip:192.0.2.77",
	"hdr(user-agent)=Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 "
	"sid=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; lang=en; last=2026-11-23T12:00:00Z; "
	"cart=00112233445566778899aabbccddeeff; region=eu",
};

static bool add(struct payloads *payloads, const uint8_t *ptr, size_t len)
{
	struct spop_slice *more = realloc(payloads->each, (payloads->n + 1) * sizeof(*more));
	uint8_t *copy = malloc(len + 1);

	if (more)
		payloads->each = more;
	if (!more || !copy) {
		free(copy);
		return false;
	}
	memcpy(copy, ptr, len);
	payloads->each[payloads->n++] = (struct spop_slice){ copy, len };
	if (len > payloads->longest)
		payloads->longest = len;
	return true;
}

/* ---- from the command line ---- */

static bool to_value(const char *type, size_t type_len, const char *text, struct spop_value *value)
{
	static uint8_t address[16];
	struct spop_slice bytes = { (const uint8_t *)text, strlen(text) };

#define IS(name) (type_len == strlen(name) && memcmp(type, name, type_len) == 0)
	if (IS("str"))
		*value = (struct spop_value){ SPOP_STRING, { .bytes = bytes } };
	else if (IS("bin"))
		*value = (struct spop_value){ SPOP_BINARY, { .bytes = bytes } };
	else if (IS("int"))
		*value = (struct spop_value){ SPOP_INT64, { .integer = strtoll(text, NULL, 10) } };
	else if (IS("uint"))
		*value = (struct spop_value){ SPOP_UINT64, { .natural = strtoull(text, NULL, 10) } };
	else if (IS("bool"))
		*value = (struct spop_value){ SPOP_BOOL, { .boolean = strcmp(text, "true") == 0 } };
	else if (IS("null"))
		*value = (struct spop_value){ SPOP_NULL, { 0 } };
	else if (IS("ip") && inet_pton(AF_INET, text, address) == 1)
		*value = (struct spop_value){ SPOP_IPV4, { .address = address } };
	else if (IS("ip") && inet_pton(AF_INET6, text, address) == 1)
		*value = (struct spop_value){ SPOP_IPV6, { .address = address } };
	else
		return false;
#undef IS
	return true;
}

static bool put_argument(struct spop_writer *writer, const char *argument)
{
	const char *equals = strchr(argument, '='), *text, *colon;
	struct spop_value value = { SPOP_STRING, { .bytes = { NULL, 0 } } };

	if (!equals)
		return false;
	text = equals + 1;
	colon = strchr(text, ':');
	if (!colon || !to_value(text, (size_t)(colon - text), colon + 1, &value))
		value.bytes = (struct spop_slice){ (const uint8_t *)text, strlen(text) };
	spop_put_argument(writer, (struct spop_slice){ (const uint8_t *)argument, (size_t)(equals - argument) }, &value);
	return true;
}

bool payloads_add_message(struct payloads *payloads, const char *message, char **arguments, size_t n)
{
	static uint8_t room[MAX_PAYLOAD];
	struct spop_writer writer;

	spop_writer_init(&writer, room, sizeof(room));
	spop_put_message(&writer, (struct spop_slice){ (const uint8_t *)message, strlen(message) }, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		if (put_argument(&writer, arguments[i]))
			continue;
		fprintf(stderr, "spopbench: '%s' is not NAME=[TYPE:]VALUE\n", arguments[i]);
		return false;
	}
	if (!writer.full && add(payloads, room, (size_t)(writer.at - room)))
		return true;
	fprintf(stderr, "spopbench: the message is too long\n");
	return false;
}

/* ---- from a recording ---- */

static int nibble(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t n = 0;

	for (; nibble(hex[0]) >= 0 && nibble(hex[1]) >= 0; hex += 2)
		bytes[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
	return n;
}

/* A recording has what HAProxy sent on lines "> HEX"; a frame that is cut by the end of a line is left out. */
bool payloads_add_capture(struct payloads *payloads, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t room = 0, before = payloads->n;
	char *line = NULL;

	if (!file) {
		fprintf(stderr, "spopbench: cannot read '%s'\n", path);
		return false;
	}
	while (getline(&line, &room, file) > 0) {
		uint8_t *bytes = (uint8_t *)line; /* half as long as its text, which it overwrites */
		struct spop_slice in = { bytes, 0 };
		struct spop_frame frame;

		if (line[0] != '>' || line[1] != ' ')
			continue;
		in.len = from_hex(line + 2, bytes);
		while (spop_frame_decode(&in, MAX_PAYLOAD, &frame) == SPOP_OK)
			if (frame.type == SPOP_NOTIFY && frame.flags == SPOP_FIN)
				add(payloads, frame.payload.ptr, frame.payload.len);
	}
	free(line);
	fclose(file);
	if (payloads->n == before)
		fprintf(stderr, "spopbench: no whole NOTIFY in '%s'\n", path);
	return payloads->n > before;
}
