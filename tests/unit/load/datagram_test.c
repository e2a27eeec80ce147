/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is a datagram with a report, and whose signature is good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spoa/load/datagram.h"
#include "spoa/load/signature.h"

static void a_datagram_is_taken_apart(void **state)
{
	static const char *const texts[] = { "v1 web/w1 12 {\"q\":3, \"u\":0.4} 00ff", "v1 web/w1 12 {\"q\":3, \"u\":0.4} 00ff\n",
					     "v1 web/w1 12 {\"q\":3, \"u\":0.4} 00ff\r\n" };
	struct datagram datagram;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(datagram_read(slice_of_string(texts[i]), &datagram));
		assert_true(slice_eq(datagram.text, SLICE("v1 web/w1 12 {\"q\":3, \"u\":0.4}")));
		assert_true(slice_eq(datagram.backend, SLICE("web")) && slice_eq(datagram.server, SLICE("w1")));
		assert_true(datagram.seq == 12);
		assert_true(slice_eq(datagram.json, SLICE("{\"q\":3, \"u\":0.4}")));
		assert_true(slice_eq(datagram.signature, SLICE("00ff")));
	}
	assert_true(datagram_read(SLICE("v1 a/b 18446744073709551615 {} x"), &datagram));
	assert_true(datagram.seq == UINT64_MAX);
}

static void what_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		" ",
		"v1",
		"v1 web/w1 12 00ff", /* no record */
		"v2 web/w1 12 {} 00ff",
		"v1  web/w1 12 {} 00ff",
		"v1 web 12 {} 00ff",
		"v1 /w1 12 {} 00ff",
		"v1 web/ 12 {} 00ff",
		"v1 web/w1 0 {} 00ff",
		"v1 web/w1 -1 {} 00ff",
		"v1 web/w1 18446744073709551616 {} 00ff",
		"v1 web/w1 x {} 00ff",
		"v1 web/w1  {} 00ff",
	};
	struct datagram datagram;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (datagram_read(slice_of_string(texts[i]), &datagram))
			fail_msg("'%s' is taken", texts[i]);
}

/* RFC 4231, sections 4.2, 4.3 and 4.7; the second with digits in upper case. */
static void the_signature_is_hmac_sha256(void **state)
{
	static const uint8_t b[20] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
				       0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
	static uint8_t aa[131];
	const struct {
		struct slice key, text;
		const char *hex;
	} cases[] = {
		{ { b, 20 }, SLICE("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ SLICE("Jefe"), SLICE("what do ya want for nothing?"),
		  "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843" },
		{ { aa, sizeof(aa) }, SLICE("Test Using Larger Than Block-Size Key - Hash Key First"),
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	};
	struct slice keys[COUNT(cases)];
	struct signer *all;

	(void)state;
	memset(aa, 0xaa, sizeof(aa));
	for (size_t i = 0; i < COUNT(cases); i++)
		keys[i] = cases[i].key;
	all = signer_new(keys, COUNT(keys));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct signer *one = signer_new(&cases[i].key, 1), *none = signer_new(NULL, 0);
		struct slice hex = slice_of_string(cases[i].hex);
		char other[SIGNATURE_HEX + 1];

		for (unsigned twice = 0; twice < 2; twice++) {
			assert_true(signer_verifies(one, cases[i].text, hex));
			assert_true(signer_verifies(all, cases[i].text, hex));
			assert_false(signer_verifies(none, cases[i].text, hex));
			assert_false(signer_verifies(one, SLICE("something else"), hex));
		}
		for (size_t at = 0; at < SIGNATURE_HEX; at++) {
			strcpy(other, cases[i].hex);
			other[at] = other[at] == '1' ? '2' : '1';
			assert_false(signer_verifies(all, cases[i].text, slice_of_string(other)));
			other[at] = 'g';
			assert_false(signer_verifies(all, cases[i].text, slice_of_string(other)));
		}
		assert_false(signer_verifies(one, cases[i].text, slice_of(hex.ptr, 63)));
		assert_false(signer_verifies(one, cases[i].text, slice_of(hex.ptr, 0)));
		signer_free(one);
		signer_free(none);
	}
	signer_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_taken_apart),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(the_signature_is_hmac_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
