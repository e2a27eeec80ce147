/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `option httpchk`, `http-check send` and `http-check expect`: what a health check asks, and which answers are good. */
#include <string.h>

#include "fleet.h"

#define MOST_HEADERS 4096u

/* ---- words ---- */

static bool is_visible(const char *word)
{
	for (; *word; word++)
		if (*word <= ' ' || *word == 0x7f)
			return false;
	return true;
}

/* Of a header's value or a body: what HAProxy would make of its formats is not made here. */
static bool is_plain(const char *word, bool lines)
{
	if (strstr(word, "%["))
		return false;
	for (; *word; word++)
		if (((unsigned char)*word < ' ' && *word != '\t' && !(lines && strchr("\r\n", *word))) || *word == 0x7f)
			return false;
	return true;
}

static const char *take_visible(struct config_words *words, const char *what)
{
	const char *word = config_take_word(words, what);

	if (word && (!*word || !is_visible(word))) {
		config_error(words, "a blank or a control byte in the request");
		return NULL;
	}
	return word;
}

/* ---- option httpchk ---- */

/* HAProxy's short forms: nothing is OPTIONS /, one word is the URI. */
bool httpchk_parse(struct config_words *words, void *into)
{
	struct httpchk *check = &((struct fleet *)into)->current->httpchk;

	check->method = "OPTIONS";
	check->uri = "/";
	check->version = "HTTP/1.0";
	check->host = NULL;
	check->enabled = true;
	if (words->left > 1 && !(check->method = take_visible(words, "")))
		return false;
	if (words->left > 0 && !(check->uri = take_visible(words, "")))
		return false;
	if (words->left > 0 && strpbrk(*words->word, "\r\n"))
		return config_error(words, "headers behind the version are not supported: use 'http-check send hdr'");
	if (words->left > 0 && !(check->version = take_visible(words, "")))
		return false;
	return words->left == 0 || (check->host = take_visible(words, "")) != NULL;
}

/* ---- http-check send ---- */

static bool take_meth(struct config_words *words, struct httpchk *check)
{
	return (check->send_method = take_visible(words, "a method")) != NULL;
}

static bool take_uri(struct config_words *words, struct httpchk *check)
{
	return (check->send_uri = take_visible(words, "a URI")) != NULL;
}

static bool take_ver(struct config_words *words, struct httpchk *check)
{
	return (check->send_version = take_visible(words, "a version such as HTTP/1.1")) != NULL;
}

static bool take_hdr(struct config_words *words, struct httpchk *check)
{
	const char *name = take_visible(words, "the name of a header"), *value;

	if (!name || !(value = config_take_word(words, "the value of the header")))
		return false;
	if (strpbrk(name, ":%") || !is_plain(value, false))
		return config_error(words, "'%s': formats and control bytes are not supported here", value);
	if (strcasecmp(name, "host") == 0) {
		check->send_host = value;
		return true;
	}
	if (strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0 ||
	    strcasecmp(name, "connection") == 0)
		return config_error(words, "'%s' is sent as the request needs it", name);
	if (check->send_headers && strlen(check->send_headers) + strlen(name) + strlen(value) > MOST_HEADERS)
		return config_error(words, "too many headers");
	check->send_headers =
		arena_printf(words->arena, "%s%s: %s\r\n", check->send_headers ? check->send_headers : "", name, value);
	return check->send_headers != NULL || config_error(words, "out of memory");
}

static bool take_body(struct config_words *words, struct httpchk *check)
{
	check->send_body = config_take_word(words, "a body");
	return check->send_body && (is_plain(check->send_body, true) ||
				    config_error(words, "formats and control bytes are not supported here"));
}

static bool take_comment(struct config_words *words, struct httpchk *check)
{
	(void)check;
	return config_take_word(words, "a comment") != NULL;
}

static const struct {
	const char *name;
	bool (*take)(struct config_words *words, struct httpchk *check); /* NULL: HAProxy's, and not ours */
} parts[] = {
	{ "meth", take_meth }, { "uri", take_uri },         { "ver", take_ver }, { "hdr", take_hdr },
	{ "body", take_body }, { "comment", take_comment }, { "uri-lf", NULL },  { "body-lf", NULL },
};

static bool unknown_word(struct config_words *words, const char *what, const char *word, const char *const *names,
			 size_t n)
{
	return config_error(words, "'%s' does not know '%s'%s", what, word,
			    config_did_you_mean(words->arena, word, names, n));
}

static bool parse_part(struct config_words *words, struct httpchk *check)
{
	const char *word = config_take_word(words, ""), *names[COUNT(parts)];

	for (size_t i = 0; i < COUNT(parts); i++) {
		names[i] = parts[i].name;
		if (strcmp(word, parts[i].name) != 0)
			continue;
		if (!parts[i].take)
			return config_error(words, "'http-check send %s' is not supported", word);
		return parts[i].take(words, check);
	}
	return unknown_word(words, "http-check send", word, names, COUNT(parts));
}

static bool parse_send(struct config_words *words, struct backend *backend)
{
	struct httpchk *check = &backend->httpchk;

	if (check->sent_by == backend)
		return config_error(words, "one 'http-check send' is supported in a section, and this is the second");
	check->sent_by = backend;
	check->send_method = check->send_uri = check->send_version = check->send_host = NULL;
	check->send_headers = check->send_body = NULL;
	while (words->left > 0)
		if (!parse_part(words, check))
			return false;
	return true;
}

/* ---- http-check expect ---- */

/* "200", "200,404" or "200-399,503": HAProxy's. */
static bool parse_status(struct config_words *words, struct httpchk *check)
{
	const char *list = config_take_word(words, "codes such as 200,300-399");
	struct slice rest, part, first;
	uint64_t from, to;

	if (!list)
		return false;
	rest = slice_of_string(list);
	check->expected = NULL;
	check->n_expected = 0;
	while (slice_split(&rest, ',', &part)) {
		struct status_range *range;
		struct slice last = part;

		slice_split(&last, '-', &first);
		if (!slice_to_natural(first, 999, &from) || from < 100 ||
		    !slice_to_natural(last.ptr ? last : first, 999, &to) || to < from)
			return config_error(words, "'%s' is no list of codes such as 200,300-399", list);
		range = arena_grow(words->arena, &check->expected, &check->n_expected, sizeof(*range));
		if (!range)
			return config_error(words, "out of memory");
		*range = (struct status_range){ (unsigned)from, (unsigned)to };
	}
	return true;
}

static bool parse_expect(struct config_words *words, struct backend *backend)
{
	static const char *const others[] = { "rstatus",  "string",      "rstring",      "hdr",         "fhdr",
					      "min-recv", "ok-status",   "error-status", "tout-status", "on-success",
					      "on-error", "status-code", "status" };
	struct httpchk *check = &backend->httpchk;
	const char *word;

	if (check->expected_by == backend)
		return config_error(words, "one 'http-check expect' is supported in a section, and this is the second");
	check->expected_by = backend;
	while (config_take_if(words, "comment"))
		if (!config_take_word(words, "a comment"))
			return false;
	check->unexpected = config_take_if(words, "!");
	word = config_take_word(words, "'status' and codes");
	if (!word)
		return false;
	if (strcmp(word, "status") == 0)
		return parse_status(words, check);
	for (size_t i = 0; i < COUNT(others); i++)
		if (strcmp(word, others[i]) == 0)
			return config_error(words, "'http-check expect %s' is not supported: only 'status' is", word);
	return unknown_word(words, "http-check expect", word, others, COUNT(others));
}

bool http_check_parse(struct config_words *words, void *into)
{
	static const struct {
		const char *name;
		bool (*parse)(struct config_words *words, struct backend *backend); /* NULL: HAProxy's, and not ours */
	} actions[] = {
		{ "expect", parse_expect }, { "send", parse_send },     { "comment", NULL },
		{ "connect", NULL },        { "disable-on-404", NULL }, { "send-state", NULL },
		{ "set-var", NULL },        { "set-var-fmt", NULL },    { "unset-var", NULL },
	};
	const char *word = config_take_word(words, "'send' or 'expect'"), *names[COUNT(actions)];

	for (size_t i = 0; word && i < COUNT(actions); i++) {
		names[i] = actions[i].name;
		if (strcmp(word, actions[i].name) != 0)
			continue;
		if (!actions[i].parse)
			return config_error(words, "'http-check %s' is not supported", word);
		return actions[i].parse(words, ((struct fleet *)into)->current);
	}
	return word && unknown_word(words, "http-check", word, names, COUNT(actions));
}

/* ---- the whole ---- */

const char *httpchk_request(struct arena *arena, const struct httpchk *check, const char *host)
{
	const char *method = check->send_method ? check->send_method : check->method;
	const char *uri = check->send_uri ? check->send_uri : check->uri;
	const char *version = check->send_version ? check->send_version : check->version;
	const char *body = check->send_body ? check->send_body : "", *length = "";

	host = check->send_host ? check->send_host : check->host ? check->host : host;
	if (!host && strcmp(version, "HTTP/1.1") == 0)
		host = "localhost";
	if (*body)
		length = arena_printf(arena, "Content-Length: %zu\r\n", strlen(body));
	return length ? arena_printf(arena, "%s %s %s\r\n%s%s%s%sConnection: close\r\n%s\r\n%s", method, uri, version,
				     host ? "Host: " : "", host ? host : "", host ? "\r\n" : "",
				     check->send_headers ? check->send_headers : "", length, body)
		      : NULL;
}

bool httpchk_finish(struct arena *arena, struct backend *backend, struct config *config)
{
	struct httpchk *check = &backend->httpchk;

	if (!check->enabled && (check->sent_by == backend || check->expected_by == backend))
		config_say_at(config, CONFIG_WARNING, backend->place,
			      "'http-check' does nothing here without 'option httpchk'");
	check->request = check->enabled ? httpchk_request(arena, check, NULL) : NULL;
	return check->request || !check->enabled;
}

bool httpchk_expects(const struct httpchk *check, unsigned code)
{
	if (check->n_expected == 0)
		return code / 100 == 2 || code / 100 == 3;
	for (size_t i = 0; i < check->n_expected; i++)
		if (code >= check->expected[i].from && code <= check->expected[i].to)
			return !check->unexpected;
	return check->unexpected;
}
