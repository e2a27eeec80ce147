/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct row {
	const char *name;
	const char *argument; /* what stands in the parentheses; NULL: none */
	enum sample_type type;
	const char *input; /* the argument of the message that it reads; NULL: the one in the parentheses */
	fetch *fetch;
	bool many; /* it may have several values */
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

/* As HAProxy's read_int64(): as many digits as there are; what is none is 0. */
static bool to_number(struct slice text, int64_t *number)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t sum = 0, most = negative ? 1ull << 63 : INT64_MAX;

	if (text.len == 0)
		return false;
	for (size_t i = negative; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		uint64_t digit = text.ptr[i] - '0';

		sum = sum > (most - digit) / 10 ? most : sum * 10 + digit;
	}
	*number = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return true;
}

static bool cast_to_string(struct sample_value *value, struct rules_scratch *scratch)
{
	if (value->type == SAMPLE_ADDRESS)
		inet_ntop(value->address.size == 4 ? AF_INET : AF_INET6, value->address.bytes, scratch->text,
			  sizeof(scratch->text));
	else
		snprintf(scratch->text, sizeof(scratch->text), "%" PRId64, value->number);
	value->string = slice_of_string(scratch->text);
	return true;
}

static bool cast_to_number(struct sample_value *value)
{
	uint32_t four;

	if (value->type == SAMPLE_STRING)
		return to_number(value->string, &value->number);
	if (value->type != SAMPLE_ADDRESS)
		return true;
	memcpy(&four, value->address.bytes, 4);
	value->number = ntohl(four);
	return value->address.size == 4;
}

bool sample_cast(struct sample_value *value, enum sample_type type, struct rules_scratch *scratch)
{
	bool good = true;

	if (value->type == type)
		return true;
	switch (type) {
	case SAMPLE_STRING:
		good = cast_to_string(value, scratch);
		break;
	case SAMPLE_ADDRESS:
		good = value->type == SAMPLE_STRING && address_parse(value->string, &value->address);
		break;
	case SAMPLE_BOOL:
		good = value->type != SAMPLE_ADDRESS && cast_to_number(value);
		break;
	case SAMPLE_INT:
		good = cast_to_number(value);
		break;
	}
	value->type = type;
	return good;
}

/* ---- the table ---- */

static const struct row rows[] = {
	{ "arg", "name", SAMPLE_STRING, NULL, fetch_argument, false },
	{ "base", NULL, SAMPLE_STRING, "path", fetch_base, false },
	{ "cook", "name", SAMPLE_STRING, "hdr(cookie)", fetch_cook, true },
	{ "fhdr", "name", SAMPLE_STRING, NULL, fetch_fhdr, true },
	{ "hdr", "name", SAMPLE_STRING, NULL, fetch_hdr, true },
	{ "hdr_cnt", "name", SAMPLE_INT, NULL, fetch_hdr_cnt, false },
	{ "host", NULL, SAMPLE_STRING, "host", fetch_hdr, true },
	{ "method", NULL, SAMPLE_STRING, "method", fetch_argument, false },
	{ "path", NULL, SAMPLE_STRING, "path", fetch_argument, false },
	{ "pathq", NULL, SAMPLE_STRING, "path", fetch_pathq, false },
	{ "query", NULL, SAMPLE_STRING, "query", fetch_argument, false },
	{ "req.body", NULL, SAMPLE_STRING, "body", fetch_argument, false },
	{ "req.cook", "name", SAMPLE_STRING, "hdr(cookie)", fetch_cook, true },
	{ "req.fhdr", "name", SAMPLE_STRING, NULL, fetch_fhdr, true },
	{ "req.hdr", "name", SAMPLE_STRING, NULL, fetch_hdr, true },
	{ "req.hdr_cnt", "name", SAMPLE_INT, NULL, fetch_hdr_cnt, false },
	{ "req.ver", NULL, SAMPLE_STRING, "ver", fetch_argument, false },
	{ "src", NULL, SAMPLE_ADDRESS, "src", fetch_argument, false },
	{ "ssl_fc", NULL, SAMPLE_BOOL, "ssl", fetch_bool, false },
	{ "ssl_fc_sni", NULL, SAMPLE_STRING, "sni", fetch_argument, false },
	{ "url", NULL, SAMPLE_STRING, "path", fetch_pathq, false },
	{ "url_param", "name", SAMPLE_STRING, "query", fetch_param, true },
	{ "urlp", "name", SAMPLE_STRING, "query", fetch_param, true },
};

static const char *const methods[] = { "beg", "end", "sub", "dir", "dom", "reg", "str", "ip", "len", "int", "bin" };

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
		if (!find_row(stem))
			continue;
		*name = stem;
		*method = methods[i];
		return find_row(stem);
	}
	return NULL;
}

/* "path_ends": the sample is known, and its way of matching nearly. False: it is not. */
static bool unknown_derivative(struct config_words *words, struct slice name)
{
	const uint8_t *low = name.len > 0 ? memrchr(name.ptr, '_', name.len) : NULL;
	struct slice stem = slice_of(name.ptr, low ? (size_t)(low - name.ptr) : 0);
	const char *suffix, *nearest;

	if (!low || !find_row(stem))
		return false;
	suffix = arena_printf(words->arena, "%.*s", SLICE_ARGS(slice_from(name, stem.len + 1)));
	nearest = suffix ? config_nearest(suffix, methods, COUNT(methods)) : NULL;
	if (!nearest)
		return false;
	config_error(words, "unknown sample '%.*s', did you mean '%.*s_%s'?", SLICE_ARGS(name), SLICE_ARGS(stem),
		     nearest);
	return true;
}

static const struct row *take_row(struct config_words *words, struct slice name, const char **method)
{
	struct slice stem = name;
	const struct row *row = find_row(stem);
	const char *names[COUNT(rows)];

	*method = NULL;
	if (!row)
		row = find_derivative(&stem, method);
	if (row)
		return row;
	for (size_t i = 0; i < COUNT(rows); i++)
		names[i] = rows[i].name;
	if (!unknown_derivative(words, name))
		config_error(words, "unknown sample '%.*s'%s", SLICE_ARGS(name),
			     config_did_you_mean(words->arena, arena_printf(words->arena, "%.*s", SLICE_ARGS(name)),
						 names, COUNT(rows)));
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

static bool is_header_row(const struct row *row)
{
	return row->fetch == fetch_hdr || row->fetch == fetch_fhdr || row->fetch == fetch_hdr_cnt;
}

static bool bind_slot(struct config_words *words, struct sample *sample, struct slice argument,
		      struct request_names *names)
{
	const struct row *row = sample->row;

	if (row->argument && !valid_argument(argument))
		return config_error(words, "sample '%s' expects %s(<%s>)", row->name, row->name, row->argument);
	sample->argument = row->argument ? arena_slice(words->arena, argument) : SLICE("host");
	if (row->fetch == fetch_cook) {
		sample->slot = request_names_add_header(names, SLICE("cookie"));
	} else if (row->input) {
		sample->slot = request_names_add(names, row->input);
	} else if (is_header_row(row)) {
		sample->argument = lower_copy(words->arena, argument);
		sample->slot = request_names_add_header(names, sample->argument);
	} else {
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

	if (sample->row->fetch == fetch_pathq)
		needs |= 1ull << REQUEST_QUERY;
	if (sample->row->fetch == fetch_base)
		needs |= 1ull << REQUEST_HOST;
	return needs;
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
	sample->type = sample->row->type;
	if (!converters_parse(words, rest, &sample->type, &sample->converters))
		return NULL;
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
	return a->row->fetch == b->row->fetch && a->slot == b->slot && slice_eq(a->argument, b->argument) &&
	       converters_same(a->converters, b->converters);
}

enum sample_type sample_type(const struct sample *sample)
{
	return sample->type;
}

bool sample_final(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		  struct sample_value *value)
{
	struct sample_cursor cursor = { 0 };
	struct sample_value next;
	bool any = false;

	while (sample->row->fetch(sample, request, scratch, &cursor, &next)) {
		*value = next;
		any = true;
		if (!sample->row->many || sample->row->fetch == fetch_param)
			break;
	}
	return any && (!sample->converters || converters_apply(sample->converters, value, scratch));
}

unsigned sample_argument(const struct sample *sample, bool *is_list)
{
	*is_list = sample->row->fetch == fetch_hdr;
	return (*is_list || sample->row->fetch == fetch_argument) && !sample->converters ? sample->slot
											 : REQUEST_MAX_SLOTS;
}

const char *sample_name(const struct sample *sample)
{
	return sample->row->name;
}

bool sample_is_path(const struct sample *sample)
{
	bool list;

	return sample_argument(sample, &list) == REQUEST_PATH ||
	       (sample->row->fetch == fetch_pathq && !sample->converters);
}

bool sample_has_many(const struct sample *sample)
{
	return sample->row->many;
}

bool sample_next(const struct sample *sample, struct request *request, struct rules_scratch *scratch,
		 struct sample_cursor *cursor, struct sample_value *value)
{
	/* a value that cannot be converted is the last one that HAProxy looks at, too: acl_exec_cond() */
	return sample->row->fetch(sample, request, scratch, cursor, value) &&
	       (!sample->converters || converters_apply(sample->converters, value, scratch));
}
