/* SPDX-License-Identifier: MIT */
#include "../analyze/rows.h"
#include "../analyze/spill.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct db *db;

static int setup(void **state)
{
	struct err e = { "" };

	(void)state;
	assert_int_equal(db_create(&db, NULL, &e), 0);
	assert_int_equal(db_exec(db,
				 "CREATE TABLE a(x INTEGER, t TEXT, y INTEGER) STRICT;"
				 "CREATE TABLE a2(x INTEGER, t TEXT, y INTEGER) STRICT;"
				 "CREATE TABLE k(p INTEGER, q INTEGER, v INTEGER, PRIMARY KEY (p, q)) "
				 "STRICT, WITHOUT ROWID;"
				 "CREATE TABLE k2(p INTEGER, q INTEGER, v INTEGER, PRIMARY KEY (p, q)) "
				 "STRICT, WITHOUT ROWID",
				 &e),
			 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_close(db);
	return 0;
}

static int64_t number(const char *sql)
{
	sqlite3_stmt *st = db_prepare(db, sql);
	int64_t v;

	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return v;
}

static void check_whole(void)
{
	sqlite3_stmt *st = db_prepare(db, "PRAGMA integrity_check");

	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_reset(st);
}

/* Numbers around each border of the format, positive and negative. */
static int64_t odd_number(int i)
{
	int64_t v = i % 3 ? 1LL << (i / 3 % 63) : (int64_t)i;

	v += i % 3 - 1;
	return i % 2 ? -v : v;
}

static void fill(int n)
{
	sqlite3_stmt *ins = db_prepare(db, "INSERT INTO a2(rowid, x, t, y) VALUES(?, ?, ?, ?)");
	sqlite3_stmt *key = db_prepare(db, "INSERT INTO k2(p, q, v) VALUES(?, ?, ?)");
	struct rows *a, *k;
	char text[512];

	assert_int_equal(rows_open(&a, db, "a", false), 0);
	assert_int_equal(rows_open(&k, db, "k", true), 0);
	for (int i = 0; i < n; i++) {
		int64_t v = odd_number(i);

		if (i == n / 2)
			assert_int_equal(rows_pause(db), 0);
		snprintf(text, sizeof(text), "%0*d", i % 200, i);
		rows_begin(a, i + 5 + i / 1000);
		rows_int(a, v);
		rows_text(a, i % 7 ? text : NULL);
		rows_opt(a, i % 11, 3);
		assert_int_equal(rows_end(a), 0);
		rows_begin(k, 0);
		rows_int(k, i / 3);
		rows_int(k, i % 3);
		rows_int(k, v);
		assert_int_equal(rows_end(k), 0);
	}
	assert_int_equal(rows_finish(db), 0);
	for (int i = 0; i < n; i++) {
		int64_t v = odd_number(i);

		snprintf(text, sizeof(text), "%0*d", i % 200, i);
		db_bind_int(ins, 1, i + 5 + i / 1000);
		db_bind_int(ins, 2, v);
		db_bind_text(ins, 3, i % 7 ? text : NULL);
		db_bind_opt(ins, 4, i % 11, 3);
		assert_int_equal(db_run(db, ins), 0);
		db_bind_int(key, 1, i / 3);
		db_bind_int(key, 2, i % 3);
		db_bind_int(key, 3, v);
		assert_int_equal(db_run(db, key), 0);
	}
	assert_int_equal(number("SELECT count(*) FROM a"), n);
	assert_int_equal(number("SELECT count(*) FROM (SELECT rowid, * FROM a EXCEPT SELECT rowid, * FROM a2)"), 0);
	assert_int_equal(number("SELECT count(*) FROM k"), n);
	assert_int_equal(number("SELECT count(*) FROM (SELECT * FROM k EXCEPT SELECT * FROM k2)"), 0);
	check_whole();
	/* SQLite can go on with it */
	assert_int_equal(db_exec(db,
				 "DELETE FROM a WHERE x % 3 = 0; UPDATE k SET v = 1 WHERE q = 2; "
				 "INSERT INTO a SELECT * FROM a2; CREATE INDEX ax ON a(x); "
				 "INSERT INTO k SELECT p + 10000000, q, v FROM k2",
				 NULL),
			 0);
	check_whole();
}

#define SIZE_TEST(n)                                                                               \
	static void test_##n(void **state)                                                         \
	{                                                                                          \
		(void)state;                                                                       \
		fill(n);                                                                           \
	}

SIZE_TEST(0)
SIZE_TEST(1)
SIZE_TEST(300)
SIZE_TEST(20000)

/* Each number of rows around those that fill one leaf, and the row behind it. */
static void test_borders(void **state)
{
	struct rows *k;
	char sql[128];

	(void)state;
	for (int n = 1600; n < 2200; n += 1) {
		snprintf(sql, sizeof(sql), "CREATE TABLE b%d(p INTEGER PRIMARY KEY, q INTEGER) STRICT, WITHOUT ROWID", n);
		assert_int_equal(db_exec(db, sql, NULL), 0);
		snprintf(sql, sizeof(sql), "b%d", n);
		assert_int_equal(rows_open(&k, db, sql, true), 0);
		for (int i = 0; i < n; i++) {
			rows_begin(k, 0);
			rows_int(k, i);
			rows_int(k, 7);
			assert_int_equal(rows_end(k), 0);
		}
	}
	assert_int_equal(rows_finish(db), 0);
	for (int n = 1600; n < 2200; n++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM b%d WHERE q = 7", n);
		assert_int_equal(number(sql), n);
	}
	check_whole();
}

static void test_text(void **state)
{
	struct rows *a;
	char text[1024];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(rows_open(&a, db, "a", false), 0);
	rows_begin(a, 0);
	rows_null(a);
	rows_text(a, text);
	rows_null(a);
	assert_int_equal(rows_end(a), 0);
	rows_begin(a, 0);
	rows_null(a);
	rows_span(a, (struct span){ "a\xff\0b", 4 });
	rows_null(a);
	assert_int_equal(rows_end(a), 0);
	assert_int_equal(rows_finish(db), 0);
	assert_int_equal(number("SELECT length(t) FROM a WHERE rowid = 1"), ROWS_TEXT_MAX);
	assert_int_equal(number("SELECT t = 'a??b' FROM a WHERE rowid = 2"), 1);
	check_whole();
}

static void test_spill(void **state)
{
	struct spill *s;
	const uint8_t *p;
	uint8_t *piece = malloc(SPILL_PIECE_MAX);
	uint64_t at[400], size[400];
	uint8_t byte = 0xee;

	(void)state;
	assert_non_null(piece);
	assert_int_equal(spill_open(&s, NULL), 0);
	for (int i = 0; i < 400; i++) {
		size[i] = (uint64_t)(i * 7919) % SPILL_PIECE_MAX + 1;
		memset(piece, i, size[i]);
		assert_int_equal(spill_put(s, piece, size[i], &at[i]), 0);
		if (i % 50 == 7) { /* also while it grows */
			assert_int_equal(spill_get(s, at[i / 2], size[i / 2], &p), 0);
			assert_int_equal(p[size[i / 2] - 1], (i / 2) & 0xff);
		}
	}
	assert_int_equal(spill_patch(s, at[3], &byte, 1), 0);
	assert_int_equal(spill_patch(s, at[399], &byte, 1), 0);
	for (int k = 0; k < 400; k++) {
		int i = k ^ 5; /* not quite in order */

		if (i >= 400)
			continue;
		assert_int_equal(spill_get(s, at[i], size[i], &p), 0);
		assert_int_equal(p[0], i == 3 || i == 399 ? 0xee : i & 0xff);
		for (size_t j = 1; j < size[i]; j++)
			if (p[j] != (i & 0xff))
				fail_msg("piece %d, byte %zu: %d", i, j, p[j]);
	}
	assert_int_equal(spill_get(s, spill_bytes(s), 1, &p), -EINVAL);
	assert_int_equal(spill_get(s, at[399], size[399] + 1, &p), -EINVAL);
	spill_close(s);
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_0, setup, teardown),
		cmocka_unit_test_setup_teardown(test_1, setup, teardown),
		cmocka_unit_test_setup_teardown(test_300, setup, teardown),
		cmocka_unit_test_setup_teardown(test_20000, setup, teardown),
		cmocka_unit_test_setup_teardown(test_borders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test(test_spill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
