/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	 8192
#define KEYS_MAX 4096 /* devices, tasks: more are left out, and counted */

static struct tally_row *find(struct tally *t, uint16_t *slot, const int64_t key[3])
{
	uint64_t h = 0;
	size_t i;

	for (int k = 0; k < 3; k++)
		h = (h ^ (uint64_t)key[k]) * 0x9e3779b97f4a7c15ULL;
	for (i = h >> 51; slot[i]; i = (i + 1) % SLOTS)
		if (!memcmp(t->v[slot[i] - 1].key, key, sizeof(t->v->key)))
			return &t->v[slot[i] - 1];
	if (t->n == KEYS_MAX)
		return NULL;
	memcpy(t->v[t->n].key, key, sizeof(t->v->key));
	slot[i] = (uint16_t)++t->n;
	return &t->v[t->n - 1];
}

void tally_read(struct tally *t, struct rep *r, const char *sql)
{
	uint16_t *slot = calloc(SLOTS, sizeof(*slot));
	struct tally_row *last = NULL;
	sqlite3_stmt *st;

	*t = (struct tally){ .v = calloc(KEYS_MAX, sizeof(*t->v)) };
	if (!slot || !t->v) {
		free(slot);
		return;
	}
	st = rep_query(r, sql);
	while (rep_row(r, &st)) {
		int64_t key[3] = { col_int(st, 0), col_int(st, 1), col_int(st, 2) };

		/* rows of one kind follow each other */
		if (!last || memcmp(last->key, key, sizeof(key)))
			last = find(t, slot, key);
		if (!last) {
			t->left_out++;
			continue;
		}
		last->rows++;
		last->sum += col_int(st, 3);
	}
	free(slot);
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
