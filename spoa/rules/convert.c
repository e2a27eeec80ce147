/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert.h"

#include "map.h"

#include <string.h>

#define MAX_ARGUMENTS 3u
#define MAX_CHAIN     8u

struct converter {
	const struct converter_row *row;
	struct slice arguments[MAX_ARGUMENTS];
	unsigned n_arguments;
	int64_t number, count; /* field: which, and how many; url_dec: in_form */
	const struct map *map;
	const struct converter *next;
};

struct converter_row {
	const char *name;
	enum sample_type in, out;
	unsigned min, max; /* arguments */
	bool (*prepare)(struct config_words *words, struct converter *converter);
	/* `room` is for what has to be written. */
	bool (*apply)(const struct converter *converter, struct sample_value *value, uint8_t *room,
		      struct rules_scratch *scratch);
};

/* ---- letters ---- */

static bool lower_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			struct rules_scratch *scratch)
{
	(void)scratch;
	(void)converter;
	slice_lower(room, value->string);
	value->string.ptr = room;
	return true;
}

static bool upper_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			struct rules_scratch *scratch)
{
	(void)scratch;
	(void)converter;
	for (size_t i = 0; i < value->string.len; i++) {
		uint8_t c = value->string.ptr[i];

		room[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
	}
	value->string.ptr = room;
	return true;
}

static bool length_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			 struct rules_scratch *scratch)
{
	(void)scratch;
	(void)converter;
	(void)room;
	value->number = (int64_t)value->string.len;
	return true;
}

/* ---- url_dec ---- */

static int hex(uint8_t c)
{
	c = lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_number(struct slice text, int64_t *number)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t natural;

	if (!slice_to_natural(slice_from(text, negative), INT32_MAX, &natural))
		return false;
	*number = negative ? -(int64_t)natural : (int64_t)natural;
	return true;
}

static bool url_dec_prepare(struct config_words *words, struct converter *converter)
{
	if (converter->n_arguments == 0 || parse_number(converter->arguments[0], &converter->number))
		return true;
	return config_error(words, "'url_dec' expects a number, not '%.*s'", SLICE_ARGS(converter->arguments[0]));
}

/* A "%" without two digits behind it makes the whole no value, as in HAProxy's url_decode(). */
static bool url_dec_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			  struct rules_scratch *scratch)
{
	bool in_form = converter->number != 0;
	struct slice text = value->string;
	size_t n = 0;

	(void)scratch;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		in_form |= c == '?';
		if (c == '+' && in_form) {
			c = ' ';
		} else if (c == '%') {
			if (text.len - i < 3 || hex(text.ptr[i + 1]) < 0 || hex(text.ptr[i + 2]) < 0)
				return false;
			c = (uint8_t)(hex(text.ptr[i + 1]) << 4 | hex(text.ptr[i + 2]));
			i += 2;
		}
		room[n++] = c;
	}
	value->string = slice_of(room, n);
	return true;
}

/* ---- field ---- */

static bool field_prepare(struct config_words *words, struct converter *converter)
{
	converter->count = 1;
	if (!parse_number(converter->arguments[0], &converter->number) || converter->number == 0)
		return config_error(words, "'field' expects an index other than 0, not '%.*s'",
				    SLICE_ARGS(converter->arguments[0]));
	if (converter->arguments[1].len == 0)
		return config_error(words, "'field' expects delimiters");
	if (converter->n_arguments > 2 &&
	    (!parse_number(converter->arguments[2], &converter->count) || converter->count < 0))
		return config_error(words, "'field' expects a count, not '%.*s'", SLICE_ARGS(converter->arguments[2]));
	return true;
}

static bool is_delimiter(struct slice delimiters, uint8_t c)
{
	return memchr(delimiters.ptr, c, delimiters.len) != NULL;
}

static size_t count_fields(struct slice text, struct slice delimiters)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += is_delimiter(delimiters, text.ptr[i]);
	return n;
}

/* From the beginning of field `first` to the end of field `last`, both counted from 0. */
static struct slice fields(struct slice text, struct slice delimiters, size_t first, size_t last)
{
	size_t start = text.len, at = 0, end = text.len;

	for (size_t i = 0; i <= text.len; i++) {
		bool border = i == text.len || is_delimiter(delimiters, text.ptr[i]);

		if (at == first && start > i)
			start = i;
		if (border && at++ == last) {
			end = i;
			break;
		}
	}
	return slice_of(text.ptr + start, end - start);
}

static bool field_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			struct rules_scratch *scratch)
{
	struct slice delimiters = converter->arguments[1];
	size_t n = count_fields(value->string, delimiters), count = (size_t)converter->count, index;

	(void)scratch;
	(void)room;
	index = (size_t)(converter->number > 0 ? converter->number : -converter->number) - 1;
	if (index >= n)
		return false;
	if (count == 0 || count > n - index)
		count = n - index;
	if (converter->number > 0)
		value->string = fields(value->string, delimiters, index, index + count - 1);
	else
		value->string = fields(value->string, delimiters, n - index - count, n - 1 - index);
	return true;
}

/* ---- a Host's parts ---- */

/* Where the last colon is, else the text's length; those before a bracket are an address's. As HAProxy's host_only. */
static size_t port_at(struct slice host)
{
	for (size_t at = host.len; at > 0 && host.ptr[at - 1] != ']'; at--)
		if (host.ptr[at - 1] == ':')
			return at - 1;
	return host.len;
}

static bool host_only_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			    struct rules_scratch *scratch)
{
	value->string.len = port_at(value->string);
	return lower_apply(converter, value, room, scratch);
}

/* HAProxy's strl2ui(): what is no digit counts for what it is, modulo 2^32. */
static bool port_only_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
			    struct rules_scratch *scratch)
{
	struct slice text = slice_from(value->string, port_at(value->string) + 1);
	uint32_t port = 0;

	(void)converter;
	(void)room;
	(void)scratch;
	for (size_t i = 0; i < text.len; i++)
		port = port * 10 + text.ptr[i] - '0';
	value->number = port;
	return true;
}

/* ---- maps ---- */

static bool map_prepare(struct config_words *words, struct converter *converter)
{
	const char *name = converter->row->name;
	const struct slice path = converter->arguments[0];

	if (path.len == 0)
		return config_error(words, "'%s' expects a file", name);
	converter->map = map_read(words, (const char *)path.ptr, name[3] ? name + 4 : NULL);
	return converter->map != NULL;
}

/* What is in no line becomes the default, and is no value where there is none. */
static bool map_apply(const struct converter *converter, struct sample_value *value, uint8_t *room,
		      struct rules_scratch *scratch)
{
	(void)room;
	if (map_find(converter->map, value, scratch, &value->string))
		return true;
	value->string = converter->arguments[1];
	return converter->n_arguments > 1;
}

/* ---- the table ---- */

static const struct converter_row rows[] = {
	{ "field", SAMPLE_STRING, SAMPLE_STRING, 2, 3, field_prepare, field_apply },
	{ "host_only", SAMPLE_STRING, SAMPLE_STRING, 0, 0, NULL, host_only_apply },
	{ "length", SAMPLE_STRING, SAMPLE_INT, 0, 0, NULL, length_apply },
	{ "lower", SAMPLE_STRING, SAMPLE_STRING, 0, 0, NULL, lower_apply },
	{ "map", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_beg", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_dir", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_dom", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_end", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_int", SAMPLE_INT, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_ip", SAMPLE_ADDRESS, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_reg", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_str", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "map_sub", SAMPLE_STRING, SAMPLE_STRING, 1, 2, map_prepare, map_apply },
	{ "port_only", SAMPLE_STRING, SAMPLE_INT, 0, 0, NULL, port_only_apply },
	{ "upper", SAMPLE_STRING, SAMPLE_STRING, 0, 0, NULL, upper_apply },
	{ "url_dec", SAMPLE_STRING, SAMPLE_STRING, 0, 1, url_dec_prepare, url_dec_apply },
};

static const struct converter_row *find_row(struct config_words *words, struct slice name)
{
	const char *names[COUNT(rows)];
	char *copy = arena_printf(words->arena, "%.*s", SLICE_ARGS(name));

	for (size_t i = 0; i < COUNT(rows); i++) {
		names[i] = rows[i].name;
		if (slice_eq(name, slice_of_string(rows[i].name)))
			return &rows[i];
	}
	config_error(words, "unknown converter '%.*s'%s", SLICE_ARGS(name),
		     copy ? config_did_you_mean(words->arena, copy, names, COUNT(rows)) : "");
	return NULL;
}

/* "(a,b)" off *text, or nothing where there is none. */
static bool take_arguments(struct config_words *words, struct slice *text, struct converter *converter)
{
	const uint8_t *close;
	struct slice list, argument;

	if (text->len == 0 || text->ptr[0] != '(')
		return true;
	close = memchr(text->ptr, ')', text->len);
	if (!close)
		return config_error(words, "no closing ')' behind converter '%s'", converter->row->name);
	list = slice_of(text->ptr + 1, (size_t)(close - text->ptr) - 1);
	*text = slice_from(*text, (size_t)(close - text->ptr) + 1);
	while (list.ptr && slice_split(&list, ',', &argument)) {
		if (converter->n_arguments == MAX_ARGUMENTS)
			return config_error(words, "too many arguments for converter '%s'", converter->row->name);
		converter->arguments[converter->n_arguments++] = arena_slice(words->arena, argument);
	}
	return true;
}

/* One converter off *text, which begins with its comma. */
static struct converter *take_converter(struct config_words *words, struct slice *text, enum sample_type type)
{
	struct converter *converter = arena_alloc(words->arena, sizeof(*converter));
	size_t length = 1;

	while (length < text->len && text->ptr[length] != '(' && text->ptr[length] != ',')
		length++;
	if (!converter)
		return NULL;
	converter->row = find_row(words, slice_of(text->ptr + 1, length - 1));
	if (!converter->row)
		return NULL;
	*text = slice_from(*text, length);
	if (!take_arguments(words, text, converter))
		return NULL;
	if (converter->n_arguments < converter->row->min || converter->n_arguments > converter->row->max) {
		config_error(words, "converter '%s' takes %u to %u arguments", converter->row->name,
			     converter->row->min, converter->row->max);
		return NULL;
	}
	if (type == SAMPLE_ADDRESS && converter->row->in != SAMPLE_STRING && converter->row->in != SAMPLE_ADDRESS) {
		config_error(words, "converter '%s' takes no address", converter->row->name);
		return NULL;
	}
	return !converter->row->prepare || converter->row->prepare(words, converter) ? converter : NULL;
}

bool converters_parse(struct config_words *words, struct slice text, enum sample_type *type,
		      const struct converter **first)
{
	const struct converter **last = first;

	for (unsigned n = 0; text.len > 0; n++) {
		struct converter *converter;

		if (text.ptr[0] != ',')
			return config_error(words, "unexpected '%.*s' behind a sample", SLICE_ARGS(text));
		if (n == MAX_CHAIN)
			return config_error(words, "at most %u converters in a row", MAX_CHAIN);
		converter = take_converter(words, &text, *type);
		if (!converter)
			return false;
		*type = converter->row->out;
		*last = converter;
		last = &converter->next;
	}
	return true;
}

bool converters_same(const struct converter *a, const struct converter *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->row != b->row || a->n_arguments != b->n_arguments)
			return false;
		for (unsigned i = 0; i < a->n_arguments; i++)
			if (!slice_eq(a->arguments[i], b->arguments[i]))
				return false;
	}
	return a == b;
}

bool converters_apply(const struct converter *first, struct sample_value *value, struct rules_scratch *scratch)
{
	unsigned turn = 0;

	for (const struct converter *at = first; at; at = at->next) {
		if (!sample_cast(value, at->row->in, scratch))
			return false;
		if (at->row->in == SAMPLE_STRING && value->string.len > sizeof(scratch->converted[0]))
			return false;
		if (!at->row->apply(at, value, scratch->converted[turn], scratch))
			return false;
		value->type = at->row->out;
		turn = !turn;
	}
	return true;
}
