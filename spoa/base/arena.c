/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spoa-redirect/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT  alignof(max_align_t)
#define CHUNK_SIZE (64u * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) uint8_t bytes[];
};

struct cleanup {
	struct cleanup *next;
	void (*release)(void *);
	void *object;
};

struct arena {
	struct chunk *chunks;
	struct cleanup *cleanups;
	bool failed;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct cleanup *c = arena->cleanups; c; c = c->next)
		c->release(c->object);
	for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

static struct chunk *add_chunk(struct arena *arena, size_t size)
{
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->used = 0;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	void *result;

	if (size > SIZE_MAX - ALIGNMENT) {
		arena->failed = true;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (!chunk || chunk->size - chunk->used < size)
		chunk = add_chunk(arena, size > CHUNK_SIZE ? size : CHUNK_SIZE);
	if (!chunk) {
		arena->failed = true;
		return NULL;
	}
	result = chunk->bytes + chunk->used;
	chunk->used += size;
	return memset(result, 0, size);
}

void *arena_aligned(struct arena *arena, size_t size, size_t align)
{
	size_t room = size > SIZE_MAX - align ? SIZE_MAX : size + align - 1;
	uintptr_t at = (uintptr_t)arena_alloc(arena, room);

	return (void *)((at + align - 1) & ~(uintptr_t)(align - 1)); /* NULL stays so */
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		arena->failed = true;
		return NULL;
	}
	return arena_alloc(arena, total);
}

struct slice arena_slice(struct arena *arena, struct slice slice)
{
	uint8_t *copy = arena_alloc(arena, slice.len + 1);

	if (!copy)
		return slice_of(NULL, 0);
	if (slice.len > 0)
		memcpy(copy, slice.ptr, slice.len);
	return slice_of(copy, slice.len);
}

char *arena_string(struct arena *arena, const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = arena_alloc(arena, size);

	return copy ? memcpy(copy, string, size) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	int length;
	char *text;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

bool arena_on_free(struct arena *arena, void (*release)(void *), void *object)
{
	struct cleanup *cleanup = arena_alloc(arena, sizeof(*cleanup));

	if (!cleanup) {
		release(object);
		return false;
	}
	*cleanup = (struct cleanup){ arena->cleanups, release, object };
	arena->cleanups = cleanup;
	return true;
}

bool arena_failed(const struct arena *arena)
{
	return arena->failed;
}

/* Room doubles at each power of two, so the capacity need not be kept. */
void *arena_grow(struct arena *arena, void *items, size_t *n, size_t size)
{
	uint8_t *bytes = *(void **)items;

	if ((*n & (*n - 1)) == 0) {
		uint8_t *bigger = arena_array(arena, *n ? *n * 2 : 1, size);

		if (!bigger)
			return NULL;
		if (*n > 0)
			memcpy(bigger, bytes, *n * size);
		bytes = bigger;
		*(void **)items = bytes;
	}
	return bytes + size * (*n)++;
}
