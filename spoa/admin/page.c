/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The status page: page/page.html with its {{names}} filled in, so that it is whole without scripts. page.js asks for the
 * same page again each second and takes over what has changed.
 */
#include <microhttpd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"
#include "web.h"

#define MOST_RULES     200u
#define MOST_DECISIONS 50u

/* ---- text ---- */

/* Bytes that may be of no encoding; what would be markup is text. */
static void put_slice(FILE *out, struct slice text)
{
	json_t *json = web_text(text);
	const char *at = json_string_value(json);
	size_t left = json_string_length(json);

	for (; left > 0; at++, left--) {
		unsigned char c = (unsigned char)*at;

		if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
			fprintf(out, "&#%u;", c);
		else
			fputc(c < ' ' || c == 0x7f ? '.' : c, out);
	}
	json_decref(json);
}

static void put_text(FILE *out, const char *text)
{
	put_slice(out, slice_of_string(text));
}

static void put_cell(FILE *out, const char *text)
{
	fprintf(out, "<td>");
	put_text(out, text);
}

/* A figure, "-" where there is none (value < 0). */
static void put_figure(FILE *out, double value, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void put_figure(FILE *out, double value, const char *format, ...)
{
	va_list args;

	fprintf(out, "<td class=n>");
	va_start(args, format);
	if (value < 0)
		fputc('-', out);
	else
		vfprintf(out, format, args);
	va_end(args);
}

/* "4.2 s", "7 min", "3 h", "12 d". */
static void put_age(FILE *out, double seconds)
{
	if (seconds < 10)
		fprintf(out, "%.1f s", seconds);
	else if (seconds < 120)
		fprintf(out, "%.0f s", seconds);
	else if (seconds < 7200)
		fprintf(out, "%.0f min", seconds / 60);
	else if (seconds < 172800)
		fprintf(out, "%.0f h", seconds / 3600);
	else
		fprintf(out, "%.0f d", seconds / 86400);
}

static void put_time(FILE *out, double seconds)
{
	if (seconds < 0)
		fprintf(out, "-");
	else if (seconds < 1e-3)
		fprintf(out, "%.0f &micro;s", seconds * 1e6);
	else
		fprintf(out, "%.3g ms", seconds * 1e3);
}

/* "1834", "12.4", "0.30". */
static const char *rate_text(double rate, char *text, size_t size)
{
	snprintf(text, size, "%.*f", rate >= 100 || rate <= 0 ? 0 : rate >= 10 ? 1 : 2, rate > 0 ? rate : 0);
	return text;
}

static void put_place(FILE *out, const char *file, unsigned line)
{
	const char *slash = strrchr(file, '/');

	fprintf(out, "<td title=\"");
	put_text(out, file);
	fprintf(out, "\"><code>");
	put_text(out, slash ? slash + 1 : file);
	fprintf(out, ":%u</code>", line);
}

/* ---- tiles ---- */

static void put_tile(FILE *out, const char *name)
{
	fprintf(out, "<div><dt>%s</dt><dd>", name);
}

static void put_speed(FILE *out, const struct history_second *recent)
{
	double all = 0, took = recent->took > 0 ? recent->took : 1;
	char text[24];

	for (unsigned i = 0; i < REASONS; i++)
		all += recent->reasons[i];
	put_tile(out, "Decisions a second");
	fprintf(out, "%s <small>", rate_text(all / took, text, sizeof(text)));
	if (all > 0)
		fprintf(out, "%.3g %% redirected", 100.0 * recent->reasons[REASON_REDIRECT] / all);
	else
		fprintf(out, "nobody asks");
	fprintf(out, "</small></dd></div>\n");
	put_tile(out, "Median answer time");
	put_time(out, history_quantile(recent, 0.5));
	fprintf(out, " <small>99 of 100 below ");
	put_time(out, history_quantile(recent, 0.99));
	fprintf(out, "</small></dd></div>\n");
}

static void put_fall_throughs(FILE *out, const struct history_second *recent, const struct net_sums *sums)
{
	double took = recent->took > 0 ? recent->took : 1, all = 0;
	char text[24];

	for (unsigned i = 0; i < REASONS; i++)
		all += i == REASON_REDIRECT ? 0 : recent->reasons[i];
	fprintf(out, "<div class=two><dt>Not redirected, a second</dt><dd>%s <span class=list>",
		rate_text(all / took, text, sizeof(text)));
	for (unsigned i = 0; i < REASONS; i++)
		if (i != REASON_REDIRECT)
			fprintf(out, "<span title=\"%llu since the start\"%s>%s <b>%s</b></span> ",
				(unsigned long long)sums->decisions[i], recent->reasons[i] > 0 ? "" : " class=none",
				answer_reason_name(i), rate_text(recent->reasons[i] / took, text, sizeof(text)));
	fprintf(out, "</span></dd></div>\n");
}

static void put_configuration(FILE *out, const struct admin *admin)
{
	unsigned long long good = reload_count(admin->reload, true), bad = reload_count(admin->reload, false);

	put_tile(out, "Configuration");
	put_age(out, clock_now() - admin->running->since);
	fprintf(out, " <small>old: ");
	for (size_t i = 0; i < admin->about.n_files; i++) {
		fprintf(out, i > 0 ? ", " : "");
		put_text(out, admin->about.files[i]);
	}
	fprintf(out, "; %llu reload%s", good, &"s"[good == 1]);
	if (bad > 0)
		fprintf(out, ", <b class=down>%llu failed</b>", bad);
	fprintf(out, "</small></dd></div>\n");
}

static void put_tiles(struct web *web)
{
	const struct admin *admin = web->admin;
	const struct fleet *fleet = admin->running->site.fleet;
	struct history_second recent = history_recent(admin->history, HISTORY_RECENT);
	size_t servers = 0, usable = 0;
	struct net_sums sums;

	net_sum(admin->running->net, &sums);
	put_speed(web->out, &recent);
	put_fall_throughs(web->out, &recent, &sums);
	put_tile(web->out, "From HAProxy");
	fprintf(web->out, "%zu <small>connection%s, of %zu at most</small></dd></div>\n", sums.connections,
		&"s"[sums.connections == 1], sums.maxconn);
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		servers += fleet_backend(fleet, i)->n_servers;
		usable += backend_n_usable(fleet_backend(fleet, i));
	}
	put_tile(web->out, "Servers to choose");
	fprintf(web->out, "%zu <small>of %zu in %zu backend%s</small></dd></div>\n", usable, servers,
		fleet_count(fleet), &"s"[fleet_count(fleet) == 1]);
	put_configuration(web->out, admin);
}

/* ---- servers ---- */

/* One of several remarks on a server. */
static void put_remark(FILE *out, bool *further, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void put_remark(FILE *out, bool *further, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(out, *further ? "; " : "");
	put_text(out, text);
	*further = true;
}

/* Why it is not chosen; and of one that is, why less than others. */
static void put_why_not(FILE *out, const struct server *server, bool usable, double now)
{
	unsigned held_back = atomic_load_explicit(&server->state->held_back, memory_order_relaxed);
	bool further = false;

	fprintf(out, "<td class=\"w dim\">");
	if (!usable)
		put_remark(out, &further, "%s", answer_why_not(server));
	else if (select_is_full(server, now))
		put_remark(out, &further, "at its maxconn");
	if (held_back > 0)
		put_remark(out, &further, "slow start, at %u %% of its weight", 100 - held_back);
	if (server->track)
		put_remark(out, &further, "tracks %s/%s", server->track->backend->name, server->track->name);
	if (server->standby_of)
		put_remark(out, &further, "standby of %s", server->standby_of);
	else if (server->backup && usable)
		put_remark(out, &further, "a backup that serves now");
}

static void put_load(FILE *out, const struct server *server, double now)
{
	struct reported reported = reported_by(server, now);
	bool stale = atomic_load_explicit(&server->state->load.known, memory_order_relaxed) != LOAD_KNOWN;

	fprintf(out, "<td class=n>");
	if (reported.utilisation >= 0)
		fprintf(out,
			"<meter aria-hidden=true max=1 high=.85 optimum=0 value=%.2f></meter><span class=p>%.0f "
			"%%</span>",
			reported.utilisation, reported.utilisation * 100);
	else
		fprintf(out, "-");
	fprintf(out, stale && reported.age >= 0 ? "<td class=\"n stale\">" : "<td class=n>");
	if (reported.age >= 0)
		fprintf(out, "%.1f s", reported.age);
	else
		fprintf(out, "-");
}

static void put_server(FILE *out, const struct server *server, bool usable, struct share share, double now)
{
	static const char *const classes[] = {
		[SERVER_UP] = "up", [SERVER_DRAIN] = "drain", [SERVER_DOWN] = "down", [SERVER_MAINT] = "maint"
	};
	double under_way, est = select_in_flight(server, now, &under_way);
	char text[40];

	fprintf(out, "<tr>");
	put_cell(out, server->backend->name);
	fprintf(out, "<td title=\"");
	put_slice(out, server->redir.prefix);
	fprintf(out, "\">");
	put_text(out, server->name);
	fprintf(out, "<td class=%s>", classes[server_status(server)]);
	put_text(out, status_text(server, text, sizeof(text)));
	put_load(out, server, now);
	put_figure(out, reported_by(server, now).age, "%.1f", est); /* without a report it is only a sum */
	fprintf(out, "<td class=n>%u", server->state->shown_weight);
	put_figure(out, share.share, "%.1f %%", share.share * 100);
	put_figure(out, share.rate, "%s", rate_text(share.rate, text, sizeof(text)));
	put_why_not(out, server, usable, now);
	fprintf(out, "\n");
}

/* Up to the limit of all answers. */
static void put_servers(struct web *web)
{
	const struct fleet *fleet = web->admin->running->site.fleet;
	const struct history *history = web->admin->history;
	size_t hint = 0, n = 0, left = 0;
	double now = clock_now();

	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);
		bool *usable = n < WEB_LIMIT ? backend_usable_flags(backend) : NULL;
		double all = usable ? backend_rate(history, backend, hint) : 0;

		for (size_t j = 0; usable && j < backend->n_servers && n < WEB_LIMIT; j++, n++)
			put_server(web->out, backend->servers[j], usable[j],
				   share_of(history, backend->servers[j], all, &hint), now);
		left += backend->n_servers;
		free(usable);
	}
	if (left > n)
		fprintf(web->out,
			"<tr><td colspan=10 class=w>%zu more: <a href=\"v1/servers?offset=%zu\">/v1/servers</a>\n",
			left - n, n);
}

/* ---- rules ---- */

struct line {
	const struct frontend *frontend;
	const struct rule *rule;
	uint64_t hits;
	double last;
	size_t place;
};

/* Of two lines the one that held less often is nearer to the top, which is what goes first. */
static bool is_less(const struct line *a, const struct line *b)
{
	return a->hits != b->hits ? a->hits < b->hits : a->place > b->place;
}

static void sift(struct line *heap, size_t n, size_t i)
{
	for (;;) {
		size_t least = i, child = 2 * i + 1;
		struct line other;

		for (size_t c = child; c < child + 2 && c < n; c++)
			least = is_less(&heap[c], &heap[least]) ? c : least;
		if (least == i)
			return;
		other = heap[i];
		heap[i] = heap[least];
		heap[least] = other;
		i = least;
	}
}

/* The first ones, then whoever held more often than one of them. */
static void offer(struct line *heap, size_t *n, struct line line)
{
	if (*n < MOST_RULES) {
		heap[(*n)++] = line;
		for (size_t i = *n == MOST_RULES ? MOST_RULES / 2 : 0; i > 0; i--)
			sift(heap, *n, i - 1);
	} else if (is_less(&heap[0], &line)) {
		heap[0] = line;
		sift(heap, *n, 0);
	}
}

static int in_order(const void *a, const void *b)
{
	size_t x = ((const struct line *)a)->place, y = ((const struct line *)b)->place;

	return (x > y) - (x < y);
}

static const char *keyword_of(const struct line *line)
{
	for (size_t i = 0; i < line->frontend->n_excludes; i++)
		if (line->frontend->excludes[i] == line->rule)
			return "redirect-unless";
	return line->rule == line->frontend->default_rule ? "default_backend" : "use_backend";
}

static void put_rule(FILE *out, const struct line *line, double now)
{
	fprintf(out, "<tr>");
	put_cell(out, line->frontend->name);
	put_place(out, line->rule->place.file, line->rule->place.line);
	fprintf(out, "<td class=w><code>%s ", keyword_of(line));
	put_text(out, line->rule->words ? line->rule->words : "");
	fprintf(out, "</code><td class=n>%llu<td class=n>", (unsigned long long)line->hits);
	if (line->last > 0) {
		put_age(out, now > line->last ? now - line->last : 0);
		fprintf(out, " ago\n");
	} else {
		fprintf(out, "never\n");
	}
}

static size_t choose_rules(const struct ruleset *ruleset, struct line *heap, size_t *n)
{
	size_t all = 0;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct frontend *frontend = ruleset_frontend(ruleset, i);
		size_t excludes = frontend->n_excludes, lines = excludes + frontend->n_rules;

		for (size_t j = 0; j < lines; j++) {
			struct line line = { .frontend = frontend, .place = all++ };

			line.rule = j < excludes ? frontend->excludes[j] : frontend->rules[j - excludes];
			line.hits = frontend_hits(frontend, line.rule, &line.last);
			offer(heap, n, line);
		}
	}
	return all;
}

static void put_rules(struct web *web)
{
	struct line heap[MOST_RULES];
	double now = clock_now();
	size_t n = 0, all = choose_rules(web->admin->running->site.ruleset, heap, &n);

	qsort(heap, n, sizeof(*heap), in_order);
	for (size_t i = 0; i < n; i++)
		put_rule(web->out, &heap[i], now);
	if (all > n)
		fprintf(web->out,
			"<tr><td colspan=5 class=w>%zu more, which held less often: <a "
			"href=\"v1/frontends?offset=0&amp;limit=1000\">/v1/frontends</a>\n",
			all - n);
}

/* ---- the last decisions ---- */

static void put_decision(FILE *out, const struct decision_sample *sample, double now)
{
	fprintf(out, "<tr><td class=n>");
	put_age(out, now > sample->at ? now - sample->at : 0);
	fprintf(out, "<td class=w><code>");
	put_text(out, sample->method);
	fprintf(out, " ");
	put_slice(out, slice_of(sample->host, sample->n_host));
	put_slice(out, slice_of(sample->path, sample->n_path));
	fprintf(out, "%s%s</code><td class=%s>%s", sample->cut ? "&hellip;" : "", sample->query ? "?&hellip;" : "",
		sample->reason == REASON_REDIRECT    ? "up"
		: sample->reason == REASON_NO_SERVER ? "down"
						     : "dim",
		answer_reason_name(sample->reason));
	if (sample->code > 0)
		fprintf(out, " %u", sample->code);
	fprintf(out, "<td>");
	put_text(out, sample->backend);
	fprintf(out, *sample->server ? "/" : "");
	put_text(out, sample->server);
	if (sample->line > 0)
		put_place(out, sample->file, sample->line);
	else
		fprintf(out, "<td>-");
	fprintf(out, "\n");
}

static void put_decisions(struct web *web)
{
	size_t n;
	struct decision_sample *samples = last_decisions(web->admin, &n);
	double now = clock_now();

	for (size_t i = 0; samples && i < n && i < MOST_DECISIONS; i++)
		put_decision(web->out, &samples[i], now);
	free(samples);
	if (n == 0)
		fprintf(web->out, "<tr><td colspan=5 class=dim>none yet\n");
}

/* ---- explain, for who has no scripts ---- */

static void put_explained(struct web *web)
{
	struct web asked = *web;
	char *text = NULL;
	size_t length;

	if (!web_argument(web, "url") || asked.n_query == WEB_QUERY)
		return;
	asked.out = open_memstream(&text, &length);
	if (!asked.out)
		return;
	asked.query[asked.n_query++] = (struct web_argument){ "format", "text" };
	api_explain(&asked);
	if (fclose(asked.out) == 0)
		for (size_t i = 0; i < length; i++) {
			if (text[i] == '\n')
				fputc('\n', web->out);
			else
				put_slice(web->out, slice_of(text + i, strcspn(text + i, "\n")));
			i += text[i] == '\n' ? 0 : strcspn(text + i, "\n") - 1;
		}
	free(text);
}

/* ---- the whole ---- */

static void put_host(struct web *web)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	put_text(web->out, host);
}

static void put_about(struct web *web)
{
	put_text(web->out, web->admin->about.version);
	fprintf(web->out, " on ");
	put_host(web);
	fprintf(web->out, ", up for ");
	put_age(web->out, clock_now() - web->admin->started);
	if (web->admin->stopping)
		fprintf(web->out, ", <b class=down>about to stop</b>");
}

static void put_argument(struct web *web, const char *name)
{
	const char *value = web_argument(web, name);

	put_text(web->out, value ? value : "");
}

static void put_url(struct web *web)
{
	put_argument(web, "url");
}

static void put_method(struct web *web)
{
	put_argument(web, "method");
}

static void put_src(struct web *web)
{
	put_argument(web, "src");
}

static const struct {
	const char *name;
	web_answer *put;
} parts[] = {
	{ "about", put_about },         { "decisions", put_decisions },
	{ "explained", put_explained }, { "host", put_host },
	{ "method", put_method },       { "rules", put_rules },
	{ "servers", put_servers },     { "src", put_src },
	{ "tiles", put_tiles },         { "url", put_url },
};

void page_html(struct web *web)
{
	struct slice rest = file_page();

	while (rest.len > 0) {
		const uint8_t *open = memmem(rest.ptr, rest.len, "{{", 2), *close;
		size_t before = open ? (size_t)(open - rest.ptr) : rest.len;

		fwrite(rest.ptr, 1, before, web->out);
		rest = slice_from(rest, before + 2);
		close = memmem(rest.ptr, rest.len, "}}", 2);
		for (size_t i = 0; close && i < COUNT(parts); i++)
			if (slice_eq(slice_of(rest.ptr, (size_t)(close - rest.ptr)), slice_of_string(parts[i].name)))
				parts[i].put(web);
		if (close)
			rest = slice_from(rest, (size_t)(close - rest.ptr) + 2);
	}
}
