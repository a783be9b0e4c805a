/* SPDX-License-Identifier: MIT */
/*
 * tally: rows counted by their first columns. SQLite sorts all rows to GROUP BY
 * without an index, which takes seconds for millions of them.
 */
#ifndef SKBTAPE_TALLY_H
#define SKBTAPE_TALLY_H

#include "rep.h"

struct tally_row {
	int64_t key[3]; /* a NULL is 0 */
	int64_t rows, sum;
};

struct tally {
	struct tally_row *v;
	size_t n;
};

/**
 * tally_read() - count the rows of a query
 * @sql: three columns of integers, which are the key, and a fourth that is summed
 * The keys are in the order in which they came. Freed by tally_free(); empty when out of memory.
 */
void tally_read(struct tally *t, struct rep *r, const char *sql);
void tally_free(struct tally *t);
/* tally_json() - an array of [key, key, key, rows, sum], to be bound for json_each() */
void tally_json(const struct tally *t, struct buf *out);

#endif
