/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures in the forms that HAProxy has for programs: its management guide, 9.2 and 9.4, and `show schema json`. */
#include <string.h>

#include "admin.h"

static const char *const kinds[] = {
	[FIELD_STR] = "str", [FIELD_U32] = "u32", [FIELD_S32] = "s32", [FIELD_U64] = "u64"
};

/* A letter of the tags, and the word that JSON has for it. */
struct tag {
	char letter;
	const char *word;
};

static const struct tag origins[] = { { 'M', "Metric" }, { 'S', "Status" },  { 'K', "Key" },
				      { 'C', "Config" }, { 'P', "Product" }, { 0, NULL } };
static const struct tag natures[] = { { 'G', "Gauge" },   { 'L', "Limit" },    { 'M', "Max" }, { 'R', "Rate" },
				      { 'C', "Counter" }, { 'D', "Duration" }, { 'A', "Age" }, { 'T', "Time" },
				      { 'N', "Name" },    { 'O', "Output" },   { 'a', "Avg" }, { 0, NULL } };
static const struct tag scopes[] = { { 'C', "Cluster" }, { 'P', "Process" }, { 'S', "Service" }, { 0, NULL } };

static const char *word_of(const struct tag *tags, char letter)
{
	while (tags->letter && tags->letter != letter)
		tags++;
	return tags->word ? tags->word : "";
}

void field_put_json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

void field_put_typed(FILE *out, const struct field *field, const char *tags, const char *value)
{
	fprintf(out, "%u.%s.1:%s:%s:%s", field->position, field->name, tags ? tags : field->tags, kinds[field->kind],
		value);
}

void field_put_json(FILE *out, const struct field *field, const char *tags, const char *value)
{
	if (!tags)
		tags = field->tags;
	fprintf(out,
		"\"field\":{\"pos\":%u,\"name\":\"%s\"},\"processNum\":1,\"tags\":{\"origin\":\"%s\",\"nature\":\"%s\","
		"\"scope\":\"%s\"},\"value\":{\"type\":\"%s\",\"value\":",
		field->position, field->name, word_of(origins, tags[0]), word_of(natures, tags[1]),
		word_of(scopes, tags[2]), kinds[field->kind]);
	if (field->kind == FIELD_STR)
		field_put_json_string(out, value);
	else
		fputs(value, out);
	fputs("}}", out);
}

bool form_take(const char *word, enum form *form)
{
	static const char *const words[] = { [FORM_TYPED] = "typed", [FORM_JSON] = "json" };

	for (unsigned i = FORM_TYPED; i < COUNT(words); i++)
		if (strcmp(word, words[i]) == 0) {
			*form = (enum form)i;
			return true;
		}
	return false;
}
