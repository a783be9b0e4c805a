/* SPDX-License-Identifier: MIT */
#include "snap_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct buf snap_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = { 0 };
	char part[4096];
	size_t n;

	if (!f)
		fail_msg("%s is missing", path);
	while ((n = fread(part, 1, sizeof(part), f)))
		assert_int_equal(buf_put(&b, part, n), 0);
	fclose(f);
	return b;
}

struct loaded snap_load(struct tape_make *m, bool whole)
{
	const char *path = tape_make_path("s.skbtape");
	struct loaded x;
	struct err e = { 0 };
	struct buf b = tape_make_close(m, whole, path);

	buf_free(&b);
	if (tape_open(&x.t, path, &e) || db_create(&x.d, NULL, &e) || clocks_load(&x.c, x.t, &e) ||
	    host_load(&x.h, x.t, x.d, &e) || snapshots_load(x.t, x.d, x.h, x.c, &e))
		fail_msg("%s", e.text);
	return x;
}

void snap_unload(struct loaded *x)
{
	host_free(x->h);
	clocks_free(x->c);
	db_close(x->d);
	tape_close(x->t);
	tape_make_clean();
}

const char *snap_rows(struct db *d, const char *sql)
{
	static char text[65536];
	sqlite3_stmt *st = db_prepare(d, sql);
	size_t n = 0;

	text[0] = '\0';
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *v = (const char *)sqlite3_column_text(st, i);

			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
					      i	  ? "|"
					      : n ? "\n"
						  : "",
					      v ? v : "-");
			assert_true(n < sizeof(text));
		}
	}
	sqlite3_reset(st);
	return text;
}

static uint64_t seed = 88172645463325252ULL;

uint64_t snap_rnd(void)
{
	/* xorshift (Marsaglia 2003) */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}
