/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address lies in the networks that a look at each bit says, however many they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spoa-redirect/base/random.h"
#include "spoa/rules/networks.h"

#define NETWORKS  200u
#define ADDRESSES 2000u

/* Few differ in few bits; 10.0.0.0/8 and fd00::/8, as neither family can be written as the other there. */
static struct address make(struct random *random)
{
	struct address address = { .size = random_below(random, 2) ? 4 : 16 };

	address.bytes[0] = address.size == 4 ? 10 : 0xfd;
	for (unsigned i = 1; i < address.size; i++)
		address.bytes[i] = random_below(random, 4) ? 0 : (uint8_t)(1u << random_below(random, 8));
	return address;
}

static bool lies_in(const struct address *address, const struct address *network, unsigned prefix)
{
	if (address->size != network->size)
		return false;
	for (unsigned bit = 0; bit < prefix; bit++)
		if ((address->bytes[bit / 8] ^ network->bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* Returns how many were found. */
static unsigned compare(uint64_t seed, uint32_t n)
{
	struct address all[NETWORKS];
	unsigned prefixes[NETWORKS], found = 0;
	struct arena *arena = arena_new();
	struct hits hits = { .n = 0 };
	struct networks networks;
	struct random random;

	random_seed(&random, seed);
	networks_init(&networks, random_bits(&random));
	for (uint32_t i = 0; i < n; i++) {
		all[i] = make(&random);
		prefixes[i] = 8 + random_below(&random, all[i].size * 8 - 7);
		hits_begin(&hits);
		assert_true(networks_add(arena, &networks, &all[i], prefixes[i], i, &hits));
	}
	for (unsigned k = 0; k < ADDRESSES; k++) {
		uint64_t holds[NETWORKS / 64 + 1] = { 0 };
		struct sink sink = { .hits = &hits, .holds = holds };
		struct address address = make(&random);

		networks_match(&networks, &address, &sink);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(sink_holds(&sink, i), lies_in(&address, &all[i], prefixes[i]));
			found += sink_holds(&sink, i);
		}
	}
	arena_free(arena);
	return found;
}

static void an_address_lies_where_each_bit_says(void **state)
{
	unsigned found = 0, few = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 9; seed++) {
		found += compare(seed, NETWORKS);
		few += compare(seed, 8);
	}
	assert_true(found > ADDRESSES && few > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_lies_where_each_bit_says),
	};

	return cmocka_run_group_tests_name("rules: networks", tests, NULL, NULL);
}
