/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SHORTEST_KEY 16u

struct load_settings *load_settings_new(struct arena *arena)
{
	return arena_alloc(arena, sizeof(struct load_settings));
}

/* ---- load-bind ---- */

static bool parse_bind(struct config_words *words, void *into)
{
	static const struct {
		struct slice prefix;
		const char *family;
	} kinds[] = { { SLICE("udp@"), "" }, { SLICE("udp4@"), "ipv4@" }, { SLICE("udp6@"), "ipv6@" } };
	struct load_settings *settings = into;
	const char *word = config_take_word(words, "an address such as udp@10.0.0.1:9002"), *address = NULL, *wrong;
	struct load_bind bind = { .place = words->place };

	for (size_t i = 0; word && i < COUNT(kinds); i++)
		if (slice_starts(slice_of_string(word), kinds[i].prefix))
			address = arena_printf(words->arena, "%s%s", kinds[i].family, word + kinds[i].prefix.len);
	if (!word)
		return false;
	if (!address)
		return config_error(words, "'%s': an address for datagrams begins with 'udp@'", word);
	wrong = endpoint_parse(&bind.endpoint, address, false, false);
	if (wrong)
		return config_error(words, "'%s': %s", word, wrong);
	for (size_t i = 0; i < settings->n_binds; i++)
		if (endpoint_equal(&settings->binds[i].endpoint, &bind.endpoint))
			return config_error(words, "'%s' is already there at line %u", word,
					    settings->binds[i].place.line);
	if (settings->n_binds == LOAD_BINDS)
		return config_error(words, "there may be %u of these lines", LOAD_BINDS);
	settings->binds[settings->n_binds++] = bind;
	return true;
}

/* ---- load-key-file ---- */

static bool take_key(struct config_words *words, struct load_settings *settings, const char *path, struct slice key)
{
	if (key.len < SHORTEST_KEY)
		return config_error(words, "'%s': a key has at least %u bytes", path, SHORTEST_KEY);
	if (settings->n_keys == SIGNATURE_KEYS)
		return config_error(words, "'%s': there may be %u keys", path, SIGNATURE_KEYS);
	settings->keys[settings->n_keys] = arena_slice(words->arena, key);
	return settings->keys[settings->n_keys++].ptr != NULL || config_error(words, "out of memory");
}

static bool read_keys(struct config_words *words, struct load_settings *settings, const char *path, FILE *file)
{
	struct stat status;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool good = true;

	if (fstat(fileno(file), &status) == 0 && status.st_mode & S_IROTH)
		config_warning(words, "'%s' can be read by everybody, and with it datagrams be signed", path);
	while (good && (length = getline(&line, &room, file)) >= 0) {
		struct slice key = slice_trim(slice_of(line, (size_t)length));

		while (key.len > 0 && (key.ptr[key.len - 1] == '\n' || key.ptr[key.len - 1] == '\r'))
			key.len--;
		if (key.len > 0 && key.ptr[0] != '#')
			good = take_key(words, settings, path, slice_trim(key));
	}
	free(line);
	return good && (settings->n_keys > 0 || config_error(words, "'%s' has no key", path));
}

static bool parse_key_file(struct config_words *words, void *into)
{
	struct load_settings *settings = into;
	const char *path = config_take_word(words, "a file");
	FILE *file;
	bool good;

	if (!path)
		return false;
	file = fopen(path, "re");
	if (!file)
		return config_error(words, "cannot read '%s': %s", path, strerror(errno));
	config_note_file(words->config, path);
	settings->n_keys = 0;
	good = read_keys(words, settings, path, file);
	fclose(file);
	return good;
}

static const struct config_keyword keywords[] = {
	{ CONFIG_GLOBAL, "load-bind", parse_bind, "udp@<address>:<port>",
	  "where signed reports of load are taken, a datagram each" },
	{ CONFIG_GLOBAL, "load-key-file", parse_key_file, "<file>",
	  "the keys that they may be signed with, a line each" },
};

struct config_room load_room(struct load_settings *settings)
{
	return (struct config_room){ keywords, COUNT(keywords), NULL, settings };
}

void load_settings_finish(const struct load_settings *settings, struct config *config)
{
	if (settings->n_binds > 0 && settings->n_keys == 0)
		config_say_at(config, CONFIG_ERROR, settings->binds[0].place,
			      "'load-bind' needs a 'load-key-file': reports that nobody signed are not taken");
}
