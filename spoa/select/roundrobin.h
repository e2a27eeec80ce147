/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Round robin's turns, of which others draw. */
#ifndef SPOA_SELECT_ROUNDROBIN_H
#define SPOA_SELECT_ROUNDROBIN_H

#include "spoa-redirect/fleet.h"

/* The balance's prepare() and refresh(): those of least-load, and then the turns. */
bool roundrobin_prepare(struct arena *arena, struct backend *backend, uint32_t room);
void roundrobin_refresh(struct backend *backend, double now);

#endif
