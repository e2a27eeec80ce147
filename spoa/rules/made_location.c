/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `redirect location`: a text with samples in it, which each frontend that leads there reads in slots of its own. */
#include "made_location.h"

#include <string.h>

#include "format.h"

struct made_location *made_location_parse(struct config_words *words, const char *text)
{
	struct request_names *names = request_names_new(words->arena);
	struct made_location *location = arena_alloc(words->arena, sizeof(*location));
	uint64_t needs = 0;

	if (!names || !location) {
		config_error(words, "out of memory");
		return NULL;
	}
	*location = (struct made_location){ .text = text, .place = words->place };
	/* what is wrong with it shall be said here, and once */
	return format_parse_location(words, text, names, &needs) ? location : NULL;
}

bool made_locations_add(struct arena *arena, struct made_locations *locations, struct made_location *location,
			const char *backend)
{
	struct made_location_use *use = arena_grow(arena, &locations->uses, &locations->n_uses, sizeof(*use));

	if (!use)
		return false;
	if (!location->numbered)
		location->number = locations->n++;
	location->numbered = true;
	*use = (struct made_location_use){ location, backend };
	return true;
}

static bool leads_to(const struct frontend *frontend, const char *backend)
{
	for (size_t i = 0; i < frontend->n_rules; i++)
		if (frontend->rules[i]->format || strcmp(frontend->rules[i]->backend, backend) == 0)
			return true;
	return false;
}

bool made_locations_read(struct arena *arena, const struct made_locations *locations, struct frontend *frontend,
			 struct acls *acls, struct config *config)
{
	const struct format **formats = arena_array(arena, locations->n + 1, sizeof(*formats));

	if (!formats)
		return false;
	for (size_t i = 0; i < locations->n_uses; i++) {
		const struct made_location *location = locations->uses[i].location;
		struct config_words words = {
			.config = config, .arena = arena, .place = location->place, .keyword = ""
		};

		if (!formats[location->number] && leads_to(frontend, locations->uses[i].backend))
			formats[location->number] =
				format_parse_location(&words, location->text, acls->names, &acls->needs);
	}
	frontend->locations = formats;
	return true;
}

bool frontend_make_location(const struct frontend *frontend, const struct made_location *location,
			    struct request *request, struct rules_scratch *scratch, location_put_part *put, void *into)
{
	const struct format *format = frontend->locations ? frontend->locations[location->number] : NULL;

	return format && format_visit(format, request, scratch, put, into);
}
