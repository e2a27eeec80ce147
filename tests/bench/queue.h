/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server that shares its time evenly among all jobs that it has: with n of them each gets a n-th of `speed`. The model is
 * exact: jobs end when they end, however late one looks. Times in seconds, on whatever clock the caller has.
 */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queue_job {
	double end; /* what each job will have been served by then, on the queue's own scale */
	uint32_t job;
};

struct queue {
	double speed;
	double at;     /* all before is accounted for */
	double served; /* to each job that was there from the beginning */
	double busy;   /* seconds with any work */
	uint64_t accepted, completed;
	struct queue_job *jobs; /* a heap, the first to end at its top */
	size_t n, room;
};

/* Who is told of a job's end. */
typedef void queue_done(void *context, uint32_t job, double when);

void queue_init(struct queue *queue, double speed, double now);
void queue_release(struct queue *queue);

/* All that happens until then; `done` is called in order of time. */
void queue_advance(struct queue *queue, double until, queue_done *done, void *context);

/* When the next job ends, if no other comes; INFINITY without any. */
double queue_next(const struct queue *queue);

/* After queue_advance() to now. Out of memory it ends the program. */
void queue_add(struct queue *queue, uint32_t job, double work);

#endif
