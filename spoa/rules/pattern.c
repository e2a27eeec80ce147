/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct method {
	const char *name;
	enum match_kind kind;
	enum sample_type type;
	bool (*add)(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where);
};

struct patterns {
	const struct method *method;
	bool nocase;
	enum { EQ, GE, GT, LE, LT } operator;
	struct pattern *items;
	size_t n;
};

/* ---- text ---- */

static bool add_text(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where)
{
	(void)where;
	pattern->text = arena_slice(words->arena, pattern->text);
	if (patterns->nocase)
		for (size_t i = 0; i < pattern->text.len; i++)
			((uint8_t *)pattern->text.ptr)[i] = lower(pattern->text.ptr[i]);
	return pattern->text.ptr != NULL;
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
	pattern->text = arena_slice(words->arena, pattern->text);
	pattern->automaton = automaton_new(words->arena, pattern->text, patterns->nocase);
	if (pattern->automaton) {
		pcre2_code_free(pattern->regex);
		pattern->regex = NULL;
		return true;
	}
	pattern->guard = automaton_new_guard(words->arena, pattern->text, patterns->nocase);
	if (!pattern->text.ptr || !arena_on_free(words->arena, free_regex, pattern->regex))
		return config_error(words, "out of memory");
	/* Without JIT (a hardened system may forbid it) the interpreter matches the same, more slowly. */
	error = pcre2_jit_compile(pattern->regex, PCRE2_JIT_COMPLETE);
	pattern->jit = error == 0;
	if (error != 0 && error != PCRE2_ERROR_JIT_BADOPTION)
		config_warning(words, "%sregex '%.*s' runs without JIT", where, SLICE_ARGS(pattern->text));
	return true;
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

/* ---- integers ---- */

bool patterns_set_operator(struct patterns *patterns, const char *word)
{
	static const char *const operators[] = { [EQ] = "eq", [GE] = "ge", [GT] = "gt", [LE] = "le", [LT] = "lt" };

	if (patterns->method->kind != MATCH_INT && patterns->method->kind != MATCH_LEN)
		return false;
	for (unsigned i = 0; i < COUNT(operators); i++) {
		if (strcmp(word, operators[i]) != 0)
			continue;
		patterns->operator= i;
		return true;
	}
	return false;
}

/* Decimal, with a sign perhaps; all of text. */
static bool parse_number(struct slice text, int64_t *number)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t natural;

	if (!slice_to_natural(slice_from(text, negative), INT64_MAX, &natural))
		return false;
	*number = negative ? -(int64_t)natural : (int64_t)natural;
	return true;
}

/* "5", "5:9", "5:", ":9". */
static bool parse_range(struct slice text, struct pattern *pattern)
{
	struct slice rest = text, low, high;

	if (!slice_split(&rest, ':', &low) || low.len == text.len) {
		pattern->max = INT64_MAX;
		return parse_number(text, &pattern->min) && (pattern->max = pattern->min, true);
	}
	pattern->min = INT64_MIN;
	pattern->max = INT64_MAX;
	high = rest;
	return (low.len > 0 || high.len > 0) && (low.len == 0 || parse_number(low, &pattern->min)) &&
	       (high.len == 0 || parse_number(high, &pattern->max));
}

static bool add_int(struct config_words *words, struct patterns *patterns, struct pattern *pattern, const char *where)
{
	bool one;

	if (!parse_range(pattern->text, pattern))
		return config_error(words, "%s'%.*s' is no integer or range, such as 5, 5:9, 5: or :9", where,
				    SLICE_ARGS(pattern->text));
	one = pattern->min == pattern->max;
	if (patterns->operator!= EQ && !one)
		return config_error(words, "%sa range ('%.*s') goes with 'eq' only", where, SLICE_ARGS(pattern->text));
	if (patterns->operator== GT && pattern->min<INT64_MAX)
		pattern->min++;
	if (patterns->operator== LT && pattern->max> INT64_MIN)
		pattern->max--;
	if (patterns->operator== GE || patterns->operator== GT)
		pattern->max = INT64_MAX;
	if (patterns->operator== LE || patterns->operator== LT)
		pattern->min = INT64_MIN;
	return true;
}

/* ---- lists ---- */

static const struct method methods[] = {
	{ "str", MATCH_STR, SAMPLE_STRING, add_text }, { "beg", MATCH_BEG, SAMPLE_STRING, add_text },
	{ "end", MATCH_END, SAMPLE_STRING, add_text }, { "sub", MATCH_SUB, SAMPLE_STRING, add_text },
	{ "dir", MATCH_DIR, SAMPLE_STRING, add_text }, { "dom", MATCH_DOM, SAMPLE_STRING, add_text },
	{ "reg", MATCH_REG, SAMPLE_STRING, add_reg },  { "ip", MATCH_IP, SAMPLE_ADDRESS, add_ip },
	{ "int", MATCH_INT, SAMPLE_INT, add_int },     { "len", MATCH_LEN, SAMPLE_STRING, add_int },
	{ "bool", MATCH_BOOL, SAMPLE_BOOL, NULL },     { "found", MATCH_FOUND, SAMPLE_STRING, NULL },
};

static const char *const later[] = { "bin" };

static const struct method *find_method(struct config_words *words, const char *name)
{
	const char *names[COUNT(methods)];

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
	config_error(words, "unknown way of matching '%s'%s", name,
		     config_did_you_mean(words->arena, name, names, COUNT(methods)));
	return NULL;
}

struct patterns *patterns_new(struct config_words *words, const char *method, enum sample_type type, bool nocase)
{
	static const char *const defaults[] = {
		[SAMPLE_STRING] = "str", [SAMPLE_ADDRESS] = "ip", [SAMPLE_INT] = "int", [SAMPLE_BOOL] = "bool"
	};
	struct patterns *patterns = arena_alloc(words->arena, sizeof(*patterns));

	if (!patterns) {
		config_error(words, "out of memory");
		return NULL;
	}
	if (!method)
		method = defaults[type];
	patterns->nocase = nocase;
	patterns->method = find_method(words, method);
	return patterns->method ? patterns : NULL;
}

bool patterns_read(struct config_words *words, struct patterns *patterns, struct slice text, const char *where,
		   struct pattern *pattern)
{
	*pattern = (struct pattern){ .text = text };
	if (patterns_are_none(patterns))
		return config_error(words, "%sunexpected pattern '%.*s': '%s' takes none", where, SLICE_ARGS(text),
				    patterns->method->name);
	return patterns->method->add(words, patterns, pattern, where);
}

bool patterns_add(struct config_words *words, struct patterns *patterns, struct slice text, const char *where)
{
	struct pattern pattern, *slot;

	if (!patterns_read(words, patterns, text, where, &pattern))
		return false;
	slot = arena_grow(words->arena, &patterns->items, &patterns->n, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = pattern;
	return true;
}

/* What no text file has. False: reported. */
static bool is_text(struct config_words *words, struct slice line, unsigned number, const char *where)
{
	if (number > PATTERNS_MOST_LINES)
		return config_error(words, "%sa file may have at most %u lines", where, PATTERNS_MOST_LINES);
	if (line.len > 0 && memchr(line.ptr, 0, line.len))
		return config_error(words, "%sa NUL byte", where);
	if (number == 1 && slice_starts(line, SLICE("\xef\xbb\xbf")))
		return config_error(words, "%sa byte order mark: save it without one", where);
	return true;
}

bool patterns_take_line(struct config_words *words, struct slice *line, unsigned number, const char *where)
{
	if (!is_text(words, *line, number, where))
		return false;
	while (line->len > 0 && (line->ptr[line->len - 1] == '\n' || line->ptr[line->len - 1] == '\r'))
		line->len--;
	if (line->len > 0 && line->ptr[0] == '#')
		line->len = 0;
	while (line->len > 0 && (line->ptr[0] == ' ' || line->ptr[0] == '\t'))
		*line = slice_from(*line, 1);
	return true;
}

bool patterns_are_none(const struct patterns *patterns)
{
	return !patterns->method->add;
}

enum sample_type patterns_type(const struct patterns *patterns)
{
	return patterns->method->type;
}

const char *patterns_method(const struct patterns *patterns)
{
	return patterns->method->name;
}

enum match_kind patterns_kind(const struct patterns *patterns)
{
	return patterns->method->kind;
}

bool patterns_nocase(const struct patterns *patterns)
{
	return patterns->nocase;
}

const struct pattern *patterns_list(const struct patterns *patterns, size_t *n)
{
	*n = patterns->n;
	return patterns->items;
}
