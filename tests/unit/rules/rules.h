/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frontend's rules from configuration text, and what they choose for a message. */
#ifndef TESTS_UNIT_RULES_RULES_H
#define TESTS_UNIT_RULES_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/rules.h"
#include "tests/unit/message.h"

struct rules {
	struct arena *arena;
	struct ruleset *ruleset;
	struct config_room room;
	struct config *config;
	const struct frontend *frontend; /* the first; NULL: there is none */
	struct rules_scratch *scratch;
	struct request request; /* the one that was asked last */
};

/* Reads, and leaves what was reported to the caller. */
static inline void rules_read(struct rules *rules, const char *text)
{
	*rules = (struct rules){ .arena = arena_new(), .scratch = rules_scratch_new() };
	rules->ruleset = ruleset_new(rules->arena);
	rules->room = ruleset_room(rules->ruleset);
	rules->config = config_new(rules->arena, &rules->room, 1);
	config_read_text(rules->config, "t.cfg", slice_of_string(text));
	ruleset_finish(rules->ruleset, rules->config);
	if (ruleset_count(rules->ruleset) > 0)
		rules->frontend = ruleset_frontend(rules->ruleset, 0);
}

static inline void rules_open(struct rules *rules, const char *text)
{
	rules_read(rules, text);
	if (config_count(rules->config, CONFIG_ERROR) > 0)
		fail_msg("%s", config_message(rules->config, 0));
	assert_non_null(rules->frontend);
}

static inline void rules_close(struct rules *rules)
{
	rules_scratch_free(rules->scratch);
	arena_free(rules->arena);
}

/* The first thing that is said of the text, whole; NULL: nothing at all. */
static inline void rules_say(const char *text, const char *message)
{
	struct rules rules;

	rules_read(&rules, text);
	if (!message && config_message(rules.config, 0))
		fail_msg("%s", config_message(rules.config, 0));
	if (message) {
		assert_non_null(config_message(rules.config, 0));
		assert_string_equal(config_message(rules.config, 0), message);
	}
	rules_close(&rules);
}

/* Reads a message's arguments from a copy that is exactly as long, so that a sanitizer sees a byte read too many. */
static inline void rules_take(struct rules *rules, const struct argument *arguments, uint8_t **bytes)
{
	static _Thread_local uint8_t room[200000];
	struct spop_writer writer;
	struct spop_slice payload;

	spop_writer_init(&writer, room, sizeof(room));
	put_arguments(&writer, arguments);
	assert_false(writer.full);
	payload.len = (size_t)(writer.at - room);
	*bytes = malloc(payload.len + 1);
	memcpy(*bytes + 1, room, payload.len);
	payload.ptr = *bytes + 1;
	assert_true(request_take(rules->frontend->names, count_arguments(arguments), &payload, &rules->request));
	assert_int_equal(payload.len, 0);
}

/* The backend chosen for a message; "-": no rule held. */
static inline const char *rules_choose(struct rules *rules, const struct argument *arguments)
{
	const struct rule *rule;
	uint8_t *bytes;

	rules_take(rules, arguments, &bytes);
	rules_begin(rules->scratch);
	assert_true(frontend_begin(rules->frontend, rules->scratch));
	rule = frontend_choose(rules->frontend, &rules->request, rules->scratch, NULL);
	free(bytes);
	return rule ? rule->backend : "-";
}

/* The name that the first rule makes of a message. */
static inline const char *rules_name(struct rules *rules, const struct argument *arguments)
{
	static char name[300];
	struct slice made;
	uint8_t *bytes;

	rules_take(rules, arguments, &bytes);
	rules_begin(rules->scratch);
	assert_true(frontend_begin(rules->frontend, rules->scratch));
	made = rule_backend(rules->frontend->rules[0], &rules->request, rules->scratch);
	snprintf(name, sizeof(name), "%.*s", made.ptr ? (int)made.len : 10, made.ptr ? (const char *)made.ptr : "(too long)");
	free(bytes);
	return name;
}

/* One acl's line behind its name, and a message. */
struct match {
	const char *acl;
	struct argument arguments[MAX_ARGUMENTS];
	bool holds;
};

static inline void expect_matches(const struct match *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rules rules;
		char text[2000];
		bool holds;

		snprintf(text, sizeof(text), "frontend f\n acl a %s\n use_backend yes if a\n", cases[i].acl);
		rules_open(&rules, text);
		holds = strcmp(rules_choose(&rules, cases[i].arguments), "yes") == 0;
		rules_close(&rules);
		if (holds != cases[i].holds)
			fail_msg("case %zu: acl a %s: %s", i, cases[i].acl, holds ? "holds" : "does not hold");
	}
}

/* What is said of one acl's line. */
static inline void acl_says(const char *acl, const char *message)
{
	char text[2000], expected[2000];

	snprintf(text, sizeof(text), "frontend f\n acl a %s\n use_backend yes if a\n", acl);
	snprintf(expected, sizeof(expected), "t.cfg:2: in section 'frontend f': %s", message);
	rules_say(text, expected);
}

#endif
