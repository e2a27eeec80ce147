/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "queue.h"
#include "spoa-redirect/base/random.h"

#define SAMPLE_EVERY 0.1 /* seconds */

double load_speed(const struct load_settings *settings, unsigned server)
{
	double step = settings->servers > 1 ? (settings->fastest - settings->slowest) / (settings->servers - 1) : 0;

	return settings->slowest + step * server;
}

/* Above 0, at most 1. */
static double uniform(struct random *random)
{
	return ((double)(random_bits(random) >> 11) + 1) * 0x1p-53;
}

/*
 * Sizes at even steps through the distribution, in random order: n draws of Pareto(1.5) have a mean that differs by a tenth
 * from run to run, and with it the load.
 */
static void draw_work(struct load *load, struct random *random)
{
	const struct load_settings *settings = &load->settings;
	double capacity = 0, sum = 0, mean;

	for (unsigned i = 0; i < settings->servers; i++)
		capacity += load_speed(settings, i);
	mean = settings->share * capacity / settings->rate;
	for (uint32_t i = 0; i < load->n; i++) {
		load->jobs[i].work = pow((i + 0.5) / load->n, -1 / settings->shape);
		sum += load->jobs[i].work;
	}
	for (uint32_t i = 0; i < load->n; i++)
		load->jobs[i].work *= mean * load->n / sum;
	for (uint32_t i = load->n; i > 1; i--) {
		uint32_t other = random_below(random, i);
		double work = load->jobs[i - 1].work;

		load->jobs[i - 1].work = load->jobs[other].work;
		load->jobs[other].work = work;
	}
}

void load_make(struct load *load, const struct load_settings *settings)
{
	struct random random;
	double at = 0;

	random_seed(&random, settings->seed);
	load->settings = *settings;
	load->n = (uint32_t)(settings->rate * (settings->warm + settings->seconds));
	load->jobs = calloc(load->n, sizeof(*load->jobs));
	if (!load->jobs)
		err(1, "load");
	for (uint32_t i = 0; i < load->n; i++) {
		at -= log(uniform(&random)) / settings->rate;
		load->jobs[i] = (struct load_job){ .start = at, .arrival = NAN, .end = NAN, .received = NAN };
	}
	draw_work(load, &random);
}

/* ---- the result ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void describe(double *values, uint32_t n, double *mean, double *p99)
{
	double sum = 0;

	qsort(values, n, sizeof(*values), by_value);
	for (uint32_t i = 0; i < n; i++)
		sum += values[i];
	*mean = n ? sum / n : NAN;
	*p99 = n ? values[(uint32_t)(0.99 * n)] : NAN;
}

void load_result(const struct load *load, struct load_result *result)
{
	double *times = calloc(3 * (size_t)load->n, sizeof(*times)), *slowdowns = times + load->n,
	       *all = slowdowns + load->n;
	uint32_t clients = 0;

	if (!times)
		err(1, "load");
	memset(result, 0, sizeof(*result));
	for (uint32_t i = 0; i < load->n; i++) {
		const struct load_job *job = &load->jobs[i];

		if (job->start < load->settings.warm)
			continue;
		if (isnan(job->end)) {
			result->failed++;
			continue;
		}
		times[result->measured] = job->end - job->arrival;
		slowdowns[result->measured++] =
			(job->end - job->arrival) * load_speed(&load->settings, job->server) / job->work;
		if (!isnan(job->received))
			all[clients++] = job->received - job->start;
	}
	describe(times, result->measured, &result->mean, &result->p99);
	describe(slowdowns, result->measured, &result->slowdown, &result->slowdown_p99);
	describe(all, clients, &result->client_mean, &result->client_p99);
	free(times);
}

/* ---- who sees all ---- */

struct omniscient {
	struct load load; /* a copy: its jobs have other servers and ends */
	struct queue *queues;
	uint32_t *under_way;
	double spread; /* sum of what load_result.fullest is the mean of */
	uint32_t samples;
};

static void note_end(void *context, uint32_t job, double when)
{
	struct omniscient *all = context;

	all->load.jobs[job].end = when;
	all->load.jobs[job].received = when;
}

static void advance_all(struct omniscient *all, double until)
{
	for (unsigned i = 0; i < all->load.settings.servers; i++)
		queue_advance(&all->queues[i], until, note_end, all);
}

static uint32_t least(const struct omniscient *all, struct random *random)
{
	uint32_t n = all->load.settings.servers, at = random_below(random, n), best = at;
	double cost = INFINITY;

	for (uint32_t i = 0; i < n; i++, at = at + 1 == n ? 0 : at + 1) {
		double this = (double)(all->queues[at].n + all->under_way[at] + 1) / all->queues[at].speed;

		if (this < cost) {
			cost = this;
			best = at;
		}
	}
	return best;
}

static void sample_spread(struct omniscient *all)
{
	size_t most = 0, sum = 0;

	for (unsigned i = 0; i < all->load.settings.servers; i++) {
		most = all->queues[i].n > most ? all->queues[i].n : most;
		sum += all->queues[i].n;
	}
	all->spread += (double)most - (double)sum / all->load.settings.servers;
	all->samples++;
}

/* Clients arrive in the order in which they were sent, as all take `delay` for the way. */
static void simulate(struct omniscient *all, struct random *random)
{
	struct load *load = &all->load;
	double sample = load->settings.warm;

	for (uint32_t sent = 0, arrived = 0; arrived < load->n;) {
		double next = sent < load->n ? load->jobs[sent].start : INFINITY;
		struct load_job *job = &load->jobs[arrived];
		double arrival = arrived < sent ? job->arrival : INFINITY, now = fmin(fmin(next, arrival), sample);

		advance_all(all, now);
		if (now == sample) {
			sample_spread(all);
			sample += SAMPLE_EVERY;
		} else if (arrival <= next) {
			all->under_way[job->server]--;
			queue_add(&all->queues[job->server], arrived++, job->work);
		} else {
			load->jobs[sent].server = least(all, random);
			load->jobs[sent].arrival = now + load->settings.delay;
			all->under_way[load->jobs[sent++].server]++;
		}
	}
	advance_all(all, INFINITY);
}

void load_omniscient(const struct load *load, struct load_result *result)
{
	unsigned servers = load->settings.servers;
	struct omniscient all = { .load = *load };
	struct random random;

	all.load.jobs = malloc(load->n * sizeof(*load->jobs));
	all.queues = calloc(servers, sizeof(*all.queues));
	all.under_way = calloc(servers, sizeof(*all.under_way));
	if (!all.load.jobs || !all.queues || !all.under_way)
		err(1, "load");
	memcpy(all.load.jobs, load->jobs, load->n * sizeof(*load->jobs));
	for (unsigned i = 0; i < servers; i++)
		queue_init(&all.queues[i], load_speed(&load->settings, i), 0);
	random_seed(&random, load->settings.seed + 1);
	simulate(&all, &random);
	load_result(&all.load, result);
	result->fullest = all.samples ? all.spread / all.samples : 0;
	for (unsigned i = 0; i < servers; i++)
		queue_release(&all.queues[i]);
	free(all.load.jobs);
	free(all.queues);
	free(all.under_way);
}
