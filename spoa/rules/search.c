/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the elements of lists are found: a chain of indexes that is changed while workers read it. */
#include <stdlib.h>
#include <string.h>

#include "list_priv.h"
#include "literals.h"

#define FRESH_MOST 32u   /* that one change puts into an index again */
#define ADDED_MOST 1000u /* until all is put into one */
#define DEAD_MOST  1000u /* likewise, if it is a quarter of all */

/* ---- values of maps ---- */

struct map_value *map_value_new(struct slice text)
{
	struct map_value *value = malloc(sizeof(*value) + text.len + 1);
	char *bytes;

	if (!value)
		return NULL;
	bytes = (char *)(value + 1);
	memcpy(bytes, text.ptr, text.len);
	bytes[text.len] = 0;
	*value = (struct map_value){ .own = true, .text = slice_of(bytes, text.len) };
	return value;
}

void map_value_release(struct retired *retired)
{
	free(retired);
}

static struct map_value *value_in(struct arena *arena, struct slice text)
{
	struct map_value *value = arena_alloc(arena, sizeof(*value));

	if (!value)
		return NULL;
	value->text = arena_slice(arena, text);
	return value->text.ptr ? value : NULL;
}

uint32_t search_weight(enum match_kind kind, const struct pattern *pattern)
{
	if (kind == MATCH_BEG)
		return (uint32_t)pattern->text.len;
	return kind == MATCH_IP ? pattern->prefix : 0;
}

static bool add_entry(struct arena *arena, struct map_entries *entries, enum match_kind kind,
		      const struct pattern *pattern, struct slice text, uint32_t *number)
{
	struct map_value *value = value_in(arena, text);
	_Atomic(struct map_value *) *slot = arena_grow(arena, &entries->values, &entries->n, sizeof(*slot));
	uint32_t *weight = arena_grow(arena, &entries->weights, &entries->n_weights, sizeof(*weight));
	bool *four = arena_grow(arena, &entries->fours, &entries->n_fours, sizeof(*four));

	if (!value || !slot || !weight || !four)
		return false;
	atomic_init(slot, value);
	*weight = search_weight(kind, pattern);
	*four = pattern->address.size == 4;
	*number = (uint32_t)(entries->n - 1);
	return true;
}

/* ---- one index ---- */

static struct piece *piece_new(struct arena *arena, const struct search *search)
{
	struct piece *piece = calloc(1, sizeof(*piece));

	if (!piece)
		return NULL;
	piece->index = index_new(arena, search->type, search->nocase, search->is_map);
	if (piece->index && search->is_map) {
		piece->entries = arena_alloc(arena, sizeof(*piece->entries));
		index_set_tag(piece->index, piece->entries);
	}
	if (piece->index && (piece->entries || !search->is_map))
		return piece;
	free(piece);
	return NULL;
}

void piece_release(struct retired *retired)
{
	struct piece *piece = (struct piece *)retired;

	for (size_t i = 0; piece->entries && i < piece->entries->n; i++) {
		struct map_value *value = atomic_load_explicit(&piece->entries->values[i], memory_order_relaxed);

		if (value && value->own)
			free(value);
	}
	free(piece->members);
	arena_free(piece->arena);
	free(piece);
}

static bool piece_add(struct arena *arena, struct piece *piece, const struct list_use *use,
		      const struct pattern *pattern, struct slice value, struct member *member)
{
	enum match_kind kind = patterns_kind(use->patterns);
	uint32_t acl = use->acl;

	if (piece->entries) {
		if (!add_entry(arena, piece->entries, kind, pattern, value, &acl))
			return false;
		member->entry = acl;
	}
	if (!index_add(arena, piece->index, kind, pattern, acl))
		return false;
	member->hits = index_added(piece->index);
	piece->n_added++;
	return true;
}

static void settle(struct piece *piece, const struct member *member)
{
	member->spot->piece = piece;
	member->spot->hits = member->hits;
	member->spot->entry = member->entry;
}

/* ---- while a configuration is read ---- */

struct search *search_new(struct lists *lists, bool is_map, enum sample_type type, bool nocase,
			  _Atomic(struct index *) *head, uint32_t dead)
{
	struct search *search = lists ? arena_alloc(lists->arena, sizeof(*search)) : NULL;

	if (!search)
		return NULL;
	*search = (struct search){
		.next = lists->searches, .is_map = is_map, .nocase = nocase, .type = type, .head = head, .dead = dead
	};
	search->pieces[BASE] = piece_new(lists->arena, search);
	if (!search->pieces[BASE])
		return NULL;
	lists->searches = search;
	atomic_init(head, search->pieces[BASE]->index);
	return search;
}

struct list_use *search_use(struct search *search, struct pattern_list *list, struct patterns *patterns, uint32_t acl)
{
	struct list_use *use = arena_alloc(list->lists->arena, sizeof(*use)), **last = &list->uses;

	if (!use)
		return NULL;
	*use = (struct list_use){
		.list = list, .search = search, .patterns = patterns, .acl = acl, .next_of_search = search->uses
	};
	search->uses = use;
	while (*last)
		last = &(*last)->next;
	return *last = use;
}

bool search_add(struct list_use *use, struct element *element, const struct pattern *pattern)
{
	struct arena *arena = use->list->lists->arena;
	struct piece *base = use->search->pieces[BASE];
	struct member member = { .element = element, .spot = arena_alloc(arena, sizeof(*member.spot)) };

	if (!member.spot || !piece_add(arena, base, use, pattern, element->value, &member))
		return false;
	member.spot->use = use;
	member.spot->next = element->spots;
	element->spots = member.spot;
	settle(base, &member);
	return true;
}

bool search_add_none(struct list_use *use)
{
	return index_add(use->list->lists->arena, use->search->pieces[BASE]->index, patterns_kind(use->patterns), NULL,
			 use->acl);
}

bool search_seal(struct search *search)
{
	return index_seal(search->uses ? search->uses->list->lists->arena : NULL, search->pieces[BASE]->index);
}

void search_release(struct search *search)
{
	for (unsigned i = 0; i < PIECES; i++)
		if (search->pieces[i])
			piece_release(&search->pieces[i]->retired);
	free(search->pending);
}

/* ---- changes ---- */

static bool grow_members(struct member **members, size_t *n, size_t *room, struct member member)
{
	if (*n == *room) {
		size_t more = *room ? *room * 2 : 16;
		struct member *bigger = realloc(*members, more * sizeof(*bigger));

		if (!bigger)
			return false;
		*members = bigger;
		*room = more;
	}
	(*members)[(*n)++] = member;
	return true;
}

static struct spot *spot_for(struct element *element, struct list_use *use)
{
	struct spot *spot = element->spots;

	while (spot && spot->use != use)
		spot = spot->next;
	if (spot)
		return spot;
	spot = calloc(1, sizeof(*spot));
	if (!spot)
		return NULL;
	*spot = (struct spot){ .next = element->spots, .use = use, .own = true };
	return element->spots = spot;
}

bool search_want(struct element *element, struct list_use *use)
{
	struct search *search = use->search;
	struct member member = { .element = element, .spot = spot_for(element, use) };

	return member.spot && grow_members(&search->pending, &search->n_pending, &search->room, member);
}

static void take_out(struct member *members, size_t *n, const struct element *element)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (members[i].element != element)
			members[kept++] = members[i];
	*n = kept;
}

void search_forget(struct element *element, bool all_anew)
{
	for (struct spot *spot = element->spots; spot; spot = spot->next) {
		struct search *search = spot->use->search;
		struct piece *piece = spot->piece;

		take_out(search->pending, &search->n_pending, element);
		if (!piece)
			continue;
		if (!all_anew && index_drop(piece->index, &spot->hits, search->dead) && search->is_map)
			search->rebuild = true;
		take_out(piece->members, &piece->n_members, element);
		piece->n_dead++;
		spot->piece = NULL;
	}
}

/* ---- indexes made anew ---- */

struct building {
	const struct search *search;
	struct piece *piece;
	struct config_words words;
	size_t room;
};

/* Into an arena of the piece's own, so that it is freed as a whole. */
static bool begin(struct building *building, const struct search *search)
{
	struct arena *arena = arena_new();

	*building = (struct building){ .search = search, .words = { .arena = arena } };
	building->words.config = arena ? config_new(arena, NULL, 0) : NULL;
	building->piece = building->words.config ? piece_new(arena, search) : NULL;
	if (building->piece)
		building->piece->arena = arena;
	else
		arena_free(arena);
	return building->piece != NULL;
}

static bool put(struct building *building, struct element *element, struct spot *spot)
{
	struct piece *piece = building->piece;
	struct member member = { .element = element, .spot = spot };
	struct pattern pattern;

	if (patterns_are_none(spot->use->patterns))
		return index_add(piece->arena, piece->index, patterns_kind(spot->use->patterns), NULL, spot->use->acl);
	return patterns_read(&building->words, spot->use->patterns, element->text, "", &pattern) &&
	       piece_add(piece->arena, piece, spot->use, &pattern, element->value, &member) &&
	       grow_members(&piece->members, &piece->n_members, &building->room, member);
}

static bool put_members(struct building *building, const struct member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!put(building, members[i].element, members[i].spot))
			return false;
	return true;
}

static bool put_use(struct building *building, struct list_use *use)
{
	if (patterns_are_none(use->patterns))
		return index_add(building->piece->arena, building->piece->index, patterns_kind(use->patterns), NULL,
				 use->acl);
	for (struct element *element = use->list->first; element; element = element->next) {
		struct spot *spot = element->version == use->list->current ? spot_for(element, use) : NULL;

		if (element->version == use->list->current && (!spot || !put(building, element, spot)))
			return false;
	}
	return true;
}

static struct piece *end(struct building *building, bool good)
{
	if (good && index_seal(building->piece->arena, building->piece->index)) {
		for (size_t i = 0; i < building->piece->n_members; i++)
			settle(building->piece, &building->piece->members[i]);
		return building->piece;
	}
	piece_release(&building->piece->retired);
	return NULL;
}

static void retire(struct search *search, unsigned which, struct retired **retired)
{
	if (search->pieces[which])
		retired_add(retired, &search->pieces[which]->retired, piece_release);
	search->pieces[which] = NULL;
}

/* All of all lists in one index. */
static bool rebuild(struct search *search, struct retired **retired)
{
	struct building building;
	struct piece *base;
	bool good = true;

	if (!begin(&building, search))
		return false;
	for (struct list_use *use = search->uses; good && use; use = use->next_of_search)
		good = put_use(&building, use);
	base = end(&building, good);
	if (!base)
		return false;
	free(base->members); /* of the first nobody asks who is in it */
	base->members = NULL;
	base->n_members = 0;
	atomic_store_explicit(search->head, base->index, memory_order_release);
	for (unsigned i = 0; i < PIECES; i++)
		retire(search, i, retired);
	search->pieces[BASE] = base;
	search->rebuild = false;
	search->n_pending = 0;
	return true;
}

static size_t members_of(const struct search *search, unsigned which)
{
	return search->pieces[which] ? search->pieces[which]->n_members : 0;
}

/* What is pending, with what the pieces from `which` on have, into a new one that takes their place. */
static bool add(struct search *search, unsigned which, struct retired **retired)
{
	struct building building;
	struct piece *piece;
	bool good = true;

	if (!begin(&building, search))
		return false;
	for (unsigned i = which; i < PIECES; i++)
		if (search->pieces[i])
			good = good && put_members(&building, search->pieces[i]->members, search->pieces[i]->n_members);
	good = good && put_members(&building, search->pending, search->n_pending);
	piece = end(&building, good);
	if (!piece)
		return false;
	for (unsigned i = which; i-- > 0;)
		if (search->pieces[i]) {
			index_set_more(search->pieces[i]->index, piece->index);
			break;
		}
	for (unsigned i = which; i < PIECES; i++)
		retire(search, i, retired);
	search->pieces[which] = piece;
	search->n_pending = 0;
	return true;
}

bool search_sync(struct search *search, struct retired **retired)
{
	size_t middle = members_of(search, MIDDLE), fresh = members_of(search, FRESH) + search->n_pending;
	const struct piece *base = search->pieces[BASE];

	if (search->rebuild || middle + fresh > ADDED_MOST ||
	    (base->n_dead > DEAD_MOST && base->n_dead > base->n_added / 4))
		return rebuild(search, retired);
	if (search->n_pending == 0)
		return true;
	return add(search, fresh > FRESH_MOST ? MIDDLE : FRESH, retired);
}
