/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Converters behind a sample, "path,lower,field(2,/)": HAProxy's configuration manual, 7.3.1. */
#ifndef SPOA_RULES_CONVERT_H
#define SPOA_RULES_CONVERT_H

#include "sample.h"

/* A chain, the first of it first. */
struct converter;

/* text: ",name(arguments),…"; *type: what goes in, then what comes out. False: reported. */
bool converters_parse(struct config_words *words, struct slice text, enum sample_type *type,
		      const struct converter **first);

/* Whether both chains do the same. */
bool converters_same(const struct converter *a, const struct converter *b);

/* False: the value cannot be converted, as if there were none. Its bytes then lie in scratch until the next value. */
bool converters_apply(const struct converter *first, struct sample_value *value, struct rules_scratch *scratch);

#endif
