/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "naive.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* What a sample gives: text, or an address that is text too once it has to be. */
struct value {
	struct text text;
	uint8_t address[16];
	unsigned size; /* of the address; 0: it is text */
};

struct values {
	size_t n;
	struct value value[MOST_HEADERS * MOST_TEXT];
};

/* ---- samples ---- */

static void add_text(struct values *values, const char *bytes, size_t len)
{
	struct value *value = &values->value[values->n++];

	value->size = 0;
	value->text.len = len;
	memcpy(value->text.bytes, bytes, len);
}

static void add_address(struct values *values, const uint8_t *bytes, unsigned size)
{
	struct value *value = &values->value[values->n++];

	memcpy(value->address, bytes, size);
	value->size = size;
	inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, value->text.bytes, sizeof(value->text.bytes));
	value->text.len = strlen(value->text.bytes);
}

static void add_trimmed(struct values *values, const char *start, const char *end)
{
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (start < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	add_text(values, start, (size_t)(end - start));
}

/* Commas within a quoted string do not count; a backslash in one hides what follows. */
static void add_header_values(struct values *values, const struct text *header)
{
	const char *end = header->bytes + header->len, *start = header->bytes;
	enum { PLAIN, QUOTED, HIDDEN } state = PLAIN;

	for (const char *c = start; c < end; c++) {
		if (state == HIDDEN)
			state = QUOTED;
		else if (state == QUOTED)
			state = *c == '"' ? PLAIN : *c == '\\' ? HIDDEN : QUOTED;
		else if (*c == '"')
			state = QUOTED;
		else if (*c == ',') {
			add_trimmed(values, start, c);
			start = c + 1;
		}
	}
	add_trimmed(values, start, end);
}

static void add_y(struct values *values, const struct wish *wish, unsigned y)
{
	char number[24];

	if (!(wish->y_arguments >> y & 1))
		return;
	switch (wish->y_kind) {
	case Y_STRING:
		add_text(values, wish->texts[Y].bytes, wish->texts[Y].len);
		break;
	case Y_NUMBER:
		snprintf(number, sizeof(number), "%" PRId64, wish->number);
		add_text(values, number, strlen(number));
		break;
	case Y_TRUE:
		add_text(values, "1", 1);
		break;
	case Y_ADDRESS:
		add_address(values, wish->src, wish->src_size);
		break;
	}
}

static void sample(const struct wish *wish, const struct expression *expression, struct values *values)
{
	enum naive_sample name = expression->sample;

	values->n = 0;
	if (name == HOST || name == XA) {
		for (size_t i = 0; i < wish->n_headers; i++)
			if (wish->headers[i].name == name)
				add_header_values(values, &wish->headers[i].value);
	} else if (name == Y) {
		add_y(values, wish, expression->y);
	} else if (wish->has[name] && name == SRC) {
		add_address(values, wish->src, wish->src_size);
	} else if (wish->has[name]) {
		add_text(values, wish->texts[name].bytes, wish->texts[name].len);
	}
}

/* ---- addresses ---- */

static unsigned parse_address(const char *text, uint8_t bytes[16])
{
	if (inet_pton(AF_INET, text, bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/* The four cases of the manual's section 7.1.6. */
static bool in_network(const uint8_t *address, unsigned size, const uint8_t *network, unsigned network_size,
		       unsigned bits)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zeros[12];
	uint8_t six[16];

	if (size == network_size)
		return same_bits(address, network, bits);
	if (size == 4) {
		memcpy(six, mapped, 12);
		memcpy(six + 12, address, 4);
		return same_bits(six, network, bits);
	}
	if (address[0] == 0x20 && address[1] == 0x02)
		return same_bits(address + 2, network, bits);
	return (memcmp(address, mapped, 12) == 0 || memcmp(address, zeros, 12) == 0) &&
	       same_bits(address + 12, network, bits);
}

static bool matches_ip(const struct value *value, const struct text *pattern)
{
	uint8_t address[16], network[16], mask[16];
	char host[MOST_TEXT + 1], *slash;
	unsigned size = value->size, network_size, bits;

	snprintf(host, sizeof(host), "%.*s", (int)value->text.len, value->text.bytes);
	if (size)
		memcpy(address, value->address, size);
	else if (strlen(host) != value->text.len || (size = parse_address(host, address)) == 0)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)pattern->len, pattern->bytes);
	slash = strchr(host, '/');
	if (slash)
		*slash = 0;
	network_size = parse_address(host, network);
	bits = slash ? (unsigned)atoi(slash + 1) : network_size * 8;
	if (slash && strchr(slash + 1, '.') && inet_pton(AF_INET, slash + 1, mask) == 1)
		for (bits = 0; bits < 32 && (mask[bits / 8] & 0x80 >> bits % 8);)
			bits++;
	return in_network(address, size, network, network_size, bits);
}

/* ---- text ---- */

static bool same(char a, char b, bool nocase)
{
	if (nocase && a >= 'A' && a <= 'Z')
		a = (char)(a - 'A' + 'a');
	if (nocase && b >= 'A' && b <= 'Z')
		b = (char)(b - 'A' + 'a');
	return a == b;
}

/* Whether the pattern stands at `at`. */
static bool stands(const struct text *text, size_t at, const char *pattern, size_t len, bool nocase)
{
	if (at + len > text->len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!same(text->bytes[at + i], pattern[i], nocase))
			return false;
	return true;
}

static bool matches_sub(const struct text *text, const struct text *pattern, bool nocase)
{
	for (size_t at = 0; at <= text->len; at++)
		if (stands(text, at, pattern->bytes, pattern->len, nocase))
			return true;
	return false;
}

/* Delimiters at the pattern's ends do not count; what is left has to have one, or an end, at both sides of it. */
static bool matches_words(const struct text *text, const struct text *pattern, const char *delimiters, bool nocase)
{
	const char *word = pattern->bytes;
	size_t len = pattern->len;

	for (; len > 0 && strchr(delimiters, *word); len--)
		word++;
	while (len > 0 && strchr(delimiters, word[len - 1]))
		len--;
	for (size_t at = 0; len > 0 && at + len <= text->len; at++)
		if ((at == 0 || strchr(delimiters, text->bytes[at - 1])) &&
		    (at + len == text->len || strchr(delimiters, text->bytes[at + len])) &&
		    stands(text, at, word, len, nocase))
			return true;
	return false;
}

const char *const naive_regexes[] = { "^/a",     "b+$",       "[ab]\\.", "^$",      "a.?b", "(a|b)/c",
				      "^[^A]*$", "(^|[.])c$", "",        "a{2}|:",  "B",    "(?-i)B",
				      "/ab.*/c", "^/ab[/.]",  "aab+$",   "a/b(?=c)", "a+(?!b)c*$" };
const size_t naive_regex_count = sizeof(naive_regexes) / sizeof(naive_regexes[0]);

/* The patterns are those of naive_regexes only, so each is compiled once. */
static bool matches_reg(const struct text *text, const struct text *pattern, bool nocase)
{
	static pcre2_code *codes[sizeof(naive_regexes) / sizeof(naive_regexes[0])][2];
	static pcre2_match_data *data;
	size_t i = 0, at;
	int error;

	while (strlen(naive_regexes[i]) != pattern->len || memcmp(naive_regexes[i], pattern->bytes, pattern->len) != 0)
		i++;
	if (!data)
		data = pcre2_match_data_create(20, NULL);
	if (!codes[i][nocase])
		codes[i][nocase] = pcre2_compile((PCRE2_SPTR)naive_regexes[i], PCRE2_ZERO_TERMINATED,
						 nocase ? PCRE2_CASELESS : 0, &error, &at, NULL);
	return pcre2_match(codes[i][nocase], (PCRE2_SPTR)text->bytes, text->len, 0, 0, data, NULL) >= 0;
}

static bool matches(const struct value *value, const struct text *pattern, enum way way, bool nocase)
{
	const struct text *text = &value->text;

	switch (way) {
	case STR:
		return text->len == pattern->len && stands(text, 0, pattern->bytes, pattern->len, nocase);
	case BEG:
		return stands(text, 0, pattern->bytes, pattern->len, nocase);
	case END:
		return text->len >= pattern->len &&
		       stands(text, text->len - pattern->len, pattern->bytes, pattern->len, nocase);
	case SUB:
		return matches_sub(text, pattern, nocase);
	case DIR:
		return matches_words(text, pattern, "/?", nocase);
	case DOM:
		return matches_words(text, pattern, "/?.:", nocase);
	case REG:
		return matches_reg(text, pattern, nocase);
	case IP:
		return matches_ip(value, pattern);
	default:
		return true;
	}
}

/* ---- conditions ---- */

static bool expression_holds(const struct expression *expression, const struct wish *wish)
{
	static struct values values;

	sample(wish, expression, &values);
	if (expression->way == FOUND)
		return values.n > 0;
	for (size_t i = 0; i < values.n; i++)
		for (size_t j = 0; j < expression->n; j++)
			if (matches(&values.value[i], &expression->patterns[j], expression->way, expression->nocase))
				return true;
	return false;
}

static bool term_holds(const struct rules *rules, const struct term *term, const struct wish *wish)
{
	if (term->acl < 0)
		return expression_holds(&term->anonymous, wish) != term->negated;
	for (size_t i = 0; i < rules->n; i++)
		if (rules->lines[i].kind == ACL && rules->lines[i].name == (unsigned)term->acl &&
		    expression_holds(&rules->lines[i].expression, wish))
			return !term->negated;
	return term->negated;
}

static bool condition_holds(const struct rules *rules, const struct line *line, const struct wish *wish)
{
	bool any = false;

	for (size_t i = 0; i < line->n;) {
		bool all = true;

		do
			all &= term_holds(rules, &line->terms[i], wish);
		while (++i < line->n && !line->terms[i].starts_group);
		any |= all;
	}
	return any;
}

int naive_choose(const struct rules *rules, const struct wish *wish)
{
	int fallback = -1;

	for (size_t i = 0; i < rules->n; i++) {
		const struct line *line = &rules->lines[i];

		if (line->kind == DEFAULT_BACKEND)
			fallback = (int)line->name;
		else if (line->kind == USE_BACKEND &&
			 (line->n == 0 || condition_holds(rules, line, wish) != line->unless))
			return (int)line->name;
	}
	return fallback;
}
