/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock, where the kernel has it: from the start on, files can be read, written and made only where the configuration
 * says that there are some, and none can be executed. It binds the thread that asks for it and those that it starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spoa-redirect/site.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define FIRST_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* what the first version knows */

/* What somebody does below a directory. */
enum use { READS, MAKES_SOCKETS, MAKES_FILES, USES };

static const uint64_t rights[USES] = {
	[READS] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	[MAKES_SOCKETS] = LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE,
	[MAKES_FILES] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE,
};

/* What libc reads when names are looked up, and the state of our own process. */
static const char *const always[] = { "/etc", "/usr", "/lib", "/lib64", "/proc" };

struct allowed {
	char *directory; /* without symbolic links; of malloc() */
	enum use use;
};

struct confinement {
	struct allowed *allowed;
	size_t n;
	bool in_force;
};

/* ---- directories ---- */

/* Of a path to something that may not be there yet; the caller frees. NULL: not even the directory is there. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	char *real = parent ? realpath(parent, NULL) : NULL;

	free(parent);
	return real;
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && (path[length] == 0 || path[length] == '/' || length == 1);
}

static bool is_allowed(const struct confinement *confinement, const char *directory, enum use use)
{
	for (size_t i = 0; i < confinement->n; i++)
		if (confinement->allowed[i].use == use && is_below(directory, confinement->allowed[i].directory))
			return true;
	return false;
}

/* directory: of malloc(), ours from now on. */
static bool allow(struct confinement *confinement, char *directory, enum use use)
{
	struct allowed *bigger;

	if (!directory || is_allowed(confinement, directory, use)) {
		free(directory);
		return true;
	}
	bigger = realloc(confinement->allowed, (confinement->n + 1) * sizeof(*bigger));
	if (!bigger) {
		free(directory);
		return false;
	}
	confinement->allowed = bigger;
	bigger[confinement->n++] = (struct allowed){ directory, use };
	return true;
}

/* ---- what a configuration uses ---- */

typedef bool path_look(struct confinement *confinement, const char *path, enum use use);

/* NULL: none. */
static const char *path_of(const struct endpoint *endpoint)
{
	bool has = endpoint->any.sa_family == AF_UNIX && *endpoint->unix_path.sun_path;

	return has ? endpoint->unix_path.sun_path : NULL;
}

/* Ends at the first that look() does not like: its path, else NULL. Where people look in is not moved by a reload. */
static const char *visit_paths(struct confinement *confinement, const struct site *site, path_look *look)
{
	const char *path = net_settings_state_file(site->settings);
	const struct endpoint *endpoint;

	if (path && !look(confinement, path, MAKES_FILES))
		return path;
	for (size_t i = 0; (path = config_file(site->config, i)); i++)
		if (!look(confinement, path, READS))
			return path;
	for (size_t i = 0; (endpoint = net_settings_bind(site->settings, i)); i++) {
		path = path_of(endpoint);
		if (path && !look(confinement, path, MAKES_SOCKETS))
			return path;
	}
	return NULL;
}

/* A file that is read may be a symbolic link into another directory. */
static bool allow_path(struct confinement *confinement, const char *path, enum use use)
{
	char *real = use == READS ? realpath(path, NULL) : NULL;
	bool good = allow(confinement, directory_of(path), use);

	if (real)
		good &= allow(confinement, directory_of(real), use);
	free(real);
	return good;
}

static bool has_path(struct confinement *confinement, const char *path, enum use use)
{
	char *directory = directory_of(path), *real = use == READS ? realpath(path, NULL) : NULL;
	bool good = (!directory || is_allowed(confinement, directory, use)) &&
		    (!real || is_allowed(confinement, real, use));

	free(directory);
	free(real);
	return good;
}

/* ---- the kernel's side ---- */

static int make_ruleset(uint64_t *known)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attributes = { .handled_access_fs = FIRST_RIGHTS };

	if (version < 1)
		return -1;
	if (version >= 3)
		attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	*known = attributes.handled_access_fs;
	return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
}

static bool add_rule(int ruleset, const struct allowed *allowed, uint64_t known)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights[allowed->use] & known };
	bool good;

	rule.parent_fd = open(allowed->directory, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return false;
	good = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent_fd);
	return good;
}

static bool restrict_self(const struct confinement *confinement, int ruleset, uint64_t known, const struct log *log)
{
	for (size_t i = 0; i < confinement->n; i++)
		if (!add_rule(ruleset, &confinement->allowed[i], known))
			log_line(log, LOG_WARNING, "Landlock: cannot allow '%s': %s", confinement->allowed[i].directory,
				 strerror(errno));
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

/* ---- the beginning and the end ---- */

static bool allow_doors(struct confinement *confinement, const struct net_settings *settings)
{
	const struct stats_socket *door = net_settings_http(settings);
	const char *path = door ? path_of(&door->where.endpoint) : NULL;
	bool good = !path || allow_path(confinement, path, MAKES_SOCKETS);

	for (size_t i = 0; good && (door = net_settings_stats(settings, i)); i++) {
		path = path_of(&door->where.endpoint);
		good = !path || allow_path(confinement, path, MAKES_SOCKETS);
	}
	return good;
}

struct confinement *confinement_new(const struct site *site)
{
	struct confinement *confinement = calloc(1, sizeof(*confinement));
	bool good = confinement != NULL;

	for (size_t i = 0; good && i < COUNT(always); i++)
		good = allow(confinement, realpath(always[i], NULL), READS);
	/* where a service of its own makes it, it is a link */
	good = good && allow_path(confinement, "/etc/resolv.conf", READS) &&
	       !visit_paths(confinement, site, allow_path) && allow_doors(confinement, site->settings);
	if (good)
		return confinement;
	confinement_free(confinement);
	return NULL;
}

void confinement_enter(struct confinement *confinement, const struct log *log)
{
	uint64_t known = 0;
	int ruleset = make_ruleset(&known);

	if (ruleset < 0) {
		log_line(log, LOG_DEBUG, "The kernel has no Landlock: %s.", strerror(errno));
		return;
	}
	confinement->in_force = restrict_self(confinement, ruleset, known, log);
	if (!confinement->in_force)
		log_line(log, LOG_WARNING, "Landlock: cannot confine the agent: %s", strerror(errno));
	close(ruleset);
}

const char *confinement_lacks(struct confinement *confinement, const struct site *site)
{
	return confinement->in_force ? visit_paths(confinement, site, has_path) : NULL;
}

void confinement_free(struct confinement *confinement)
{
	if (!confinement)
		return;
	for (size_t i = 0; i < confinement->n; i++)
		free(confinement->allowed[i].directory);
	free(confinement->allowed);
	free(confinement);
}
