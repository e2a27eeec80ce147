/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <string.h>

#include "spoa-redirect/base/block.h"

#define NO_SLOT   0xffu
#define MAX_TABLE 65536u
#define SHORT     240u /* lengths below are one byte on the wire: SPOE.txt 3.1 */

struct name {
	struct slice text;
	uint64_t head, tail; /* slice_ends_as_numbers() */
	uint8_t next;        /* of the same length, head and tail; NO_SLOT: none */
	unsigned slot;
};

/* A name as it may stand in front of the next value, its length before it: so many bytes, then zeros. */
struct guess {
	_Alignas(64) uint8_t bytes[BLOCK];
	uint8_t mask[BLOCK]; /* ones where they are */
	uint64_t bit;        /* of its slot; 0: the name has no room here */
	uint32_t slot;
	uint32_t size;
};

struct request_names {
	struct arena *arena;
	struct name *names;
	struct guess *guesses; /* of each name */
	size_t n;
	unsigned slots;
	uint64_t headers;
	uint64_t seed;
	uint32_t mask;
	uint8_t *table; /* hash → index into names, or NO_SLOT; one place for names of equal ends only */
};

static const struct {
	const char *name;
	enum request_slot slot;
} own_names[] = {
	{ "method", REQUEST_METHOD },
	{ "path", REQUEST_PATH },
	{ "query", REQUEST_QUERY },
	{ "host", REQUEST_HOST },
	{ "hdr(host)", REQUEST_HOST },
	{ "hdr_host", REQUEST_HOST },
	{ "src", REQUEST_SRC },
	{ "ssl", REQUEST_SSL },
	{ "hdrs", REQUEST_HDRS },
	{ "hdr(upgrade)", REQUEST_UPGRADE },
	{ "hdr_upgrade", REQUEST_UPGRADE },
	{ "hdr(access-control-request-method)", REQUEST_PREFLIGHT },
	{ "hdr_access_control_request_method", REQUEST_PREFLIGHT },
	{ "id", REQUEST_ID },
};

static bool add_name(struct request_names *names, const char *text, unsigned slot)
{
	struct name *name;

	if (names->n >= NO_SLOT || !text)
		return false;
	name = arena_grow(names->arena, &names->names, &names->n, sizeof(*name));
	if (!name)
		return false;
	*name = (struct name){ .text = slice_of_string(text), .slot = slot };
	slice_ends_as_numbers(name->text, &name->head, &name->tail);
	return true;
}

struct request_names *request_names_new(struct arena *arena)
{
	struct request_names *names = arena_alloc(arena, sizeof(*names));

	if (!names)
		return NULL;
	names->arena = arena;
	names->slots = REQUEST_FIRST_OWN;
	names->headers = 1ull << REQUEST_HOST | 1ull << REQUEST_UPGRADE | 1ull << REQUEST_PREFLIGHT;
	for (size_t i = 0; i < COUNT(own_names); i++)
		if (!add_name(names, own_names[i].name, own_names[i].slot))
			return NULL;
	return names;
}

/* REQUEST_MAX_SLOTS: it is not known. */
static unsigned find_name(const struct request_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (slice_eq(names->names[i].text, slice_of_string(name)))
			return names->names[i].slot;
	return REQUEST_MAX_SLOTS;
}

unsigned request_names_add(struct request_names *names, const char *name)
{
	unsigned slot = find_name(names, name);

	if (slot < REQUEST_MAX_SLOTS)
		return slot;
	if (names->slots >= REQUEST_MAX_SLOTS || !add_name(names, arena_string(names->arena, name), names->slots))
		return REQUEST_MAX_SLOTS;
	return names->slots++;
}

unsigned request_names_add_header(struct request_names *names, struct slice header)
{
	char *name = arena_printf(names->arena, "hdr(%.*s)", SLICE_ARGS(header));
	char *alias = arena_printf(names->arena, "hdr_%.*s", SLICE_ARGS(header));
	size_t known = names->n;
	unsigned slot;

	if (!name || !alias)
		return REQUEST_MAX_SLOTS;
	for (char *c = alias; *c; c++)
		if (*c == '-')
			*c = '_';
	/* somebody's arg(hdr_a_b) is this header, too; of hdr(a-b) and hdr(a_b) the first has the alias */
	slot = find_name(names, alias);
	if (slot < REQUEST_MAX_SLOTS && !(names->headers >> slot & 1) && find_name(names, name) == REQUEST_MAX_SLOTS &&
	    !add_name(names, name, slot))
		return REQUEST_MAX_SLOTS;
	slot = request_names_add(names, name);
	if (names->n > known && find_name(names, alias) == REQUEST_MAX_SLOTS && !add_name(names, alias, slot))
		return REQUEST_MAX_SLOTS;
	if (slot < REQUEST_MAX_SLOTS)
		names->headers |= 1ull << slot;
	return slot;
}

uint64_t request_names_headers(const struct request_names *names)
{
	return names->headers;
}

const char *request_names_of(const struct request_names *names, unsigned slot)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->names[i].slot == slot)
			return (const char *)names->names[i].text.ptr;
	return "?";
}

/* Length, first and last eight bytes: enough to tell most names apart, without a loop over them. */
static inline uint64_t hash(size_t length, uint64_t head, uint64_t tail, uint64_t seed)
{
	__uint128_t product;

	head = (head ^ seed) * 0x9e3779b97f4a7c15 + length;
	/* folded, or names that differ only in their last bytes would share a place in every table */
	product = (__uint128_t)(head ^ head >> 32 ^ tail) * 0xd6e8feb86659fd93;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static bool ends_alike(const struct name *a, const struct name *b)
{
	return a->text.len == b->text.len && a->head == b->head && a->tail == b->tail;
}

static bool try_seed(struct request_names *names)
{
	memset(names->table, NO_SLOT, (size_t)names->mask + 1);
	for (size_t i = names->n; i-- > 0;) {
		struct name *name = &names->names[i];
		uint64_t place_of = hash(name->text.len, name->head, name->tail, names->seed);
		uint8_t *place = &names->table[place_of & names->mask];

		if (*place != NO_SLOT && !ends_alike(name, &names->names[*place]))
			return false;
		name->next = *place;
		*place = (uint8_t)i;
	}
	return true;
}

static struct guess guess_of(const struct name *name)
{
	struct guess guess = { .slot = name->slot, .size = 1 + (uint32_t)name->text.len };

	if (name->text.len >= sizeof(guess.bytes))
		return guess;
	guess.bit = 1ull << name->slot;
	guess.bytes[0] = (uint8_t)name->text.len;
	memcpy(guess.bytes + 1, name->text.ptr, name->text.len);
	memset(guess.mask, 0xff, guess.size);
	return guess;
}

bool request_names_seal(struct request_names *names)
{
	names->guesses = arena_aligned(names->arena, names->n * sizeof(*names->guesses), _Alignof(struct guess));
	if (!names->guesses)
		return false;
	for (size_t i = 0; i < names->n; i++)
		names->guesses[i] = guess_of(&names->names[i]);
	for (uint32_t size = 64; size <= MAX_TABLE; size *= 2) {
		names->mask = size - 1;
		names->table = arena_alloc(names->arena, size);
		if (!names->table)
			return false;
		for (names->seed = 1; names->seed < 1000; names->seed++)
			if (try_seed(names))
				return true;
	}
	return false;
}

static inline bool is_name(const struct name *name, struct slice text, uint64_t head, uint64_t tail)
{
	return name->text.len == text.len && name->head == head && name->tail == tail &&
	       (text.len <= 16 || slice_eq(name->text, text));
}

/* Of the name at `place`, which is the next guess then, or one that shares it; REQUEST_MAX_SLOTS: none of these. */
static inline unsigned slot_from(const struct request_names *names, uint8_t place, struct slice text, uint64_t head,
				 uint64_t tail, uint8_t *guess)
{
	while (place != NO_SLOT) {
		const struct name *name = &names->names[place];

		if (is_name(name, text, head, tail)) {
			*guess = place;
			return name->slot;
		}
		place = name->next;
	}
	return REQUEST_MAX_SLOTS;
}

static unsigned find_slot(const struct request_names *names, struct slice text, uint8_t *guess)
{
	uint64_t head, tail;

	slice_ends_as_numbers(text, &head, &tail);
	if (*guess < names->n && is_name(&names->names[*guess], text, head, tail))
		return names->names[*guess].slot;
	return slot_from(names, names->table[hash(text.len, head, tail, names->seed) & names->mask], text, head, tail,
			 guess);
}

/*
 * HAProxy sends the arguments of a message in the same order each time: whether the next one's name is that of the last
 * time. Behind it are two bytes at least. False, too, near the payload's end, where so many are not there.
 */
static inline bool is_guess(const struct guess *guess, struct spop_slice in)
{
	return in.len >= BLOCK + 2 &&
	       block_all((block)((block_load(in.ptr) & block_load(guess->mask)) == block_load(guess->bytes)));
}

/* A value that is a string of few bytes, as nearly all are. False: it may be another one. */
static inline bool take_short_string(struct spop_slice *in, struct spop_value *value)
{
	const uint8_t *at = in->ptr;

	if (at[0] != SPOP_STRING || at[1] >= SHORT || at[1] > in->len - 2)
		return false;
	*value = (struct spop_value){ .type = SPOP_STRING, .bytes = { at + 2, at[1] } };
	in->ptr += 2 + (size_t)at[1];
	in->len -= 2 + (size_t)at[1];
	return true;
}

/* A client's address, as nearly all are. False: it may be another value. */
static inline bool take_address(struct spop_slice *in, struct spop_value *value)
{
	if (in->ptr[0] != SPOP_IPV4 || in->len < 5)
		return false;
	*value = (struct spop_value){ .type = SPOP_IPV4, .address = in->ptr + 1 };
	in->ptr += 5;
	in->len -= 5;
	return true;
}

/* The name in front of the next value, if it is what was guessed and comes for the first time. False: it may be another. */
static inline bool take_guessed_name(const struct guess *guess, struct spop_slice *in, uint64_t *seen)
{
	if (!is_guess(guess, *in) || !(guess->bit & ~*seen))
		return false;
	*seen |= guess->bit;
	in->ptr += guess->size;
	in->len -= guess->size;
	return true;
}

/* Behind a name that was guessed: two bytes at least. */
static inline bool take_value(struct spop_slice *in, struct spop_value *value)
{
	return take_short_string(in, value) || take_address(in, value) || spop_take_value(in, value);
}

static bool take_any(const struct request_names *names, struct spop_slice *in, struct spop_value *values,
		     uint64_t *seen, uint8_t *guess)
{
	struct spop_value unread, *value = &unread;
	struct spop_slice name;
	unsigned slot;

	if (!spop_take_string(in, &name))
		return false;
	slot = find_slot(names, slice_of_spop(name), guess);
	if (slot < REQUEST_MAX_SLOTS && !(*seen >> slot & 1)) {
		*seen |= 1ull << slot;
		value = &values[slot];
	}
	return spop_take_value(in, value);
}

/* *filled: the bits of the slots that have been, even where it ends badly. */
static bool take_all(const struct request_names *names, unsigned arguments, struct spop_slice *payload,
		     struct request *request, uint64_t *filled)
{
	const struct guess *guesses = names->guesses;
	struct spop_slice in = *payload;
	uint64_t seen = 0;
	size_t n = names->n;
	bool good = true;

	for (unsigned i = 0; good && i < arguments; i++) {
		uint8_t *guess = &request->guesses[i % REQUEST_GUESSES];

		if (*guess < n && take_guessed_name(&guesses[*guess], &in, &seen))
			good = take_value(&in, &request->values[guesses[*guess].slot]);
		else
			good = take_any(names, &in, request->values, &seen, guess);
	}
	*filled = seen;
	*payload = in;
	return good;
}

/* What the request before had, and this one has not. */
static void forget(struct request *request, uint64_t slots)
{
	for (; slots; slots &= slots - 1)
		request->values[__builtin_ctzll(slots)].type = SPOP_NULL;
}

__attribute__((flatten)) bool request_take(const struct request_names *names, unsigned arguments,
					   struct spop_slice *payload, struct request *request)
{
	struct spop_slice in = *payload;
	uint64_t before = request->seen;
	bool good = take_all(names, arguments, &in, request, &request->seen);

	forget(request, before & ~request->seen);
	request->pathq = slice_of(NULL, 0);
	if (good)
		*payload = in;
	return good;
}

bool request_take_header(struct spop_slice *blob, struct slice *name, struct slice *value)
{
	struct spop_slice n, v;

	if (!spop_take_string(blob, &n) || !spop_take_string(blob, &v) || n.len == 0)
		return false;
	*name = slice_of_spop(n);
	*value = slice_trim(slice_of_spop(v));
	return true;
}

/*
 * Goes by headers whose name has another length or begins with another letter, as long as they and their values are short:
 * that is most of them.
 */
static inline void skip_others(struct spop_slice *blob, struct slice name)
{
	uint8_t first = name.len > 0 ? name.ptr[0] | 0x20 : 0;
	const uint8_t *at = blob->ptr;
	size_t left = blob->len;

	while (left >= 2) {
		size_t length = at[0], both;

		if (length == 0 || length >= SHORT || length + 1 >= left ||
		    (length == name.len && (at[1] | 0x20) == first))
			break;
		both = length + at[length + 1] + 2;
		if (at[length + 1] >= SHORT || both > left)
			break;
		at += both;
		left -= both;
	}
	*blob = (struct spop_slice){ at, left };
}

bool request_find_header(struct spop_slice *blob, struct slice name, struct slice *value)
{
	struct slice this_name;

	for (;;) {
		skip_others(blob, name);
		if (!request_take_header(blob, &this_name, value))
			return false;
		if (slice_eq_nocase(this_name, name))
			return true;
	}
}

struct slice request_header(const struct request *request, unsigned slot, struct slice name)
{
	struct slice found = request_bytes(request, slot), value;
	const struct spop_value *hdrs = &request->values[REQUEST_HDRS];
	struct spop_slice blob;

	if (found.ptr || (hdrs->type != SPOP_BINARY && hdrs->type != SPOP_STRING))
		return found;
	blob = hdrs->bytes;
	return request_find_header(&blob, name, &value) ? value : slice_of(NULL, 0);
}
