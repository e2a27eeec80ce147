/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "spoa-redirect/site.h"

struct grace {
	struct ev_loop *loop;
	struct net *net;
	ev_async passed;
	struct retired *first, **last; /* the oldest first */
};

static void on_passed(struct ev_loop *loop, ev_async *async, int events)
{
	struct grace *grace = async->data;

	(void)loop;
	(void)events;
	while (grace->first && net_has_passed(grace->net, grace->first->mark)) {
		struct retired *retired = grace->first;

		grace->first = retired->next;
		if (!grace->first)
			grace->last = &grace->first;
		retired->release(retired);
	}
}

struct grace *grace_new(struct ev_loop *loop, struct net *net)
{
	struct grace *grace = calloc(1, sizeof(*grace));

	if (!grace)
		return NULL;
	*grace = (struct grace){ .loop = loop, .net = net, .last = &grace->first };
	ev_async_init(&grace->passed, on_passed);
	grace->passed.data = grace;
	ev_async_start(loop, &grace->passed);
	net_tell_passing(net, loop, &grace->passed);
	return grace;
}

void grace_after(struct grace *grace, struct retired *list)
{
	unsigned mark;

	if (!list)
		return;
	mark = net_pass(grace->net);
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
	ev_async_stop(grace->loop, &grace->passed);
	retired_free(grace->first);
	free(grace);
}
