/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show stat`, `show info`, `show backend` and `show servers state`, in the formats of HAProxy 3.0. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

enum column {
#define COLUMN(name) COLUMN_##name,
#include "columns.def"
#undef COLUMN
	N_COLUMNS
};

/* The header line, behind its "# ". */
static const char header[] =
#define COLUMN(name) #name ","
#include "columns.def"
#undef COLUMN
	;

#define FIRST_ID 2u  /* HAProxy's first proxy */
#define VALUE    160 /* bytes of one value, with its end */

enum type { TYPE_FRONTEND, TYPE_BACKEND, TYPE_SERVER };

struct row {
	char values[N_COLUMNS][VALUE];
};

/* What of all rows is asked for. */
struct filter {
	long iid, type, sid; /* −1: all; types are bits */
	const char *proxy;   /* NULL: by iid */
	bool up, no_maint;
};

static void set(struct row *row, enum column column, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void set(struct row *row, enum column column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->values[column], VALUE, format, args);
	va_end(args);
}

/* What a comma or a quote in it would spoil is quoted, as HAProxy does. */
static void put(FILE *out, const struct row *row)
{
	for (unsigned i = 0; i < N_COLUMNS; i++) {
		const char *value = row->values[i];

		if (!strpbrk(value, ",\"\n")) {
			fprintf(out, "%s,", value);
			continue;
		}
		fputc('"', out);
		for (; *value; value++)
			fprintf(out, *value == '"' ? "\"\"" : "%c", *value);
		fprintf(out, "\",");
	}
	fputc('\n', out);
}

/* ---- show stat ---- */

const char *status_text(const struct server *server, char *text, size_t size)
{
	const struct server_state *state = server->state;
	unsigned rise = server->check.rise, best = rise + server->check.fall - 1;
	enum server_status status = server_status(server);

	if (status == SERVER_DOWN && state->agent_down)
		snprintf(text, size, "DOWN (agent)");
	else if (status == SERVER_DOWN && state->health > 0)
		snprintf(text, size, "DOWN %u/%u", state->health, rise);
	else if (status == SERVER_UP && server->check.enabled && state->health < best)
		snprintf(text, size, "UP %u/%u", state->health - rise + 1, server->check.fall);
	else if (status == SERVER_UP && !server->check.enabled && !server->agent.enabled)
		snprintf(text, size, "no check");
	else
		snprintf(text, size, "%s", server_status_name(status));
	return text;
}

static uint64_t booked_by(const struct server *server)
{
	return atomic_load_explicit(&server->state->load.booked, memory_order_relaxed);
}

/* With what dry runs chose: HAProxy's lbtot, "how often it was selected". */
static uint64_t selected(const struct server *server)
{
	return booked_by(server) + (server->shadow ? booked_by(server->shadow) : 0);
}

static double downtime_of(const struct server *server, double now)
{
	const struct server_state *state = server->state;

	return state->downtime + (server_status(server) == SERVER_DOWN ? now - state->down : 0);
}

static void set_check(struct row *row, const struct server *server)
{
	const struct check_outcome *check = &server->state->check;

	set(row, COLUMN_chkfail, "%llu", (unsigned long long)server->state->checks_failed);
	set(row, COLUMN_chkdown, "%llu", (unsigned long long)server->state->downs);
	set(row, COLUMN_check_status, "%s", check_status_name(check->status));
	if (check->code > 0)
		set(row, COLUMN_check_code, "%u", check->code);
	if (check->status > CHECK_INI)
		set(row, COLUMN_check_duration, "%.0f", check->duration * 1000);
	set(row, COLUMN_last_chk, "%s", check->why);
	set(row, COLUMN_check_rise, "%u", server->check.rise);
	set(row, COLUMN_check_fall, "%u", server->check.fall);
	set(row, COLUMN_check_health, "%u", server->state->health);
}

static const char *description(enum check_status status)
{
	switch (status) {
	case CHECK_CHECKED:
		return "No status change";
	case CHECK_L7OK:
		return "Layer7 check passed";
	case CHECK_L7STS:
		return "Layer7 wrong status";
	case CHECK_L7TOUT:
		return "Layer7 timeout";
	case CHECK_L7RSP:
		return "Layer7 invalid response";
	case CHECK_L4CON:
		return "Layer4 connection problem";
	case CHECK_L4TOUT:
		return "Layer4 timeout";
	default:
		return "";
	}
}

/* Of an agent one word is enough either way: its rise and fall are 1. */
static void set_agent(struct row *row, const struct server *server)
{
	const struct check_outcome *agent = &server->state->agent;

	set(row, COLUMN_agent_status, "%s", check_status_name(agent->status));
	set(row, COLUMN_agent_desc, "%s", description(agent->status));
	if (agent->status == CHECK_L7OK || agent->status == CHECK_L7STS)
		set(row, COLUMN_agent_code, "0");
	if (agent->status > CHECK_INI)
		set(row, COLUMN_agent_duration, "%.0f", agent->duration * 1000);
	set(row, COLUMN_last_agt, "%s", agent->why);
	set(row, COLUMN_agent_rise, "1");
	set(row, COLUMN_agent_fall, "1");
	set(row, COLUMN_agent_health, "%d", !server->state->agent_down);
}

static void put_server(FILE *out, const struct server *server, unsigned iid, double now)
{
	const struct server_state *state = server->state;
	unsigned weight = state->shown_weight;
	unsigned long long booked = booked_by(server);
	bool active = !server->backup && !server->standby_of;
	char text[ENDPOINT_TEXT];
	struct row row = { 0 };
	double under_way;

	set(&row, COLUMN_pxname, "%s", server->backend->name);
	set(&row, COLUMN_svname, "%s", server->name);
	set(&row, COLUMN_scur, "%.0f", select_in_flight(server, now, &under_way));
	if (atomic_load_explicit(&state->maxconn, memory_order_relaxed) > 0)
		set(&row, COLUMN_slim, "%u", atomic_load_explicit(&state->maxconn, memory_order_relaxed));
	set(&row, COLUMN_stot, "%llu", booked);
	set(&row, COLUMN_lbtot, "%llu", (unsigned long long)selected(server));
	set(&row, COLUMN_hrsp_3xx, "%llu", booked);
	set(&row, COLUMN_status, "%s", status_text(server, text, sizeof(text)));
	set(&row, COLUMN_weight, "%u", weight);
	set(&row, COLUMN_uweight, "%u", weight);
	set(&row, COLUMN_act, "%d", active);
	set(&row, COLUMN_bck, "%d", !active);
	set(&row, COLUMN_lastchg, "%.0f", now - state->changed);
	if (server->check.enabled)
		set(&row, COLUMN_downtime, "%.0f", downtime_of(server, now));
	set(&row, COLUMN_pid, "1");
	set(&row, COLUMN_iid, "%u", iid);
	set(&row, COLUMN_sid, "%u", server->index + 1);
	set(&row, COLUMN_type, "%d", TYPE_SERVER);
	set(&row, COLUMN_addr, "%s", endpoint_text(&server->address, text));
	set(&row, COLUMN_mode, "http");
	set(&row, COLUMN_srid, "0");
	if (server->check.enabled)
		set_check(&row, server);
	if (server->agent.enabled)
		set_agent(&row, server);
	put(out, &row);
}

static void put_backend(FILE *out, const struct backend *backend, unsigned iid, double now)
{
	unsigned long long booked = 0, chosen = 0, active = 0, backups = 0, weight = 0;
	double changed = backend->n_servers ? 0 : now;
	struct row row = { 0 };

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];
		bool up = server_status(server) == SERVER_UP, slot = !server->backup && !server->standby_of;

		booked += booked_by(server);
		chosen += selected(server);
		active += up && slot;
		backups += up && !slot;
		weight += up && slot ? server->state->shown_weight : 0;
		changed = server->state->changed > changed ? server->state->changed : changed;
	}
	set(&row, COLUMN_pxname, "%s", backend->name);
	set(&row, COLUMN_svname, "BACKEND");
	set(&row, COLUMN_stot, "%llu", booked);
	set(&row, COLUMN_lbtot, "%llu", chosen);
	set(&row, COLUMN_hrsp_3xx, "%llu", booked);
	set(&row, COLUMN_status, "%s", active + backups ? "UP" : "DOWN");
	set(&row, COLUMN_weight, "%llu", weight);
	set(&row, COLUMN_uweight, "%llu", weight);
	set(&row, COLUMN_act, "%llu", active);
	set(&row, COLUMN_bck, "%llu", backups);
	set(&row, COLUMN_lastchg, "%.0f", now - changed);
	set(&row, COLUMN_pid, "1");
	set(&row, COLUMN_iid, "%u", iid);
	set(&row, COLUMN_sid, "0");
	set(&row, COLUMN_type, "%d", TYPE_BACKEND);
	set(&row, COLUMN_mode, "http");
	set(&row, COLUMN_algo, "%s", backend->balance->name);
	put(out, &row);
}

/* Connections and requests are those of all frontends: SPOP connections belong to addresses. */
static void put_frontend(FILE *out, const struct frontend *frontend, unsigned iid, const struct net_sums *sums,
			 bool alone)
{
	struct row row = { 0 };

	set(&row, COLUMN_pxname, "%s", frontend->name);
	set(&row, COLUMN_svname, "FRONTEND");
	set(&row, COLUMN_slim, "%zu", sums->maxconn);
	set(&row, COLUMN_status, "OPEN");
	if (alone) {
		set(&row, COLUMN_scur, "%zu", sums->connections);
		set(&row, COLUMN_stot, "%llu", (unsigned long long)sums->accepted);
		set(&row, COLUMN_conn_tot, "%llu", (unsigned long long)sums->accepted);
		set(&row, COLUMN_req_tot, "%llu", (unsigned long long)sums->counts[NET_NOTIFIES]);
		set(&row, COLUMN_hrsp_3xx, "%llu", (unsigned long long)sums->decisions[REASON_REDIRECT]);
		set(&row, COLUMN_ereq, "%llu", (unsigned long long)sums->decisions[REASON_BAD_REQUEST]);
	}
	set(&row, COLUMN_pid, "1");
	set(&row, COLUMN_iid, "%u", iid);
	set(&row, COLUMN_sid, "0");
	set(&row, COLUMN_type, "%d", TYPE_FRONTEND);
	set(&row, COLUMN_mode, "spop");
	put(out, &row);
}

/* "[up|no-maint] [{<iid>|<proxy>} <type> <sid>]". False: it was said what is wrong. */
static bool take_filter(FILE *out, char **words, size_t n, struct filter *filter)
{
	char *end;

	*filter = (struct filter){ -1, -1, -1, NULL, false, false };
	while (n > 0) {
		if (strcmp(words[0], "up") == 0) {
			filter->up = true;
		} else if (strcmp(words[0], "no-maint") == 0) {
			filter->no_maint = true;
		} else if (n >= 3) {
			filter->iid = strtol(words[0], &end, 10);
			filter->proxy = *end ? words[0] : NULL;
			filter->type = strtol(words[1], NULL, 10);
			filter->sid = strtol(words[2], NULL, 10);
			return true;
		} else {
			fprintf(out,
				"'show stat' expects [up|no-maint] [<iid>|<proxy> <type> <sid>]; '%s' is not "
				"supported.\n",
				words[0]);
			return false;
		}
		words++;
		n--;
	}
	return true;
}

static bool wants(const struct filter *filter, const char *proxy, unsigned iid, enum type type)
{
	if (filter->proxy ? strcmp(filter->proxy, proxy) != 0 : filter->iid >= 0 && filter->iid != (long)iid)
		return false;
	return filter->type < 0 || (filter->type >> type & 1);
}

static bool wants_server(const struct filter *filter, const struct server *server)
{
	enum server_status status = server_status(server);

	return (filter->sid < 0 || filter->sid == (long)server->index + 1) &&
	       !(filter->up && (status == SERVER_DOWN || status == SERVER_MAINT)) &&
	       !(filter->no_maint && status == SERVER_MAINT);
}

void show_stat(struct session *session, FILE *out, char **words, size_t n)
{
	const struct site *site = &session->admin->running->site;
	size_t frontends = ruleset_count(site->ruleset);
	double now = clock_now();
	struct net_sums sums;
	struct filter filter;

	if (!take_filter(out, words, n, &filter))
		return;
	net_sum(session->admin->running->net, &sums);
	fprintf(out, "# %s\n", header);
	for (unsigned i = 0; i < frontends; i++) {
		const struct frontend *frontend = ruleset_frontend(site->ruleset, i);

		if (wants(&filter, frontend->name, FIRST_ID + i, TYPE_FRONTEND))
			put_frontend(out, frontend, FIRST_ID + i, &sums, frontends == 1);
	}
	for (unsigned i = 0; i < fleet_count(site->fleet); i++) {
		const struct backend *backend = fleet_backend(site->fleet, i);
		unsigned iid = FIRST_ID + (unsigned)frontends + i;

		for (size_t j = 0; wants(&filter, backend->name, iid, TYPE_SERVER) && j < backend->n_servers; j++)
			if (wants_server(&filter, backend->servers[j]))
				put_server(out, backend->servers[j], iid, now);
		if (wants(&filter, backend->name, iid, TYPE_BACKEND))
			put_backend(out, backend, iid, now);
	}
}

/* ---- show servers state ---- */

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

/* ---- the rest ---- */

void show_backend(struct session *session, FILE *out, char **words, size_t n)
{
	const struct fleet *fleet = session->admin->running->site.fleet;

	(void)words;
	(void)n;
	fprintf(out, "# name\n");
	for (size_t i = 0; i < fleet_count(fleet); i++)
		fprintf(out, "%s\n", fleet_backend(fleet, i)->name);
}

void show_info(struct session *session, FILE *out, char **words, size_t n)
{
	const struct admin *admin = session->admin;
	unsigned long uptime = (unsigned long)(clock_now() - admin->started);
	struct rlimit limit = { 0 };
	struct net_sums sums;
	char host[65] = "";

	if (n > 0) {
		fprintf(out, "'show info %s' is not supported.\n", words[0]);
		return;
	}
	net_sum(admin->running->net, &sums);
	getrlimit(RLIMIT_NOFILE, &limit);
	gethostname(host, sizeof(host) - 1);
	fprintf(out,
		"Name: spoa-redirect\nVersion: %s\nRelease_date: %s\nNbthread: %u\nNbproc: 1\nProcess_num: 1\nPid: %d\n"
		"Uptime: %lud %luh%02lum%02lus\nUptime_sec: %lu\nMemmax_MB: 0\nUlimit-n: %llu\nMaxsock: %llu\n"
		"Maxconn: %zu\nHard_maxconn: %zu\nCurrConns: %zu\nCumConns: %llu\nCumReq: %llu\n",
		admin->about.version, admin->about.date, sums.workers, (int)getpid(), uptime / 86400,
		uptime / 3600 % 24, uptime / 60 % 60, uptime % 60, uptime, (unsigned long long)limit.rlim_cur,
		(unsigned long long)limit.rlim_cur, sums.maxconn, sums.maxconn, sums.connections,
		(unsigned long long)sums.accepted, (unsigned long long)sums.counts[NET_NOTIFIES]);
	fprintf(out,
		"Maxpipes: 0\nPipesUsed: 0\nPipesFree: 0\nTasks: 0\nRun_queue: 0\nIdle_pct: 100\nnode: %s\nStopping: "
		"%d\nMaxconnReached: %llu\n",
		host, admin->stopping, (unsigned long long)sums.full);
	fprintf(out, "Reloads: %llu\nFailedReloads: %llu\nConfigAge_sec: %.0f\n",
		(unsigned long long)reload_count(admin->reload, true),
		(unsigned long long)reload_count(admin->reload, false), clock_now() - admin->running->since);
	for (unsigned i = 0; i < REASONS; i++)
		fprintf(out, "Decisions_%s: %llu\n", answer_reason_name(i), (unsigned long long)sums.decisions[i]);
}
