/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many threads leave entries, one takes them: a ring of slots, each with a number that says whose turn it is (Dmitry
 * Vyukov's bounded queue). A thread that finds it full counts that and goes on.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "log_entry.h"

#define SLOTS 2048u /* a power of two */

struct slot {
	_Atomic uint64_t turn; /* n: to be filled as the n-th entry; n + 1: filled */
	struct log_entry entry;
};

struct log_queue {
	_Alignas(64) _Atomic uint64_t head; /* the next to be filled */
	_Alignas(64) uint64_t tail;         /* the next to be written */
	_Atomic uint64_t lost, full;        /* for whatever reason; for want of room, not told of yet */
	pthread_t owner;
	struct slot slots[SLOTS];
};

struct log_queue *log_queue_new(void)
{
	size_t align = _Alignof(struct log_queue);
	struct log_queue *queue = aligned_alloc(align, (sizeof(*queue) + align - 1) / align * align);

	if (!queue)
		return NULL;
	atomic_init(&queue->head, 0);
	atomic_init(&queue->lost, 0);
	atomic_init(&queue->full, 0);
	queue->tail = 0;
	queue->owner = pthread_self();
	for (uint64_t i = 0; i < SLOTS; i++)
		atomic_init(&queue->slots[i].turn, i);
	return queue;
}

void log_queue_free(struct log_queue *queue)
{
	free(queue);
}

bool log_queue_is_owner(const struct log_queue *queue)
{
	return pthread_equal(pthread_self(), queue->owner);
}

uint64_t log_queue_lost(const struct log_queue *queue)
{
	return atomic_load_explicit(&queue->lost, memory_order_relaxed);
}

void log_queue_count_lost(struct log_queue *queue)
{
	atomic_fetch_add_explicit(&queue->lost, 1, memory_order_relaxed);
}

struct log_entry *log_queue_begin(struct log_queue *queue, uint64_t *ticket)
{
	uint64_t at = atomic_load_explicit(&queue->head, memory_order_relaxed);

	for (;;) {
		struct slot *slot = &queue->slots[at % SLOTS];
		uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);

		if (turn == at) {
			*ticket = at;
			if (atomic_compare_exchange_weak_explicit(&queue->head, &at, at + 1, memory_order_relaxed,
								  memory_order_relaxed))
				return &slot->entry;
		} else if (turn < at) { /* a round behind: not written yet */
			atomic_fetch_add_explicit(&queue->full, 1, memory_order_relaxed);
			log_queue_count_lost(queue);
			return NULL;
		} else {
			at = atomic_load_explicit(&queue->head, memory_order_relaxed);
		}
	}
}

void log_queue_commit(struct log_queue *queue, uint64_t ticket)
{
	atomic_store_explicit(&queue->slots[ticket % SLOTS].turn, ticket + 1, memory_order_release);
}

static void tell_full(struct log_queue *queue, const struct log *log)
{
	uint64_t full = atomic_load_explicit(&queue->full, memory_order_relaxed)
				? atomic_exchange_explicit(&queue->full, 0, memory_order_relaxed)
				: 0;

	if (full > 0)
		log_line(log, LOG_WARNING, "%" PRIu64 " log lines were lost: they came too fast", full);
}

/* At most a round: who leaves lines as fast as they are written shall not keep the control thread here. */
void log_queue_drain(struct log_queue *queue, const struct log *log)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &queue->slots[queue->tail % SLOTS];

		if (atomic_load_explicit(&slot->turn, memory_order_acquire) != queue->tail + 1)
			break;
		log_write(log, &slot->entry);
		atomic_store_explicit(&slot->turn, queue->tail + SLOTS, memory_order_release);
		queue->tail++;
	}
	tell_full(queue, log);
}
