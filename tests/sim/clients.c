/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <err.h>
#include <math.h>
#include <stdlib.h>

#include "clients.h"
#include "lots.h"

#define LEAST_SECONDS    30.0
#define LEAST_PER_SERVER 20.0
#define WARM_SESSIONS    2.0 /* so many of a session's mean lengths are not measured either */

double clients_mean_requests(const struct cell *cell)
{
	return cell->single + (1 - cell->single) * cell->requests;
}

double clients_rate(const struct cell *cell)
{
	double capacity = 0;

	for (unsigned i = 0; i < cell->servers; i++)
		capacity += cell_speed(cell, i);
	return cell->load * capacity / cell->work;
}

/* 1, 2, 3 …, geometrically distributed. */
static uint32_t draw_requests(const struct cell *cell, struct random *random)
{
	if (cell->requests <= 1 || uniform(random) <= cell->single)
		return 1;
	return 1 + (uint32_t)fmin(log(uniform(random)) / log1p(-1 / cell->requests), 1e4);
}

static void draw_clients(struct clients *clients, const struct cell *cell, double rate, struct random *random)
{
	size_t room = (size_t)(clients->end * rate * 1.01 + 1000);
	double at = 0;

	clients->each = malloc(room * sizeof(*clients->each));
	if (!clients->each)
		err(1, "clients");
	while (clients->n < room) {
		struct client *client = &clients->each[clients->n];

		at -= log(uniform(random)) / rate;
		if (at > clients->end)
			break;
		client->start = at;
		client->agent = random_below(random, cell->agents);
		client->first = clients->n_requests;
		clients->n_requests += draw_requests(cell, random);
		client->last = clients->n_requests - 1;
		clients->n++;
	}
}

/* At a share of the distribution, with the mean of 1. */
static double size_at(const struct cell *cell, double share)
{
	if (cell->shape <= 0)
		return -log(share);
	return pow(share, -1 / cell->shape) * (cell->shape - 1) / cell->shape;
}

/*
 * Works at even steps through the distribution, in random order: n draws of Pareto(1.5) have a mean that differs by some
 * per cent from one run to the next, and with it the load.
 */
static void draw_works(struct clients *clients, const struct cell *cell, struct random *random)
{
	struct request *requests = clients->requests;
	double sum = 0;

	for (uint32_t i = 0; i < clients->n_requests; i++) {
		requests[i].work = size_at(cell, (i + 0.5) / clients->n_requests);
		sum += requests[i].work;
	}
	for (uint32_t i = 0; i < clients->n_requests; i++) {
		uint32_t other = i + random_below(random, clients->n_requests - i);
		double work = requests[i].work;

		requests[i].work = requests[other].work * cell->work * clients->n_requests / sum;
		requests[other].work = work;
	}
}

void clients_make(struct clients *clients, const struct cell *cell)
{
	double rate = clients_rate(cell), mean = clients_mean_requests(cell),
	       measured = fmax(cell->measure, LEAST_PER_SERVER * cell->servers) / rate;
	struct random random;

	random_seed(&random, cell->seed);
	*clients = (struct clients){ .begin = cell->warm };
	if (mean > 1)
		clients->begin += WARM_SESSIONS * cell->requests * cell->think;
	clients->end = clients->begin + fmax(measured, LEAST_SECONDS);
	draw_clients(clients, cell, rate / mean, &random);
	clients->requests = calloc(clients->n_requests, sizeof(*clients->requests));
	if (!clients->requests)
		err(1, "requests");
	draw_works(clients, cell, &random);
	for (uint32_t i = 0; i < clients->n; i++)
		for (uint32_t j = clients->each[i].first; j <= clients->each[i].last; j++) {
			clients->requests[j].client = i;
			if (j > clients->each[i].first)
				clients->requests[j].think = -log(uniform(&random)) * cell->think;
		}
}

void clients_release(struct clients *clients)
{
	free(clients->each);
	free(clients->requests);
}
