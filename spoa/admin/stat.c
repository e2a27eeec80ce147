/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show stat`, in the formats of HAProxy 3.0. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

enum column {
#define COLUMN(name, tags, kind) COLUMN_##name,
#include "columns.def"
#undef COLUMN
	N_COLUMNS
};

/* The header line, behind its "# ". */
static const char header[] =
#define COLUMN(name, tags, kind) #name ","
#include "columns.def"
#undef COLUMN
	;

static const struct field columns[] = {
#define COLUMN(name, tags, kind) { #name, tags, FIELD_##kind, COLUMN_##name },
#include "columns.def"
#undef COLUMN
};

#define VALUE 160 /* bytes of one value, with its end */

enum type { TYPE_FRONTEND, TYPE_BACKEND, TYPE_SERVER };

struct row {
	char values[N_COLUMNS][VALUE];
};

/* What of all rows is asked for. */
struct filter {
	long iid, type, sid; /* −1: all; types are bits */
	const char *proxy;   /* NULL: by iid */
	bool up, no_maint;
	enum form form;
};

/* Where rows go. */
struct sink {
	FILE *out;
	enum form form;
	bool any; /* one was written */
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
static void put_csv(FILE *out, const struct row *row)
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

/* Of a backend they are sums. */
static const char *tags_of(enum type type, enum column column)
{
	return type == TYPE_BACKEND && (column == COLUMN_act || column == COLUMN_bck) ? "MGP" : NULL;
}

static void put_typed(FILE *out, const struct row *row, enum type type)
{
	for (unsigned i = 0; i < N_COLUMNS; i++) {
		if (!*row->values[i])
			continue;
		fprintf(out, "%c.%s.%s.", "FBS"[type], row -> values[COLUMN_iid], row -> values[COLUMN_sid]);
		field_put_typed(out, &columns[i], tags_of(type, i), row->values[i]);
		fputc('\n', out);
	}
}

static void put_json(FILE *out, const struct row *row, enum type type)
{
	static const char *const objects[] = { "Frontend", "Backend", "Server" };
	bool any = false;

	fputc('[', out);
	for (unsigned i = 0; i < N_COLUMNS; i++) {
		if (!*row->values[i])
			continue;
		fprintf(out, "%s{\"objType\":\"%s\",\"proxyId\":%s,\"id\":%s,", any ? "," : "", objects[type],
			row->values[COLUMN_iid], row->values[COLUMN_sid]);
		field_put_json(out, &columns[i], tags_of(type, i), row->values[i]);
		any = true;
	}
	fputc(']', out);
}

static void put(struct sink *sink, const struct row *row, enum type type)
{
	if (sink->form == FORM_PLAIN)
		put_csv(sink->out, row);
	else if (sink->form == FORM_TYPED)
		put_typed(sink->out, row, type);
	else
		fputs(sink->any ? "," : "", sink->out), put_json(sink->out, row, type);
	if (sink->form == FORM_TYPED)
		fputc('\n', sink->out);
	sink->any = true;
}

/* ---- show stat ---- */

/* How far it is from up or down, HAProxy tells of the one that is checked for those that track it. */
const char *status_text(const struct server *server, char *text, size_t size)
{
	enum server_status status = server_status(server);
	const struct server *checked = server;
	unsigned rise, best;

	while (checked->track)
		checked = checked->track;
	rise = checked->check.rise;
	best = rise + checked->check.fall - 1;
	if (status == SERVER_MAINT && server->state->admin != ADMIN_MAINT && server->track)
		snprintf(text, size, "MAINT (via %s/%s)", server->track->backend->name, server->track->name);
	else if (status == SERVER_DOWN && server->state->agent_down)
		snprintf(text, size, "DOWN (agent)");
	else if (status == SERVER_DOWN && checked->state->health > 0)
		snprintf(text, size, "DOWN %u/%u", checked->state->health, rise);
	else if (status == SERVER_UP && checked->check.enabled && checked->state->health < best)
		snprintf(text, size, "UP %u/%u", checked->state->health - rise + 1, checked->check.fall);
	else if (status == SERVER_UP && !checked->check.enabled && !checked->agent.enabled)
		snprintf(text, size, "no check");
	else
		snprintf(text, size, "%s", server_status_name(status));
	return text;
}

static uint64_t booked_by(const struct server *server)
{
	return atomic_load_explicit(&server->state->load.booked, memory_order_relaxed) - server->state->cleared.booked;
}

/* With what dry runs chose: HAProxy's lbtot, "how often it was selected". */
static uint64_t selected(const struct server *server)
{
	return booked_by(server) + (server->shadow ? booked_by(server->shadow) : 0);
}

static double downtime_of(const struct server *server, double now)
{
	const struct server_state *state = server->state;

	return state->downtime + (server_status(server) == SERVER_DOWN ? now - state->down : 0) -
	       state->cleared.downtime;
}

/* HAProxy's words for them. */
static const char *description(enum check_status status)
{
	static const char *const texts[] = {
		[CHECK_UNKNOWN] = "Unknown",
		[CHECK_INI] = "Initializing",
		[CHECK_CHECKED] = "No status change",
		[CHECK_SOCKERR] = "Socket error",
		[CHECK_L4OK] = "Layer4 check passed",
		[CHECK_L4TOUT] = "Layer4 timeout",
		[CHECK_L4CON] = "Layer4 connection problem",
		[CHECK_L7TOUT] = "Layer7 timeout",
		[CHECK_L7RSP] = "Layer7 invalid response",
		[CHECK_L7OK] = "Layer7 check passed",
		[CHECK_L7STS] = "Layer7 wrong status",
	};

	return status < COUNT(texts) && texts[status] ? texts[status] : "";
}

static void set_check(struct row *row, const struct server *server)
{
	const struct check_outcome *check = &server->state->check;

	set(row, COLUMN_chkfail, "%llu",
	    (unsigned long long)(server->state->checks_failed - server->state->cleared.checks_failed));
	set(row, COLUMN_chkdown, "%llu", (unsigned long long)(server->state->downs - server->state->cleared.downs));
	set(row, COLUMN_check_status, "%s", check_status_name(check->status));
	set(row, COLUMN_check_desc, "%s", description(check->status));
	if (check->code > 0)
		set(row, COLUMN_check_code, "%u", check->code);
	if (check->status > CHECK_INI)
		set(row, COLUMN_check_duration, "%.0f", check->duration * 1000);
	set(row, COLUMN_last_chk, "%s", check->why);
	set(row, COLUMN_check_rise, "%u", server->check.rise);
	set(row, COLUMN_check_fall, "%u", server->check.fall);
	set(row, COLUMN_check_health, "%u", server->state->health);
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

static void put_server(struct sink *sink, const struct server *server, unsigned iid, double now)
{
	const struct server_state *state = server->state;
	unsigned weight = state->shown_weight, told = atomic_load_explicit(&state->maxconn, memory_order_relaxed),
		 maxconn = told > 0 ? told : server->maxconn;
	unsigned long long booked = booked_by(server);
	bool active = !server->backup && !server->standby_of;
	char text[ENDPOINT_TEXT];
	struct row row = { 0 };
	double under_way;

	set(&row, COLUMN_pxname, "%s", server->backend->name);
	set(&row, COLUMN_svname, "%s", server->name);
	set(&row, COLUMN_scur, "%.0f", select_in_flight(server, now, &under_way));
	if (maxconn > 0)
		set(&row, COLUMN_slim, "%u", maxconn);
	set(&row, COLUMN_stot, "%llu", booked);
	set(&row, COLUMN_lbtot, "%llu", (unsigned long long)selected(server));
	set(&row, COLUMN_hrsp_3xx, "%llu", booked);
	set(&row, COLUMN_status, "%s", status_text(server, text, sizeof(text)));
	set(&row, COLUMN_weight, "%u", weight);
	set(&row, COLUMN_uweight, "%u", weight);
	if (server_status(server) == SERVER_UP && atomic_load(&state->held_back) > 0)
		set(&row, COLUMN_throttle, "%u", 100 - atomic_load(&state->held_back));
	set(&row, COLUMN_act, "%d", active);
	set(&row, COLUMN_bck, "%d", !active);
	set(&row, COLUMN_lastchg, "%.0f", now - state->changed);
	if (server->check.enabled)
		set(&row, COLUMN_downtime, "%.0f", downtime_of(server, now));
	set(&row, COLUMN_pid, "1");
	set(&row, COLUMN_iid, "%u", iid);
	set(&row, COLUMN_sid, "%u", server->id);
	set(&row, COLUMN_type, "%d", TYPE_SERVER);
	if (server->track)
		set(&row, COLUMN_tracked, "%s/%s", server->track->backend->name, server->track->name);
	set(&row, COLUMN_addr, "%s", endpoint_text(server_address(server), text));
	set(&row, COLUMN_mode, "http");
	set(&row, COLUMN_srid, "0");
	if (server->check.enabled)
		set_check(&row, server);
	if (server->agent.enabled)
		set_agent(&row, server);
	put(sink, &row, TYPE_SERVER);
}

static void put_backend(struct sink *sink, const struct backend *backend, unsigned iid, double now)
{
	unsigned long long booked = 0, chosen = 0, active = 0, backups = 0, weight = 0;
	double changed = backend->n_servers ? 0 : now, in_flight = 0, under_way;
	struct row row = { 0 };

	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];
		bool up = server_status(server) == SERVER_UP, slot = !server->backup && !server->standby_of;

		booked += booked_by(server);
		chosen += selected(server);
		in_flight += select_in_flight(server, now, &under_way);
		active += up && slot;
		backups += up && !slot;
		weight += up && slot ? server->state->shown_weight : 0;
		changed = server->state->changed > changed ? server->state->changed : changed;
	}
	set(&row, COLUMN_pxname, "%s", backend->name);
	set(&row, COLUMN_svname, "BACKEND");
	set(&row, COLUMN_scur, "%.0f", in_flight);
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
	put(sink, &row, TYPE_BACKEND);
}

/* Connections and requests are those of all frontends: SPOP connections belong to addresses. */
static void put_frontend(struct sink *sink, const struct frontend *frontend, unsigned iid, const struct net_sums *sums,
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
	put(sink, &row, TYPE_FRONTEND);
}

static const struct frontend *find_frontend(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset_count(ruleset); i++)
		if (strcmp(ruleset_frontend(ruleset, i)->name, name) == 0)
			return ruleset_frontend(ruleset, i);
	return NULL;
}

/* "[<iid>|<proxy> <type> <sid>] [typed|json] [up|no-maint]", in any order. False: it was said what is wrong. */
static bool take_filter(const struct site *site, FILE *out, char **words, size_t n, struct filter *filter)
{
	char *end;

	*filter = (struct filter){ .iid = -1, .type = -1, .sid = -1 };
	while (n > 0) {
		size_t taken = 1;

		if (strcmp(words[0], "up") == 0) {
			filter->up = true;
		} else if (strcmp(words[0], "no-maint") == 0) {
			filter->no_maint = true;
		} else if (n >= 3 && !form_take(words[0], &filter->form)) {
			filter->iid = strtol(words[0], &end, 10);
			filter->proxy = *end ? words[0] : NULL;
			filter->type = strtol(words[1], NULL, 10);
			filter->sid = strtol(words[2], NULL, 10);
			taken = 3;
		} else {
			form_take(words[0], &filter->form); /* words that mean nothing are passed over, as in HAProxy */
		}
		words += taken;
		n -= taken;
	}
	if (!filter->proxy || fleet_find(site->fleet, filter->proxy) || find_frontend(site->ruleset, filter->proxy))
		return true;
	fprintf(out, "No such proxy.\n");
	return false;
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

	return (filter->sid < 0 || filter->sid == (long)server->id) &&
	       !(filter->up && (status == SERVER_DOWN || status == SERVER_MAINT)) &&
	       !(filter->no_maint && status == SERVER_MAINT);
}

static void put_all(const struct site *site, struct sink *sink, const struct filter *filter,
		    const struct net_sums *sums, double now)
{
	size_t frontends = ruleset_count(site->ruleset);

	for (unsigned i = 0; i < frontends; i++) {
		const struct frontend *frontend = ruleset_frontend(site->ruleset, i);

		if (wants(filter, frontend->name, FIRST_ID + i, TYPE_FRONTEND))
			put_frontend(sink, frontend, FIRST_ID + i, sums, frontends == 1);
	}
	for (unsigned i = 0; i < fleet_count(site->fleet); i++) {
		const struct backend *backend = fleet_backend(site->fleet, i);
		unsigned iid = FIRST_ID + (unsigned)frontends + i;

		for (size_t j = 0; wants(filter, backend->name, iid, TYPE_SERVER) && j < backend->n_servers; j++)
			if (wants_server(filter, backend->servers[j]))
				put_server(sink, backend->servers[j], iid, now);
		if (wants(filter, backend->name, iid, TYPE_BACKEND))
			put_backend(sink, backend, iid, now);
	}
}

void show_stat(struct session *session, FILE *out, char **words, size_t n)
{
	const struct site *site = &session->admin->running->site;
	struct net_sums sums;
	struct filter filter;
	struct sink sink = { .out = out };

	if (!take_filter(site, out, words, n, &filter))
		return;
	counters_sum(session->admin, &sums);
	sink.form = filter.form;
	if (filter.form == FORM_PLAIN)
		fprintf(out, "# %s\n", header);
	fputs(filter.form == FORM_JSON ? "[" : "", out);
	put_all(site, &sink, &filter, &sums, clock_now());
	fputs(filter.form == FORM_JSON ? "]\n" : "", out);
}
