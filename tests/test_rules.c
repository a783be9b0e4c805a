/* SPDX-License-Identifier: MIT */
/* Rule files: parsing, listing, templates, and what a rule of a user's folder may not do. */
#include "../analyze/findings.h"
#include "../analyze/ledger.h"
#include "../analyze/rule_text.h"
#include "../analyze/rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs what stands above */
#include <cmocka.h>

#define HEAD                                                                                       \
	"-- cause: link-down\n-- severity: warning\n-- title: T {v_x}\n-- summary: S\n-- tested: " \
	"live\n"                                                                                   \
	"-- uses: counters\n-- how: a\n--   b\n"

static char dir[] = "/tmp/test-rules-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void clean(void)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			unlinkat(dirfd(d), de->d_name, 0);
	closedir(d);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	clean();
	return rmdir(dir);
}

static const struct rule *find(const struct rules *r, const char *name)
{
	for (size_t i = 0; i < rules_count(r); i++)
		if (!strcmp(rules_at(r, i)->name, name))
			return rules_at(r, i);
	return NULL;
}

static void test_embedded_rules_are_sound(void **state)
{
	struct rules *r = NULL;
	struct err e;

	(void)state;
	assert_int_equal(rules_load(&r, NULL, &e), 0);
	assert_true(rules_count(r) > 30);
	for (size_t i = 0; i < rules_count(r); i++) {
		const struct rule *x = rules_at(r, i);
		size_t evidence = 0, n;

		if (x->problem)
			fail_msg("%s: %s", x->name, x->problem);
		/* a further rule of the same cause has a name behind it; hints are hints only */
		n = strlen(x->cause->word);
		assert_memory_equal(x->name, x->cause->word, n);
		assert_true(x->name[n] == '-' || !strcmp(x->name + n, ".sql"));
		if (strstr(x->name, "-near.sql") || strstr(x->name, "-rfs.sql") ||
		    strstr(x->name, "-offline.sql"))
			assert_string_equal(x->severity, "info");
		assert_true(!i || strcmp(rules_at(r, i - 1)->name, x->name) < 0);
		for (size_t k = 0; k < x->items; k++)
			evidence += x->item[k].kind == RULE_EVIDENCE;
		assert_true(evidence > 0);
	}
	rules_free(r);
}

static void test_parse(void **state)
{
	struct rules *r = NULL;
	const struct rule *x;
	struct err e;

	(void)state;
	clean();
	put("mine.sql",
	    HEAD "-- a plain remark\nSELECT 1 AS v_x,\n 2 AS v_y;\n"
		 "-- evidence: first {result}\nSELECT 1;\n-- evidence?: second\nSELECT 0;\n"
		 "-- advice: do\n-- command: cmd {v_x}\n-- undo: un\n-- when: SELECT 1\n-- "
		 "ruled-out: not\n"
		 "-- packets:\nSELECT 1;\n");
	put("ignored.txt", "x");
	assert_int_equal(rules_load(&r, dir, &e), 0);
	assert_null(find(r, "ignored.txt"));
	x = find(r, "mine.sql");
	assert_non_null(x);
	assert_null(x->problem);
	assert_false(x->embedded);
	assert_string_equal(x->cause->word, "link-down");
	assert_string_equal(x->how, "a b");
	assert_string_equal(x->sql, "SELECT 1 AS v_x,\n2 AS v_y");
	assert_int_equal(x->items, 5);
	assert_true(x->item[1].optional && !x->item[0].optional);
	assert_string_equal(x->item[2].command, "cmd {v_x}");
	assert_string_equal(x->item[2].undo, "un");
	assert_string_equal(x->item[2].sql, "SELECT 1");
	assert_int_equal(x->item[4].kind, RULE_PACKETS);
	rules_free(r);
}

static void test_bad_files_have_a_problem(void **state)
{
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{ "", "needs cause" },
		{ "SELECT 1;", "needs cause" },
		{ "-- cause: moon-phase\n-- severity: info\n-- title: t\n-- summary: s\n-- tested: "
		  "no\n-- uses: events\n-- how: h\nSELECT 1;",
		  "unknown cause 'moon-phase'" },
		{ "-- cause: link-down\n-- severity: awful\n-- title: t\n-- summary: s\n-- tested: "
		  "no\n-- uses: events\n-- how: h\nSELECT 1;",
		  "severity" },
		{ "-- cause: link-down\n-- severity: info\n-- title: t\n-- summary: s\n-- tested: "
		  "maybe\n-- uses: events\n-- how: h\nSELECT 1;",
		  "tested" },
		{ "-- cause: link-down\n-- severity: info\n-- title: t\n-- summary: s\n-- tested: "
		  "no\n-- uses: tea\n-- how: h\nSELECT 1;",
		  "uses" },
		{ HEAD "-- confidence: 2\nSELECT 1;", "confidence" },
		{ HEAD "-- advise: x\nSELECT 1;", "line 9: unknown key" },
		{ HEAD "SELECT 1;\n-- command: x\n", "does not belong" },
		{ HEAD "SELECT 1;\n-- evidence?: x\n", "has no query" },
		{ HEAD "SELECT 1;\n-- advice: x\nSELECT 2;", "SQL behind" },
		{ HEAD "-- title: twice\nSELECT 1;", "twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct rules *r = NULL;
		const struct rule *x;
		struct err e;

		clean();
		put("bad.sql", bad[i].text);
		assert_int_equal(rules_load(&r, dir, &e), 0);
		x = find(r, "bad.sql");
		assert_non_null(x);
		if (!x->problem || !strstr(x->problem, bad[i].problem))
			fail_msg("%s: %s", bad[i].problem, x->problem ? x->problem : "no problem");
		rules_free(r);
	}
}

static void test_same_name_replaces(void **state)
{
	struct rules *r = NULL;
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(rules_load(&r, NULL, &e), 0);
	n = rules_count(r);
	rules_free(r);
	clean();
	put("link-down.sql", HEAD "SELECT 1 AS v_x");
	assert_int_equal(rules_load(&r, dir, &e), 0);
	assert_int_equal(rules_count(r), n);
	assert_false(find(r, "link-down.sql")->embedded);
	rules_free(r);
	r = NULL;
	assert_int_equal(rules_load(&r, "/nonexistent/rules", &e), -ENOENT);
	assert_null(r);
	assert_non_null(strstr(e.text, "/nonexistent/rules"));
}

static void test_list(void **state)
{
	struct buf b = { 0 };
	struct err e;

	(void)state;
	clean();
	put("broken.sql", "-- cause: x\n");
	assert_int_equal(rules_list(&b, dir, &e), 0);
	assert_int_equal(buf_put(&b, "", 1), 0);
	assert_non_null(strstr((char *)b.data, "udp-rcvbuf-overflow (socket, loss)\n"));
	assert_non_null(
		strstr((char *)b.data, "evidence: events, frames, counters, config, sockets\n"));
	assert_non_null(strstr((char *)b.data, "broken.sql: not usable"));
	buf_free(&b);
}

/* ---- templates ---- */

static int in_space(void *ctx, const char *netns, struct buf *out)
{
	return buf_printf(out, "%s %s ", (const char *)ctx, netns ? netns : "n");
}

static void render(enum rule_text mode, const char *values, const char *text, const char *expect)
{
	sqlite3 *h = NULL;
	sqlite3_stmt *st = NULL;
	struct rule_row row = { 0 };
	struct buf b = { 0 };
	char exec[] = "ip netns exec";
	struct rule_ns ns = { in_space, exec };
	struct err e = { "" };
	int rc;

	assert_int_equal(sqlite3_open(":memory:", &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, values, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(rule_row_take(&row, st), 0);
	sqlite3_finalize(st);
	rc = rule_render(text, mode, &row, NULL, &ns, &b, &e);
	if (!expect) {
		assert_int_equal(rc, -EINVAL);
	} else {
		assert_int_equal(rc, 0);
		assert_int_equal(buf_put(&b, "", 1), 0);
		assert_string_equal((char *)b.data, expect);
	}
	buf_free(&b);
	rule_row_free(&row);
	sqlite3_close(h);
}

static void test_plain(void **state)
{
	(void)state;
	render(RULE_TEXT_PLAIN, "SELECT 5 AS a, NULL AS b, 'x' AS c", "{a} {c} {b}", "5 x unknown");
	render(RULE_TEXT_PLAIN, "SELECT 5 AS a, NULL AS b", "n[[ of {b}]][[ at {a}]].", "n at 5.");
	render(RULE_TEXT_PLAIN, "SELECT 1 AS a, 2 AS b", "{a:n frame}, {b:n frame}",
	       "1 frame, 2 frames");
	render(RULE_TEXT_PLAIN, "SELECT 1500000 AS a, 2500000000 AS b", "{a:time} {b:time}",
	       "1.5 ms 2.50 s");
	render(RULE_TEXT_PLAIN, "SELECT 0.125 AS a, 3.0 AS b", "{a:pct} {b}", "12.5 % 3");
	render(RULE_TEXT_PLAIN, "SELECT 1 AS a", "{ a } {A} nft { {a} } {",
	       "{ a } {A} nft { 1 } {");
	render(RULE_TEXT_PLAIN, "SELECT 3 AS a, '?' AS function", "{a} freed[[ in {function}]].",
	       "3 freed.");
	render(RULE_TEXT_SQL, "SELECT '?' AS function", "x = {function}", "x = '?'");
	render(RULE_TEXT_PLAIN, "SELECT 1 AS a", "{typo}", NULL);
	render(RULE_TEXT_PLAIN, "SELECT 1 AS a", "{a:furlongs}", NULL);
}

static void test_sql_literals(void **state)
{
	(void)state;
	render(RULE_TEXT_SQL, "SELECT 5 AS a, NULL AS b, 'o''k; DROP' AS c, 1.5 AS d",
	       "x = {a} AND y IS {b} AND z = {c} AND w < {d}",
	       "x = 5 AND y IS NULL AND z = 'o''k; DROP' AND w < 1.5");
	render(RULE_TEXT_SQL, "SELECT 1 AS a", "SELECT '[[' || {a}", "SELECT '[[' || 1");
}

static void test_shell_quoting(void **state)
{
	(void)state;
	render(RULE_TEXT_SHELL, "SELECT 'eth0.42' AS a", "{ns}ip link show {a}",
	       "ip netns exec n ip link show eth0.42");
	render(RULE_TEXT_SHELL, "SELECT '$(reboot)' AS a", "ip link show {a}",
	       "ip link show '$(reboot)'");
	render(RULE_TEXT_SHELL, "SELECT 'a''b;c' AS a", "x {a}", "x 'a'\\''b;c'");
	render(RULE_TEXT_SHELL, "SELECT 'a' || char(10) || 'rm' AS a, '' AS b", "x {a} {b}",
	       "x 'a?rm' ''");
	render(RULE_TEXT_SHELL, "SELECT '-rf' AS a", "x {a}", "x '-rf'");
	render(RULE_TEXT_SHELL, "SELECT '1024' || char(9) || '65535' AS a", "sysctl -w r={a}",
	       "sysctl -w r='1024 65535'");
}

/* What is quoted for one shell only would run as a command of the other. */
static void test_shell_in_shell_quoting(void **state)
{
	(void)state;
	render(RULE_TEXT_SHELL, "SELECT 'eth0' AS a", "sh -c 'echo 0 >/sys/{a}/x' {a}",
	       "sh -c 'echo 0 >/sys/eth0/x' eth0");
	render(RULE_TEXT_SHELL, "SELECT 'e;reboot' AS a", "sh -c 'echo 0 >/sys/{a}/x' {a}",
	       "sh -c 'echo 0 >/sys/'\\''e;reboot'\\''/x' 'e;reboot'");
}

static void test_prefix_of_a_namespace(void **state)
{
	(void)state;
	render(RULE_TEXT_SHELL, "SELECT 'b' AS a", "{ns}ip link; {a:ns}ip link",
	       "ip netns exec n ip link; ip netns exec b ip link");
}

/* ---- running a user's rules ---- */

static int64_t number(struct db *d, const char *query)
{
	sqlite3_stmt *st = db_prepare(d, query);
	int64_t v;

	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return v;
}

static void test_rules_are_confined(void **state)
{
	static const char *const bad[] = {
		"DELETE FROM tape",
		"SELECT 1 AS v_x; DELETE FROM tape",
		"ATTACH 'x.db' AS x",
		"PRAGMA user_version = 7",
		"SELECT load_extension('x') AS v_x",
		"SELECT nothing FROM nowhere",
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) AS "
		"v_x FROM c",
		"SELECT 1 AS other",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[1024];
		struct err e = { "" };
		struct db *d = NULL;

		clean();
		snprintf(text, sizeof(text), HEAD "%s\n-- evidence: e\nSELECT 1;\n", bad[i]);
		put("bad.sql", text);
		put("good.sql", HEAD "SELECT 1 AS v_x\n-- evidence: {result}\nSELECT 7;\n");
		assert_int_equal(db_create(&d, NULL, &e), 0);
		db_fact(d, "host", "h");
		assert_int_equal(ledger_build(d, &e), 0);
		if (findings_run(d, dir, &e))
			fail_msg("%s: %s", bad[i], e.text);
		if (number(d, "SELECT count(*) FROM quality WHERE kind = 'rule-failed' AND source "
			      "= 'bad.sql'") != 1)
			fail_msg("%s did not fail", bad[i]);
		assert_int_equal(number(d, "SELECT count(*) FROM tape"), 1);
		assert_int_equal(number(d, "SELECT count(*) FROM finding WHERE rule = 'bad.sql'"),
				 0);
		assert_int_equal(number(d, "SELECT count(*) FROM finding WHERE rule = 'good.sql' "
					   "AND title = 'T 1'"),
				 1);
		db_close(d);
	}
}

/* Wrong types in columns, a section that fails, a need that is not met, too many rows. */
static void test_odd_rules(void **state)
{
	struct err e = { "" };
	struct db *d = NULL;

	(void)state;
	clean();
	put("types.sql",
	    HEAD "SELECT 1 AS v_x, 'many' AS packets, 5 AS netns, 9.0 AS confidence, 'fatal' AS "
		 "severity, x'00ff' AS dev\n"
		 "-- evidence: bad\nSELECT nothing FROM nowhere;\n-- evidence: good\nSELECT 1;\n");
	put("needy.sql", HEAD
	    "-- needs: event no_such_event | frames\nSELECT 1 AS v_x\n-- evidence: e\nSELECT 1;\n");
	put("many.sql", HEAD "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT "
			     "100) SELECT n AS v_x FROM c\n-- evidence: e\nSELECT 1;\n");
	assert_int_equal(db_create(&d, NULL, &e), 0);
	assert_int_equal(ledger_build(d, &e), 0);
	if (findings_run(d, dir, &e))
		fail_msg("%s", e.text);
	assert_int_equal(number(d, "SELECT packets IS NULL AND netns = '5' AND confidence = 1 AND "
				   "severity = 'warning' FROM finding WHERE rule = 'types.sql'"),
			 1);
	assert_int_equal(number(d, "SELECT count(*) FROM finding_evidence WHERE finding_id = "
				   "(SELECT id FROM finding WHERE rule = 'types.sql')"),
			 1);
	assert_int_equal(number(d, "SELECT count(*) FROM finding WHERE rule = 'needy.sql'"), 0);
	assert_int_equal(number(d, "SELECT count(*) FROM quality WHERE note LIKE '%could not be "
				   "looked for: link-down%'"),
			 1);
	assert_int_equal(number(d, "SELECT count(*) FROM finding WHERE rule = 'many.sql'"), 25);
	assert_int_equal(
		number(d,
		       "SELECT count(*) FROM quality WHERE kind = 'limit' AND source = 'many.sql'"),
		1);
	db_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embedded_rules_are_sound),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_bad_files_have_a_problem),
		cmocka_unit_test(test_same_name_replaces),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_sql_literals),
		cmocka_unit_test(test_shell_quoting),
		cmocka_unit_test(test_shell_in_shell_quoting),
		cmocka_unit_test(test_prefix_of_a_namespace),
		cmocka_unit_test(test_rules_are_confined),
		cmocka_unit_test(test_odd_rules),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
