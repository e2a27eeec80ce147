/* SPDX-License-Identifier: GPL-2.0-or-later */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list_priv.h"

#define FIRST_BUCKETS 16u

/* ---- of a configuration ---- */

static void free_element(struct element *element)
{
	struct spot *next;

	for (struct spot *spot = element->spots; spot; spot = next) {
		next = spot->next;
		if (spot->own)
			free(spot);
	}
	if (element->own_value)
		free((void *)(uintptr_t)element->value.ptr);
	if (element->own)
		free(element);
}

static void release_lists(void *into)
{
	struct lists *lists = into;

	for (struct search *search = lists->searches; search; search = search->next)
		search_release(search);
	for (size_t i = 0; i < lists->n; i++) {
		struct element *next;

		for (struct element *element = lists->list[i]->first; element; element = next) {
			next = element->next;
			free_element(element);
		}
		free(lists->list[i]->buckets);
	}
}

struct lists *lists_of(struct config_words *words)
{
	struct lists **slot = config_lists(words->config), *lists = *slot;

	if (lists)
		return lists;
	lists = arena_alloc(words->arena, sizeof(*lists));
	if (!lists || !arena_on_free(words->arena, release_lists, lists)) {
		config_error(words, "out of memory");
		return NULL;
	}
	lists->arena = words->arena;
	return *slot = lists;
}

static struct pattern_list *add_list(struct config_words *words, const char *path, bool is_map)
{
	struct lists *lists = lists_of(words);
	struct pattern_list *list = lists ? arena_alloc(words->arena, sizeof(*list)) : NULL;
	struct pattern_list **slot = list ? arena_grow(words->arena, &lists->list, &lists->n, sizeof(*slot)) : NULL;

	if (!slot) {
		config_error(words, "out of memory");
		return NULL;
	}
	list->lists = lists;
	list->is_map = is_map;
	list->path = path ? arena_string(words->arena, path) : NULL;
	return *slot = list;
}

struct pattern_list *lists_file(struct config_words *words, const char *path, bool is_map, bool *fresh)
{
	struct lists *lists = lists_of(words);
	const char *by = is_map ? "map" : "acl";
	struct pattern_list *list = NULL;

	for (size_t i = 0; lists && i < lists->n && !list; i++)
		if (lists->list[i]->path && lists->list[i]->is_map == is_map && strcmp(lists->list[i]->path, path) == 0)
			list = lists->list[i];
	*fresh = !list;
	if (!list) {
		list = add_list(words, path, is_map);
		if (list)
			list->description = arena_printf(
				words->arena, "pattern loaded from file '%s' used by %s at file '%s' line %u", path, by,
				words->place.file, words->place.line);
	} else {
		list->description = arena_printf(words->arena, "%s, by %s at file '%s' line %u", list->description, by,
						 words->place.file, words->place.line);
	}
	return list;
}

struct pattern_list *lists_inline(struct config_words *words, struct slice sample)
{
	struct pattern_list *list = add_list(words, NULL, false);

	if (list)
		list->description = arena_printf(words->arena, "acl '%.*s' file '%s' line %u", SLICE_ARGS(sample),
						 words->place.file, words->place.line);
	return list;
}

/* ---- elements ---- */

uint64_t list_hash(struct slice text)
{
	return XXH3_64bits(text.ptr, text.len);
}

static void put_into_bucket(struct pattern_list *list, struct element *element)
{
	struct element **bucket = &list->buckets[list_hash(element->text) & (list->n_buckets - 1)];

	element->same_bucket = *bucket;
	*bucket = element;
}

/* Without memory for more the buckets are longer. */
static void grow_buckets(struct pattern_list *list)
{
	size_t n = list->n_buckets ? list->n_buckets * 2 : FIRST_BUCKETS;
	struct element **buckets = calloc(n, sizeof(struct element *));

	if (!buckets)
		return;
	free(list->buckets);
	list->buckets = buckets;
	list->n_buckets = n;
	for (struct element *element = list->first; element; element = element->next)
		put_into_bucket(list, element);
}

void list_link(struct pattern_list *list, struct element *element)
{
	element->previous = list->last;
	element->next = NULL;
	*(list->last ? &list->last->next : &list->first) = element;
	list->last = element;
	if (++list->n > list->n_buckets)
		grow_buckets(list); /* with this one */
	else
		put_into_bucket(list, element);
}

static void take_from_bucket(struct pattern_list *list, struct element *element)
{
	struct element **at;

	if (list->n_buckets == 0)
		return;
	at = &list->buckets[list_hash(element->text) & (list->n_buckets - 1)];
	while (*at && *at != element)
		at = &(*at)->same_bucket;
	if (*at)
		*at = element->same_bucket;
}

void list_unlink(struct pattern_list *list, struct element *element)
{
	take_from_bucket(list, element);
	*(element->previous ? &element->previous->next : &list->first) = element->next;
	*(element->next ? &element->next->previous : &list->last) = element->previous;
	list->n--;
	free_element(element);
}

struct element *list_find(const struct pattern_list *list, struct slice text)
{
	struct element *element = list->n_buckets ? list->buckets[list_hash(text) & (list->n_buckets - 1)] : NULL;

	while (element && (element->version != list->current || !slice_eq(element->text, text)))
		element = element->same_bucket;
	return element;
}

struct element *list_append(struct arena *arena, struct pattern_list *list, struct slice text, struct slice value,
			    unsigned line)
{
	struct element *element = arena_alloc(arena, sizeof(*element));

	if (!element)
		return NULL;
	element->text = arena_slice(arena, text);
	element->value = value.ptr ? arena_slice(arena, value) : value;
	element->line = line;
	if (!element->text.ptr || (value.ptr && !element->value.ptr))
		return NULL;
	list_link(list, element);
	return element;
}

struct element *list_first(const struct pattern_list *list)
{
	return list->first;
}

static bool read_line(struct config_words *words, struct pattern_list *list, struct slice line, unsigned number,
		      const char *path)
{
	char where[600];

	snprintf(where, sizeof(where), "%s:%u: ", path, number);
	if (!patterns_take_line(words, &line, number, where))
		return false;
	return line.len == 0 || list_append(words->arena, list, line, slice_of(NULL, 0), number) ||
	       config_error(words, "out of memory");
}

bool list_read(struct config_words *words, struct pattern_list *list, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	bool good = true;
	ssize_t length;

	config_note_file(words->config, path);
	if (!file)
		return config_error(words, "cannot read patterns from '%s': %s", path, strerror(errno));
	while (number <= PATTERNS_MOST_LINES && (length = getline(&line, &room, file)) >= 0)
		good &= read_line(words, list, slice_of(line, (size_t)length), ++number, path);
	if (ferror(file))
		good = config_error(words, "cannot read patterns from '%s': %s", path, strerror(errno));
	free(line);
	fclose(file);
	return good;
}
