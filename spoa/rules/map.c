/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "literals.h"

struct map {
	struct search *search;
	struct list_use *use;
	struct patterns *patterns;     /* none of its own: how to read one */
	_Atomic(struct index *) index; /* the first of the search */
};

/* ---- reading ---- */

struct reading {
	struct config_words *words;
	struct map *map;
	struct pattern_list *list;
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

static bool add_entry(struct reading *reading, struct element *element)
{
	struct map *map = reading->map;
	struct pattern pattern;

	if (!patterns_read(reading->words, map->patterns, element->text, reading->where, &pattern))
		return false;
	return search_add(map->use, element, &pattern) || config_error(reading->words, "out of memory");
}

static bool append(struct reading *reading, struct slice key, struct slice value)
{
	struct element *element = list_append(reading->words->arena, reading->list, key, value, reading->line);

	return element ? add_entry(reading, element) : config_error(reading->words, "out of memory");
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
	return append(reading, key, value);
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

/* What another map has read from it already. */
static bool read_list(struct reading *reading)
{
	bool good = true;

	for (struct element *element = list_first(reading->list); element; element = element->next) {
		snprintf(reading->where, sizeof(reading->where), "%s:%u: ", reading->path, element->line);
		good &= add_entry(reading, element);
	}
	return good;
}

struct map *map_read(struct config_words *words, const char *path, const char *method)
{
	struct map *map = arena_alloc(words->arena, sizeof(*map));
	struct reading reading = { .words = words, .map = map, .path = path };
	bool fresh;

	if (!map) {
		config_error(words, "out of memory");
		return NULL;
	}
	map->patterns = patterns_new(words, method, SAMPLE_STRING, false);
	reading.list = map->patterns ? lists_file(words, path, true, &fresh) : NULL;
	if (!reading.list)
		return NULL;
	map->search = search_new(lists_of(words), true, patterns_type(map->patterns), false, &map->index, HIT_DEAD);
	map->use = map->search ? search_use(map->search, reading.list, map->patterns, 0) : NULL;
	if (!map->use) {
		config_error(words, "out of memory");
		return NULL;
	}
	return (fresh ? read_file(&reading) : read_list(&reading)) && search_seal(map->search) ? map : NULL;
}

/* ---- looking up ---- */

enum sample_type map_type(const struct map *map)
{
	return patterns_type(map->patterns);
}

/* A network of the address's own family comes before any other; else the heavier counts, of equal ones the older. */
static bool is_better(const struct map_entries *entries, uint32_t entry, const struct map_entries *best,
		      uint32_t of_best, const struct sample_value *value)
{
	bool four = value->address.size == 4;

	if (value->type == SAMPLE_ADDRESS && entries->fours[entry] != best->fours[of_best])
		return entries->fours[entry] == four;
	return entries->weights[entry] > best->weights[of_best];
}

bool map_find(const struct map *map, struct sample_value *value, struct rules_scratch *scratch, struct slice *found)
{
	const struct index *index = atomic_load_explicit(&map->index, memory_order_acquire);
	const struct map_entries *best = NULL;
	uint32_t of_best = 0;

	do {
		const struct map_entries *entries = index_tag(index);
		uint32_t entry = index_best(index, value, scratch, entries->weights);

		if (entry != HIT_NONE && (!best || is_better(entries, entry, best, of_best, value))) {
			best = entries;
			of_best = entry;
		}
	} while ((index = index_more(index)));
	if (best)
		*found = atomic_load_explicit(&best->values[of_best], memory_order_acquire)->text;
	return best != NULL;
}
