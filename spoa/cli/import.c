/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `import`: what of HAProxy's configuration the agent takes, found out by trying, and how it is written down. */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spoa-redirect/cli.h"
#include "spoa-redirect/config.h"
#include "spoa-redirect/site.h"

#define TRIED "import" /* the name of the text that is tried */

/* ---- what is wanted ---- */

static struct import_block *find(const struct import *import, enum import_kind kind, const char *name)
{
	for (size_t i = 0; i < import->n; i++)
		if (import->blocks[i]->kind == kind && strcmp(import->blocks[i]->name, name) == 0)
			return import->blocks[i];
	return NULL;
}

/* The name behind use_backend or default_backend; NULL: no such line. Of the import's arena. */
static const char *named_backend(const struct import *import, const struct import_line *line)
{
	struct config_line words;
	const char *why;

	if (line->why || !config_split(import->arena, slice_of_string(line->text), &words, &why) || words.n < 2)
		return NULL;
	if (strcmp(words.word[0], "use_backend") != 0 && strcmp(words.word[0], "default_backend") != 0)
		return NULL;
	return words.word[1];
}

/* One that a sample names may be any. */
static void select_backends(const struct import *import, const struct import_block *block)
{
	for (; block; block = block->defaults) {
		for (size_t i = 0; i < block->n; i++) {
			const char *name = named_backend(import, block->lines[i]);
			struct import_block *backend = name ? find(import, IMPORT_BACKEND, name) : NULL;

			if (backend)
				backend->left_out = false;
			for (size_t j = 0; name && strchr(name, '%') && j < import->n; j++)
				if (import->blocks[j]->kind == IMPORT_BACKEND)
					import->blocks[j]->left_out = false;
		}
	}
}

bool import_select(struct import *import, const char *frontend)
{
	struct import_block *wanted = find(import, IMPORT_FRONTEND, frontend);

	if (!*frontend)
		return true;
	if (!wanted)
		return false;
	for (size_t i = 0; i < import->n; i++)
		import->blocks[i]->left_out = import->blocks[i] != wanted && import->blocks[i]->kind != IMPORT_DEFAULTS;
	select_backends(import, wanted);
	return true;
}

/* HAProxy's own default is tcp. */
static const char *mode_of(const struct import_block *block)
{
	for (; block; block = block->defaults)
		if (block->mode)
			return block->mode;
	return "tcp";
}

static void leave_other_modes(const struct import *import)
{
	for (size_t i = 0; i < import->n; i++) {
		struct import_block *block = import->blocks[i];
		const char *mode = mode_of(block);

		if ((block->kind == IMPORT_FRONTEND || block->kind == IMPORT_BACKEND) && !block->why &&
		    strcmp(mode, "http") != 0)
			block->why = arena_printf(import->arena,
						  "mode %s: clients of HTTP can be redirected, no others", mode);
	}
}

/* ---- writing ---- */

struct writer {
	FILE *out;
	bool trying; /* without comments, and lines are numbered */
	unsigned line;
	const struct import_block *defaults; /* those in force */
	const char *file;
	size_t missing;
};

static const char *title_of(enum import_kind kind)
{
	return kind == IMPORT_FRONTEND ? "frontend" : kind == IMPORT_BACKEND ? "backend" : "defaults";
}

static void write_comment(struct writer *writer, const char *indent, bool matters, unsigned at, const char *original,
			  const char *why)
{
	if (writer->trying)
		return;
	writer->missing += matters;
	fprintf(writer->out, "%s%s %s:%u: %s  (%s)\n", indent, matters ? "#!" : "#", writer->file, at, original, why);
}

static void write_line(struct writer *writer, struct import_line *line, bool comments)
{
	if (line->why) {
		if (comments && line->original)
			write_comment(writer, "    ", line->matters, line->at, line->original, line->why);
		return;
	}
	if (comments && line->dropped)
		write_comment(writer, "    ", false, line->at, line->dropped, "left out of the next line");
	fprintf(writer->out, "    %s\n", line->text);
	line->tried = ++writer->line;
}

static void write_lines(struct writer *writer, const struct import_block *block, bool comments)
{
	for (size_t i = 0; i < block->n; i++)
		write_line(writer, block->lines[i], comments);
}

/* HAProxy's `defaults x from y` has both. */
static void write_inherited(struct writer *writer, const struct import_block *block)
{
	if (!block || block->why)
		return;
	write_inherited(writer, block->defaults);
	write_lines(writer, block, false);
}

/* A section begins with those that were last written, so that others than HAProxy would take are written again. */
static void write_defaults(struct writer *writer, const struct import_block *wanted)
{
	if (wanted == writer->defaults)
		return;
	fprintf(writer->out, "%sdefaults\n", writer->trying ? "" : "\n");
	writer->line++;
	write_inherited(writer, wanted);
	writer->defaults = wanted;
}

static void write_section(struct writer *writer, struct import_block *block)
{
	bool comments = !writer->trying;

	if (block->why) {
		if (comments && !block->second)
			fputc('\n', writer->out);
		if (!block->second)
			write_comment(writer, "", block->matters, block->at, block->title, block->why);
		return;
	}
	if (block->kind == IMPORT_DEFAULTS) {
		fprintf(writer->out, "%sdefaults\n", comments ? "\n" : "");
		block->tried = ++writer->line;
		write_inherited(writer, block->defaults);
		writer->defaults = block;
	} else {
		write_defaults(writer, block->defaults && !block->defaults->why ? block->defaults : NULL);
		fprintf(writer->out, "%s%s %s\n", comments ? "\n" : "", title_of(block->kind), block->name);
		block->tried = ++writer->line;
	}
	write_lines(writer, block, comments);
}

static void write_all(struct writer *writer, const struct import *import)
{
	for (size_t i = 0; i < import->n; i++)
		if (!import->blocks[i]->left_out)
			write_section(writer, import->blocks[i]);
}

size_t import_write(struct import *import, FILE *out)
{
	static const char about[] =
		"# A comment that begins with #! is a line that decides where requests go, and "
		"that could not be taken\n"
		"# over; other comments concern HAProxy alone.\n"
		"# What HAProxy needs, its SPOE file and lines, 'spoa-redirect spoe' prints of this file.\n";
	struct writer writer = { .out = out, .file = import->file };

	fprintf(out, "# Made of %s by spoa-redirect import.\n#\n%s\nglobal\n    log stderr format timed daemon info\n",
		import->file, about);
	write_all(&writer, import);
	return writer.missing;
}

/* ---- trying ---- */

/* Parsers speak to who wrote the line for the agent, and of lines of the text that was tried. */
static const char *reworded(struct import *import, const char *text, bool matters)
{
	bool foreign = strstr(text, " is a keyword of HAProxy's ") || strstr(text, "' belongs into section ");
	const char *line = strstr(text, " at line "), *place = strstr(text, " at " TRIED ":");
	size_t length = line ? (size_t)(line - text) : place ? (size_t)(place - text) : strlen(text);

	return foreign && !matters ? "concerns HAProxy alone" : arena_printf(import->arena, "%.*s", (int)length, text);
}

static bool blame_line(struct import *import, struct import_block *block, unsigned number, const char *text)
{
	for (size_t i = 0; i < block->n; i++) {
		struct import_line *line = block->lines[i];

		if (line->tried != number || line->why)
			continue;
		line->why = reworded(import, text, line->matters);
		return true;
	}
	return false;
}

static bool blame(struct import *import, unsigned number, const char *text)
{
	for (size_t i = 0; i < import->n; i++) {
		struct import_block *block = import->blocks[i];

		if (block->left_out || block->why)
			continue;
		if (block->tried == number) {
			block->matters = block->kind != IMPORT_DEFAULTS;
			block->why = reworded(import, text, block->matters);
			return true;
		}
		if (blame_line(import, block, number, text))
			return true;
	}
	return false;
}

/* Lines of one acl are or-ed: without one of them it is another acl. */
static void spread_to_acls(struct import *import, struct import_block *block)
{
	for (size_t i = 0; i < block->n; i++) {
		const struct import_line *bad = block->lines[i];

		for (size_t j = 0; bad->acl && bad->why && j < block->n; j++) {
			struct import_line *line = block->lines[j];

			if (line->acl && !line->why && strcmp(line->acl, bad->acl) == 0)
				line->why = arena_printf(import->arena, "not without line %u", bad->at);
		}
	}
}

static void forget_numbers(struct import *import)
{
	for (size_t i = 0; i < import->n; i++) {
		import->blocks[i]->tried = 0;
		for (size_t j = 0; j < import->blocks[i]->n; j++)
			import->blocks[i]->lines[j]->tried = 0;
	}
}

/* What came of one try. */
struct outcome {
	size_t errors, blamed;
	const char *other; /* an error of no line */
};

static bool try_text(struct import *import, struct slice text, struct outcome *outcome)
{
	struct site site = { 0 };
	struct config_told told;
	bool good = site_build_text(&site, TRIED, text);

	for (size_t i = 0; good && config_told(site.config, i, &told); i++) {
		if (told.severity != CONFIG_ERROR)
			continue;
		outcome->errors++;
		if (told.line && blame(import, told.line, told.text))
			outcome->blamed++;
		else
			outcome->other = arena_string(import->arena, told.text);
	}
	site_release(&site);
	for (size_t i = 0; i < import->n; i++)
		spread_to_acls(import, import->blocks[i]);
	return good;
}

static bool try_once(struct import *import, struct outcome *outcome)
{
	struct writer writer = { .trying = true };
	char *text = NULL;
	size_t size = 0;
	bool good;

	forget_numbers(import);
	writer.out = open_memstream(&text, &size);
	if (!writer.out)
		return false;
	write_all(&writer, import);
	good = fclose(writer.out) == 0 && try_text(import, slice_of((uint8_t *)text, size), outcome);
	free(text);
	return good;
}

/* A line less may leave others without their acl or backend: again, until no line is refused. */
bool import_try(struct import *import, const char **error)
{
	struct outcome outcome;

	leave_other_modes(import);
	do {
		outcome = (struct outcome){ 0 };
		if (!try_once(import, &outcome))
			return false;
	} while (outcome.blamed > 0);
	*error = outcome.other;
	return true;
}

/* ---- the command ---- */

/* Of a file of which nothing was taken over, what there was. */
static void tell_frontends(const struct import *import, FILE *notes)
{
	for (size_t i = 0; i < import->n; i++) {
		const struct import_block *block = import->blocks[i];

		if (block->kind == IMPORT_FRONTEND && block->why && !block->left_out)
			fprintf(notes, "%s:%u: '%s': %s\n", import->file, block->at, block->title, block->why);
	}
}

static bool run(struct import *import, struct slice text, const char *frontend, FILE *out, FILE *notes)
{
	const char *error = NULL;
	size_t missing;

	if (!import_read(import, text)) {
		fprintf(notes, "spoa-redirect: out of memory\n");
		return false;
	}
	if (!import_select(import, frontend)) {
		fprintf(notes, "spoa-redirect: no frontend '%s' in %s\n", frontend, import->file);
		return false;
	}
	if (!import_try(import, &error) || error) {
		tell_frontends(import, notes);
		fprintf(notes, "spoa-redirect: nothing to be made of %s: %s\n", import->file,
			error ? error : "out of memory");
		return false;
	}
	missing = import_write(import, out);
	if (missing > 0)
		fprintf(notes,
			"spoa-redirect: %zu line%s that decide%s where requests go could not be taken over: see #!\n",
			missing, missing == 1 ? "" : "s", missing == 1 ? "s" : "");
	return true;
}

bool import_text(const char *file, struct slice text, const char *frontend, FILE *out, FILE *notes)
{
	struct import import = { .arena = arena_new(), .file = file };
	bool good = import.arena && run(&import, text, frontend, out, notes);

	arena_free(import.arena);
	return good;
}

/* NULL: it was said why. To be freed. */
static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r"), *text;
	char *bytes = NULL, part[65536];
	bool good = file != NULL;
	size_t got;

	text = good ? open_memstream(&bytes, size) : NULL;
	while (text && (got = fread(part, 1, sizeof(part), file)) > 0)
		fwrite(part, 1, got, text);
	good = text && !ferror(file) && fclose(text) == 0;
	if (!good) {
		fprintf(stderr, "spoa-redirect: cannot read '%s': %s\n", path, strerror(errno));
		free(bytes);
		bytes = NULL;
	}
	if (file)
		fclose(file);
	return bytes;
}

bool cli_import(const struct cli *cli)
{
	size_t size = 0;
	char *bytes = read_file(cli->imported, &size);
	bool good = bytes && import_text(cli->imported, slice_of((uint8_t *)bytes, size),
					 cli->frontend ? cli->frontend : "", stdout, stderr);

	free(bytes);
	return good;
}
