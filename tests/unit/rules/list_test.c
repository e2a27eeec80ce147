/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns that come and go while requests are decided: what is found is what a list finds that was read so. */
#include <pthread.h>
#include <unistd.h>

#include "rules.h"
#include "spoa-redirect/base/random.h"
#include "spoa-redirect/base/retired.h"

#define LISTS 3u
#define MOST  4000u

/* What the lists have to have, in their order. */
struct model {
	const char *method;
	bool map;
	char *text[LISTS][MOST], *value[LISTS][MOST];
	size_t n[LISTS];
	char file[LISTS][40];
	struct random random;
};

static unsigned below(struct model *model, unsigned n)
{
	return (unsigned)random_below(&model->random, n);
}

/* ---- texts ---- */

/* Few letters, so that much is alike. */
static const char *some_text(struct model *model, bool pattern)
{
	static char text[4][40];
	static unsigned turn;
	char *to = text[turn++ % 4];

	if (strcmp(model->method, "ip") == 0) {
		sprintf(to, "10.%u.%u.0", below(model, 2), below(model, 3));
		if (pattern && below(model, 2))
			sprintf(to + strlen(to), "/%u", 8 * (1 + below(model, 3)));
		if (below(model, 6) == 0)
			sprintf(to, pattern ? "fd00::%u/128" : "fd00::%u", below(model, 3));
	} else if (strcmp(model->method, "int") == 0 || (strcmp(model->method, "len") == 0 && pattern)) {
		sprintf(to, pattern && below(model, 3) == 0 ? "%u:" : "%u", below(model, 12));
	} else {
		unsigned length = 1 + below(model, 4);

		for (unsigned i = 0; i < length; i++)
			to[i] = "ab/"[below(model, 3)];
		to[length] = 0;
		if (pattern && strcmp(model->method, "reg") == 0 && below(model, 2))
			strcat(to, "$");
	}
	return to;
}

/* ---- two sets of rules ---- */

static void write_files(const struct model *model)
{
	for (unsigned i = 0; i < LISTS; i++) {
		FILE *file = fopen(model->file[i], "w");

		for (size_t j = 0; j < model->n[i]; j++)
			fprintf(file, "%s%s%s\n", model->text[i][j], model->map ? " " : "",
				model->map ? model->value[i][j] : "");
		fclose(file);
	}
}

static void read_rules(struct rules *rules, const struct model *model)
{
	char text[1000];

	write_files(model);
	if (model->map)
		sprintf(text, "frontend f\n use_backend %%[arg(n),map_%s(%s,none)]\n", model->method, model->file[0]);
	else
		sprintf(text,
			"frontend f\n acl a arg(n) -m %s -f %s -f %s\n acl b arg(n) -m %s -f %s\n"
			" use_backend both if a b\n use_backend a if a\n use_backend b if b\n",
			model->method, model->file[0], model->file[1], model->method, model->file[2]);
	rules_open(rules, text);
}

static const char *decide(struct rules *rules, bool map, const char *text)
{
	struct argument arguments[] = { STRING("n", ""), { 0 } };

	arguments[0].value.bytes = (struct spop_slice){ (const uint8_t *)text, strlen(text) };
	return map ? rules_name(rules, arguments) : rules_choose(rules, arguments);
}

static void compare(struct rules *rules, struct model *model)
{
	struct rules fresh;

	read_rules(&fresh, model);
	for (unsigned i = 0; i < 30; i++) {
		const char *text = some_text(model, false);
		char expected[80];

		strcpy(expected, decide(&fresh, model->map, text));
		if (strcmp(decide(rules, model->map, text), expected) != 0)
			fail_msg("-m %s of '%s': %s instead of %s", model->method, text,
				 decide(rules, model->map, text), expected);
	}
	rules_close(&fresh);
}

/* ---- changes, to both ---- */

static void insert(struct model *model, unsigned i, const char *text, const char *value)
{
	assert_true(model->n[i] < MOST);
	model->text[i][model->n[i]] = strdup(text);
	model->value[i][model->n[i]++] = strdup(value);
}

static void take_out(struct model *model, unsigned i, const char *text)
{
	size_t kept = 0;

	for (size_t j = 0; j < model->n[i]; j++) {
		if (!text || strcmp(model->text[i][j], text) == 0) {
			free(model->text[i][j]);
			free(model->value[i][j]);
			continue;
		}
		model->text[i][kept] = model->text[i][j];
		model->value[i][kept++] = model->value[i][j];
	}
	model->n[i] = kept;
}

static void add(struct pattern_list *list, struct model *model, unsigned i, unsigned version)
{
	char text[40], why[200], value[20];

	strcpy(text, some_text(model, true));
	sprintf(value, "v%u", below(model, 1000));
	if (!list_add(list, version, text, model->map ? value : NULL, why, sizeof(why)))
		fail_msg("'%s': %s", text, why);
	insert(model, i, text, value);
}

static void set_one(struct pattern_list *list, struct model *model, unsigned i, struct retired **retired)
{
	char text[40], why[100], value[20];
	bool any = false;

	strcpy(text, some_text(model, true));
	sprintf(value, "v%u", below(model, 1000));
	for (size_t j = 0; j < model->n[i]; j++)
		if (strcmp(model->text[i][j], text) == 0) {
			free(model->value[i][j]);
			model->value[i][j] = strdup(value);
			any = true;
		}
	assert_int_equal(list_set(list, text, value, retired, why, sizeof(why)), any);
}

static void change(struct rules *rules, struct model *model, unsigned i, struct retired **retired)
{
	struct pattern_list *list = lists_find(ruleset_lists(rules->ruleset), model->file[i], model->map);
	unsigned what = below(model, 40), version;
	const char *text;

	assert_non_null(list);
	if (what == 0) {
		list_clear(list, NULL);
		take_out(model, i, NULL);
	} else if (what == 1) {
		version = list_prepare(list);
		take_out(model, i, NULL);
		for (unsigned j = below(model, 6); j > 0; j--)
			add(list, model, i, version);
		assert_true(list_commit(list, version));
	} else if (what < 18) {
		text = some_text(model, true);
		list_delete(list, text);
		take_out(model, i, text);
	} else if (what < 24 && model->map) {
		set_one(list, model, i, retired);
	} else {
		add(list, model, i, list_version(list));
	}
}

static void open_model(struct model *model, const char *method, bool map, uint64_t seed)
{
	*model = (struct model){ .method = method, .map = map };
	random_seed(&model->random, seed);
	for (unsigned i = 0; i < LISTS; i++) {
		strcpy(model->file[i], "/tmp/spoa-unit-list-XXXXXX");
		close(mkstemp(model->file[i]));
		for (unsigned j = below(model, 10); j > 0; j--)
			insert(model, i, some_text(model, true), "v");
	}
}

static void close_model(struct model *model)
{
	for (unsigned i = 0; i < LISTS; i++) {
		take_out(model, i, NULL);
		unlink(model->file[i]);
	}
}

static void changes_are_found(const char *method, bool map, uint64_t seed)
{
	static struct model model;
	struct retired *retired = NULL;
	struct rules rules;

	open_model(&model, method, map, seed);
	read_rules(&rules, &model);
	for (unsigned turn = 0; turn < 30; turn++) {
		for (unsigned n = below(&model, 8); n > 0; n--)
			change(&rules, &model, map ? 0 : below(&model, LISTS), &retired);
		assert_true(lists_sync(ruleset_lists(rules.ruleset), &retired));
		compare(&rules, &model);
	}
	retired_free(retired);
	rules_close(&rules);
	close_model(&model);
}

static const char *const methods[] = { "str", "beg", "end", "sub", "dir", "dom", "reg", "len", "int", "ip" };

static void what_is_changed_is_found_as_if_it_had_been_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(methods); i++)
		for (uint64_t seed = 1; seed <= 2; seed++)
			changes_are_found(methods[i], false, seed);
}

static void a_map_is_changed_as_if_it_had_been_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(methods); i++)
		for (uint64_t seed = 1; seed <= 2 && strcmp(methods[i], "len") != 0; seed++)
			changes_are_found(methods[i], true, seed);
}

static void many_are_put_into_one_index(void **state)
{
	struct retired *retired = NULL;
	struct pattern_list *list;
	struct rules rules;
	char text[40], why[100];

	(void)state;
	rules_open(&rules, "frontend f\n use_backend a if { arg(n) -m str x }\n");
	list = lists_find(ruleset_lists(rules.ruleset), "#0", false);
	assert_non_null(list);
	for (unsigned i = 0; i < 5000; i++) {
		sprintf(text, "n%u", i);
		assert_true(list_add(list, 0, text, NULL, why, sizeof(why)));
		if (i % 3 == 0 || i % 500 == 0)
			assert_true(lists_sync(ruleset_lists(rules.ruleset), &retired));
		if (i % 500 == 0)
			assert_string_equal(decide(&rules, false, text), "a");
	}
	for (unsigned i = 0; i < 5000; i++) {
		sprintf(text, "n%u", i);
		if (i % 2 == 0)
			assert_true(list_delete(list, text));
		assert_true(lists_sync(ruleset_lists(rules.ruleset), &retired));
		assert_string_equal(decide(&rules, false, text), i % 2 ? "a" : "-");
	}
	assert_false(list_delete(list, "n0"));
	assert_string_equal(decide(&rules, false, "x"), "a");
	retired_free(retired);
	rules_close(&rules);
}

/* Where all patterns are one acl's, the first that is found need not be one that is still there. */
static void one_that_is_gone_hides_no_other(void **state)
{
	static const char *const methods_of_one[] = { "sub", "reg", "dir", "dom", "beg", "end" };

	(void)state;
	for (size_t i = 0; i < COUNT(methods_of_one); i++) {
		struct retired *retired = NULL;
		struct pattern_list *list;
		struct rules rules;
		char text[200];

		sprintf(text, "frontend f\n use_backend a if { arg(n) -m %s one two one/two }\n", methods_of_one[i]);
		rules_open(&rules, text);
		list = lists_find(ruleset_lists(rules.ruleset), "#0", false);
		assert_true(list_delete(list, "one"));
		assert_true(lists_sync(ruleset_lists(rules.ruleset), &retired));
		assert_string_equal(decide(&rules, false, "one"), "-");
		assert_string_equal(decide(&rules, false, "one/two"), "a");
		assert_string_equal(decide(&rules, false, "two/one"), strcmp(methods_of_one[i], "end") ? "a" : "-");
		assert_true(list_delete(list, "one/two"));
		assert_true(list_delete(list, "two"));
		assert_true(lists_sync(ruleset_lists(rules.ruleset), &retired));
		assert_string_equal(decide(&rules, false, "one/two"), "-");
		retired_free(retired);
		rules_close(&rules);
	}
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *method, *text, *why;
	} cases[] = {
		{ "ip", "10.0.0", "'10.0.0' is not a valid IPv4 or IPv6 address." },
		{ "int", "x", "'x' is not a number." },
		{ "reg", "[", "regex '[': missing terminating ] for character class at position 1." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pattern_list *list;
		struct rules rules;
		char text[200], why[200];

		sprintf(text, "frontend f\n use_backend a if { arg(n) -m %s %s }\n", cases[i].method,
			i == 0 ? "10.0.0.0/8" : "1");
		rules_open(&rules, text);
		list = lists_find(ruleset_lists(rules.ruleset), "#0", false);
		assert_false(list_add(list, 0, cases[i].text, NULL, why, sizeof(why)));
		assert_string_equal(why, cases[i].why);
		assert_false(list_commit(list, 1));
		assert_false(list_commit(list, 0));
		rules_close(&rules);
	}
}

/* ---- while others decide ---- */

struct decider {
	struct rules rules;
	_Atomic bool *over;
	unsigned long decided;
};

static void *decide_on(void *into)
{
	struct decider *decider = into;

	decider->rules.scratch = rules_scratch_new();
	while (!atomic_load(decider->over)) {
		assert_string_equal(decide(&decider->rules, false, "always"), "a");
		assert_string_equal(decide(&decider->rules, false, "never"), "-");
		assert_string_equal(decide(&decider->rules, false, "mapped"), "a");
		decide(&decider->rules, false, "sometimes");
		decider->decided++;
	}
	rules_scratch_free(decider->rules.scratch);
	return NULL;
}

static void change_once(struct ruleset *ruleset, unsigned turn, struct retired **retired)
{
	struct pattern_list *list = lists_find(ruleset_lists(ruleset), "#0", false);
	char text[40], why[100];

	sprintf(text, turn % 3 ? "n%u" : "sometimes", turn);
	assert_true(list_add(list, list_version(list), text, NULL, why, sizeof(why)));
	if (turn % 5 == 0)
		list_delete(list, "sometimes");
	if (turn % 97 == 0) {
		unsigned version = list_prepare(list);

		assert_true(list_add(list, version, "always", NULL, why, sizeof(why)));
		assert_true(list_commit(list, version));
	}
	assert_true(lists_sync(ruleset_lists(ruleset), retired));
}

static void workers_decide_meanwhile(void **state)
{
	static const char text[] = "frontend f\n acl a arg(n) -m str always\n acl a arg(n) -m sub mapped\n"
				   " use_backend a if a\n";
	struct decider deciders[2];
	struct retired *retired = NULL;
	_Atomic bool over = false;
	pthread_t threads[2];
	struct rules rules;

	(void)state;
	rules_open(&rules, text);
	for (unsigned i = 0; i < 2; i++) {
		deciders[i] = (struct decider){ .rules = rules, .over = &over };
		assert_int_equal(pthread_create(&threads[i], NULL, decide_on, &deciders[i]), 0);
	}
	for (unsigned turn = 1; turn < 2000; turn++)
		change_once(rules.ruleset, turn, &retired);
	atomic_store(&over, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	retired_free(retired); /* nobody looks any more */
	rules_close(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_changed_is_found_as_if_it_had_been_read),
		cmocka_unit_test(a_map_is_changed_as_if_it_had_been_read),
		cmocka_unit_test(many_are_put_into_one_index),
		cmocka_unit_test(one_that_is_gone_hides_no_other),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(workers_decide_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
