/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The random source: the published generator, the same for one seed, even within bounds that hold by far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa-redirect/base/slice.h"

#define DRAWS 100000u

/* xoshiro256** by its authors' own text, from the state { 1, 2, 3, 4 }. */
static void bits_are_the_published_generator_s(void **state)
{
	static const uint64_t expected[] = { 11520, 0, 1509978240, 1215971899390074240, 1216172134540287360 };
	struct random random = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_true(random_bits(&random) == expected[i]);
}

/* splitmix64's first outputs for the seed 0. */
static void a_seed_is_spread_by_splitmix64(void **state)
{
	static const uint64_t expected[] = { 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f,
					     0xf88bb8a8724c81ec };
	struct random random;

	(void)state;
	random_seed(&random, 0);
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_true(random.state[i] == expected[i]);
}

static void one_seed_is_one_sequence(void **state)
{
	struct random a, b, c;
	unsigned same = 0;

	(void)state;
	random_seed(&a, 7);
	random_seed(&b, 7);
	random_seed(&c, 8);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t bits = random_bits(&a);

		assert_true(bits == random_bits(&b));
		same += bits == random_bits(&c);
	}
	assert_int_equal(same, 0);
}

static void fresh_seeds_differ(void **state)
{
	struct random a, b;

	(void)state;
	random_seed_fresh(&a);
	random_seed_fresh(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

/* Six standard deviations: sqrt(DRAWS · p · (1 − p)). */
static void below_reaches_each_number_equally_often(void **state)
{
	static const uint32_t bounds[] = { 1, 2, 3, 10, 100 };
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (size_t i = 0; i < COUNT(bounds); i++) {
		unsigned counts[100] = { 0 };
		double mean = (double)DRAWS / bounds[i], six = 36 * mean * (1 - 1.0 / bounds[i]);

		for (unsigned draws = 0; draws < DRAWS; draws++) {
			uint32_t drawn = random_below(&random, bounds[i]);

			assert_true(drawn < bounds[i]);
			counts[drawn]++;
		}
		for (uint32_t n = 0; n < bounds[i]; n++)
			assert_true((counts[n] - mean) * (counts[n] - mean) <= six);
	}
}

static void below_reaches_the_ends_of_a_wide_range(void **state)
{
	struct random least = { { 1, 0, 3, 4 } }, random;
	uint32_t high = 0, low = UINT32_MAX;

	(void)state;
	assert_int_equal(random_below(&least, UINT32_MAX), 0); /* of the bits 0 */
	random_seed(&random, 2);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint32_t drawn = random_below(&random, UINT32_MAX);

		assert_true(drawn < UINT32_MAX);
		high = drawn > high ? drawn : high;
		low = drawn < low ? drawn : low;
	}
	assert_true(high > UINT32_MAX - UINT32_MAX / 1000);
	assert_true(low < UINT32_MAX / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_the_published_generator_s),
		cmocka_unit_test(a_seed_is_spread_by_splitmix64),
		cmocka_unit_test(one_seed_is_one_sequence),
		cmocka_unit_test(fresh_seeds_differ),
		cmocka_unit_test(below_reaches_each_number_equally_often),
		cmocka_unit_test(below_reaches_the_ends_of_a_wide_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
