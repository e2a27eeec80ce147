/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lexer.h"

#include <stdlib.h>
#include <string.h>

enum quoting { UNQUOTED, WEAK, STRONG };

struct lexer {
	struct arena *arena;
	struct slice line;
	size_t at, start; /* of what is next, of the word being made */
	enum quoting quoting;
	struct lexer_words *words;
	char *out; /* the word being made; its room doubles as it grows */
	size_t used, room;
	bool in_word;
	const char *why;
};

static bool fail(struct lexer *lexer, const char *why)
{
	lexer->why = why;
	return false;
}

static bool put(struct lexer *lexer, uint8_t byte)
{
	if (lexer->used + 1 >= lexer->room) {
		size_t room = lexer->room ? lexer->room * 2 : 32;
		char *bigger = arena_alloc(lexer->arena, room);

		if (!bigger)
			return fail(lexer, "out of memory");
		if (lexer->used > 0)
			memcpy(bigger, lexer->out, lexer->used);
		lexer->out = bigger;
		lexer->room = room;
	}
	if (byte == 0)
		return fail(lexer, "NUL byte");
	lexer->out[lexer->used++] = (char)byte;
	lexer->in_word = true;
	return true;
}

static bool end_word(struct lexer *lexer)
{
	struct lexer_words *words = lexer->words;
	struct slice *raw;
	char **slot;

	if (!lexer->in_word)
		return true;
	slot = arena_grow(lexer->arena, &words->word, &words->n, sizeof(*slot));
	raw = arena_grow(lexer->arena, &words->raw, &words->n_raw, sizeof(*raw));
	if (!slot || !raw)
		return fail(lexer, "out of memory");
	*raw = slice_of(lexer->line.ptr + lexer->start, lexer->at - lexer->start);
	*slot = lexer->out ? lexer->out : arena_string(lexer->arena, "");
	lexer->out = NULL;
	lexer->used = lexer->room = 0;
	lexer->in_word = false;
	return *slot != NULL;
}

static int peek(const struct lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->line.len ? lexer->line.ptr[lexer->at + ahead] : -1;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What is no escape sequence keeps its backslash, so that regexes need no doubled ones. */
static bool take_escape(struct lexer *lexer)
{
	static const struct {
		char name, byte;
	} escapes[] = { { ' ', ' ' }, { '\\', '\\' }, { '#', '#' },  { '\'', '\'' },
			{ '"', '"' }, { 'n', '\n' },  { 'r', '\r' }, { 't', '\t' } };
	int next = peek(lexer, 1);

	if (next == 'x') {
		int high = hex_digit(peek(lexer, 2)), low = hex_digit(peek(lexer, 3));

		if (high < 0 || low < 0)
			return fail(lexer, "'\\x' expects two hexadecimal digits");
		lexer->at += 4;
		return put(lexer, (uint8_t)(high << 4 | low));
	}
	if (next == '$' && lexer->quoting == WEAK) {
		lexer->at += 2;
		return put(lexer, '$');
	}
	for (size_t i = 0; i < COUNT(escapes); i++) {
		if (next != escapes[i].name)
			continue;
		lexer->at += 2;
		return put(lexer, (uint8_t)escapes[i].byte);
	}
	lexer->at++;
	return put(lexer, '\\');
}

static bool is_name(int c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* "${NAME[*]}": each blank-separated part is a word of its own. */
static bool put_list(struct lexer *lexer, const char *value)
{
	for (; *value; value++) {
		if (*value == ' ' ? !end_word(lexer) : !put(lexer, (uint8_t)*value))
			return false;
	}
	return true;
}

static bool put_all(struct lexer *lexer, const char *value)
{
	for (; *value; value++)
		if (!put(lexer, (uint8_t)*value))
			return false;
	return true;
}

/* "$NAME", "${NAME}", "${NAME-default}", "${NAME[*]}" */
static bool take_variable(struct lexer *lexer)
{
	bool braces = peek(lexer, 1) == '{', list = false;
	const char *name, *value, *fallback = "";
	size_t start;

	lexer->at += braces ? 2 : 1;
	start = lexer->at;
	while (is_name(peek(lexer, 0), lexer->at == start))
		lexer->at++;
	if (lexer->at == start)
		return fail(lexer, "no variable's name after '$'");
	name = (const char *)arena_slice(lexer->arena, slice_of(lexer->line.ptr + start, lexer->at - start)).ptr;
	if (braces && peek(lexer, 0) == '[' && peek(lexer, 1) == '*' && peek(lexer, 2) == ']') {
		list = true;
		lexer->at += 3;
	}
	if (braces && peek(lexer, 0) == '-') {
		start = ++lexer->at;
		while (peek(lexer, 0) >= 0 && peek(lexer, 0) != '}' && peek(lexer, 0) != '"')
			lexer->at++;
		fallback = (const char *)arena_slice(lexer->arena, slice_of(lexer->line.ptr + start, lexer->at - start))
				   .ptr;
	}
	if (braces && peek(lexer, 0) != '}')
		return fail(lexer, "no closing '}' after a variable's name");
	lexer->at += braces;
	if (!name || !fallback)
		return fail(lexer, "out of memory");
	value = getenv(name);
	return list ? put_list(lexer, value ? value : fallback) : put_all(lexer, value ? value : fallback);
}

/* One step; sets *done at a comment. */
static bool take_next(struct lexer *lexer, bool *done)
{
	uint8_t c = lexer->line.ptr[lexer->at];

	if (!lexer->in_word)
		lexer->start = lexer->at;
	if (c == '\'' && lexer->quoting != WEAK) {
		lexer->quoting = lexer->quoting == STRONG ? UNQUOTED : STRONG;
		lexer->in_word = true;
	} else if (lexer->quoting == STRONG) {
		if (!put(lexer, c))
			return false;
	} else if (c == '"') {
		lexer->quoting = lexer->quoting == WEAK ? UNQUOTED : WEAK;
		lexer->in_word = true;
	} else if (c == '\\') {
		return take_escape(lexer);
	} else if (c == '$' && lexer->quoting == WEAK) {
		return take_variable(lexer);
	} else if (lexer->quoting == UNQUOTED && (c == ' ' || c == '\t')) {
		if (!end_word(lexer))
			return false;
	} else if (lexer->quoting == UNQUOTED && c == '#') {
		*done = true;
		return true;
	} else if (!put(lexer, c)) {
		return false;
	}
	lexer->at++;
	return true;
}

bool lexer_split(struct arena *arena, struct slice line, struct lexer_words *words, const char **why, size_t *at)
{
	struct lexer lexer = { .arena = arena, .line = line, .words = words };
	bool done = false, good = true;
	size_t quote = 0;

	*words = (struct lexer_words){ 0 };
	while (good && !done && lexer.at < line.len) {
		enum quoting before = lexer.quoting;

		good = take_next(&lexer, &done);
		if (before == UNQUOTED && lexer.quoting != UNQUOTED)
			quote = lexer.at - 1;
	}
	if (good && lexer.quoting != UNQUOTED) {
		lexer.at = quote;
		good = fail(&lexer, "unmatched quote");
	}
	if (good && !end_word(&lexer))
		good = false;
	*why = lexer.why ? lexer.why : "out of memory";
	*at = lexer.at;
	return good;
}
