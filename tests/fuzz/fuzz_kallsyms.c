/* SPDX-License-Identifier: MIT */
/* /proc/kallsyms. What is found holds the address, in printable text, and never shows it. */
#include "fuzz.h"
#include "../../analyze/symbols.h"

#include <string.h>

static void find(const struct symbols *s, uint64_t addr)
{
	struct symbol_name x;
	const char *plus;

	memset(&x, 0xff, sizeof(x));
	if (!symbols_find(s, addr, &x))
		HOLDS(!strcmp(x.location, "0x?") && !strcmp(x.function, "?"));
	HOLDS(fuzz_cstr(x.function, sizeof(x.function)) && x.function[0]);
	HOLDS(fuzz_cstr(x.location, sizeof(x.location)) && x.location[0]);
	HOLDS(fuzz_cstr(x.module, sizeof(x.module)));
	plus = strrchr(x.location, '+');
	HOLDS(!plus || strncmp(plus, "+0x", 3) || strtoull(plus + 1, NULL, 16) < 16 * MIB);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = { (const char *)data, n }, line, word;
	struct symbols *s;
	struct err e;

	HOLDS(!symbols_load(&s, text, &e));
	HOLDS(symbols_count(s) <= n / 4);
	find(s, 0);
	find(s, 1);
	find(s, UINT64_MAX);
	for (int i = 0; i < 64 && span_line(&text, &line); i++) {
		uint64_t addr;

		if (!span_word(&line, &word) || span_hex(word, &addr))
			continue;
		find(s, addr);
		find(s, addr + 1);
		find(s, addr + 0x1000);
	}
	symbols_free(s);
	return 0;
}
