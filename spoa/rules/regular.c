/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "regular.h"

#define MOST_TREES 256u
#define MOST_TIMES 100u
#define MOST_DEPTH 40u
#define NO_END     UINT32_MAX

enum tree_kind { NOTHING, BYTES, BEGIN, END, THEN, OR, TIMES };

struct tree {
	enum tree_kind kind;
	uint16_t left, right, set;
	uint32_t min, max; /* NO_END: any number */
};

struct reader {
	struct slice rest;
	bool nocase, relaxed, failed;
	unsigned depth;
	struct tree trees[MOST_TREES];
	uint16_t n;
	struct regular *regular;
};

/* ---- bytes ---- */

static void set_add(struct byte_set *set, unsigned low, unsigned high)
{
	for (unsigned byte = low; byte <= high; byte++)
		set->bits[byte / 64] |= 1ull << byte % 64;
}

static void set_invert(struct byte_set *set)
{
	for (size_t i = 0; i < COUNT(set->bits); i++)
		set->bits[i] = ~set->bits[i];
}

static void set_ignore_case(struct byte_set *set)
{
	for (unsigned byte = 'a'; byte <= 'z'; byte++)
		if (byte_set_has(set, byte) || byte_set_has(set, byte - 0x20)) {
			set_add(set, byte, byte);
			set_add(set, byte - 0x20, byte - 0x20);
		}
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* ---- reading ---- */

static bool is_at(const struct reader *reader, size_t i, uint8_t c)
{
	return reader->rest.len > i && reader->rest.ptr[i] == c;
}

static void skip(struct reader *reader, size_t n)
{
	reader->rest = slice_from(reader->rest, n);
}

static bool skip_if(struct reader *reader, uint8_t c)
{
	bool is = is_at(reader, 0, c);

	if (is)
		skip(reader, 1);
	return is;
}

static uint16_t add_tree(struct reader *reader, struct tree tree)
{
	if (reader->n == MOST_TREES) {
		reader->failed = true;
		return 0;
	}
	reader->trees[reader->n] = tree;
	return reader->n++;
}

static uint16_t add_set(struct reader *reader, struct byte_set set)
{
	struct regular *regular = reader->regular;

	if (regular->n_sets == COUNT(regular->sets)) {
		reader->failed = true;
		return 0;
	}
	regular->sets[regular->n_sets] = set;
	return add_tree(reader, (struct tree){ .kind = BYTES, .set = regular->n_sets++ });
}

static uint16_t add_byte(struct reader *reader, uint8_t byte)
{
	struct byte_set set = { { 0 } };

	set_add(&set, byte, byte);
	if (reader->nocase)
		set_ignore_case(&set);
	return add_set(reader, set);
}

/* "\d", "\W" and the like. False: it is no such letter. */
static bool class_of(uint8_t letter, struct byte_set *set)
{
	*set = (struct byte_set){ { 0 } };
	switch (lower(letter)) {
	case 'd':
		set_add(set, '0', '9');
		break;
	case 's':
		set_add(set, '\t', '\r');
		set_add(set, ' ', ' ');
		break;
	case 'w':
		set_add(set, '0', '9');
		set_add(set, 'A', 'Z');
		set_add(set, 'a', 'z');
		set_add(set, '_', '_');
		break;
	default:
		return false;
	}
	if (letter != lower(letter))
		set_invert(set);
	return true;
}

/* The byte that a backslash before this one means. False: it means something else. */
static bool byte_of(uint8_t c, uint8_t *byte)
{
	static const char letters[] = "nrtf", bytes[] = "\n\r\t\f";
	const char *at = c ? strchr(letters, c) : NULL;

	*byte = at ? (uint8_t)bytes[at - letters] : c;
	return at || !is_alphanumeric(c);
}

static uint16_t add_nothing(struct reader *reader)
{
	return add_tree(reader, (struct tree){ .kind = NOTHING });
}

static uint16_t add_any_text(struct reader *reader)
{
	struct byte_set set = { { 0 } };
	uint16_t any;

	set_invert(&set);
	any = add_set(reader, set);
	return add_tree(reader, (struct tree){ .kind = TIMES, .left = any, .max = NO_END });
}

/* A back reference, or a byte in octal. */
static uint16_t take_reference(struct reader *reader)
{
	while (reader->rest.len > 0 && reader->rest.ptr[0] >= '0' && reader->rest.ptr[0] <= '9')
		skip(reader, 1);
	return add_any_text(reader);
}

static uint16_t take_escape(struct reader *reader)
{
	uint8_t c = reader->rest.len > 1 ? reader->rest.ptr[1] : 'Q', byte;
	struct byte_set set;

	skip(reader, 2);
	if (reader->relaxed && c >= '1' && c <= '9')
		return take_reference(reader);
	if (reader->relaxed && c && strchr("bBAzZGK", c))
		return add_nothing(reader);
	if (class_of(c, &set))
		return add_set(reader, set);
	if (byte_of(c, &byte))
		return add_byte(reader, byte);
	reader->failed = true;
	return 0;
}

/* One byte of a class, plain or behind a backslash. False: it is none. */
static bool take_class_byte(struct reader *reader, uint8_t *byte)
{
	if (reader->rest.len == 0)
		return false;
	if (!is_at(reader, 0, '\\')) {
		*byte = reader->rest.ptr[0];
		skip(reader, 1);
		return true;
	}
	if (reader->rest.len < 2 || !byte_of(reader->rest.ptr[1], byte))
		return false;
	skip(reader, 2);
	return true;
}

/* "a", "a-z" or "\d", into *set. False: something else. */
static bool take_class_item(struct reader *reader, struct byte_set *set)
{
	struct byte_set more;
	uint8_t low, high;

	if (is_at(reader, 0, '[') && (is_at(reader, 1, ':') || is_at(reader, 1, '.') || is_at(reader, 1, '=')))
		return false;
	if (is_at(reader, 0, '\\') && reader->rest.len > 1 && class_of(reader->rest.ptr[1], &more)) {
		for (size_t i = 0; i < COUNT(more.bits); i++)
			set->bits[i] |= more.bits[i];
		skip(reader, 2);
		return !is_at(reader, 0, '-') || is_at(reader, 1, ']');
	}
	if (!take_class_byte(reader, &low))
		return false;
	high = low;
	if (is_at(reader, 0, '-') && !is_at(reader, 1, ']')) {
		skip(reader, 1);
		if (is_at(reader, 0, '[') || !take_class_byte(reader, &high) || high < low)
			return false;
	}
	set_add(set, low, high);
	return true;
}

/* "[^]a-z\]]" */
static uint16_t take_class(struct reader *reader)
{
	struct byte_set set = { { 0 } };
	bool negated;

	skip(reader, 1);
	negated = skip_if(reader, '^');
	for (bool first = true; !reader->failed && (first || !is_at(reader, 0, ']')); first = false)
		reader->failed |= !take_class_item(reader, &set);
	skip(reader, 1);
	if (reader->nocase)
		set_ignore_case(&set);
	if (negated)
		set_invert(&set);
	return add_set(reader, set);
}

static uint16_t take_any(struct reader *reader)
{
	struct byte_set set = { { 0 } };

	skip(reader, 1);
	set_add(&set, '\n', '\n');
	set_invert(&set);
	return add_set(reader, set);
}

static uint16_t take_ways(struct reader *reader);

/* Behind "(": how long the begin of a look ahead or behind is; 0: it is another group. */
static size_t assertion(const struct reader *reader)
{
	size_t at = is_at(reader, 1, '<') ? 2 : 1;

	return is_at(reader, 0, '?') && (is_at(reader, at, '=') || is_at(reader, at, '!')) ? at + 1 : 0;
}

/* "(…)" or "(?:…)": all that others would capture is of no use here. */
static uint16_t take_group(struct reader *reader)
{
	size_t asserts = 0;
	uint16_t tree;

	skip(reader, 1);
	if (reader->relaxed && (asserts = assertion(reader)) > 0)
		skip(reader, asserts);
	else if (is_at(reader, 0, '?') && (is_at(reader, 1, ':') || (reader->relaxed && is_at(reader, 1, '>'))))
		skip(reader, 2);
	reader->failed |= is_at(reader, 0, '?') || is_at(reader, 0, '*') || ++reader->depth > MOST_DEPTH;
	if (reader->failed)
		return 0;
	tree = take_ways(reader);
	reader->failed |= !skip_if(reader, ')');
	reader->depth--;
	return asserts ? add_nothing(reader) : tree;
}

static uint16_t take_mark(struct reader *reader, enum tree_kind kind)
{
	skip(reader, 1);
	/* what a quantifier means here is not worth finding out */
	reader->failed |=
		is_at(reader, 0, '*') || is_at(reader, 0, '+') || is_at(reader, 0, '?') || is_at(reader, 0, '{');
	return add_tree(reader, (struct tree){ .kind = kind });
}

static uint16_t take_atom(struct reader *reader)
{
	uint8_t c = reader->rest.ptr[0];

	switch (c) {
	case '(':
		return take_group(reader);
	case '[':
		return take_class(reader);
	case '\\':
		return take_escape(reader);
	case '.':
		return take_any(reader);
	case '^':
		return take_mark(reader, BEGIN);
	case '$':
		return take_mark(reader, END);
	case '{': /* a plain one, or not, by the version of PCRE2 */
	case '*':
	case '+':
	case '?':
		reader->failed = true;
		return 0;
	default:
		skip(reader, 1);
		return add_byte(reader, c);
	}
}

static bool take_number(struct reader *reader, uint32_t *number)
{
	size_t length = 0;
	uint64_t natural;

	while (length < reader->rest.len && reader->rest.ptr[length] >= '0' && reader->rest.ptr[length] <= '9')
		length++;
	if (!slice_to_natural(slice_of(reader->rest.ptr, length), MOST_TIMES, &natural))
		return false;
	skip(reader, length);
	*number = (uint32_t)natural;
	return true;
}

/* "2}", "2,}" or "2,3}" */
static bool take_bounds(struct reader *reader, struct tree *tree)
{
	if (!take_number(reader, &tree->min))
		return false;
	tree->max = tree->min;
	if (skip_if(reader, ',')) {
		tree->max = NO_END;
		if (!is_at(reader, 0, '}') && (!take_number(reader, &tree->max) || tree->max < tree->min))
			return false;
	}
	return skip_if(reader, '}');
}

/* Lazy or not, the same texts match; what is possessive gives nothing back, and so is more than regular. */
static uint16_t take_quantifier(struct reader *reader, uint16_t atom)
{
	struct tree tree = { .kind = TIMES, .left = atom, .max = NO_END };

	if (skip_if(reader, '{'))
		reader->failed |= !take_bounds(reader, &tree);
	else if (skip_if(reader, '?'))
		tree.max = 1;
	else if (skip_if(reader, '+'))
		tree.min = 1;
	else if (!skip_if(reader, '*'))
		return atom;
	if (!skip_if(reader, '?') && reader->relaxed)
		skip_if(reader, '+');
	reader->regular->unbounded |= tree.max == NO_END;
	reader->failed |=
		is_at(reader, 0, '*') || is_at(reader, 0, '+') || is_at(reader, 0, '?') || is_at(reader, 0, '{');
	return add_tree(reader, tree);
}

static uint16_t take_row(struct reader *reader)
{
	uint16_t row = add_nothing(reader);

	while (reader->rest.len > 0 && !reader->failed && !is_at(reader, 0, '|') && !is_at(reader, 0, ')')) {
		uint16_t atom = take_quantifier(reader, take_atom(reader));

		row = add_tree(reader, (struct tree){ .kind = THEN, .left = row, .right = atom });
	}
	return row;
}

static uint16_t take_ways(struct reader *reader)
{
	uint16_t ways = take_row(reader);

	while (!reader->failed && skip_if(reader, '|')) {
		uint16_t row = take_row(reader);

		ways = add_tree(reader, (struct tree){ .kind = OR, .left = ways, .right = row });
	}
	return ways;
}

/* ---- from trees to nodes ---- */

static uint16_t add_node(struct reader *reader, struct regular_node node)
{
	struct regular *regular = reader->regular;

	if (regular->n == COUNT(regular->nodes)) {
		reader->failed = true;
		return 0;
	}
	regular->nodes[regular->n] = node;
	return regular->n++;
}

static uint16_t either(struct reader *reader, uint16_t next, uint16_t other)
{
	return add_node(reader, (struct regular_node){ .kind = REGULAR_EITHER, .next = next, .other = other });
}

static uint16_t emit(struct reader *reader, uint16_t at, uint16_t next);

static uint16_t emit_times(struct reader *reader, const struct tree *tree, uint16_t next)
{
	uint16_t at = next;
	uint32_t left = tree->min;

	if (tree->max == NO_END) {
		uint16_t loop = either(reader, 0, next), body = emit(reader, tree->left, loop);

		reader->regular->nodes[loop].next = body;
		at = tree->min > 0 ? body : loop;
		left -= tree->min > 0;
	} else {
		for (uint32_t i = tree->min; i < tree->max && !reader->failed; i++)
			at = either(reader, emit(reader, tree->left, at), next);
	}
	for (; left > 0 && !reader->failed; left--)
		at = emit(reader, tree->left, at);
	return at;
}

/* The node where what this tree says begins, and is followed by `next`. */
static uint16_t emit(struct reader *reader, uint16_t at, uint16_t next)
{
	const struct tree *tree = &reader->trees[at];

	if (reader->failed)
		return 0;
	switch (tree->kind) {
	case NOTHING:
		return next;
	case BYTES:
		return add_node(reader, (struct regular_node){ .kind = REGULAR_BYTES, .next = next, .set = tree->set });
	case BEGIN:
		return add_node(reader, (struct regular_node){ .kind = REGULAR_BEGIN, .next = next });
	case END:
		return add_node(reader, (struct regular_node){ .kind = REGULAR_END, .next = next });
	case THEN:
		return emit(reader, tree->left, emit(reader, tree->right, next));
	case OR:
		return either(reader, emit(reader, tree->left, next), emit(reader, tree->right, next));
	case TIMES:
		return emit_times(reader, tree, next);
	}
	return 0;
}

bool regular_read(struct slice regex, bool nocase, bool relaxed, struct regular *regular)
{
	struct reader reader = { .rest = regex, .nocase = nocase, .relaxed = relaxed, .regular = regular };
	uint16_t ways;

	regular->n = regular->n_sets = 0;
	regular->unbounded = false;
	add_node(&reader, (struct regular_node){ .kind = REGULAR_MATCH });
	ways = take_ways(&reader);
	if (reader.failed || reader.rest.len > 0)
		return false;
	regular->start = emit(&reader, ways, 0);
	return !reader.failed;
}
