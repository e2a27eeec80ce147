/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Location: a server's prefix from the configuration, then the request's path and query with every byte that RFC
 * 3986 does not allow there percent-encoded. So scheme and authority can only come from the configuration.
 */
#ifndef SPOA_ANSWER_LOCATION_H
#define SPOA_ANSWER_LOCATION_H

#include "spoa-redirect/answer.h"

#define LOCATION_MAX_PATH 8192u

/*
 * False: no Location can be made of them; the path has to begin with "/" and be of at most LOCATION_MAX_PATH bytes, and
 * neither may hold NUL, CR or LF. What *location points at are the caller's bytes.
 */
bool location_take(struct location *location, struct slice path, struct slice query);

size_t location_length(const struct location *location, struct slice prefix);

/* Appends exactly location_length() bytes. */
void location_put(struct spop_writer *writer, const struct location *location, struct slice prefix);

/* A value that comes of the request, as part of a Location. False: it has NUL, CR or LF. */
bool location_put_value(struct spop_writer *writer, struct slice value);

#endif
