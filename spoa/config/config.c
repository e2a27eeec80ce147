/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foreign.h"
#include "lexer.h"

#define MAX_FILE_SIZE ((size_t)1 << 30)
#define MAX_MESSAGES  1000u /* of each severity */
#define MAX_KEYWORDS  256u

struct message {
	const char *text, *bare; /* with its place, and without */
	enum config_severity severity;
	const char *file;
	unsigned line;
	size_t number, at; /* for sorting: the file's, and among all */
};

struct known_section {
	enum config_section kind;
	const char *name;
	struct config_place place;
};

struct config {
	struct arena *arena;
	const struct config_room *rooms;
	size_t n_rooms;
	struct config_place place;
	enum config_section section; /* 0: none yet, or one that is skipped */
	bool skipping;               /* in a section that was refused: its lines would only repeat that */
	struct known_section *sections;
	size_t n_sections;
	struct message *messages;
	size_t n_messages, counts[CONFIG_ERROR + 1];
	size_t kept[CONFIG_ERROR + 1]; /* of each, as messages */
	bool complete;                 /* all lines are read */
	struct lists *lists;
	const char **files;
	size_t n_files;
	const char *foreign; /* the first file that may be HAProxy's own */
};

static const struct {
	const char *name;
	enum config_section kind;
	bool named;
	bool supported;
} section_kinds[] = {
	{ "global", CONFIG_GLOBAL, false, true },
	{ "defaults", CONFIG_DEFAULTS, false, true },
	{ "frontend", CONFIG_FRONTEND, true, true },
	{ "backend", CONFIG_BACKEND, true, true },
	{ "resolvers", 0, true, false },
	{ "listen", 0, true, false },
	{ "userlist", 0, true, false },
	{ "peers", 0, true, false },
	{ "mailers", 0, true, false },
	{ "ring", 0, true, false },
	{ "cache", 0, true, false },
	{ "program", 0, true, false },
	{ "http-errors", 0, true, false },
	{ "fcgi-app", 0, true, false },
	{ "log-forward", 0, true, false },
	{ "log-profile", 0, true, false },
	{ "crt-store", 0, false, false },
	{ "acme", 0, true, false },
	{ "traces", 0, false, false },
};

struct config *config_new(struct arena *arena, const struct config_room *rooms, size_t n)
{
	struct config *config = arena_alloc(arena, sizeof(*config));

	if (config)
		*config = (struct config){ .arena = arena, .rooms = rooms, .n_rooms = n };
	return config;
}

/* ---- messages ---- */

static void say(struct config *config, enum config_severity severity, const struct config_place *place,
		const char *format, va_list args)
{
	char text[2000];
	struct message *message;
	const char *severities[] = { "notice: ", "warning: ", "" };

	if (config->complete && severity != CONFIG_ERROR && config->counts[CONFIG_ERROR] > 0)
		return;
	config->counts[severity]++;
	if (config->kept[severity] >= MAX_MESSAGES && place->line > 0) /* what is no line's is not much */
		return;
	vsnprintf(text, sizeof(text), format, args);
	message = arena_grow(config->arena, &config->messages, &config->n_messages, sizeof(*message));
	if (!message)
		return;
	config->kept[severity]++;
	*message = (struct message){ .file = place->file, .line = place->line, .severity = severity };
	if (!place->line)
		message->text = arena_printf(config->arena, "%s: %s%s", place->file, severities[severity], text);
	else if (!place->section)
		message->text = arena_printf(config->arena, "%s:%u: %s%s", place->file, place->line,
					     severities[severity], text);
	else
		message->text = arena_printf(config->arena, "%s:%u: %sin section '%s': %s", place->file, place->line,
					     severities[severity], place->section, text);
	if (!message->text)
		message->text = "out of memory";
	message->bare = message->text;
	if (strlen(message->text) > strlen(text))
		message->bare += strlen(message->text) - strlen(text);
}

bool config_error(const struct config_words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(words->config, CONFIG_ERROR, &words->place, format, args);
	va_end(args);
	return false;
}

void config_warning(const struct config_words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(words->config, CONFIG_WARNING, &words->place, format, args);
	va_end(args);
}

bool config_say_at(struct config *config, enum config_severity severity, struct config_place place, const char *format,
		   ...)
{
	va_list args;

	va_start(args, format);
	say(config, severity, &place, format, args);
	va_end(args);
	return severity != CONFIG_ERROR;
}

size_t config_count(const struct config *config, enum config_severity severity)
{
	return config->counts[severity];
}

void config_complete(struct config *config)
{
	config->complete = true;
}

/* Of a file, in the order in which files were first told of. */
static size_t file_number(const struct config *config, const char *file)
{
	size_t i = 0;

	while (strcmp(config->messages[i].file, file) != 0)
		i++;
	return i;
}

static int by_place(const void *a, const void *b)
{
	const struct message *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* By file and line: what only the whole told stands with its line's own. */
static void visit_in_order(const struct config *config, config_visit *visit, void *into)
{
	struct message *sorted = calloc(config->n_messages, sizeof(*sorted));

	if (!sorted)
		return;
	for (size_t i = 0; i < config->n_messages; i++) {
		sorted[i] = config->messages[i];
		sorted[i].number = file_number(config, sorted[i].file);
		sorted[i].at = i;
	}
	qsort(sorted, config->n_messages, sizeof(*sorted), by_place);
	for (size_t i = 0; i < config->n_messages; i++)
		visit(into, sorted[i].severity, sorted[i].text);
	free(sorted);
}

const char *config_message(const struct config *config, size_t i)
{
	return i < config->n_messages ? config->messages[i].text : NULL;
}

bool config_told(const struct config *config, size_t i, struct config_told *told)
{
	if (i >= config->n_messages)
		return false;
	*told = (struct config_told){ config->messages[i].severity, config->messages[i].line,
				      config->messages[i].bare };
	return true;
}

void config_visit_messages(const struct config *config, config_visit *visit, void *into)
{
	size_t all = config->counts[CONFIG_NOTICE] + config->counts[CONFIG_WARNING] + config->counts[CONFIG_ERROR];
	char more[40];

	if (config->n_messages > 0)
		visit_in_order(config, visit, into);
	if (all == config->n_messages)
		return;
	snprintf(more, sizeof(more), "… and %zu more", all - config->n_messages);
	visit(into, CONFIG_NOTICE, more);
}

static void print_message(void *into, enum config_severity severity, const char *text)
{
	(void)severity;
	fprintf(into, "%s\n", text);
}

void config_print_messages(const struct config *config, FILE *out)
{
	config_visit_messages(config, print_message, out);
}

/* ---- sections ---- */

static bool first_of_its_name(struct config_words *words, const char *name)
{
	struct config *config = words->config;
	struct known_section *section;

	for (size_t i = 0; i < config->n_sections; i++) {
		section = &config->sections[i];
		if (section->kind == words->section && strcmp(section->name, name) == 0)
			return config_error(words, "already defined at %s:%u", section->place.file,
					    section->place.line);
	}
	section = arena_grow(config->arena, &config->sections, &config->n_sections, sizeof(*section));
	if (!section)
		return config_error(words, "out of memory");
	*section = (struct known_section){ words->section, name, words->place };
	return true;
}

static bool begin_section(struct config_words *words, bool named)
{
	struct config *config = words->config;
	const char *name = "";
	bool good = true;

	if (words->left > 0 || named) {
		name = config_take_word(words, "a name");
		if (!name)
			return false;
		words->place.section = arena_printf(config->arena, "%s %s", words->keyword, name);
		config->place.section = words->place.section;
		if (!config_name_valid(name))
			return config_error(words, "a name consists of letters, digits, '-', '_', '.' and ':'");
		if (named && !first_of_its_name(words, name))
			return false;
	}
	if (!config_take_end(words))
		return false;
	for (size_t i = 0; i < config->n_rooms; i++)
		if (config->rooms[i].begin && !config->rooms[i].begin(words, name, config->rooms[i].into))
			good = false;
	return good;
}

/* True: the line was a section's head, good or bad. */
static bool try_section(struct config_words *words)
{
	struct config *config = words->config;

	for (size_t i = 0; i < COUNT(section_kinds); i++) {
		if (strcmp(*words->word, section_kinds[i].name) != 0)
			continue;
		words->keyword = section_kinds[i].name;
		words->section = section_kinds[i].kind;
		words->word++;
		words->left--;
		config->section = words->section;
		config->place.section = words->place.section = words->keyword;
		config->skipping = true;
		if (!section_kinds[i].supported) {
			config_note_foreign(words);
			config_error(words, "section '%s' is not supported", words->keyword);
		} else if (begin_section(words, section_kinds[i].named)) {
			config->skipping = false;
		}
		return true;
	}
	return false;
}

/* ---- lines ---- */

unsigned config_sections_of(const struct config_room *rooms, size_t n, const char *word)
{
	unsigned sections = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < rooms[i].n; j++)
			if (strcmp(rooms[i].keywords[j].name, word) == 0)
				sections |= rooms[i].keywords[j].sections;
	return sections;
}

bool config_begins_section(const char *word, bool *named)
{
	for (size_t i = 0; i < COUNT(section_kinds); i++) {
		if (strcmp(word, section_kinds[i].name) != 0)
			continue;
		*named = section_kinds[i].named;
		return true;
	}
	return false;
}

bool config_split(struct arena *arena, struct slice line, struct config_line *split, const char **why)
{
	struct lexer_words words;
	size_t at;

	*split = (struct config_line){ 0 };
	if (!lexer_split(arena, line, &words, why, &at))
		return false;
	*split = (struct config_line){ words.word, words.raw, words.n };
	return true;
}

/* True: the word is one of another section's, and that was said. */
static bool is_misplaced(struct config_words *words)
{
	unsigned sections = config_sections_of(words->config->rooms, words->config->n_rooms, *words->word);
	char names[80] = "";
	int used = 0;

	if (sections == 0 || (sections & words->section))
		return false;
	for (size_t i = 0; i < COUNT(section_kinds); i++) {
		if (!(sections & section_kinds[i].kind))
			continue;
		sections &= ~(unsigned)section_kinds[i].kind;
		used += snprintf(names + used, sizeof(names) - (size_t)used, "%s'%s'",
				 used == 0  ? ""
				 : sections ? ", "
					    : " or ",
				 section_kinds[i].name);
	}
	config_error(words, "'%s' belongs into section %s", *words->word, names);
	return true;
}

/* All rooms' rows of the line's section, as one table for config_take_keyword(). */
static void keyword_line(struct config_words *words)
{
	struct config *config = words->config;
	struct config_keyword all[MAX_KEYWORDS];
	void *into[MAX_KEYWORDS];
	const struct config_keyword *keyword;
	size_t n = 0;

	for (size_t i = 0; i < config->n_rooms; i++) {
		for (size_t j = 0; j < config->rooms[i].n && n < MAX_KEYWORDS; j++) {
			if (!(config->rooms[i].keywords[j].sections & words->section))
				continue;
			into[n] = config->rooms[i].into;
			all[n++] = config->rooms[i].keywords[j];
		}
	}
	if (is_misplaced(words))
		return;
	keyword = config_take_keyword(words, all, n, words->section);
	if (keyword && keyword->parse(words, into[keyword - all]))
		config_take_end(words);
}

static bool is_directive(const char *word)
{
	static const char *const directives[] = { ".if",     ".elif",    ".else",  ".endif",
						  ".notice", ".warning", ".alert", ".diag" };

	for (size_t i = 0; i < COUNT(directives); i++)
		if (strcmp(word, directives[i]) == 0)
			return true;
	return false;
}

/* It may be the head of one, misspelt: then what follows is as good as it is in its section. */
static void outside_of_sections(struct config_words *words)
{
	const char *names[COUNT(section_kinds)];
	const char *meant;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(section_kinds); i++)
		if (section_kinds[i].supported)
			names[n++] = section_kinds[i].name;
	meant = config_did_you_mean(words->arena, *words->word, names, n);
	words->config->skipping = *meant;
	config_error(words, "unknown keyword '%s' outside of a section%s", *words->word, meant);
}

/* HAProxy takes it for a word of its own; who writes one there means what other languages do with it. */
static bool ends_in_backslash(struct slice line, const struct lexer_words *split)
{
	struct slice last = split->raw[split->n_raw - 1];
	struct slice rest = slice_from(line, (size_t)(last.ptr - line.ptr) + last.len);

	return (slice_eq(last, SLICE("\\")) || slice_eq(last, SLICE("\\ "))) && slice_trim(rest).len == 0;
}

static void read_line(struct config *config, struct slice line)
{
	struct config_words words = { .config = config,
				      .arena = config->arena,
				      .place = config->place,
				      .section = config->section,
				      .keyword = "" };
	struct lexer_words split;
	const char *why;
	size_t at;

	if (!lexer_split(config->arena, line, &split, &why, &at)) {
		config_error(&words, "%s at position %zu", why, at + 1);
		return;
	}
	words.word = split.word;
	words.left = split.n;
	if (words.left == 0 || try_section(&words))
		return;
	if (is_directive(*words.word))
		config_error(&words, "'%s' is not supported: conditional blocks are HAProxy's", *words.word);
	else if (!config->section && !config->skipping)
		outside_of_sections(&words);
	else if (!config->skipping && ends_in_backslash(line, &split))
		config_error(&words, "lines are not continued, and a word '\\' at the end is written '\\\\'");
	else if (!config->skipping)
		keyword_line(&words);
}

void config_read_text(struct config *config, const char *name, struct slice text)
{
	struct slice line;

	config->place = (struct config_place){ arena_string(config->arena, name), 0, NULL };
	config->section = 0;
	config->skipping = false;
	if (slice_starts(text, SLICE("\xef\xbb\xbf"))) {
		config_say_at(config, CONFIG_ERROR, config->place,
			      "starts with a byte order mark: save it without one");
		text = slice_from(text, 3);
	}
	while (slice_split(&text, '\n', &line)) {
		config->place.line++;
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		read_line(config, line);
	}
}

/* ---- files ---- */

void config_note_file(struct config *config, const char *path)
{
	const char **slot = arena_grow(config->arena, &config->files, &config->n_files, sizeof(*slot));

	if (slot)
		*slot = arena_string(config->arena, path);
}

void config_note_foreign(const struct config_words *words)
{
	if (!words->config->foreign)
		words->config->foreign = words->place.file;
}

struct lists **config_lists(struct config *config)
{
	return &config->lists;
}

const char *config_foreign(const struct config *config)
{
	return config->foreign;
}

const char *config_file(const struct config *config, size_t i)
{
	return i < config->n_files ? config->files[i] : NULL;
}

static bool read_whole(int fd, size_t size, uint8_t *bytes)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, bytes + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static void read_file(struct config *config, const char *path)
{
	struct config_place place = { arena_string(config->arena, path), 0, NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	struct stat st;

	config_note_file(config, path);
	if (fd < 0 || fstat(fd, &st) < 0) {
		config_say_at(config, CONFIG_ERROR, place, "cannot read: %s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > MAX_FILE_SIZE) {
		config_say_at(config, CONFIG_ERROR, place, "not a regular file of at most 1 GiB");
		goto out;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes) {
		config_say_at(config, CONFIG_ERROR, place, "out of memory");
		goto out;
	}
	if (read_whole(fd, (size_t)st.st_size, bytes))
		config_read_text(config, path, slice_of(bytes, (size_t)st.st_size));
	else
		config_say_at(config, CONFIG_ERROR, place, "cannot read: %s", errno ? strerror(errno) : "truncated");
out:
	free(bytes);
	if (fd >= 0)
		close(fd);
}

static int is_cfg(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && slice_ends(slice_of_string(entry->d_name), SLICE(".cfg"));
}

void config_read(struct config *config, const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		read_file(config, path);
		return;
	}
	n = scandir(path, &entries, is_cfg, alphasort);
	if (n <= 0)
		config_say_at(config, CONFIG_ERROR, (struct config_place){ arena_string(config->arena, path), 0, NULL },
			      n < 0 ? "cannot read the directory" : "no *.cfg file in this directory");
	for (int i = 0; i < n; i++) {
		char *file = arena_printf(config->arena, "%s/%s", path, entries[i]->d_name);

		if (file)
			read_file(config, file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
