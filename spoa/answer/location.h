/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Location: a server's prefix from the configuration, then the request's path and query with every byte that RFC
 * 3986 does not allow there percent-encoded. So scheme and authority can only come from the configuration.
 */
#ifndef SPOA_ANSWER_LOCATION_H
#define SPOA_ANSWER_LOCATION_H

#include "spoa-redirect/base/slice.h"
#include "spop.h"

#define LOCATION_MAX_PATH 8192u

/* A path that a Location can be made of: "/" first, at most LOCATION_MAX_PATH bytes, no NUL, CR or LF in path or query. */
bool location_valid(struct slice path, struct slice query);

size_t location_length(struct slice prefix, struct slice path, struct slice query);

/* Appends exactly location_length() bytes. */
void location_put(struct spop_writer *writer, struct slice prefix, struct slice path, struct slice query);

#endif
