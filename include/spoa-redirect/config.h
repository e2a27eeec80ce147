/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines, words and sections of HAProxy's configuration language (its manual, sections 2.1 to 2.3), and
 * nothing of what they mean: each room exports a table of keywords, main.c hands the tables to a config,
 * and the words of each line go to the parser of the row that bears their first. A parser that returns
 * false has reported why; reading goes on with the next line, so that all errors of all files are found.
 *
 * One thread. Names, words and messages live in the arena given to config_new().
 */
#ifndef SPOA_REDIRECT_CONFIG_H
#define SPOA_REDIRECT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/slice.h"

/* Where a keyword may stand. The last two are words within a line, for tables of a room's own. */
enum config_section {
	CONFIG_GLOBAL = 0x01,
	CONFIG_DEFAULTS = 0x02,
	CONFIG_FRONTEND = 0x04,
	CONFIG_BACKEND = 0x08,
	CONFIG_OPTION = 0x10,
	CONFIG_SERVER = 0x20,
};

/* A line, for messages now and later. */
struct config_place {
	const char *file;
	unsigned line;
	const char *section; /* "backend video"; NULL before the first */
};

struct config;

/* A cursor over the words of one line, behind its keyword. */
struct config_words {
	struct config *config;
	struct arena *arena; /* outlives the reading: what a room builds may live there */
	struct config_place place;
	enum config_section section; /* the one that the line stands in */
	const char *keyword;         /* the one being parsed, for messages */
	char **word;
	size_t left;
};

struct config_keyword {
	unsigned sections; /* CONFIG_…, or-ed */
	const char *name;
	bool (*parse)(struct config_words *words, void *into); /* NULL: known, but not yet supported */
	const char *arguments;                                 /* as the manual writes them */
	const char *help;                                      /* one line */
};

/* What a room brings: its rows, and what it wants to know of a section that begins. */
struct config_room {
	const struct config_keyword *keywords;
	size_t n;
	bool (*begin)(struct config_words *words, const char *name, void *into); /* NULL: nothing */
	void *into; /* handed to begin and to every parse */
};

/* rooms: the caller's, until the config is no longer read into. NULL: out of memory. */
struct config *config_new(struct arena *arena, const struct config_room *rooms, size_t n);

/* A file, or each *.cfg of a directory by name, as HAProxy's -f. What is wrong is among the messages. */
void config_read(struct config *config, const char *path);

/* A file that a line names is about to be read, for whoever has to know of all that were. */
void config_note_file(struct config *config, const char *path);

/* The i-th that was read, or should have been; NULL behind the last. */
const char *config_file(const struct config *config, size_t i);

/* The line is one that only HAProxy has. The first file with such a line may be HAProxy's own; NULL: none has. */
void config_note_foreign(const struct config_words *words);
const char *config_foreign(const struct config *config);

/* The same from memory; name stands for the file in messages. */
void config_read_text(struct config *config, const char *name, struct slice text);

/* Something that parsers of several rooms share, kept for them: the lists of patterns. NULL at first. */
struct lists;
struct lists **config_lists(struct config *config);

/* ---- messages ---- */

enum config_severity { CONFIG_NOTICE, CONFIG_WARNING, CONFIG_ERROR };

/* Each returns false, so that a parser may end with it. Worded as git does: lower case, no full stop. */
bool config_error(const struct config_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void config_warning(const struct config_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For what is found out only once all lines are known. */
bool config_say_at(struct config *config, enum config_severity severity, struct config_place place, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));

size_t config_count(const struct config *config, enum config_severity severity);

/*
 * All lines are read: what comes now is about the whole. Where there are errors already, it is said only if it is one
 * itself, for a warning would be but their consequence.
 */
void config_complete(struct config *config);

/* One line each, by file and line: "FILE:LINE: in section 'backend video': …". */
typedef void config_visit(void *into, enum config_severity severity, const char *text);
void config_visit_messages(const struct config *config, config_visit *visit, void *into);
void config_print_messages(const struct config *config, FILE *out);

/* The text of message i as they came up, NULL behind the last; for tests and logs. */
const char *config_message(const struct config *config, size_t i);

/* The same, taken apart. */
struct config_told {
	enum config_severity severity;
	unsigned line;    /* 0: about the whole */
	const char *text; /* without its place */
};

/* False: none left. */
bool config_told(const struct config *config, size_t i, struct config_told *told);

/* ---- lines that are not the agent's own ---- */

struct config_line {
	char **word;       /* quotes and escapes taken away, variables filled in */
	struct slice *raw; /* as they are written */
	size_t n;
};

/* False: *why says what is wrong with it. */
bool config_split(struct arena *arena, struct slice line, struct config_line *split, const char **why);

/* Whether a line that begins with the word begins a section, in HAProxy's language; named: one that has a name. */
bool config_begins_section(const char *word, bool *named);

/* In which sections a line may begin with the word, CONFIG_…; 0: in none. */
unsigned config_sections_of(const struct config_room *rooms, size_t n, const char *word);

/* ---- words ---- */

/* The next word, NULL (and an error that names what is missing) at the line's end. */
const char *config_take_word(struct config_words *words, const char *what);

/* The next word only if it is this one. */
bool config_take_if(struct config_words *words, const char *word);

bool config_take_int(struct config_words *words, uint64_t min, uint64_t max, uint64_t *number);

/* A time of at least min seconds. */
bool config_take_time(struct config_words *words, double min, double *seconds);

/* The words that are left, with blanks between; cut where they are very many. NULL: out of memory. */
const char *config_left_words(const struct config_words *words);

/* Nothing may follow. */
bool config_take_end(const struct config_words *words);

/*
 * The row that the next word names, NULL after an error. Unknown words get a "did you mean"; those of
 * rows without a parser, and HAProxy's own that have no meaning here, are refused by name.
 */
const struct config_keyword *config_take_keyword(struct config_words *words, const struct config_keyword *keywords,
						 size_t n, enum config_section section);

/* Of all names the one that was most probably meant; NULL if none is near. */
const char *config_nearest(const char *word, const char *const *names, size_t n);

/* The end of a message about an unknown word: ", did you mean 'x'?", or "". */
const char *config_did_you_mean(struct arena *arena, const char *word, const char *const *names, size_t n);

/* Whether a name may be that of a section, a server or an acl: HAProxy's invalid_char(), and at most 255 bytes. */
bool config_name_valid(const char *name);

#endif
