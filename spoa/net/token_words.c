/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `http-token-file`: what a change over HTTP has to bring. The file is read with the configuration, and again with it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

#define SHORTEST 16u /* bytes; of base64 that is 96 bits */
#define LONGEST  256u
#define RIGHTS   0640 /* that others may have at most */

/* Blanks at the end, as editors leave them, are no part of it. ptr NULL: why is set. */
static struct slice token_of(const char *text, size_t length, const char **why)
{
	struct slice token = slice_of(text, length);

	while (token.len > 0 && strchr(" \t\r\n", token.ptr[token.len - 1]))
		token.len--;
	*why = NULL;
	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f)
			*why = "a token is one line of printable characters without blanks";
	if (token.len < SHORTEST)
		*why = "a token has at least 16 characters, as of `openssl rand -base64 24`";
	else if (token.len > LONGEST)
		*why = "a token has at most 256 characters";
	return *why ? slice_of(NULL, 0) : token;
}

static bool take_token(struct config_words *words, struct net_settings *settings, const char *path, int fd)
{
	char text[LONGEST + 64];
	struct slice token;
	struct stat status;
	const char *why;
	ssize_t got;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return config_error(words, "'%s' is no file", path);
	got = read(fd, text, sizeof(text));
	if (got < 0)
		return config_error(words, "cannot read '%s': %s", path, strerror(errno));
	if (status.st_mode & 0777 & ~RIGHTS)
		config_warning(words, "'%s' has mode %04o: whoever may read it may change servers; 0640 will do", path,
			       (unsigned)(status.st_mode & 0777));
	token = token_of(text, (size_t)got, &why);
	if (!token.ptr)
		return config_error(words, "'%s': %s", path, why);
	settings->http_token = arena_slice(words->arena, token);
	return settings->http_token.ptr || config_error(words, "out of memory");
}

bool http_token_parse(struct config_words *words, void *into)
{
	const char *path = config_take_word(words, "a file");
	struct net_settings *settings = into;
	bool good;
	int fd;

	if (!path)
		return false;
	if (settings->http_token.ptr)
		return config_error(words, "there is one already");
	config_note_file(words->config, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return config_error(words, "cannot read '%s': %s", path, strerror(errno));
	good = take_token(words, settings, path, fd);
	close(fd);
	return good;
}

struct slice net_settings_http_token(const struct net_settings *settings)
{
	return settings->http_token;
}
