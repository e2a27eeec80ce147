/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `top` hears from the other end of a socket, one answer after the other (a form feed stands between two), and the keys
 * of a terminal.
 * - No byte of it gets to the terminal but printable ones: there are no escape sequences but our own.
 * - No line is wider than the screen.
 * - Keys are taken one after the other until none is left.
 */
#include <stdlib.h>
#include <string.h>

#include "spoa/cli/top.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COLUMNS 100u

/* Not assert(): it must stay in every build. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Ours: to the corner, to the end, and how letters look. */
static size_t escape_length(const char *text)
{
	if (text[1] == '[' && text[2] && strchr("HKJ", text[2]))
		return 3;
	must(text[1] == '[' && text[2] && strchr("017", text[2]) && text[3] == 'm');
	return 4;
}

static void check_screen(struct top_view *view, unsigned rows)
{
	char *text = NULL;
	size_t length = 0, width = 0;
	FILE *out = open_memstream(&text, &length);

	must(out != NULL);
	top_view_draw(view, out, rows, COLUMNS, false);
	fclose(out);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == 033) {
			must(rows > 0);
			i += escape_length(text + i) - 1;
			continue;
		}
		must((c >= ' ' && c < 0x7f) || c == '\n' || c == '\r');
		width = c == '\n' || c == '\r' ? 0 : width + 1;
		must(width <= COLUMNS);
	}
	free(text);
}

static void press(struct top_view *view, struct slice in)
{
	int key;

	for (size_t left = in.len; (key = top_take_key(&in)) >= 0; left = in.len) {
		const char *command;

		must(in.len < left);
		top_view_key(view, key, 20);
		command = top_view_command(view);
		must(!command || (strncmp(command, "set server ", 11) == 0 && !strpbrk(command, ";\n\033")));
		if (command)
			top_view_answer(view, in);
	}
	must(in.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct top_view *view = top_view_new();
	struct slice rest = slice_of(data, size);
	double now = 1;

	must(view != NULL);
	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.ptr, '\f', rest.len);
		struct slice answer = slice_of(rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len);

		if (!top_view_take(view, answer, now++))
			press(view, answer);
		check_screen(view, 20);
		rest = slice_from(rest, answer.len + (end ? 1 : 0));
	}
	check_screen(view, 0);
	top_view_free(view);
	return 0;
}
