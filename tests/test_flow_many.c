/* SPDX-License-Identifier: MIT */
#include "../analyze/flow_many.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static int64_t one(struct db *d, const char *sql)
{
	sqlite3_stmt *st = db_prepare(d, sql);
	int64_t v;

	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return v;
}

/* What is counted, beside the packets themselves: flow 1 has many frames, flow 2 has not. */
static void counted(void **state)
{
	static const char packets[] =
		"INSERT INTO flow(id, netns_id, proto, src, dst, frames, bytes, first_ns, last_ns) VALUES(1, 1, 'udp', 'a', 'b', 9, 9, 1, 1), "
		"(2, 1, 'udp', 'a', 'c', 9, 9, 1, 1);"
		"INSERT INTO _flow_many(flow_id, frames_unique, frames_ordered, frames_ambiguous, frames_none) VALUES(1, 9000, 1, 2, 3);"
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
		"INSERT INTO _packet(id, first_ns, last_ns, kind, flow_id, outcome, cpu_hops, flags, confidence) "
		"SELECT i, i, i + (i * 7919 % 10007) * (i * 7919 % 10007), CASE WHEN i % 5 THEN 4 ELSE 1 END, CASE WHEN i % 3 THEN 1 ELSE 2 END, "
		"CASE WHEN i % 7 THEN 1 ELSE 7 END, 0, i % 2 * 8 + i % 11, 1 + i % 4 FROM n;"
		"CREATE INDEX _packet_flow ON _packet(flow_id) WHERE flow_id IS NOT NULL;";
	struct db *d;
	struct err e = { "" };

	(void)state;
	assert_int_equal(db_create(&d, NULL, &e), 0);
	if (db_exec(d, packets, &e))
		fail_msg("%s", e.text);
	if (flow_many_write(d, &e))
		fail_msg("%s", e.text);
	assert_int_equal(one(d, "SELECT count(*) FROM _flow_many"), 1);
	assert_int_equal(one(d, "SELECT packets FROM _flow_many"), one(d, "SELECT count(*) FROM _packet WHERE flow_id = 1"));
	for (int i = 1; i <= 4; i++) {
		static const char *const is[] = { "certain", "high", "medium", "low" };
		char sql[200];

		snprintf(sql, sizeof(sql), "SELECT %s - (SELECT count(*) FROM _packet WHERE flow_id = 1 AND confidence = %d) FROM _flow_many",
			 is[i - 1], i);
		assert_int_equal(one(d, sql), 0);
	}
	assert_int_equal(one(d, "SELECT slow_id FROM _flow_many"),
			 one(d, "SELECT id FROM _packet WHERE flow_id = 1 AND outcome <= 3 AND flags & 22 = 0 ORDER BY last_ns - first_ns DESC, id LIMIT 1"));
	/* the middle half of them, and within 2 % of the median */
	assert_int_equal(one(d, "WITH m AS (SELECT last_ns - first_ns AS took, row_number() OVER (ORDER BY last_ns - first_ns) AS k, count(*) OVER () "
				"AS n FROM _packet WHERE flow_id = 1 AND outcome <= 3 AND flags & 22 = 0) SELECT abs((SELECT last_ns - first_ns FROM "
				"_packet WHERE id = typical_id) - took) * 50 <= took FROM _flow_many, m WHERE k = (n + 1) / 2"),
			 1);
	/* every group: as many, the longest exactly, each rank within 1 % */
	assert_int_equal(one(d, "SELECT count(*) FROM (SELECT kind, outcome, sum(count), max(ns) FROM _flow_took WHERE flow_id = 1 GROUP BY 1, 2 "
				"EXCEPT SELECT kind, outcome, count(*), max(last_ns - first_ns) FROM packet WHERE flow_id = 1 GROUP BY 1, 2)"),
			 0);
	assert_int_equal(one(d, "SELECT count(DISTINCT kind || outcome) FROM _flow_took"), 4);
	assert_int_equal(one(d, "WITH p AS (SELECT kind, outcome, last_ns - first_ns AS took, row_number() OVER (PARTITION BY kind, outcome ORDER BY "
				"last_ns - first_ns) AS k FROM packet WHERE flow_id = 1), t AS (SELECT kind, outcome, ns, sum(count) OVER "
				"(PARTITION BY kind, outcome ORDER BY ns) AS k, count FROM _flow_took) SELECT count(*) FROM p JOIN t ON t.kind = p.kind "
				"AND t.outcome = p.outcome AND p.k > t.k - t.count AND p.k <= t.k WHERE abs(t.ns - p.took) * 100 > p.took"),
			 0);
	db_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counted) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
