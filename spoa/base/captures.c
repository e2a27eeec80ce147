/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/captures.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct captures {
	pthread_mutex_t lock;
	uint64_t n; /* ever */
	struct capture ring[CAPTURES];
};

struct captures *captures_new(void)
{
	struct captures *captures = calloc(1, sizeof(*captures));

	if (captures && pthread_mutex_init(&captures->lock, NULL) != 0) {
		free(captures);
		return NULL;
	}
	return captures;
}

void captures_free(struct captures *captures)
{
	if (!captures)
		return;
	pthread_mutex_destroy(&captures->lock);
	free(captures);
}

static void keep_text(char *to, size_t room, struct slice text)
{
	size_t length = text.len < room - 1 ? text.len : room - 1;

	if (length > 0)
		memcpy(to, text.ptr, length);
	to[length] = 0;
}

void captures_take(struct captures *captures, const char *what, struct slice who, struct slice why, struct slice bytes)
{
	struct capture *capture;

	if (!captures || pthread_mutex_trylock(&captures->lock) != 0)
		return;
	capture = &captures->ring[captures->n++ % CAPTURES];
	clock_gettime(CLOCK_REALTIME_COARSE, &capture->when);
	capture->what = what;
	capture->length = bytes.len;
	keep_text(capture->who, sizeof(capture->who), who);
	keep_text(capture->why, sizeof(capture->why), why);
	if (bytes.len > 0)
		memcpy(capture->bytes, bytes.ptr, bytes.len < CAPTURE_BYTES ? bytes.len : CAPTURE_BYTES);
	pthread_mutex_unlock(&captures->lock);
}

bool captures_get(struct captures *captures, size_t i, struct capture *capture)
{
	bool there;

	pthread_mutex_lock(&captures->lock);
	there = i < captures->n && i < CAPTURES;
	if (there)
		*capture = captures->ring[(captures->n - 1 - i) % CAPTURES];
	pthread_mutex_unlock(&captures->lock);
	return there;
}

uint64_t captures_count(struct captures *captures)
{
	uint64_t n;

	pthread_mutex_lock(&captures->lock);
	n = captures->n;
	pthread_mutex_unlock(&captures->lock);
	return n;
}
