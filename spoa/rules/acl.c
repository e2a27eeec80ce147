/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acl.h"

#include <string.h>

struct expression {
	const char *words; /* sample, flags and patterns, as far as they are kept */
	const struct sample *sample;
	const struct patterns *patterns;
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

/* `closed`: an anonymous one, up to its "}". */
static bool take_patterns(struct config_words *words, struct patterns *patterns, bool closed)
{
	while (words->left > 0) {
		if (closed && config_take_if(words, "}"))
			return true;
		if (!patterns_set_operator(patterns, *words->word) &&
		    !patterns_add(words, patterns, slice_of_string(*words->word), ""))
			return false;
		words->word++;
		words->left--;
	}
	return !closed || config_error(words, "no closing '}', with a blank before it");
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
	struct expression *expression;
	struct flags flags = { 0 };
	struct patterns *patterns;
	const struct sample *sample;
	size_t given;
	bool good = true;

	if (!word || !(sample = sample_parse(words, word, acls->names, &acls->needs, &method)) ||
	    !take_flags(words, &flags))
		return false;
	patterns = patterns_new(words, flags.method ? flags.method : method, sample_type(sample), flags.nocase);
	if (!patterns)
		return false;
	for (size_t i = 0; i < flags.n_files; i++)
		good &= patterns_add_file(words, patterns, flags.files[i]);
	given = words->left;
	if (!good || !take_patterns(words, patterns, closed))
		return false;
	if (!patterns_are_none(patterns) && flags.n_files == 0 && given - words->left == closed)
		return config_error(words, "no pattern to compare '%s' with", word);
	expression = arena_grow(words->arena, &acl->expressions, &acl->n, sizeof(*expression));
	if (!expression)
		return config_error(words, "out of memory");
	*expression = (struct expression){ text, sample, patterns };
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
	matcher = matcher_new(arena, expression->sample, expression->patterns);
	slot = matcher ? arena_grow(arena, &acls->matchers, &acls->n_matchers, sizeof(*slot)) : NULL;
	if (slot)
		*slot = matcher;
	return slot != NULL;
}

static bool compile_expression(struct arena *arena, struct acls *acls, struct acl *acl,
			       const struct expression *expression)
{
	uint32_t at, *slot;

	if (!find_matcher(arena, acls, expression, &at) ||
	    !matcher_add(arena, acls->matchers[at], expression->patterns, acl->id))
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
		if (!matcher_seal(arena, acls->matchers[i]))
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
