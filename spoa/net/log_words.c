/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `log` and `log-sample`. */
#include <string.h>
#include <unistd.h>

#include "settings.h"

#define MAX_LOGS      (LOG_MAX_TARGETS - 1) /* -d adds one */
#define SYSLOG_PORT   514u
#define SYSLOG_LENGTH 1024u /* RFC 3164 4.1, HAProxy's default */
#define MIN_LENGTH    80u   /* HAProxy's */
#define MAX_SAMPLE_OF 1000000000u

static bool take_format(struct config_words *words, struct log_target *target)
{
	const char *format;

	if (!config_take_if(words, "format"))
		return true;
	format = config_take_word(words, "a format");
	if (!format)
		return false;
	return log_parse_format(format, &target->format) ||
	       config_error(
		       words,
		       "unknown log format '%s', expected timed, raw, short, logfmt, json, priority, local, rfc3164 or "
		       "rfc5424",
		       format);
}

static bool take_length(struct config_words *words, struct log_target *target)
{
	uint64_t length;

	if (!config_take_if(words, "len"))
		return true;
	if (!config_take_int(words, MIN_LENGTH, LOG_MAX_LENGTH - 1, &length))
		return false;
	target->length = (unsigned)length;
	return true;
}

/* A syslog server: datagrams to a path or an address. */
static bool take_server(struct config_words *words, const char *where, struct log_target *target)
{
	const char *wrong = endpoint_parse(&target->to, where, true, true);

	if (wrong)
		return config_error(words, "'log' expects stdout, stderr, a socket's path or an address, not '%s': %s",
				    where, wrong);
	if (target->to.any.sa_family != AF_UNIX && endpoint_port(&target->to) == 0)
		endpoint_set_port(&target->to, SYSLOG_PORT);
	target->length = SYSLOG_LENGTH;
	target->format = target->to.any.sa_family == AF_UNIX ? LOG_FORMAT_LOCAL : LOG_FORMAT_RFC3164;
	return true;
}

static bool take_where(struct config_words *words, struct log_target *target)
{
	const char *where = config_take_word(words, "stdout, stderr, a socket's path or an address");

	if (!where)
		return false;
	if (strcmp(where, "stdout") == 0)
		target->fd = STDOUT_FILENO;
	else if (strcmp(where, "stderr") == 0)
		target->fd = STDERR_FILENO;
	else
		return take_server(words, where, target);
	return true;
}

static bool take_levels(struct config_words *words, struct log_target *target)
{
	enum log_level *const levels[] = { &target->level, &target->most };

	for (size_t i = 0; i < COUNT(levels) && words->left > 0; i++) {
		const char *word = config_take_word(words, "a level");

		if (!log_parse_level(word, levels[i]))
			return config_error(words, "unknown log level '%s'", word);
	}
	return true;
}

/* log WHERE [len N] [format F] FACILITY [LEVEL [MINLEVEL]] */
bool log_parse(struct config_words *words, void *into)
{
	struct net_settings *settings = into;
	struct log_target target = { .fd = -1, .format = LOG_FORMAT_TIMED, .level = LOG_DEBUG };
	const char *word;

	if (!take_where(words, &target) || !take_length(words, &target) || !take_format(words, &target))
		return false;
	word = config_take_word(words, "a facility such as daemon or local0");
	if (!word)
		return false;
	if (!log_parse_facility(word, &target.facility))
		return config_error(words, "unknown log facility '%s'", word);
	if (!take_levels(words, &target))
		return false;
	if (settings->log.n == MAX_LOGS)
		return config_error(words, "at most %u 'log' lines", MAX_LOGS);
	if (!settings->log_given) /* the first line takes the place of the default */
		settings->log.n = 0;
	settings->log_given = true;
	settings->log.targets[settings->log.n++] = target;
	return true;
}

bool log_sample_parse(struct config_words *words, void *into)
{
	uint64_t of;

	if (!config_take_int(words, 1, MAX_SAMPLE_OF, &of))
		return false;
	((struct net_settings *)into)->log.sample = (unsigned)of;
	return true;
}
