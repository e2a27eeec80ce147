/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory with one owner that is freed as a whole: a configuration and all that it is made of.
 * One thread at a time. Running out of memory while a configuration is built ends in a refused
 * configuration: every function returns NULL then, and the arena says so by arena_failed(), so that
 * a builder may ask once at its end.
 */
#ifndef SPOA_REDIRECT_BASE_ARENA_H
#define SPOA_REDIRECT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "spoa-redirect/base/slice.h"

struct arena;

struct arena *arena_new(void);

/* Frees every allocation and runs what arena_on_free() named, the newest first. NULL is fine. */
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* Likewise, at a multiple of `align`, a power of two. */
void *arena_aligned(struct arena *arena, size_t size, size_t align);

/* The product is checked. */
void *arena_array(struct arena *arena, size_t n, size_t size);

/* Copies; both end in a NUL that is not counted. */
char *arena_string(struct arena *arena, const char *string);
struct slice arena_slice(struct arena *arena, struct slice slice);

/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Something that a library allocated goes with the arena. False: out of memory; it was released at once. */
bool arena_on_free(struct arena *arena, void (*release)(void *), void *object);

/* Some allocation was refused. */
bool arena_failed(const struct arena *arena);

/*
 * A growing array of `size`-byte items in an arena: returns room for one more at its end and counts it,
 * or NULL. *items moves as it grows, so keep indexes while building.
 */
void *arena_grow(struct arena *arena, void *items, size_t *n, size_t size);

#endif
