/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/captures.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct captures {
	pthread_mutex_t lock;
	uint64_t ever;
	size_t n;
	struct capture *order[CAPTURES]; /* the newest first */
	struct capture room[CAPTURES];
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

static size_t kept_length(size_t room, struct slice text)
{
	return text.len < room - 1 ? text.len : room - 1;
}

static void keep_text(char *to, size_t room, struct slice text)
{
	size_t length = kept_length(room, text);

	if (length > 0)
		memcpy(to, text.ptr, length);
	to[length] = 0;
}

/* As keep_text() would have left it there. */
static bool is_text(const char *kept, size_t room, struct slice text)
{
	size_t length = kept_length(room, text);

	return kept[length] == 0 && (length == 0 || memcmp(kept, text.ptr, length) == 0);
}

static bool is_kept(const struct capture *capture, const char *what, struct slice who, struct slice why)
{
	return strcmp(capture->what, what) == 0 && is_text(capture->who, sizeof(capture->who), who) &&
	       is_text(capture->why, sizeof(capture->why), why);
}

/* The i-th, a new one, or the oldest; it is the newest now. */
static struct capture *renew(struct captures *captures, size_t i)
{
	struct capture *capture;

	if (i == captures->n && captures->n < CAPTURES) {
		captures->order[i] = &captures->room[captures->n++];
	} else if (i == captures->n) {
		i--;
		captures->order[i]->times = 0;
	}
	capture = captures->order[i];
	memmove(captures->order + 1, captures->order, i * sizeof(*captures->order));
	captures->order[0] = capture;
	return capture;
}

static void take(struct captures *captures, const char *what, struct slice who, struct slice why, struct slice bytes,
		 bool again)
{
	struct capture *capture;
	size_t i;

	if (!captures || pthread_mutex_trylock(&captures->lock) != 0)
		return;
	i = again ? 0 : captures->n;
	while (i < captures->n && !is_kept(captures->order[i], what, who, why))
		i++;
	captures->ever++;
	capture = renew(captures, i);
	clock_gettime(CLOCK_REALTIME_COARSE, &capture->when);
	capture->times++;
	capture->what = what;
	capture->length = bytes.len;
	keep_text(capture->who, sizeof(capture->who), who);
	keep_text(capture->why, sizeof(capture->why), why);
	if (bytes.len > 0)
		memcpy(capture->bytes, bytes.ptr, bytes.len < CAPTURE_BYTES ? bytes.len : CAPTURE_BYTES);
	pthread_mutex_unlock(&captures->lock);
}

void captures_take(struct captures *captures, const char *what, struct slice who, struct slice why, struct slice bytes)
{
	take(captures, what, who, why, bytes, false);
}

void captures_take_again(struct captures *captures, const char *what, struct slice who, struct slice why,
			 struct slice bytes)
{
	take(captures, what, who, why, bytes, true);
}

bool captures_get(struct captures *captures, size_t i, struct capture *capture)
{
	bool there;

	pthread_mutex_lock(&captures->lock);
	there = i < captures->n;
	if (there)
		*capture = *captures->order[i];
	pthread_mutex_unlock(&captures->lock);
	return there;
}

uint64_t captures_count(struct captures *captures)
{
	uint64_t n;

	pthread_mutex_lock(&captures->lock);
	n = captures->ever;
	pthread_mutex_unlock(&captures->lock);
	return n;
}
