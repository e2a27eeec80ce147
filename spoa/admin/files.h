/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPOA_ADMIN_FILES_H
#define SPOA_ADMIN_FILES_H

#include "spoa-redirect/base/slice.h"

/* The page with its {{names}}. */
struct slice file_page(void);

#endif
