/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matcher.h"

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/base/random.h"
#include "substrings.h"

/* Strings of few lengths: one look for each. */
struct lengths {
	struct literals set;
	uint32_t *lengths;
	size_t n;
};

/* Words between delimiters: `lengths` are the numbers of delimiters within a pattern. */
struct words {
	struct lengths spans;
	uint32_t most;  /* of those numbers */
	uint64_t sizes; /* bits of the patterns' lengths, modulo 64 */
	uint8_t kind;   /* bit of delimiters[] */
};

struct network {
	uint8_t prefix, size;
};

struct regex {
	struct slice text;
	pcre2_code *code;
	uint32_t hit;
	bool jit;
};

struct range {
	int64_t min, max;
	uint32_t hit;
};

struct matcher {
	const struct sample *sample;
	enum sample_type type;
	bool nocase;
	struct hits hits;
	uint32_t found;
	uint32_t truth; /* of a boolean */
	struct range *ranges, *sizes;
	size_t n_ranges, n_sizes;
	struct literals whole;
	struct lengths beginnings, ends;
	struct words dirs, doms;
	struct substrings *substrings;
	uint32_t always; /* empty substrings */
	struct regex *regexes;
	size_t n_regexes;
	struct literals addresses; /* masked, behind their prefix */
	struct network *networks;
	size_t n_networks;
};

enum { DIR = 1, DOM = 2 };

#define REGEXES_A_LOOK 16u   /* how many run before another look at the clock */
#define REGEX_TIME     0.005 /* seconds */

/* HAProxy's pat_match_dir() and pat_match_dom(). */
static const uint8_t delimiters[256] = { ['/'] = DIR | DOM, ['?'] = DIR | DOM, ['.'] = DOM, [':'] = DOM };

/* ---- building ---- */

struct matcher *matcher_new(struct arena *arena, const struct sample *sample, const struct patterns *patterns)
{
	struct matcher *matcher = arena_alloc(arena, sizeof(*matcher));
	struct random random;
	uint64_t seed;

	if (!matcher)
		return NULL;
	random_seed_fresh(&random);
	seed = random_bits(&random);
	matcher->sample = sample;
	matcher->type = patterns_type(patterns);
	matcher->nocase = patterns_nocase(patterns);
	matcher->found = matcher->truth = matcher->always = HIT_NONE;
	literals_init(&matcher->whole, seed);
	literals_init(&matcher->beginnings.set, seed);
	literals_init(&matcher->ends.set, seed);
	literals_init(&matcher->dirs.spans.set, seed);
	literals_init(&matcher->doms.spans.set, seed);
	literals_init(&matcher->addresses, seed);
	matcher->dirs.kind = DIR;
	matcher->doms.kind = DOM;
	return matcher;
}

bool matcher_fits(const struct matcher *matcher, const struct sample *sample, const struct patterns *patterns)
{
	return sample_same(matcher->sample, sample) && matcher->type == patterns_type(patterns) &&
	       matcher->nocase == patterns_nocase(patterns);
}

static bool add_length(struct arena *arena, struct lengths *lengths, uint32_t length)
{
	uint32_t *slot;

	for (size_t i = 0; i < lengths->n; i++)
		if (lengths->lengths[i] == length)
			return true;
	slot = arena_grow(arena, &lengths->lengths, &lengths->n, sizeof(*slot));
	if (slot)
		*slot = length;
	return slot != NULL;
}

static bool add_by_length(struct arena *arena, struct matcher *matcher, struct lengths *lengths, struct slice text,
			  uint32_t acl)
{
	return add_length(arena, lengths, (uint32_t)text.len) &&
	       literals_add(arena, &lengths->set, text, acl, &matcher->hits);
}

/* Delimiters around the pattern itself do not count; one that is nothing else matches nothing. */
static bool add_words(struct arena *arena, struct matcher *matcher, struct words *words, struct slice text,
		      uint32_t acl)
{
	uint32_t within = 0;

	while (text.len > 0 && (delimiters[text.ptr[0]] & words->kind))
		text = slice_from(text, 1);
	while (text.len > 0 && (delimiters[text.ptr[text.len - 1]] & words->kind))
		text.len--;
	if (text.len == 0)
		return true;
	for (size_t i = 0; i < text.len; i++)
		within += (delimiters[text.ptr[i]] & words->kind) != 0;
	if (within > words->most)
		words->most = within;
	words->sizes |= 1ull << text.len % 64;
	return add_length(arena, &words->spans, within) &&
	       literals_add(arena, &words->spans.set, text, acl, &matcher->hits);
}

static bool add_substring(struct arena *arena, struct matcher *matcher, struct slice text, uint32_t acl)
{
	if (text.len == 0)
		return hits_add(arena, &matcher->hits, acl, &matcher->always);
	if (!matcher->substrings)
		matcher->substrings = substrings_new(arena);
	return matcher->substrings && substrings_add(arena, matcher->substrings, text, acl, &matcher->hits);
}

static bool add_regex(struct arena *arena, struct matcher *matcher, const struct pattern *pattern, uint32_t acl)
{
	struct regex *slot = arena_grow(arena, &matcher->regexes, &matcher->n_regexes, sizeof(*slot));

	if (!slot)
		return false;
	*slot = (struct regex){ pattern->text, pattern->regex, HIT_NONE, pattern->jit };
	return hits_add(arena, &matcher->hits, acl, &slot->hit);
}

/* The prefix, then the address without what it does not cover: the key of a network. */
static struct slice network_key(const struct address *address, unsigned prefix, uint8_t key[17])
{
	unsigned whole = prefix / 8, left = prefix % 8;

	memset(key, 0, 17);
	key[0] = (uint8_t)prefix;
	memcpy(key + 1, address->bytes, whole);
	if (left)
		key[1 + whole] = (uint8_t)(address->bytes[whole] & 0xff << (8 - left));
	return slice_of(key, 1 + address->size);
}

static bool add_network(struct arena *arena, struct matcher *matcher, const struct pattern *pattern, uint32_t acl)
{
	struct network network = { (uint8_t)pattern->prefix, (uint8_t)pattern->address.size }, *slot;
	uint8_t key[17];
	struct slice text = arena_slice(arena, network_key(&pattern->address, pattern->prefix, key));
	size_t i = 0;

	if (!text.ptr || !literals_add(arena, &matcher->addresses, text, acl, &matcher->hits))
		return false;
	while (i < matcher->n_networks &&
	       (matcher->networks[i].prefix != network.prefix || matcher->networks[i].size != network.size))
		i++;
	if (i < matcher->n_networks)
		return true;
	slot = arena_grow(arena, &matcher->networks, &matcher->n_networks, sizeof(*slot));
	if (slot)
		*slot = network;
	return slot != NULL;
}

static bool add_range(struct arena *arena, struct matcher *matcher, struct range **ranges, size_t *n,
		      const struct pattern *pattern, uint32_t acl)
{
	struct range *slot = arena_grow(arena, ranges, n, sizeof(*slot));

	if (!slot)
		return false;
	*slot = (struct range){ pattern->min, pattern->max, HIT_NONE };
	return hits_add(arena, &matcher->hits, acl, &slot->hit);
}

static bool add_one(struct arena *arena, struct matcher *matcher, enum match_kind kind, const struct pattern *pattern,
		    uint32_t acl)
{
	switch (kind) {
	case MATCH_STR:
		return literals_add(arena, &matcher->whole, pattern->text, acl, &matcher->hits);
	case MATCH_BEG:
		return add_by_length(arena, matcher, &matcher->beginnings, pattern->text, acl);
	case MATCH_END:
		return add_by_length(arena, matcher, &matcher->ends, pattern->text, acl);
	case MATCH_SUB:
		return add_substring(arena, matcher, pattern->text, acl);
	case MATCH_DIR:
		return add_words(arena, matcher, &matcher->dirs, pattern->text, acl);
	case MATCH_DOM:
		return add_words(arena, matcher, &matcher->doms, pattern->text, acl);
	case MATCH_REG:
		return add_regex(arena, matcher, pattern, acl);
	case MATCH_IP:
		return add_network(arena, matcher, pattern, acl);
	case MATCH_INT:
		return add_range(arena, matcher, &matcher->ranges, &matcher->n_ranges, pattern, acl);
	case MATCH_LEN:
		return add_range(arena, matcher, &matcher->sizes, &matcher->n_sizes, pattern, acl);
	case MATCH_BOOL:
	case MATCH_FOUND:
		break;
	}
	return true;
}

bool matcher_add(struct arena *arena, struct matcher *matcher, const struct patterns *patterns, uint32_t acl)
{
	size_t n;
	const struct pattern *list = patterns_list(patterns, &n);

	if (patterns_kind(patterns) == MATCH_FOUND)
		return hits_add(arena, &matcher->hits, acl, &matcher->found);
	if (patterns_kind(patterns) == MATCH_BOOL)
		return hits_add(arena, &matcher->hits, acl, &matcher->truth);
	for (size_t i = 0; i < n; i++)
		if (!add_one(arena, matcher, patterns_kind(patterns), &list[i], acl))
			return false;
	return true;
}

bool matcher_seal(struct arena *arena, struct matcher *matcher)
{
	return !matcher->substrings || substrings_seal(arena, matcher->substrings);
}

/* ---- matching ---- */

static inline void set_bits(const struct matcher *matcher, uint32_t hit, uint64_t *holds)
{
	for (; hit != HIT_NONE; hit = matcher->hits.hits[hit].next) {
		uint32_t acl = matcher->hits.hits[hit].acl;

		holds[acl / 64] |= 1ull << acl % 64;
	}
}

static void match_beginnings(const struct matcher *matcher, struct slice text, uint64_t *holds)
{
	const struct lengths *lengths = &matcher->beginnings;

	for (size_t i = 0; i < lengths->n; i++)
		if (lengths->lengths[i] <= text.len)
			set_bits(matcher, literals_find(&lengths->set, slice_of(text.ptr, lengths->lengths[i])), holds);
}

static void match_ends(const struct matcher *matcher, struct slice text, uint64_t *holds)
{
	const struct lengths *lengths = &matcher->ends;

	for (size_t i = 0; i < lengths->n; i++)
		if (lengths->lengths[i] <= text.len)
			set_bits(matcher,
				 literals_find(&lengths->set, slice_from(text, text.len - lengths->lengths[i])), holds);
}

static size_t word_end(struct slice text, size_t at, uint8_t kind)
{
	while (at < text.len && !(delimiters[text.ptr[at]] & kind))
		at++;
	return at;
}

static bool has_length(const struct lengths *lengths, uint32_t length)
{
	for (size_t i = 0; i < lengths->n; i++)
		if (lengths->lengths[i] == length)
			return true;
	return false;
}

/* Every span of whole words that has as many delimiters within as some pattern. */
static void match_words(const struct matcher *matcher, const struct words *words, struct slice text, uint64_t *holds)
{
	for (size_t start = 0, first; start < text.len; start = first + 1) {
		size_t end = first = word_end(text, start, words->kind);

		for (uint32_t within = 0; end > start; within++) {
			if (words->sizes >> (end - start) % 64 & 1 && has_length(&words->spans, within))
				set_bits(matcher,
					 literals_find(&words->spans.set, slice_of(text.ptr + start, end - start)),
					 holds);
			if (within == words->most || end == text.len)
				break;
			end = word_end(text, end + 1, words->kind);
		}
	}
}

static void match_substrings(const struct matcher *matcher, struct slice text, uint64_t *holds)
{
	struct substrings_cursor cursor = { 0 };
	uint32_t hit;

	while ((hit = substrings_next(matcher->substrings, text, &cursor)) != HIT_NONE)
		set_bits(matcher, hit, holds);
}

/* What is too deep for the compiled code is left to the interpreter, which has other limits. */
static int match_regex(const struct regex *regex, struct slice text, struct rules_scratch *scratch)
{
	const uint8_t *subject = text.len > 0 ? text.ptr : (const uint8_t *)"";
	int result = PCRE2_ERROR_JIT_STACKLIMIT;

	if (regex->jit)
		result = pcre2_jit_match(regex->code, subject, text.len, 0, 0, scratch->match, scratch->limits);
	if (result != PCRE2_ERROR_JIT_STACKLIMIT)
		return result;
	return pcre2_match(regex->code, subject, text.len, 0, PCRE2_NO_JIT, scratch->match, scratch->limits);
}

/* Each regex has a limit of its own; all of one request together have this one. */
static bool is_late(struct rules_scratch *scratch)
{
	double now;

	if (++scratch->regexes % REGEXES_A_LOOK != 0)
		return false;
	now = clock_now();
	if (scratch->until == 0)
		scratch->until = now + REGEX_TIME;
	return now > scratch->until;
}

static void match_regexes(const struct matcher *matcher, struct slice text, struct rules_scratch *scratch,
			  uint64_t *holds)
{
	for (size_t i = 0; i < matcher->n_regexes && !scratch->given_up.ptr; i++) {
		const struct regex *regex = &matcher->regexes[i];
		int result = is_late(scratch) ? PCRE2_ERROR_MATCHLIMIT : match_regex(regex, text, scratch);

		if (result >= 0) {
			set_bits(matcher, regex->hit, holds);
		} else if (result != PCRE2_ERROR_NOMATCH) {
			scratch->given_up = regex->text;
			scratch->limit_hits++;
		}
	}
}

/* Patterns of either family apply to addresses of both: HAProxy's manual, 7.1.6. */
static void match_address(const struct matcher *matcher, const struct address *address, uint64_t *holds)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zeros[12];
	struct address six = { .bytes = { [10] = 0xff, [11] = 0xff }, .size = 16 }, four = { .size = 4 };
	uint8_t key[17];

	memcpy(six.bytes + 16 - address->size, address->bytes, address->size);
	if (memcmp(six.bytes, mapped, 12) == 0 || memcmp(six.bytes, zeros, 12) == 0)
		memcpy(four.bytes, six.bytes + 12, 4);
	else if (six.bytes[0] == 0x20 && six.bytes[1] == 0x02)
		memcpy(four.bytes, six.bytes + 2, 4);
	else
		four.size = 0;
	for (size_t i = 0; i < matcher->n_networks; i++) {
		const struct address *form = matcher->networks[i].size == 4 ? &four : &six;

		if (matcher->networks[i].size == form->size)
			set_bits(
				matcher,
				literals_find(&matcher->addresses, network_key(form, matcher->networks[i].prefix, key)),
				holds);
	}
}

static void match_ranges(const struct matcher *matcher, const struct range *ranges, size_t n, int64_t number,
			 uint64_t *holds)
{
	for (size_t i = 0; i < n; i++)
		if (number >= ranges[i].min && number <= ranges[i].max)
			set_bits(matcher, ranges[i].hit, holds);
}

static struct slice fold(struct rules_scratch *scratch, struct slice text)
{
	if (text.len > sizeof(scratch->fold))
		text.len = sizeof(scratch->fold);
	slice_lower(scratch->fold, text);
	return slice_of(scratch->fold, text.len);
}

static void match_text(const struct matcher *matcher, struct slice text, struct rules_scratch *scratch, uint64_t *holds)
{
	struct slice folded = matcher->nocase ? fold(scratch, text) : text;

	if (matcher->whole.n > 0)
		set_bits(matcher, literals_find(&matcher->whole, folded), holds);
	match_beginnings(matcher, folded, holds);
	match_ends(matcher, folded, holds);
	if (matcher->dirs.spans.n > 0)
		match_words(matcher, &matcher->dirs, folded, holds);
	if (matcher->doms.spans.n > 0)
		match_words(matcher, &matcher->doms, folded, holds);
	set_bits(matcher, matcher->always, holds);
	if (matcher->substrings)
		match_substrings(matcher, folded, holds);
	match_regexes(matcher, text, scratch, holds);
	match_ranges(matcher, matcher->sizes, matcher->n_sizes, (int64_t)text.len, holds);
}

void matcher_run(const struct matcher *matcher, struct request *request, struct rules_scratch *scratch, uint64_t *holds)
{
	struct sample_cursor cursor = { 0 };
	struct sample_value value;

	while (sample_next(matcher->sample, request, scratch, &cursor, &value)) {
		set_bits(matcher, matcher->found, holds);
		if (!sample_cast(&value, matcher->type, scratch))
			continue;
		switch (matcher->type) {
		case SAMPLE_ADDRESS:
			match_address(matcher, &value.address, holds);
			break;
		case SAMPLE_INT:
			match_ranges(matcher, matcher->ranges, matcher->n_ranges, value.number, holds);
			break;
		case SAMPLE_BOOL:
			set_bits(matcher, value.number ? matcher->truth : HIT_NONE, holds);
			break;
		case SAMPLE_STRING:
			match_text(matcher, value.string, scratch, holds);
			break;
		}
	}
}
