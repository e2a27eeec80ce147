/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch.h"

#include <string.h>

static bool value_of(const struct spop_value *from, struct sample_value *value)
{
	switch (from->type) {
	case SPOP_STRING:
	case SPOP_BINARY:
		value->type = SAMPLE_STRING;
		value->string = slice_of_spop(from->bytes);
		return true;
	case SPOP_IPV4:
	case SPOP_IPV6:
		value->type = SAMPLE_ADDRESS;
		value->address.size = from->type == SPOP_IPV4 ? 4 : 16;
		memcpy(value->address.bytes, from->address, value->address.size);
		return true;
	case SPOP_BOOL:
		value->type = SAMPLE_BOOL;
		value->number = from->boolean;
		return true;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
		value->type = SAMPLE_INT;
		value->number = from->integer;
		return true;
	case SPOP_UINT64:
		value->type = SAMPLE_INT;
		value->number = (int64_t)from->natural;
		return true;
	case SPOP_NULL:
		break;
	}
	return false;
}

bool fetch_argument(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		    struct sample_cursor *cursor, struct sample_value *value)
{
	(void)scratch;
	return cursor->taken++ == 0 && value_of(&request->values[sample->slot], value);
}

bool fetch_pathq(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		 struct sample_cursor *cursor, struct sample_value *value)
{
	struct slice path = request_bytes(request, REQUEST_PATH), query = request_bytes(request, REQUEST_QUERY);

	(void)sample;
	if (cursor->taken++ > 0 || !path.ptr)
		return false;
	if (!request->pathq.ptr && !query.ptr) /* an empty query has its question mark */
		request->pathq = path;
	if (!request->pathq.ptr) {
		if (query.len >= sizeof(scratch->join) || path.len >= sizeof(scratch->join) - query.len)
			return false;
		memcpy(scratch->join, path.ptr, path.len);
		scratch->join[path.len] = '?';
		memcpy(scratch->join + path.len + 1, query.ptr, query.len);
		request->pathq = slice_of(scratch->join, path.len + 1 + query.len);
	}
	value->type = SAMPLE_STRING;
	value->string = request->pathq;
	return true;
}

bool fetch_bool(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		struct sample_cursor *cursor, struct sample_value *value)
{
	return fetch_argument(sample, request, scratch, cursor, value) && sample_cast(value, SAMPLE_BOOL, scratch);
}

bool fetch_base(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		struct sample_cursor *cursor, struct sample_value *value)
{
	struct slice host = request_header(request, REQUEST_HOST, SLICE("host"));
	struct slice path = request_bytes(request, REQUEST_PATH);

	(void)sample;
	if (cursor->taken++ > 0 || !path.ptr)
		return false;
	if (host.len > sizeof(scratch->base) || path.len > sizeof(scratch->base) - host.len)
		return false;
	if (host.len > 0)
		memcpy(scratch->base, host.ptr, host.len);
	memcpy(scratch->base + host.len, path.ptr, path.len);
	value->type = SAMPLE_STRING;
	value->string = slice_of(scratch->base, host.len + path.len);
	return true;
}

/* Up to a comma that is not quoted: HAProxy's http_find_hdr_value_end(). */
static struct slice take_list_value(struct slice *list)
{
	bool quoted = false;
	size_t end = 0;
	struct slice value = *list;

	if (list->len == 0 || !memchr(list->ptr, ',', list->len)) {
		*list = slice_of(NULL, 0);
		return slice_trim(value);
	}
	for (; end < list->len; end++) {
		uint8_t c = list->ptr[end];

		if (quoted && c == '\\' && end + 1 < list->len)
			end++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == ',' && !quoted)
			break;
	}
	value = slice_of(list->ptr, end);
	*list = end < list->len ? slice_from(*list, end + 1) : slice_of(NULL, 0);
	return slice_trim(value);
}

/* Puts the next line of the header into cursor->list; false: no more. */
static bool next_header_line(const struct sample *sample, const struct request *request, struct sample_cursor *cursor)
{
	struct slice single = request_bytes(request, sample->slot);

	if (single.ptr) {
		cursor->list = single;
		return cursor->taken++ == 0;
	}
	if (cursor->taken++ == 0) {
		struct slice all = request_bytes(request, REQUEST_HDRS);

		cursor->blob = (struct spop_slice){ all.ptr, all.len };
	}
	return request_find_header(&cursor->blob, sample->argument, &cursor->list);
}

bool fetch_hdr(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
	       struct sample_cursor *cursor, struct sample_value *value)
{
	(void)scratch;
	if (!cursor->list.ptr && !next_header_line(sample, request, cursor))
		return false;
	value->type = SAMPLE_STRING;
	value->string = take_list_value(&cursor->list);
	return true;
}

bool fetch_fhdr(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		struct sample_cursor *cursor, struct sample_value *value)
{
	(void)scratch;
	if (!next_header_line(sample, request, cursor))
		return false;
	value->type = SAMPLE_STRING;
	value->string = slice_trim(cursor->list);
	return true;
}

bool fetch_hdr_cnt(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		   struct sample_cursor *cursor, struct sample_value *value)
{
	struct sample_cursor all = { 0 };
	int64_t n = 0;

	if (cursor->taken++ > 0)
		return false;
	while (fetch_hdr(sample, request, scratch, &all, value))
		n++;
	value->type = SAMPLE_INT;
	value->number = n;
	return true;
}

/* ---- cookies and parameters: names and values in a row ---- */

/* Up to a semicolon or comma that is not quoted; what follows stays in *list, whose pointer is NULL at its end. */
static struct slice take_cookie(struct slice *list)
{
	bool quoted = false;
	size_t end = 0;
	struct slice cookie;

	for (; end < list->len && (quoted || (list->ptr[end] != ';' && list->ptr[end] != ',')); end++)
		quoted ^= list->ptr[end] == '"';
	cookie = slice_of(list->ptr, end);
	*list = end < list->len ? slice_from(*list, end + 1) : slice_of(NULL, 0);
	return cookie;
}

/* The value behind "name=", blanks around both being nothing. */
static bool take_value(struct slice pair, struct slice name, struct slice *value)
{
	const uint8_t *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;

	if (!equals || !slice_eq(slice_trim(slice_of(pair.ptr, (size_t)(equals - pair.ptr))), name))
		return false;
	*value = slice_trim(slice_from(pair, (size_t)(equals - pair.ptr) + 1));
	return true;
}

bool fetch_cook(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		struct sample_cursor *cursor, struct sample_value *value)
{
	const struct sample cookies = { .slot = sample->slot, .argument = SLICE("cookie") };

	(void)scratch;
	value->type = SAMPLE_STRING;
	/* HAProxy does not look at what is not longer than "name=": http_extract_cookie_value() */
	while (cursor->list.ptr || next_header_line(&cookies, request, cursor))
		if (cursor->list.len <= sample->argument.len + 1)
			cursor->list = slice_of(NULL, 0);
		else if (take_value(take_cookie(&cursor->list), sample->argument, &value->string))
			return true;
	return false;
}

/* HAProxy takes "&" and ";" between parameters. */
static struct slice take_param(struct slice *query)
{
	size_t end = 0;
	struct slice param;

	while (end < query->len && query->ptr[end] != '&' && query->ptr[end] != ';')
		end++;
	param = slice_of(query->ptr, end);
	*query = end < query->len ? slice_from(*query, end + 1) : slice_of(NULL, 0);
	return param;
}

bool fetch_param(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		 struct sample_cursor *cursor, struct sample_value *value)
{
	struct slice name = sample->argument;

	(void)scratch;
	if (cursor->taken++ == 0)
		cursor->list = request_bytes(request, sample->slot);
	value->type = SAMPLE_STRING;
	while (cursor->list.ptr) {
		struct slice param = take_param(&cursor->list);

		if (param.len <= name.len || param.ptr[name.len] != '=' || !slice_starts(param, name))
			continue;
		value->string = slice_from(param, name.len + 1);
		return true;
	}
	return false;
}
