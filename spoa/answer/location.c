/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "location.h"

#include "spoa-redirect/base/block.h"

/*
 * RFC 3986: pchar / "/" in a path (3.3), "?" too in a query (3.4); "%" stays where it begins an encoded byte. What
 * would end a header line, or a string, is never let through, not even encoded.
 */
enum { IN_PATH = 1, IN_QUERY = 2, BOTH = 3, HEX = 4, FORBIDDEN = 8 };

#define TEN(c)                                                                                          \
	[(c)] = BOTH | HEX, [(c) + 1] = BOTH | HEX, [(c) + 2] = BOTH | HEX, [(c) + 3] = BOTH | HEX,     \
	[(c) + 4] = BOTH | HEX, [(c) + 5] = BOTH | HEX, [(c) + 6] = BOTH | HEX, [(c) + 7] = BOTH | HEX, \
	[(c) + 8] = BOTH | HEX, [(c) + 9] = BOTH | HEX

static const uint8_t kinds[256] = {
	TEN('0'),           ['A'] = BOTH | HEX, ['B'] = BOTH | HEX,   ['C'] = BOTH | HEX, ['D'] = BOTH | HEX,
	['E'] = BOTH | HEX, ['F'] = BOTH | HEX, ['G' ... 'Z'] = BOTH, ['a'] = BOTH | HEX, ['b'] = BOTH | HEX,
	['c'] = BOTH | HEX, ['d'] = BOTH | HEX, ['e'] = BOTH | HEX,   ['f'] = BOTH | HEX, ['g' ... 'z'] = BOTH,
	['-'] = BOTH,       ['.'] = BOTH,       ['_'] = BOTH,         ['~'] = BOTH,       ['!'] = BOTH,
	['$'] = BOTH,       ['&'] = BOTH,       ['\''] = BOTH,        ['('] = BOTH,       [')'] = BOTH,
	['*'] = BOTH,       ['+'] = BOTH,       [','] = BOTH,         [';'] = BOTH,       ['='] = BOTH,
	[':'] = BOTH,       ['@'] = BOTH,       ['/'] = BOTH,         ['?'] = IN_QUERY,   [0] = FORBIDDEN,
	['\r'] = FORBIDDEN, ['\n'] = FORBIDDEN,
};

static bool stays(struct slice text, size_t i, unsigned where)
{
	if (text.ptr[i] != '%')
		return kinds[text.ptr[i]] & where;
	return text.len - i > 2 && (kinds[text.ptr[i + 1]] & HEX) && (kinds[text.ptr[i + 2]] & HEX);
}

static size_t encoded_length(struct slice text, unsigned where)
{
	size_t length = text.len;

	for (size_t i = 0; i < text.len; i++)
		length += stays(text, i, where) ? 0 : 2;
	return length;
}

/* Ones where a byte stays and is no "%": what most requests are made of. */
static inline block plain_bytes(const uint8_t *bytes)
{
	block b = block_load(bytes);

	return block_within(b | 0x20, 'a', 'z') | block_within(b, '&', ';') | (block)(b == '=') | (block)(b == '_');
}

static inline bool are_plain(struct slice text)
{
	block plain;

	if (text.len < BLOCK)
		return false;
	plain = plain_bytes(text.ptr + text.len - BLOCK);
	for (size_t i = 0; i + BLOCK < text.len; i += BLOCK)
		plain &= plain_bytes(text.ptr + i);
	return block_all(plain);
}

/* What is plain by sixteens changes neither: most of a long text is, if not all of it. */
static __attribute__((noinline)) bool measure_bytes(struct slice text, unsigned where, size_t *length)
{
	unsigned any = 0, all = where;

	for (size_t i = 0, end; i < text.len; i = end) {
		end = text.len - i < BLOCK ? text.len : i + BLOCK;
		if (end == i + BLOCK && block_all(plain_bytes(text.ptr + i)))
			continue;
		for (; i < end; i++) {
			any |= kinds[text.ptr[i]];
			all &= kinds[text.ptr[i]];
		}
	}
	*length = all ? text.len : encoded_length(text, where);
	return !(any & FORBIDDEN);
}

/* How long it will be. False: it has a forbidden byte. */
static inline bool measure(struct slice text, unsigned where, size_t *length)
{
	*length = text.len;
	return are_plain(text) || measure_bytes(text, where, length);
}

bool location_take(struct location *location, struct slice path, struct slice query)
{
	location->path = path;
	location->query = query;
	return path.len > 0 && path.len <= LOCATION_MAX_PATH && path.ptr[0] == '/' &&
	       measure(path, IN_PATH, &location->path_length) && measure(query, IN_QUERY, &location->query_length);
}

size_t location_length(const struct location *location, struct slice prefix)
{
	size_t length = prefix.len + location->path_length;

	return location->query.len > 0 ? length + 1 + location->query_length : length;
}

static void put_encoded(struct spop_writer *writer, struct slice text, unsigned where)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t start = 0;

	for (size_t i = 0; i < text.len; i++) {
		const uint8_t encoded[3] = { '%', (uint8_t)digits[text.ptr[i] >> 4],
					     (uint8_t)digits[text.ptr[i] & 15] };

		if (stays(text, i, where))
			continue;
		spop_put_bytes(writer, text.ptr + start, i - start);
		spop_put_bytes(writer, encoded, sizeof(encoded));
		start = i + 1;
	}
	spop_put_bytes(writer, text.ptr + start, text.len - start);
}

static void put_part(struct spop_writer *writer, struct slice text, size_t length, unsigned where)
{
	if (length == text.len)
		spop_put_bytes(writer, text.ptr, text.len);
	else
		put_encoded(writer, text, where);
}

static bool is_as_it_came(const struct location *location)
{
	return location->path_length == location->path.len && location->query_length == location->query.len;
}

static void put_as_it_came(struct spop_writer *writer, const struct location *location, struct slice prefix)
{
	writer->at = slice_copy(slice_copy(writer->at, prefix), location->path);
	if (location->query.len == 0)
		return;
	*writer->at++ = '?';
	writer->at = slice_copy(writer->at, location->query);
}

void location_put(struct spop_writer *writer, const struct location *location, struct slice prefix)
{
	if (is_as_it_came(location) && !writer->full &&
	    (size_t)(writer->end - writer->at) >= location_length(location, prefix)) {
		put_as_it_came(writer, location, prefix);
		return;
	}
	spop_put_bytes(writer, prefix.ptr, prefix.len);
	put_part(writer, location->path, location->path_length, IN_PATH);
	if (location->query.len == 0)
		return;
	spop_put_byte(writer, '?');
	put_part(writer, location->query, location->query_length, IN_QUERY);
}

bool location_put_value(struct spop_writer *writer, struct slice value)
{
	size_t length;

	if (!measure(value, IN_QUERY, &length))
		return false;
	put_part(writer, value, length, IN_QUERY);
	return true;
}
