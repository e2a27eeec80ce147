/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fleet.h"
#include "spoa-redirect/rules.h"

/* ---- redir <prefix>: RFC 3986 section 3 ---- */

static bool is_host_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || strchr("-._~", c);
}

static bool is_path_byte(uint8_t c)
{
	return c > ' ' && c < 0x7f && !strchr("\"<>\\^`{|}?#", c);
}

static bool all(struct slice text, bool (*is)(uint8_t))
{
	for (size_t i = 0; i < text.len; i++)
		if (!text.ptr[i] || !is(text.ptr[i]))
			return false;
	return true;
}

/* Only an address of IPv6 has colons, in brackets: 3.2.2. */
static bool host_valid(struct slice host)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t address[16];

	if (host.len > 0 && host.ptr[0] != '[')
		return all(host, is_host_byte);
	if (host.len < 2 || host.len - 2 >= sizeof(text) || host.ptr[host.len - 1] != ']')
		return false;
	memcpy(text, host.ptr + 1, host.len - 2);
	return inet_pton(AF_INET6, text, address) == 1;
}

/* A port is at most five digits; a colon without one, or a host without a name, leads nowhere. */
static bool authority_valid(struct slice authority)
{
	size_t end = authority.len;
	uint64_t port;

	while (end > 0 && authority.ptr[end - 1] != ':' && authority.ptr[end - 1] != ']')
		end--;
	if (end == 0 || authority.ptr[end - 1] == ']')
		return host_valid(authority);
	return host_valid(slice_of(authority.ptr, end - 1)) &&
	       slice_to_natural(slice_from(authority, end), 65535, &port) && port > 0;
}

static struct slice normalise(struct arena *arena, struct slice authority, bool tls)
{
	struct slice port = tls ? SLICE(":443") : SLICE(":80"), copy = arena_slice(arena, authority);

	for (size_t i = 0; i < copy.len; i++)
		((uint8_t *)copy.ptr)[i] = lower(copy.ptr[i]);
	if (slice_ends(copy, port))
		copy.len -= port.len;
	return copy;
}

/* RFC 1918, 4193 and 3927: what only some of the clients reach, if any. */
static bool is_private(struct slice authority)
{
	char host[INET6_ADDRSTRLEN + 2];
	uint8_t a[16];
	size_t length = 0;

	if (slice_starts(authority, SLICE("localhost")))
		return authority.len == 9 || authority.ptr[9] == ':';
	if (authority.len > 0 && authority.ptr[0] == '[')
		authority = slice_from(authority, 1);
	while (length < authority.len && length < sizeof(host) - 1 && authority.ptr[length] != ']')
		length++;
	memcpy(host, authority.ptr, length);
	host[length] = 0;
	if (inet_pton(AF_INET6, host, a) == 1)
		return IN6_IS_ADDR_LOOPBACK((struct in6_addr *)a) || (a[0] & 0xfe) == 0xfc ||
		       (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
	host[strcspn(host, ":")] = 0;
	return inet_pton(AF_INET, host, a) == 1 && (a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
						    (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254));
}

bool redir_parse(struct config_words *words, struct redir *redir, const char *text)
{
	struct slice rest = slice_of_string(text), path;
	size_t length;

	redir->tls = slice_starts(rest, SLICE("https://"));
	if (!redir->tls && !slice_starts(rest, SLICE("http://")))
		return config_error(words, "'redir' expects http:// or https:// and a host, not '%s'", text);
	rest = slice_from(rest, redir->tls ? 8 : 7);
	length = strcspn((const char *)rest.ptr, "/");
	path = slice_from(rest, length);
	rest.len = length;
	if (!authority_valid(rest))
		return config_error(words, "'%.*s' in 'redir' is no host with an optional port", SLICE_ARGS(rest));
	if (!all(path, is_path_byte))
		return config_error(words, "'redir' has a byte that no path may have: '%.*s'", SLICE_ARGS(path));
	redir->prefix = slice_of(text, strlen(text));
	while (redir->prefix.ptr[redir->prefix.len - 1] == '/')
		redir->prefix.len--;
	redir->is_private = is_private(rest);
	redir->authority = normalise(words->arena, rest, redir->tls);
	return redir->authority.ptr != NULL || config_error(words, "out of memory");
}

/* ---- redirect [code N] [ttl T] [methods M…] [allow-downgrade] ---- */

static const struct {
	const char *name;
	enum redirect_method method;
} methods[] = {
	{ "GET", METHOD_GET },       { "HEAD", METHOD_HEAD },   { "POST", METHOD_POST },       { "PUT", METHOD_PUT },
	{ "DELETE", METHOD_DELETE }, { "PATCH", METHOD_PATCH }, { "OPTIONS", METHOD_OPTIONS },
};

static bool parse_code(struct config_words *words, void *into)
{
	struct redirect *redirect = into;
	uint64_t code;

	if (!config_take_int(words, 300, 399, &code))
		return false;
	if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
		return config_error(words, "'code' expects 301, 302, 303, 307 or 308, not '%u'", (unsigned)code);
	redirect->code = (unsigned)code;
	return true;
}

static bool parse_ttl(struct config_words *words, void *into)
{
	struct redirect *redirect = into;
	double seconds;

	if (!config_take_time(words, 0, &seconds))
		return false;
	redirect->ttl = (int64_t)(seconds + 0.5);
	return true;
}

static bool parse_methods(struct config_words *words, void *into)
{
	struct redirect *redirect = into;
	size_t before = words->left;

	for (size_t i = 0; i < COUNT(methods); i++) {
		if (!config_take_if(words, methods[i].name))
			continue;
		redirect->methods |= methods[i].method;
		i = (size_t)-1; /* any order: look from the first again */
	}
	if (words->left < before)
		return true;
	return config_error(words, "'methods' expects GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS%s%s",
			    words->left ? ", not " : "", words->left ? *words->word : "");
}

static bool parse_allow_downgrade(struct config_words *words, void *into)
{
	(void)words;
	((struct redirect *)into)->allow_downgrade = true;
	return true;
}

/* ---- location <format> ---- */

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Behind the server's prefix something has to end its host: a slash, or a path, which begins with one. */
static bool continues_path(const char *text)
{
	return *text == '/' || starts(text, "%[path]") || starts(text, "%[pathq]") || starts(text, "%[url]");
}

/* So no request ever has a say in the scheme or the host. */
static bool parse_beginning(struct config_words *words, const char *text, struct redir *literal)
{
	size_t scheme = starts(text, "https://") ? 8 : starts(text, "http://") ? 7 : 0, host;

	*literal = (struct redir){ 0 };
	if (starts(text, "%[srv_redir]") && continues_path(text + strlen("%[srv_redir]")))
		return true;
	host = scheme ? strcspn(text + scheme, "/%") : 0;
	if (!scheme || text[scheme + host] != '/')
		return config_error(
			words,
			"'location' begins with a scheme, a host and a slash, or with %%[srv_redir] and then "
			"a slash or %%[path], unlike '%s'",
			text);
	text = arena_printf(words->arena, "%.*s", (int)(scheme + host), text);
	if (!text)
		return config_error(words, "out of memory");
	if (!redir_parse(words, literal, text))
		return false;
	if (literal->is_private)
		config_warning(words,
			       "'location %s' is a private or loopback address: clients elsewhere cannot reach it",
			       text);
	return true;
}

/* What is written there is sent as it stands. */
static bool is_literal(const char *text)
{
	unsigned depth = 0;

	for (; *text; text++) {
		depth += starts(text, "%[");
		if (depth == 0 && !is_path_byte((uint8_t)*text) && *text != '?')
			return false;
		depth -= depth > 0 && *text == ']';
	}
	return true;
}

static bool parse_location(struct config_words *words, void *into)
{
	struct redirect *redirect = into;
	const char *text = config_take_word(words, "a format such as https://www.example.com/%[path]");

	if (!text || !parse_beginning(words, text, &redirect->literal))
		return false;
	if (!is_literal(text))
		return config_error(words, "'location' has a byte that no URL may have, or a fragment: '%s'", text);
	redirect->location = made_location_parse(words, text);
	return redirect->location != NULL;
}

/* Who leads to a backend leads to its fallback, too. */
bool fleet_add_locations(const struct fleet *fleet, struct ruleset *ruleset)
{
	for (size_t i = 0; i < fleet->n; i++) {
		const struct backend *backend = fleet->backends[i], *fallback = fleet_fallback(fleet, backend);

		if (backend->redirect.location &&
		    !ruleset_add_location(ruleset, backend->redirect.location, backend->name))
			return false;
		if (fallback && fallback->redirect.location &&
		    !ruleset_add_location(ruleset, fallback->redirect.location, backend->name))
			return false;
	}
	return true;
}

static const struct config_keyword redirect_words[] = {
	{ CONFIG_BACKEND, "code", parse_code, "301|302|303|307|308", "the answer's status, default 302" },
	{ CONFIG_BACKEND, "ttl", parse_ttl, "<time>", "how long the client may go straight to its server" },
	{ CONFIG_BACKEND, "methods", parse_methods, "<method>…", "redirect these methods only" },
	{ CONFIG_BACKEND, "allow-downgrade", parse_allow_downgrade, "", "send https requests to http:// targets too" },
	{ CONFIG_BACKEND, "location", parse_location, "<format>", "a Location of one's own" },
	{ CONFIG_BACKEND, "if", NULL, "<condition>", "redirect only some requests" },
	{ CONFIG_BACKEND, "unless", NULL, "<condition>", "redirect only some requests" },
};

bool redirect_parse(struct config_words *words, void *into)
{
	struct fleet *fleet = into;
	struct redirect redirect = fleet->current->redirect; /* a line changes what it names, and no more */

	redirect.place = words->place;
	redirect.methods = 0;
	while (words->left > 0) {
		const struct config_keyword *word =
			config_take_keyword(words, redirect_words, COUNT(redirect_words), CONFIG_BACKEND);

		if (!word || !word->parse(words, &redirect))
			return false;
	}
	if (redirect.methods == 0)
		redirect.methods = fleet->current->redirect.methods;
	fleet->current->redirect = redirect;
	return true;
}

/* Once a backend: in a network of its own all servers are like that. A whole `location` names none of them. */
static void warn_of_private(const struct backend *backend, struct config *config)
{
	const struct server *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < backend->n_servers; i++)
		if (backend->servers[i]->redir.is_private && n++ == 0)
			first = backend->servers[i];
	if (!first || backend->redirect.literal.prefix.ptr)
		return;
	if (n == 1)
		config_say_at(config, CONFIG_WARNING, first->place,
			      "'redir %.*s' is a private or loopback address: clients elsewhere cannot reach it",
			      SLICE_ARGS(first->redir.prefix));
	else
		config_say_at(
			config, CONFIG_WARNING, first->place,
			"'redir %.*s' and %zu other%s are private or loopback addresses: clients elsewhere cannot "
			"reach them",
			SLICE_ARGS(first->redir.prefix), n - 1, &"s"[n == 2]);
}

/* RFC 9110 15.4: 307 and 308 keep the method; the others may turn a POST into a GET. */
void redirect_finish(struct backend *backend, struct config *config)
{
	struct redirect *redirect = &backend->redirect;

	warn_of_private(backend, config);
	if (redirect->code == 0)
		redirect->code = 302;
	if (redirect->methods == 0)
		redirect->methods = redirect->code >= 307 ? ~0u & ~(unsigned)METHOD_OPTIONS : METHOD_GET | METHOD_HEAD;
	if ((redirect->code == 301 || redirect->code == 308) && redirect->ttl < 0)
		config_say_at(config, CONFIG_ERROR, redirect->place,
			      "'redirect code %u' needs a 'ttl': browsers keep a permanent redirect for ever",
			      redirect->code);
}
