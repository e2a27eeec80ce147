/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "condition.h"

#include <stdlib.h>
#include <string.h>

#define FEW 32u /* tests that are tried in order */

struct term {
	const struct acl *acl;
	uint64_t needs; /* bits of the matchers that tell, of the first 64 */
	uint32_t id;
	bool many; /* there are others behind those */
	bool negated;
	bool starts_group; /* the first after "or" */
};

struct condition {
	struct term *terms;
	size_t n;
	bool unless;
};

/*
 * Terms that are and-ed, one of the ways in which a condition holds. Mostly the first does not, and two operations tell, once
 * what it needs has run. "unless …" is one test, whatever its terms.
 */
struct test {
	uint64_t needs, bit, want; /* of the first term */
	uint32_t word;
	uint32_t condition;
	bool by_terms; /* there is more to it than that */
	bool unless;
	const struct term *terms;
	size_t n;
};

/* Numbers of tests, from the lowest on. */
struct numbers {
	uint32_t *numbers;
	size_t n;
};

struct conditions {
	const struct condition **conditions;
	size_t n;
	struct test *tests; /* in order */
	size_t n_tests;
	uint32_t *first_tests; /* of each condition */
	size_t n_first;
	/* of many tests: those that an acl must hold for, by the acl, and those that may hold without any */
	struct numbers *triggered;
	uint64_t *triggers; /* bits of the acls that have some */
	struct numbers free;
	uint32_t *matchers; /* that tell of the triggers */
	size_t n_matchers;
};

/* ---- reading ---- */

static bool add_term(struct config_words *words, struct condition *condition, struct term term)
{
	struct term *slot = arena_grow(words->arena, &condition->terms, &condition->n, sizeof(*slot));

	if (!slot)
		return config_error(words, "out of memory");
	*slot = term;
	return true;
}

/* "!acl", "! acl" and "! !acl" are all HAProxy's. */
static bool take_negations(struct config_words *words)
{
	bool negated = false;

	while (words->left > 0 && **words->word == '!') {
		negated = !negated;
		(*words->word)++;
		if (!**words->word) {
			words->word++;
			words->left--;
		}
	}
	return negated;
}

static const char *negation(const struct term *term)
{
	return term->negated ? "!" : "";
}

/* A term and its contrary in one group: somebody meant something else. */
static void warn_contraries(const struct config_words *words, const struct condition *condition, size_t at)
{
	const struct term *term = &condition->terms[at];

	for (size_t i = at; i > 0 && !condition->terms[i].starts_group; i--) {
		const struct term *other = &condition->terms[i - 1];

		if (other->id != term->id || other->negated == term->negated)
			continue;
		config_warning(words, "'%s%s' and '%s%s' never hold together: acl '%s' is at %s:%u", negation(other),
			       term->acl->name, negation(term), term->acl->name, term->acl->name, term->acl->place.file,
			       term->acl->place.line);
		return;
	}
}

static bool take_terms(struct config_words *words, struct acls *acls, struct condition *condition)
{
	bool starts_group = true;

	while (words->left > 0 || starts_group) {
		struct acl *acl;
		bool negated;

		if (!starts_group && (config_take_if(words, "or") || config_take_if(words, "||"))) {
			starts_group = true;
			continue;
		}
		negated = take_negations(words);
		acl = acl_take(words, acls, &negated);
		if (!acl ||
		    !add_term(words, condition,
			      (struct term){
				      .acl = acl, .id = acl->id, .negated = negated, .starts_group = starts_group }))
			return false;
		if (acl->name)
			warn_contraries(words, condition, condition->n - 1);
		acl->used = true;
		starts_group = false;
	}
	return true;
}

/* What FALSE makes of it, which has no way to hold, and TRUE, which is FALSE negated. */
static bool never_holds(const struct condition *condition)
{
	bool some_always = false, all_never = true;

	for (size_t i = 0; i < condition->n;) {
		bool always = true, never = false;

		do {
			const struct term *term = &condition->terms[i];

			always &= term->acl->n == 0 && term->negated;
			never |= term->acl->n == 0 && !term->negated;
		} while (++i < condition->n && !condition->terms[i].starts_group);
		some_always |= always;
		all_never &= never;
	}
	return condition->unless ? some_always : all_never;
}

static bool take_all_terms(struct config_words *words, struct acls *acls, struct condition *condition)
{
	if (!take_terms(words, acls, condition))
		return false;
	/* an acl with nothing but errors has no way to hold, either */
	if (config_count(words->config, CONFIG_ERROR) == 0 && never_holds(condition))
		config_warning(words, "this condition never holds");
	return true;
}

static struct condition *new_condition(struct config_words *words)
{
	struct condition *condition = arena_alloc(words->arena, sizeof(*condition));

	if (!condition)
		config_error(words, "out of memory");
	return condition;
}

const struct condition *condition_parse(struct config_words *words, struct acls *acls)
{
	struct condition *condition = new_condition(words);

	if (!condition)
		return NULL;
	condition->unless = config_take_if(words, "unless");
	if (!condition->unless && !config_take_if(words, "if")) {
		config_error(words, "expected 'if' or 'unless' instead of '%s'", words->left ? *words->word : "");
		return NULL;
	}
	return take_all_terms(words, acls, condition) ? condition : NULL;
}

const struct condition *condition_parse_terms(struct config_words *words, struct acls *acls)
{
	struct condition *condition = new_condition(words);

	return condition && take_all_terms(words, acls, condition) ? condition : NULL;
}

/* ---- compiling ---- */

struct conditions *conditions_new(struct arena *arena)
{
	return arena_alloc(arena, sizeof(struct conditions));
}

bool conditions_add(struct arena *arena, struct conditions *conditions, const struct condition *condition)
{
	const struct condition **slot = arena_grow(arena, &conditions->conditions, &conditions->n, sizeof(*slot));

	if (slot)
		*slot = condition;
	return slot != NULL;
}

static void compile_term(struct term *term)
{
	for (size_t j = 0; j < term->acl->n_matchers; j++) {
		if (term->acl->matchers[j] < 64)
			term->needs |= 1ull << term->acl->matchers[j];
		else
			term->many = true;
	}
}

static void add_to_test(struct test *test, const struct term *term)
{
	if (test->n++ > 0)
		return;
	test->needs = term->needs;
	test->bit = 1ull << term->id % 64;
	test->want = term->negated ? 0 : test->bit;
	test->word = term->id / 64;
	test->by_terms = test->unless || term->many;
}

static struct test *add_test(struct arena *arena, struct conditions *conditions, uint32_t condition)
{
	struct test *test = arena_grow(arena, &conditions->tests, &conditions->n_tests, sizeof(*test));

	if (test)
		*test = (struct test){ .condition = condition };
	return test;
}

static bool compile_one(struct arena *arena, struct conditions *conditions, uint32_t at)
{
	const struct condition *condition = conditions->conditions[at];
	struct test *test = NULL;
	uint32_t *first = arena_grow(arena, &conditions->first_tests, &conditions->n_first, sizeof(*first));

	if (!first)
		return false;
	*first = (uint32_t)conditions->n_tests;
	if (!condition)
		return add_test(arena, conditions, at) != NULL;
	for (size_t i = 0; i < condition->n; i++) {
		struct term *term = &condition->terms[i];

		compile_term(term);
		if (!test || (term->starts_group && !condition->unless)) {
			test = add_test(arena, conditions, at);
			if (!test)
				return false;
			test->unless = condition->unless;
			test->terms = term;
		}
		add_to_test(test, term);
	}
	return true;
}

/* The acl without which it cannot hold; NULL: there is none. */
static const struct acl *trigger_of(const struct test *test)
{
	for (size_t i = 0; i < test->n && !test->unless; i++)
		if (!test->terms[i].negated)
			return test->terms[i].acl;
	return NULL;
}

static bool add_number(struct arena *arena, struct numbers *numbers, uint32_t number)
{
	uint32_t *slot = arena_grow(arena, &numbers->numbers, &numbers->n, sizeof(*slot));

	if (slot)
		*slot = number;
	return slot != NULL;
}

/* `seen`: the matchers that are known already. */
static bool add_trigger(struct arena *arena, struct conditions *conditions, const struct acl *acl, uint32_t test,
			uint64_t *seen)
{
	conditions->triggers[acl->id / 64] |= 1ull << acl->id % 64;
	for (size_t i = 0; i < acl->n_matchers; i++) {
		uint32_t matcher = acl->matchers[i], *slot;

		if (seen[matcher / 64] >> matcher % 64 & 1)
			continue;
		seen[matcher / 64] |= 1ull << matcher % 64;
		slot = arena_grow(arena, &conditions->matchers, &conditions->n_matchers, sizeof(*slot));
		if (!slot)
			return false;
		*slot = matcher;
	}
	return add_number(arena, &conditions->triggered[acl->id], test);
}

static bool index_tests(struct arena *arena, struct conditions *conditions, const struct acls *acls)
{
	uint64_t *seen = calloc(acls->n_matchers / 64 + 1, sizeof(*seen));
	bool good;

	conditions->triggered = arena_array(arena, acls->n + 1, sizeof(*conditions->triggered));
	conditions->triggers = arena_array(arena, acls->n / 64 + 1, sizeof(*conditions->triggers));
	good = seen && conditions->triggered && conditions->triggers;
	for (uint32_t i = 0; good && i < conditions->n_tests; i++) {
		const struct acl *acl = trigger_of(&conditions->tests[i]);

		if (acl)
			good = add_trigger(arena, conditions, acl, i, seen);
		else
			good = add_number(arena, &conditions->free, i);
	}
	free(seen);
	return good;
}

bool conditions_compile(struct arena *arena, struct conditions *conditions, const struct acls *acls)
{
	for (uint32_t i = 0; i < conditions->n; i++)
		if (!compile_one(arena, conditions, i))
			return false;
	return conditions->n_tests <= FEW || index_tests(arena, conditions, acls);
}

/* ---- deciding ---- */

static inline bool has_bit(const uint64_t *bits, uint32_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static inline void run(const struct acls *acls, uint32_t at, struct request *request, struct rules_scratch *scratch)
{
	scratch->ran[at / 64] |= 1ull << at % 64;
	matcher_run(acls->matchers[at], request, scratch, scratch->holds);
}

static bool run_many(const struct acls *acls, const struct acl *acl, struct request *request,
		     struct rules_scratch *scratch)
{
	for (size_t i = 0; i < acl->n_matchers && !has_bit(scratch->holds, acl->id); i++)
		if (!has_bit(scratch->ran, acl->matchers[i]))
			run(acls, acl->matchers[i], request, scratch);
	return has_bit(scratch->holds, acl->id);
}

static bool term_holds(const struct acls *acls, const struct term *term, struct request *request,
		       struct rules_scratch *scratch)
{
	uint64_t missing;

	if (has_bit(scratch->holds, term->id))
		return !term->negated;
	if (term->many)
		return run_many(acls, term->acl, request, scratch) != term->negated;
	for (missing = term->needs & ~scratch->ran[0]; missing; missing &= missing - 1) {
		run(acls, (uint32_t)__builtin_ctzll(missing), request, scratch);
		if (has_bit(scratch->holds, term->id))
			return !term->negated;
	}
	return term->negated;
}

/* Term by term, so that nothing runs that does not matter. */
static __attribute__((noinline)) bool terms_hold(const struct test *test, size_t from, const struct acls *acls,
						 struct request *request, struct rules_scratch *scratch)
{
	bool group = true;

	for (size_t i = from; i < test->n; i++) {
		if (i > from && test->terms[i].starts_group) {
			if (group)
				return true;
			group = true;
		}
		group = group && term_holds(acls, &test->terms[i], request, scratch);
	}
	return group;
}

static inline bool test_holds(const struct test *test, const struct acls *acls, struct request *request,
			      struct rules_scratch *scratch)
{
	uint64_t missing = test->needs & ~scratch->ran[0], *word = &scratch->holds[test->word];
	uint64_t bit = *word & test->bit;

	if (__builtin_expect(test->by_terms, false))
		return terms_hold(test, 0, acls, request, scratch) != test->unless;
	for (; !bit && missing; missing &= missing - 1) {
		run(acls, (uint32_t)__builtin_ctzll(missing), request, scratch);
		bit = *word & test->bit;
	}
	return bit == test->want && (test->n <= 1 || terms_hold(test, 1, acls, request, scratch));
}

/* The first of some tests that holds and comes before `best`, else `best`; none before `from`. */
static uint32_t first_of(const struct conditions *conditions, const struct numbers *numbers, uint32_t from,
			 uint32_t best, const struct acls *acls, struct request *request, struct rules_scratch *scratch)
{
	for (size_t i = 0; i < numbers->n && numbers->numbers[i] < best; i++)
		if (numbers->numbers[i] >= from &&
		    test_holds(&conditions->tests[numbers->numbers[i]], acls, request, scratch))
			return numbers->numbers[i];
	return best;
}

static uint32_t first_triggered(const struct conditions *conditions, uint32_t from, const struct acls *acls,
				struct request *request, struct rules_scratch *scratch)
{
	uint32_t best = (uint32_t)conditions->n_tests;

	for (size_t i = 0; i < conditions->n_matchers; i++)
		if (!has_bit(scratch->ran, conditions->matchers[i]))
			run(acls, conditions->matchers[i], request, scratch);
	for (uint32_t word = 0; word < (acls->n + 63) / 64; word++)
		for (uint64_t bits = scratch->holds[word] & conditions->triggers[word]; bits; bits &= bits - 1)
			best = first_of(conditions, &conditions->triggered[word * 64 + (uint32_t)__builtin_ctzll(bits)],
					from, best, acls, request, scratch);
	return first_of(conditions, &conditions->free, from, best, acls, request, scratch);
}

static uint32_t first_in_order(const struct conditions *conditions, uint32_t at, const struct acls *acls,
			       struct request *request, struct rules_scratch *scratch)
{
	while (at < conditions->n_tests && !test_holds(&conditions->tests[at], acls, request, scratch))
		at++;
	return at;
}

size_t conditions_first(const struct conditions *conditions, size_t from, const struct acls *acls,
			struct request *request, struct rules_scratch *scratch)
{
	uint32_t at = from == 0              ? 0
		      : from < conditions->n ? conditions->first_tests[from]
					     : (uint32_t)conditions->n_tests;

	if (conditions->triggered)
		at = first_triggered(conditions, at, acls, request, scratch);
	else
		at = first_in_order(conditions, at, acls, request, scratch);
	return at < conditions->n_tests ? conditions->tests[at].condition : conditions->n;
}

/* ---- telling ---- */

void condition_explain(const struct condition *condition, const struct acls *acls, struct request *request,
		       struct rules_scratch *scratch, const struct rules_visitor *visitor)
{
	for (size_t i = 0; i < condition->n; i++) {
		const struct term *term = &condition->terms[i];
		bool holds = term_holds(acls, term, request, scratch);

		visitor->acl(visitor->into, term->acl->name ? term->acl->name : "", term->negated,
			     i > 0 && term->starts_group, holds);
		acl_explain(term->acl, request, scratch, visitor);
	}
}
