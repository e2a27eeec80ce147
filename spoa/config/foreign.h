/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HAProxy's words that have no meaning in a redirecting agent: refused by name after a copy and paste. */
#ifndef SPOA_CONFIG_FOREIGN_H
#define SPOA_CONFIG_FOREIGN_H

#include "spoa-redirect/config.h"

bool foreign_knows(enum config_section section, const char *word);

#endif
