/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the keys of a terminal are, and which commands of the runtime API they stand for: hatop's, and a letter for each state. */
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define MOST_WEIGHT 256

static const struct {
	const char *bytes;
	int key;
} sequences[] = {
	{ "\033[A", TOP_UP },       { "\033[B", TOP_DOWN },       { "\033OA", TOP_UP },   { "\033OB", TOP_DOWN },
	{ "\033[5~", TOP_PAGE_UP }, { "\033[6~", TOP_PAGE_DOWN }, { "\033[H", TOP_HOME }, { "\033[F", TOP_END },
	{ "\033[1~", TOP_HOME },    { "\033[4~", TOP_END },       { "k", TOP_UP },        { "j", TOP_DOWN },
	{ " ", TOP_PAGE_DOWN },     { "b", TOP_PAGE_UP },         { "\033OS", TOP_F4 },   { "\033[14~", TOP_F4 },
	{ "\033[[D", TOP_F4 },      { "\033[15~", TOP_F5 },       { "\033[[E", TOP_F5 },  { "\033[17~", TOP_F6 },
	{ "\033[18~", TOP_F7 },     { "\033[19~", TOP_F8 },       { "\033[20~", TOP_F9 }, { "\033[21~", TOP_F10 },
};

int top_take_key(struct slice *in)
{
	int byte;

	for (size_t i = 0; i < COUNT(sequences); i++) {
		struct slice bytes = slice_of_string(sequences[i].bytes);

		if (!slice_starts(*in, bytes))
			continue;
		*in = slice_from(*in, bytes.len);
		return sequences[i].key;
	}
	if (in->len == 0)
		return -1;
	byte = in->ptr[0];
	*in = slice_from(*in, 1);
	return byte;
}

/* What stands behind "set server BACKEND/SERVER"; NULL: a weight, so much more than it is. */
static const struct {
	int key;
	const char *words;
	int more;
} actions[] = {
	{ 'd', "state drain", 0 },     { 'm', "state maint", 0 },    { 'r', "state ready", 0 },
	{ TOP_F10, "state maint", 0 }, { TOP_F9, "state ready", 0 }, { TOP_F4, "weight 100%", 0 },
	{ TOP_F5, NULL, -10 },         { TOP_F6, NULL, -1 },         { TOP_F7, NULL, 1 },
	{ TOP_F8, NULL, 10 },
};

/* What HAProxy lets a name be made of: nothing that could end a command and begin another. */
static bool is_name(const char *text)
{
	static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";

	return *text && text[strspn(text, letters)] == 0;
}

static long bounded(long weight)
{
	return weight < 0 ? 0 : weight > MOST_WEIGHT ? MOST_WEIGHT : weight;
}

bool top_command(char *text, size_t size, int key, const char *backend, const char *server, const char *weight)
{
	char *end;
	long now = strtol(weight, &end, 10);
	int length = -1;

	for (size_t i = 0; i < COUNT(actions); i++) {
		if (actions[i].key != key || !is_name(backend) || !is_name(server))
			continue;
		if (actions[i].words)
			length = snprintf(text, size, "set server %s/%s %s", backend, server, actions[i].words);
		else if (end != weight && !*end)
			length = snprintf(text, size, "set server %s/%s weight %ld", backend, server,
					  bounded(bounded(now) + actions[i].more));
	}
	return length > 0 && (size_t)length < size;
}
