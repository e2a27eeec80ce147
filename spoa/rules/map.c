/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "literals.h"

struct map {
	struct index *index;
	struct patterns *patterns; /* none of its own: how to read one */
	struct slice *values;
	size_t n;
	uint32_t *weights;
	size_t n_weights;
};

/* ---- reading ---- */

struct reading {
	struct config_words *words;
	struct map *map;
	const char *path;
	unsigned line;
	char where[600];
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* As HAProxy's pat_ref_read_from_file_smp(): the value is what is left of the line, without blanks around. */
static void split(struct slice line, struct slice *key, struct slice *value)
{
	size_t end = 0;

	while (end < line.len && !is_blank(line.ptr[end]))
		end++;
	*key = slice_of(line.ptr, end);
	*value = slice_trim(slice_from(line, end));
}

static uint32_t weight_of(enum match_kind kind, const struct pattern *pattern)
{
	if (kind == MATCH_BEG)
		return (uint32_t)pattern->text.len;
	return kind == MATCH_IP ? pattern->prefix : 0;
}

static bool add_entry(struct reading *reading, struct slice key, struct slice value)
{
	struct map *map = reading->map;
	struct arena *arena = reading->words->arena;
	enum match_kind kind = patterns_kind(map->patterns);
	struct pattern pattern;
	struct slice *slot;
	uint32_t *weight;

	if (!patterns_read(reading->words, map->patterns, key, reading->where, &pattern))
		return false;
	slot = arena_grow(arena, &map->values, &map->n, sizeof(*slot));
	weight = arena_grow(arena, &map->weights, &map->n_weights, sizeof(*weight));
	value = arena_slice(arena, value);
	if (!slot || !weight || !value.ptr || !index_add(arena, map->index, kind, &pattern, (uint32_t)(map->n - 1)))
		return config_error(reading->words, "out of memory");
	*slot = value;
	*weight = weight_of(kind, &pattern);
	return true;
}

static bool read_line(struct reading *reading, struct slice line)
{
	struct slice key, value;

	reading->line++;
	snprintf(reading->where, sizeof(reading->where), "%s:%u: ", reading->path, reading->line);
	if (!patterns_take_line(reading->words, &line, reading->line, reading->where))
		return false;
	if (line.len == 0)
		return true;
	split(line, &key, &value);
	return add_entry(reading, key, value);
}

static bool read_file(struct reading *reading)
{
	FILE *file = fopen(reading->path, "re");
	char *line = NULL;
	size_t room = 0, errors = config_count(reading->words->config, CONFIG_ERROR);
	bool good = true;
	ssize_t length;

	config_note_file(reading->words->config, reading->path);
	if (!file)
		return config_error(reading->words, "cannot read the map '%s': %s", reading->path, strerror(errno));
	while (reading->line <= PATTERNS_MOST_LINES && (length = getline(&line, &room, file)) >= 0)
		good &= read_line(reading, slice_of(line, (size_t)length));
	if (ferror(file))
		good = config_error(reading->words, "cannot read the map '%s': %s", reading->path, strerror(errno));
	free(line);
	fclose(file);
	return good && config_count(reading->words->config, CONFIG_ERROR) == errors;
}

struct map *map_read(struct config_words *words, const char *path, const char *method)
{
	struct map *map = arena_alloc(words->arena, sizeof(*map));
	struct reading reading = { .words = words, .map = map, .path = path };

	if (!map) {
		config_error(words, "out of memory");
		return NULL;
	}
	map->patterns = patterns_new(words, method, SAMPLE_STRING, false);
	if (!map->patterns)
		return NULL;
	map->index = index_new(words->arena, patterns_type(map->patterns), false, true);
	if (!map->index || !read_file(&reading) || !index_seal(words->arena, map->index))
		return NULL;
	return map;
}

/* ---- looking up ---- */

enum sample_type map_type(const struct map *map)
{
	return patterns_type(map->patterns);
}

bool map_find(const struct map *map, struct sample_value *value, struct rules_scratch *scratch, struct slice *found)
{
	uint32_t best = index_best(map->index, value, scratch, map->weights);

	if (best == HIT_NONE)
		return false;
	*found = map->values[best];
	return true;
}
