/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <string.h>

struct part {
	struct slice text;
	const struct sample *sample; /* NULL: text alone */
};

struct format {
	struct part *parts;
	size_t n;
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
		part.sample = parse_expression(words, *text + 2, length, names, needs);
		*text += length + 3;
		return part.sample && add_part(words, format, part);
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

const struct format *format_parse(struct config_words *words, const char *text, struct request_names *names,
				  uint64_t *needs)
{
	struct format *format = arena_alloc(words->arena, sizeof(*format));

	if (!format)
		config_error(words, "out of memory");
	while (format && *text)
		if (!take_part(words, format, &text, names, needs))
			return NULL;
	return format;
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
