/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acl.h"

#include <stdio.h>
#include <string.h>

struct expression {
	const char *words; /* sample, flags and patterns, as far as they are kept */
	const struct sample *sample;
	struct patterns *patterns;
	struct part *parts;
	size_t n_parts;
};

/* Patterns of the expression that one list has, in their order. */
struct part {
	struct pattern_list *list;
	struct element **elements;
	size_t n;
};

/* HAProxy's configuration manual, 7.4. Without a sample: not yet supported. */
static const struct {
	const char *name;
	const char *words[8];
} predefined[] = {
	{ "FALSE", { "" } }, /* an acl without any expression */
	{ "HTTP", { NULL } },
	{ "HTTP_1.0", { NULL } },
	{ "HTTP_1.1", { NULL } },
	{ "HTTP_2.0", { NULL } },
	{ "HTTP_3.0", { NULL } },
	{ "HTTP_CONTENT", { NULL } },
	{ "HTTP_URL_ABS", { NULL } },
	{ "HTTP_URL_SLASH", { "path_beg", "/" } },
	{ "HTTP_URL_STAR", { "path", "*" } },
	{ "LOCALHOST", { "src", "127.0.0.1/8", "::1" } },
	{ "METH_CONNECT", { "method", "CONNECT" } },
	{ "METH_DELETE", { "method", "DELETE" } },
	{ "METH_GET", { "method", "GET", "HEAD" } },
	{ "METH_HEAD", { "method", "HEAD" } },
	{ "METH_OPTIONS", { "method", "OPTIONS" } },
	{ "METH_POST", { "method", "POST" } },
	{ "METH_PUT", { "method", "PUT" } },
	{ "METH_TRACE", { "method", "TRACE" } },
	{ "RDP_COOKIE", { NULL } },
	{ "REQ_CONTENT", { NULL } },
	{ "TRUE", { "" } },
	{ "WAIT_END", { "" } }, /* there is nothing to wait for: as TRUE */
};

static struct acl *find_acl(const struct acls *acls, const char *name)
{
	for (size_t i = 0; i < acls->n; i++)
		if (acls->acl[i]->name && strcmp(acls->acl[i]->name, name) == 0)
			return acls->acl[i];
	return NULL;
}

bool acls_have(const struct acls *acls, const char *name)
{
	return find_acl(acls, name) != NULL;
}

static struct acl *add_acl(struct config_words *words, struct acls *acls, const char *name)
{
	struct acl *acl = arena_alloc(words->arena, sizeof(*acl));
	struct acl **slot = acl ? arena_grow(words->arena, &acls->acl, &acls->n, sizeof(*slot)) : NULL;

	if (!slot) {
		config_error(words, "out of memory");
		return NULL;
	}
	acl->name = name;
	acl->place = words->place;
	acl->id = (uint32_t)(acls->n - 1);
	return *slot = acl;
}

/* ---- one expression: a sample, its flags, its patterns ---- */

struct flags {
	const char *method;
	bool nocase;
	const char **files;
	size_t n_files;
};

static const struct {
	const char *flag, *why;
} refused_flags[] = {
	{ "-M", "is not supported: patterns come as words or with -f" },
	{ "-u", "is not supported: lists are named by their file" },
};

static bool take_flags(struct config_words *words, struct flags *flags)
{
	while (words->left > 0 && **words->word == '-') {
		if (config_take_if(words, "--"))
			return true;
		if (config_take_if(words, "-n")) /* names of hosts are no patterns here anyway */
			continue;
		if (config_take_if(words, "-i")) {
			flags->nocase = true;
		} else if (config_take_if(words, "-m")) {
			if (!(flags->method = config_take_word(words, "a way of matching after -m")))
				return false;
		} else if (config_take_if(words, "-f")) {
			const char *path = config_take_word(words, "a file after -f");
			const char **slot =
				path ? arena_grow(words->arena, &flags->files, &flags->n_files, sizeof(*slot)) : NULL;

			if (!slot)
				return false;
			*slot = path;
		} else {
			for (size_t i = 0; i < COUNT(refused_flags); i++)
				if (strcmp(*words->word, refused_flags[i].flag) == 0)
					return config_error(words, "flag '%s' %s", *words->word, refused_flags[i].why);
			return true; /* a pattern that begins with a dash */
		}
	}
	return true;
}

static bool add_element(struct config_words *words, struct part *part, struct element *element)
{
	struct element **slot = element ? arena_grow(words->arena, &part->elements, &part->n, sizeof(*slot)) : NULL;

	if (!slot)
		return config_error(words, "out of memory");
	*slot = element;
	return true;
}

static struct part *add_part(struct config_words *words, struct expression *expression, struct pattern_list *list)
{
	struct part *part =
		list ? arena_grow(words->arena, &expression->parts, &expression->n_parts, sizeof(*part)) : NULL;

	if (part)
		*part = (struct part){ .list = list };
	else if (list)
		config_error(words, "out of memory");
	return part;
}

/* What a request's path cannot be or begin with; "*" is the one path without a slash (RFC 9112 3.2.4). */
static bool is_no_path(const struct expression *expression, struct slice text)
{
	enum match_kind kind = patterns_kind(expression->patterns);

	return (kind == MATCH_STR || kind == MATCH_BEG) && sample_is_path(expression->sample) && text.len > 0 &&
	       text.ptr[0] != '/' && !slice_eq(text, SLICE("*"));
}

/* A file may be another acl's, too, so some lines may be for that one. */
static void warn_of_file(struct config_words *words, const struct expression *expression, const struct part *part,
			 const char *path)
{
	for (size_t i = 0; i < part->n; i++)
		if (!is_no_path(expression, part->elements[i]->text))
			return;
	if (part->n > 0)
		config_warning(words, "no pattern of '%s' ever matches: '%s' begins with '/'", path,
			       sample_name(expression->sample));
}

/* The first says it for all of the expression. */
static void warn_of_line(struct config_words *words, const struct expression *expression, const struct part *part)
{
	for (size_t i = 0; i < part->n; i++) {
		if (!is_no_path(expression, part->elements[i]->text))
			continue;
		config_warning(words, "pattern '%.*s' never matches: '%s' begins with '/'",
			       SLICE_ARGS(part->elements[i]->text), sample_name(expression->sample));
		return;
	}
}

/* The lines of a file, when it is named first; from then on it is one list, whoever names it. */
static bool take_file(struct config_words *words, struct expression *expression, const char *path)
{
	bool fresh, good = true;
	struct pattern_list *list = lists_file(words, path, false, &fresh);
	struct part *part = add_part(words, expression, list);

	if (!part || (fresh && !list_read(words, list, path)))
		return false;
	for (struct element *element = list_first(list); element; element = element->next) {
		char where[600];

		snprintf(where, sizeof(where), "%s:%u: ", path, element->line);
		good &= patterns_add(words, expression->patterns, element->text, where) &&
			add_element(words, part, element);
	}
	if (good)
		warn_of_file(words, expression, part, path);
	return good;
}

/* One pattern, and how HAProxy shows it: what comes behind "gt" is a range. */
static bool take_pattern(struct config_words *words, struct expression *expression, struct part *part, bool compared)
{
	struct slice text = slice_of_string(*words->word);
	const struct pattern *pattern;
	char range[60];
	size_t n;

	if (!patterns_add(words, expression->patterns, text, ""))
		return false;
	pattern = patterns_list(expression->patterns, &n) + n - 1;
	if (compared && pattern->max == INT64_MAX)
		text = slice_of(range, (size_t)snprintf(range, sizeof(range), "%lld:", (long long)pattern->min));
	else if (compared && pattern->min == INT64_MIN)
		text = slice_of(range, (size_t)snprintf(range, sizeof(range), ":%lld", (long long)pattern->max));
	return add_element(words, part, list_append(words->arena, part->list, text, slice_of(NULL, 0), 0));
}

/* `closed`: an anonymous one, up to its "}". */
static bool take_patterns(struct config_words *words, struct expression *expression, struct slice sample, bool closed)
{
	struct part *part = add_part(words, expression, lists_inline(words, sample));
	bool compared = false, open = closed;

	if (!part)
		return false;
	while (words->left > 0) {
		if (closed && config_take_if(words, "}")) {
			open = false;
			break;
		}
		if (patterns_set_operator(expression->patterns, *words->word))
			compared = strcmp(*words->word, "eq") != 0;
		else if (!take_pattern(words, expression, part, compared))
			return false;
		words->word++;
		words->left--;
	}
	warn_of_line(words, expression, part);
	patterns_set_operator(expression->patterns, "eq"); /* for those that come at run time */
	return !open || config_error(words, "no closing '}', with a blank before it");
}

static const char *own_words(const struct config_words *words, bool closed)
{
	struct config_words own = *words;
	size_t n = 0;

	while (closed && n < words->left && strcmp(words->word[n], "}") != 0)
		n++;
	own.left = closed ? n : words->left;
	return config_left_words(&own);
}

static bool take_expression(struct config_words *words, struct acls *acls, struct acl *acl, bool closed)
{
	const char *text = own_words(words, closed), *word = config_take_word(words, "a sample"), *method = NULL;
	struct expression expression = { .words = text }, *slot;
	struct flags flags = { 0 };
	const struct sample *sample;
	size_t given;
	bool good = true;

	if (!word || !(sample = sample_parse(words, word, acls->names, &acls->needs, &method)) ||
	    !take_flags(words, &flags))
		return false;
	expression.sample = sample;
	expression.patterns =
		patterns_new(words, flags.method ? flags.method : method, sample_type(sample), flags.nocase);
	acls->lists = lists_of(words);
	if (!expression.patterns || !acls->lists)
		return false;
	for (size_t i = 0; i < flags.n_files; i++)
		good &= take_file(words, &expression, flags.files[i]);
	given = words->left;
	if (!good || !take_patterns(words, &expression, slice_of(word, strcspn(word, "(,")), closed))
		return false;
	if (!patterns_are_none(expression.patterns) && flags.n_files == 0 && given - words->left == closed)
		return config_error(words, "no pattern to compare '%s' with", word);
	slot = arena_grow(words->arena, &acl->expressions, &acl->n, sizeof(*slot));
	if (!slot)
		return config_error(words, "out of memory");
	*slot = expression;
	return true;
}

bool acl_parse(struct config_words *words, struct acls *acls)
{
	const char *name = config_take_word(words, "a name");
	struct acl *acl;

	if (!name)
		return false;
	if (strcmp(name, "or") == 0 || !config_name_valid(name))
		return config_error(words, "'%s' cannot be the name of an acl", name);
	acl = find_acl(acls, name);
	if (!acl)
		acl = add_acl(words, acls, name);
	return acl && take_expression(words, acls, acl, false);
}

/* ---- from lines to indexes ---- */

static bool find_matcher(struct arena *arena, struct acls *acls, const struct expression *expression, uint32_t *at)
{
	struct matcher *matcher, **slot;

	for (*at = 0; *at < acls->n_matchers; ++*at)
		if (matcher_fits(acls->matchers[*at], expression->sample, expression->patterns))
			return true;
	matcher = matcher_new(acls->lists, arena, expression->sample, expression->patterns, (uint32_t)acls->n);
	slot = matcher ? arena_grow(arena, &acls->matchers, &acls->n_matchers, sizeof(*slot)) : NULL;
	if (slot)
		*slot = matcher;
	return slot != NULL;
}

/* Each pattern is known by its list, so that it can be deleted there. */
static bool compile_parts(struct search *search, struct acl *acl, const struct expression *expression)
{
	size_t n;
	const struct pattern *pattern = patterns_list(expression->patterns, &n);

	for (size_t i = 0; i < expression->n_parts; i++) {
		const struct part *part = &expression->parts[i];
		struct list_use *use = search_use(search, part->list, expression->patterns, acl->id);

		if (!use)
			return false;
		if (patterns_are_none(expression->patterns) && !search_add_none(use))
			return false;
		for (size_t j = 0; j < part->n; j++)
			if (!search_add(use, part->elements[j], pattern++))
				return false;
	}
	return true;
}

static bool compile_expression(struct arena *arena, struct acls *acls, struct acl *acl,
			       const struct expression *expression)
{
	uint32_t at, *slot;

	if (!find_matcher(arena, acls, expression, &at) ||
	    !compile_parts(matcher_search(acls->matchers[at]), acl, expression))
		return false;
	for (size_t i = 0; i < acl->n_matchers; i++)
		if (acl->matchers[i] == at)
			return true;
	slot = arena_grow(arena, &acl->matchers, &acl->n_matchers, sizeof(*slot));
	if (slot)
		*slot = at;
	return slot != NULL;
}

bool acls_compile(struct arena *arena, struct acls *acls)
{
	for (size_t i = 0; i < acls->n; i++)
		for (size_t j = 0; j < acls->acl[i]->n; j++)
			if (!compile_expression(arena, acls, acls->acl[i], &acls->acl[i]->expressions[j]))
				return false;
	for (size_t i = 0; i < acls->n_matchers; i++)
		if (!search_seal(matcher_search(acls->matchers[i])))
			return false;
	return true;
}

/* ---- by name ---- */

static bool no_such_acl(struct config_words *words, const struct acls *acls, const char *name)
{
	const char *names[64];
	size_t n = 0;

	if (*name == '{')
		return config_error(words, "'%s': an anonymous acl needs blanks around its braces, '{ … }'", name);
	for (size_t i = 0; i < acls->n && n < COUNT(names); i++)
		if (acls->acl[i]->name)
			names[n++] = acls->acl[i]->name;
	return config_error(words, "no acl '%s' above this line%s", name,
			    config_did_you_mean(words->arena, name, names, n));
}

/* As if the frontend had this acl, once it is named. */
static struct acl *add_predefined(struct config_words *words, struct acls *acls, size_t i)
{
	struct config_words own = *words;
	struct acl *acl;

	if (!predefined[i].words[0]) {
		config_error(words, "the predefined acl '%s' is not yet supported", predefined[i].name);
		return NULL;
	}
	acl = add_acl(words, acls, predefined[i].name);
	own.left = 0;
	own.word = (char **)(uintptr_t)predefined[i].words;
	while (own.left < COUNT(predefined[i].words) && predefined[i].words[own.left] && *predefined[i].words[own.left])
		own.left++;
	if (acl && own.left > 0 && !take_expression(&own, acls, acl, false))
		return NULL;
	return acl;
}

static struct acl *find_or_add(struct config_words *words, struct acls *acls, const char *name)
{
	struct acl *acl = find_acl(acls, name);

	if (acl)
		return acl;
	for (size_t i = 0; i < COUNT(predefined); i++)
		if (strcmp(name, predefined[i].name) == 0)
			return add_predefined(words, acls, i);
	no_such_acl(words, acls, name);
	return NULL;
}

/* What always holds is what never does, negated. */
struct acl *acl_take(struct config_words *words, struct acls *acls, bool *negated)
{
	const char *word = config_take_word(words, "an acl");
	struct acl *acl;

	if (!word)
		return NULL;
	if (strcmp(word, "{") == 0) {
		acl = add_acl(words, acls, NULL);
		return acl && take_expression(words, acls, acl, true) ? acl : NULL;
	}
	if (strcmp(word, "TRUE") == 0 || strcmp(word, "WAIT_END") == 0) {
		*negated = !*negated;
		word = "FALSE";
	}
	return find_or_add(words, acls, word);
}

void acl_explain(const struct acl *acl, struct request *request, struct rules_scratch *scratch,
		 const struct rules_visitor *visitor)
{
	for (size_t i = 0; i < acl->n; i++) {
		const struct expression *expression = &acl->expressions[i];
		struct sample_cursor cursor = { 0 };
		struct sample_value value;
		bool any = false;

		while (sample_next(expression->sample, request, scratch, &cursor, &value)) {
			if (sample_cast(&value, SAMPLE_STRING, scratch))
				visitor->value(visitor->into, expression->words, value.string);
			any = true;
			if (!sample_has_many(expression->sample))
				break;
		}
		if (!any)
			visitor->value(visitor->into, expression->words, slice_of(NULL, 0));
	}
}

void acls_warn_unused(const struct acls *acls, struct config *config)
{
	for (size_t i = 0; i < acls->n; i++)
		if (acls->acl[i]->name && !acls->acl[i]->used)
			config_say_at(config, CONFIG_WARNING, acls->acl[i]->place, "acl '%s' is used by no rule",
				      acls->acl[i]->name);
}
