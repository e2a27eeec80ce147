/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "foreign.h"
#include "spoa-redirect/base/units.h"
#include "spoa-redirect/config.h"

#define MAX_NAMES 256u
#define MAX_NAME  255u

const char *config_take_word(struct config_words *words, const char *what)
{
	if (words->left == 0) {
		config_error(words, "'%s' expects %s", words->keyword, what);
		return NULL;
	}
	words->left--;
	return *words->word++;
}

bool config_take_if(struct config_words *words, const char *word)
{
	if (words->left == 0 || strcmp(*words->word, word) != 0)
		return false;
	words->left--;
	words->word++;
	return true;
}

bool config_take_int(struct config_words *words, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *word = config_take_word(words, "a number");

	if (!word)
		return false;
	if (slice_to_natural(slice_of_string(word), max, number) && *number >= min)
		return true;
	return config_error(words, "'%s' expects a number from %llu to %llu, not '%s'", words->keyword,
			    (unsigned long long)min, (unsigned long long)max, word);
}

static bool is_unit(const char *word)
{
	static const char *const units[] = { "us", "ms", "s", "m", "h", "d" };

	for (size_t i = 0; i < COUNT(units); i++)
		if (strcmp(word, units[i]) == 0)
			return true;
	return false;
}

bool config_take_time(struct config_words *words, double min, double *seconds)
{
	const char *word = config_take_word(words, "a time");

	if (!word)
		return false;
	if (words->left > 0 && is_unit(*words->word))
		return config_error(words, "'%s': no blank between number and unit: '%s%s'", words->keyword, word,
				    *words->word);
	if (!units_parse_time(slice_of_string(word), seconds))
		return config_error(words, "'%s' expects a time such as 500ms, 2s or 1m (at most 24 days), not '%s'",
				    words->keyword, word);
	if (*seconds >= min)
		return true;
	return config_error(words, "'%s' expects at least %.0fms, not '%s'", words->keyword, min * 1000, word);
}

const char *config_left_words(const struct config_words *words)
{
	char text[300] = "";
	size_t used = 0;

	for (size_t i = 0; i < words->left; i++) {
		size_t length = strlen(words->word[i]);

		if (used + length + 1 > sizeof(text) - 6) {
			memcpy(text + used, " …", 5);
			break;
		}
		if (used > 0)
			text[used++] = ' ';
		memcpy(text + used, words->word[i], length + 1);
		used += length;
	}
	return arena_string(words->arena, text);
}

bool config_take_end(const struct config_words *words)
{
	if (words->left == 0)
		return true;
	return config_error(words, "unexpected word '%s' after '%s'", *words->word, words->keyword);
}

static const struct config_keyword *find(const struct config_keyword *keywords, size_t n, enum config_section section,
					 const char *name)
{
	for (size_t i = 0; i < n; i++)
		if ((keywords[i].sections & section) && strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

static bool unknown(const struct config_words *words, const struct config_keyword *keywords, size_t n,
		    enum config_section section, const char *word)
{
	const char *names[MAX_NAMES] = { NULL };
	size_t known = 0;

	if (foreign_knows(section, word)) {
		if (!*words->keyword) /* the line's own: parameters are copied one by one, too */
			config_note_foreign(words);
		return config_error(words, "'%s' is a keyword of HAProxy's that spoa-redirect does not support", word);
	}
	for (size_t i = 0; i < n && known < MAX_NAMES; i++)
		if (keywords[i].sections & section)
			names[known++] = keywords[i].name;
	return config_error(words, "unknown keyword '%s'%s", word,
			    config_did_you_mean(words->arena, word, names, known));
}

const struct config_keyword *config_take_keyword(struct config_words *words, const struct config_keyword *keywords,
						 size_t n, enum config_section section)
{
	const char *word = config_take_word(words, "a keyword");
	const struct config_keyword *keyword;

	if (!word)
		return NULL;
	keyword = find(keywords, n, section, word);
	if (!keyword) {
		unknown(words, keywords, n, section, word);
		return NULL;
	}
	if (!keyword->parse) {
		config_error(words, "'%s' is not yet supported", word);
		return NULL;
	}
	words->keyword = keyword->name;
	return keyword;
}

bool config_name_valid(const char *name)
{
	static const char others[] = "-_.:";

	if (!*name || strlen(name) > MAX_NAME)
		return false;
	for (; *name; name++) {
		bool alphanumeric = (*name >= '0' && *name <= '9') || (*name >= 'a' && *name <= 'z') ||
				    (*name >= 'A' && *name <= 'Z');

		if (!alphanumeric && !strchr(others, *name))
			return false;
	}
	return true;
}
