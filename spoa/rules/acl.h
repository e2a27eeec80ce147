/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named and anonymous acls, and the conditions made of them: HAProxy's configuration manual, section 7.2. */
#ifndef SPOA_RULES_ACL_H
#define SPOA_RULES_ACL_H

#include "pattern.h"

struct acl;

/* The acls of one frontend, in the order of their lines. */
struct acls {
	struct acl **acl;
	size_t n;
	struct request_names *names;
	uint64_t needs;
};

struct condition;

/* "<name> <sample> [flags] <pattern>…": a new acl, or one more way for the acl of that name to hold. */
bool acl_parse(struct config_words *words, struct acls *acls);

/* "if …" or "unless …" up to the line's end. NULL: reported. */
const struct condition *condition_parse(struct config_words *words, struct acls *acls);

bool condition_holds(const struct condition *condition, struct request *request, struct rules_scratch *scratch);

/* Warns of acls that no condition names. */
void acls_warn_unused(const struct acls *acls, struct config *config);

#endif
