/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random rules and requests: the rules engine has to choose what naive.c does. A counterexample is made small and
 * printed. SEED=N and PAIRS=N (rules × requests) in the environment; it is the same run each time without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "naive.h"
#include "spoa-redirect/rules.h"

#define WISHES     20 /* for one set of rules */
#define MOST_TRIES 20

/* ---- as a message ---- */

struct message {
	struct spop_writer writer;
	uint8_t bytes[16384];
	unsigned arguments;
	FILE *print; /* NULL: nowhere */
};

static void put_argument(struct message *message, const char *name, const struct spop_value *value)
{
	message->arguments++;
	spop_put_argument(&message->writer, (struct spop_slice){ (const uint8_t *)name, strlen(name) }, value);
	if (!message->print)
		return;
	if (value->type == SPOP_STRING || value->type == SPOP_BINARY)
		fprintf(message->print, "  %s='%.*s'\n", name, (int)value->bytes.len, (const char *)value->bytes.ptr);
	else if (value->type == SPOP_IPV4 || value->type == SPOP_IPV6) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(value->type == SPOP_IPV4 ? AF_INET : AF_INET6, value->address, text, sizeof(text));
		fprintf(message->print, "  %s=%s\n", name, text);
	} else {
		fprintf(message->print, "  %s=%lld\n", name,
			(long long)(value->type == SPOP_BOOL ? 1 : value->integer));
	}
}

static void put_text(struct message *message, const char *name, const struct text *text)
{
	struct spop_value value = { SPOP_STRING, { .bytes = { (const uint8_t *)text->bytes, text->len } } };

	put_argument(message, name, &value);
}

static struct spop_value address_of(const struct wish *wish)
{
	return (struct spop_value){ wish->src_size == 4 ? SPOP_IPV4 : SPOP_IPV6, { .address = wish->src } };
}

static void put_headers(struct message *message, const struct wish *wish)
{
	uint8_t bytes[1024];
	struct spop_writer blob;
	struct spop_value value = { SPOP_BINARY, { .bytes = { bytes, 0 } } };

	spop_writer_init(&blob, bytes, sizeof(bytes));
	for (size_t i = 0; i < wish->n_headers; i++) {
		const struct header *header = &wish->headers[i];
		const struct spop_slice text = { (const uint8_t *)header->value.bytes, header->value.len };

		if (!wish->blob) {
			put_text(message, header->name == HOST ? "host" : "hdr(x-a)", &header->value);
			continue;
		}
		spop_put_string(&blob, header->name == HOST ? SPOP_SLICE("Host") : SPOP_SLICE("x-a"));
		spop_put_string(&blob, text);
	}
	if (!wish->blob)
		return;
	spop_put_string(&blob, SPOP_SLICE(""));
	spop_put_string(&blob, SPOP_SLICE(""));
	assert_false(blob.full);
	value.bytes.len = (size_t)(blob.at - bytes);
	put_argument(message, "hdrs", &value);
}

static void put_y(struct message *message, const struct wish *wish)
{
	struct spop_value value = { SPOP_BOOL, { .boolean = true } };

	if (wish->y_kind == Y_NUMBER)
		value = (struct spop_value){ SPOP_INT64, { .integer = wish->number } };
	else if (wish->y_kind == Y_ADDRESS)
		value = address_of(wish);
	else if (wish->y_kind == Y_STRING)
		value = (struct spop_value){
			SPOP_STRING, { .bytes = { (const uint8_t *)wish->texts[Y].bytes, wish->texts[Y].len } }
		};
	for (unsigned i = 0; i < Y_ARGUMENTS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "y%u", i);
		if (wish->y_arguments >> i & 1)
			put_argument(message, name, &value);
	}
}

static void put_wish(struct message *message, const struct wish *wish)
{
	static const enum naive_sample texts[] = { METHOD, PATH, QUERY };
	struct spop_value src = address_of(wish);

	message->arguments = 0;
	spop_writer_init(&message->writer, message->bytes, sizeof(message->bytes));
	for (size_t i = 0; i < COUNT(texts); i++)
		if (wish->has[texts[i]])
			put_text(message, naive_sample_names[texts[i]], &wish->texts[texts[i]]);
	if (wish->has[SRC])
		put_argument(message, "src", &src);
	put_headers(message, wish);
	put_y(message, wish);
	assert_false(message->writer.full);
}

/* ---- the engine ---- */

struct engine {
	struct arena *arena;
	const struct frontend *frontend;
	struct config *config;
};

static struct rules_scratch *scratch;

/* False: the configuration has errors. */
static bool engine_start(struct engine *engine, const struct rules *rules)
{
	struct config_room room;
	struct ruleset *ruleset;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	naive_print_rules(rules, out);
	fclose(out);
	engine->arena = arena_new();
	ruleset = ruleset_new(engine->arena);
	room = ruleset_room(ruleset);
	engine->config = config_new(engine->arena, &room, 1);
	config_read_text(engine->config, "rules", slice_of(text, len));
	ruleset_finish(ruleset, engine->config);
	free(text);
	engine->frontend = ruleset_frontend(ruleset, 0);
	return config_count(engine->config, CONFIG_ERROR) == 0;
}

/* As it arrives: on a piece of heap of just its size. */
static struct slice notify_new(const struct wish *wish)
{
	static struct message message;
	uint8_t bytes[20000], *copy;
	struct spop_writer writer;
	size_t len;

	put_wish(&message, wish);
	spop_writer_init(&writer, bytes, sizeof(bytes));
	spop_frame_begin(&writer, SPOP_NOTIFY, 1, 1);
	spop_put_message(&writer, SPOP_SLICE("route"), message.arguments);
	spop_put_bytes(&writer, message.bytes, (size_t)(message.writer.at - message.bytes));
	assert_true(spop_frame_end(&writer, 16384));
	len = (size_t)(writer.at - bytes);
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return slice_of(copy, len);
}

static int choose_once(const struct engine *engine, const struct wish *wish)
{
	struct slice notify = notify_new(wish);
	struct spop_slice in = { notify.ptr, notify.len };
	struct spop_message message;
	struct spop_frame frame;
	static struct request request;
	const struct rule *rule;

	assert_int_equal(spop_frame_decode(&in, 16384, &frame), SPOP_OK);
	assert_true(spop_take_message(&frame.payload, &message));
	assert_true(request_take(engine->frontend->names, message.arguments, &frame.payload, &request));
	rules_begin(scratch);
	assert_true(frontend_begin(engine->frontend, scratch));
	rule = frontend_choose(engine->frontend, &request, scratch, NULL);
	free((void *)(uintptr_t)notify.ptr);
	return rule ? atoi(rule->backend + 1) : -1;
}

/* The regexes of a request have a time in all, which another process may take from them; their steps are the same each time. */
static int engine_choose(const struct engine *engine, const struct wish *wish)
{
	int chosen = choose_once(engine, wish);

	for (unsigned i = 0; i < MOST_TRIES && rules_scratch_given_up(scratch).ptr; i++)
		chosen = choose_once(engine, wish);
	return chosen;
}

/* ---- counterexamples ---- */

struct pair {
	struct rules rules;
	struct wish wish;
};

static bool differs(const struct pair *pair)
{
	struct engine engine;
	bool good = engine_start(&engine, &pair->rules);
	bool differ = good && engine_choose(&engine, &pair->wish) != naive_choose(&pair->rules, &pair->wish);

	arena_free(engine.arena);
	return differ;
}

/* Each takes off what number *k of it is, or counts *k down by how much there is. */

static bool drop(void *items, size_t *n, size_t size, size_t *k)
{
	char *bytes = items;

	if (*k >= *n) {
		*k -= *n;
		return false;
	}
	memmove(bytes + *k * size, bytes + (*k + 1) * size, (--*n - *k) * size);
	return true;
}

static bool clear(bool *flag, size_t *k)
{
	if (*flag && (*k)-- == 0)
		return !(*flag = false);
	return false;
}

static bool drop_of_expression(struct expression *expression, size_t *k)
{
	if (clear(&expression->nocase, k) ||
	    (expression->n > 1 && drop(expression->patterns, &expression->n, sizeof(expression->patterns[0]), k)))
		return true;
	for (size_t i = 0; i < expression->n && expression->way != REG && expression->way != IP; i++)
		if (drop(expression->patterns[i].bytes, &expression->patterns[i].len, 1, k))
			return true;
	return false;
}

static bool drop_of_line(struct line *line, size_t *k)
{
	if (line->kind == ACL)
		return drop_of_expression(&line->expression, k);
	if (drop(line->terms, &line->n, sizeof(line->terms[0]), k) || clear(&line->unless, k))
		return true;
	for (size_t i = 0; i < line->n; i++)
		if (clear(&line->terms[i].negated, k) || clear(&line->terms[i].twice, k) ||
		    (line->terms[i].acl < 0 && drop_of_expression(&line->terms[i].anonymous, k)))
			return true;
	return false;
}

static bool drop_of_wish(struct wish *wish, size_t *k)
{
	if (drop(wish->headers, &wish->n_headers, sizeof(wish->headers[0]), k))
		return true;
	for (size_t i = 0; i < SAMPLES; i++)
		if (clear(&wish->has[i], k) || drop(wish->texts[i].bytes, &wish->texts[i].len, 1, k))
			return true;
	for (size_t i = 0; i < wish->n_headers; i++)
		if (drop(wish->headers[i].value.bytes, &wish->headers[i].value.len, 1, k))
			return true;
	for (unsigned i = 0; i < Y_ARGUMENTS; i++)
		if ((wish->y_arguments >> i & 1) && (*k)-- == 0)
			return wish->y_arguments &= ~(1ull << i), true;
	return false;
}

static bool drop_of_pair(struct pair *pair, size_t k)
{
	if (drop(pair->rules.lines, &pair->rules.n, sizeof(pair->rules.lines[0]), &k))
		return true;
	for (size_t i = 0; i < pair->rules.n; i++)
		if (drop_of_line(&pair->rules.lines[i], &k))
			return true;
	return drop_of_wish(&pair->wish, &k);
}

/* Drops what can be dropped, until nothing can. */
static void shrink(struct pair *pair)
{
	static struct pair smaller;
	bool again = true;

	while (again) {
		again = false;
		for (size_t k = 0;;) {
			smaller = *pair;
			if (!drop_of_pair(&smaller, k))
				break;
			if (differs(&smaller)) {
				*pair = smaller;
				again = true;
			} else {
				k++;
			}
		}
	}
}

static void report(struct pair *pair, unsigned long long seed)
{
	static struct message message = { .print = NULL };
	struct engine engine;

	shrink(pair);
	engine_start(&engine, &pair->rules);
	message.print = stderr;
	naive_print_rules(&pair->rules, stderr);
	put_wish(&message, &pair->wish);
	fprintf(stderr, "the engine chooses %d, the manual %d (-1: none)\n", engine_choose(&engine, &pair->wish),
		naive_choose(&pair->rules, &pair->wish));
	arena_free(engine.arena);
	fail_msg("SEED=%llu", seed);
}

/* ---- the test ---- */

static unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void the_engine_chooses_as_the_manual_says(void **state)
{
	unsigned long long seed = from_environment("SEED", 1), pairs = from_environment("PAIRS", 100000), done = 0;
	static struct pair pair;
	unsigned long long chosen = 0;

	(void)state;
	naive_seed(seed);
	scratch = rules_scratch_new();
	assert_non_null(scratch);
	for (unsigned set = 0; done < pairs; set++) {
		struct engine engine;

		memset(&pair, 0, sizeof(pair));
		naive_make_rules(&pair.rules, set % 32 == 31);
		if (!engine_start(&engine, &pair.rules)) {
			naive_print_rules(&pair.rules, stderr);
			config_print_messages(engine.config, stderr);
			fail_msg("SEED=%llu: made no configuration", seed);
		}
		for (unsigned i = 0; i < WISHES && done < pairs; i++, done++) {
			int expected;

			naive_make_wish(&pair.wish);
			expected = naive_choose(&pair.rules, &pair.wish);
			chosen += expected >= 0;
			if (engine_choose(&engine, &pair.wish) != expected)
				report(&pair, seed);
		}
		arena_free(engine.arena);
	}
	print_message("pairs: %llu of rules and a request, %llu with a backend\n", done, chosen);
	rules_scratch_free(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_engine_chooses_as_the_manual_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
