/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes in the tests of libspop, written as one reads them in a dump. Input lies on a piece of heap of just its
 * size, so that a sanitizer notices one step too far. Rows of a table become tests of their own; their first
 * member is the name.
 */
#ifndef TESTS_UNIT_SPOP_BYTES_H
#define TESTS_UNIT_SPOP_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spop.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline struct spop_slice slice_new(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len);

	assert_true(copy || len == 0);
	if (len > 0)
		memcpy(copy, bytes, len);
	return (struct spop_slice){ copy, len };
}

static inline void slice_free(struct spop_slice slice)
{
	free((void *)(uintptr_t)slice.ptr);
}

/* "f0 01": digits in pairs, blanks anywhere between them. */
static inline struct spop_slice hex_new(const char *hex)
{
	struct spop_slice bytes;
	uint8_t *copy = malloc(strlen(hex) / 2 + 1);
	unsigned byte;
	size_t len = 0;
	int used;

	assert_non_null(copy);
	for (; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
		copy[len++] = (uint8_t)byte;
	assert_int_equal(strspn(hex, " \n"), strlen(hex));
	bytes = slice_new(copy, len);
	free(copy);
	return bytes;
}

static inline void assert_slice(struct spop_slice slice, const void *bytes, size_t len)
{
	assert_int_equal(slice.len, len);
	if (len > 0)
		assert_memory_equal(slice.ptr, bytes, len);
}

static inline void assert_text(struct spop_slice slice, const char *text)
{
	assert_slice(slice, text, strlen(text));
}

static inline void assert_hex(struct spop_slice slice, const char *hex)
{
	struct spop_slice expected = hex_new(hex);

	assert_slice(slice, expected.ptr, expected.len);
	slice_free(expected);
}

static inline struct spop_slice written(const struct spop_writer *writer, const uint8_t *start)
{
	return (struct spop_slice){ start, (size_t)(writer->at - start) };
}

static inline bool slice_same(struct spop_slice a, struct spop_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool value_same(const struct spop_value *a, const struct spop_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case SPOP_NULL:
		return true;
	case SPOP_BOOL:
		return a->boolean == b->boolean;
	case SPOP_INT32:
	case SPOP_UINT32:
	case SPOP_INT64:
		return a->integer == b->integer;
	case SPOP_UINT64:
		return a->natural == b->natural;
	case SPOP_IPV4:
		return memcmp(a->address, b->address, 4) == 0;
	case SPOP_IPV6:
		return memcmp(a->address, b->address, 16) == 0;
	case SPOP_STRING:
	case SPOP_BINARY:
		return slice_same(a->bytes, b->bytes);
	}
	return false;
}

/* A test for each of the n rows of `size` bytes; how many. */
static inline size_t add_rows(struct CMUnitTest *tests, CMUnitTestFunction run, const void *rows, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		const char *row = (const char *)rows + i * size;

		tests[i] = (struct CMUnitTest){ .name = *(const char *const *)(const void *)row, .test_func = run,
						.initial_state = (void *)(uintptr_t)row };
	}
	return n;
}

#define ADD_ROWS(tests, run, rows) add_rows((tests), (run), (rows), COUNT(rows), sizeof((rows)[0]))

#endif
