/* SPDX-License-Identifier: MIT */
#include "tally.h"
#include "../analyze/keymap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 4096 /* devices, tasks: rows of more are left out */

void tally_read(struct tally *t, struct rep *r, const char *sql)
{
	struct tally_row *last = NULL;
	struct keymap m;
	sqlite3_stmt *st = rep_query(r, sql);
	bool fresh;

	keymap_init(&m, sizeof(last->key), sizeof(*last), KEYS_MAX);
	while (rep_row(r, &st)) {
		int64_t key[3] = { col_int(st, 0), col_int(st, 1), col_int(st, 2) };

		/* rows of one kind follow each other */
		if (!last || memcmp(last->key, key, sizeof(key)))
			last = keymap_get(&m, key, &fresh);
		if (!last)
			continue;
		last->rows++;
		last->sum += col_int(st, 3);
	}
	if (m.nomem)
		keymap_free(&m);
	free(m.slot);
	*t = (struct tally){ .v = (struct tally_row *)m.items, .n = m.count };
}

void tally_free(struct tally *t)
{
	free(t->v);
	*t = (struct tally){ 0 };
}

void tally_json(const struct tally *t, struct buf *out)
{
	buf_printf(out, "[");
	for (size_t i = 0; i < t->n; i++)
		buf_printf(out, "%s[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]",
			   i ? "," : "", t->v[i].key[0], t->v[i].key[1], t->v[i].key[2],
			   t->v[i].rows, t->v[i].sum);
	buf_printf(out, "]");
}
