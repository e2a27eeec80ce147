/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "if a !b or c": what a line of rules depends on, and which of many such lines is the first to hold. Few lines are tried in
 * order; of many, only those that an acl which holds could make hold.
 */
#ifndef SPOA_RULES_CONDITION_H
#define SPOA_RULES_CONDITION_H

#include "acl.h"

struct condition;

/* "if …" or "unless …" up to the line's end. NULL: reported. */
const struct condition *condition_parse(struct config_words *words, struct acls *acls);

/* The same without its first word. */
const struct condition *condition_parse_terms(struct config_words *words, struct acls *acls);

/* Conditions in the order of their lines. */
struct conditions;

struct conditions *conditions_new(struct arena *arena);

/* The next line's; NULL: it always holds. False: out of memory. */
bool conditions_add(struct arena *arena, struct conditions *conditions, const struct condition *condition);

/* After acls_compile(). False: out of memory. */
bool conditions_compile(struct arena *arena, struct conditions *conditions, const struct acls *acls);

/* After rules_scratch_clear(): the first that holds of those from number `from` on; as many as there are: none. */
size_t conditions_first(const struct conditions *conditions, size_t from, const struct acls *acls,
			struct request *request, struct rules_scratch *scratch);

/* Each term, and the values of what it compares. */
void condition_explain(const struct condition *condition, const struct acls *acls, struct request *request,
		       struct rules_scratch *scratch, const struct rules_visitor *visitor);

#endif
