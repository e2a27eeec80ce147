/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers by name, for reports that come by themselves. Control thread. */
#ifndef SPOA_LOAD_PUSH_H
#define SPOA_LOAD_PUSH_H

#include "probe.h"

/* Of the load's fleet as it is now; to be called again when that has other servers. False: out of memory. */
bool push_index(struct load *load);

/* NULL: none of that name. */
struct server *push_find(const struct load *load, struct slice backend, struct slice server);

#endif
