/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "admin.h"

#include <stdlib.h>

#include "spoa-redirect/base/clock.h"

struct admin *admin_start(struct running *running, struct reload *reload, struct admin_about about, char *why,
			  size_t size)
{
	const struct stats_socket *http = net_settings_http(running->site.settings);
	struct admin *admin = calloc(1, sizeof(*admin));

	snprintf(why, size, "out of memory");
	if (!admin)
		return NULL;
	*admin = (struct admin){ .running = running, .reload = reload, .about = about, .started = clock_now() };
	if (doors_open(admin, why, size) && (!http || (admin->http = http_start(admin, http, why, size))))
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
	free(admin);
}
