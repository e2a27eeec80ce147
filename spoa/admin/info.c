/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show info`, `show backend` and `show servers state`, in the formats of HAProxy 3.0. */
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"

/* ---- show info ---- */

#define OURS 100u /* where positions begin that HAProxy has not */

struct info {
	FILE *out;
	enum form form;
	bool any;
};

static void put(struct info *info, const struct field *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct info *info, const struct field *field, const char *format, ...)
{
	char value[160];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	if (info->form == FORM_PLAIN) {
		fprintf(info->out, "%s: %s\n", field->name, value);
	} else if (info->form == FORM_TYPED) {
		field_put_typed(info->out, field, NULL, value);
		fputc('\n', info->out);
	} else {
		fputs(info->any ? ",{" : "{", info->out);
		field_put_json(info->out, field, NULL, value);
	}
	info->any = true;
}

static void put_number(struct info *info, const char *name, const char *tags, unsigned position,
		       unsigned long long number)
{
	struct field field = { name, tags, FIELD_U32, position };

	put(info, &field, "%llu", number);
}

static void put_text(struct info *info, const char *name, const char *tags, unsigned position, const char *text)
{
	struct field field = { name, tags, FIELD_STR, position };

	put(info, &field, "%s", text);
}

static void put_process(struct info *info, const struct admin *admin, const struct net_sums *sums)
{
	unsigned long uptime = (unsigned long)(clock_now() - admin->started);
	struct rlimit limit = { 0 };
	char text[60];

	getrlimit(RLIMIT_NOFILE, &limit);
	snprintf(text, sizeof(text), "%lud %luh%02lum%02lus", uptime / 86400, uptime / 3600 % 24, uptime / 60 % 60,
		 uptime % 60);
	put_text(info, "Name", "POS", 0, "spoa-redirect");
	put_text(info, "Version", "POS", 1, admin->about.version);
	put_text(info, "Release_date", "POS", 2, admin->about.date);
	put_number(info, "Nbthread", "CGS", 3, sums->workers);
	put_number(info, "Nbproc", "CGS", 4, 1);
	put_number(info, "Process_num", "KGP", 5, 1);
	put_number(info, "Pid", "SGP", 6, (unsigned long long)getpid());
	put_text(info, "Uptime", "MDP", 7, text);
	put_number(info, "Uptime_sec", "MDP", 8, uptime);
	put_number(info, "Memmax_MB", "CLP", 9, 0);
	put_number(info, "Ulimit-n", "CLP", 13, limit.rlim_cur);
	put_number(info, "Maxsock", "CLP", 14, limit.rlim_cur);
}

static void put_traffic(struct info *info, const struct admin *admin, const struct net_sums *sums)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	put_number(info, "Maxconn", "CLP", 15, sums->maxconn);
	put_number(info, "Hard_maxconn", "CLP", 16, sums->maxconn);
	put_number(info, "CurrConns", "MGP", 17, sums->connections);
	put_number(info, "CumConns", "MCP", 18, sums->accepted);
	put_number(info, "CumReq", "MCP", 19, sums->counts[NET_NOTIFIES]);
	put_number(info, "Maxpipes", "CLP", 23, 0);
	put_number(info, "PipesUsed", "MGP", 24, 0);
	put_number(info, "PipesFree", "MGP", 25, 0);
	put_number(info, "Tasks", "MGP", 47, 0);
	put_number(info, "Run_queue", "MGP", 48, 0);
	put_number(info, "Idle_pct", "MaP", 49, 100);
	put_text(info, "node", "COS", 50, host);
	put_number(info, "Stopping", "MGP", 52, admin->stopping);
	put_number(info, "MaxconnReached", "MCP", 73, sums->full);
}

static void put_ours(struct info *info, const struct admin *admin, const struct net_sums *sums)
{
	put_number(info, "Reloads", "MCP", OURS, reload_count(admin->reload, true));
	put_number(info, "FailedReloads", "MCP", OURS + 1, reload_count(admin->reload, false));
	put_number(info, "ConfigAge_sec", "MAP", OURS + 2, (unsigned long long)(clock_now() - admin->running->since));
	for (unsigned i = 0; i < REASONS; i++) {
		char name[40];

		snprintf(name, sizeof(name), "Decisions_%s", answer_reason_name(i));
		put_number(info, name, "MCP", OURS + 3 + i, sums->decisions[i]);
	}
}

void show_info(struct session *session, FILE *out, char **words, size_t n)
{
	const struct admin *admin = session->admin;
	struct info info = { .out = out };
	struct net_sums sums;

	for (size_t i = 0; i < n; i++) /* words that mean nothing are passed over, as in HAProxy */
		form_take(words[i], &info.form);
	counters_sum(admin, &sums);
	fputs(info.form == FORM_JSON ? "[" : "", out);
	put_process(&info, admin, &sums);
	put_traffic(&info, admin, &sums);
	put_ours(&info, admin, &sums);
	fputs(info.form == FORM_JSON ? "]\n" : "", out);
}

/* ---- the rest ---- */

void show_servers_state(struct session *session, FILE *out, char **words, size_t n)
{
	const struct site *site = &session->admin->running->site;

	if (n > 0 && !fleet_find(site->fleet, words[0])) {
		fprintf(out, "Can't find backend.\n");
		return;
	}
	fleet_put_states(site->fleet, out, n > 0 ? words[0] : NULL, FIRST_ID + (unsigned)ruleset_count(site->ruleset),
			 true, clock_now());
}

void show_backend(struct session *session, FILE *out, char **words, size_t n)
{
	const struct fleet *fleet = session->admin->running->site.fleet;

	(void)words;
	(void)n;
	fprintf(out, "# name\n");
	for (size_t i = 0; i < fleet_count(fleet); i++)
		fprintf(out, "%s\n", fleet_backend(fleet, i)->name);
}
