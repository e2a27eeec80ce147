/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `import`: server lines, of which each parameter is taken over, or not, for itself. */
#include <string.h>

#include "import.h"
#include "spoa-redirect/config.h"
#include "spoa-redirect/site.h"

#define MOST_ARGUMENTS 3u

/* Of those that the agent may not know: what is followed by a value (HAProxy's manual, 5.2). */
static const char *const with_value[] = {
	"addr",
	"agent-addr",
	"agent-inter",
	"agent-port",
	"agent-send",
	"alpn",
	"ca-file",
	"check-alpn",
	"check-proto",
	"check-sni",
	"check-via",
	"ciphers",
	"ciphersuites",
	"client-sigalgs",
	"cookie",
	"crl-file",
	"crt",
	"curves",
	"downinter",
	"error-limit",
	"fall",
	"fastinter",
	"hash-key",
	"id",
	"init-addr",
	"init-state",
	"inter",
	"log-bufsize",
	"log-proto",
	"maxconn",
	"maxqueue",
	"max-reuse",
	"minconn",
	"namespace",
	"npn",
	"observe",
	"on-error",
	"on-marked-down",
	"on-marked-up",
	"pool-conn-name",
	"pool-idle-conn",
	"pool-low-conn",
	"pool-max-conn",
	"pool-purge-delay",
	"port",
	"proto",
	"redir",
	"resolve-net",
	"resolve-opts",
	"resolve-prefer",
	"resolvers",
	"rise",
	"set-proxy-v2-tlv-fmt",
	"shard",
	"sigalgs",
	"slowstart",
	"sni",
	"socks4",
	"source",
	"ssl-max-ver",
	"ssl-min-ver",
	"strict-maxconn",
	"tcp-md5sig",
	"tcp-ut",
	"track",
	"usesrc",
	"verify",
	"verifyhost",
	"weight",
	"ws",
	"proxy-v2-options",
	"interface",
};

static bool has_value(const char *word)
{
	for (size_t i = 0; i < COUNT(with_value); i++)
		if (strcmp(word, with_value[i]) == 0)
			return true;
	return false;
}

const char *import_refusal(struct import *import, enum import_kind kind, const char *line)
{
	static const char *const titles[] = { [IMPORT_OTHER] = "global",
					      [IMPORT_DEFAULTS] = "defaults",
					      [IMPORT_FRONTEND] = "frontend f",
					      [IMPORT_BACKEND] = "backend b" };
	const char *text = arena_printf(import->arena, "%s\n%s\n", titles[kind], line), *why = NULL;
	struct config_room rooms[SITE_ROOMS];
	struct site site = { 0 };
	struct config_told told;

	if (!text || !site_begin(&site, rooms) || !(site.config = config_new(site.arena, rooms, SITE_ROOMS)))
		why = "out of memory";
	else
		config_read_text(site.config, "import", slice_of_string(text));
	for (size_t i = 0; !why && config_told(site.config, i, &told); i++)
		if (told.severity == CONFIG_ERROR)
			why = arena_string(import->arena, told.text);
	site_release(&site);
	return why;
}

/* The words from `at` on, each as it is written. */
static const char *join(struct arena *arena, const struct slice *raw, size_t at, size_t n)
{
	const uint8_t *begin = raw[at].ptr, *end = raw[at + n - 1].ptr + raw[at + n - 1].len;

	return arena_printf(arena, "%.*s", (int)(end - begin), (const char *)begin);
}

/* The fewest words that are a parameter of ours; 0: none are, and *why says so. */
static size_t take_parameter(struct import *import, char *const *word, const struct slice *raw, size_t at, size_t n,
			     const char **why)
{
	bool is_redir = strcmp(word[at], "redir") == 0;

	for (size_t length = 1; length <= MOST_ARGUMENTS && at + length <= n; length++) {
		const char *text = join(import->arena, raw, at, length), *line, *said;

		line = text ? arena_printf(import->arena, "server s 192.0.2.1:80 %s%s",
					   is_redir ? "" : "redir http://a.example ", text)
			    : NULL;
		said = line ? import_refusal(import, IMPORT_BACKEND, line) : "out of memory";
		if (!said)
			return length;
		/* the last one speaks of the value */
		if (length == 1 || has_value(word[at]))
			*why = said;
	}
	return 0;
}

/* Adds to one of the two texts, that blanks or commas separate. */
static void append(struct arena *arena, const char **text, const char *separator, const char *more)
{
	if (!more || !*text)
		return;
	*text = **text ? arena_printf(arena, "%s%s%s", *text, separator, more) : more;
}

void import_server(struct import *import, struct import_line *line, char *const *word, const struct slice *raw,
		   size_t n)
{
	bool is_server = strcmp(word[0], "server") == 0, has_redir = false;
	size_t at = is_server ? 3 : 1, kept = 0, length;
	const char *taken = "", *dropped = "", *why = "";

	if (is_server && n < 3) {
		line->why = "without an address";
		return;
	}
	for (; at < n; at += length) {
		length = take_parameter(import, word, raw, at, n, &why);
		has_redir |= length > 0 && strcmp(word[at], "redir") == 0;
		if (length > 0) {
			append(import->arena, &taken, " ", join(import->arena, raw, at, length));
			kept++;
			continue;
		}
		line->tls |= strcmp(word[at], "ssl") == 0 || strcmp(word[at], "check-ssl") == 0;
		length = has_value(word[at]) && at + 1 < n ? 2 : 1;
		append(import->arena, &dropped, ", ", join(import->arena, raw, at, length));
	}
	line->dropped = dropped && *dropped ? dropped : NULL;
	if (is_server && !has_redir)
		line->why = *why && strstr(why, "redir") ? why : "without 'redir' there is no URL to send clients to";
	else if (kept == 0)
		line->why = *why ? why : "without a parameter";
	line->text = arena_printf(import->arena, "%s %s", join(import->arena, raw, 0, is_server ? 3 : 1), taken);
	if (!line->text || !taken || !dropped)
		line->why = "out of memory";
}
