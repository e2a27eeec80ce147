/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From root to who `user` and `group` say, for good. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spoa-redirect/site.h"

static bool is_asked_for(const struct identity *identity)
{
	return identity->user || identity->group;
}

/* Who is not root can be nobody else; who runs the agent should know that. */
static void warn(const struct log *log, const struct identity *identity)
{
	if ((!identity->user || identity->uid == geteuid()) && identity->gid == getegid())
		return;
	log_line(log, LOG_WARNING, "%s:%u: 'user' and 'group' are ignored: the agent was not started as root.",
		 identity->place.file, identity->place.line);
}

static bool fail(const struct identity *identity, const char *what, const char *name, char *why, size_t size)
{
	snprintf(why, size, "%s:%u: cannot become %s '%s': %s", identity->place.file, identity->place.line, what, name,
		 strerror(errno));
	return false;
}

static const char *group_name(const struct identity *identity)
{
	return identity->group ? identity->group : identity->user;
}

bool privileges_try(const struct net_settings *settings, char *why, size_t size)
{
	const struct identity *identity = net_settings_identity(settings);
	bool good = true;

	if (!is_asked_for(identity) || geteuid() != 0)
		return true;
	if (setegid(identity->gid) < 0)
		return fail(identity, "group", group_name(identity), why, size);
	if (identity->user && seteuid(identity->uid) < 0)
		good = fail(identity, "user", identity->user, why, size);
	if ((seteuid(0) < 0 || setegid(getgid()) < 0) && good)
		good = fail(identity, "user", "root", why, size);
	return good;
}

/* What root could read for the start, somebody else may not for a reload: better known now. */
static void warn_of_files(const struct site *site, const struct log *log)
{
	const char *file;

	for (size_t i = 0; (file = config_file(site->config, i)); i++)
		if (access(file, R_OK) < 0)
			log_line(log, LOG_WARNING, "A reload will fail, user and group may not read '%s': %s.", file,
				 strerror(errno));
}

bool privileges_drop(struct running *running, char *why, size_t size)
{
	const struct identity *identity = net_settings_identity(running->site.settings);
	const struct log *log = net_settings_log(running->site.settings);

	if (!is_asked_for(identity))
		return true;
	if (geteuid() != 0) {
		warn(log, identity);
		return true;
	}
	if (getgroups(0, NULL) > 0 && setgroups(0, NULL) < 0)
		log_line(log, LOG_WARNING, "cannot leave the supplementary groups: %s", strerror(errno));
	if (setgid(identity->gid) < 0)
		return fail(identity, "group", group_name(identity), why, size);
	if (identity->user && setuid(identity->uid) < 0)
		return fail(identity, "user", identity->user, why, size);
	running->dropped = geteuid() != 0;
	warn_of_files(&running->site, log);
	return true;
}
