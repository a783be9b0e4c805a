/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <inttypes.h>

void tally_init(struct tally *t)
{
	*t = (struct tally){ 0 };
	keymap_init(&t->map, sizeof(((struct tally_row *)NULL)->key), sizeof(struct tally_row),
		    TALLY_MAX);
}

int64_t tally_add(struct tally *t, const int64_t key[3], int64_t sum)
{
	struct tally_row *row = t->last ? keymap_at(&t->map, t->last - 1) : NULL;
	bool fresh;

	/* rows of one kind follow each other */
	if (!row || memcmp(row->key, key, sizeof(row->key)))
		row = keymap_get(&t->map, key, &fresh);
	if (!row) {
		t->left_out++;
		return -1;
	}
	row->rows++;
	row->sum += sum;
	t->last = (size_t)(row - (struct tally_row *)(void *)t->map.items) + 1;
	return (int64_t)t->last - 1;
}

void tally_read(struct tally *t, struct rep *r, const char *sql)
{
	sqlite3_stmt *st = rep_query(r, sql);

	tally_init(t);
	while (rep_row(r, &st))
		tally_add(t, (int64_t[]){ col_int(st, 0), col_int(st, 1), col_int(st, 2) },
			  col_int(st, 3));
}

void tally_free(struct tally *t)
{
	keymap_free(&t->map);
	*t = (struct tally){ 0 };
}

void tally_json(const struct tally *t, struct buf *out)
{
	buf_printf(out, "[");
	for (size_t i = 0; i < tally_count(t); i++) {
		const struct tally_row *row = tally_at(t, i);

		buf_printf(out, "%s[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]",
			   i ? "," : "", row->key[0], row->key[1], row->key[2], row->rows,
			   row->sum);
	}
	buf_printf(out, "]");
}
