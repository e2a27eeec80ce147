/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is freed as a whole. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/arena.h"

#define MOST 300u

/* Sizes around those of the arena's own pieces. */
static const size_t sizes[] = { 0, 1, 7, 8, 15, 16, 17, 1000, 65535, 65536, 65537, 200000 };

static bool all_are(const uint8_t *bytes, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void pieces_are_zero_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new();
	uint8_t *pieces[MOST];

	(void)state;
	for (size_t i = 0; i < MOST; i++) {
		size_t size = sizes[i % COUNT(sizes)];

		pieces[i] = arena_alloc(arena, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		assert_true(all_are(pieces[i], size, 0));
		memset(pieces[i], (int)(i % 255 + 1), size);
	}
	for (size_t i = 0; i < MOST; i++)
		assert_true(all_are(pieces[i], sizes[i % COUNT(sizes)], (uint8_t)(i % 255 + 1)));
	assert_false(arena_failed(arena));
	arena_free(arena);
}

static void what_is_to_be_aligned_is(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < MOST; i++) {
		size_t size = sizes[i % COUNT(sizes)], align = 1ul << i % 12;
		uint8_t *piece = arena_aligned(arena, size, align), *next = arena_alloc(arena, 1);

		assert_int_equal((uintptr_t)piece % align, 0);
		assert_true(all_are(piece, size, 0));
		memset(piece, 255, size);
		assert_int_equal(*next, 0);
	}
	assert_null(arena_aligned(arena, SIZE_MAX - 8, 64));
	arena_free(arena);
}

static void what_cannot_be_had_is_remembered(void **state)
{
	static const struct {
		size_t n, size;
	} cases[] = { { SIZE_MAX, 1 }, { SIZE_MAX / 2, 3 }, { 3, SIZE_MAX / 2 }, { SIZE_MAX - 40, 1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *arena = arena_new();

		assert_null(arena_array(arena, cases[i].n, cases[i].size));
		assert_true(arena_failed(arena));
		assert_non_null(arena_alloc(arena, 1));
		assert_true(arena_failed(arena));
		arena_free(arena);
	}
}

static void copies_end_in_a_nul(void **state)
{
	struct arena *arena = arena_new();
	struct slice copy;
	char text[] = "tail", *string = arena_string(arena, text);

	(void)state;
	copy = arena_slice(arena, slice_of("a\0b", 3));
	text[0] = 'm';
	assert_string_equal(string, "tail");
	assert_memory_equal(copy.ptr, "a\0b", 4);
	assert_int_equal(copy.len, 3);
	copy = arena_slice(arena, slice_of(NULL, 0));
	assert_string_equal((const char *)copy.ptr, "");
	assert_int_equal(copy.len, 0);
	assert_string_equal(arena_string(arena, ""), "");
	arena_free(arena);
}

static void printed_text_has_any_length(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(arena_printf(arena, "%s", ""), "");
	assert_string_equal(arena_printf(arena, "%s:%u", "file", 7u), "file:7");
	for (size_t i = 0; i < COUNT(sizes); i++)
		assert_int_equal(strlen(arena_printf(arena, "%*s", (int)sizes[i], "")), sizes[i]);
	arena_free(arena);
}

static char order[8];

static void note(void *object)
{
	strcat(order, object);
}

static void the_newest_is_released_first(void **state)
{
	struct arena *arena = arena_new();
	char a[] = "a", b[] = "b", c[] = "c";

	(void)state;
	order[0] = 0;
	assert_true(arena_on_free(arena, note, a));
	assert_true(arena_on_free(arena, note, b));
	assert_true(arena_on_free(arena, note, c));
	assert_string_equal(order, "");
	arena_free(arena);
	assert_string_equal(order, "cba");
	arena_free(NULL);
}

/* What is released may still look at memory of the arena. */
static void release_string(void *object)
{
	assert_string_equal(*(char **)object, "still here");
	*(char **)object = NULL;
}

static void memory_outlives_what_is_released(void **state)
{
	struct arena *arena = arena_new();
	char *string = arena_string(arena, "still here");

	(void)state;
	assert_true(arena_on_free(arena, release_string, &string));
	arena_free(arena);
	assert_null(string);
}

static void arrays_keep_their_items_as_they_grow(void **state)
{
	static const size_t item_sizes[] = { 1, 3, 8, 40 };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t k = 0; k < COUNT(item_sizes); k++) {
		size_t n = 0, size = item_sizes[k];
		uint8_t *items = NULL;

		for (size_t i = 0; i < 1000; i++) {
			uint8_t *slot = arena_grow(arena, &items, &n, size);

			assert_ptr_equal(slot, items + i * size);
			assert_int_equal(n, i + 1);
			assert_true(all_are(slot, size, 0));
			memset(slot, (int)(i % 251), size);
		}
		for (size_t i = 0; i < n; i++)
			assert_true(all_are(items + i * size, size, (uint8_t)(i % 251)));
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zero_aligned_and_apart),
		cmocka_unit_test(what_is_to_be_aligned_is),
		cmocka_unit_test(what_cannot_be_had_is_remembered),
		cmocka_unit_test(copies_end_in_a_nul),
		cmocka_unit_test(printed_text_has_any_length),
		cmocka_unit_test(the_newest_is_released_first),
		cmocka_unit_test(memory_outlives_what_is_released),
		cmocka_unit_test(arrays_keep_their_items_as_they_grow),
	};

	return cmocka_run_group_tests_name("base: arena", tests, NULL, NULL);
}
