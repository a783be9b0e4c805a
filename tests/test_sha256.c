/* SPDX-License-Identifier: MIT */
#include "../schema/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void known_texts(void **state)
{
	static const struct {
		const char *text, *hash;
	} known[] = {
		/* FIPS 180-4 examples, as base64 */
		{ "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
		{ "abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=" },
	};
	char out[SHA256_BASE64_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		sha256_base64((struct span){ known[i].text, strlen(known[i].text) }, out);
		assert_string_equal(out, known[i].hash);
	}
}

/* With the CPU's instructions and without, in pieces of any length. */
static void both_ways(void **state)
{
	uint8_t data[1000], one[32], two[32];

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	for (size_t n = 0; n <= sizeof(data); n++) {
		struct sha256 a, b;

		sha256_init(&a);
		sha256_init(&b);
		b.by_cpu = false;
		sha256_add(&a, data, n);
		for (size_t at = 0; at < n;) {
			size_t part = 1 + (size_t)rand() % (n - at);

			sha256_add(&b, data + at, part);
			at += part;
		}
		sha256_end(&a, one);
		sha256_end(&b, two);
		assert_memory_equal(one, two, sizeof(one));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts),
		cmocka_unit_test(both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
