/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text read by a room of the test's own, which notes what it is told. */
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spoa-redirect/config.h"

struct reading {
	struct arena *arena;
	struct config *config;
	struct config_room room;
	char heard[4000]; /* what the room was told, one item behind the other */
};

static inline void hear(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void hear(struct reading *reading, const char *format, ...)
{
	size_t used = strlen(reading->heard);
	va_list args;

	va_start(args, format);
	vsnprintf(reading->heard + used, sizeof(reading->heard) - used, format, args);
	va_end(args);
}

static inline void reading_open(struct reading *reading, const struct config_keyword *keywords, size_t n,
				bool (*begin)(struct config_words *words, const char *name, void *into))
{
	*reading = (struct reading){ .arena = arena_new() };
	reading->room = (struct config_room){ keywords, n, begin, reading };
	reading->config = config_new(reading->arena, &reading->room, 1);
	assert_non_null(reading->config);
}

static inline void reading_close(struct reading *reading)
{
	arena_free(reading->arena);
}

/* All messages, in their order. */
static inline void expect_messages(const struct reading *reading, const char *const *messages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_non_null(config_message(reading->config, i));
		assert_string_equal(config_message(reading->config, i), messages[i]);
	}
	if (config_message(reading->config, n))
		fail_msg("and: %s", config_message(reading->config, n));
}

#endif
