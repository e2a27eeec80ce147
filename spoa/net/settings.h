/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsers that several files of settings share. */
#ifndef SPOA_NET_SETTINGS_H
#define SPOA_NET_SETTINGS_H

#include "net.h"

/* The address at a line's beginning; the rights are those of nobody in particular. */
bool listening_take_address(struct config_words *words, struct listening *where);

/* The row of the next word: mode, user or group, which parse into a struct listening, or one of the line's own. */
const struct config_keyword *listening_take_keyword(struct config_words *words, const struct config_keyword *more,
						    size_t n);

/* Rows of `global`. */
bool log_parse(struct config_words *words, void *into);
bool log_sample_parse(struct config_words *words, void *into);
bool stats_parse(struct config_words *words, void *into);
bool http_parse(struct config_words *words, void *into);
bool http_token_parse(struct config_words *words, void *into);

bool identity_parse_user(struct config_words *words, void *into);
bool identity_parse_group(struct config_words *words, void *into);

/* Whether both say the same of who to be. */
bool identity_same(const struct net_settings *a, const struct net_settings *b);

/* Whether both say the same of where people look in. */
bool stats_same(const struct net_settings *a, const struct net_settings *b);
bool http_same(const struct net_settings *a, const struct net_settings *b);

/* Rights are for files. */
bool listening_is_sane(const struct config_words *words, const struct listening *where);

#endif
