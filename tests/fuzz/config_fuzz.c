/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text as a configuration of all rooms.
 * - Each message begins with FILE:LINE, or with what has no line: a byte order mark.
 * - An error has a message, and none says that memory ran out, as it does not.
 * - What has no error can be asked, and answers.
 * Files and names of the system are not touched while a text is read: each file of patterns is PATTERNS, each host name
 * is unknown.
 */
#include <ctype.h>
#include <string.h>

#include "site.h"
#include "spoa/net/net.h"
#include "system.h"

/* ---- what is said ---- */

static void check_message(const char *message, struct slice text)
{
	static const char file[] = "fuzz.cfg:";
	const char *at = message + sizeof(file) - 1;

	must(strncmp(message, file, sizeof(file) - 1) == 0);
	if (*at == ' ') {
		must(slice_starts(text, SLICE("\xef\xbb\xbf")) && strstr(at, "byte order mark"));
	} else {
		must(*at >= '1' && *at <= '9');
		while (isdigit((unsigned char)*at))
			at++;
		must(at[0] == ':' && at[1] == ' ' && at[2]);
	}
}

static void check_messages(const struct config *config, struct slice text)
{
	const char *message;
	size_t i;

	for (i = 0; (message = config_message(config, i)); i++)
		check_message(message, text);
	must(i > 0 || config_count(config, CONFIG_ERROR) == 0);
}

/* ---- what it does ---- */

static size_t put_request(uint8_t *to, size_t room, const char *message)
{
	struct spop_value get = { SPOP_STRING, { .bytes = SPOP_SLICE("GET") } };
	struct spop_value path = { SPOP_STRING, { .bytes = SPOP_SLICE("/a/b.mp4") } };
	struct spop_value src = { SPOP_IPV4, { .address = (const uint8_t *)"\xc0\0\2\1" } };
	struct slice name = slice_of_string(message);
	struct spop_writer writer;

	spop_writer_init(&writer, to, room);
	spop_put_message(&writer, (struct spop_slice){ name.ptr, name.len }, 3);
	spop_put_argument(&writer, SPOP_SLICE("method"), &get);
	spop_put_argument(&writer, SPOP_SLICE("path"), &path);
	spop_put_argument(&writer, SPOP_SLICE("src"), &src);
	must(!writer.full);
	return (size_t)(writer.at - to);
}

static void ask_all(const struct site *site)
{
	static struct answer_scratch scratch;
	static uint8_t payload[8192], answer[SPOP_MIN_FRAME_SIZE + SPOP_LENGTH_SIZE];

	if (!scratch.rules)
		must(answer_scratch_init(&scratch));
	for (size_t i = 0; i < site->settings->n_binds; i++) {
		const struct bind *bind = &site->settings->binds[i];
		struct spop_frame notify = { SPOP_NOTIFY, SPOP_FIN, 1, 1, { payload, 0 } };
		struct spop_writer writer;

		if (bind->repeated)
			continue;
		notify.payload.len = put_request(payload, sizeof(payload), bind->frontend);
		spop_writer_init(&writer, answer, sizeof(answer));
		must(answer_notify(bind->routes, &scratch, &notify, SITE_NOW, SPOP_MIN_FRAME_SIZE, &writer));
		must(writer.at > answer);
	}
	select_settle(&scratch.picker, SITE_NOW); /* before the servers go */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site site;

	reading = true;
	site_read(&site, "fuzz.cfg", slice_of(data, size));
	reading = false;
	check_messages(site.config, slice_of(data, size));
	must(!arena_failed(site.arena));
	site.settings->log.n = 0;
	if (config_count(site.config, CONFIG_ERROR) == 0)
		ask_all(&site);
	arena_free(site.arena);
	return 0;
}
