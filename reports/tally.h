/* SPDX-License-Identifier: MIT */
/*
 * tally: rows counted by their first columns. SQLite sorts all rows to GROUP BY
 * without an index, which takes seconds for millions of them.
 */
#ifndef SKBTAPE_TALLY_H
#define SKBTAPE_TALLY_H

#include "rep.h"
#include "../analyze/keymap.h"

#define TALLY_MAX 65536 /* keys; what a tape can name is bounded, not what it does */

struct tally_row {
	int64_t key[3]; /* a NULL is 0 */
	int64_t rows, sum;
};

struct tally {
	struct keymap map; /* of tally_row, in the order in which they came */
	size_t last;	   /* the row counted last, plus 1 */
	int64_t left_out;  /* rows whose key came after TALLY_MAX others */
};

void tally_init(struct tally *t);
/* tally_add() - count one row. Return: its index, -1: left out. */
int64_t tally_add(struct tally *t, const int64_t key[3], int64_t sum);
/* tally_again() - one more of the row at @index, which tally_add() gave */
static inline void tally_again(struct tally *t, int64_t index)
{
	((struct tally_row *)(void *)t->map.items)[index].rows++;
}

static inline size_t tally_count(const struct tally *t)
{
	return t->map.count;
}

static inline const struct tally_row *tally_at(const struct tally *t, size_t i)
{
	return keymap_at(&t->map, i);
}

/**
 * tally_read() - count the rows of a query
 * @sql: three columns of integers, which are the key, and a fourth that is summed
 * Freed by tally_free(); out of memory, rows are left out.
 */
void tally_read(struct tally *t, struct rep *r, const char *sql);
void tally_free(struct tally *t);
/* tally_json() - an array of [key, key, key, rows, sum], to be bound for json_each() */
void tally_json(const struct tally *t, struct buf *out);

#endif
