/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's own choice, and all that lies between a report and it: configuration, fleet, records, least-load. Only bytes
 * and clocks are missing.
 */
#include <err.h>
#include <math.h>
#include <stdlib.h>

#include "policy.h"
#include "spoa-redirect/select.h"
#include "spoa/load/report.h"

#define BEGIN 1000.0 /* a monotonic clock is not near 0 */

struct agent {
	struct arena *arena;
	struct fleet *fleet;
	struct backend *backend;
	struct log log; /* silent */
	struct load load;
	struct picker picker;
	enum sim_knowledge knows;
};

static char *configuration(const struct cell *cell)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		err(1, "configuration");
	if (cell->knows == KNOWS_UTILISATION)
		fprintf(out, "global\n  agents %u\n", cell->agents);
	fprintf(out, "backend fleet\n  default-server agent-check agent-port 9 agent-inter %.0fms\n",
		1000 * cell->period);
	for (unsigned i = 0; i < cell->servers; i++)
		fprintf(out, "  server s%u 192.0.2.1:80 redir http://s%u.example.com weight %u\n", i, i,
			policy_weight(cell, i));
	fclose(out);
	return text;
}

static void *agent_open(const struct cell *cell, unsigned number)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	struct config_room rooms[2];
	struct config *config;
	char *text = configuration(cell);

	if (!agent || !(agent->arena = arena_new()))
		err(1, "agent");
	agent->knows = cell->knows;
	agent->fleet = fleet_new(agent->arena, &agent->log, balance_default());
	rooms[0] = fleet_room(agent->fleet);
	rooms[1] = balance_room(agent->fleet);
	config = config_new(agent->arena, rooms, COUNT(rooms));
	config_read_text(config, "simulated", slice_of_string(text));
	fleet_finish(agent->fleet, config, BEGIN);
	if (config_count(config, CONFIG_ERROR) > 0) {
		config_print_messages(config, stderr);
		exit(1);
	}
	free(text);
	agent->backend = fleet_backend(agent->fleet, 0);
	agent->load = (struct load){ .fleet = agent->fleet, .log = &agent->log };
	random_seed(&agent->picker.random, cell->seed * 1000 + number);
	return agent;
}

static void agent_close(void *instance)
{
	struct agent *agent = instance;

	arena_free(agent->arena);
	free(agent);
}

static unsigned agent_pick(void *instance, double now)
{
	struct agent *agent = instance;
	const struct balance *balance = agent->backend->balance;
	struct server *server = balance->pick(agent->backend, 0, BEGIN + now, &agent->picker);

	if (!server)
		errx(1, "nobody is left to send clients to");
	balance->book(server, BEGIN + now, &agent->picker);
	select_settle(&agent->picker, BEGIN + now);
	return server->index;
}

/* An agent of HAProxy's says how much is idle, in whole per cent; whoever tells its queue tells its counters, too. */
static void agent_report(void *instance, unsigned server, const struct sim_report *told, double now)
{
	struct agent *agent = instance;
	struct record record = { .report.u = round(told->u * 100) / 100, .report.has = LOAD_U };
	enum load_source source = SOURCE_AGENT;

	if (agent->knows == KNOWS_QUEUE) {
		record.report = (struct load_report){
			.has = LOAD_Q | LOAD_A | LOAD_C | LOAD_B, .q = told->q, .A = told->A, .C = told->C, .B = told->B
		};
		source = SOURCE_PUSH;
	}
	if (report_take(&agent->load, agent->backend->servers[server], source, record_check(&record), &record,
			BEGIN + now) != REPORT_TAKEN)
		errx(1, "a report is not taken");
}

static void agent_refresh(void *instance, double now)
{
	fleet_refresh(((struct agent *)instance)->fleet, BEGIN + now);
}

static void agent_away(void *instance, unsigned server, bool away, double now)
{
	struct agent *agent = instance;

	server_set_admin(agent->fleet, agent->backend->servers[server], away ? ADMIN_MAINT : ADMIN_READY, "simulated",
			 BEGIN + now);
}

const struct policy policy_least_load = {
	.name = "least-load",
	.remembers = true,
	.open = agent_open,
	.close = agent_close,
	.pick = agent_pick,
	.report = agent_report,
	.refresh = agent_refresh,
	.away = agent_away,
};
