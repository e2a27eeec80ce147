/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text with samples in it, "be_%[path,field(2,/)]": the names of backends that a request tells. */
#ifndef SPOA_RULES_FORMAT_H
#define SPOA_RULES_FORMAT_H

#include "sample.h"

struct format;

/* As format_parse(), with %[srv_redir], %[srv_name] and %[be_name] beside samples. */
const struct format *format_parse_location(struct config_words *words, const char *text, struct request_names *names,
					   uint64_t *needs);

/* Part by part. False: one was not taken. */
bool format_visit(const struct format *format, struct request *request, struct rules_scratch *scratch,
		  location_put_part *put, void *into);

#define FORMAT_MOST 255u /* bytes of what comes out */

/* Whether there is a sample in the text. */
bool format_is_one(const char *text);

/* *needs gets the bits of the slots that it reads. NULL: reported. */
const struct format *format_parse(struct config_words *words, const char *text, struct request_names *names,
				  uint64_t *needs);

/* A sample without a value is an empty text, as in HAProxy. ptr NULL: longer than FORMAT_MOST. */
struct slice format_write(const struct format *format, struct request *request, struct rules_scratch *scratch,
			  uint8_t room[FORMAT_MOST]);

#endif
