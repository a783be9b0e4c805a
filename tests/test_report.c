/* SPDX-License-Identifier: MIT */
/* Reports of a database full of hostile text: nothing of it may become markup, and the same input
 * gives the same bytes. */
#include "../analyze/db.h"
#include "../analyze/beside.h"
#include "../analyze/load.h"
#include "../reports/lang.h"
#include "../reports/report.h"
#include "../reports/tally.h"
#include "../reports/text.h"
#include "../reports/want.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A tape is never given here; the commands then say so. */
int beside_open(struct tape **t, char *const *paths, size_t n, struct err *e)
{
	(void)t;
	(void)n;
	return err_set(e, -EINVAL, "%s: not a tape", paths[0]);
}

int load_tapes(char *const *paths, size_t n, const char *db_path, const char *rules_dir, struct db **out,
	       struct load_result *r, struct err *e)
{
	(void)n;
	(void)db_path;
	(void)rules_dir;
	(void)out;
	(void)r;
	return err_set(e, -EINVAL, "%s: not a tape", paths[0]);
}

/* What a process or a rule may be called. */
#define EVIL                                                                                       \
	"</script><script>x</script><img src=x "                                                   \
	"onerror=y>\"'`|[a](http://b)\x1b[31m\xe2\x80\xae@all #1"
#define T0 1764025200000000000LL

static char dir[] = "/tmp/test_report.XXXXXX";

static char *path_of(const char *name)
{
	static char path[4][128];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static void run_sql(struct db *d, const char *sql)
{
	struct err e = { "" };

	if (db_exec(d, sql, &e))
		fail_msg("%s in %s", e.text, sql);
}

static void evil(struct db *d, const char *sql)
{
	sqlite3_stmt *st = db_prepare(d, sql);

	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++)
		db_bind_text(st, i, EVIL);
	assert_int_equal(db_run(d, st), 0);
}

static void fill(struct db *d)
{
	run_sql(d, "INSERT INTO tape(key, value) VALUES('start_ns', '1764025200000000000'), "
		   "('end_ns', '1764025210000000000'),"
		   "('events_recorded', '12'), ('tape_path', '/secret/place')");
	evil(d, "INSERT INTO tape(key, value) VALUES('host', ?), ('kernel', ?)");
	evil(d, "INSERT INTO netns(id, inum, name, names, seen) VALUES(1, 4026531840, ?, ?, 1)");
	evil(d, "INSERT INTO netdev(netns_id, netns, ifindex, name, kind) VALUES(1, ?, 1, ?, ?)");
	evil(d, "INSERT INTO task(pid, comm) VALUES(7, ?)");
	evil(d, "INSERT INTO symbol(id, function, location) VALUES(1, ?, ?)");
	evil(d, "INSERT INTO _drop_reason(value, name, layer, class, meaning) VALUES(2, ?, "
		"'socket', 'loss', ?)");
	evil(d, "INSERT INTO quality(kind, source, note, dev) VALUES('note', ?, ?, ?)");
	evil(d, "INSERT INTO sysctl(netns_id, netns, name, value, value_end) VALUES(1, ?, "
		"'net.core.somaxconn', '1', ?)");
	evil(d, "INSERT INTO ledger(netns, source, name, class, dev, delta, explanation) VALUES(?, ?, ?, "
		"'unknown', ?, 5, ?)");
	evil(d, "INSERT INTO nft_rule(netns_id, netns, family, table_name, chain, handle, "
		"position, text, verdict) "
		"VALUES(1, ?, ?, ?, ?, 1, 1, ?, ?)");
	evil(d, "INSERT INTO latency(stage_from, stage_to, count, p50_ns, p90_ns, p99_ns, max_ns) "
		"VALUES(?, ?, 1, 1, 2, 3, 4)");
	evil(d, "INSERT INTO socket(id, snap_id, snap_ns, netns_id, netns, proto, family, src, "
		"sport, drops, tcp_info) "
		"VALUES(1, 0, 1764025200000000000, 1, ?, 'udp', 2, ?, 53, 1, ?)");
	evil(d, "INSERT INTO finding(id, rank, rule, cause, severity, confidence, title, summary, "
		"layer, netns, dev, function, reason, "
		"process, flow_proto, flow_src, flow_dst, from_ns, to_ns) VALUES(1, 1, ?, ?, "
		"'critical', 0.9, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		"-9223372036854775807, 9223372036854775807)");
	evil(d, "INSERT INTO finding_evidence(finding_id, seq, text, sql) VALUES(1, 1, ?, ?)");
	run_sql(d, "INSERT INTO finding_text(finding_id, part, seq, template) VALUES(1, 'title', 0, "
		   "'UDP receive buffer full[[ of {process}]][[ at {flow_dst} port {flow_dport}]]');"
		   "INSERT INTO finding_value(finding_id, part, seq, name, value) VALUES(1, 'title', 0, "
		   "'flow_dst', '10.9.8.7'), (1, 'title', 0, 'flow_dport', 53)");
	evil(d, "INSERT INTO finding_value(finding_id, part, seq, name, value) VALUES(1, 'title', 0, "
		"'process', ?)");
	/* commands stand in a fence of Markdown, where nothing needs an escape */
	evil(d, "INSERT INTO finding_advice(finding_id, seq, text, command, undo) VALUES(1, 1, ?, "
		"'true', 'false')");
	evil(d, "INSERT INTO finding_ruled_out(finding_id, seq, text) VALUES(1, 1, ?)");
	evil(d, "INSERT INTO flow(id, netns_id, netns, proto, src, sport, dst, dport) VALUES(1, 1, "
		"?, ?, ?, 1, ?, 2)");
	run_sql(d, "INSERT INTO flow(id, netns_id, netns, proto, src, sport, dst, dport) VALUES(2, "
		   "1, 'x', 'udp', '2001:db8::1', 5, '2001:db8::2', 53)");
	run_sql(d, "INSERT INTO _stage(id, name) VALUES(1, 'netif_receive_skb'), (2, 'kfree_skb');"
		   "INSERT INTO _packet(id, first_ns, last_ns, kind, len_bytes, flow_id, outcome, "
		   "drop_id, cpu_hops, confidence) VALUES"
		   "(1, 1764025200000000000, 1764025200000005000, 1, 100, 1, 4, 1, 1, 1),"
		   "(2, -9223372036854775807, 9223372036854775807, 1, 100, 2, 1, NULL, 0, 4);"
		   "INSERT INTO _hop(packet_id, seq, ts_ns, stage, cpu, context, pid, confidence) "
		   "VALUES"
		   "(1, 0, 1764025200000000000, 1, 0, 2, 7, 1), (1, 1, 1764025200000005000, 2, 1, "
		   "2, 7, 1),"
		   "(2, 0, -9223372036854775807, 1, 0, 2, 7, 1), (2, 1, 9223372036854775807, 1, "
		   "3000000, 2, 7, 1);"
		   "INSERT INTO _cpu_hop(packet_id, seq, from_seq, kind) VALUES(1, 1, 0, 1), (2, 1, "
		   "0, 0);"
		   "INSERT INTO cpu_hop(from_cpu, to_cpu, kind, dev, count, p50_ns, p99_ns, max_ns) "
		   "VALUES(0, 1, 'rps', 'eth0', 3, 1, 1, 1), (0, 1, 'rps', 'eth1', 4, 1, 1, 1), (1, "
		   "0, 'wakeup', NULL, 5, 1, 1, 1);"
		   "INSERT INTO _drop(id, packet_id, ts_ns, cpu, pid, context, reason, symbol_id, "
		   "layer, class, netns_id, flow_id) VALUES"
		   "(1, 1, 1764025200000005000, 1, 7, 2, 2, 1, 'socket', 'loss', 1, 1);"
		   "INSERT INTO softirq(start_ns, end_ns, latency_ns, cpu, vec, pid) "
		   "VALUES(1764025200000000000, 9223372036854775807, 5, 0, 3, 0),"
		   "(9223372036854775807, -5, 9223372036854775807, 1, 3, 0);"
		   "INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, "
		   "cap_bytes, flow_id, packet_id, tie, member, offset) VALUES"
		   "(1, 1764025200000000000, 1, 1, 0, 100, 60, 1, 1, 1, 0, 0), (2, "
		   "1764025200000000000, 1, 1, NULL, 100, 60, 2, NULL, NULL, 0, 9)");
	db_name_text(d, EVIL);
}

/* The same in the tables of delays, CPUs and gaps; packet 2 is the slowest of a way. */
static void fill_delays(struct db *d)
{
	evil(d, "INSERT INTO latency_part(part, netns, dev, stage_from, stage_to, count, p50_ns, "
		"p90_ns, p99_ns, max_ns) VALUES('device', ?, ?, ?, ?, 1, 1, 2, 3, "
		"9223372036854775807)");
	evil(d, "INSERT INTO latency_total(way, stage_from, stage_to, count, p50_ns, p90_ns, "
		"p99_ns, max_ns) VALUES('rx-total', ?1, ?1, 9, 1000, 2000, 3000, 4000)");
	evil(d, "INSERT INTO latency_slow(way, stage_from, stage_to, rank, ns, end_ns, packet_id, "
		"cpu) VALUES('rx-total', ?1, ?1, 1, 4000, 5, 2, 0), ('rx-total', ?1, ?1, 2, 4000, "
		"5, 77, 0)");
	evil(d, "INSERT INTO cpu_hop(from_cpu, to_cpu, kind, netns, dev, count, p50_ns, p99_ns, "
		"max_ns, setting) VALUES(0, 1, 'rfs', ?, ?, 3, 1, 1, 1, ?)");
	evil(d, "INSERT INTO napi_cpu(cpu, dev, polls, task_polls) VALUES(0, ?, 1, 0)");
	evil(d, "INSERT INTO irq(start_ns, end_ns, cpu, irq, name) VALUES(5, "
		"9223372036854775807, 0, 1, ?)");
	run_sql(d, "INSERT INTO _tie_why(id, name) VALUES(1, 'contested')");
	evil(d, "INSERT INTO _tie_gap(dev_id, direction, what, reason, count) SELECT n.id, 0, 0, "
		"w.id, 4 FROM _name n, _tie_why w WHERE n.text = ? AND w.name = 'contested'");
	run_sql(d, "INSERT INTO softirq_cpu(cpu, vec, runs, handler_ns, delays, over_1ms) VALUES(0, "
		   "3, 2, 9223372036854775807, 0, 0), (0, 2, 2, 9223372036854775807, 0, 0);"
		   "INSERT INTO squeeze(ts_ns, cpu, kind, certain, polls, work, ns, more) VALUES(5, "
		   "0, 'budget', 1, 2, 300, -5, 1);"
		   "INSERT INTO _softirq_delay(start_ns, latency_ns, cpu, vec, irq_ns, softirq_ns, "
		   "softirq_vec, task_ns, pid, pid_ns, idle_ns, unknown_ns, run_pid) VALUES(5, "
		   "1000000, 0, 3, -1, 10, 77, 9223372036854775807, 7, 9, 0, 0, 7);"
		   "INSERT INTO wakeup_delay(start_ns, wait_ns, pid, cpu, state, other_pid, "
		   "other_ns) VALUES(5, 2000000, 7, 0, 'runnable', 7, 1000000);"
		   "INSERT INTO socket_lock(packet_id, start_ns, ns, from_cpu, cpu, pid) VALUES(1, 5, "
		   "6, 0, 1, 7)");
}

static int make_db(void **state)
{
	struct err e = { "" };
	struct db *d = NULL;

	(void)state;
	if (!mkdtemp(dir) || db_create(&d, path_of("t.db"), &e))
		return -1;
	fill(d);
	fill_delays(d);
	if (db_commit(d, &e))
		return -1;
	db_close(d);
	return 0;
}

static int remove_db(void **state)
{
	static const char *const names[] = { "t.db", "a.html", "b.html", "t.html",
					     "a.md", "a.json", "out" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	return rmdir(dir);
}

static char *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *s;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	s = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(s);
	assert_int_equal(fread(s, 1, (size_t)st.st_size, f), st.st_size);
	fclose(f);
	*size = (size_t)st.st_size;
	return s;
}

/* Run a command with its standard output in a file; the file's text is the caller's. */
static int run(int (*command)(int, char **), char **argv, char **text)
{
	int argc = 0, saved, fd, status;
	size_t size;

	while (argv[argc])
		argc++;
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	fd = open(path_of("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	status = command(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	*text = slurp(path_of("out"), &size);
	return status;
}

#define RUN(command, text, ...) run(command, (char *[]){ (char *)"x", __VA_ARGS__, NULL }, text)

static void test_html(void **state)
{
	static const char *const sections[] = { "verdict",   "stack",	"timeline", "drops",
						"packets",   "latency", "cpus",	    "sockets",
						"conntrack", "ledger",	"config",   "unseen",
						"recording" };
	char *out, *a, *b, id[64];
	size_t an, bn;

	(void)state;
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "-o", path_of("a.html")), 0);
	free(out);
	assert_int_equal(RUN(report_main, &out, "-f", "html", "--output", path_of("b.html"),
			     path_of("t.db")),
			 0);
	free(out);
	a = slurp(path_of("a.html"), &an);
	b = slurp(path_of("b.html"), &bn);
	assert_int_equal(an, bn);
	assert_memory_equal(a, b, an);
	assert_in_range(an, 1000, 3 * MIB);
	assert_null(strstr(a, "<script>x"));
	assert_null(strstr(a, "<img"));
	assert_null(strstr(a, "\x1b"));
	assert_null(strstr(a, "\xe2\x80\xae"));
	assert_null(strstr(a, "{{"));
	assert_null(strstr(a, "/secret/place"));
	assert_non_null(strstr(a, "default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(a, "&lt;/script&gt;&lt;script&gt;x"));
	/* links to packets that the page has, to no other */
	assert_non_null(strstr(a, "<td><a href=\"#packet-2\">2</a></td>"));
	assert_non_null(strstr(a, "<td class=\"n\"><a href=\"#packet-1\">1</a></td>"));
	assert_null(strstr(a, "#packet-77"));
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		snprintf(id, sizeof(id), "<section id=\"%s\"", sections[i]);
		assert_non_null(strstr(a, id));
	}
	free(a);
	free(b);
}

/* Whatever a tape holds, the page stays below 3 MB. */
static void test_size(void **state)
{
	struct err e = { "" };
	struct db *d = NULL;
	size_t size;
	char *out, *page;

	(void)state;
	assert_int_equal(db_create(&d, path_of("big.db"), &e), 0);
	run_sql(d, "INSERT INTO tape(key, value) VALUES('start_ns', '1764025200000000000'), "
		   "('end_ns', "
		   "'1764025210000000000');"
		   "INSERT INTO netns(id, inum, name, names, seen) VALUES(1, 1, 'n', '', 1);"
		   "CREATE TEMP VIEW n AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
		   "FROM c WHERE "
		   "x < 300) SELECT x, x || replace(hex(zeroblob(20000)), '0', '\"') AS t FROM c;"
		   "INSERT INTO tape SELECT t, t FROM n;"
		   "INSERT INTO quality(kind, source, note, dev) SELECT t, t, t, t FROM n;"
		   "INSERT INTO ledger(netns, source, name, class, dev, delta, explanation) SELECT t, t, "
		   "t, 'unknown', t, x, t FROM n;"
		   "INSERT INTO finding(id, rank, rule, cause, severity, confidence, title, "
		   "summary, layer) "
		   "SELECT x, x, t, t, 'critical', 1, t, t, t FROM n;"
		   "INSERT INTO finding_evidence(finding_id, seq, text, sql) SELECT n.x, m.x, n.t, "
		   "n.t FROM n, n AS m WHERE m.x < 4;"
		   "INSERT INTO latency SELECT t, t, 1, 1, 1, 1, x FROM n;"
		   "INSERT INTO latency_part(part, netns, dev, stage_from, stage_to, count, p50_ns, "
		   "p90_ns, p99_ns, max_ns) SELECT 'device', t, t, t, t, 1, 1, 1, 1, x FROM n;"
		   "INSERT INTO cpu_hop(from_cpu, to_cpu, kind, netns, dev, count, p50_ns, p99_ns, "
		   "max_ns, setting) SELECT x, x + 1, t, t, t, x, 1, 1, 1, t FROM n;"
		   "INSERT INTO napi_cpu(cpu, dev, polls, task_polls) SELECT x, t, 1, 0 FROM n;"
		   "INSERT INTO task(pid, comm) SELECT x, t FROM n;"
		   "INSERT INTO wakeup_delay(start_ns, wait_ns, pid, cpu, state, other_pid) SELECT "
		   "x, x, x, x, t, x FROM n");
	assert_int_equal(db_commit(d, &e), 0);
	db_close(d);
	assert_int_equal(RUN(report_main, &out, path_of("big.db"), "-o", path_of("b.html")), 0);
	free(out);
	page = slurp(path_of("b.html"), &size);
	assert_in_range(size, 100 * KIB, 3 * 1000 * 1000);
	free(page);
	unlink(path_of("big.db"));
}

static void test_default_name(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(RUN(report_main, &out, path_of("t.db")), 0);
	assert_int_equal(access(path_of("t.html"), R_OK), 0);
	free(out);
	/* what is read is never overwritten */
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "-o", path_of("t.db")), 1);
	free(out);
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--format", "pdf"), 2);
	free(out);
	assert_int_equal(RUN(report_main, &out, "--help"), 0);
	free(out);
}

static void test_markdown(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--format", "md"), 0);
	assert_null(strstr(out, "http://b"));
	assert_null(strstr(out, "a](")); /* a link only with its bracket escaped */
	assert_null(strstr(out, "@all "));
	assert_null(strstr(out, "\x1b"));
	assert_non_null(strstr(out, "| # | Severity |"));
	free(out);
}

/* The template's translation is filled with the same values, and escaped as any text of the tape is. */
static void test_chinese(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--format", "md", "--lang", "zh"), 0);
	assert_non_null(strstr(out, "UDP 接收缓冲区已满")); /* the title */
	assert_non_null(strstr(out, "10.9.8.7"));
	assert_null(strstr(out, "http://b"));
	assert_null(strstr(out, "a](")); /* nothing of the value is markup in this language either */
	free(out);
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--format", "html", "-o", "-", "--lang", "zh"), 0);
	assert_non_null(strstr(out, "<html lang=\"zh-CN\">"));
	assert_null(strstr(out, "<script>x"));
	assert_null(strstr(out, "<img"));
	assert_null(strstr(out, "Counters that moved")); /* no English heading is left */
	free(out);
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--lang", "tlh"), 2);
	free(out);
	/* the next report is English again */
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--format", "md"), 0);
	assert_non_null(strstr(out, "What was not seen"));
	free(out);
}

static void test_lang(void **state)
{
	struct err e = { "" };
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(lang_set("tlh", &e), -EINVAL);
	assert_non_null(strstr(e.text, "en or zh"));
	assert_true(lang_is_english());
	assert_string_equal(lang_text("Copy"), "Copy");
	assert_string_equal(lang_note("12 recorded: resets sent", &b), "12 recorded: resets sent");
	assert_int_equal(lang_set("zh", &e), 0);
	assert_string_equal(lang_text("Copy"), "复制");
	assert_string_equal(lang_text("no such text"), "no such text");
	assert_null(lang_find(""));
	/* a note's holes, one of which is a text of its own */
	assert_string_equal(lang_note("12 recorded: resets sent", &b), "录到 12：发送的 RST");
	assert_string_equal(lang_note("12 recorded: resets sent; the rest: such drops without event", &b),
			    "录到 12：发送的 RST；其余：没有事件的此类丢包");
	assert_string_equal(lang_note("left alone: asking could load the module x", &b), "未查询：查询可能会加载模块 x");
	assert_string_equal(lang_note("left alone", &b), "left alone");
	assert_string_equal(lang_note("", &b), "");
	buf_free(&b);
	lang_free();
	assert_string_equal(lang_text("Copy"), "Copy");
}

static void test_json(void **state)
{
	char *out, *check;

	(void)state;
	assert_int_equal(RUN(report_main, &out, path_of("t.db"), "--format", "json"), 0);
	/* SQLite is the judge of its own making: valid, and every key where DESIGN puts it */
	check = sqlite3_mprintf("SELECT json_valid(%Q), json_extract(%Q, '$.schema_version'), "
				"json_type(%Q, '$.findings[0].impact.packets'), "
				"json_type(%Q, '$.findings[0].where.flow.sport'), json_extract(%Q, "
				"'$.tape.start_ns'), "
				"json_extract(%Q, '$.drops[0].count'), json_extract(%Q, "
				"'$.cpu_hops[0].count') || ' of ' || json_array_length(%Q, "
				"'$.cpu_hops'), json_extract(%Q, '$.latency[0].p99_ns')",
				out, out, out, out, out, out, out, out, out);
	free(out);
	assert_int_equal(RUN(query_main, &out, path_of("t.db"), check, "--csv"), 0);
	assert_non_null(strstr(out, "\n1,1,null,null,1764025200000000000,1,7 of 3,3\n"));
	free(out);
	sqlite3_free(check);
}

static void test_query(void **state)
{
	static const char *const refused[] = {
		"DELETE FROM tape",	   "ATTACH 'x.db' AS x",
		"PRAGMA query_only = OFF", "SELECT load_extension('x')",
		"CREATE TEMP TABLE t(x)",  "SELECT 1; DROP TABLE tape",
		"SELECT nothing",	   "",
		"/* no statement */"
	};
	char *out;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_int_equal(RUN(query_main, &out, path_of("t.db"), (char *)refused[i]), 1);
		free(out);
	}
	assert_int_equal(RUN(query_main, &out, path_of("t.db"),
			     "SELECT 1 AS n, 'a,\"b\"' AS t, NULL AS z", "--csv"),
			 0);
	assert_string_equal(out, "n,t,z\n1,\"a,\"\"b\"\"\",\n");
	free(out);
	assert_int_equal(RUN(query_main, &out, "--json", path_of("t.db"),
			     "SELECT 1 AS n, 'x' AS t, NULL AS z WHERE 1"),
			 0);
	assert_non_null(strstr(out, "\"n\": 1"));
	free(out);
	assert_int_equal(RUN(query_main, &out, path_of("t.db"),
			     "SELECT 12 AS number, 'x' AS text UNION SELECT 3, 'long text'"),
			 0);
	assert_string_equal(out, "number  text\n------  ---------\n     3  long text\n    12  x\n");
	free(out);
	assert_int_equal(RUN(query_main, &out, path_of("t.db"),
			     "SELECT comm FROM task; SELECT name FROM netdev"),
			 0);
	assert_null(strchr(out, 0x1b));
	free(out);
	assert_int_equal(RUN(query_main, &out, path_of("t.db")), 2);
	free(out);
	assert_int_equal(RUN(query_main, &out, path_of("none.db"), "SELECT 1"), 1);
	free(out);
}

static void test_why(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "udp", "[2001:0db8:0::1]:5", ">",
			     "2001:db8::2"),
			 0);
	assert_non_null(strstr(out, "udp [2001:db8::1]:5 > [2001:db8::2]:53"));
	assert_null(strchr(out, 0x1b));
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "10.9.9.9"), 1);
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "nonsense"), 2);
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "--packet", "1"), 0);
	assert_non_null(strstr(out, "kfree_skb"));
	assert_non_null(strstr(out, "certain, from CPU 0: rps\n"));
	assert_null(strchr(out, 0x1b));
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "--packet", "2"), 0);
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "--packet", "99"), 1);
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "--frame", "1"), 0);
	assert_non_null(strstr(out, "packet 1:"));
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "--frame", "2"), 0);
	assert_non_null(strstr(out, "tied to none"));
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db"), "--frame", "0"), 2);
	free(out);
	assert_int_equal(RUN(why_main, &out, path_of("t.db")), 2);
	free(out);
}

static void test_text(void **state)
{
	(void)state;
	assert_string_equal(text_count(0).s, "0");
	assert_string_equal(text_count(-1234567).s, "-1,234,567");
	assert_string_equal(text_count(INT64_MIN).s, "-9,223,372,036,854,775,808");
	assert_string_equal(text_short(9999).s, "9,999");
	assert_string_equal(text_short(12345678).s, "12.3 M");
	assert_string_equal(text_bytes(1536).s, "1.50 KiB");
	assert_string_equal(text_duration(999).s, "999 ns");
	assert_string_equal(text_duration(1500).s, "1.50 µs");
	assert_string_equal(text_duration(999600).s, "1.00 ms");
	assert_string_equal(text_duration(125 * NSEC_PER_SEC).s, "2 min 5 s");
	assert_string_equal(text_utc(T0 + 123456789).s, "2025-11-24 23:00:00.123456 UTC");
	assert_string_equal(text_utc(-1).s, "1969-12-31 23:59:59.999999 UTC");
	assert_string_equal(text_utc(951782400 * NSEC_PER_SEC).s, "2000-02-29 00:00:00.000000 UTC");
	assert_string_equal(text_since(-1500000).s, "-0.001500 s");
	assert_string_equal(text_percent(1, 0).s, "-");
	assert_string_equal(text_percent(1, 3).s, "33.3 %");
	assert_string_equal(text_percent(99999, 100000).s, "99.9 %");
	assert_string_equal(text_percent(7, 7).s, "100.0 %");
	assert_string_equal(text_flow("tcp", "::1", 80, "10.0.0.1", -1).s,
			    "tcp [::1]:80 > 10.0.0.1");
	(void)text_utc(INT64_MIN);
	(void)text_utc(INT64_MAX);
	(void)text_duration(INT64_MIN);
}

static void test_utf8(void **state)
{
	/* overlong, surrogate, cut, beyond Unicode: each is U+FFFD, none swallows the NUL */
	static const char *const bad[] = { "\xc0\xaf",	       "\xed\xa0\x80", "\xe2\x82",
					   "\xf4\x90\x80\x80", "\xff",	       "\xf0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *s = bad[i];
		uint32_t cp;
		int n = 0;

		while (text_next(&s, &cp)) {
			assert_int_equal(cp, 0xfffd);
			n++;
		}
		assert_in_range(n, 1, 4);
		assert_ptr_equal(s, bad[i] + strlen(bad[i]));
	}
	assert_int_equal(text_width("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 4);
}

static void test_want(void **state)
{
	struct want w;
	struct err e = { "" };

	(void)state;
	assert_int_equal(want_parse(&w, "udp 10.0.0.1:53 > 10.0.0.2:4444", &e), 0);
	assert_string_equal(w.proto, "udp");
	assert_string_equal(w.end[0].addr, "10.0.0.1");
	assert_int_equal(w.end[0].port, 53);
	assert_string_equal(w.end[1].addr, "10.0.0.2");
	assert_int_equal(w.end[1].port, 4444);
	assert_int_equal(want_parse(&w, "TCP port 80", &e), 0);
	assert_string_equal(w.proto, "tcp");
	assert_int_equal(w.end[0].port, 80);
	assert_int_equal(w.end[1].port, -1);
	assert_int_equal(want_parse(&w, "dst 10.0.0.2:5001", &e), 0);
	assert_int_equal(w.end[1].port, 5001);
	assert_int_equal(w.end[0].port, -1);
	assert_int_equal(want_parse(&w, "10.0.0.1>[2001:DB8::1]:443", &e), 0);
	assert_string_equal(w.end[1].addr, "2001:db8::1");
	assert_int_equal(want_parse(&w, "10.0.0.1 10.0.0.2", &e), 0);
	assert_string_equal(w.end[1].addr, "10.0.0.2");
	assert_int_equal(want_parse(&w, "*:53", &e), 0);
	assert_int_equal(want_parse(&w, "", &e), -EINVAL);
	assert_int_equal(want_parse(&w, "tcp", &e), 0);
	assert_int_equal(want_parse(&w, "1.2.3.4:99999", &e), -EINVAL);
	assert_int_equal(want_parse(&w, "1.1.1.1 2.2.2.2 3.3.3.3", &e), -EINVAL);
	assert_int_equal(want_parse(&w, "[::1", &e), -EINVAL);
}

/* Rows are counted by their key in the order of the first; of too many keys the rest is counted as left out. */
static void test_tally(void **state)
{
	struct buf json = { 0 };
	struct tally t;

	(void)state;
	tally_init(&t);
	assert_int_equal(tally_add(&t, (int64_t[]){ 1, 2, 3 }, 10), 0);
	assert_int_equal(tally_add(&t, (int64_t[]){ 1, 2, 4 }, 1), 1);
	assert_int_equal(tally_add(&t, (int64_t[]){ 1, 2, 3 }, -4), 0);
	tally_again(&t, 0);
	tally_json(&t, &json);
	assert_string_equal((const char *)json.data, "[[1,2,3,3,6],[1,2,4,1,1]]");
	for (int64_t i = 0; i < TALLY_MAX; i++)
		tally_add(&t, (int64_t[]){ i, 0, 0 }, 0);
	assert_int_equal(tally_count(&t), TALLY_MAX);
	assert_int_equal(t.left_out, 2);
	assert_int_equal(tally_add(&t, (int64_t[]){ TALLY_MAX, 0, 0 }, 0), -1);
	assert_int_equal(t.left_out, 3);
	assert_int_equal(tally_add(&t, (int64_t[]){ 1, 2, 4 }, 0), 1);
	assert_int_equal(tally_at(&t, 1)->rows, 2);
	tally_free(&t);
	buf_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html),	     cmocka_unit_test(test_size),
		cmocka_unit_test(test_default_name), cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_chinese),
		cmocka_unit_test(test_lang),
		cmocka_unit_test(test_json),	     cmocka_unit_test(test_query),
		cmocka_unit_test(test_why),	     cmocka_unit_test(test_text),
		cmocka_unit_test(test_utf8),	     cmocka_unit_test(test_want),
		cmocka_unit_test(test_tally),
	};

	return cmocka_run_group_tests(tests, make_db, remove_db);
}
