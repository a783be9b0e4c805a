/* SPDX-License-Identifier: MIT */
/*
 * The rules on small databases: for each the evidence as the kernel gives it, and
 * a near miss that must stay silent. Whatever is found is checked: no rule fails,
 * texts are whole, every evidence's SQL runs as it stands.
 */
#include "finding_cases.h"
#include "../analyze/embed.h"
#include "../analyze/findings.h"
#include "../analyze/ledger.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the others */
#include <cmocka.h>

static int64_t number(const char *query)
{
	sqlite3_stmt *st = NULL;
	int64_t v;

	assert_int_equal(sqlite3_prepare_v2(db_handle(db), query, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static void start(void)
{
	struct err e = { "" };

	if (db_create(&db, NULL, &e))
		fail_msg("%s", e.text);
	host();
}

static void run_all(void)
{
	struct err e = { "" };

	summed();
	if (ledger_build(db, &e) || findings_run(db, NULL, &e))
		fail_msg("%s", e.text);
}

/* Every evidence's SQL, in a connection that knows nothing of the rules. */
static void check_evidence(const char *name)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT sql, text FROM finding_evidence WHERE sql IS NOT "
					  "NULL ORDER BY finding_id, seq");

	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *q = (const char *)sqlite3_column_text(st, 0);
		sqlite3_stmt *x = NULL;

		if (sqlite3_prepare_v2(db_handle(db), q, -1, &x, NULL) != SQLITE_OK)
			fail_msg("%s: %s: %s", name, sqlite3_errmsg(db_handle(db)), q);
		if (sqlite3_step(x) != SQLITE_ROW)
			fail_msg("%s: no row: %s", name, q);
		sqlite3_finalize(x);
	}
	sqlite3_reset(st);
}

static void check_texts(const char *name)
{
	sqlite3_stmt *st = db_prepare(
		db, "SELECT title FROM finding UNION ALL SELECT summary FROM finding UNION ALL "
		    "SELECT text FROM finding_evidence "
		    "UNION ALL SELECT text || coalesce(command, '') || coalesce(undo, '') FROM "
		    "finding_advice UNION ALL SELECT text FROM finding_ruled_out");

	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *t = (const char *)sqlite3_column_text(st, 0);

		if (strchr(t, '{') || strstr(t, "[[") || strstr(t, "]]") || strstr(t, "unknown ") ||
		    strstr(t, "  "))
			fail_msg("%s: text not whole: %s", name, t);
	}
	sqlite3_reset(st);
}

static void print_findings(const char *name)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT id, cause, severity, confidence, title, summary, "
					  "coalesce(symptom_of, 0) FROM finding ORDER BY id");

	while (sqlite3_step(st) == SQLITE_ROW)
		print_message("  %s: %d %s %s %.2f (of %d): %s\n    %s\n", name,
			      sqlite3_column_int(st, 0), sqlite3_column_text(st, 1),
			      sqlite3_column_text(st, 2), sqlite3_column_double(st, 3),
			      sqlite3_column_int(st, 6), sqlite3_column_text(st, 4),
			      sqlite3_column_text(st, 5));
	sqlite3_reset(st);
	st = db_prepare(db,
			"SELECT 'E ' || text FROM finding_evidence WHERE finding_id = 1 UNION ALL "
			"SELECT 'A ' || text || coalesce(' $ ' || command, '') || coalesce(' UNDO "
			"' || undo, '') FROM finding_advice WHERE finding_id = 1 UNION ALL "
			"SELECT 'R ' || text FROM finding_ruled_out WHERE finding_id = 1");
	while (sqlite3_step(st) == SQLITE_ROW)
		print_message("      %s\n", sqlite3_column_text(st, 0));
	sqlite3_reset(st);
}

/* The advice of the findings of a case, a line of JSON for each, for tests/advice.sh. */
static void write_advice(const char *name, FILE *to)
{
	sqlite3_stmt *st = db_prepare(
		db, "SELECT json_object('case', ?, 'rule', f.rule, 'netns', f.netns, 'dev', f.dev, "
		    "'template', t.template, 'command', a.command, 'undo', a.undo) "
		    "FROM finding f JOIN finding_advice a ON a.finding_id = f.id "
		    "JOIN finding_text t ON t.finding_id = f.id AND t.part = 'advice' AND t.seq = "
		    "a.seq ORDER BY f.id, a.seq");

	db_bind_text(st, 1, name);
	while (sqlite3_step(st) == SQLITE_ROW)
		fprintf(to, "%s\n", sqlite3_column_text(st, 0));
	sqlite3_reset(st);
}

/* The rules that found something in a case that must. */
static char found[256][64];
static size_t found_n;

static bool rule_found(const char *rule)
{
	for (size_t i = 0; i < found_n; i++)
		if (!strcmp(found[i], rule))
			return true;
	return false;
}

static void remember_rules(void)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT DISTINCT rule FROM finding");

	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *rule = (const char *)sqlite3_column_text(st, 0);

		if (rule_found(rule))
			continue;
		assert_true(found_n < sizeof(found) / sizeof(*found));
		snprintf(found[found_n++], sizeof(*found), "%s", rule);
	}
	sqlite3_reset(st);
}

static void try_cases(const struct finding_case *cases)
{
	const char *only = getenv("CASE"), *advice = getenv("ADVICE");
	FILE *to = advice ? fopen(advice, "a") : NULL;

	assert_true(!advice || to);
	for (size_t i = 0; cases[i].name; i++) {
		const char *name = cases[i].name, *cause, *severity;
		sqlite3_stmt *st;

		if (only && strcmp(only, name))
			continue;
		start();
		cases[i].build();
		run_all();
		if (only || getenv("SHOW"))
			print_findings(name);
		st = db_prepare(db,
				"SELECT note FROM quality WHERE kind IN ('rule-failed', 'limit')");
		if (sqlite3_step(st) == SQLITE_ROW)
			fail_msg("%s: %s", name, sqlite3_column_text(st, 0));
		check_evidence(name);
		check_texts(name);
		if (to)
			write_advice(name, to);
		if (cases[i].cause && *cases[i].cause)
			remember_rules();
		st = db_prepare(db, "SELECT cause, severity FROM finding ORDER BY id LIMIT 1");
		if (sqlite3_step(st) == SQLITE_ROW) {
			cause = (const char *)sqlite3_column_text(st, 0);
			severity = (const char *)sqlite3_column_text(st, 1);
			if (!cases[i].cause ? strcmp(severity, "info") : !*cases[i].cause)
				fail_msg("%s: found %s (%s)", name, cause, severity);
			if (cases[i].cause && strcmp(cases[i].cause, cause))
				fail_msg("%s: found %s instead of %s", name, cause, cases[i].cause);
			if (cases[i].cause && cases[i].severity &&
			    strcmp(cases[i].severity, severity))
				fail_msg("%s: %s is %s", name, cause, severity);
		} else if (cases[i].cause && *cases[i].cause) {
			fail_msg("%s: %s was not found", name, cases[i].cause);
		}
		sqlite3_reset(st);
		/* nothing else above info but what it is a symptom of */
		if (number("SELECT count(*) FROM finding WHERE severity <> 'info' AND symptom_of "
			   "IS NULL") > 1)
			fail_msg("%s: more than one cause", name);
		db_close(db);
	}
	if (to)
		assert_int_equal(fclose(to), 0);
}

static void test_cases(void **state)
{
	(void)state;
	try_cases(finding_cases);
}

static void test_delay_cases(void **state)
{
	(void)state;
	try_cases(delay_cases);
}

static void test_sock_cases(void **state)
{
	(void)state;
	try_cases(sock_cases);
}

static void test_net_cases(void **state)
{
	(void)state;
	try_cases(net_cases);
}

static void test_kernel_cases(void **state)
{
	(void)state;
	try_cases(kernel_cases);
}

static void test_tcp_cases(void **state)
{
	(void)state;
	try_cases(tcp_cases);
}

static void test_hint_cases(void **state)
{
	(void)state;
	try_cases(hint_cases);
}

static void test_link_cases(void **state)
{
	(void)state;
	try_cases(link_cases);
}

static void test_filter_cases(void **state)
{
	(void)state;
	try_cases(filter_cases);
}

static void test_less_cases(void **state)
{
	(void)state;
	try_cases(less_cases);
}

static void test_dev_cases(void **state)
{
	(void)state;
	try_cases(dev_cases);
}

/* A rule that found nothing in the positive cases above has no test. */
static void test_every_rule_has_a_case(void **state)
{
	(void)state;
	if (getenv("CASE"))
		skip();
	for (size_t i = 0; embed_at(i); i++) {
		const char *name = embed_at(i)->name;

		if (!strncmp(name, "analyze/rules/", 14) && !rule_found(name + 14))
			fail_msg("%s has no case", name);
	}
}

static void test_symptom_ranks_behind_its_cause(void **state)
{
	(void)state;
	start();
	case_neigh_failed();
	run_all();
	assert_int_equal(number("SELECT count(*) FROM finding"), 2);
	assert_int_equal(
		number("SELECT symptom_of FROM finding WHERE cause = 'neighbour-queue-full'"), 1);
	assert_true(number("SELECT (SELECT rank FROM finding WHERE id = 1) > (SELECT rank FROM "
			   "finding WHERE id = 2)"));
	db_close(db);
}

static void test_more_harm_ranks_first(void **state)
{
	(void)state;
	start();
	case_udp_rcvbuf();
	counter(3, "netstat", "TcpExt.TCPReqQFullDrop", NULL, -1, 5000);
	run_all();
	assert_int_equal(
		number("SELECT cause = 'tcp-syn-queue-overflow' FROM finding WHERE id = 1"), 1);
	assert_int_equal(number("SELECT cause = 'udp-rcvbuf-overflow' FROM finding WHERE id = 2"),
			 1);
	db_close(db);
}

/* packets that a rule drops, and more that is only late */
static void test_lost_ranks_before_late(void **state)
{
	static const struct {
		void (*build)(void);
		int lost;
	} late[] = { { case_starved_busy, 60 },
		     { case_very_late_softirq, 60 },
		     { case_zero_window_brief, 18 } };

	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++) {
		start();
		late[i].build();
		flow(20, 3, "tcp", "10.0.0.1", 4001, "10.0.0.2", 5432);
		frames(60, 20, 3, "b0", 0, 0);
		drops(late[i].lost, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 20);
		nft(1, "tcp dport 5432 counter drop", "drop", late[i].lost);
		run_all();
		assert_int_equal(number("SELECT count(*) FROM finding WHERE severity <> 'info'"),
				 2);
		assert_int_equal(number("SELECT cause = 'netfilter-drop' FROM finding WHERE id = "
					"1"),
				 1);
		db_close(db);
	}
}

static void test_finding_is_whole(void **state)
{
	(void)state;
	start();
	case_udp_rcvbuf();
	run_all();
	assert_int_equal(number("SELECT count(*) FROM finding WHERE netns = 'b' AND dev = 'b0' AND "
				"function = 'udp_queue_rcv_one_skb' "
				"AND reason = 'SOCKET_RCVBUFF' AND flow_proto = 'udp' AND flow_src "
				"= '10.0.0.1' AND flow_sport = 4000 "
				"AND flow_dst = '10.0.0.2' AND flow_dport = 9000 AND process = "
				"'slowd' AND pid = 4242 AND packets = 80 "
				"AND flows = 1 AND flow_id = 1 AND layer = 'socket' AND rule = "
				"'udp-rcvbuf-overflow.sql'"),
			 1);
	assert_true(number(
		"SELECT summary LIKE '80 of 100 datagrams to 10.0.0.2 port 9000 %' FROM finding"));
	assert_true(number(
		"SELECT count(*) FROM finding_evidence WHERE text LIKE '%waited up to 20.0 ms%'"));
	/* a setting of the whole machine */
	assert_true(number("SELECT count(*) FROM finding_advice WHERE command = 'sysctl -w "
			   "net.core.rmem_max=8388608' "
			   "AND undo = 'sysctl -w net.core.rmem_max=212992'"));
	assert_int_equal(number("SELECT count(*) FROM finding_packet"), 20);
	db_close(db);
}

static void test_no_command_for_a_place_not_known(void **state)
{
	(void)state;
	start();
	drops(30, "SOCKET_BACKLOG", "tcp_add_backlog", "loss", 0, NULL, 0);
	run_all();
	assert_int_equal(number("SELECT count(*) FROM finding f JOIN finding_advice a ON "
				"a.finding_id = f.id "
				"WHERE f.netns IS NULL"),
			 1);
	assert_int_equal(number("SELECT count(command) + count(undo) FROM finding_advice"), 0);
	db_close(db);
}

/* A namespace without a name is entered by a process; its /sys is not that of its process. */
static void test_commands_in_a_nameless_namespace(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		start();
		case_rps_one_cpu();
		sql("UPDATE netns SET name = 'net:[30]', names = '', pid = %s WHERE name = 'b'",
		    known ? "300" : "NULL");
		sql("UPDATE netdev SET netns = 'net:[30]' WHERE netns = 'b'");
		sql("UPDATE queue_setting SET netns = 'net:[30]' WHERE netns = 'b'");
		run_all();
		assert_int_equal(number("SELECT count(*) FROM finding WHERE netns = 'net:[30]'"),
				 1);
		assert_int_equal(
			number("SELECT count(*) FROM finding_advice WHERE command = 'nsenter -t "
			       "300 -n unshare -m sh -c ''mount -t sysfs sysfs /sys && exec "
			       "\"$@\"'' sh sh -c ''echo 0 "
			       ">/sys/class/net/b1/queues/rx-0/rps_cpus'''"),
			known);
		assert_int_equal(number("SELECT count(command) + count(undo) FROM finding_advice"),
				 2 * known);
		db_close(db);
	}
}

/* Two namespaces had one name: it is the later one's now. */
static void test_commands_in_a_namespace_whose_name_came_back(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++) {
		start();
		case_rps_one_cpu(); /* in 3, 'b' */
		if (later)
			sql("UPDATE netns SET name = 'b#2' WHERE name = 'b'");
		sql(later ? "INSERT INTO netns VALUES(0, 999, 'b', 'b', NULL, 1)" :
			    "INSERT INTO netns VALUES(9, 999, 'b#2', 'b', NULL, 1)");
		if (later) {
			sql("UPDATE netdev SET netns = 'b#2' WHERE netns = 'b'");
			sql("UPDATE queue_setting SET netns = 'b#2' WHERE netns = 'b'");
		}
		run_all();
		assert_int_equal(number("SELECT count(*) FROM finding WHERE netns IN ('b', 'b#2')"), 1);
		assert_int_equal(number(later ? "SELECT count(*) FROM finding_advice WHERE command LIKE 'ip netns exec b %'" :
						"SELECT count(*) FROM finding_advice WHERE command LIKE 'nsenter -t 30 -n %'"),
				 number("SELECT count(*) FROM finding_advice WHERE command IS NOT NULL"));
		assert_true(number("SELECT count(*) FROM finding_advice WHERE command IS NOT NULL") > 0);
		db_close(db);
	}
}

static void test_confidence_falls_with_what_was_lost(void **state)
{
	int64_t whole;

	(void)state;
	start();
	case_udp_rcvbuf();
	run_all();
	whole = number("SELECT confidence * 100 FROM finding WHERE cause = 'udp-rcvbuf-overflow'");
	sql("UPDATE tape SET value = '50000' WHERE key = 'events_lost'");
	run_all();
	assert_true(
		number("SELECT confidence * 100 FROM finding WHERE cause = 'udp-rcvbuf-overflow'") <
		whole * 8 / 10);
	assert_int_equal(number("SELECT count(*) FROM finding WHERE cause = 'capture-overflow' AND "
				"severity = 'info'"),
			 1);
	db_close(db);
}

static void lower(const char *step)
{
	sql("INSERT INTO quality(kind, source, from_ns, note) VALUES('detail-lowered', '%s', %lld, 'x')", step,
	    T0 + 5 * MS);
	run_all();
}

static const struct finding_case *const all_cases[] = { finding_cases, delay_cases, net_cases, tcp_cases, hint_cases, kernel_cases, less_cases };

static const struct finding_case *case_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_cases); i++)
		for (const struct finding_case *c = all_cases[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	fail_msg("no case %s", name);
	return NULL;
}

static int noted(const char *what, const char *cause)
{
	char q[256];

	snprintf(q, sizeof(q), "SELECT count(*) FROM quality WHERE source = 'detail' AND kind = 'note' AND note LIKE '%%%s%%: %%%s%%'", what, cause);
	return (int)number(q);
}

/* Nothing is concluded from what was not recorded to the end; what was, drops and counters, stands, and that is said. */
static void test_silent_where_detail_was_lowered(void **state)
{
	static const struct {
		const char *step, *name;
		bool stays, part;
	} t[] = {
		{ "path", "starved_busy", false, false },
		{ "drops", "starved_busy", false, false },
		{ "path", "very_late_softirq", true, true },
		{ "path", "nf_frag", true, false },
		{ "no-pcap", "nf_frag", true, true },
		{ "path", "nf_rule", true, true },
		{ "no-pcap", "nf_rule", false, false },
		{ "path", "udp_gone", true, true },
		{ "drops", "udp_gone", false, false },
		{ "path", "no_route_out", false, false },
		{ "no-pcap", "qdisc_over", true, true },
		{ "drops", "accept_full", true, true },
		{ "path", "watchdog", true, true },
		{ "drops", "udp_rcvbuf", true, true },
		{ "drops", "neigh_failed", true, false },
		{ "drops", "backlog", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		const struct finding_case *c = case_of(t[i].name);
		char q[256];

		start();
		c->build();
		run_all();
		snprintf(q, sizeof(q), "SELECT count(*) > 0 FROM finding WHERE cause = '%s'", c->cause);
		if (!number(q))
			fail_msg("%s was not there", c->cause);
		lower(t[i].step);
		if (number(q) != t[i].stays)
			fail_msg("%s behind step %s: %d", c->cause, t[i].step, (int)number(q));
		if (noted("could not be looked for", c->cause) != !t[i].stays)
			fail_msg("%s behind step %s: not said", c->cause, t[i].step);
		if (noted("only in what was still recorded", c->cause) != t[i].part)
			fail_msg("%s behind step %s: part not said", c->cause, t[i].step);
		assert_int_equal(number("SELECT count(*) FROM quality WHERE kind = 'rule-failed'"), 0);
		db_close(db);
	}
}

/* Whatever step the recorder took: no finding that was not there, none that is surer, and what is missing is said. What
 * was dropped for a cause that cannot be looked for is other-drop's, which says no more than the drops do. */
static void test_nothing_new_where_detail_was_lowered(void **state)
{
	static const char *const steps[] = { "path", "no-pcap", "drops" };
	static const char lost[] = "SELECT count(*) FROM (SELECT DISTINCT cause FROM temp.whole EXCEPT SELECT cause FROM finding) w "
				   "WHERE NOT EXISTS (SELECT 1 FROM quality WHERE source = 'detail' AND note LIKE '%looked for: %' || w.cause || '%')";
	static const char more[] = "SELECT count(*) FROM finding f WHERE f.rule <> 'other-drop.sql' AND NOT EXISTS (SELECT 1 FROM temp.whole w "
				   "WHERE w.cause = f.cause AND w.confidence >= f.confidence - 0.001)";
	size_t n = 0;

	(void)state;
	for (const struct finding_case *c = finding_cases; c->name; c++) {
		const char *step = steps[n++ % ARRAY_SIZE(steps)];

		if (!c->cause || !*c->cause)
			continue;
		start();
		c->build();
		run_all();
		sql("CREATE TEMP TABLE whole AS SELECT cause, confidence FROM main.finding");
		lower(step);
		if (number(more))
			fail_msg("%s behind step %s: a finding more", c->name, step);
		if (number(lost))
			fail_msg("%s behind step %s: one less, and it is not said", c->name, step);
		db_close(db);
	}
}

/* What only the time before tells is not told as of the whole recording. */
static void test_names_of_the_whole_where_detail_was_lowered(void **state)
{
	(void)state;
	start();
	case_of("accept_full")->build();
	run_all();
	assert_int_equal(number("SELECT count(*) FROM finding WHERE cause = 'tcp-accept-queue-overflow' AND flow_src = '10.0.0.1'"), 1);
	lower("no-pcap");
	assert_int_equal(number("SELECT count(*) FROM finding WHERE cause = 'tcp-accept-queue-overflow' AND flow_src IS NULL "
				"AND flow_dport = 8000"),
			 1);
	db_close(db);
}

static void test_same_twice(void **state)
{
	(void)state;
	start();
	case_nf_frag();
	case_neigh_failed();
	run_all();
	sql("CREATE TEMP TABLE one AS SELECT * FROM finding");
	sql("CREATE TEMP TABLE two AS SELECT * FROM finding_evidence");
	run_all();
	assert_int_equal(
		number("SELECT count(*) FROM (SELECT * FROM one EXCEPT SELECT * FROM finding)"), 0);
	assert_int_equal(number("SELECT count(*) FROM (SELECT * FROM two EXCEPT SELECT * FROM "
				"finding_evidence)"),
			 0);
	assert_true(number("SELECT count(*) FROM finding") >= 3);
	db_close(db);
}

/* ---- ledger ---- */

static void test_ledger_places_by_elimination(void **state)
{
	(void)state;
	start();
	drops(30, "NO_SOCKET", "__udp4_lib_rcv", "loss", 0, NULL, 0);
	drops(10, "NO_SOCKET", "__udp4_lib_rcv", "loss", 2, "a0", 0);
	counter(2, "snmp", "Udp.NoPorts", NULL, -1, 10);
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 33);
	run_all();
	assert_int_equal(
		number("SELECT explained FROM ledger WHERE netns = 'a' AND name = 'Udp.NoPorts'"),
		10);
	assert_int_equal(
		number("SELECT explained FROM ledger WHERE netns = 'b' AND name = 'Udp.NoPorts'"),
		30);
	assert_int_equal(
		number("SELECT unexplained FROM ledger WHERE netns = 'b' AND name = 'Udp.NoPorts'"),
		3);
	assert_true(number("SELECT explanation LIKE '%30 of them placed here%' FROM ledger WHERE "
			   "netns = 'b'"));
	db_close(db);
}

/* The task's own namespace counted nothing: its socket is in the other one. */
static void test_ledger_takes_a_task_s_place_back(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		start();
		drops(30, "UDP_CSUM", "udpv6_recvmsg", "error", 0, NULL, 0);
		sql("INSERT INTO task VALUES(77, 77, 'agent', 2, '/')");
		sql("UPDATE _drop SET context = 1, pid = 77");
		counter(3, "snmp6", "Udp6InCsumErrors", NULL, -1, 30);
		if (own)
			counter(2, "snmp6", "Udp6InCsumErrors", NULL, -1, 30);
		run_all();
		assert_int_equal(
			number(own ? "SELECT count(*) FROM _drop_target WHERE netns = 'a' AND "
				     "netns_by = 'task'" :
				     "SELECT count(*) FROM _drop_target WHERE netns = 'b' AND "
				     "netns_by = 'counter'"),
			1);
		db_close(db);
	}
}

/* Two namespaces could have done it: nobody gets it. */
static void test_ledger_does_not_guess(void **state)
{
	(void)state;
	start();
	drops(30, "NO_SOCKET", "__udp4_lib_rcv", "loss", 0, NULL, 0);
	counter(2, "snmp", "Udp.NoPorts", NULL, -1, 15);
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 15);
	run_all();
	assert_int_equal(number("SELECT sum(explained) FROM ledger WHERE name = 'Udp.NoPorts'"), 0);
	assert_int_equal(number("SELECT count(*) FROM _drop_group WHERE netns IS NOT NULL"), 0);
	db_close(db);
}

static void test_ledger_scopes(void **state)
{
	(void)state;
	start();
	case_backlog();
	counter(3, "dev", "rx_dropped", "b0", -1, 300);
	counter(2, "dev", "tx_dropped", "a0", -1, 300);
	counter(0, "softnet_stat", "dropped", NULL, 0, 50);
	counter(3, "snmp", "Ip.InReceives", NULL, -1, 1000);
	counter(3, "netstat", "TcpExt.TCPAbortOnData", NULL, -1, 2);
	counter(3, "netstat", "TcpExt.TCPPureAcks", NULL, -1, 2);
	run_all();
	assert_int_equal(number("SELECT delta = 350 AND explained = 300 AND unexplained = 50 FROM "
				"ledger WHERE source = 'softnet_stat' AND name = 'dropped'"),
			 1);
	assert_int_equal(
		number("SELECT explained FROM ledger WHERE name = 'rx_dropped' AND dev = 'b0'"),
		300);
	assert_int_equal(
		number("SELECT explained FROM ledger WHERE name = 'tx_dropped' AND dev = 'a0'"),
		300);
	assert_int_equal(number("SELECT explanation = 'traffic' AND explained IS NULL FROM ledger "
				"WHERE name = 'Ip.InReceives'"),
			 1);
	assert_int_equal(
		number("SELECT explained IS NULL FROM ledger WHERE name = 'TcpExt.TCPAbortOnData'"),
		1);
	assert_int_equal(number("SELECT class = 'traffic' FROM ledger WHERE name = 'TcpExt.TCPPureAcks'"), 1);
	db_close(db);
}

/* Each counter of a current kernel has a meaning: none is left to the patterns that only sound like trouble. */
static void test_ledger_knows_counters(void **state)
{
	char line[128], source[32], name[64];
	FILE *f = fopen("tests/data/counters-6.18.txt", "r");
	int n = 0;

	(void)state;
	assert_non_null(f);
	start();
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %63s", source, name) == 2) {
			counter(3, source, name, NULL, -1, 5);
			n++;
		}
	fclose(f);
	run_all();
	assert_true(n > 300);
	assert_int_equal(number("SELECT count(*) FROM ledger WHERE class = 'unknown'"), 0);
	assert_int_equal(number("SELECT count(*) FROM ledger"), n);
	assert_int_equal(number("SELECT count(*) FROM ledger WHERE class NOT IN ('loss', 'refusal', 'error', 'policy', 'limit', 'delay', "
				"'repair', 'normal', 'traffic')"),
			 0);
	assert_int_equal(number("SELECT class = 'limit' FROM ledger WHERE name = 'TcpExt.SyncookiesSent'"), 1);
	assert_int_equal(number("SELECT class = 'delay' FROM ledger WHERE name = 'TcpExt.TCPTimeouts'"), 1);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_delay_cases),
		cmocka_unit_test(test_sock_cases),
		cmocka_unit_test(test_net_cases),
		cmocka_unit_test(test_tcp_cases), cmocka_unit_test(test_kernel_cases),
		cmocka_unit_test(test_hint_cases),
		cmocka_unit_test(test_less_cases),
		cmocka_unit_test(test_dev_cases),
		cmocka_unit_test(test_link_cases),
		cmocka_unit_test(test_filter_cases),
		cmocka_unit_test(test_every_rule_has_a_case),
		cmocka_unit_test(test_symptom_ranks_behind_its_cause),
		cmocka_unit_test(test_more_harm_ranks_first),
		cmocka_unit_test(test_lost_ranks_before_late),
		cmocka_unit_test(test_finding_is_whole),
		cmocka_unit_test(test_no_command_for_a_place_not_known),
		cmocka_unit_test(test_commands_in_a_nameless_namespace),
		cmocka_unit_test(test_commands_in_a_namespace_whose_name_came_back),
		cmocka_unit_test(test_confidence_falls_with_what_was_lost),
		cmocka_unit_test(test_silent_where_detail_was_lowered),
		cmocka_unit_test(test_nothing_new_where_detail_was_lowered),
		cmocka_unit_test(test_names_of_the_whole_where_detail_was_lowered),
		cmocka_unit_test(test_same_twice),
		cmocka_unit_test(test_ledger_places_by_elimination),
		cmocka_unit_test(test_ledger_takes_a_task_s_place_back),
		cmocka_unit_test(test_ledger_does_not_guess),
		cmocka_unit_test(test_ledger_scopes),
		cmocka_unit_test(test_ledger_knows_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
