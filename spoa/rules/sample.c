/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct row;

struct sample {
	const struct row *row;
	unsigned slot;
	struct slice argument;
};

struct row {
	const char *name;
	const char *argument; /* what stands in the parentheses; NULL: none */
	enum sample_type type;
	int slot; /* a fixed one; −1: by the argument */
	bool (*next)(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		     struct sample_cursor *cursor, struct sample_value *value);
};

/* ---- values ---- */

static void set_address(struct address *address, const uint8_t *bytes, unsigned size)
{
	address->size = size;
	memcpy(address->bytes, bytes, size);
}

bool address_parse(struct slice text, struct address *address)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (text.len >= sizeof(copy) || text.len == 0)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	if (inet_pton(AF_INET, copy, bytes) == 1)
		set_address(address, bytes, 4);
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		set_address(address, bytes, 16);
	else
		return false;
	return true;
}

bool sample_cast(struct sample_value *value, enum sample_type type, struct rules_scratch *scratch)
{
	if (value->type == type)
		return true;
	value->type = type;
	if (type == SAMPLE_ADDRESS)
		return address_parse(value->string, &value->address);
	inet_ntop(value->address.size == 4 ? AF_INET : AF_INET6, value->address.bytes, scratch->text,
		  sizeof(scratch->text));
	value->string = slice_of_string(scratch->text);
	return true;
}

static bool value_of(const struct spop_value *from, struct rules_scratch *scratch, struct sample_value *value)
{
	value->type = SAMPLE_STRING;
	switch (from->type) {
	case SPOP_STRING:
	case SPOP_BINARY:
		value->string = slice_of_spop(from->bytes);
		return true;
	case SPOP_IPV4:
	case SPOP_IPV6:
		value->type = SAMPLE_ADDRESS;
		set_address(&value->address, from->address, from->type == SPOP_IPV4 ? 4 : 16);
		return true;
	case SPOP_BOOL: /* as HAProxy casts a boolean to a string */
		value->string = from->boolean ? SLICE("1") : SLICE("0");
		return true;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
		snprintf(scratch->text, sizeof(scratch->text), "%" PRId64, from->integer);
		break;
	case SPOP_UINT64:
		snprintf(scratch->text, sizeof(scratch->text), "%" PRIu64, from->natural);
		break;
	case SPOP_NULL:
		return false;
	}
	value->string = slice_of_string(scratch->text);
	return true;
}

static bool next_argument(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
			  struct sample_cursor *cursor, struct sample_value *value)
{
	return cursor->taken++ == 0 && value_of(&request->values[sample->slot], scratch, value);
}

static bool next_pathq(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		       struct sample_cursor *cursor, struct sample_value *value)
{
	struct slice path = request_bytes(request, REQUEST_PATH), query = request_bytes(request, REQUEST_QUERY);

	(void)sample;
	if (cursor->taken++ > 0 || !path.ptr)
		return false;
	if (!request->pathq.ptr && query.len == 0)
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
	struct slice name, single = request_bytes(request, sample->slot);

	if (single.ptr) {
		cursor->list = single;
		return cursor->taken++ == 0;
	}
	if (cursor->taken++ == 0) {
		struct slice all = request_bytes(request, REQUEST_HDRS);

		cursor->blob = (struct spop_slice){ all.ptr, all.len };
	}
	while (request_take_header(&cursor->blob, &name, &cursor->list))
		if (slice_eq_nocase(name, sample->argument))
			return true;
	return false;
}

static bool next_hdr(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		     struct sample_cursor *cursor, struct sample_value *value)
{
	(void)scratch;
	if (!cursor->list.ptr && !next_header_line(sample, request, cursor))
		return false;
	value->type = SAMPLE_STRING;
	value->string = take_list_value(&cursor->list);
	return true;
}

/* ---- the table ---- */

static const struct row rows[] = {
	{ "arg", "name", SAMPLE_STRING, -1, next_argument },
	{ "hdr", "name", SAMPLE_STRING, -1, next_hdr },
	{ "host", NULL, SAMPLE_STRING, REQUEST_HOST, next_hdr },
	{ "method", NULL, SAMPLE_STRING, REQUEST_METHOD, next_argument },
	{ "path", NULL, SAMPLE_STRING, REQUEST_PATH, next_argument },
	{ "pathq", NULL, SAMPLE_STRING, REQUEST_PATH, next_pathq },
	{ "query", NULL, SAMPLE_STRING, REQUEST_QUERY, next_argument },
	{ "req.hdr", "name", SAMPLE_STRING, -1, next_hdr },
	{ "src", NULL, SAMPLE_ADDRESS, REQUEST_SRC, next_argument },
};

/* Of configuration.md, by the orders of work to come. */
static const char *const later[] = { "url",  "url_param", "urlp",    "base",   "req.fhdr",   "req.hdr_cnt", "req.cook",
				     "cook", "req.body",  "req.ver", "ssl_fc", "ssl_fc_sni", "fhdr",        "hdr_cnt" };

static const char *const methods[] = { "beg", "end", "sub", "dir", "dom", "reg", "str", "ip", "len", "int", "bin" };

static bool is_later(struct slice name)
{
	for (size_t i = 0; i < COUNT(later); i++)
		if (slice_eq(name, slice_of_string(later[i])))
			return true;
	return false;
}

static const struct row *find_row(struct slice name)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (slice_eq(name, slice_of_string(rows[i].name)))
			return &rows[i];
	return NULL;
}

/* "path_beg" is path with -m beg. */
static const struct row *find_derivative(struct slice *name, const char **method)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		struct slice suffix = slice_of_string(methods[i]), stem = *name;

		if (stem.len < suffix.len + 2 || !slice_ends(stem, suffix) ||
		    stem.ptr[stem.len - suffix.len - 1] != '_')
			continue;
		stem.len -= suffix.len + 1;
		if (!find_row(stem) && !is_later(stem))
			continue;
		*name = stem;
		*method = methods[i];
		return find_row(stem);
	}
	return NULL;
}

static const struct row *take_row(struct config_words *words, struct slice name, const char **method)
{
	struct slice stem = name;
	const struct row *row = find_row(stem);
	const char *names[COUNT(rows)], *nearest;

	*method = NULL;
	if (!row)
		row = find_derivative(&stem, method);
	if (row)
		return row;
	if (is_later(stem)) {
		config_error(words, "sample '%.*s' is not yet supported", SLICE_ARGS(name));
		return NULL;
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		names[i] = rows[i].name;
	nearest = config_nearest(arena_printf(words->arena, "%.*s", SLICE_ARGS(name)), names, COUNT(rows));
	if (nearest)
		config_error(words, "unknown sample '%.*s', did you mean '%s'?", SLICE_ARGS(name), nearest);
	else
		config_error(words, "unknown sample '%.*s'", SLICE_ARGS(name));
	return NULL;
}

static bool valid_argument(struct slice argument)
{
	for (size_t i = 0; i < argument.len; i++)
		if (argument.ptr[i] <= ' ' || argument.ptr[i] > '~' || strchr("(),", argument.ptr[i]))
			return false;
	return argument.len > 0;
}

/* Header names are sent in lower case. */
static struct slice lower_copy(struct arena *arena, struct slice text)
{
	struct slice copy = arena_slice(arena, text);

	for (size_t i = 0; i < copy.len; i++)
		((uint8_t *)copy.ptr)[i] = lower(copy.ptr[i]);
	return copy;
}

static bool bind_slot(struct config_words *words, struct sample *sample, struct slice argument,
		      struct request_names *names)
{
	if (sample->row->slot >= 0) {
		sample->slot = (unsigned)sample->row->slot;
		sample->argument = SLICE("host");
		return true;
	}
	if (!valid_argument(argument))
		return config_error(words, "sample '%s' expects %s(<%s>)", sample->row->name, sample->row->name,
				    sample->row->argument);
	if (sample->row->next == next_hdr) {
		sample->argument = lower_copy(words->arena, argument);
		sample->slot = request_names_add_header(names, sample->argument);
	} else {
		sample->argument = arena_slice(words->arena, argument);
		sample->slot = request_names_add(names, (const char *)sample->argument.ptr);
	}
	if (sample->slot < REQUEST_MAX_SLOTS)
		return true;
	return config_error(words, "the rules of one frontend may read at most %u different arguments",
			    REQUEST_MAX_SLOTS - REQUEST_FIRST_OWN);
}

static uint64_t slots_read(const struct sample *sample)
{
	uint64_t needs = 1ull << sample->slot;

	return sample->row->next == next_pathq ? needs | 1ull << REQUEST_QUERY : needs;
}

const struct sample *sample_parse(struct config_words *words, const char *word, struct request_names *names,
				  uint64_t *needs, const char **method)
{
	struct slice rest = slice_of_string(word), name, argument = slice_of(NULL, 0);
	size_t length = strcspn(word, "(,");
	struct sample *sample;

	name = slice_of(rest.ptr, length);
	rest = slice_from(rest, length);
	if (rest.len > 0 && rest.ptr[0] == '(') {
		size_t close = strcspn(word + length, ")");

		if (close >= rest.len) {
			config_error(words, "no closing ')' in '%s'", word);
			return NULL;
		}
		argument = slice_of(rest.ptr + 1, close - 1);
		rest = slice_from(rest, close + 1);
	}
	sample = arena_alloc(words->arena, sizeof(*sample));
	if (!sample || !(sample->row = take_row(words, name, method)))
		return NULL;
	if (rest.len > 0) {
		config_error(words,
			     rest.ptr[0] == ',' ? "converters ('%.*s') are not yet supported"
						: "unexpected '%.*s' after a sample",
			     SLICE_ARGS(rest));
		return NULL;
	}
	if (!sample->row->argument && argument.ptr) {
		config_error(words, "sample '%s' takes no argument", sample->row->name);
		return NULL;
	}
	if (!bind_slot(words, sample, argument, names))
		return NULL;
	*needs |= slots_read(sample);
	return sample;
}

bool sample_same(const struct sample *a, const struct sample *b)
{
	return a->row->next == b->row->next && a->slot == b->slot;
}

enum sample_type sample_type(const struct sample *sample)
{
	return sample->row->type;
}

bool sample_next(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		 struct sample_cursor *cursor, struct sample_value *value)
{
	return sample->row->next(sample, request, scratch, cursor, value);
}
