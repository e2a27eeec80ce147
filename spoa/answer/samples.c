/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring that its worker writes and others read, neither waiting: a reader that finds an entry changed below its hands
 * drops it (Boehm, "Can seqlocks get along with programming language memory models?", 2012). The bytes are moved as
 * atomic words, stored with release and loaded with acquire, which on the usual machines are plain moves.
 */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#define WORDS     (sizeof(struct decision_sample) / sizeof(uint64_t))
#define ALLOWANCE 1.0 /* seconds that a silence before is worth */

_Static_assert(sizeof(struct decision_sample) % sizeof(uint64_t) == 0, "a sample is whole words");

struct samples {
	_Atomic uint64_t written; /* ever */
	struct slot {
		_Atomic uint64_t turn; /* odd while it is written */
		_Atomic uint64_t words[WORDS];
	} slots[SAMPLES];
};

struct samples *samples_new(void)
{
	return calloc(1, sizeof(struct samples));
}

void samples_free(struct samples *samples)
{
	free(samples);
}

/* ---- writing ---- */

static void store(struct samples *samples, const struct decision_sample *sample)
{
	uint64_t n = atomic_load_explicit(&samples->written, memory_order_relaxed), words[WORDS];
	struct slot *slot = &samples->slots[n % SAMPLES];

	memcpy(words, sample, sizeof(words));
	atomic_store_explicit(&slot->turn, 2 * n + 1, memory_order_relaxed);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
	atomic_store_explicit(&slot->turn, 2 * n + 2, memory_order_release);
	atomic_store_explicit(&samples->written, n + 1, memory_order_release);
}

static uint16_t keep_bytes(char *to, size_t room, struct slice from)
{
	size_t length = from.len < room ? from.len : room;

	if (length > 0)
		memcpy(to, from.ptr, length);
	return (uint16_t)length;
}

static void keep_name(char *to, size_t room, const char *name)
{
	to[keep_bytes(to, room - 1, slice_of_string(name))] = 0;
}

/* Of a file's name the end tells more. */
static void keep_file(char *to, size_t room, const char *file)
{
	size_t length = strlen(file);

	keep_name(to, room, length < room ? file : file + length - room + 1);
}

static void keep_request(struct decision_sample *sample, const struct request *request)
{
	struct slice path = request_bytes(request, REQUEST_PATH), method = request_bytes(request, REQUEST_METHOD);

	sample->n_host =
		keep_bytes(sample->host, sizeof(sample->host), request_header(request, REQUEST_HOST, SLICE("host")));
	sample->n_path = keep_bytes(sample->path, sizeof(sample->path), path);
	sample->cut = path.len > sizeof(sample->path);
	sample->query = request_bytes(request, REQUEST_QUERY).len > 0;
	sample->method[keep_bytes(sample->method, sizeof(sample->method) - 1, method)] = 0;
}

void samples_take(struct answer_scratch *scratch, const struct frontend *frontend, const struct decision *decision,
		  double now)
{
	struct decision_sample sample;

	if (scratch->next_sample < now - ALLOWANCE)
		scratch->next_sample = now - ALLOWANCE;
	scratch->next_sample += SAMPLE_EVERY;
	memset(&sample, 0, sizeof(sample));
	sample.at = now;
	sample.reason = decision->reason;
	keep_request(&sample, &scratch->request);
	keep_name(sample.frontend, sizeof(sample.frontend), frontend->name);
	if (decision->rule) {
		keep_file(sample.file, sizeof(sample.file), decision->rule->place.file);
		sample.line = decision->rule->place.line;
	}
	if (decision->backend)
		keep_name(sample.backend, sizeof(sample.backend), decision->backend->name);
	if (decision->server)
		keep_name(sample.server, sizeof(sample.server), decision->server->name);
	if (decision->reason == REASON_REDIRECT)
		sample.code = decision->backend->redirect.code;
	store(scratch->samples, &sample);
}

/* ---- reading ---- */

/* False: it was being written, or is another one by now. */
static bool load(const struct slot *slot, uint64_t turn, struct decision_sample *sample)
{
	uint64_t words[WORDS];

	if (atomic_load_explicit(&slot->turn, memory_order_acquire) != turn)
		return false;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
	if (atomic_load_explicit(&slot->turn, memory_order_relaxed) != turn)
		return false;
	memcpy(sample, words, sizeof(*sample));
	return true;
}

void samples_visit(const struct samples *samples, void (*visit)(void *into, const struct decision_sample *sample),
		   void *into)
{
	uint64_t written = atomic_load_explicit(&samples->written, memory_order_acquire);

	for (uint64_t n = written; n > 0 && n + SAMPLES > written; n--) {
		struct decision_sample sample;

		if (load(&samples->slots[(n - 1) % SAMPLES], 2 * n, &sample))
			visit(into, &sample);
	}
}
