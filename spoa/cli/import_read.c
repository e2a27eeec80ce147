/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `import`: the reading of HAProxy's file, its manual's chapters 2 to 4. */
#include "import.h"

#include <stdio.h>
#include <string.h>

#include "spoa-redirect/config.h"
#include "spoa-redirect/site.h"

struct reader {
	struct import *import;
	struct import_block *front, *back; /* of a listen both, else the same */
	struct import_block *defaults;     /* the newest */
	const struct config_room *rooms;
	struct config_line words;
	const char *original;
	unsigned at, depth; /* depth: of .if */
};

/* Lines that have another meaning here, or none. */
static const struct {
	const char *keyword, *why;
} others[] = {
	{ "redirect", "HAProxy goes on redirecting these itself" },
	{ "message", "unknown to HAProxy" },
	{ "redirect-unless", "unknown to HAProxy" },
	{ "fallback-backend", "unknown to HAProxy" },
};

/* Lines that decide where a request goes, so that their absence must be seen. */
static const struct {
	const char *keyword, *second; /* NULL: whatever follows */
} deciding[] = {
	{ "acl", NULL },
	{ "use_backend", NULL },
	{ "default_backend", NULL },
	{ "server", NULL },
	{ "server-template", NULL },
	{ "use-server", NULL },
	{ "use-fcgi-app", NULL },
	{ "dispatch", NULL },
	{ "balance", NULL },
	{ "cookie", NULL },
	{ "appsession", NULL },
	{ "stick", NULL },
	{ "hash-type", NULL },
	{ "reqrep", NULL },
	{ "reqirep", NULL },
	{ "http-request", "set-method" },
	{ "http-request", "set-path" },
	{ "http-request", "set-pathq" },
	{ "http-request", "set-query" },
	{ "http-request", "set-src" },
	{ "http-request", "set-uri" },
	{ "http-request", "replace-path" },
	{ "http-request", "replace-pathq" },
	{ "http-request", "replace-uri" },
	{ "http-request", "normalize-uri" },
};

static bool decides(const struct config_line *words)
{
	for (size_t i = 0; i < COUNT(deciding); i++)
		if (strcmp(words->word[0], deciding[i].keyword) == 0 &&
		    (!deciding[i].second || (words->n > 1 && strcmp(words->word[1], deciding[i].second) == 0)))
			return true;
	return false;
}

static struct import_block *add_block(struct reader *reader, enum import_kind kind, const char *name)
{
	struct import *import = reader->import;
	struct import_block *block = arena_alloc(import->arena, sizeof(*block)), **slot;

	slot = block ? arena_grow(import->arena, &import->blocks, &import->n, sizeof(*slot)) : NULL;
	if (!slot)
		return NULL;
	*block = (struct import_block){
		.kind = kind, .name = name, .title = reader->original, .at = reader->at, .defaults = reader->defaults
	};
	return *slot = block;
}

static struct import_line *add_line(struct reader *reader, struct import_block *block)
{
	struct arena *arena = reader->import->arena;
	struct import_line *line = arena_alloc(arena, sizeof(*line)), **slot;

	slot = line ? arena_grow(arena, &block->lines, &block->n, sizeof(*slot)) : NULL;
	if (!slot)
		return NULL;
	*line = (struct import_line){ .text = reader->original, .original = reader->original, .at = reader->at };
	return *slot = line;
}

/* ---- sections ---- */

static const struct import_block *find_defaults(const struct reader *reader, const char *name)
{
	for (size_t i = reader->import->n; i > 0; i--) {
		const struct import_block *block = reader->import->blocks[i - 1];

		if (block->kind == IMPORT_DEFAULTS && strcmp(block->name, name) == 0)
			return block;
	}
	return reader->defaults;
}

static bool has_bind(const struct import_block *block)
{
	for (size_t i = 0; i < block->n; i++)
		if (!block->lines[i]->original)
			return true;
	return false;
}

/* By which HAProxy reaches the agent. */
static bool add_own_bind(struct reader *reader, struct import_block *block)
{
	struct import_line *line = add_line(reader, block);

	if (!line)
		return false;
	line->text = "bind 127.0.0.1:9000";
	line->original = NULL;
	return true;
}

static bool add_bind(struct reader *reader, struct import_block *block)
{
	struct import_line *line = add_line(reader, block);

	if (!line)
		return false;
	line->why = "HAProxy's own, the agent has another";
	return has_bind(block) || add_own_bind(reader, block);
}

/* "from DEFAULTS" and, in old files, addresses behind the name. */
static bool take_title(struct reader *reader, struct import_block *block)
{
	for (size_t i = 2; i < reader->words.n; i++) {
		if (strcmp(reader->words.word[i], "from") == 0 && i + 1 < reader->words.n)
			block->defaults = find_defaults(reader, reader->words.word[++i]);
		else if (block->kind == IMPORT_FRONTEND && !has_bind(block) && !add_bind(reader, block))
			return false;
	}
	if (reader->depth > 0)
		block->why = "conditional blocks are HAProxy's";
	block->matters = block->why && block->kind != IMPORT_DEFAULTS;
	return true;
}

static bool begin_listen(struct reader *reader, const char *name)
{
	reader->front = add_block(reader, IMPORT_FRONTEND, name);
	reader->back = add_block(reader, IMPORT_BACKEND, name);
	if (!reader->front || !reader->back)
		return false;
	reader->front->listens = reader->back->second = true;
	return take_title(reader, reader->front) && take_title(reader, reader->back);
}

static bool begin_section(struct reader *reader, bool named)
{
	static const struct {
		const char *name;
		enum import_kind kind;
	} kinds[] = { { "defaults", IMPORT_DEFAULTS }, { "frontend", IMPORT_FRONTEND }, { "backend", IMPORT_BACKEND } };
	const char *keyword = reader->words.word[0], *name = reader->words.n > 1 ? reader->words.word[1] : "";
	enum import_kind kind = IMPORT_OTHER;
	struct import_block *block;

	if (strcmp(keyword, "listen") == 0 && *name)
		return begin_listen(reader, name);
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(keyword, kinds[i].name) == 0)
			kind = kinds[i].kind;
	if (kind == IMPORT_DEFAULTS)
		reader->defaults = NULL;
	block = add_block(reader, named && !*name ? IMPORT_OTHER : kind, name);
	reader->front = reader->back = block;
	if (!block || !take_title(reader, block))
		return false;
	if (kind == IMPORT_DEFAULTS)
		reader->defaults = block;
	if (block->kind == IMPORT_OTHER && !block->why)
		block->why = "concerns HAProxy alone";
	return true;
}

/* ---- lines ---- */

/* Without a comment at its end. */
static const char *without_comment(struct arena *arena, const struct config_line *words)
{
	const uint8_t *begin = words->raw[0].ptr, *end = words->raw[words->n - 1].ptr + words->raw[words->n - 1].len;

	return arena_printf(arena, "%.*s", (int)(end - begin), (const char *)begin);
}

static const char *header_of(const struct config_line *words)
{
	static const char *const actions[] = { "add-header", "del-header", "replace-header", "replace-value",
					       "set-header" };

	if (words->n < 3 || strcmp(words->word[0], "http-request") != 0)
		return NULL;
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(words->word[1], actions[i]) == 0)
			return words->word[2];
	return NULL;
}

static void judge(struct reader *reader, struct import_block *block, struct import_line *line)
{
	const struct config_line *words = &reader->words;
	const char *keyword = words->word[0];

	line->matters = decides(words);
	line->header = header_of(words);
	for (size_t i = 0; i < COUNT(others); i++)
		if (strcmp(keyword, others[i].keyword) == 0)
			line->why = others[i].why;
	if (reader->depth > 0)
		line->why = "conditional blocks are HAProxy's";
	if (line->why)
		return;
	if (strcmp(keyword, "acl") == 0 && words->n > 1)
		line->acl = words->word[1];
	if (strcmp(keyword, "server") == 0 || strcmp(keyword, "default-server") == 0)
		import_server(reader->import, line, words->word, words->raw, words->n);
	else if (!(line->text = without_comment(reader->import->arena, words)))
		line->why = "out of memory";
	if (block->kind == IMPORT_BACKEND && strcmp(keyword, "acl") == 0)
		line->matters = false; /* it serves lines that are HAProxy's */
}

/* Which half of a listen. */
static struct import_block *home_of(const struct reader *reader, const char *keyword)
{
	unsigned sections = config_sections_of(reader->rooms, SITE_ROOMS, keyword);

	if (reader->front == reader->back || !(sections & CONFIG_BACKEND))
		return reader->front;
	return reader->back;
}

static bool is_conditional(struct reader *reader, const char *word)
{
	if (*word != '.')
		return false;
	if (strcmp(word, ".if") == 0)
		reader->depth++;
	else if (strcmp(word, ".endif") == 0 && reader->depth > 0)
		reader->depth--;
	return true;
}

static void take_mode(const struct reader *reader, struct import_block *block)
{
	const char *mode = reader->words.n > 1 ? reader->words.word[1] : "";

	if (reader->depth == 0 || strcmp(mode, "http") != 0)
		block->mode = mode;
}

static bool take_line(struct reader *reader)
{
	const char *keyword = reader->words.word[0];
	struct import_block *block;
	struct import_line *line;
	bool named;

	if (config_begins_section(keyword, &named))
		return begin_section(reader, named);
	if (is_conditional(reader, keyword) || !reader->front)
		return true;
	block = home_of(reader, keyword);
	if (block->kind == IMPORT_FRONTEND && strcmp(keyword, "bind") == 0)
		return add_bind(reader, block);
	if (strcmp(keyword, "mode") == 0) {
		take_mode(reader, reader->front);
		take_mode(reader, reader->back);
		return true;
	}
	line = add_line(reader, block);
	if (!line)
		return false;
	judge(reader, block, line);
	return true;
}

/* Blanks at both ends, and a line's end that is Windows's. */
static struct slice trim(struct slice line)
{
	while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1]) && line.ptr[line.len - 1])
		line.len--;
	while (line.len > 0 && (*line.ptr == ' ' || *line.ptr == '\t'))
		line = slice_from(line, 1);
	return line;
}

static bool split_line(struct reader *reader, struct slice text)
{
	struct arena *arena = reader->import->arena;
	struct slice line = trim(text);
	struct import_line *bad;
	const char *why;

	reader->original = arena_printf(arena, "%.*s", (int)line.len, (const char *)line.ptr);
	if (!reader->original)
		return false;
	if (config_split(arena, line, &reader->words, &why))
		return reader->words.n == 0 || take_line(reader);
	if (!reader->front)
		return true;
	bad = add_line(reader, reader->front);
	if (!bad)
		return false;
	bad->why = why;
	bad->matters = true;
	return true;
}

/* ---- the end ---- */

static bool has_default_backend(const struct import_block *block)
{
	for (; block; block = block->defaults)
		for (size_t i = 0; i < block->n; i++)
			if (strncmp(block->lines[i]->text, "default_backend", 15) == 0)
				return true;
	return false;
}

/* A listen is a frontend whose default_backend has its name. */
static bool finish_listen(struct reader *reader, struct import_block *block)
{
	struct import_line *line;

	if (has_default_backend(block))
		return true;
	line = add_line(reader, block);
	if (!line)
		return false;
	line->original = NULL;
	line->text = arena_printf(reader->import->arena, "default_backend %s", block->name);
	return line->text != NULL;
}

/* One for HAProxy's statistics, mostly. */
static bool is_idle(const struct import_block *front, const struct import_block *back)
{
	for (size_t i = 0; i < front->n; i++)
		if (strncmp(front->lines[i]->text, "use_backend", 11) == 0)
			return false;
	for (size_t i = 0; i < back->n; i++)
		if (strncmp(back->lines[i]->text, "server", 6) == 0)
			return false;
	return !has_default_backend(front);
}

/* A plain HTTP check of a server that speaks TLS would fail, so there is none. */
static bool finish_servers(struct reader *reader, struct import_block *block)
{
	bool httpchk = false;

	for (const struct import_block *with = block; with; with = with->defaults)
		for (size_t i = 0; i < with->n; i++)
			httpchk |= strncmp(with->lines[i]->text, "option httpchk", 14) == 0;
	for (size_t i = 0; httpchk && i < block->n; i++) {
		struct import_line *line = block->lines[i];

		if (!line->tls || line->why)
			continue;
		line->text = arena_printf(reader->import->arena, "%s no-check", line->text);
		line->dropped = arena_printf(reader->import->arena, "%s, and so the check by HTTP", line->dropped);
		if (!line->text || !line->dropped)
			return false;
	}
	return true;
}

/* Whether some rule reads it, "hdr(NAME". */
static bool is_read(const struct import *import, const char *header)
{
	char wanted[300];

	snprintf(wanted, sizeof(wanted), "(%s", header);
	for (size_t i = 0; i < import->n; i++)
		for (size_t j = 0; j < import->blocks[i]->n; j++) {
			const struct import_line *line = import->blocks[i]->lines[j];

			if (line->matters && line->original && strcasestr(line->original, wanted))
				return true;
		}
	return false;
}

static bool finish(struct reader *reader)
{
	const struct import *import = reader->import;

	for (size_t i = 0; i < import->n; i++) {
		struct import_block *block = import->blocks[i];

		for (size_t j = 0; j < block->n; j++)
			if (block->lines[j]->header)
				block->lines[j]->matters = is_read(import, block->lines[j]->header);
		if (block->kind == IMPORT_FRONTEND && !has_bind(block) && !add_own_bind(reader, block))
			return false;
		if (block->listens && !block->why && is_idle(block, import->blocks[i + 1]))
			block->why = import->blocks[i + 1]->why = "neither server nor rule: nothing to choose";
		if (block->listens && !finish_listen(reader, block))
			return false;
		if (!finish_servers(reader, block))
			return false;
	}
	return true;
}

bool import_read(struct import *import, struct slice text)
{
	struct config_room rooms[SITE_ROOMS];
	struct reader reader = { .import = import, .rooms = rooms };
	struct site site = { 0 };
	struct slice line;
	bool good = site_begin(&site, rooms);

	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_from(text, 3);
	while (good && slice_split(&text, '\n', &line)) {
		reader.at++;
		good = split_line(&reader, line);
	}
	site_release(&site);
	return good && finish(&reader);
}
