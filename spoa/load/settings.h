/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `global` says of reports that come by themselves. */
#ifndef SPOA_LOAD_SETTINGS_H
#define SPOA_LOAD_SETTINGS_H

#include "signature.h"
#include "spoa-redirect/load.h"

#define LOAD_BINDS 8u

struct load_bind {
	struct endpoint endpoint;
	struct config_place place;
};

struct load_settings {
	struct load_bind binds[LOAD_BINDS];
	size_t n_binds;
	struct slice keys[SIGNATURE_KEYS];
	size_t n_keys;
};

#endif
