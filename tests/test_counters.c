/* SPDX-License-Identifier: MIT */
#include "../analyze/counters.h"
#include "../analyze/keymap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

struct made {
	struct db *d;
	struct counters *c;
};

static struct made make(size_t max)
{
	struct made m;
	struct err e;

	assert_int_equal(db_create(&m.d, NULL, &e), 0);
	assert_int_equal(counters_open(&m.c, m.d, max), 0);
	return m;
}

static void put(struct counters *c, const char *name, const char *dev, int cpu, int64_t value,
		bool sparse)
{
	counters_put(c, &(struct sample){ .source = "test",
					  .name = { name, strlen(name) },
					  .dev = { dev, dev ? strlen(dev) : 0 },
					  .cpu = cpu,
					  .value = value,
					  .sparse = sparse });
}

/* All rows of a query, columns by ' ', rows by ';'. */
static const char *rows(struct db *d, const char *sql)
{
	static char text[4096];
	sqlite3_stmt *st = db_prepare(d, sql);
	size_t n = 0;

	text[0] = '\0';
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *v = (const char *)sqlite3_column_text(st, i);

			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
					      i	  ? " "
					      : n ? ";"
						  : "",
					      v ? v : "-");
			assert_true(n < sizeof(text));
		}
	}
	sqlite3_reset(st);
	return text;
}

static void finish(struct made *m)
{
	assert_int_equal(counters_finish(m->c), 0);
	counters_free(m->c);
}

static const char all_rows[] = "SELECT name, snap_ns, value FROM counter ORDER BY name, snap_ns";
static const char all_deltas[] =
	"SELECT name, first_value, last_value, delta FROM counter_delta ORDER BY name";

static void test_rows(void **state)
{
	static const int64_t still[] = { 5, 5, 5, 5 }, moves[] = { 1, 1, 7, 7 },
			     end[] = { 2, 2, 2, 9 };
	struct made m = make(100);

	(void)state;
	for (int i = 0; i < 4; i++) {
		counters_at(m.c, 100 + i, 0, i == 0);
		put(m.c, "still", NULL, -1, still[i], false);
		put(m.c, "moves", NULL, -1, moves[i], false);
		put(m.c, "end", NULL, -1, end[i], false);
		if (i == 1)
			put(m.c, "once", NULL, -1, 3, false);
	}
	finish(&m);
	/* where first seen, where different, where last seen */
	assert_string_equal(rows(m.d, all_rows),
			    "end 100 2;end 103 9;moves 100 1;moves 102 7;moves 103 7;once 101 3;"
			    "still 100 5;still 103 5");
	assert_string_equal(rows(m.d, all_deltas), "end 2 9 7;moves 1 7 6;once 3 3 0;still 5 5 0");
	db_close(m.d);
}

static void test_keys(void **state)
{
	struct made m = make(100);

	(void)state;
	for (int i = 0; i < 2; i++) {
		counters_at(m.c, 10 + i, 0, !i);
		put(m.c, "n", NULL, -1, 1 + i, false);
		put(m.c, "n", NULL, 0, 10 + i, false);
		put(m.c, "n", NULL, 1, 20 + i, false);
		put(m.c, "n", "eth0", -1, 30 + i, false);
		counters_at(m.c, 10 + i, 7, !i);
		put(m.c, "n", NULL, -1, 40 + i, false);
		counters_put(m.c, &(struct sample){ .source = "test",
						    .name = SPAN_LIT("machine"),
						    .cpu = -1,
						    .value = 50 + i,
						    .machine = true });
	}
	finish(&m);
	assert_string_equal(
		rows(m.d, "SELECT netns_id, dev_id IS NOT NULL, cpu, first_value, last_value FROM "
			  "_counter_delta ORDER BY first_value"),
		"- 0 - 1 2;- 0 0 10 11;- 0 1 20 21;- 1 - 30 31;7 0 - 40 41;- 0 - 50 51");
	db_close(m.d);
}

static void test_sparse(void **state)
{
	struct made m = make(100);

	(void)state;
	counters_at(m.c, 1, 0, true);
	put(m.c, "early", NULL, -1, 9, true);
	put(m.c, "late", NULL, -1, 0, true);
	put(m.c, "never", NULL, -1, 0, true);
	counters_at(m.c, 2, 0, false);
	put(m.c, "early", NULL, -1, 10, true);
	put(m.c, "late", NULL, -1, 4, true);
	put(m.c, "never", NULL, -1, 0, true);
	finish(&m);
	assert_string_equal(rows(m.d, all_deltas), "early 9 10 1;late 0 4 4");
	db_close(m.d);
}

/* Values that go back, and times that do. */
static void test_odd(void **state)
{
	struct made m = make(100);

	(void)state;
	counters_at(m.c, 5, 0, true);
	put(m.c, "wrap", NULL, -1, UINT32_MAX, false);
	put(m.c, "time", NULL, -1, 1, false);
	counters_at(m.c, 6, 0, false);
	put(m.c, "wrap", NULL, -1, 3, false);
	put(m.c, "large", NULL, -1, counter_i64(UINT64_MAX), false);
	counters_at(m.c, 4, 0, false);
	put(m.c, "time", NULL, -1, 8, false);
	finish(&m);
	assert_string_equal(
		rows(m.d, "SELECT name, first_value, last_value FROM counter_delta ORDER BY name"),
		"large 9223372036854775807 9223372036854775807;time 1 1;wrap 4294967295 3");
	db_close(m.d);
}

static void test_limit(void **state)
{
	struct made m = make(3);
	char name[16];

	(void)state;
	counters_at(m.c, 1, 0, true);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put(m.c, name, NULL, -1, i, false);
	}
	assert_int_equal(counters_count(m.c), 3);
	finish(&m);
	assert_string_equal(rows(m.d, "SELECT kind, source FROM quality"), "limit counter");
	db_close(m.d);
}

static void test_keymap(void **state)
{
	struct item {
		uint64_t key[2];
		uint64_t value;
	} * x;
	struct keymap m;
	bool fresh;

	(void)state;
	keymap_init(&m, 16, sizeof(struct item), 5000);
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 5000; i++) {
			uint64_t key[2] = { i % 100, i / 100 };

			x = keymap_get(&m, key, &fresh);
			assert_non_null(x);
			assert_int_equal(fresh, round == 0);
			assert_int_equal(x->value, round ? i : 0);
			x->value = i;
		}
	x = keymap_get(&m, (uint64_t[2]){ 1000, 0 }, &fresh);
	assert_null(x);
	assert_int_equal(m.refused, 1);
	for (uint64_t i = 0; i < 5000; i++) /* in the order in which they came */
		assert_int_equal(((struct item *)keymap_at(&m, i))->value, i);
	keymap_free(&m);
}

/* Many namespaces for many snapshots: each value is looked up, few become rows. */
static void test_speed(void **state)
{
	enum { NETNS = 100, COUNTERS = 1000, TICKS = 6 };
	struct made m = make(1000000);
	static char name[COUNTERS][32];
	clock_t start = clock();

	(void)state;
	for (int k = 0; k < COUNTERS; k++)
		snprintf(name[k], sizeof(name[k]), "TcpExt.Counter%d", k);
	for (int t = 0; t < TICKS; t++)
		for (int n = 1; n <= NETNS; n++) {
			counters_at(m.c, t * NSEC_PER_SEC + n, n, t == 0);
			for (int k = 0; k < COUNTERS; k++)
				put(m.c, name[k], NULL, -1, k % 50 ? k : k + t, false);
		}
	finish(&m);
	printf("%d samples in %.2f s of CPU\n", NETNS * COUNTERS * TICKS,
	       (double)(clock() - start) / CLOCKS_PER_SEC);
	assert_string_equal(rows(m.d, "SELECT (SELECT count(*) FROM _counter), (SELECT count(*) "
				      "FROM _counter_delta)"),
			    "208000 100000");
	db_close(m.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),   cmocka_unit_test(test_keys),
		cmocka_unit_test(test_sparse), cmocka_unit_test(test_odd),
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_keymap),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
