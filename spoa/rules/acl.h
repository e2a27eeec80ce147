/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named and anonymous acls, and the conditions made of them: HAProxy's configuration manual, section 7.2. */
#ifndef SPOA_RULES_ACL_H
#define SPOA_RULES_ACL_H

#include "matcher.h"

struct acl;
struct condition;

/* The acls of one frontend, in the order of their lines. */
struct acls {
	struct acl **acl;
	size_t n;
	struct matcher **matchers;
	size_t n_matchers;
	struct condition **conditions;
	size_t n_conditions;
	struct request_names *names;
	uint64_t needs;
};

/* "<name> <sample> [flags] <pattern>…": a new acl, or one more way for the acl of that name to hold. */
bool acl_parse(struct config_words *words, struct acls *acls);

/* "if …" or "unless …" up to the line's end. NULL: reported. */
const struct condition *condition_parse(struct config_words *words, struct acls *acls);

/* The same without its first word. */
const struct condition *condition_parse_terms(struct config_words *words, struct acls *acls);

/* Once all lines are read: puts the patterns into indexes. False: out of memory. */
bool acls_compile(struct arena *arena, struct acls *acls);

/* After frontend_begin(); what one condition finds out serves all that follow. */
bool condition_holds(const struct acls *acls, const struct condition *condition, struct request *request,
		     struct rules_scratch *scratch);

/* Warns of acls that no condition names. */
void acls_warn_unused(const struct acls *acls, struct config *config);

#endif
