/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
	struct slice text; /* folded when case is ignored */
	struct address address;
	unsigned prefix; /* bits of the network */
	pcre2_code *regex;
};

struct method {
	const char *name;
	enum sample_type type;
	bool (*add)(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where);
	bool (*match)(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch);
};

struct patterns {
	const struct method *method;
	bool nocase;
	struct pattern *items;
	size_t n;
};

/* ---- text ---- */

/* `pattern` is folded already. */
static bool same(const struct patterns *patterns, const uint8_t *bytes, struct slice pattern)
{
	if (!patterns->nocase)
		return memcmp(bytes, pattern.ptr, pattern.len) == 0;
	for (size_t i = 0; i < pattern.len; i++)
		if (lower(bytes[i]) != pattern.ptr[i])
			return false;
	return true;
}

static bool add_text(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where)
{
	(void)where;
	pattern->text = arena_slice(words->arena, pattern->text);
	if (patterns->nocase)
		for (size_t i = 0; i < pattern->text.len; i++)
			((uint8_t *)pattern->text.ptr)[i] = lower(pattern->text.ptr[i]);
	return pattern->text.ptr != NULL;
}

static bool match_str(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	(void)scratch;
	return value->string.len == pattern->text.len && same(patterns, value->string.ptr, pattern->text);
}

static bool match_beg(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	(void)scratch;
	return value->string.len >= pattern->text.len && same(patterns, value->string.ptr, pattern->text);
}

static bool match_end(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	size_t length = pattern->text.len;

	(void)scratch;
	return value->string.len >= length &&
	       same(patterns, value->string.ptr + value->string.len - length, pattern->text);
}

/* Where a byte of the text may begin the pattern: the first byte tells, in either case. */
static const uint8_t *next_start(const uint8_t *at, const uint8_t *end, uint8_t first)
{
	while (at < end && lower(*at) != first)
		at++;
	return at;
}

static bool match_sub(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	struct slice text = value->string, wanted = pattern->text;
	const uint8_t *at, *end;

	(void)scratch;
	if (!patterns->nocase)
		return wanted.len == 0 || memmem(text.ptr, text.len, wanted.ptr, wanted.len) != NULL;
	if (wanted.len == 0 || wanted.len > text.len)
		return wanted.len == 0;
	end = text.ptr + text.len - wanted.len + 1;
	for (at = next_start(text.ptr, end, wanted.ptr[0]); at < end; at = next_start(at + 1, end, wanted.ptr[0]))
		if (same(patterns, at, wanted))
			return true;
	return false;
}

enum { DIR = 1, DOM = 2 };

static const uint8_t delimiters[256] = { ['/'] = DIR | DOM, ['?'] = DIR | DOM, ['.'] = DOM, [':'] = DOM };

/* Whole words between delimiters, those around the pattern itself ignored: HAProxy's match_word(). */
static bool match_word(const struct patterns *patterns, struct slice text, struct slice wanted, unsigned kind)
{
	bool at_start = true;

	while (wanted.len > 0 && (delimiters[wanted.ptr[0]] & kind))
		wanted = slice_from(wanted, 1);
	while (wanted.len > 0 && (delimiters[wanted.ptr[wanted.len - 1]] & kind))
		wanted.len--;
	for (size_t at = 0; at + wanted.len <= text.len && at < text.len; at++) {
		size_t end = at + wanted.len;

		if (delimiters[text.ptr[at]] & kind) {
			at_start = true;
			continue;
		}
		if (at_start && same(patterns, text.ptr + at, wanted) &&
		    (end == text.len || (delimiters[text.ptr[end]] & kind)))
			return true;
		at_start = false;
	}
	return false;
}

static bool match_dir(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	(void)scratch;
	return match_word(patterns, value->string, pattern->text, DIR);
}

static bool match_dom(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	(void)scratch;
	return match_word(patterns, value->string, pattern->text, DOM);
}

/* ---- regexes ---- */

static void free_regex(void *regex)
{
	pcre2_code_free(regex);
}

static bool add_reg(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where)
{
	uint32_t options = PCRE2_NO_AUTO_CAPTURE | (patterns->nocase ? PCRE2_CASELESS : 0);
	PCRE2_UCHAR why[120];
	PCRE2_SIZE at;
	int error;

	pattern->regex = pcre2_compile(pattern->text.ptr, pattern->text.len, options, &error, &at, NULL);
	if (!pattern->regex) {
		pcre2_get_error_message(error, why, sizeof(why));
		return config_error(words, "%sregex '%.*s': %s at position %zu", where, SLICE_ARGS(pattern->text),
				    (const char *)why, (size_t)at);
	}
	if (!arena_on_free(words->arena, free_regex, pattern->regex))
		return config_error(words, "out of memory");
	/* Without JIT (a hardened system may forbid it) the interpreter matches the same, more slowly. */
	error = pcre2_jit_compile(pattern->regex, PCRE2_JIT_COMPLETE);
	if (error != 0 && error != PCRE2_ERROR_JIT_BADOPTION)
		config_warning(words, "%sregex '%.*s' runs without JIT", where, SLICE_ARGS(pattern->text));
	return true;
}

static bool match_reg(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		      struct rules_scratch *scratch)
{
	const uint8_t *text = value->string.len > 0 ? value->string.ptr : (const uint8_t *)"";
	int result = pcre2_match(pattern->regex, text, value->string.len, 0, 0, scratch->match, scratch->limits);

	(void)patterns;
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		scratch->limit_hits++;
	return result >= 0;
}

/* ---- networks ---- */

static bool mask_to_prefix(const struct address *mask, unsigned *prefix)
{
	unsigned bits = 0;

	while (bits < mask->size * 8 && (mask->bytes[bits / 8] & 0x80 >> bits % 8))
		bits++;
	*prefix = bits;
	for (; bits < mask->size * 8; bits++)
		if (mask->bytes[bits / 8] & 0x80 >> bits % 8)
			return false;
	return true;
}

static bool parse_network(struct slice text, struct pattern *pattern)
{
	struct slice rest = text, host, width;
	struct address mask;
	uint64_t bits;

	if (!slice_split(&rest, '/', &host) || !address_parse(host, &pattern->address))
		return false;
	pattern->prefix = pattern->address.size * 8;
	if (!slice_split(&rest, '/', &width))
		return true;
	if (rest.ptr)
		return false;
	if (slice_to_natural(width, pattern->address.size * 8, &bits)) {
		pattern->prefix = (unsigned)bits;
		return true;
	}
	return address_parse(width, &mask) && mask.size == pattern->address.size &&
	       mask_to_prefix(&mask, &pattern->prefix);
}

static bool add_ip(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where)
{
	(void)patterns;
	if (parse_network(pattern->text, pattern))
		return true;
	return config_error(words, "%s'%.*s' is no address or network, such as 10.0.0.0/8 or fd00::/8", where,
			    SLICE_ARGS(pattern->text));
}

static bool match_ip(const struct patterns *patterns, const struct pattern *pattern, const struct sample_value *value,
		     struct rules_scratch *scratch)
{
	const struct address *address = &value->address;
	size_t whole = pattern->prefix / 8;
	unsigned left = pattern->prefix % 8;

	(void)patterns;
	(void)scratch;
	if (address->size != pattern->address.size || memcmp(address->bytes, pattern->address.bytes, whole) != 0)
		return false;
	return left == 0 || (address->bytes[whole] ^ pattern->address.bytes[whole]) >> (8 - left) == 0;
}

/* ---- lists ---- */

static const struct method methods[] = {
	{ "str", SAMPLE_STRING, add_text, match_str }, { "beg", SAMPLE_STRING, add_text, match_beg },
	{ "end", SAMPLE_STRING, add_text, match_end }, { "sub", SAMPLE_STRING, add_text, match_sub },
	{ "dir", SAMPLE_STRING, add_text, match_dir }, { "dom", SAMPLE_STRING, add_text, match_dom },
	{ "reg", SAMPLE_STRING, add_reg, match_reg },  { "ip", SAMPLE_ADDRESS, add_ip, match_ip },
	{ "found", SAMPLE_STRING, NULL, NULL },
};

static const char *const later[] = { "int", "len", "bool", "bin" };

static const struct method *find_method(struct config_words *words, const char *name)
{
	const char *names[COUNT(methods)], *nearest;

	for (size_t i = 0; i < COUNT(methods); i++) {
		names[i] = methods[i].name;
		if (strcmp(name, methods[i].name) == 0)
			return &methods[i];
	}
	for (size_t i = 0; i < COUNT(later); i++) {
		if (strcmp(name, later[i]) != 0)
			continue;
		config_error(words, "matching by '%s' is not yet supported", name);
		return NULL;
	}
	nearest = config_nearest(name, names, COUNT(methods));
	if (nearest)
		config_error(words, "unknown way of matching '%s', did you mean '%s'?", name, nearest);
	else
		config_error(words, "unknown way of matching '%s'", name);
	return NULL;
}

struct patterns *patterns_new(struct config_words *words, const char *method, enum sample_type type, bool nocase)
{
	struct patterns *patterns = arena_alloc(words->arena, sizeof(*patterns));

	if (!patterns) {
		config_error(words, "out of memory");
		return NULL;
	}
	if (!method)
		method = type == SAMPLE_ADDRESS ? "ip" : "str";
	patterns->nocase = nocase;
	patterns->method = find_method(words, method);
	return patterns->method ? patterns : NULL;
}

bool patterns_add(struct config_words *words, struct patterns *patterns, struct slice text, const char *where)
{
	struct pattern pattern = { .text = text }, *slot;

	if (!patterns->method->add(words, patterns, &pattern, where))
		return false;
	slot = arena_grow(words->arena, &patterns->items, &patterns->n, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = pattern;
	return true;
}

bool patterns_add_file(struct config_words *words, struct patterns *patterns, const char *path)
{
	FILE *file = fopen(path, "re");
	bool good = true;
	char *line = NULL, where[600];
	size_t room = 0;
	unsigned number = 0;
	ssize_t length;

	if (!file)
		return config_error(words, "cannot read patterns from '%s': %s", path, strerror(errno));
	while ((length = getline(&line, &room, file)) >= 0) {
		struct slice text = slice_of(line, (size_t)length);

		number++;
		while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
			text.len--;
		if (text.len > 0 && text.ptr[0] == '#')
			continue;
		while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
			text = slice_from(text, 1);
		if (text.len == 0)
			continue;
		snprintf(where, sizeof(where), "%s:%u: ", path, number);
		good &= patterns_add(words, patterns, text, where);
	}
	if (ferror(file))
		good = config_error(words, "cannot read patterns from '%s': %s", path, strerror(errno));
	free(line);
	fclose(file);
	return good;
}

bool patterns_are_found(const struct patterns *patterns)
{
	return !patterns->method->match;
}

enum sample_type patterns_type(const struct patterns *patterns)
{
	return patterns->method->type;
}

bool patterns_match(const struct patterns *patterns, const struct sample_value *value, struct rules_scratch *scratch)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (patterns->method->match(patterns, &patterns->items[i], value, scratch))
			return true;
	return false;
}
