/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * /proc/kallsyms has a line per symbol: address, type letter, name, and behind a
 * tab the module in brackets (kernel/kallsyms.c, s_show()). Symbols of all types
 * are sorted by address, because the next symbol of any type ends a function;
 * then only the text symbols are kept, with their length. So an address in data
 * that lies behind a function is not taken for that function.
 */
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where no symbol follows (the end of a module), a function is not believed to be longer. */
#define FUNCTION_MAX (1 * MIB)
#define NAME_MAX_LEN 511 /* KSYM_NAME_LEN - 1, include/linux/kallsyms.h */

struct sym {
	uint64_t addr;
	uint32_t name;	 /* offset in text */
	uint32_t module; /* offset in text */
	uint32_t len;
	uint8_t rank; /* of its type, 0: no text */
	bool padding; /* in front of a function, with a symbol of its own */
};

struct symbols {
	struct sym *v;
	size_t n, cap;
	struct buf text; /* names, NUL terminated */
};

/* Of symbols at one address the global one names it (nm(1) for the letters). */
static uint8_t type_rank(char type)
{
	switch (type) {
	case 'T':
		return 4;
	case 'W':
		return 3;
	case 't':
		return 2;
	case 'w':
		return 1;
	default:
		return 0;
	}
}

/* Room for patched code and hashes in front of a function (FUNCTION_PADDING_BYTES, kCFI:
 * arch/x86/include/asm/linkage.h). Nothing returns there and no pointer leads there. */
static bool is_padding(struct span name)
{
	return span_starts(name, "__pfx_") || span_starts(name, "__cfi_");
}

static bool is_name(struct span s, size_t max)
{
	if (!s.n || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	return true;
}

static int keep_text(struct symbols *s, struct span t, uint32_t *at)
{
	size_t off = s->text.len;

	if (off > UINT32_MAX - t.n - 1 || buf_put(&s->text, t.p, t.n) || buf_put(&s->text, "", 1))
		return -ENOMEM;
	*at = (uint32_t)off;
	return 0;
}

/* One line of kallsyms; one that is not understood is left out. */
static int add_line(struct symbols *s, struct span line, struct span *last_module, uint32_t *module)
{
	struct span addr, type, name, mod = { "", 0 };
	struct sym x = { 0 };

	if (!span_field(&line, ' ', &addr) || !span_field(&line, ' ', &type) || type.n != 1 ||
	    !span_field(&line, '\t', &name) || !is_name(name, NAME_MAX_LEN) ||
	    span_hex(addr, &x.addr) || !x.addr || type.p[0] == 'A' || type.p[0] == 'a')
		return 0;
	if (line.n > 2 && line.p[0] == '[' && line.p[line.n - 1] == ']')
		mod = (struct span){ line.p + 1, line.n - 2 };
	if (mod.n && !is_name(mod, sizeof(((struct symbol_name *)0)->module) - 1))
		return 0;
	x.rank = type_rank(type.p[0]);
	if (x.rank) {
		/* symbols of one module stand together */
		if (mod.n != last_module->n || (mod.n && memcmp(mod.p, last_module->p, mod.n))) {
			if (keep_text(s, mod, module))
				return -ENOMEM;
			*last_module = mod;
		}
		x.module = *module;
		x.padding = is_padding(name);
		if (keep_text(s, name, &x.name))
			return -ENOMEM;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4096;
		struct sym *p = realloc(s->v, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->v = p;
		s->cap = cap;
	}
	s->v[s->n++] = x;
	return 0;
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

/* By address; at one address the name to use comes first. */
static int by_addr(const void *a, const void *b, void *ctx)
{
	const struct symbols *s = ctx;
	const struct sym *x = a, *y = b;
	const char *p = (const char *)s->text.data;
	size_t u, v;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (!x->rank)
		return 0;
	u = underscores(p + x->name);
	v = underscores(p + y->name);
	if (u != v)
		return u < v ? -1 : 1;
	return strcmp(p + x->name, p + y->name);
}

/* Keep one text symbol per address, with its length. */
static void settle(struct symbols *s)
{
	size_t out = 0, next;

	for (size_t i = 0; i < s->n; i = next) {
		struct sym x = s->v[i];
		uint64_t len = FUNCTION_MAX;

		for (next = i + 1; next < s->n && s->v[next].addr == x.addr; next++)
			;
		if (next < s->n && s->v[next].addr - x.addr < len)
			len = s->v[next].addr - x.addr;
		x.len = (uint32_t)len;
		if (x.rank)
			s->v[out++] = x;
	}
	s->n = out;
}

int symbols_load(struct symbols **out, struct span kallsyms, struct err *e)
{
	struct symbols *s = calloc(1, sizeof(*s));
	struct span line, last_module = { NULL, SIZE_MAX };
	uint32_t module = 0;
	int rc = s ? 0 : -ENOMEM;

	while (!rc && span_line(&kallsyms, &line))
		rc = add_line(s, line, &last_module, &module);
	if (rc) {
		symbols_free(s);
		return err_set(e, rc, "kallsyms: out of memory");
	}
	if (s->n)
		qsort_r(s->v, s->n, sizeof(*s->v), by_addr, s);
	settle(s);
	*out = s;
	return 0;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	buf_free(&s->text);
	free(s->v);
	free(s);
}

size_t symbols_count(const struct symbols *s)
{
	return s->n;
}

bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol_name *out)
{
	/* a return address may be that of the next function, when the call was the last instruction
	 */
	uint64_t at = addr - 1;
	size_t lo = 0, hi = s ? s->n : 0;
	const struct sym *x;
	const char *text;

	while (addr && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].addr <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!addr || !lo || at - s->v[lo - 1].addr >= s->v[lo - 1].len) {
		*out = (struct symbol_name){ .function = "?", .location = "0x?" };
		return false;
	}
	x = &s->v[lo - 1];
	if (x->padding) {
		/* a pointer to the function behind it; a call is no instruction of it */
		if (lo == s->n || s->v[lo].addr != addr) {
			*out = (struct symbol_name){ .function = "?", .location = "0x?" };
			return false;
		}
		x++;
	}
	text = (const char *)s->text.data;
	snprintf(out->function, sizeof(out->function), "%s", text + x->name);
	symbols_base(out->function);
	snprintf(out->location, sizeof(out->location), "%.*s+0x%llx",
		 (int)sizeof(out->location) - 24, text + x->name,
		 (unsigned long long)(addr - x->addr));
	snprintf(out->module, sizeof(out->module), "%s", text + x->module);
	return true;
}

/* Suffixes of functions that compilers split, clone and specialise (GCC: isra, constprop, part,
 * cold, lto_priv; LLVM: llvm and a hash). */
void symbols_base(char *name)
{
	static const char *const made[] = {
		"isra", "constprop", "part", "cold", "llvm", "lto_priv"
	};
	bool cut = true;

	while (cut) {
		char *dot = strrchr(name, '.');
		char *end = name + strlen(name);

		cut = false;
		/* a number belongs to the word before it */
		if (dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1)) {
			end = dot;
			dot = memrchr(name, '.', (size_t)(end - name));
		}
		if (!dot || dot == name)
			return;
		for (size_t i = 0; i < ARRAY_SIZE(made) && !cut; i++)
			cut = span_is((struct span){ dot + 1, (size_t)(end - dot - 1) }, made[i]);
		if (cut)
			*dot = '\0';
	}
}
