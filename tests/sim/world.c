/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cell, event by event: clients ask an agent, go to the server that was picked, may come back there; servers report; things
 * happen to servers. All that is later than another thing by a constant waits in a line, the rest in heaps.
 */
#include <err.h>
#include <math.h>
#include <stdlib.h>

#include "clients.h"
#include "least.h"
#include "lots.h"
#include "policy.h"
#include "tests/bench/queue.h"

#define REFRESH  0.1  /* seconds: what the agent's control thread does */
#define INCIDENT 10.0 /* seconds, that a server is away or slower */

enum { START, ARRIVE, RETURN, COMPLETE, POLL, HEAR, REFRESH_ONE, INCIDENT_NEXT, KINDS };

/* What reports, when in each period, and to whom. */
struct poll {
	double phase, busy; /* as of the last one */
	uint32_t server;
	int instance; /* −1: all */
};

struct heard {
	double when;
	uint32_t poll;
	struct sim_report report;
};

struct server {
	struct queue queue;
	struct sim_truth truth;
	bool away;
};

struct world {
	const struct cell *cell;
	const struct policy *policy;
	struct clients clients;
	struct server *servers;
	void **instances;
	unsigned n_instances;
	double now, next[KINDS];
	struct least completions; /* by server: when the next is done */
	/* requests on their way to a server, in order of arrival; and clients that think, a heap */
	uint32_t *under_way, arrived, sent;
	struct thinker {
		double until;
		uint32_t request;
	} * thinkers;
	uint32_t n_thinkers, started;
	struct poll *polls;
	uint32_t n_polls;
	uint64_t polled, refreshed, incidents, lost;
	struct heard *heard; /* reports on their way, a ring */
	uint32_t heard_room, heard_first, heard_n;
	struct random random;
	/* what is measured */
	double *times, *slowdowns, in_system;
	uint32_t present, measured, open; /* open: of those to be measured */
	struct cell_result *result;
};

/* ---- servers ---- */

static void show(struct world *world, uint32_t i)
{
	struct server *server = &world->servers[i];

	least_set(&world->completions, i, queue_next(&server->queue));
	world->next[COMPLETE] = least_cost(&world->completions);
	server->truth.present = (unsigned)server->queue.n;
	if (!world->policy->see)
		return;
	for (unsigned j = 0; j < world->n_instances; j++)
		world->policy->see(world->instances[j], i, &server->truth);
}

static bool is_measured(const struct world *world, const struct request *request)
{
	return request->arrival >= world->clients.begin && request->arrival <= world->clients.end;
}

static void think(struct world *world, uint32_t request, double until)
{
	struct thinker *heap = world->thinkers;
	uint32_t at = world->n_thinkers++;

	for (; at > 0 && heap[(at - 1) / 2].until > until; at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = (struct thinker){ until, request };
	world->next[RETURN] = heap[0].until;
}

/* queue_done of all servers. */
static void note_end(void *context, uint32_t which, double when)
{
	struct world *world = context;
	const struct request *request = &world->clients.requests[which];
	const struct client *client = &world->clients.each[request->client];
	struct server *server = &world->servers[request->server];

	world->present--;
	if (is_measured(world, request)) {
		double time = when - request->arrival;

		world->slowdowns[world->measured] = time / request->work;
		world->times[world->measured++] = time;
		world->open--;
	}
	if (which == client->last)
		return;
	server->truth.thinking++;
	think(world, which + 1, when + world->clients.requests[which + 1].think);
}

static void advance(struct world *world, uint32_t i)
{
	queue_advance(&world->servers[i].queue, world->now, note_end, world);
}

static void on_complete(struct world *world)
{
	uint32_t i = least_pick(&world->completions, &world->random);

	advance(world, i);
	show(world, i);
}

/* ---- clients ---- */

static void enter(struct world *world, uint32_t which, uint32_t i)
{
	struct request *request = &world->clients.requests[which];

	request->arrival = world->now;
	request->server = i;
	world->open += is_measured(world, request);
	world->present++;
	advance(world, i);
	queue_add(&world->servers[i].queue, which, request->work);
	show(world, i);
}

static void on_start(struct world *world)
{
	struct clients *clients = &world->clients;
	const struct client *client = &clients->each[world->started++];
	unsigned instance = client->agent % world->n_instances;
	uint32_t i = world->policy->pick(world->instances[instance], world->now);

	clients->requests[client->first].server = i;
	clients->requests[client->first].arrival = world->now + world->cell->delay;
	world->under_way[world->sent++] = client->first;
	if (world->sent == world->arrived + 1)
		world->next[ARRIVE] = world->now + world->cell->delay;
	world->next[START] = world->started < clients->n ? clients->each[world->started].start : INFINITY;
	world->servers[i].truth.under_way++;
	show(world, i);
}

static void on_arrive(struct world *world)
{
	uint32_t which = world->under_way[world->arrived++];
	const struct request *requests = world->clients.requests;

	world->servers[requests[which].server].truth.under_way--;
	enter(world, which, requests[which].server);
	world->next[ARRIVE] =
		world->arrived < world->sent ? requests[world->under_way[world->arrived]].arrival : INFINITY;
}

/* Directly to where it was before. */
static void on_return(struct world *world)
{
	struct thinker *heap = world->thinkers, last = heap[--world->n_thinkers];
	uint32_t which = heap[0].request, at = 0, below, i = world->clients.requests[which - 1].server;

	while ((below = 2 * at + 1) < world->n_thinkers) {
		if (below + 1 < world->n_thinkers && heap[below + 1].until < heap[below].until)
			below++;
		if (heap[below].until >= last.until)
			break;
		heap[at] = heap[below];
		at = below;
	}
	heap[at] = last;
	world->next[RETURN] = world->n_thinkers ? heap[0].until : INFINITY;
	world->servers[i].truth.thinking--;
	enter(world, which, i);
}

/* ---- reports ---- */

static void tell(struct world *world, const struct poll *poll, const struct sim_report *report)
{
	for (unsigned i = 0; i < world->n_instances; i++)
		if (poll->instance < 0 || (unsigned)poll->instance == i)
			world->policy->report(world->instances[i], poll->server, report, world->now);
}

static double with_noise(struct world *world, double value)
{
	return value * (1 + world->cell->noise * (2 * uniform(&world->random) - 1));
}

static void put_on_the_way(struct world *world, uint32_t poll, const struct sim_report *report)
{
	if (world->heard_n == world->heard_room)
		errx(1, "too many reports under way");
	world->heard[(world->heard_first + world->heard_n++) % world->heard_room] =
		(struct heard){ world->now + world->cell->late, poll, *report };
	world->next[HEAR] = world->heard[world->heard_first].when;
}

static void on_hear(struct world *world)
{
	const struct heard *heard = &world->heard[world->heard_first];

	tell(world, &world->polls[heard->poll], &heard->report);
	world->heard_first = (world->heard_first + 1) % world->heard_room;
	world->next[HEAR] = --world->heard_n ? world->heard[world->heard_first].when : INFINITY;
}

static void on_poll(struct world *world)
{
	uint32_t which = (uint32_t)(world->polled++ % world->n_polls);
	struct poll *poll = &world->polls[which];
	const struct server *server = &world->servers[poll->server];
	const struct queue *queue = &server->queue;
	struct sim_report report;

	world->next[POLL] = (double)(world->polled / world->n_polls) * world->cell->period +
			    world->polls[world->polled % world->n_polls].phase;
	advance(world, poll->server);
	report = (struct sim_report){ .q = (double)queue->n,
				      .A = (double)queue->accepted,
				      .C = (double)queue->completed,
				      .B = queue->busy,
				      .u = fmin((queue->busy - poll->busy) / world->cell->period, 1) };
	poll->busy = queue->busy;
	if (server->away)
		return;
	if (world->cell->lost > 0 && uniform(&world->random) <= world->cell->lost) {
		world->lost++;
		return;
	}
	if (world->cell->noise > 0) {
		report.q = round(with_noise(world, report.q));
		report.u = fmin(with_noise(world, report.u), 1);
	}
	if (world->cell->late > 0)
		put_on_the_way(world, which, &report);
	else
		tell(world, poll, &report);
}

static void on_refresh(struct world *world)
{
	unsigned i = (unsigned)(world->refreshed++ % world->n_instances);

	if (world->policy->refresh)
		world->policy->refresh(world->instances[i], world->now);
	world->next[REFRESH_ONE] = REFRESH * (double)(world->refreshed + 1) / world->n_instances;
}

/* ---- what happens to servers ---- */

static void set_away(struct world *world, uint32_t i, bool away)
{
	world->servers[i].away = away;
	for (unsigned j = 0; world->policy->away && j < world->n_instances; j++)
		world->policy->away(world->instances[j], i, away, world->now);
	show(world, i);
}

static void set_slower(struct world *world, uint32_t i, double times)
{
	advance(world, i);
	world->servers[i].queue.speed = world->servers[i].truth.speed = cell_speed(world->cell, i) / times;
	show(world, i);
}

/* It begins and ends in turn, with one server after the other. */
static void on_incident(struct world *world)
{
	const struct cell *cell = world->cell;
	double interval = cell->leave > 0 ? cell->leave : cell->degrade;
	uint32_t i = (uint32_t)(world->incidents / 2 * 7 % cell->servers);
	bool begins = world->incidents++ % 2 == 0;

	if (cell->leave > 0)
		set_away(world, i, begins);
	if (cell->degrade > 0)
		set_slower(world, i, begins ? cell->slower : 1);
	world->next[INCIDENT_NEXT] += begins ? INCIDENT : interval - INCIDENT;
}

/* ---- the beginning and the end ---- */

static int by_phase(const void *a, const void *b)
{
	double x = ((const struct poll *)a)->phase, y = ((const struct poll *)b)->phase;

	return (x > y) - (x < y);
}

static void make_polls(struct world *world)
{
	const struct cell *cell = world->cell;
	unsigned agents = cell->own_phases ? world->n_instances : 1;

	world->polls = calloc(cell->servers * agents, sizeof(*world->polls));
	world->heard_room = (uint32_t)(cell->servers * agents * (2 + cell->late / cell->period));
	world->heard = calloc(world->heard_room, sizeof(*world->heard));
	if (!world->polls || !world->heard)
		err(1, "polls");
	for (unsigned i = 0; i < cell->servers; i++)
		for (unsigned j = 0; j < agents; j++)
			world->polls[world->n_polls++] = (struct poll){ .phase = uniform(&world->random) * cell->period,
									.server = i,
									.instance = cell->own_phases ? (int)j : -1 };
	qsort(world->polls, world->n_polls, sizeof(*world->polls), by_phase);
	world->next[POLL] = world->policy->report ? world->polls[0].phase : INFINITY;
}

static void open_servers(struct world *world)
{
	const struct cell *cell = world->cell;

	world->servers = calloc(cell->servers, sizeof(*world->servers));
	if (!world->servers)
		err(1, "servers");
	least_init(&world->completions, cell->servers);
	for (unsigned i = 0; i < cell->servers; i++) {
		struct server *server = &world->servers[i];
		double slower = i == cell->servers / 2 && cell->degrade <= 0 ? cell->slower : 1;

		server->truth.speed = cell_speed(cell, i) / slower;
		queue_init(&server->queue, server->truth.speed, 0);
		show(world, i);
	}
}

static void open_world(struct world *world)
{
	const struct cell *cell = world->cell;
	struct clients *clients = &world->clients;

	random_seed(&world->random, cell->seed ^ 0x5157);
	for (unsigned i = 0; i < KINDS; i++)
		world->next[i] = INFINITY;
	clients_make(clients, cell);
	world->next[START] = clients->n ? clients->each[0].start : INFINITY;
	world->next[REFRESH_ONE] = 0;
	if (cell->leave > 0 || cell->degrade > 0)
		world->next[INCIDENT_NEXT] = cell->warm / 2;
	world->under_way = calloc(clients->n, sizeof(*world->under_way));
	world->thinkers = calloc(clients->n, sizeof(*world->thinkers));
	world->times = calloc(clients->n_requests, sizeof(*world->times));
	world->slowdowns = calloc(clients->n_requests, sizeof(*world->slowdowns));
	world->n_instances = world->policy->remembers ? cell->agents : 1;
	world->instances = calloc(world->n_instances, sizeof(*world->instances));
	if (!world->under_way || !world->thinkers || !world->times || !world->slowdowns || !world->instances)
		err(1, "world");
	for (unsigned i = 0; i < world->n_instances; i++)
		world->instances[i] = world->policy->open(cell, i);
	make_polls(world);
	open_servers(world);
}

static void close_world(struct world *world)
{
	for (unsigned i = 0; i < world->n_instances; i++)
		world->policy->close(world->instances[i]);
	for (unsigned i = 0; i < world->cell->servers; i++)
		queue_release(&world->servers[i].queue);
	least_release(&world->completions);
	clients_release(&world->clients);
	free(world->instances);
	free(world->servers);
	free(world->polls);
	free(world->heard);
	free(world->under_way);
	free(world->thinkers);
	free(world->times);
	free(world->slowdowns);
}

/* Until all are through that are measured. */
static void run(struct world *world)
{
	static void (*const happen[KINDS])(struct world *) = {
		[START] = on_start, [ARRIVE] = on_arrive, [RETURN] = on_return,       [COMPLETE] = on_complete,
		[POLL] = on_poll,   [HEAR] = on_hear,     [REFRESH_ONE] = on_refresh, [INCIDENT_NEXT] = on_incident,
	};
	double end = world->clients.end;

	while (world->now <= end || world->open > 0 || world->arrived < world->sent) {
		unsigned what = 0;

		for (unsigned i = 1; i < KINDS; i++)
			if (world->next[i] < world->next[what])
				what = i;
		if (world->next[what] > world->clients.begin && world->now < end)
			world->in_system += world->present *
					    (fmin(world->next[what], end) - fmax(world->now, world->clients.begin));
		world->now = world->next[what];
		happen[what](world);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double mean_of(const double *values, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += values[i];
	return n ? sum / n : NAN;
}

static void describe(const struct world *world, struct cell_result *result)
{
	uint32_t n = world->measured;

	*result = (struct cell_result){ .measured = n, .lost = (uint32_t)world->lost };
	if (n == 0)
		return;
	qsort(world->times, n, sizeof(*world->times), by_value);
	qsort(world->slowdowns, n, sizeof(*world->slowdowns), by_value);
	result->seconds = world->clients.end - world->clients.begin;
	result->mean = mean_of(world->times, n);
	result->p99 = world->times[(uint32_t)(0.99 * n)];
	result->slowdown = mean_of(world->slowdowns, n);
	result->slowdown_p99 = world->slowdowns[(uint32_t)(0.99 * n)];
	result->slowdown_p999 = world->slowdowns[(uint32_t)(0.999 * n)];
	result->in_system = world->in_system / result->seconds;
}

bool cell_run(const struct cell *cell, struct cell_result *result)
{
	struct world world = { .cell = cell, .policy = policy_find(cell->policy) };

	if (!world.policy)
		return false;
	open_world(&world);
	run(&world);
	describe(&world, result);
	close_world(&world);
	return true;
}
