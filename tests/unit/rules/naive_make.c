/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "naive.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "spoa-redirect/base/slice.h"

/* ---- chance ---- */

static uint64_t chance_state;

void naive_seed(uint64_t seed)
{
	chance_state = seed;
}

static unsigned below(unsigned n)
{
	uint64_t z = chance_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) % n);
}

static bool once_in(unsigned n)
{
	return below(n) == 0;
}

/* ---- texts: patterns and values are cut from the same few pieces, so that they meet ---- */

static struct text pieces[8];
/* What half of the sets of rules have most lines about, for then many patterns share an index. */
static struct expression focus;
static bool focused;

static unsigned least; /* length of a pattern in this set of rules */

static void put(struct text *text, char c)
{
	if (text->len < MOST_TEXT)
		text->bytes[text->len++] = c;
}

static void put_string(struct text *text, const char *string)
{
	while (*string)
		put(text, *string++);
}

static void put_random(struct text *text, unsigned n)
{
	static const char alphabet[] = "aaabbbcAB//??..::-";

	while (n-- > 0)
		put(text, alphabet[below(sizeof(alphabet) - 1)]);
}

/* Part of a piece, some of it in the other case. */
static void put_part(struct text *text)
{
	const struct text *piece = &pieces[below(COUNT(pieces))];
	size_t from = once_in(2) ? 0 : below((unsigned)piece->len + 1);
	size_t to = once_in(2) ? piece->len : from + below((unsigned)(piece->len - from) + 1);
	bool turn = once_in(4);

	for (; from < to; from++) {
		char c = piece->bytes[from];

		put(text, turn && once_in(3) && strchr("abcAB", c) ? c ^ 0x20 : c);
	}
}

static void make_pieces(void)
{
	static const unsigned leasts[] = { 0, 0, 0, 1, 1, 2, 3, 5, 12, 34 };

	least = leasts[below(COUNT(leasts))];
	for (size_t i = 0; i < COUNT(pieces); i++) {
		pieces[i].len = 0;
		put_random(&pieces[i], least + below(once_in(4) ? 12 : 5));
	}
}

static const char *const addresses[] = { "10.1.2.3",        "10.1.2.130",       "192.0.2.129",
					 "2001:db8::1",     "2001:db8:8000::1", "::1",
					 "::ffff:10.1.2.3", "::10.1.2.3",       "fe80::a",
					 "2002:a01:203::",  "::fffe:a01:203",   "2002:c000:281::5",
					 "127.0.0.1" };

static const char *const networks[] = { "10.0.0.0/8",    "10.1.2.3",         "10.1.0.0/16",   "0.0.0.0/0",
					"10.1.2.0/25",   "192.0.2.128/25",   "10.1.2.3/32",   "10.1.2.0/255.255.255.0",
					"::/0",          "2001:db8::/32",    "2001:db8::1",   "2001:db8:8000::/33",
					"::1/128",       "::ffff:10.1.2.3",  "::ffff:0:0/96", "2002:a01:200::/39",
					"10.1.2.131/31", "10.255.255.255/9", "fe80::/10",     "::10.1.2.0/120" };

/* ---- rules ---- */

static void make_pattern(const struct expression *expression, struct text *pattern)
{
	pattern->len = 0;
	if (expression->way == REG) {
		put_string(pattern, naive_regexes[below((unsigned)naive_regex_count)]);
	} else if (expression->way == IP) {
		put_string(pattern, networks[below(COUNT(networks))]);
	} else if (expression->sample == METHOD && !once_in(4)) {
		put_string(pattern, once_in(2) ? "GET" : "post");
	} else if (once_in(6)) {
		put_random(pattern, least + below(3));
	} else {
		if (once_in(8))
			put_random(pattern, 1);
		put_part(pattern);
		if (once_in(8))
			put_part(pattern);
	}
	if (expression->way != REG && expression->way != IP && pattern->len < least)
		put_random(pattern, least - (unsigned)pattern->len);
}

static void choose_way(struct expression *expression)
{
	expression->sample = below(SAMPLES);
	expression->y = below(3);
	expression->way = below(WAYS);
	if (once_in(expression->sample == SRC ? 1 : 20) && !once_in(5))
		expression->way = IP;
	expression->nocase = once_in(3);
}

static void make_expression(struct expression *expression)
{
	choose_way(expression);
	if (focused && !once_in(4)) {
		expression->sample = focus.sample;
		expression->y = focus.y;
		expression->nocase = focus.nocase;
		expression->way = once_in(4) ? expression->way : focus.way;
	}
	expression->suffixed = expression->way != FOUND && once_in(3);
	expression->n = expression->way == FOUND ? 0 : 1 + below(once_in(20) ? MOST_PATTERNS : 4);
	for (size_t i = 0; i < expression->n; i++)
		make_pattern(expression, &expression->patterns[i]);
}

/* One in so many is a negation: of many rules the first shall not always hold. */
static unsigned often = 4;

static void make_condition(struct line *line, const unsigned *names, unsigned n_names)
{
	line->unless = once_in(often);
	line->n = once_in(2) ? 1 : often == 4 ? below(MOST_TERMS + 1) : 1 + below(MOST_TERMS);
	for (size_t i = 0; i < line->n; i++) {
		struct term *term = &line->terms[i];

		term->negated = once_in(often);
		term->twice = once_in(8);
		term->starts_group = i == 0 || once_in(3);
		term->acl = n_names == 0 || once_in(3) ? -1 : (int)names[below(n_names)];
		if (term->acl < 0)
			make_expression(&term->anonymous);
	}
}

void naive_make_rules(struct rules *rules, bool wide)
{
	unsigned names[MOST_LINES], n_names = 0, n_acls;

	make_pieces();
	focused = once_in(2);
	choose_way(&focus);
	rules->n = wide ? MOST_LINES : 2 + below(14);
	n_acls = once_in(2) ? 90 : 20;
	often = wide ? 20 : 4;
	for (unsigned i = 0; i < rules->n; i++) {
		struct line *line = &rules->lines[i];
		unsigned dice = wide ? i < n_acls ? 0 : 9 : below(16);

		line->kind = dice < 8 ? ACL : dice < 15 ? USE_BACKEND : DEFAULT_BACKEND;
		line->name = i;
		if (line->kind == ACL) {
			line->name = names[n_names++] = wide ? i : below(5);
			make_expression(&line->expression);
			if (wide) {
				line->expression.sample = Y;
				line->expression.y = i % Y_ARGUMENTS;
				line->expression.nocase = i >= Y_ARGUMENTS;
			}
		} else if (line->kind == USE_BACKEND) {
			make_condition(line, names, n_names);
		}
	}
}

/* ---- requests ---- */

static void make_value(struct text *text, const char *start)
{
	text->len = 0;
	put_string(text, start);
	for (unsigned n = below(4); n > 0; n--) {
		put_part(text);
		if (once_in(3))
			put_random(text, 1 + below(2));
	}
}

static void make_header(struct header *header)
{
	static const char *const between[] = { ",", ", ", " ,", ",,", "\",", "\"", "\\\"", "\t" };

	header->name = once_in(2) ? HOST : XA;
	header->value.len = 0;
	for (unsigned n = below(4); n > 0; n--) {
		if (once_in(5))
			put_string(&header->value, addresses[below(COUNT(addresses))]);
		else
			put_part(&header->value);
		if (once_in(2))
			put_string(&header->value, between[below(COUNT(between))]);
	}
}

static void make_src(struct wish *wish)
{
	const char *text = addresses[below(COUNT(addresses))];

	wish->src_size = strchr(text, ':') ? 16 : 4;
	inet_pton(wish->src_size == 4 ? AF_INET : AF_INET6, text, wish->src);
	if (once_in(3))
		wish->src[below(wish->src_size)] ^= (uint8_t)(1 << below(8));
}

void naive_make_wish(struct wish *wish)
{
	for (unsigned i = 0; i < SAMPLES; i++)
		wish->has[i] = !once_in(8);
	make_value(&wish->texts[PATH], once_in(8) ? "" : "/");
	make_value(&wish->texts[QUERY], "");
	make_value(&wish->texts[METHOD], "");
	if (!once_in(4)) {
		wish->texts[METHOD].len = 0;
		put_string(&wish->texts[METHOD], once_in(2) ? "GET" : "POST");
	}
	make_value(&wish->texts[Y], "");
	make_src(wish);
	wish->blob = once_in(2);
	wish->n_headers = below(MOST_HEADERS + 1);
	if (!wish->blob && wish->n_headers > 2)
		wish->n_headers = 2;
	for (size_t i = 0; i < wish->n_headers; i++)
		make_header(&wish->headers[i]);
	if (!wish->blob && wish->n_headers == 2)
		wish->headers[1].name = wish->headers[0].name == HOST ? XA : HOST;
	wish->y_kind = once_in(2) ? Y_STRING : below(4);
	wish->number = once_in(2) ? (int)below(20) - 10 : (int64_t)1 << below(63);
	wish->y_arguments = (uint64_t)below(0x10000) << 32 ^ (uint64_t)below(0x10000) << 16 ^ below(0x10000);
}

/* ---- as a configuration ---- */

const char *const naive_sample_names[SAMPLES] = { "path", "query", "hdr", "hdr", "method", "src", "arg" };
static const char *const sample_arguments[] = { "", "", "(host)", "(x-a)", "", "", "(y%u)" };
static const char *const ways[] = { "str", "beg", "end", "sub", "dir", "dom", "reg", "ip", "found" };

static void print_text(const struct text *text, FILE *out)
{
	fprintf(out, " '%.*s'", (int)text->len, text->bytes);
}

static void print_expression(const struct expression *expression, FILE *out)
{
	char argument[16];

	snprintf(argument, sizeof(argument), sample_arguments[expression->sample], expression->y);
	fprintf(out, " %s", naive_sample_names[expression->sample]);
	if (expression->suffixed)
		fprintf(out, "_%s%s", ways[expression->way], argument);
	else
		fprintf(out, "%s -m %s", argument, ways[expression->way]);
	fputs(expression->nocase ? " -i" : "", out);
	if (expression->n > 0 && expression->patterns[0].len > 0 && expression->patterns[0].bytes[0] == '-')
		fputs(" --", out);
	for (size_t i = 0; i < expression->n; i++)
		print_text(&expression->patterns[i], out);
}

static void print_condition(const struct line *line, FILE *out)
{
	for (size_t i = 0; i < line->n; i++) {
		const struct term *term = &line->terms[i];

		fputs(i == 0 ? line->unless ? " unless" : " if" : term->starts_group ? " or" : "", out);
		fputs(term->twice ? term->acl % 2 ? " ! !" : " !!" : " ", out);
		fputs(term->negated ? "!" : "", out);
		if (term->acl >= 0) {
			fprintf(out, "n%d", term->acl);
		} else {
			fputs("{", out);
			print_expression(&term->anonymous, out);
			fputs(" }", out);
		}
	}
}

void naive_print_rules(const struct rules *rules, FILE *out)
{
	fputs("frontend route\n", out);
	for (size_t i = 0; i < rules->n; i++) {
		const struct line *line = &rules->lines[i];

		if (line->kind == ACL) {
			fprintf(out, "  acl n%u", line->name);
			print_expression(&line->expression, out);
		} else {
			fprintf(out, "  %s b%u", line->kind == USE_BACKEND ? "use_backend" : "default_backend",
				line->name);
			print_condition(line, out);
		}
		fputs("\n", out);
	}
}
