/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http.h"

#define MOST_LENGTH (1u << 30)

/* ---- lines ---- */

/* A line without its end, LF or CRLF: RFC 9112 section 2.2. False: not whole yet. */
static bool take_line(struct slice *rest, struct slice *line)
{
	const uint8_t *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t length;

	if (!end)
		return false;
	length = (size_t)(end - rest->ptr);
	*line = slice_of(rest->ptr, length && end[-1] == '\r' ? length - 1 : length);
	*rest = slice_from(*rest, length + 1);
	return true;
}

unsigned http_status_code(struct slice bytes)
{
	uint64_t code;

	if (bytes.len < 12 || !slice_starts(bytes, SLICE("HTTP/1.")) || bytes.ptr[8] != ' ' ||
	    !slice_to_natural(slice_of(bytes.ptr + 9, 3), 999, &code))
		return 0;
	return (unsigned)code;
}

/* ---- headers ---- */

/* The next header of that name from *rest on. */
static bool next_header(struct slice *rest, struct slice name, struct slice *value)
{
	struct slice line, before;

	while (take_line(rest, &line)) {
		if (!slice_split(&line, ':', &before) || !line.ptr || !slice_eq_nocase(before, name))
			continue;
		*value = slice_trim(line);
		return true;
	}
	return false;
}

bool http_header(const struct http_answer *answer, struct slice name, struct slice *value)
{
	struct slice rest = answer->head;

	return next_header(&rest, name, value);
}

/* Whether one of the header's words is this one. */
static bool has_word(const struct http_answer *answer, struct slice name, struct slice word)
{
	struct slice rest = answer->head, value, part;

	while (next_header(&rest, name, &value))
		while (value.ptr && slice_split(&value, ',', &part))
			if (slice_eq_nocase(slice_trim(part), word))
				return true;
	return false;
}

/* There may be several, if they agree: RFC 9112 section 6.3. False: they do not, or one is no number. */
static bool take_length(const struct http_answer *answer, bool *there, uint64_t *length)
{
	struct slice rest = answer->head, value;
	uint64_t number;

	*there = false;
	while (next_header(&rest, SLICE("content-length"), &value)) {
		if (!slice_to_natural(value, MOST_LENGTH, &number) || (*there && number != *length))
			return false;
		*length = number;
		*there = true;
	}
	return true;
}

/* ---- the body ---- */

static bool is_hex(uint8_t c, uint64_t *digit)
{
	if (c >= '0' && c <= '9')
		*digit = (uint64_t)(c - '0');
	else if (lower(c) >= 'a' && lower(c) <= 'f')
		*digit = (uint64_t)(lower(c) - 'a' + 10);
	else
		return false;
	return true;
}

static bool take_size(struct slice line, uint64_t *size)
{
	uint64_t digit;
	size_t i = 0;

	for (*size = 0; i < line.len && is_hex(line.ptr[i], &digit); i++)
		if ((*size = *size << 4 | digit) > MOST_LENGTH)
			return false;
	return i > 0 && (i == line.len || line.ptr[i] == ';' || line.ptr[i] == ' ');
}

/* One chunk, RFC 9112 section 7.1; the last is empty, and takes the trailers with it. */
static enum http_read take_chunk(struct slice *rest, struct slice *chunk)
{
	struct slice at = *rest, line;
	uint64_t size;

	if (!take_line(&at, &line))
		return HTTP_MORE;
	if (!take_size(line, &size))
		return HTTP_INVALID;
	if (size > at.len)
		return HTTP_MORE;
	*chunk = slice_of(at.ptr, size);
	at = slice_from(at, size);
	do {
		if (!take_line(&at, &line))
			return HTTP_MORE;
		if (size > 0 && line.len > 0)
			return HTTP_INVALID;
	} while (line.len > 0);
	*rest = at;
	return HTTP_WHOLE;
}

static enum http_read read_chunks(struct slice *rest, struct http_answer *answer)
{
	struct slice begin = *rest, chunk;
	enum http_read status;

	do
		status = take_chunk(rest, &chunk);
	while (status == HTTP_WHOLE && chunk.len > 0);
	answer->chunked = true;
	answer->body = slice_of(begin.ptr, (size_t)(rest->ptr - begin.ptr));
	return status;
}

struct slice http_body(const struct http_answer *answer, uint8_t *room)
{
	struct slice rest = answer->body, chunk;
	size_t length = 0;

	if (!answer->chunked)
		return answer->body;
	while (take_chunk(&rest, &chunk) == HTTP_WHOLE && chunk.len > 0) {
		memmove(room + length, chunk.ptr, chunk.len);
		length += chunk.len;
	}
	return slice_of(room, length);
}

static enum http_read read_body(struct slice *rest, bool closed, bool bodiless, struct http_answer *answer)
{
	uint64_t length = 0;
	bool there;

	if (bodiless || answer->code == 204 || answer->code == 304)
		return HTTP_WHOLE;
	if (has_word(answer, SLICE("transfer-encoding"), SLICE("chunked")))
		return read_chunks(rest, answer);
	if (!take_length(answer, &there, &length))
		return HTTP_INVALID;
	if (!there) {
		answer->keeps = false;
		answer->body = *rest;
		*rest = slice_from(*rest, rest->len);
		return closed ? HTTP_WHOLE : HTTP_MORE;
	}
	if (length > rest->len)
		return HTTP_MORE;
	answer->body = slice_of(rest->ptr, length);
	*rest = slice_from(*rest, length);
	return HTTP_WHOLE;
}

/* ---- the whole ---- */

/* Up to and with the empty line behind the headers. */
static enum http_read read_head(struct slice *rest, struct http_answer *answer)
{
	struct slice at = *rest, line, begin;

	if (!take_line(&at, &line))
		return rest->len > HTTP_MOST_HEAD ? HTTP_INVALID : HTTP_MORE;
	answer->code = http_status_code(line);
	answer->keeps = slice_starts(line, SLICE("HTTP/1.1"));
	if (answer->code == 0)
		return HTTP_INVALID;
	begin = at;
	do {
		if (!take_line(&at, &line))
			return rest->len > HTTP_MOST_HEAD ? HTTP_INVALID : HTTP_MORE;
	} while (line.len > 0);
	answer->head = slice_of(begin.ptr, (size_t)(at.ptr - begin.ptr));
	*rest = at;
	return HTTP_WHOLE;
}

enum http_read http_read(struct slice bytes, bool closed, bool bodiless, struct http_answer *answer)
{
	struct slice rest = bytes;
	enum http_read status;

	do {
		*answer = (struct http_answer){ 0 };
		status = read_head(&rest, answer);
	} while (status == HTTP_WHOLE && answer->code / 100 == 1);
	if (status == HTTP_WHOLE) {
		if (has_word(answer, SLICE("connection"), SLICE("keep-alive")))
			answer->keeps = true;
		if (has_word(answer, SLICE("connection"), SLICE("close")))
			answer->keeps = false;
		status = read_body(&rest, closed, bodiless, answer);
	}
	/* what nobody asked for may be the next answer's beginning */
	answer->keeps = answer->keeps && status == HTTP_WHOLE && rest.len == 0 && !closed;
	return status == HTTP_MORE && closed ? HTTP_INVALID : status;
}
