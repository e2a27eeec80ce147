/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "spoa-redirect/site.h"

#define COLLECT 0.1 /* seconds between two looks at what the fleet has replaced */

struct grace {
	struct running *running;
	ev_async passed;
	ev_timer collect;
	struct retired *first, **last; /* the oldest first */
};

static void on_passed(struct ev_loop *loop, ev_async *async, int events)
{
	struct grace *grace = async->data;

	(void)loop;
	(void)events;
	while (grace->first && net_has_passed(grace->running->net, grace->first->mark)) {
		struct retired *retired = grace->first;

		grace->first = retired->next;
		if (!grace->first)
			grace->last = &grace->first;
		retired->release(retired);
	}
}

static void on_collect(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct grace *grace = timer->data;

	(void)loop;
	(void)events;
	grace_after(grace, fleet_take_retired(grace->running->site.fleet));
}

struct grace *grace_new(struct running *running)
{
	struct grace *grace = calloc(1, sizeof(*grace));

	if (!grace)
		return NULL;
	*grace = (struct grace){ .running = running, .last = &grace->first };
	ev_async_init(&grace->passed, on_passed);
	ev_timer_init(&grace->collect, on_collect, COLLECT, COLLECT);
	grace->passed.data = grace->collect.data = grace;
	ev_async_start(running->loop, &grace->passed);
	ev_timer_start(running->loop, &grace->collect);
	net_tell_passing(running->net, running->loop, &grace->passed);
	return grace;
}

void grace_after(struct grace *grace, struct retired *list)
{
	unsigned mark;

	if (!list)
		return;
	mark = net_pass(grace->running->net);
	while (list) {
		struct retired *next = list->next;

		list->mark = mark;
		list->next = NULL;
		*grace->last = list;
		grace->last = &list->next;
		list = next;
	}
}

void grace_free(struct grace *grace)
{
	if (!grace)
		return;
	ev_async_stop(grace->running->loop, &grace->passed);
	ev_timer_stop(grace->running->loop, &grace->collect);
	retired_free(grace->first);
	free(grace);
}
