/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <string.h>

struct part {
	struct slice text;
	const struct sample *sample; /* NULL: text alone */
	enum location_part kind;
};

struct format {
	struct part *parts;
	size_t n;
	bool location; /* it may name what was chosen */
};

static const struct {
	struct slice name;
	enum location_part kind;
} chosen[] = {
	{ SLICE("srv_redir"), PART_SRV_REDIR },
	{ SLICE("srv_name"), PART_SRV_NAME },
	{ SLICE("be_name"), PART_BE_NAME },
};

bool format_is_one(const char *text)
{
	return strstr(text, "%[") != NULL;
}

/* Up to the bracket that closes; those within parentheses are an argument's. */
static size_t expression_end(const char *text)
{
	unsigned depth = 0;
	size_t end = 0;

	for (; text[end] && (depth > 0 || text[end] != ']'); end++) {
		depth += text[end] == '(';
		depth -= text[end] == ')' && depth > 0;
	}
	return end;
}

static const struct sample *parse_expression(struct config_words *words, const char *text, size_t length,
					     struct request_names *names, uint64_t *needs)
{
	char *copy = arena_printf(words->arena, "%.*s", (int)length, text);
	const char *method;
	const struct sample *sample;

	if (!copy) {
		config_error(words, "out of memory");
		return NULL;
	}
	sample = sample_parse(words, copy, names, needs, &method);
	if (sample && method) {
		config_error(words, "'%s' compares, and has no value of its own", copy);
		return NULL;
	}
	return sample;
}

static bool add_part(struct config_words *words, struct format *format, struct part part)
{
	struct part *slot = arena_grow(words->arena, &format->parts, &format->n, sizeof(*slot));

	if (!slot)
		return config_error(words, "out of memory");
	*slot = part;
	return true;
}

/* One part off *text. */
static bool take_part(struct config_words *words, struct format *format, const char **text, struct request_names *names,
		      uint64_t *needs)
{
	struct part part = { .text = slice_of(*text, 0) };
	size_t length;

	if (strncmp(*text, "%[", 2) == 0) {
		length = expression_end(*text + 2);
		if ((*text)[2 + length] != ']')
			return config_error(words, "no closing ']' in '%s'", *text);
		for (size_t i = 0; format->location && i < COUNT(chosen); i++)
			if (slice_eq(slice_of(*text + 2, length), chosen[i].name))
				part.kind = chosen[i].kind;
		if (part.kind == PART_TEXT) {
			part.kind = PART_SAMPLE;
			part.sample = parse_expression(words, *text + 2, length, names, needs);
		}
		*text += length + 3;
		return (part.sample || part.kind != PART_SAMPLE) && add_part(words, format, part);
	}
	length = strcspn(*text, "%");
	if ((*text)[length] == '%' && length == 0) {
		if ((*text)[1] != '%')
			return config_error(words, "'%%' stands before '[' or another '%%' only, in '%s'", *text);
		part.text = SLICE("%");
		*text += 2;
		return add_part(words, format, part);
	}
	part.text = arena_slice(words->arena, slice_of(*text, length));
	*text += length;
	return add_part(words, format, part);
}

static const struct format *parse(struct config_words *words, const char *text, struct request_names *names,
				  uint64_t *needs, bool location)
{
	struct format *format = arena_alloc(words->arena, sizeof(*format));

	if (!format)
		config_error(words, "out of memory");
	else
		format->location = location;
	while (format && *text)
		if (!take_part(words, format, &text, names, needs))
			return NULL;
	return format;
}

const struct format *format_parse(struct config_words *words, const char *text, struct request_names *names,
				  uint64_t *needs)
{
	return parse(words, text, names, needs, false);
}

const struct format *format_parse_location(struct config_words *words, const char *text, struct request_names *names,
					   uint64_t *needs)
{
	return parse(words, text, names, needs, true);
}

static struct slice value_of(const struct part *part, struct request *request, struct rules_scratch *scratch)
{
	struct sample_value value;

	if (!part->sample)
		return part->text;
	if (!sample_final(part->sample, request, scratch, &value) || !sample_cast(&value, SAMPLE_STRING, scratch))
		return slice_of(NULL, 0);
	return value.string;
}

struct slice format_write(const struct format *format, struct request *request, struct rules_scratch *scratch,
			  uint8_t room[FORMAT_MOST])
{
	size_t used = 0;

	for (size_t i = 0; i < format->n; i++) {
		struct slice text = value_of(&format->parts[i], request, scratch);

		if (text.len > FORMAT_MOST - used)
			return slice_of(NULL, 0);
		if (text.len > 0)
			memcpy(room + used, text.ptr, text.len);
		used += text.len;
	}
	return slice_of(room, used);
}

bool format_visit(const struct format *format, struct request *request, struct rules_scratch *scratch,
		  location_put_part *put, void *into)
{
	for (size_t i = 0; i < format->n; i++)
		if (!put(into, format->parts[i].kind, value_of(&format->parts[i], request, scratch)))
			return false;
	return true;
}
