/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text as HAProxy's configuration: what import makes of it is a configuration without an error, or nothing at all, and
 * then it was said why. The same with --frontend, of the text's first.
 */
#include <stdlib.h>

#include "spoa-redirect/site.h"
#include "spoa/cli/import.h"
#include "system.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must stay in every build. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text, size_t size)
{
	struct site site = { 0 };

	must(site_build_text(&site, "imported", slice_of((const uint8_t *)text, size)));
	if (config_count(site.config, CONFIG_ERROR) > 0)
		config_print_messages(site.config, stderr);
	must(config_count(site.config, CONFIG_ERROR) == 0);
	site_release(&site);
}

static void try_import(struct slice input, const char *frontend)
{
	char *text = NULL, *notes = NULL;
	size_t size = 0, n_notes = 0;
	FILE *out = open_memstream(&text, &size), *said = open_memstream(&notes, &n_notes);
	bool good;

	must(out && said);
	good = import_text("haproxy.cfg", input, frontend, out, said);
	must(fclose(out) == 0 && fclose(said) == 0);
	must(good ? size > 0 : size == 0 && n_notes > 0);
	if (good)
		check_text(text, size);
	free(text);
	free(notes);
}

/* The name behind the first "frontend ". */
static bool first_frontend(struct slice input, char *name, size_t room)
{
	struct slice line;
	size_t n = 0;

	while (slice_split(&input, '\n', &line)) {
		if (!slice_starts(line, SLICE("frontend ")))
			continue;
		for (line = slice_from(line, 9); n < line.len && n + 1 < room && line.ptr[n] > ' '; n++)
			name[n] = (char)line.ptr[n];
		name[n] = '\0';
		return n > 0;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	char name[100];

	reading = true;
	try_import(input, "");
	if (first_frontend(input, name, sizeof(name)))
		try_import(input, name);
	reading = false;
	return 0;
}
