/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named and anonymous acls: HAProxy's configuration manual, section 7. */
#ifndef SPOA_RULES_ACL_H
#define SPOA_RULES_ACL_H

#include "matcher.h"

struct acl {
	const char *name; /* NULL: anonymous */
	struct config_place place;
	struct expression *expressions; /* or-ed */
	size_t n;
	uint32_t id;
	uint32_t *matchers; /* indexes of those that tell whether it holds */
	size_t n_matchers;
	bool used;
};

/* The acls of one frontend, in the order of their lines. */
struct acls {
	struct acl **acl;
	size_t n;
	struct matcher **matchers;
	size_t n_matchers;
	struct request_names *names;
	struct lists *lists; /* of all frontends; NULL: no acl line was read yet */
	uint64_t needs;
};

/* "<name> <sample> [flags] <pattern>…": a new acl, or one more way for the acl of that name to hold. */
bool acl_parse(struct config_words *words, struct acls *acls);
bool acls_have(const struct acls *acls, const char *name);

/*
 * The acl that a condition names next, or the anonymous one that begins here; *negated is turned where the name stands for
 * what never holds. NULL: reported.
 */
struct acl *acl_take(struct config_words *words, struct acls *acls, bool *negated);

/* Once all lines are read: puts the patterns into indexes. False: out of memory. */
bool acls_compile(struct arena *arena, struct acls *acls);

/* The values that it compares with its patterns. */
void acl_explain(const struct acl *acl, struct request *request, struct rules_scratch *scratch,
		 const struct rules_visitor *visitor);

/* Warns of acls that no condition names. */
void acls_warn_unused(const struct acls *acls, struct config *config);

#endif
