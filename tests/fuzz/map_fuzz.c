/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a map file, and any as a value: the first byte says how they are compared, the file goes up to the next
 * byte 0xff, the value is behind it.
 * - A file is read, or refused with a message that begins with its name and a line.
 * - What is found is what a plain look at each line finds, for the ways that compare bytes.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "site.h"
#include "spoa/rules/map.h"
#include "spoa/rules/scratch.h"

#define MAX_SIZE 4096u

FILE *fopen(const char *path, const char *mode);

static struct slice file;
static bool reading;

/* libFuzzer reads and writes its files with it. */
FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);
	static char nothing[1];

	if (reading)
		return file.len > 0 ? fmemopen((void *)(uintptr_t)file.ptr, file.len, "r") : fmemopen(nothing, 1, "r");
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	return real(path, mode);
}

static const char *const methods[] = { NULL, "str", "beg", "end", "sub", "dir", "dom", "reg", "ip", "int" };

/* ---- the plain way ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool take_line(struct slice *rest, struct slice *key, struct slice *value)
{
	struct slice line;
	size_t end = 0;

	do {
		if (!slice_split(rest, '\n', &line))
			return false;
		while (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.ptr[0] == '#')
			line.len = 0;
		while (line.len > 0 && is_blank(line.ptr[0]))
			line = slice_from(line, 1);
	} while (line.len == 0);
	while (end < line.len && !is_blank(line.ptr[end]))
		end++;
	*key = slice_of(line.ptr, end);
	*value = slice_trim(slice_from(line, end));
	return true;
}

static bool holds(const char *method, struct slice value, struct slice key)
{
	if (!method || strcmp(method, "str") == 0)
		return slice_eq(value, key);
	if (strcmp(method, "beg") == 0)
		return slice_starts(value, key);
	if (strcmp(method, "end") == 0)
		return slice_ends(value, key);
	return value.len > 0 && memmem(value.ptr, value.len, key.ptr, key.len) != NULL;
}

static bool find_plainly(const char *method, struct slice value, struct slice *found)
{
	struct slice rest = file, key, text;
	size_t longest = 0;
	bool any = false;

	while (take_line(&rest, &key, &text)) {
		if (!holds(method, value, key) || (any && (!method || strcmp(method, "beg") != 0 || key.len <= longest)))
			continue;
		*found = text;
		longest = key.len;
		any = true;
	}
	return any;
}

/* ---- both ---- */

static void compare(const struct map *map, const char *method, struct slice value, struct rules_scratch *scratch)
{
	struct sample_value sample = { .type = SAMPLE_STRING, .string = value };
	struct slice found = SLICE(""), expected = SLICE("");
	bool good;

	rules_begin(scratch);
	good = rules_scratch_clear(scratch, 1, 1) && map_find(map, &sample, scratch, &found);
	if (method && strcmp(method, "str") != 0 && strcmp(method, "beg") != 0 && strcmp(method, "end") != 0 &&
	    strcmp(method, "sub") != 0)
		return;
	must(good == find_plainly(method, value, &expected));
	must(!good || slice_eq(found, expected));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules_scratch *scratch;
	struct arena *arena = arena_new();
	struct config *config = arena ? config_new(arena, NULL, 0) : NULL;
	struct config_words words = { .config = config, .arena = arena, .place = { "fuzz.cfg", 1, NULL }, .keyword = "acl" };
	const char *method = size > 0 ? methods[data[0] % COUNT(methods)] : NULL;
	const uint8_t *end;
	struct map *map;

	if (!scratch)
		scratch = rules_scratch_new();
	must(config && scratch);
	size = size > MAX_SIZE ? MAX_SIZE : size;
	data += size > 0;
	size -= size > 0;
	end = size > 0 ? memchr(data, 0xff, size) : NULL;
	file = slice_of(data, end ? (size_t)(end - data) : size);
	reading = true;
	map = map_read(&words, "the.map", method);
	reading = false;
	if (map)
		compare(map, method, end ? slice_of(end + 1, size - file.len - 1) : SLICE(""), scratch);
	else
		must(config_message(config, 0) && strncmp(config_message(config, 0), "fuzz.cfg:1: the.map:", 20) == 0);
	arena_free(arena);
	return 0;
}
