/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists as they are changed at run time: HAProxy's management guide, "add acl" to "show map", with its words. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "list_priv.h"
#include "literals.h"

/* ---- which ---- */

/* "#3", or the name of a file. */
struct pattern_list *lists_find(const struct lists *lists, const char *name, bool is_map)
{
	char *end;
	unsigned long id = strtoul(name + (*name == '#'), &end, 10);

	for (size_t i = 0; lists && i < lists->n; i++) {
		struct pattern_list *list = lists->list[i];

		if (list->is_map != is_map)
			continue;
		if (*name == '#' ? name[1] && !*end && list->id == id : list->path && strcmp(list->path, name) == 0)
			return list;
	}
	return NULL;
}

void lists_number(struct lists *lists)
{
	unsigned id = 0;

	for (unsigned maps = 0; maps < 2; maps++)
		for (size_t i = 0; lists && i < lists->n; i++)
			if (lists->list[i]->is_map == maps)
				lists->list[i]->id = id++;
}

void lists_put(const struct lists *lists, bool maps, FILE *out)
{
	fprintf(out, "# id (file) description\n");
	for (size_t i = 0; lists && i < lists->n; i++) {
		const struct pattern_list *list = lists->list[i];

		if (list->is_map == maps)
			fprintf(out, "%u (%s) %s. curr_ver=%u next_ver=%u entry_cnt=%zu\n", list->id,
				list->path ? list->path : "", list->description, list->current, list->newest, list->n);
	}
}

/* ---- what is in it ---- */

unsigned list_version(const struct pattern_list *list)
{
	return list->current;
}

unsigned list_newest(const struct pattern_list *list)
{
	return list->newest;
}

void list_put(const struct pattern_list *list, unsigned version, FILE *out)
{
	for (const struct element *element = list->first; element; element = element->next)
		if (element->version == version)
			fprintf(out, "%p %.*s%s%.*s\n", (const void *)element, SLICE_ARGS(element->text),
				list->is_map ? " " : "", SLICE_ARGS(element->value));
}

static struct element *find_by_name(const struct pattern_list *list, const char *name)
{
	char *end;
	unsigned long long at;
	struct element *element = list->first;

	if (*name != '#')
		return list_find(list, slice_of_string(name));
	at = strtoull(name + 1, &end, 16);
	while (element && (*end || (uintptr_t)element != at))
		element = element->next;
	return element;
}

/* ---- one more, one less ---- */

/* As HAProxy says it; of what it would take in other words, as we do. */
static void say_wrong(const struct list_use *use, const char *text, const struct config *config, char *why, size_t size)
{
	struct config_told told;

	switch (patterns_kind(use->patterns)) {
	case MATCH_IP:
		snprintf(why, size, "'%.200s' is not a valid IPv4 or IPv6 address.", text);
		return;
	case MATCH_INT:
	case MATCH_LEN:
		snprintf(why, size, "'%.200s' is not a number.", text);
		return;
	default:
		snprintf(why, size, "%s.", config_told(config, 0, &told) ? told.text : "out of memory");
	}
}

/* By all who search the list. */
static bool can_be_read(const struct pattern_list *list, const char *text, char *why, size_t size)
{
	struct config_words words = { .arena = arena_new() };
	struct pattern pattern;
	bool good = true;

	words.config = words.arena ? config_new(words.arena, NULL, 0) : NULL;
	snprintf(why, size, "out of memory.");
	for (const struct list_use *use = list->uses; words.config && good && use; use = use->next) {
		good = patterns_read(&words, use->patterns, slice_of_string(text), "", &pattern);
		if (!good)
			say_wrong(use, text, words.config, why, size);
	}
	good = good && words.config;
	arena_free(words.arena);
	return good;
}

static struct element *element_new(const char *text, const char *value, unsigned version)
{
	size_t length = strlen(text);
	struct element *element = malloc(sizeof(*element) + length + 1);
	char *copy = value ? strdup(value) : NULL;

	if (!element || (value && !copy)) {
		free(element);
		free(copy);
		return NULL;
	}
	memcpy(element + 1, text, length + 1);
	*element = (struct element){
		.text = slice_of(element + 1, length), .version = version, .own = true, .own_value = copy != NULL
	};
	element->value = copy ? slice_of_string(copy) : slice_of("", 0);
	return element;
}

bool list_add(struct pattern_list *list, unsigned version, const char *text, const char *value, char *why, size_t size)
{
	struct element *element;
	bool good = true;

	if (!can_be_read(list, text, why, size))
		return false;
	element = element_new(text, list->is_map ? value : NULL, version);
	if (!element) {
		snprintf(why, size, "out of memory.");
		return false;
	}
	list_link(list, element);
	for (struct list_use *use = list->uses; use && version == list->current; use = use->next)
		good = good && search_want(element, use);
	snprintf(why, size, "%s", good ? "" : "out of memory.");
	return good;
}

static void drop(struct pattern_list *list, struct element *element, bool all_anew)
{
	search_forget(element, all_anew);
	list_unlink(list, element);
}

bool list_delete(struct pattern_list *list, const char *name)
{
	struct element *element = find_by_name(list, name);

	if (!element)
		return false;
	do
		drop(list, element, false);
	while (*name != '#' && (element = list_find(list, slice_of_string(name))));
	return true;
}

/* ---- another value ---- */

static bool set_value(struct element *element, const char *text, struct retired **retired)
{
	char *copy = strdup(text);

	if (!copy)
		return false;
	if (element->own_value)
		free((void *)(uintptr_t)element->value.ptr);
	element->value = slice_of_string(copy);
	element->own_value = true;
	for (struct spot *spot = element->spots; spot; spot = spot->next) {
		struct map_value *value = spot->piece ? map_value_new(element->value) : NULL, *old;

		if (!spot->piece)
			continue;
		if (!value)
			return false;
		old = atomic_exchange_explicit(&spot->piece->entries->values[spot->entry], value, memory_order_acq_rel);
		if (old->own)
			retired_add(retired, &old->retired, map_value_release);
	}
	return true;
}

bool list_set(struct pattern_list *list, const char *name, const char *value, struct retired **retired, char *why,
	      size_t size)
{
	struct element *element = find_by_name(list, name), *next;

	snprintf(why, size, element ? "out of memory." : "entry not found.");
	if (!element)
		return false;
	if (*name == '#')
		return set_value(element, value, retired);
	for (; element; element = next) {
		next = element->same_bucket;
		if (element->version == list->current && slice_eq(element->text, slice_of_string(name)) &&
		    !set_value(element, value, retired))
			return false;
	}
	return true;
}

/* ---- all at once ---- */

/* One index that has it all, so that workers see one or the other. */
static void make_anew(struct pattern_list *list)
{
	for (struct list_use *use = list->uses; use; use = use->next)
		use->search->rebuild = true;
}

unsigned list_prepare(struct pattern_list *list)
{
	return ++list->newest;
}

/* Those of the version, or all. They stay found until the next sync, and then vanish together. */
static void remove_all(struct pattern_list *list, const unsigned *version, bool older)
{
	struct element *next;

	for (struct element *element = list->first; element; element = next) {
		next = element->next;
		if (version && (older ? (int)(element->version - *version) >= 0 : element->version != *version))
			continue;
		drop(list, element, true);
	}
	make_anew(list);
}

void list_clear(struct pattern_list *list, const unsigned *version)
{
	remove_all(list, version, false);
}

bool list_commit(struct pattern_list *list, unsigned version)
{
	if ((int)(version - list->current) <= 0 || (int)(version - list->newest) > 0)
		return false;
	list->current = version;
	remove_all(list, &version, true);
	return true;
}

/* ---- what would be found ---- */

/* Looked for as by workers, but for one user of the list, and by element. */
static const struct element *match(const struct list_use *use, const char *text)
{
	struct config_words words = { .arena = arena_new() };
	struct rules_scratch *scratch = rules_scratch_new();
	struct sample_value value = { .type = SAMPLE_STRING, .string = slice_of_string(text) };
	const struct element **elements = NULL, *found = NULL, **slot;
	size_t n = 0, n_weights = 0;
	uint32_t *weights = NULL, *weight, best;
	struct index *index;
	enum match_kind kind = patterns_kind(use->patterns);
	bool good;

	words.config = words.arena ? config_new(words.arena, NULL, 0) : NULL;
	index = words.config ? index_new(words.arena, use->search->type, use->search->nocase, true) : NULL;
	good = index && scratch && rules_scratch_clear(scratch, 1, 1);
	if (good)
		rules_begin(scratch);
	for (const struct element *element = use->list->first; good && element; element = element->next) {
		struct pattern pattern;

		if (element->version != use->list->current)
			continue;
		slot = arena_grow(words.arena, &elements, &n, sizeof(struct element *));
		weight = arena_grow(words.arena, &weights, &n_weights, sizeof(*weight));
		good = slot && weight && patterns_read(&words, use->patterns, element->text, "", &pattern) &&
		       index_add(words.arena, index, kind, &pattern, (uint32_t)(n - 1));
		if (good) {
			*slot = element;
			*weight = search_weight(kind, &pattern);
		}
	}
	if (good && index_seal(words.arena, index) && (best = index_best(index, &value, scratch, weights)) != HIT_NONE)
		found = elements[best];
	rules_scratch_free(scratch);
	arena_free(words.arena);
	return found;
}

/* What HAProxy keeps in a tree, a lookup by it. */
static const char *place_of(const struct list_use *use)
{
	enum match_kind kind = patterns_kind(use->patterns);
	bool tree = kind == MATCH_IP || ((kind == MATCH_STR || kind == MATCH_BEG) && !use->search->nocase);

	return tree ? "tree" : "list";
}

void list_get(const struct pattern_list *list, const char *text, FILE *out)
{
	for (const struct list_use *use = list->uses; use; use = use->next) {
		const struct element *element = patterns_are_none(use->patterns) ? NULL : match(use, text);

		fprintf(out, "type=%s, case=%s, %s=%s", patterns_method(use->patterns),
			use->search->nocase ? "insensitive" : "sensitive", list->is_map ? "found" : "match",
			element ? "yes" : "no");
		if (element)
			fprintf(out, ", idx=%s, %s=\"%.*s\"", place_of(use), list->is_map ? "key" : "pattern",
				SLICE_ARGS(element->text));
		if (element && list->is_map)
			fprintf(out, ", value=\"%.*s\", type=\"str\"", SLICE_ARGS(element->value));
		fputc('\n', out);
	}
}

bool lists_sync(const struct lists *lists, struct retired **retired)
{
	bool good = true;

	for (struct search *search = lists ? lists->searches : NULL; search; search = search->next)
		good &= search_sync(search, retired);
	return good;
}
