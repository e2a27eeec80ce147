/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `metric NAME{label="value",other!="value"} [as q|u|A|C|B] [max VALUE]`: which figures of a page tell the load. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

static bool is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_:.-/", c);
}

/* Letters, digits, '_' and ':', and what else ORCA's names have. */
static bool take_name(struct slice *rest, struct slice *name)
{
	size_t length = 0;

	while (length < rest->len && rest->ptr[length] && is_name_byte(rest->ptr[length]))
		length++;
	*name = slice_of(rest->ptr, length);
	*rest = slice_from(*rest, length);
	return length > 0;
}

static bool take_byte(struct slice *rest, uint8_t byte)
{
	if (rest->len == 0 || rest->ptr[0] != byte)
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

/* label="value" or label!="value"; nothing is escaped. */
static bool take_label(struct slice *rest, struct metric_label *label)
{
	size_t length = 0;

	if (!take_name(rest, &label->name))
		return false;
	label->other = take_byte(rest, '!');
	if (!take_byte(rest, '=') || !take_byte(rest, '"'))
		return false;
	while (length < rest->len && rest->ptr[length] != '"')
		length++;
	label->value = slice_of(rest->ptr, length);
	*rest = slice_from(*rest, length);
	return take_byte(rest, '"');
}

static bool take_labels(struct arena *arena, struct slice *rest, struct metric *metric)
{
	struct metric_label *label;

	if (!take_byte(rest, '{'))
		return true;
	while (!take_byte(rest, '}')) {
		label = arena_grow(arena, &metric->labels, &metric->n_labels, sizeof(*label));
		if (!label || !take_label(rest, label))
			return false;
		if (!take_byte(rest, ',') && (rest->len == 0 || rest->ptr[0] != '}'))
			return false;
	}
	return true;
}

static bool parse_as(struct config_words *words, unsigned *as)
{
	static const struct {
		const char *word;
		unsigned as;
	} figures[] = { { "q", LOAD_Q }, { "u", LOAD_U }, { "A", LOAD_A }, { "C", LOAD_C }, { "B", LOAD_B } };
	const char *word = config_take_word(words, "'q', 'u', 'A', 'C' or 'B'");

	for (size_t i = 0; word && i < COUNT(figures); i++)
		if (strcmp(word, figures[i].word) == 0) {
			*as = figures[i].as;
			return true;
		}
	return word && config_error(words, "'as' expects 'q', 'u', 'A', 'C' or 'B', not '%s'", word);
}

static bool parse_max(struct config_words *words, double *max)
{
	const char *word = config_take_word(words, "a number");
	char *end;

	if (!word)
		return false;
	*max = strtod(word, &end);
	return (*word && !*end && isfinite(*max) && *max > 0) ||
	       config_error(words, "'max' expects a number above 0, not '%s'", word);
}

const struct metric *metric_parse(struct config_words *words)
{
	struct metric *metric = arena_alloc(words->arena, sizeof(*metric));
	const char *word = config_take_word(words, "the name of a metric");
	struct slice rest;

	if (!word)
		return NULL;
	rest = slice_of_string(word);
	if (!metric || !take_name(&rest, &metric->name) || !take_labels(words->arena, &rest, metric) || rest.len > 0) {
		config_error(words, "a metric is written as name{label=\"value\"}, unlike '%s'", word);
		return NULL;
	}
	if (config_take_if(words, "as") && !parse_as(words, &metric->as))
		return NULL;
	if (config_take_if(words, "max") && !parse_max(words, &metric->max))
		return NULL;
	if (metric->max > 0 && metric->as && metric->as != LOAD_U) {
		config_error(words, "'max' makes a utilisation of a figure, and goes with 'as u' alone");
		return NULL;
	}
	return metric;
}
