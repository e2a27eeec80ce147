/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lines that listen have in common: an address, and the rights of a UNIX socket. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

#define MOST_ROWS 16u

bool listening_take_address(struct config_words *words, struct listening *where)
{
	const char *address = config_take_word(words, "an address"), *wrong;

	*where = (struct listening){ .user = (uid_t)-1, .group = (gid_t)-1 };
	if (!address)
		return false;
	wrong = endpoint_parse(&where->endpoint, address, true, false);
	return !wrong || config_error(words, "'%s': %s", address, wrong);
}

static bool parse_mode(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "a mode such as 660");
	unsigned long mode;
	char *end;

	if (!word)
		return false;
	mode = strtoul(word, &end, 8);
	if (*end || end == word || mode == 0 || mode > 0777)
		return config_error(words, "'mode' expects an octal number such as 660, not '%s'", word);
	((struct listening *)into)->mode = (mode_t)mode;
	return true;
}

/* NULL after an error, as the next. */
static const struct passwd *take_user(struct config_words *words)
{
	const char *word = config_take_word(words, "a user's name");
	const struct passwd *user = word ? getpwnam(word) : NULL;

	if (word && !user)
		config_error(words, "no user '%s' on this system", word);
	return user;
}

static const struct group *take_group(struct config_words *words)
{
	const char *word = config_take_word(words, "a group's name");
	const struct group *group = word ? getgrnam(word) : NULL;

	if (word && !group)
		config_error(words, "no group '%s' on this system", word);
	return group;
}

static bool parse_user(struct config_words *words, void *into)
{
	const struct passwd *user = take_user(words);

	if (user)
		((struct listening *)into)->user = user->pw_uid;
	return user != NULL;
}

static bool parse_group(struct config_words *words, void *into)
{
	const struct group *group = take_group(words);

	if (group)
		((struct listening *)into)->group = group->gr_gid;
	return group != NULL;
}

/* Who is nobody's group in particular would stay in root's: so it is the user's own. */
bool identity_parse_user(struct config_words *words, void *into)
{
	struct identity *identity = &((struct net_settings *)into)->identity;
	const struct passwd *user = take_user(words);

	if (!user)
		return false;
	identity->user = arena_string(words->arena, user->pw_name);
	identity->uid = user->pw_uid;
	if (!identity->group)
		identity->gid = user->pw_gid;
	identity->place = words->place;
	return true;
}

bool identity_parse_group(struct config_words *words, void *into)
{
	struct identity *identity = &((struct net_settings *)into)->identity;
	const struct group *group = take_group(words);

	if (!group)
		return false;
	identity->group = arena_string(words->arena, group->gr_name);
	identity->gid = group->gr_gid;
	identity->place = words->place;
	return true;
}

bool identity_same(const struct net_settings *a, const struct net_settings *b)
{
	const struct identity *x = &a->identity, *y = &b->identity;

	return !x->user == !y->user && !x->group == !y->group && x->uid == y->uid && x->gid == y->gid;
}

static const struct config_keyword rights[] = {
	{ CONFIG_FRONTEND, "group", parse_group, "<group>", "a UNIX socket's group" },
	{ CONFIG_FRONTEND, "mode", parse_mode, "<mode>", "a UNIX socket's permissions, octal" },
	{ CONFIG_FRONTEND, "user", parse_user, "<user>", "a UNIX socket's owner" },
};

const struct config_keyword *listening_take_keyword(struct config_words *words, const struct config_keyword *more,
						    size_t n)
{
	struct config_keyword rows[MOST_ROWS];
	const struct config_keyword *row;

	memcpy(rows, rights, sizeof(rights));
	memcpy(rows + COUNT(rights), more, n * sizeof(*more));
	row = config_take_keyword(words, rows, COUNT(rights) + n, CONFIG_FRONTEND);
	if (!row)
		return NULL;
	return row - rows < (ptrdiff_t)COUNT(rights) ? &rights[row - rows]
						     : &more[row - rows - (ptrdiff_t)COUNT(rights)];
}

bool listening_is_sane(const struct config_words *words, const struct listening *where)
{
	if (where->endpoint.any.sa_family == AF_UNIX)
		return true;
	if (!where->mode && where->user == (uid_t)-1 && where->group == (gid_t)-1)
		return true;
	return config_error(words, "'mode', 'user' and 'group' are for UNIX sockets");
}
