/* SPDX-License-Identifier: MIT */
#include "../analyze/symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char text[] = "0000000000000000 A fixed_percpu_data\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000000 T startup_64\n"
			   "ffffffff81001000 t tcp_v4_rcv.part.0\n"
			   "ffffffff81001200 t __alias\n"
			   "ffffffff81001200 t local_name\n"
			   "ffffffff81001200 T global_name\n"
			   "ffffffff81001200 W weak_name\n"
			   "ffffffff81001300 t udp_queue_rcv_one_skb\n"
			   "ffffffff81001400 D some_data\n"
			   "ffffffff81001500 b some_bss\n"
			   "ffffffff82000000 T far_away\n"
			   "ffffffffc0000100 t nft_do_chain\t[nf_tables]\n"
			   "ffffffffc0000000 t nft_other.constprop.0.isra.0\t[nf_tables]\n"
			   "ffffffffc0000400 d nft_data\t[nf_tables]\n"
			   "ffffffffc0100000 t other_mod\t[other]\n";

static struct symbols *load(const char *s, size_t n)
{
	struct symbols *x;
	struct err e = { 0 };

	assert_int_equal(symbols_load(&x, (struct span){ s, n }, &e), 0);
	return x;
}

static void is(const struct symbols *s, uint64_t addr, const char *function, const char *location,
	       const char *module)
{
	struct symbol_name n;

	assert_true(symbols_find(s, addr, &n));
	assert_string_equal(n.function, function);
	assert_string_equal(n.location, location);
	assert_string_equal(n.module, module);
}

static void unknown(const struct symbols *s, uint64_t addr)
{
	struct symbol_name n;

	assert_false(symbols_find(s, addr, &n));
	assert_string_equal(n.function, "?");
	assert_string_equal(n.location, "0x?");
	assert_string_equal(n.module, "");
}

static void finds(void **state)
{
	struct symbols *s = load(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(symbols_count(s), 8);
	is(s, 0xffffffff81001010, "tcp_v4_rcv", "tcp_v4_rcv.part.0+0x10", "");
	/* a call that is the last instruction returns to the next function's first byte */
	is(s, 0xffffffff81001200, "tcp_v4_rcv", "tcp_v4_rcv.part.0+0x200", "");
	is(s, 0xffffffff81001201, "global_name", "global_name+0x1", "");
	is(s, 0xffffffff81001400, "udp_queue_rcv_one_skb", "udp_queue_rcv_one_skb+0x100", "");
	is(s, 0xffffffff81000500, "startup_64", "startup_64+0x500", "");
	is(s, 0xffffffffc0000101, "nft_do_chain", "nft_do_chain+0x1", "nf_tables");
	is(s, 0xffffffffc0000080, "nft_other", "nft_other.constprop.0.isra.0+0x80", "nf_tables");
	is(s, 0xffffffffc0100080, "other_mod", "other_mod+0x80", "other");
	unknown(s, 0);
	unknown(s, 1);
	unknown(s, 0xffffffff81000000);
	unknown(s, 0xffffffff81001401); /* data */
	unknown(s, 0xffffffff81001600);
	unknown(s, 0xffffffffc0000500);
	unknown(s, 0xffffffff83000000); /* no function is that long */
	unknown(s, 0xffff888001234567);
	unknown(s, UINT64_MAX);
	unknown(NULL, 0xffffffff81001010);
	symbols_free(s);
	symbols_free(NULL);
}

/* A pointer to a function is the address of its first byte; the padding before it has a symbol. */
static void padding(void **state)
{
	static const char padded[] = "ffffffff81000000 t before\n"
				     "ffffffff81000100 t __pfx_process_timeout\n"
				     "ffffffff81000110 t process_timeout\n"
				     "ffffffff81000200 t __cfi_last\n"
				     "ffffffff81000210 D data\n";
	struct symbols *s = load(padded, sizeof(padded) - 1);

	(void)state;
	is(s, 0xffffffff81000100, "before", "before+0x100", "");
	is(s, 0xffffffff81000110, "process_timeout", "process_timeout+0x0", "");
	is(s, 0xffffffff81000111, "process_timeout", "process_timeout+0x1", "");
	unknown(s, 0xffffffff81000108);
	unknown(s, 0xffffffff81000210);
	symbols_free(s);
}

static void nothing_known(void **state)
{
	static const char zero[] = "0000000000000000 T _text\n0000000000000000 t x\t[m]\n";
	struct symbols *s = load(zero, sizeof(zero) - 1);

	(void)state;
	assert_int_equal(symbols_count(s), 0);
	unknown(s, 0xffffffff81001010);
	symbols_free(s);
	s = load("", 0);
	assert_int_equal(symbols_count(s), 0);
	unknown(s, 5);
	symbols_free(s);
}

static void hostile(void **state)
{
	static const char odd[] =
		"\n \nffffffff81000000\nffffffff81000000 T\nffffffff81000000 T \n"
		"gggg T name\nffffffff81000000 TT name\nffffffff81000000 T na\x01me\n"
		"ffffffff81000000 T n\t[\nffffffff81000010 t ok\t[m\x7f]\n"
		"fffffffffffffffffffffff T long\nffffffff81000020 T last";
	struct symbols *s = load(odd, sizeof(odd) - 1);
	char *big;

	(void)state;
	is(s, 0xffffffff81000021, "last", "last+0x1", "");
	symbols_free(s);
	/* random bytes, and lines of it */
	big = malloc(100000);
	assert_non_null(big);
	srand(1);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 100000; i++)
			big[i] = rand() % 3 ? "0123456789abcdef Tt\t[]\n"[rand() % 23]
					    : (char)rand();
		s = load(big, 100000);
		for (int i = 0; i < 1000; i++) {
			struct symbol_name n;

			symbols_find(s, (uint64_t)rand() << (rand() % 34), &n);
			assert_true(strlen(n.location) > 0);
		}
		symbols_free(s);
	}
	/* the longest name the kernel has */
	memcpy(big, "ffffffff81000000 T ", 19);
	memset(big + 19, 'n', 511);
	s = load(big, 19 + 511);
	assert_int_equal(symbols_count(s), 1);
	{
		struct symbol_name n;

		assert_true(symbols_find(s, 0xffffffff81000005, &n));
		assert_int_equal(strlen(n.function), sizeof(n.function) - 1);
		assert_string_equal(strchr(n.location, '+'), "+0x5");
	}
	symbols_free(s);
	free(big);
}

static void base_names(void **state)
{
	static const char *const cases[][2] = {
		{ "ip_rcv", "ip_rcv" },
		{ "f.isra.0", "f" },
		{ "f.constprop.0.isra.12", "f" },
		{ "f.part.0.cold", "f" },
		{ "f.cold.3", "f" },
		{ "f.llvm.1234567890", "f" },
		{ "f.lto_priv.0", "f" },
		{ "static_local.12", "static_local.12" },
		{ "f.other", "f.other" },
		{ ".cold", ".cold" },
		{ "", "" },
		{ ".", "." },
		{ "f.", "f." },
		{ "1.2.3", "1.2.3" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[64];

		strcpy(name, cases[i][0]);
		symbols_base(name);
		assert_string_equal(name, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds), cmocka_unit_test(padding),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(hostile),
		cmocka_unit_test(base_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
