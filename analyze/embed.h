/* SPDX-License-Identifier: MIT */
/* embed: files that are built into the program (SQL, rules, dictionaries, the page). */
#ifndef SKBTAPE_EMBED_H
#define SKBTAPE_EMBED_H

#include "../schema/base.h"

struct embed {
	const char *name; /* path in the source tree */
	const unsigned char *data; /* NUL terminated */
	size_t size; /* without the NUL */
};

/* embed_at() - the @i-th file in the Makefile's order. Return: NULL behind the last. */
const struct embed *embed_at(size_t i);
/* embed_find() - by path; its absence is a bug of ours (asserts). */
struct span embed_find(const char *name);
/**
 * embed_row() - the next row of a table *.tsv of ours; lines that begin with '#' are comments
 * @text: what is left of the table; the row is taken off
 * @n: its columns; another number of fields is a bug of ours (asserts)
 */
bool embed_row(struct span *text, struct span *field, size_t n);

#endif
