/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line into words: HAProxy's configuration manual, sections 2.2 and 2.3. */
#ifndef SPOA_CONFIG_LEXER_H
#define SPOA_CONFIG_LEXER_H

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/slice.h"

struct lexer_words {
	char **word;
	size_t n;
	struct slice *raw; /* each as it is written, quotes and escapes included; the line's bytes */
	size_t n_raw;      /* n */
};

/*
 * Splits a line (without its end) into words, quotes and escapes taken away, environment variables of
 * double quotes filled in. False: *why says what is wrong, from position *at (0 is the first byte) on.
 */
bool lexer_split(struct arena *arena, struct slice line, struct lexer_words *words, const char **why, size_t *at);

#endif
