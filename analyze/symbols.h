/* SPDX-License-Identifier: MIT */
/*
 * symbols: kernel addresses to functions, from the tape's kallsyms. Addresses
 * go in and never come out: what leaves is text.
 */
#ifndef SKBTAPE_SYMBOLS_H
#define SKBTAPE_SYMBOLS_H

#include "../schema/base.h"

struct symbols;

/**
 * symbols_load() - parse /proc/kallsyms text, untrusted
 * Keeps text symbols (types t, T, w, W); an empty or all-zero text gives an empty table.
 * Return: 0, -ENOMEM.
 */
int symbols_load(struct symbols **s, struct span kallsyms, struct err *e);
void symbols_free(struct symbols *s);
size_t symbols_count(const struct symbols *s);

struct symbol_name {
	char function[128]; /* without compiler suffixes */
	char location[160]; /* symbol+0xoffset, or "0x?" where nothing is known */
	char module[64];    /* "" for built in */
};

/* symbols_find() - the function that holds the return address @addr (looked up at addr - 1).
 * Return: true; false with location "0x?" and function "?" where none is known. */
bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol_name *out);

/* symbols_base() - cut .isra.N .constprop.N .part.N .cold .llvm.N off a name, in place. */
void symbols_base(char *name);

#endif
