/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "required.h"

/* `run` is the row of plain characters that is being read, `best` the longest until now. */
struct reader {
	struct slice rest;
	uint8_t run[REQUIRED_MOST], *best;
	size_t run_len, best_len;
	bool begun, run_leads, best_leads; /* something is read; there was nothing before */
	bool anchored;                     /* but "^" */
	bool failed; /* something that this reader does not understand, or an alternative to all of it */
};

static bool is_at(const struct reader *reader, size_t i, uint8_t c)
{
	return reader->rest.len > i && reader->rest.ptr[i] == c;
}

static void skip(struct reader *reader, size_t n)
{
	reader->rest = slice_from(reader->rest, n);
}

static void end_run(struct reader *reader)
{
	if (reader->run_len > reader->best_len) {
		memcpy(reader->best, reader->run, reader->run_len);
		reader->best_len = reader->run_len;
		reader->best_leads = reader->run_leads;
	}
	reader->run_len = 0;
}

/* "{2}", "{,3}", "{ 1, }": how long it is; 0: the brace is a plain one. */
static size_t braces(const struct reader *reader)
{
	size_t end = 1;

	while (end < reader->rest.len && strchr("0123456789, \t", reader->rest.ptr[end]) && reader->rest.ptr[end])
		end++;
	return is_at(reader, end, '}') ? end + 1 : 0;
}

/* "*", "+", "?" or "{…}", lazy or possessive. Returns its first byte, 0: there is none. */
static uint8_t take_quantifier(struct reader *reader)
{
	uint8_t kind = reader->rest.len > 0 ? reader->rest.ptr[0] : 0;
	size_t length = kind == '{' ? braces(reader) : kind == '*' || kind == '+' || kind == '?';

	if (length == 0)
		return 0;
	skip(reader, length);
	if (is_at(reader, 0, '?') || is_at(reader, 0, '+'))
		skip(reader, 1);
	return kind;
}

static void take_plain(struct reader *reader, uint8_t c)
{
	uint8_t kind = take_quantifier(reader);

	if (kind == 0 || kind == '+') {
		if (reader->run_len == sizeof(reader->run))
			end_run(reader);
		if (reader->run_len == 0)
			reader->run_leads = !reader->begun;
		reader->run[reader->run_len++] = c;
	}
	reader->begun = true;
	if (kind != 0)
		end_run(reader);
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* Behind a backslash: some letters have an argument, or change what follows; with those nothing is promised. */
static void take_escape(struct reader *reader)
{
	static const char simple[] = "dDwWsShHvVbBAzZRXnrtfeaK";
	uint8_t c = reader->rest.len > 1 ? reader->rest.ptr[1] : 'Q';

	skip(reader, 2);
	if (!is_alphanumeric(c)) {
		take_plain(reader, c);
		return;
	}
	reader->failed |= !strchr(simple, c);
	reader->begun = true;
	end_run(reader);
	take_quantifier(reader);
}

/* "[^]a-z[:digit:]\]]" */
static void skip_class(struct reader *reader)
{
	skip(reader, is_at(reader, 1, '^') ? 2 : 1);
	for (bool first = true; reader->rest.len > 0 && (first || !is_at(reader, 0, ']')); first = false) {
		if (is_at(reader, 0, '[') &&
		    (is_at(reader, 1, ':') || is_at(reader, 1, '.') || is_at(reader, 1, '='))) {
			uint8_t kind = reader->rest.ptr[1];

			for (skip(reader, 2);
			     reader->rest.len > 0 && !(is_at(reader, 0, kind) && is_at(reader, 1, ']'));)
				skip(reader, 1);
			skip(reader, 2);
		} else {
			/* \Q would quote the bracket that ends it */
			reader->failed |= is_at(reader, 0, '\\') && (is_at(reader, 1, 'Q') || is_at(reader, 1, 'E'));
			skip(reader, is_at(reader, 0, '\\') ? 2 : 1);
		}
	}
	skip(reader, 1);
}

/* "(…", or "(?:…", "(?>…" and what looks ahead or behind: nothing that changes what stands outside. */
static bool opens_plainly(const struct reader *reader)
{
	size_t at = is_at(reader, 2, '<') ? 3 : 2;

	if (is_at(reader, 1, '?'))
		return is_at(reader, 2, ':') || is_at(reader, 2, '>') || is_at(reader, at, '=') ||
		       is_at(reader, at, '!');
	return !is_at(reader, 1, '*');
}

/* With all that is in it, which may be one of several ways. */
static void skip_group(struct reader *reader)
{
	unsigned depth = 0;

	do {
		if (is_at(reader, 0, '[')) {
			skip_class(reader);
			continue;
		}
		if (is_at(reader, 0, '\\')) {
			reader->failed |= is_at(reader, 1, 'Q') || is_at(reader, 1, 'c');
			skip(reader, 2);
			continue;
		}
		/* options, verbs, conditions */
		reader->failed |= is_at(reader, 0, '(') && !opens_plainly(reader);
		depth += is_at(reader, 0, '(');
		depth -= is_at(reader, 0, ')');
		skip(reader, 1);
	} while (depth > 0 && reader->rest.len > 0 && !reader->failed);
}

static void take_one(struct reader *reader)
{
	uint8_t c = reader->rest.ptr[0];

	switch (c) {
	case '|':
		reader->failed = true;
		return;
	case '\\':
		take_escape(reader);
		return;
	case '(':
		skip_group(reader);
		break;
	case '[':
		skip_class(reader);
		break;
	case '^':
	case '$':
	case '.':
	case '{': /* a plain one, perhaps; it is not worth finding out */
		skip(reader, 1);
		break;
	default:
		skip(reader, 1);
		take_plain(reader, c);
		return;
	}
	end_run(reader);
	if (take_quantifier(reader) == 0 && c == '^' && !reader->begun)
		reader->anchored = true;
	else
		reader->begun = true;
}

struct slice required_literal(struct slice regex, uint8_t room[REQUIRED_MOST], enum required_place *place)
{
	struct reader reader = { .rest = regex, .best = room };

	while (reader.rest.len > 0 && !reader.failed)
		take_one(&reader);
	end_run(&reader);
	*place = REQUIRED_ANYWHERE;
	if (!reader.failed && reader.best_len > 0 && reader.best_leads)
		*place = reader.anchored ? REQUIRED_BEGINS : REQUIRED_LEADS;
	return slice_of(room, reader.failed ? 0 : reader.best_len);
}
