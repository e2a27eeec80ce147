/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networks.h"

#include <endian.h>

#define FEW 8u /* as long as comparing with each is faster */

struct key {
	struct network_bits bits;
	uint64_t width;
};

void networks_init(struct networks *networks, uint64_t seed)
{
	*networks = (struct networks){ .n = 0 };
	literals_init(&networks->set, seed);
}

static struct network_bits bits_of(const uint8_t *bytes, unsigned size)
{
	struct network_bits bits = { 0, 0 };
	uint32_t four;

	if (size == 4) {
		memcpy(&four, bytes, 4);
		bits.hi = (uint64_t)be32toh(four) << 32;
		return bits;
	}
	memcpy(&bits, bytes, sizeof(bits));
	bits.hi = be64toh(bits.hi);
	bits.lo = be64toh(bits.lo);
	return bits;
}

static struct network_bits mask_of(unsigned prefix)
{
	return (struct network_bits){
		.hi = prefix == 0    ? 0
		      : prefix >= 64 ? UINT64_MAX
				     : UINT64_MAX << (64 - prefix),
		.lo = prefix <= 64    ? 0
		      : prefix >= 128 ? UINT64_MAX
				      : UINT64_MAX << (128 - prefix),
	};
}

static inline struct network_bits masked(struct network_bits bits, struct network_bits mask)
{
	return (struct network_bits){ bits.hi & mask.hi, bits.lo & mask.lo };
}

static inline bool same_bits(struct network_bits a, struct network_bits b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static bool find_width(struct arena *arena, struct networks *networks, const struct network *network, size_t *at)
{
	struct network *slot;

	for (*at = 0; *at < networks->n_widths; ++*at)
		if (networks->widths[*at].four == network->four && same_bits(networks->widths[*at].mask, network->mask))
			return true;
	slot = arena_grow(arena, &networks->widths, &networks->n_widths, sizeof(*slot));
	if (slot)
		*slot = *network;
	return slot != NULL;
}

bool networks_add(struct arena *arena, struct networks *networks, const struct address *address, unsigned prefix,
		  uint32_t acl, struct hits *hits)
{
	struct network network = { .mask = mask_of(prefix), .four = address->size == 4, .hit = HIT_NONE }, *slot;
	struct slice text;
	struct key key;
	size_t width;

	network.bits = masked(bits_of(address->bytes, address->size), network.mask);
	if (!hits_add(arena, hits, acl, &network.hit) || !find_width(arena, networks, &network, &width))
		return false;
	key = (struct key){ network.bits, width };
	text = arena_slice(arena, slice_of(&key, sizeof(key)));
	slot = arena_grow(arena, &networks->items, &networks->n, sizeof(*slot));
	if (!text.ptr || !slot)
		return false;
	*slot = network;
	return literals_add(arena, &networks->set, text, acl, hits);
}

/* One address in both families' forms; some have no IPv4 form. */
struct forms {
	struct network_bits four, six;
	bool has_four;
};

static struct forms forms_of(const struct address *address)
{
	struct forms forms = { .four = bits_of(address->bytes, 4), .has_four = true };

	if (address->size == 4) {
		forms.six.lo = 0xffff00000000 | forms.four.hi >> 32;
		return forms;
	}
	forms.six = bits_of(address->bytes, 16);
	forms.has_four = forms.six.hi == 0 && (forms.six.lo >> 32 == 0xffff || forms.six.lo >> 32 == 0);
	if (forms.has_four) {
		forms.four.hi = forms.six.lo << 32;
	} else if (forms.six.hi >> 48 == 0x2002) { /* 6to4 */
		forms.four.hi = forms.six.hi << 16 & 0xffffffff00000000;
		forms.has_four = true;
	}
	return forms;
}

static inline const struct network_bits *form_for(const struct forms *forms, bool four)
{
	return four ? forms->has_four ? &forms->four : NULL : &forms->six;
}

enum { OF_SIX = 1, OF_FOUR = 2 };

static void match_each(const struct networks *networks, const struct forms *forms, unsigned families, struct sink *sink)
{
	for (size_t i = 0; i < networks->n; i++) {
		const struct network *network = &networks->items[i];
		const struct network_bits *form = form_for(forms, network->four);

		if (form && (families & (network->four ? OF_FOUR : OF_SIX)) &&
		    same_bits(masked(*form, network->mask), network->bits))
			sink_take(sink, network->hit);
	}
}

static void match_families(const struct networks *networks, const struct forms *forms, unsigned families,
			   struct sink *sink)
{
	if (networks->n <= FEW) {
		match_each(networks, forms, families, sink);
		return;
	}
	for (size_t i = 0; i < networks->n_widths; i++) {
		const struct network *width = &networks->widths[i];
		const struct network_bits *form = form_for(forms, width->four);
		struct key key;

		if (!form || !(families & (width->four ? OF_FOUR : OF_SIX)))
			continue;
		key = (struct key){ masked(*form, width->mask), i };
		sink_take(sink, literals_find(&networks->set, slice_of(&key, sizeof(key))));
	}
}

void networks_match(const struct networks *networks, const struct address *address, struct sink *sink)
{
	struct forms forms = forms_of(address);

	match_families(networks, &forms, OF_FOUR | OF_SIX, sink);
}

void networks_match_best(const struct networks *networks, const struct address *address, struct sink *sink)
{
	struct forms forms = forms_of(address);
	unsigned own = address->size == 4 ? OF_FOUR : OF_SIX;

	match_families(networks, &forms, own, sink);
	if (sink->best == HIT_NONE)
		match_families(networks, &forms, ~own, sink);
}
