/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a request is hashed: HAProxy's manual, `balance`. */
#include "hash_key.h"

#include <string.h>

struct hash_key *hash_key_parse(struct config_words *words, const char *sample, struct hash_key_part part)
{
	struct request_names *names = request_names_new(words->arena);
	struct hash_key *key = arena_alloc(words->arena, sizeof(*key));
	const char *method;
	uint64_t needs = 0;

	if (!names || !key) {
		config_error(words, "out of memory");
		return NULL;
	}
	*key = (struct hash_key){ .sample = sample, .place = words->place, .part = part };
	/* each frontend will read it in slots of its own; what is wrong with it shall be said here, and once */
	if (!sample_parse(words, sample, names, &needs, &method))
		return NULL;
	if (!method)
		return key;
	config_error(words, "'%s' compares, and has no value of its own", sample);
	return NULL;
}

bool hash_keys_read(struct arena *arena, const struct wants *keys, struct frontend *frontend, struct acls *acls,
		    struct config *config)
{
	const struct sample **samples = arena_array(arena, keys->different + 1, sizeof(*samples));

	if (!samples)
		return false;
	for (size_t i = 0; i < keys->n; i++) {
		const struct want_of *want = &keys->each[i];
		const struct hash_key *key = want->what;
		struct config_words words = { .config = config, .arena = arena, .place = key->place, .keyword = "" };
		const char *method;

		if (samples[want->number] || !want_concerns(want, frontend))
			continue;
		samples[want->number] = sample_parse(&words, key->sample, acls->names, &acls->needs, &method);
		if (!samples[want->number])
			break; /* which was said */
	}
	frontend->keys = samples;
	return true;
}

/* ---- of a request ---- */

/* HAProxy counts the slashes, the first of them too, and leaves out the one that is one too many. */
static struct slice cut_depth(struct slice value, unsigned depth)
{
	unsigned slashes = 0;

	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '/' && slashes++ == depth)
			return slice_of(value.ptr, i);
	return value;
}

/* "example" of "www.example.com": what stands before the last dot, up to the one before. */
static struct slice cut_domain(struct slice value)
{
	const uint8_t *last = value.len ? memrchr(value.ptr, '.', value.len) : NULL, *before;
	size_t length = last ? (size_t)(last - value.ptr) : value.len;

	before = last && length > 0 ? memrchr(value.ptr, '.', length) : NULL;
	value.len = length;
	return before ? slice_from(value, (size_t)(before - value.ptr) + 1) : value;
}

static bool fetch_value(const struct sample *sample, bool first, struct request *request, struct rules_scratch *scratch,
			struct sample_value *value)
{
	struct sample_cursor cursor = { 0 };

	return first ? sample_next(sample, request, scratch, &cursor, value)
		     : sample_final(sample, request, scratch, value);
}

struct slice frontend_key(const struct frontend *frontend, const struct hash_key *key, struct request *request,
			  struct rules_scratch *scratch)
{
	const struct sample *sample = frontend->keys ? frontend->keys[key->want.number] : NULL;
	const struct hash_key_part *part = &key->part;
	struct sample_value value;
	struct slice bytes;

	if (!sample || !fetch_value(sample, part->first, request, scratch, &value) ||
	    !sample_cast(&value, SAMPLE_STRING, scratch))
		return slice_of(NULL, 0);
	bytes = value.string;
	if (part->length > 0 && bytes.len > part->length)
		bytes.len = part->length;
	if (part->depth > 0)
		bytes = cut_depth(bytes, part->depth);
	if (part->domain)
		bytes = cut_domain(bytes);
	return bytes.len > 0 ? bytes : slice_of(NULL, 0);
}
