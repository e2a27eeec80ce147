/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "admin.h"

#include <stdlib.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"

static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct admin *admin = timer->data;
	struct net_sums sums;

	(void)loop;
	(void)events;
	net_sum(admin->running->net, &sums);
	history_take(admin->history, admin->running->site.fleet, &sums, clock_now());
}

static bool start_http(struct admin *admin, const struct stats_socket *where, char *why, size_t size)
{
	struct net_sums sums;

	if (!where)
		return true;
	net_sum(admin->running->net, &sums);
	admin->history = history_new(&sums, clock_now());
	if (!admin->history)
		return false;
	history_follow(admin->history, admin->running->site.fleet);
	ev_timer_init(&admin->second, on_second, 1, 1);
	admin->second.data = admin;
	ev_timer_start(admin->running->loop, &admin->second);
	admin->http = http_start(admin, where, why, size);
	return admin->http != NULL;
}

struct admin *admin_start(struct running *running, struct reload *reload, struct admin_about about, char *why,
			  size_t size)
{
	struct admin *admin = calloc(1, sizeof(*admin));

	snprintf(why, size, "out of memory");
	if (!admin)
		return NULL;
	*admin = (struct admin){ .running = running, .reload = reload, .about = about, .started = clock_now() };
	snprintf(admin->run, sizeof(admin->run), "%d-%.3f", (int)getpid(), admin->started);
	if (doors_open(admin, why, size) && start_http(admin, net_settings_http(running->site.settings), why, size))
		return admin;
	admin_stop(admin);
	return NULL;
}

void admin_set_stopping(struct admin *admin)
{
	admin->stopping = true;
}

void admin_stop(struct admin *admin)
{
	if (!admin)
		return;
	doors_close(admin);
	http_stop(admin->http);
	ev_timer_stop(admin->running->loop, &admin->second);
	history_free(admin->history);
	free(admin);
}
