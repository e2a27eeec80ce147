/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define MAX_NAME    64u
#define MAX_COLUMNS 40u
#define MAX_SERVERS 100000u
#define AROUND      5u  /* lines of a screen that are no server's */
#define SMOOTHING   5.0 /* seconds, of rates */
#define BAR         20u /* columns, where there is room */

struct row {
	char backend[MAX_NAME], server[MAX_NAME], status[12], weight[8];
	double age, u, under_way; /* −1: unknown */
	uint64_t redirects;
	double rate, share; /* a second; of its backend's */
	size_t number;      /* as configured */
	bool whole;         /* the names are */
};

struct reason {
	char name[24];
	uint64_t total;
	double rate;
};

struct top_view {
	struct row *rows;
	size_t n;
	struct reason reasons[16];
	size_t n_reasons;
	char version[24], pid[16], uptime[24], connections[16];
	char why[200];  /* no answer comes; "" */
	double now;     /* of the last answer; 0: none came yet */
	bool has_rates; /* two answers came from the same process */
	enum top_order order;
	size_t first;                                   /* shown */
	size_t at;                                      /* the row that keys are for */
	char at_backend[MAX_NAME], at_server[MAX_NAME]; /* whose it is; "": nobody's yet */
	char command[2 * MAX_NAME + 40];                /* that was chosen; "": none */
	bool asking, agreed;                            /* whether to; it is to be sent */
	char told[200];                                 /* what came of the last one; "" */
};

static const char *const order_names[TOP_ORDERS] = {
	[TOP_AS_CONFIGURED] = "as configured", [TOP_BY_LOAD] = "load", [TOP_BY_RATE] = "rate", [TOP_BY_STATE] = "state"
};

struct top_view *top_view_new(void)
{
	return calloc(1, sizeof(struct top_view));
}

void top_view_free(struct top_view *view)
{
	if (view)
		free(view->rows);
	free(view);
}

size_t top_view_servers(const struct top_view *view)
{
	return view->n;
}

/* ---- reading ---- */

static bool take_line(struct slice *in, struct slice *line)
{
	const uint8_t *end = in->len > 0 ? memchr(in->ptr, '\n', in->len) : NULL;

	if (!end)
		return false;
	*line = slice_of(in->ptr, (size_t)(end - in->ptr));
	*in = slice_from(*in, line->len + 1);
	return true;
}

/* What a terminal may be shown. False: that is not all of it. */
static bool copy(char *to, size_t size, struct slice from)
{
	size_t n = from.len < size - 1 ? from.len : size - 1;
	bool whole = n == from.len;

	for (size_t i = 0; i < n; i++) {
		to[i] = from.ptr[i] >= ' ' && from.ptr[i] < 0x7f ? (char)from.ptr[i] : '.';
		whole &= (uint8_t)to[i] == from.ptr[i];
	}
	to[n] = 0;
	return whole;
}

static size_t split(struct slice line, struct slice words[MAX_COLUMNS])
{
	size_t n = 0, at = 0;

	while (n < MAX_COLUMNS) {
		size_t begin;

		while (at < line.len && line.ptr[at] == ' ')
			at++;
		begin = at;
		while (at < line.len && line.ptr[at] != ' ')
			at++;
		if (begin == at)
			break;
		words[n++] = slice_of(line.ptr + begin, at - begin);
	}
	return n;
}

/* A table: its columns by name, and the words of the line that is read. */
struct table {
	struct slice columns[MAX_COLUMNS], words[MAX_COLUMNS];
	size_t n_columns, n;
};

/* "" where the line has no such column. */
static struct slice cell(const struct table *table, const char *column)
{
	for (size_t i = 0; i < table->n_columns && i < table->n; i++)
		if (slice_eq(table->columns[i], slice_of_string(column)))
			return table->words[i];
	return (struct slice){ 0 };
}

/* −1: unknown. */
static double number(struct slice word)
{
	char text[32], *end;
	double value;

	copy(text, sizeof(text), word);
	value = strtod(text, &end);
	return end != text && !*end && isfinite(value) && value >= 0 ? value : -1;
}

static uint64_t count(struct slice word)
{
	uint64_t value;

	return slice_to_natural(word, UINT64_MAX, &value) ? value : 0;
}

/* ---- what an answer says ---- */

/* One that is being read, beside the one before. */
struct answer {
	struct row *rows;
	size_t n;
	struct reason reasons[16];
	size_t n_reasons;
	char version[24], pid[16], uptime[24], connections[16];
};

static void take_info(struct answer *answer, struct slice name, struct slice value)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} texts[] = { { "Version", answer->version, sizeof(answer->version) },
		      { "Pid", answer->pid, sizeof(answer->pid) },
		      { "Uptime", answer->uptime, sizeof(answer->uptime) },
		      { "CurrConns", answer->connections, sizeof(answer->connections) } };

	for (size_t i = 0; i < COUNT(texts); i++)
		if (slice_eq(name, slice_of_string(texts[i].name)))
			copy(texts[i].to, texts[i].size, value);
	if (slice_starts(name, SLICE("Decisions_")) && answer->n_reasons < COUNT(answer->reasons)) {
		struct reason *reason = &answer->reasons[answer->n_reasons++];

		copy(reason->name, sizeof(reason->name), slice_from(name, 10));
		reason->total = count(value);
	}
}

static void take_load(struct answer *answer, const struct table *table)
{
	struct row *row, *bigger;

	if (answer->n == MAX_SERVERS)
		return;
	bigger = realloc(answer->rows, (answer->n + 1) * sizeof(*bigger));
	if (!bigger)
		return;
	answer->rows = bigger;
	row = &answer->rows[answer->n];
	*row = (struct row){ .number = answer->n };
	answer->n++;
	row->whole = copy(row->backend, sizeof(row->backend), cell(table, "be_name")) &&
		     copy(row->server, sizeof(row->server), cell(table, "srv_name"));
	copy(row->status, sizeof(row->status), cell(table, "status"));
	row->age = number(cell(table, "age"));
	row->u = number(cell(table, "u"));
	row->under_way = number(cell(table, "under_way"));
	row->redirects = count(cell(table, "redirects"));
}

/* Both tables have the servers in the same order, unless one came or went between them. */
static struct row *find(struct row *rows, size_t n, const char *backend, const char *server, size_t guess)
{
	for (size_t i = 0; i < n; i++) {
		struct row *row = &rows[(guess + i) % n];

		if (strcmp(row->server, server) == 0 && strcmp(row->backend, backend) == 0)
			return row;
	}
	return NULL;
}

static void take_state(struct answer *answer, const struct table *table, size_t guess)
{
	char backend[MAX_NAME], server[MAX_NAME];
	struct row *row;

	copy(backend, sizeof(backend), cell(table, "be_name"));
	copy(server, sizeof(server), cell(table, "srv_name"));
	row = answer->n > 0 ? find(answer->rows, answer->n, backend, server, guess) : NULL;
	if (row)
		copy(row->weight, sizeof(row->weight), cell(table, "srv_uweight"));
}

static void take_table_line(struct answer *answer, struct table *table, struct slice line, size_t *nth)
{
	if (slice_starts(line, SLICE("# "))) {
		table->n_columns = split(slice_from(line, 2), table->columns);
		*nth = 0;
		return;
	}
	table->n = split(line, table->words);
	if (table->n < 5 || table->n_columns == 0)
		return;
	if (cell(table, "under_way").ptr)
		take_load(answer, table);
	else if (cell(table, "srv_uweight").ptr)
		take_state(answer, table, (*nth)++);
}

static void read_answer(struct answer *answer, struct slice in)
{
	struct table table = { .n_columns = 0 };
	size_t nth = 0;
	struct slice line;

	while (take_line(&in, &line)) {
		const uint8_t *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
		size_t before = colon ? (size_t)(colon - line.ptr) : 0;

		if (table.n_columns == 0 && colon && !slice_starts(line, SLICE("#")))
			take_info(answer, slice_of(line.ptr, before), slice_trim(slice_from(line, before + 1)));
		else
			take_table_line(answer, &table, line, &nth);
	}
}

/* ---- rates ---- */

static void smooth(double *rate, double before, uint64_t now, uint64_t then, double seconds, bool first)
{
	double fresh = now >= then ? (double)(now - then) / seconds : 0;

	*rate = first ? fresh : before + (1 - exp(-seconds / SMOOTHING)) * (fresh - before);
}

static void count_shares(struct row *rows, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		double sum = 0;

		for (end = i; end < n && strcmp(rows[end].backend, rows[i].backend) == 0; end++)
			sum += rows[end].rate;
		for (size_t j = i; j < end; j++)
			rows[j].share = sum > 0 ? rows[j].rate / sum : 0;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

static void count_rates(const struct top_view *view, struct answer *answer, double seconds)
{
	bool first = !view->has_rates;

	if (view->n > 0)
		qsort(view->rows, view->n, sizeof(*view->rows), by_number);
	for (size_t i = 0; view->n > 0 && i < answer->n; i++) {
		struct row *row = &answer->rows[i], *before = find(view->rows, view->n, row->backend, row->server, i);

		if (before)
			smooth(&row->rate, before->rate, row->redirects, before->redirects, seconds, first);
	}
	for (size_t i = 0; i < answer->n_reasons && i < view->n_reasons; i++)
		smooth(&answer->reasons[i].rate, view->reasons[i].rate, answer->reasons[i].total,
		       view->reasons[i].total, seconds, first);
	count_shares(answer->rows, answer->n);
}

bool top_view_take(struct top_view *view, struct slice in, double now)
{
	struct answer answer = { .n = 0 };
	bool same;

	read_answer(&answer, in);
	if (!*answer.version || !*answer.pid) {
		free(answer.rows);
		return false;
	}
	same = view->now > 0 && now > view->now && strcmp(view->pid, answer.pid) == 0;
	if (same)
		count_rates(view, &answer, now - view->now);
	view->has_rates = same;
	free(view->rows);
	view->rows = answer.rows;
	view->n = answer.n;
	memcpy(view->reasons, answer.reasons, sizeof(view->reasons));
	view->n_reasons = answer.n_reasons;
	memcpy(view->version, answer.version, sizeof(view->version));
	memcpy(view->pid, answer.pid, sizeof(view->pid));
	memcpy(view->uptime, answer.uptime, sizeof(view->uptime));
	memcpy(view->connections, answer.connections, sizeof(view->connections));
	view->now = now;
	view->why[0] = 0;
	return true;
}

void top_view_fail(struct top_view *view, const char *why)
{
	snprintf(view->why, sizeof(view->why), "%s", why ? why : "");
}

/* ---- order ---- */

static int descending(double a, double b)
{
	return (a < b) - (a > b);
}

static int by_load(const void *a, const void *b)
{
	int order = descending(((const struct row *)a)->u, ((const struct row *)b)->u);

	return order ? order : by_number(a, b);
}

static int by_rate(const void *a, const void *b)
{
	int order = descending(((const struct row *)a)->rate, ((const struct row *)b)->rate);

	return order ? order : by_number(a, b);
}

/* What is up comes last: one looks for the others. */
static int by_state(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = strcmp(left->status, right->status);

	return order ? order : by_number(a, b);
}

static void sort(struct top_view *view)
{
	static int (*const comparisons[TOP_ORDERS])(const void *a, const void *b) = { by_number, by_load, by_rate,
										      by_state };

	if (view->n > 0)
		qsort(view->rows, view->n, sizeof(*view->rows), comparisons[view->order]);
}

/* ---- keys ---- */

static size_t shown_at_once(unsigned rows)
{
	return rows > AROUND ? rows - AROUND : 1;
}

static void choose(struct top_view *view, size_t at)
{
	view->at = at;
	view->at_backend[0] = view->at_server[0] = 0;
	if (at >= view->n)
		return;
	memcpy(view->at_backend, view->rows[at].backend, MAX_NAME);
	memcpy(view->at_server, view->rows[at].server, MAX_NAME);
}

/* Rows have come, gone, or another order: the choice stays with its server, else with its place. */
static void keep_choice(struct top_view *view)
{
	struct row *row = view->n > 0 ? find(view->rows, view->n, view->at_backend, view->at_server, view->at) : NULL;

	if (row)
		view->at = (size_t)(row - view->rows);
	else
		choose(view, view->at < view->n ? view->at : view->n > 0 ? view->n - 1 : 0);
}

/* So far that the choice is on the screen. */
static void scroll(struct top_view *view, size_t page)
{
	if (view->first + page > view->n)
		view->first = view->n > page ? view->n - page : 0;
	if (view->at < view->first)
		view->first = view->at;
	else if (view->at >= view->first + page)
		view->first = view->at - page + 1;
}

static void move(struct top_view *view, bool down, size_t by)
{
	size_t last = view->n > 0 ? view->n - 1 : 0;

	if (down)
		choose(view, by < last - view->at ? view->at + by : last);
	else
		choose(view, by < view->at ? view->at - by : 0);
}

static void begin_command(struct top_view *view, int key)
{
	const struct row *row = view->at < view->n ? &view->rows[view->at] : NULL;

	view->asking = row && row->whole &&
		       top_command(view->command, sizeof(view->command), key, row->backend, row->server, row->weight);
}

static bool plain_key(struct top_view *view, int key, size_t page)
{
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 's':
		view->order = (view->order + 1) % TOP_ORDERS;
		sort(view);
		choose(view, 0);
		break;
	case TOP_UP:
	case TOP_DOWN:
		move(view, key == TOP_DOWN, 1);
		break;
	case TOP_PAGE_UP:
	case TOP_PAGE_DOWN:
		move(view, key == TOP_PAGE_DOWN, page);
		break;
	case TOP_HOME:
	case TOP_END:
		move(view, key == TOP_END, view->n);
		break;
	default:
		begin_command(view, key);
		break;
	}
	return true;
}

bool top_view_key(struct top_view *view, int key, unsigned rows)
{
	view->told[0] = 0;
	view->agreed = false;
	if (!view->asking)
		return plain_key(view, key, shown_at_once(rows));
	view->asking = false;
	view->agreed = key == 'y' || key == 'Y';
	return true;
}

const char *top_view_command(struct top_view *view)
{
	bool agreed = view->agreed;

	view->agreed = false;
	return agreed ? view->command : NULL;
}

void top_view_answer(struct top_view *view, struct slice answer)
{
	char text[sizeof(view->told)];

	answer = slice_trim(answer);
	for (size_t i = 0; i < answer.len; i++)
		if (answer.ptr[i] == '\n')
			answer.len = i;
	copy(text, sizeof(text), answer);
	snprintf(view->told, sizeof(view->told), "%s", *text ? text : "Done.");
}

/* ---- drawing ---- */

struct screen {
	FILE *out;
	unsigned columns;
	bool terminal, colours;
};

static void put_line(const struct screen *screen, const char *style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Cut to the screen's width; all text is ASCII. */
static void put_line(const struct screen *screen, const char *style, const char *format, ...)
{
	bool styled = screen->colours && style;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(screen->out, "%s%.*s%s%s\n", styled ? style : "", (int)screen->columns, text, styled ? "\033[0m" : "",
		screen->terminal ? "\033[K\r" : "");
}

static void put_reasons(const struct screen *screen, const struct top_view *view)
{
	char text[400] = "";
	double sum = 0;
	int used = 0;

	for (size_t i = 0; i < view->n_reasons; i++)
		sum += view->reasons[i].rate;
	for (size_t i = 0; i < view->n_reasons; i++)
		if (view->reasons[i].rate > 0 && used < (int)sizeof(text) - 60)
			used += snprintf(text + used, sizeof(text) - (size_t)used, "  %s %.1f%%", view->reasons[i].name,
					 100 * view->reasons[i].rate / sum);
	put_line(screen, NULL, "decisions/s %.0f%s", sum, text);
}

static const char *style_of(const char *status)
{
	static const struct {
		const char *status, *style;
	} styles[] = { { "UP", "\033[32m" }, { "DOWN", "\033[31m" } };

	for (size_t i = 0; i < COUNT(styles); i++)
		if (strncmp(status, styles[i].status, strlen(styles[i].status)) == 0)
			return styles[i].style;
	return "\033[33m";
}

static const char *figure(double value, const char *format, char *text, size_t size)
	__attribute__((format(printf, 2, 0)));

static const char *figure(double value, const char *format, char *text, size_t size)
{
	if (value < 0)
		return "-";
	snprintf(text, size, format, value);
	return text;
}

static void put_server(const struct screen *screen, const struct row *row, bool rates, bool chosen)
{
	char name[2 * MAX_NAME + 2], u[16], age[16], rate[24], share[16], bar[BAR + 1];
	unsigned length = rates ? (unsigned)(row->share * BAR + 0.5) : 0;

	length = length > BAR ? BAR : length;
	memset(bar, '#', length);
	bar[length] = 0;
	snprintf(name, sizeof(name), "%s/%s", row->backend, row->server);
	if (chosen && screen->terminal)
		fputs("\033[7m", screen->out);
	put_line(screen, style_of(row->status), "%-28.28s %-8s %6s %6s %7s %7.1f %9s %7s %s", name, row->status,
		 *row->weight ? row->weight : "-", figure(row->u < 0 ? -1 : 100 * row->u, "%.0f%%", u, sizeof(u)),
		 figure(row->age, "%.1f", age, sizeof(age)), row->under_way < 0 ? 0 : row->under_way,
		 figure(rates ? row->rate : -1, "%.1f", rate, sizeof(rate)),
		 figure(rates ? 100 * row->share : -1, "%.1f%%", share, sizeof(share)), bar);
	if (chosen && screen->terminal)
		fputs("\033[0m", screen->out);
}

static void put_servers(const struct screen *screen, struct top_view *view, size_t page)
{
	size_t end;

	scroll(view, page);
	end = view->n - view->first > page ? view->first + page : view->n;
	put_line(screen, "\033[7m", "%-28s %-8s %6s %6s %7s %7s %9s %7s %-*s", "BACKEND/SERVER", "STATE", "WEIGHT",
		 "LOAD", "AGE", "FLYING", "RATE/S", "SHARE", (int)BAR, "");
	for (size_t i = view->first; i < end; i++)
		put_server(screen, &view->rows[i], view->has_rates, i == view->at);
	for (size_t i = end - view->first; screen->terminal && i < page; i++)
		put_line(screen, NULL, "%s", "");
}

static void put_help(const struct top_view *view, char *text, size_t size)
{
	if (view->asking)
		snprintf(text, size, "%s? y: yes, any other key: no", view->command);
	else if (*view->told)
		snprintf(text, size, "%s: %s", view->command, view->told);
	else
		snprintf(text, size, "q quit  s sort: %s  %.28s: d drain  r ready  m maint  F4-F8 weight",
			 order_names[view->order], *view->at_server ? view->at_server : "-");
}

void top_view_draw(struct top_view *view, FILE *out, unsigned rows, unsigned columns, bool colours)
{
	const struct screen screen = { out, columns, rows > 0, colours && rows > 0 };
	size_t page = rows > 0 ? shown_at_once(rows) : view->n;
	char help[500];

	sort(view);
	keep_choice(view);
	if (screen.terminal)
		fputs("\033[H", out);
	put_line(&screen, "\033[1m", "spoa-redirect %s  pid %s  up %s  connections %s  servers %zu", view->version,
		 view->pid, view->uptime, view->connections, view->n);
	put_reasons(&screen, view);
	put_line(&screen, "\033[31m", "%s", view->why);
	put_servers(&screen, view, page);
	if (!screen.terminal)
		return;
	put_help(view, help, sizeof(help));
	fprintf(out, "%s%.*s\033[0m\033[K", view->asking ? "\033[1m" : "", (int)columns, help);
}
