/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HAProxy's map files: lines of a pattern and the value that stands for it, looked up by any way of matching. */
#ifndef SPOA_RULES_MAP_H
#define SPOA_RULES_MAP_H

#include "index.h"

struct map;

/*
 * Reads a file. method: NULL for str, else what stands behind "map_". Of several lines that match, `beg` takes the longest,
 * `ip` the narrowest network, all others the first. NULL: reported, with the file and its line.
 */
struct map *map_read(struct config_words *words, const char *path, const char *method);

/* The type that a value has to be cast to. */
enum sample_type map_type(const struct map *map);

/* False: nothing matches. *found stays the map's. */
bool map_find(const struct map *map, struct sample_value *value, struct rules_scratch *scratch, struct slice *found);

#endif
