/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "condition.h"
#include "format.h"
#include "hits.h"
#include "hash_key.h"
#include "made_location.h"

struct builder {
	struct frontend frontend; /* what others see */
	struct acls acls;
	struct conditions *excludes, *rules;
	struct rule *default_rule;
	bool default_given; /* by a line of its own */
};

struct ruleset {
	struct arena *arena;
	struct builder **builders;
	size_t n;
	struct rule *default_rule; /* of the newest defaults section */
	struct builder *current;   /* NULL outside of a frontend */
	struct lists *lists;       /* of patterns; NULL: there are none */
	struct wants keys;         /* what backends hash */
	struct wants locations;    /* what their Locations are made of */
};

struct ruleset *ruleset_new(struct arena *arena)
{
	struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));

	if (ruleset)
		ruleset->arena = arena;
	return ruleset;
}

static bool add_message(struct config_words *words, struct frontend *frontend, const char *name)
{
	const char **slot;

	for (size_t i = 0; i < frontend->n_messages; i++)
		if (strcmp(frontend->messages[i], name) == 0)
			return config_error(words, "message '%s' is named twice", name);
	slot = arena_grow(words->arena, &frontend->messages, &frontend->n_messages, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = name;
	return true;
}

static bool begin(struct config_words *words, const char *name, void *into)
{
	struct ruleset *ruleset = into;
	struct builder *builder, **slot;

	ruleset->current = NULL;
	if (words->section == CONFIG_DEFAULTS)
		ruleset->default_rule = NULL;
	if (words->section != CONFIG_FRONTEND)
		return true;
	builder = arena_alloc(words->arena, sizeof(*builder));
	slot = builder ? arena_grow(words->arena, &ruleset->builders, &ruleset->n, sizeof(*slot)) : NULL;
	if (!slot)
		return config_error(words, "out of memory");
	builder->frontend.name = name;
	builder->frontend.place = words->place;
	builder->frontend.missed = arena_alloc(words->arena, sizeof(*builder->frontend.missed));
	builder->acls.names = request_names_new(words->arena);
	builder->excludes = conditions_new(words->arena);
	builder->rules = conditions_new(words->arena);
	if (ruleset->default_rule &&
	    (builder->default_rule = arena_alloc(words->arena, sizeof(*builder->default_rule))))
		*builder->default_rule = *ruleset->default_rule;
	ruleset->current = *slot = builder;
	if (!builder->acls.names || !builder->frontend.missed || !builder->excludes || !builder->rules)
		return config_error(words, "out of memory");
	return add_message(words, &builder->frontend, name);
}

static bool parse_acl(struct config_words *words, void *into)
{
	struct ruleset *ruleset = into;

	return acl_parse(words, &ruleset->current->acls);
}

static bool parse_message(struct config_words *words, void *into)
{
	struct ruleset *ruleset = into;

	do {
		const char *name = config_take_word(words, "the name of an SPOE message");

		if (!name || !add_message(words, &ruleset->current->frontend, name))
			return false;
	} while (words->left > 0);
	return true;
}

static struct rule *new_rule(struct config_words *words, const char *backend, const char *text)
{
	struct rule *rule = arena_alloc(words->arena, sizeof(*rule));

	if (!rule)
		config_error(words, "out of memory");
	else
		*rule = (struct rule){ .backend = backend, .place = words->place, .words = text };
	return rule;
}

static bool add_rule(struct arena *arena, struct frontend *frontend, struct rule *rule)
{
	const struct rule **slot = arena_grow(arena, &frontend->rules, &frontend->n_rules, sizeof(*slot));

	if (!slot)
		return false;
	rule->index = frontend->n_rules - 1;
	*slot = rule;
	return true;
}

static bool parse_use_backend(struct config_words *words, void *into)
{
	struct ruleset *ruleset = into;
	struct acls *acls = &ruleset->current->acls;
	const char *text = config_left_words(words), *backend = config_take_word(words, "the name of a backend");
	struct rule *rule = backend ? new_rule(words, backend, text) : NULL;

	if (!rule)
		return false;
	if (format_is_one(backend) && !(rule->format = format_parse(words, backend, acls->names, &acls->needs)))
		return false;
	if (words->left > 0 && !(rule->condition = condition_parse(words, acls)))
		return false;
	return add_rule(words->arena, &ruleset->current->frontend, rule) ? true : config_error(words, "out of memory");
}

/* An acl may bear that name. */
static bool is_superfluous(const char *word, const struct acls *acls)
{
	return (strcmp(word, "if") == 0 || strcmp(word, "unless") == 0) && !acls_have(acls, word);
}

static bool parse_redirect_unless(struct config_words *words, void *into)
{
	struct builder *builder = ((struct ruleset *)into)->current;
	const char *text = config_left_words(words);
	struct rule *exclude, **slot;
	const struct condition *condition;

	if (words->left > 0 && is_superfluous(*words->word, &builder->acls))
		return config_error(words, "'redirect-unless' is followed by the condition itself, without '%s'",
				    *words->word);
	exclude = new_rule(words, "", text);
	condition = exclude ? condition_parse_terms(words, &builder->acls) : NULL;
	if (!condition)
		return false;
	exclude->condition = condition;
	slot = arena_grow(words->arena, &builder->frontend.excludes, &builder->frontend.n_excludes, sizeof(*slot));
	if (!slot || !conditions_add(words->arena, builder->excludes, condition))
		return config_error(words, "out of memory");
	*slot = exclude;
	return true;
}

static bool parse_default_backend(struct config_words *words, void *into)
{
	struct ruleset *ruleset = into;
	const char *backend = config_take_word(words, "the name of a backend");
	struct rule *rule = backend ? new_rule(words, backend, backend) : NULL;

	if (!rule)
		return false;
	if (format_is_one(backend))
		return config_error(words, "'default_backend' takes a name; a sample goes with 'use_backend'");
	if (ruleset->current && ruleset->current->default_given)
		config_warning(words, "replaces the 'default_backend' of line %u",
			       ruleset->current->default_rule->place.line);
	if (ruleset->current)
		ruleset->current->default_given = true;
	if (ruleset->current)
		ruleset->current->default_rule = rule;
	else
		ruleset->default_rule = rule;
	return true;
}

static bool parse_dry_run(struct config_words *words, void *into)
{
	(void)words;
	((struct ruleset *)into)->current->frontend.dry_run = true;
	return true;
}

static const struct config_keyword options[] = {
	{ CONFIG_OPTION, "dry-run", parse_dry_run, "", "decide, count and log, but redirect nobody" },
};

static bool parse_option(struct config_words *words, void *into)
{
	const struct config_keyword *option = config_take_keyword(words, options, COUNT(options), CONFIG_OPTION);

	return option && option->parse(words, into);
}

static const struct config_keyword keywords[] = {
	{ CONFIG_FRONTEND, "acl", parse_acl, "<name> <sample> [-i] [-m <method>] [-f <file>]… [--] <pattern>…",
	  "name a test on the request; several lines of one name are or-ed" },
	{ CONFIG_FRONTEND, "message", parse_message, "<name>…",
	  "answer these SPOE messages beside the one of the frontend's own name" },
	{ CONFIG_FRONTEND, "use_backend", parse_use_backend, "<backend> [if|unless <condition>]",
	  "send requests to a backend; the first line that holds counts" },
	{ CONFIG_DEFAULTS | CONFIG_FRONTEND, "default_backend", parse_default_backend, "<backend>",
	  "the backend when no use_backend line holds" },
	{ CONFIG_FRONTEND, "option", parse_option, "dry-run", "options of the frontend" },
	{ CONFIG_FRONTEND, "redirect-unless", parse_redirect_unless, "<condition>",
	  "requests that are never redirected, whatever the rules below or above say" },
};

struct config_room ruleset_room(struct ruleset *ruleset)
{
	return (struct config_room){ keywords, COUNT(keywords), begin, ruleset };
}

bool ruleset_add_location(struct ruleset *ruleset, struct made_location *location, const char *backend)
{
	return wants_add(ruleset->arena, &ruleset->locations, location, &location->want, backend);
}

static bool compile(struct arena *arena, struct builder *builder)
{
	struct frontend *frontend = &builder->frontend;

	if (!builder->acls.names || !builder->excludes || !builder->rules)
		return false;
	for (size_t i = 0; i < frontend->n_rules; i++)
		if (!conditions_add(arena, builder->rules, frontend->rules[i]->condition))
			return false;
	frontend->excluding = builder->excludes;
	frontend->choosing = builder->rules;
	return request_names_seal(builder->acls.names) && acls_compile(arena, &builder->acls) &&
	       conditions_compile(arena, builder->excludes, &builder->acls) &&
	       conditions_compile(arena, builder->rules, &builder->acls);
}

/* Behind a line that always holds no other is looked at. */
static void warn_unreached(const struct frontend *frontend, struct config *config)
{
	const struct rule *always = NULL;

	for (size_t i = 0; i < frontend->n_rules; i++) {
		const struct rule *rule = frontend->rules[i];

		if (always && rule != frontend->default_rule)
			config_say_at(config, CONFIG_WARNING, rule->place,
				      "never reached: 'use_backend %s' at line %u has no condition", always->backend,
				      always->place.line);
		else if (!rule->condition)
			always = rule;
	}
}

static void finish(struct ruleset *ruleset, struct builder *builder, struct config *config)
{
	struct frontend *frontend = &builder->frontend;
	bool good = true;

	frontend->default_rule = builder->default_rule;
	if (builder->default_rule)
		good = add_rule(ruleset->arena, frontend, builder->default_rule);
	for (size_t i = 0; i < frontend->n_excludes; i++)
		frontend->excludes[i]->index = frontend->n_rules + i;
	if (frontend->n_rules == 0)
		config_say_at(config, CONFIG_WARNING, frontend->place,
			      "neither 'use_backend' nor 'default_backend': nothing will be redirected");
	acls_warn_unused(&builder->acls, config);
	warn_unreached(frontend, config);
	good = good && hash_keys_read(ruleset->arena, &ruleset->keys, frontend, &builder->acls, config);
	good = good && made_locations_read(ruleset->arena, &ruleset->locations, frontend, &builder->acls, config);
	if (!good || !compile(ruleset->arena, builder)) {
		config_say_at(config, CONFIG_ERROR, frontend->place, "out of memory");
		return;
	}
	frontend->acls = &builder->acls;
	frontend->names = builder->acls.names;
	frontend->headers = request_names_headers(builder->acls.names);
	frontend->needs = builder->acls.needs | 1ull << REQUEST_METHOD | 1ull << REQUEST_PATH | 1ull << REQUEST_HOST;
}

bool ruleset_add_key(struct ruleset *ruleset, struct hash_key *key, const char *backend)
{
	return wants_add(ruleset->arena, &ruleset->keys, key, &key->want, backend);
}

void ruleset_finish(struct ruleset *ruleset, struct config *config)
{
	for (size_t i = 0; i < ruleset->n; i++)
		finish(ruleset, ruleset->builders[i], config);
	ruleset->lists = *config_lists(config);
	lists_number(ruleset->lists);
}

struct lists *ruleset_lists(const struct ruleset *ruleset)
{
	return ruleset->lists;
}

bool ruleset_count_hits(struct ruleset *ruleset, unsigned workers)
{
	for (size_t i = 0; i < ruleset->n; i++)
		if (!hits_new(ruleset->arena, &ruleset->builders[i]->frontend, workers))
			return false;
	return true;
}

void ruleset_adopt_hits(struct ruleset *ruleset, const struct ruleset *old)
{
	for (size_t i = 0; i < ruleset->n; i++)
		for (size_t j = 0; j < old->n; j++)
			if (strcmp(ruleset->builders[i]->frontend.name, old->builders[j]->frontend.name) == 0)
				hits_adopt(&ruleset->builders[i]->frontend, &old->builders[j]->frontend);
}

size_t ruleset_count(const struct ruleset *ruleset)
{
	return ruleset->n;
}

const struct frontend *ruleset_frontend(const struct ruleset *ruleset, size_t i)
{
	return &ruleset->builders[i]->frontend;
}

bool frontend_begin(const struct frontend *frontend, struct rules_scratch *scratch)
{
	/* one more for patterns that were deleted */
	return rules_scratch_clear(scratch, frontend->acls->n + 1, frontend->acls->n_matchers);
}

const struct rule *frontend_excludes(const struct frontend *frontend, struct request *request,
				     struct rules_scratch *scratch)
{
	size_t first;

	if (frontend->n_excludes == 0)
		return NULL;
	first = conditions_first(frontend->excluding, 0, frontend->acls, request, scratch);
	return first < frontend->n_excludes ? frontend->excludes[first] : NULL;
}

const struct rule *frontend_choose(const struct frontend *frontend, struct request *request,
				   struct rules_scratch *scratch, const struct rule *after)
{
	size_t from = after ? after->index + 1 : 0;
	size_t first = conditions_first(frontend->choosing, from, frontend->acls, request, scratch);

	return first < frontend->n_rules ? frontend->rules[first] : NULL;
}

struct slice rule_backend(const struct rule *rule, struct request *request, struct rules_scratch *scratch)
{
	return format_write(rule->format, request, scratch, scratch->name);
}

static void explain_line(const struct frontend *frontend, const struct rule *rule, const char *keyword, bool holds,
			 struct request *request, struct rules_scratch *scratch, const struct rules_visitor *visitor)
{
	visitor->line(visitor->into, keyword, rule->words, rule->place, holds);
	if (rule->format)
		visitor->value(visitor->into, rule->backend, rule_backend(rule, request, scratch));
	if (rule->condition)
		condition_explain(rule->condition, frontend->acls, request, scratch, visitor);
}

/* Where to go on from the i-th line: there, or at the chosen one if enough lines have been told. */
static size_t skip(const struct rules_visitor *visitor, size_t i, size_t chosen)
{
	if (visitor->most == 0 || i < visitor->most || i >= chosen)
		return i;
	if (visitor->skipped)
		visitor->skipped(visitor->into, chosen - i);
	return chosen;
}

void frontend_explain(const struct frontend *frontend, const struct rule *chosen, struct request *request,
		      struct rules_scratch *scratch, const struct rules_visitor *visitor)
{
	size_t first = frontend->n_excludes, last = chosen ? chosen->index : frontend->n_rules;

	if (first > 0)
		first = conditions_first(frontend->excluding, 0, frontend->acls, request, scratch);
	for (size_t i = 0; (i = skip(visitor, i, first)) < frontend->n_excludes && i <= first; i++)
		explain_line(frontend, frontend->excludes[i], "redirect-unless", i == first, request, scratch, visitor);
	if (first < frontend->n_excludes)
		return;
	for (size_t i = 0; (i = skip(visitor, i, last)) < frontend->n_rules; i++) {
		const struct rule *rule = frontend->rules[i];
		bool holds = frontend_choose(frontend, request, scratch, i > 0 ? frontend->rules[i - 1] : NULL) == rule;
		bool is_default = i == frontend->n_rules - 1 && rule == frontend->default_rule;

		explain_line(frontend, rule, is_default ? "default_backend" : "use_backend", holds, request, scratch,
			     visitor);
		if (rule == chosen)
			return;
		if (holds && rule->format) /* the name that it gave was no backend's */
			i = frontend->default_rule ? frontend->n_rules - 2 : frontend->n_rules;
	}
}

const char *frontend_slot_name(const struct frontend *frontend, unsigned slot)
{
	return request_names_of(frontend->names, slot);
}
