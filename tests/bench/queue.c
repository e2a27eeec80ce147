/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <err.h>
#include <math.h>
#include <stdlib.h>

#include "queue.h"

void queue_init(struct queue *queue, double speed, double now)
{
	*queue = (struct queue){ .speed = speed, .at = now };
}

void queue_release(struct queue *queue)
{
	free(queue->jobs);
}

/* ---- the heap ---- */

static void rise(struct queue_job *jobs, size_t at)
{
	struct queue_job job = jobs[at];

	for (; at > 0 && jobs[(at - 1) / 2].end > job.end; at = (at - 1) / 2)
		jobs[at] = jobs[(at - 1) / 2];
	jobs[at] = job;
}

static void sink(struct queue_job *jobs, size_t n)
{
	struct queue_job job = jobs[0];
	size_t at = 0, below;

	while ((below = 2 * at + 1) < n) {
		if (below + 1 < n && jobs[below + 1].end < jobs[below].end)
			below++;
		if (jobs[below].end >= job.end)
			break;
		jobs[at] = jobs[below];
		at = below;
	}
	jobs[at] = job;
}

/* ---- time ---- */

double queue_next(const struct queue *queue)
{
	if (queue->n == 0)
		return INFINITY;
	return queue->at + (queue->jobs[0].end - queue->served) * (double)queue->n / queue->speed;
}

static void pass(struct queue *queue, double until)
{
	double dt = until - queue->at;

	if (dt <= 0)
		return;
	if (queue->n) {
		queue->served += dt * queue->speed / (double)queue->n;
		queue->busy += dt;
	}
	queue->at = until;
}

void queue_advance(struct queue *queue, double until, queue_done *done, void *context)
{
	while (queue->n && queue_next(queue) <= until) {
		uint32_t job = queue->jobs[0].job;

		pass(queue, queue_next(queue));
		queue->served = queue->jobs[0].end;
		queue->jobs[0] = queue->jobs[--queue->n];
		if (queue->n)
			sink(queue->jobs, queue->n);
		queue->completed++;
		done(context, job, queue->at);
	}
	pass(queue, until);
}

void queue_add(struct queue *queue, uint32_t job, double work)
{
	if (queue->n == queue->room) {
		queue->room = queue->room ? 2 * queue->room : 64;
		queue->jobs = realloc(queue->jobs, queue->room * sizeof(*queue->jobs));
		if (!queue->jobs)
			err(1, "queue");
	}
	queue->jobs[queue->n] = (struct queue_job){ queue->served + work, job };
	rise(queue->jobs, queue->n++);
	queue->accepted++;
}
