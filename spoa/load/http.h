/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An answer of HTTP/1 as far as polls and checks need it: RFC 9112. Pure functions of bytes. */
#ifndef SPOA_LOAD_HTTP_H
#define SPOA_LOAD_HTTP_H

#include "spoa-redirect/base/slice.h"

#define HTTP_MOST_HEAD 16384u /* bytes of the status line and headers */

enum http_read { HTTP_MORE, HTTP_WHOLE, HTTP_INVALID };

struct http_answer {
	unsigned code;
	struct slice head; /* the header lines, each with its end */
	struct slice body; /* as it came; of chunks with their sizes */
	bool chunked;
	bool keeps; /* another question may follow on this connection */
};

/*
 * All that was heard since the question. closed: nothing more will come. bodiless: the answer to a HEAD.
 * Interim answers (1xx) are passed over. The answer is filled in as far as it is known.
 */
enum http_read http_read(struct slice bytes, bool closed, bool bodiless, struct http_answer *answer);

/* The code of a status line that begins here, 0: there is none. */
unsigned http_status_code(struct slice bytes);

/* The first header of that name, without blanks around; in any case. */
bool http_header(const struct http_answer *answer, struct slice name, struct slice *value);

/* The body as it was meant: chunks are put together in `room`, which has answer->body.len bytes and may be where it lies. */
struct slice http_body(const struct http_answer *answer, uint8_t *room);

#endif
