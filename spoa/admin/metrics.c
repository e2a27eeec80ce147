/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus: names near those of HAProxy's exporter, base units, a line of help and type each. */
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin.h"
#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/select.h"

#define P "spoa_redirect_"

#define MOST_RULES 1000u

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP " P "%s %s\n# TYPE " P "%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	fprintf(out, P "%s %.17g\n", name, value);
}

/* ---- the process ---- */

static double resident(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void put_process(FILE *out, const struct admin *admin, const struct net_sums *sums)
{
	double now = clock_now();

	head(out, "process_build_info", "gauge", "The version that runs.");
	fprintf(out, P "process_build_info{version=\"%s\"} 1\n", admin->about.version);
	one(out, "process_nbthread", "gauge", "Workers.", sums->workers);
	one(out, "process_uptime_seconds", "gauge", "Since the start.", now - admin->started);
	one(out, "process_stopping", "gauge", "1 once the agent is about to stop.", admin->stopping);
	one(out, "process_cpu_seconds_total", "counter", "User and system time of all threads.", cpu());
	one(out, "process_resident_memory_bytes", "gauge", "Memory in use.", resident());
	one(out, "config_last_reload_successful", "gauge", "0 if the last reload failed.",
	    !reload_failed(admin->reload));
	one(out, "config_age_seconds", "gauge", "Since the configuration that runs was taken.",
	    now - admin->running->since);
	one(out, "log_lines_lost_total", "counter", "Log lines that could not be written, or came too fast.",
	    admin->running->log_queue ? (double)log_queue_lost(admin->running->log_queue) : 0);
	head(out, "config_reloads_total", "counter", "Reloads by their outcome.");
	fprintf(out,
		P "config_reloads_total{result=\"success\"} %llu\n" P "config_reloads_total{result=\"failure\"} %llu\n",
		(unsigned long long)reload_count(admin->reload, true),
		(unsigned long long)reload_count(admin->reload, false));
}

/* ---- SPOP ---- */

static const struct {
	const char *name, *help;
	enum net_count count;
} counts[] = {
	{ "spop_notifies_total", "NOTIFY frames that were answered.", NET_NOTIFIES },
	{ "spop_hello_refused_total", "HELLOs with something wrong in them.", NET_REFUSED },
	{ "spop_hello_timeouts_total", "Connections ended by timeout hello.", NET_LATE_HELLOS },
	{ "spop_frame_timeouts_total", "Connections ended by timeout frame.", NET_LATE_FRAMES },
	{ "spop_idle_timeouts_total", "Connections ended by timeout idle.", NET_IDLE },
	{ "spop_output_overflows_total", "Connections ended by output-limit.", NET_OVERFLOWS },
	{ "spop_bad_frames_total", "Connections ended for a frame behind HELLO that breaks the protocol.",
	  NET_BAD_FRAMES },
	{ "spop_fragments_dropped_total", "Fragmented NOTIFYs that were too long.", NET_DROPPED },
	{ "spop_haproxy_errors_total", "Connections that HAProxy ended with an error.", NET_ENDED },
};

static void put_times(FILE *out, const struct net_sums *sums)
{
	uint64_t sum = 0;

	head(out, "answer_duration_seconds", "histogram",
	     "From a worker's waking for what it read to its answers being written.");
	for (unsigned i = 0; i < NET_TIMES; i++) {
		sum += sums->times[i];
		fprintf(out, P "answer_duration_seconds_bucket{le=\"%g\"} %llu\n", net_times[i],
			(unsigned long long)sum);
	}
	sum += sums->times[NET_TIMES];
	fprintf(out,
		P "answer_duration_seconds_bucket{le=\"+Inf\"} %llu\n" P "answer_duration_seconds_sum %.9f\n" P
		  "answer_duration_seconds_count %llu\n",
		(unsigned long long)sum, sums->time, (unsigned long long)sum);
}

static void put_spop(FILE *out, const struct net_sums *sums)
{
	one(out, "spop_connections", "gauge", "HAProxy's connections.", (double)sums->connections);
	one(out, "spop_connections_limit", "gauge", "maxconn.", (double)sums->maxconn);
	one(out, "spop_connections_total", "counter", "Connections that were accepted.", (double)sums->accepted);
	one(out, "spop_connections_full_total", "counter", "How often accepting paused for maxconn.",
	    (double)sums->full);
	one(out, "spop_connections_starved_total", "counter",
	    "How often a connection could not be taken for want of descriptors or memory.", (double)sums->starved);
	for (size_t i = 0; i < COUNT(counts); i++)
		one(out, counts[i].name, "counter", counts[i].help, (double)sums->counts[counts[i].count]);
	put_times(out, sums);
}

static void put_decisions(FILE *out, const struct net_sums *sums)
{
	head(out, "decisions_total", "counter", "Messages decided, by the variable reason.");
	for (unsigned i = 0; i < REASONS; i++)
		fprintf(out, P "decisions_total{reason=\"%s\"} %llu\n", answer_reason_name(i),
			(unsigned long long)sums->decisions[i]);
	one(out, "unknown_messages_total", "counter",
	    "Messages that no frontend of their listener answers, or too many for one NOTIFY.",
	    (double)sums->unknown_messages);
	one(out, "unknown_backends_total", "counter", "Names made by use_backend that no backend bears.",
	    (double)sums->unknown_backends);
	one(out, "fallbacks_total", "counter",
	    "Decisions for a fallback-backend, where no server of the rule's can serve.", (double)sums->fallbacks);
	one(out, "missing_arguments_total", "counter", "Messages that lack an argument that the rules read.",
	    (double)sums->missing_arguments);
	one(out, "shortened_answers_total", "counter", "Answers that lack variables for the frame's size.",
	    (double)sums->shortened);
	one(out, "regex_limits_total", "counter", "Regexes that were given up at their limit.",
	    (double)sums->regex_limits);
}

/* ---- servers ---- */

static double get(const _Atomic double *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static double redirects(const struct server *server, double now)
{
	(void)now;
	return (double)atomic_load_explicit(&server->state->load.booked, memory_order_relaxed);
}

static double dry_run_redirects(const struct server *server, double now)
{
	return server->shadow ? redirects(server->shadow, now) : -1;
}

static double weight(const struct server *server, double now)
{
	(void)now;
	return atomic_load_explicit(&server->state->weight, memory_order_relaxed);
}

static double throttle(const struct server *server, double now)
{
	(void)now;
	return server->slowstart > 0 ? 1 - atomic_load(&server->state->held_back) / 100.0 : -1;
}

static double over_maxload(const struct server *server, double now)
{
	return server->maxload > 0 ? server_over_maxload(server, now) : -1;
}

static double in_flight(const struct server *server, double now)
{
	double under_way;

	return select_in_flight(server, now, &under_way);
}

/* Negative: there is none. */
static double utilisation(const struct server *server, double now)
{
	(void)now;
	return get(&server->state->load.u);
}

static double age(const struct server *server, double now)
{
	double reported = get(&server->state->load.reported);

	return reported < 0 ? -1 : now - reported;
}

static double checks_failed(const struct server *server, double now)
{
	(void)now;
	return server->check.enabled ? (double)server->state->checks_failed : -1;
}

static double load_checks_failed(const struct server *server, double now)
{
	(void)now;
	return server->load_check.enabled ? (double)server->state->load_checks_failed : -1;
}

static double agent_unknown(const struct server *server, double now)
{
	(void)now;
	return server->agent.enabled ? (double)server->state->agent_unknown : -1;
}

static double downs(const struct server *server, double now)
{
	(void)now;
	return (double)server->state->downs;
}

static double last_change(const struct server *server, double now)
{
	return now - server->state->changed;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct server *server, double now);
} of_servers[] = {
	{ "server_redirects_total", "counter", "Clients sent to the server.", redirects },
	{ "server_dry_run_redirects_total", "counter", "Clients that dry runs would have sent to the server.",
	  dry_run_redirects },
	{ "server_weight", "gauge", "The weight in use.", weight },
	{ "server_throttle_ratio", "gauge", "How much of its weight a slow start lets through.", throttle },
	{ "server_over_maxload", "gauge", "1 while it reports more than its maxload.", over_maxload },
	{ "server_in_flight", "gauge", "Requests in flight, as estimated.", in_flight },
	{ "server_utilisation_ratio", "gauge", "As last reported.", utilisation },
	{ "server_report_age_seconds", "gauge", "Since the last report of its load.", age },
	{ "server_check_failures_total", "counter", "Health checks that failed while it was up.", checks_failed },
	{ "server_load_check_failures_total", "counter", "Questions of load-check without a whole answer.",
	  load_checks_failed },
	{ "server_agent_unknown_words_total", "counter", "Words of its agent that mean nothing here.", agent_unknown },
	{ "server_downs_total", "counter", "How often it went down.", downs },
	{ "server_last_change_seconds", "gauge", "Since its status last changed.", last_change },
};

static void put_of_servers(FILE *out, const struct fleet *fleet, size_t row, double now)
{
	head(out, of_servers[row].name, of_servers[row].type, of_servers[row].help);
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++) {
			double value = of_servers[row].value(backend->servers[j], now);

			if (value >= 0)
				fprintf(out, P "%s{proxy=\"%s\",server=\"%s\"} %.17g\n", of_servers[row].name,
					backend->name, backend->servers[j]->name, value);
		}
	}
}

typedef void put_for(FILE *out, const struct server *server, const char *labels);

static void put_taken(FILE *out, const struct server *server, const char *labels)
{
	for (unsigned i = 0; i < LOAD_SOURCES; i++)
		if (server->state->said[i].taken > 0)
			fprintf(out, P "server_reports_total{%s,source=\"%s\"} %llu\n", labels,
				load_source_name((enum load_source)i),
				(unsigned long long)server->state->said[i].taken);
}

static void put_rejected(FILE *out, const struct server *server, const char *labels)
{
	for (unsigned i = REPORT_TAKEN + 1; i < LOAD_REJECTIONS; i++)
		if (server->state->rejected[i] > 0)
			fprintf(out, P "server_reports_rejected_total{%s,reason=\"%s\"} %llu\n", labels,
				load_rejection_name((enum load_rejection)i),
				(unsigned long long)server->state->rejected[i]);
}

/* Of what did not happen there is no line. */
static void put_reports(FILE *out, const struct fleet *fleet, const char *name, const char *help, put_for *put)
{
	char labels[600];

	head(out, name, "counter", help);
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++) {
			snprintf(labels, sizeof(labels), "proxy=\"%s\",server=\"%s\"", backend->name,
				 backend->servers[j]->name);
			put(out, backend->servers[j], labels);
		}
	}
}

/* As HAProxy's: a line for each state, of which one is 1. */
static void put_states(FILE *out, const struct fleet *fleet)
{
	head(out, "server_status", "gauge", "The server's status, 1 for the one that holds.");
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct backend *backend = fleet_backend(fleet, i);

		for (size_t j = 0; j < backend->n_servers; j++)
			for (int status = SERVER_UP; status <= SERVER_MAINT; status++)
				fprintf(out, P "server_status{proxy=\"%s\",server=\"%s\",state=\"%s\"} %d\n",
					backend->name, backend->servers[j]->name,
					server_status_name((enum server_status)status),
					server_status(backend->servers[j]) == (enum server_status)status);
	}
}

static void put_backends(FILE *out, const struct fleet *fleet)
{
	head(out, "backend_active_servers", "gauge", "Servers that may be chosen now.");
	for (size_t i = 0; i < fleet_count(fleet); i++)
		fprintf(out, P "backend_active_servers{proxy=\"%s\"} %u\n", fleet_backend(fleet, i)->name,
			backend_n_usable(fleet_backend(fleet, i)));
}

static void put_datagrams(FILE *out, const struct load *load)
{
	head(out, "load_datagrams_total", "counter", "Datagrams with reports of load, by what became of them.");
	for (unsigned i = 0; i < LOAD_DATAGRAMS; i++)
		fprintf(out, P "load_datagrams_total{outcome=\"%s\"} %llu\n", load_datagram_name((enum load_datagram)i),
			(unsigned long long)load_datagrams(load, (enum load_datagram)i));
	one(out, "load_datagrams_lost_total", "counter", "Datagrams that the system had no room for.",
	    (double)load_datagrams_lost(load));
}

/* ---- rules ---- */

static void put_label(FILE *out, const char *value)
{
	for (; *value; value++)
		if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
}

static void put_hits(FILE *out, const struct frontend *frontend, const struct rule *rule, uint64_t hits)
{
	fprintf(out, P "rule_hits_total{proxy=\"%s\",line=\"", frontend->name);
	put_label(out, rule->place.file);
	fprintf(out, ":%u\",backend=\"", rule->place.line);
	put_label(out, rule->backend ? rule->backend : "");
	fprintf(out, "\"} %llu\n", (unsigned long long)hits);
}

/* Of what never held there is no line, and of very many not all: a page must be read every few seconds. */
static void put_rules(FILE *out, const struct ruleset *ruleset)
{
	size_t left = MOST_RULES;

	head(out, "rule_hits_total", "counter", "How often a line of the rules held, of the first 1000 that ever did.");
	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct frontend *frontend = ruleset_frontend(ruleset, i);
		size_t excludes = frontend->n_excludes, n = excludes + frontend->n_rules;

		for (size_t j = 0; j < n && left > 0; j++) {
			const struct rule *rule = j < excludes ? frontend->excludes[j] : frontend->rules[j - excludes];
			double last;
			uint64_t hits = frontend_hits(frontend, rule, &last);

			if (hits > 0) {
				put_hits(out, frontend, rule, hits);
				left--;
			}
		}
	}
}

void metrics_write(const struct admin *admin, FILE *out)
{
	const struct fleet *fleet = admin->running->site.fleet;
	double now = clock_now();
	struct net_sums sums;

	net_sum(admin->running->net, &sums);
	put_process(out, admin, &sums);
	put_spop(out, &sums);
	put_decisions(out, &sums);
	put_rules(out, admin->running->site.ruleset);
	put_backends(out, fleet);
	put_states(out, fleet);
	for (size_t i = 0; i < COUNT(of_servers); i++)
		put_of_servers(out, fleet, i, now);
	put_reports(out, fleet, "server_reports_total", "Reports of its load that were taken.", put_taken);
	put_reports(out, fleet, "server_reports_rejected_total", "Reports of its load that were not.", put_rejected);
	put_datagrams(out, admin->running->load);
}
