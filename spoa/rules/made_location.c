/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `redirect location`: a text with samples in it, which each frontend that leads there reads in slots of its own. */
#include "made_location.h"

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

bool made_locations_read(struct arena *arena, const struct wants *locations, struct frontend *frontend,
			 struct acls *acls, struct config *config)
{
	const struct format **formats = arena_array(arena, locations->different + 1, sizeof(*formats));

	if (!formats)
		return false;
	for (size_t i = 0; i < locations->n; i++) {
		const struct want_of *want = &locations->each[i];
		const struct made_location *location = want->what;
		struct config_words words = {
			.config = config, .arena = arena, .place = location->place, .keyword = ""
		};

		if (!formats[want->number] && want_concerns(want, frontend))
			formats[want->number] =
				format_parse_location(&words, location->text, acls->names, &acls->needs);
	}
	frontend->locations = formats;
	return true;
}

bool frontend_make_location(const struct frontend *frontend, const struct made_location *location,
			    struct request *request, struct rules_scratch *scratch, location_put_part *put, void *into)
{
	const struct format *format = frontend->locations ? frontend->locations[location->want.number] : NULL;

	return format && format_visit(format, request, scratch, put, into);
}
