/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a parser takes off its line, and what is said when it is not there. */
#include "text.h"

static bool parse_word(struct config_words *words, void *into)
{
	const char *word = config_take_word(words, "a word");

	if (!word)
		return false;
	hear(into, "%s|", word);
	return true;
}

static bool parse_all(struct config_words *words, void *into)
{
	while (words->left > 0)
		hear(into, "%s|", config_take_word(words, "a word"));
	return true;
}

static bool parse_if(struct config_words *words, void *into)
{
	bool first = config_take_if(words, "on"), second = config_take_if(words, "on");

	hear(into, "%d%d|", first, second);
	return true;
}

static bool parse_int(struct config_words *words, void *into)
{
	uint64_t number;

	if (!config_take_int(words, 1, 256, &number))
		return false;
	hear(into, "%llu|", (unsigned long long)number);
	return true;
}

static bool parse_time(struct config_words *words, void *into)
{
	double seconds;

	if (!config_take_time(words, 0.01, &seconds))
		return false;
	hear(into, "%g|", seconds);
	return true;
}

static bool parse_option(struct config_words *words, void *into)
{
	static const struct config_keyword options[] = {
		{ CONFIG_OPTION, "httpchk", parse_word, NULL, NULL },
		{ CONFIG_OPTION, "dry-run", NULL, NULL, NULL },
		{ CONFIG_SERVER, "weight", parse_int, NULL, NULL },
	};
	const struct config_keyword *keyword = config_take_keyword(words, options, COUNT(options), CONFIG_OPTION);

	return keyword && keyword->parse(words, into);
}

static bool parse_refused(struct config_words *words, void *into)
{
	(void)into;
	config_warning(words, "first a warning");
	return config_error(words, "refused: %s", words->keyword);
}

static const struct config_keyword keywords[] = {
	{ CONFIG_GLOBAL, "word", parse_word, NULL, NULL },      { CONFIG_GLOBAL, "all", parse_all, NULL, NULL },
	{ CONFIG_GLOBAL, "if", parse_if, NULL, NULL },          { CONFIG_GLOBAL, "int", parse_int, NULL, NULL },
	{ CONFIG_GLOBAL, "time", parse_time, NULL, NULL },      { CONFIG_GLOBAL, "option", parse_option, NULL, NULL },
	{ CONFIG_GLOBAL, "refuse", parse_refused, NULL, NULL }, { CONFIG_GLOBAL, "later", NULL, NULL, NULL },
	{ CONFIG_BACKEND, "server", parse_all, NULL, NULL },
};

/* One line of `global`. message: what is said of it; NULL: nothing. */
static void expect(const char *line, const char *heard, const char *message)
{
	struct reading reading;
	char text[600], expected[800];
	const char *messages[] = { expected };

	reading_open(&reading, keywords, COUNT(keywords), NULL);
	snprintf(text, sizeof(text), "global\n  %s\n", line);
	snprintf(expected, sizeof(expected), "t.cfg:2: in section 'global': %s", message ? message : "");
	config_read_text(reading.config, "t.cfg", slice_of_string(text));
	expect_messages(&reading, messages, message != NULL);
	assert_string_equal(reading.heard, heard);
	reading_close(&reading);
}

static void a_missing_word_is_named(void **state)
{
	(void)state;
	expect("word a", "a|", NULL);
	expect("word ''", "|", NULL);
	expect("word", "", "'word' expects a word");
	expect("word # a", "", "'word' expects a word");
}

static void words_left_over_are_refused(void **state)
{
	(void)state;
	expect("word a b", "a|", "unexpected word 'b' after 'word'");
	expect("all a b c", "a|b|c|", NULL);
	expect("all", "", NULL);
}

static void a_word_is_taken_only_if_it_is_the_one(void **state)
{
	(void)state;
	expect("if on on", "11|", NULL);
	expect("if on", "10|", NULL);
	expect("if", "00|", NULL);
	expect("if off", "00|", "unexpected word 'off' after 'if'");
	expect("if ON", "00|", "unexpected word 'ON' after 'if'");
}

static void a_number_is_within_its_bounds(void **state)
{
	(void)state;
	expect("int 1", "1|", NULL);
	expect("int 256", "256|", NULL);
	expect("int", "", "'int' expects a number");
	expect("int 0", "", "'int' expects a number from 1 to 256, not '0'");
	expect("int 257", "", "'int' expects a number from 1 to 256, not '257'");
	expect("int 99999999999999999999", "", "'int' expects a number from 1 to 256, not '99999999999999999999'");
	expect("int -1", "", "'int' expects a number from 1 to 256, not '-1'");
	expect("int 1k", "", "'int' expects a number from 1 to 256, not '1k'");
}

static void a_time_is_one_and_long_enough(void **state)
{
	(void)state;
	expect("time 2s", "2|", NULL);
	expect("time 10", "0.01|", NULL);
	expect("time", "", "'time' expects a time");
	expect("time 9ms", "", "'time' expects at least 10ms, not '9ms'");
	expect("time soon", "", "'time' expects a time such as 500ms, 2s or 1m (at most 24 days), not 'soon'");
	expect("time 25d", "", "'time' expects a time such as 500ms, 2s or 1m (at most 24 days), not '25d'");
}

static void an_unknown_keyword_gets_the_nearest_of_its_section(void **state)
{
	(void)state;
	expect("wrd a", "", "unknown keyword 'wrd', did you mean 'word'?");
	expect("servr a", "", "unknown keyword 'servr'"); /* those of other sections are not meant */
	expect("server a", "", "'server' belongs into section 'backend'");
	expect("quite-another a", "", "unknown keyword 'quite-another'");
	expect("option httpchkk a", "", "unknown keyword 'httpchkk', did you mean 'httpchk'?");
	expect("option weihgt 1", "", "unknown keyword 'weihgt'");
	expect("option", "", "'option' expects a keyword");
}

static void a_keyword_without_a_parser_is_not_yet_supported(void **state)
{
	(void)state;
	expect("later a b", "", "'later' is not yet supported");
	expect("option dry-run", "", "'dry-run' is not yet supported");
}

static void haproxy_s_own_keywords_are_refused_by_name(void **state)
{
	(void)state;
	expect("daemon", "", "'daemon' is a keyword of HAProxy's that spoa-redirect does not support");
	expect("option forwardfor", "", "'forwardfor' is a keyword of HAProxy's that spoa-redirect does not support");
	expect("stick-table type ip", "", "unknown keyword 'stick-table'"); /* not one of global's */
}

/* Words taken within a line speak of the keyword that they belong to. */
static void messages_name_the_keyword_being_parsed(void **state)
{
	(void)state;
	expect("option httpchk", "", "'httpchk' expects a word");
	expect("option httpchk a b", "a|", "unexpected word 'b' after 'httpchk'");
}

static void a_parser_that_fails_has_said_why_and_is_not_asked_for_more(void **state)
{
	static const char *const messages[] = { "t.cfg:2: warning: in section 'global': first a warning",
						"t.cfg:2: in section 'global': refused: refuse" };
	struct reading reading;

	(void)state;
	reading_open(&reading, keywords, COUNT(keywords), NULL);
	config_read_text(reading.config, "t.cfg", SLICE("global\n refuse and more words"));
	expect_messages(&reading, messages, COUNT(messages));
	assert_int_equal(config_count(reading.config, CONFIG_WARNING), 1);
	assert_int_equal(config_count(reading.config, CONFIG_ERROR), 1);
	assert_int_equal(config_count(reading.config, CONFIG_NOTICE), 0);
	reading_close(&reading);
}

static void a_name_has_haproxy_s_letters_and_at_most_255(void **state)
{
	char name[257];

	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		const char one[] = { (char)c, 0 };
		bool valid = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     strchr("-_.:", (int)c);

		assert_int_equal(config_name_valid(one), valid);
	}
	assert_false(config_name_valid(""));
	assert_false(config_name_valid("a b"));
	memset(name, 'n', 256);
	name[256] = 0;
	assert_false(config_name_valid(name));
	assert_true(config_name_valid(name + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_word_is_named),
		cmocka_unit_test(words_left_over_are_refused),
		cmocka_unit_test(a_word_is_taken_only_if_it_is_the_one),
		cmocka_unit_test(a_number_is_within_its_bounds),
		cmocka_unit_test(a_time_is_one_and_long_enough),
		cmocka_unit_test(an_unknown_keyword_gets_the_nearest_of_its_section),
		cmocka_unit_test(a_keyword_without_a_parser_is_not_yet_supported),
		cmocka_unit_test(haproxy_s_own_keywords_are_refused_by_name),
		cmocka_unit_test(messages_name_the_keyword_being_parsed),
		cmocka_unit_test(a_parser_that_fails_has_said_why_and_is_not_asked_for_more),
		cmocka_unit_test(a_name_has_haproxy_s_letters_and_at_most_255),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
