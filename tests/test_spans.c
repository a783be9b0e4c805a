/* SPDX-License-Identifier: MIT */
#include "../analyze/rows.h"
#include "../analyze/spans.h"
#include "lives_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct db *db;
static struct spans *spans;
static struct fake_now now;

static int setup(void **state)
{
	(void)state;
	now = (struct fake_now){ .ts = 1000000, .pid = 50 };
	assert_int_equal(db_create(&db, NULL, NULL), 0);
	assert_int_equal(spans_open(&spans, db, NULL, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spans_close(spans);
	db_close(db);
	fake_reset();
	return 0;
}

#define U(x) ((uint64_t)(x))
#define EVENT(kind, ...)                                                                           \
	do {                                                                                       \
		struct fake_fields room_;                                                          \
		struct event ev_ = fake_event(&now, kind, &room_, __VA_ARGS__, F_COUNT);           \
		assert_int_equal(spans_event(spans, &ev_), 0);                                     \
		now.ts += 1000;                                                                    \
	} while (0)

static void lose(void)
{
	struct event ev = {
		.kind = EV_LOST, .cpu = now.cpu, .ts = now.ts, .ts_ns = FAKE_EPOCH + (int64_t)now.ts
	};

	assert_int_equal(spans_event(spans, &ev), 0);
}

static void finish(void)
{
	assert_int_equal(spans_finish(spans), 0);
	assert_int_equal(rows_finish(db), 0);
}

static void expect(const char *sql, const char *want)
{
	struct buf b = { 0 };
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(db_handle(db), sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *s = (const char *)sqlite3_column_text(st, i);

			buf_printf(&b, "%s%s", i ? "|" : "", s ? s : "-");
		}
		buf_printf(&b, "\n");
	}
	sqlite3_finalize(st);
	buf_put(&b, "", 1);
	assert_string_equal((const char *)b.data, want);
	buf_free(&b);
}

static void test_softirq(void **state)
{
	(void)state;
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3)); /* 2 us after the first raise */
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3)); /* for the next round */
	now.flags = EV_FLAG_SOFTIRQ;
	EVENT(EV_NAPI_POLL, F_DEV_NAME, "eth0", F_WORK, U(64), F_BUDGET, U(64));
	EVENT(EV_NAPI_POLL, F_DEV_NAME, "(no_device)", F_WORK, U(1), F_BUDGET, U(64));
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(99));
	lose();
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3)); /* its raise may have been lost */
	now.flags = 0;
	EVENT(EV_NAPI_POLL, F_DEV_NAME, "eth0"); /* a busy poll of an old kernel */
	finish();
	expect("SELECT start_ns % 1000000000, end_ns - start_ns, latency_ns, cpu, vec, pid FROM "
	       "softirq ORDER BY start_ns",
	       "1002000|4000|2000|0|3|50\n1007000|-|4000|0|3|50\n1010000|-|-|0|3|50\n");
	expect("SELECT start_ns % 1000000000, end_ns % 1000000000, dev, work, budget, context FROM "
	       "napi_poll ORDER BY end_ns",
	       "1002000|1004000|eth0|64|64|2\n1004000|1005000|(no_device)|1|64|2\n-|1011000|eth0|-|"
	       "-|1\n");
	expect("SELECT stage_from, stage_to, count, p50_ns, max_ns FROM latency",
	       "softirq_raise|softirq_entry|2|2004|4000\n");
}

static void test_irq(void **state)
{
	(void)state;
	EVENT(EV_IRQ_HANDLER_ENTRY, F_IRQ, U(24), F_NAME, "eth0-rx-0");
	EVENT(EV_IRQ_HANDLER_ENTRY, F_IRQ, U(25), F_NAME, "nested");
	EVENT(EV_IRQ_HANDLER_EXIT, F_IRQ, U(25));
	EVENT(EV_IRQ_HANDLER_ENTRY, F_IRQ, U(26), F_NAME, "exit is lost");
	EVENT(EV_IRQ_HANDLER_EXIT, F_IRQ, U(24));
	EVENT(EV_IRQ_HANDLER_EXIT, F_IRQ, U(27));
	for (int i = 0; i < 20; i++)
		EVENT(EV_IRQ_HANDLER_ENTRY, F_IRQ, U(30), F_NAME, "x");
	finish();
	expect("SELECT irq, name, end_ns - start_ns FROM irq WHERE irq < 30 ORDER BY irq",
	       "24|eth0-rx-0|4000\n25|nested|1000\n26|exit is lost|-\n");
	expect("SELECT count(*), count(end_ns) FROM irq WHERE irq = 30", "20|0\n");
}

/* Who is woken right behind data for a socket waited for it: the next one only, there and soon. */
static void test_woken(void **state)
{
	(void)state;
	EVENT(EV_SCHED_WAKING, F_PID, U(60)); /* before there was any */
	spans_ready(spans, 0, FAKE_EPOCH + (int64_t)now.ts - 500, 7);
	EVENT(EV_SCHED_WAKING, F_PID, U(60)); /* it is on its way already: no wakeup */
	EVENT(EV_SCHED_WAKING, F_PID, U(61));
	EVENT(EV_SCHED_WAKING, F_PID, U(62));
	spans_ready(spans, 0, FAKE_EPOCH + (int64_t)now.ts, 8);
	now.cpu = 1;
	EVENT(EV_SCHED_WAKING, F_PID, U(63));
	now.cpu = 0;
	now.ts += 30000;
	EVENT(EV_SCHED_WAKING, F_PID, U(64));
	spans_ready(spans, 0, FAKE_EPOCH + (int64_t)now.ts, 9);
	lose();
	EVENT(EV_SCHED_WAKING, F_PID, U(65)); /* another one may have come between */
	finish();
	expect("SELECT packet_id, pid, cpu, (SELECT w.start_ns FROM wakeup w WHERE w.pid = k.pid) - ts_ns FROM _woken k ORDER BY pid",
	       "7|61|0|1500\n");
}

static void switch_to(uint64_t prev, uint64_t state, uint64_t next)
{
	now.pid = (int)prev;
	EVENT(EV_SCHED_SWITCH, F_PREV_PID, prev, F_PREV_STATE, state, F_NEXT_PID, next);
	now.pid = (int)next;
}

static void test_tasks(void **state)
{
	(void)state;
	switch_to(0, 0, 50);
	EVENT(EV_SCHED_WAKING, F_PID, U(70), F_TARGET_CPU, U(0));
	EVENT(EV_SCHED_WAKEUP, F_PID, U(70)); /* the same wakeup */
	EVENT(EV_SCHED_WAKING, F_PID, U(50)); /* runs: no waiting */
	switch_to(50, 1, 70);		      /* 3 us after the waking */
	switch_to(70, 0, 0);
	EVENT(EV_SCHED_WAKING, F_PID, U(80));
	lose();
	switch_to(0, 0, 80); /* when it began to wait is no longer sure */
	EVENT(EV_SCHED_WAKING, F_PID, U(90));
	switch_to(80, 0, 0);
	/* the switch from idle to 90 is not there: it runs all the same */
	now.pid = 90;
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	EVENT(EV_SCHED_WAKING, F_PID, U(90));
	switch_to(90, 1, 0);
	finish();
	expect("SELECT pid, latency_ns, end_ns % 1000000000, waker_pid, run_cpu, context FROM "
	       "wakeup ORDER BY start_ns",
	       "70|3000|1004000|50|0|1\n80|-|-|0|-|1\n90|-|1010000|80|0|1\n");
	expect("SELECT pid, start_ns % 1000000000, end_ns - start_ns, end_state FROM run ORDER BY "
	       "start_ns",
	       "50|1000000|4000|1\n70|1004000|1000|0\n80|1007000|2000|0\n90|1010000|2000|1\n");
	expect("SELECT stage_from, stage_to, count, max_ns FROM latency",
	       "sched_waking|sched_switch|1|3000\n");
}

/* A softirq that waits 100 us is told with what ran meanwhile; one of less is not. */
static void test_late_softirq(void **state)
{
	(void)state;
	switch_to(0, 0, 50);
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	now.ts += 98999;
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3)); /* 99.999 us */
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	now.ts = 2000000;
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	now.ts = 2010000; /* task 50: 10 us */
	EVENT(EV_IRQ_HANDLER_ENTRY, F_IRQ, U(24), F_NAME, "eth0");
	now.ts = 2030000; /* irq: 20 us */
	EVENT(EV_IRQ_HANDLER_EXIT, F_IRQ, U(24));
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(1)); /* task 50: 1 us */
	now.ts = 2036000;		      /* TIMER: 5 us */
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(1));
	now.ts = 2040000; /* task 50: 4 us */
	switch_to(50, 1, 60);
	now.ts = 2080000; /* task 60: 40 us */
	switch_to(60, 1, 0);
	now.ts = 2090000; /* idle: 10 us */
	switch_to(0, 0, 50);
	now.ts = 2100000; /* task 50: 10 us */
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	/* what was lost is not made up: the raise is not known any more */
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	lose();
	now.ts += 1000000;
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	/* and nobody knows which task runs since */
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	now.ts += 200000;
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	finish();
	expect("SELECT start_ns % 1000000000, latency_ns, irq_ns, softirq_ns, softirq_vec, "
	       "task_ns, pid, pid_ns, idle_ns, unknown_ns, by_ksoftirqd, run_pid FROM "
	       "softirq_delay ORDER BY start_ns",
	       "2000000|100000|20000|5000|1|65000|60|40000|10000|0|0|50\n"
	       "3105000|201000|0|0|-|0|-|-|0|201000|0|50\n");
	expect("SELECT runs, delays, delay_max_ns, over_1ms, handler_max_ns FROM softirq_cpu WHERE "
	       "vec = 3",
	       "4|3|201000|0|1000\n");
}

static void test_by_ksoftirqd(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(db_exec(db, "INSERT INTO task(pid, comm) VALUES(14, 'ksoftirqd/0')", &e),
			 0);
	switch_to(0, 0, 50);
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	now.ts += 2000000;
	switch_to(50, 0, 14);
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	finish();
	expect("SELECT by_ksoftirqd, pid, latency_ns FROM softirq_delay", "1|50|2002000\n");
	expect("SELECT over_1ms FROM softirq_cpu", "1\n");
}

static void test_waits(void **state)
{
	(void)state;
	switch_to(0, 0, 50);
	EVENT(EV_SCHED_WAKING, F_PID, U(71));
	EVENT(EV_SCHED_WAKING, F_PID, U(70));
	now.ts += 400000;
	switch_to(50, 0x100, 60); /* preempted */
	now.ts += 400000;
	switch_to(60, 1, 50);
	now.ts += 195000; /* 70 has waited 1 ms less 2 us */
	switch_to(50, 0, 70);
	switch_to(70, 1, 71); /* 71 exactly 1 ms */
	now.ts += 1998000;
	switch_to(71, 1, 50); /* off the CPU for 2 ms */
	switch_to(50, 1, 0);  /* sleeps: no wait */
	now.ts += 5000000;
	switch_to(0, 0, 50);
	switch_to(50, 0, 60);
	lose();
	now.ts += 5000000;
	switch_to(60, 1, 50); /* it may have run meanwhile */
	finish();
	expect("SELECT pid, wait_ns, cpu, state, other_pid, other_ns FROM wakeup_delay ORDER BY "
	       "start_ns",
	       "71|1000000|0|runnable|50|598000\n50|2000000|0|preempted|71|1999000\n");
}

static void poll(const char *dev, uint64_t work)
{
	EVENT(EV_NAPI_POLL, F_DEV_NAME, dev, F_WORK, work, F_BUDGET, U(64));
}

static void run_in(void)
{
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	now.flags = EV_FLAG_SOFTIRQ;
}

static void run_out(void)
{
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	now.flags = 0;
}

static void budgets(const char *budget, const char *usecs, const char *usecs_end)
{
	char *sql = sqlite3_mprintf(
		"INSERT INTO netns(id, inum, name, names, seen) VALUES(1, 1, 'init', '', 1);"
		"INSERT INTO sysctl VALUES(1, 'init', 'net.core.netdev_budget', %Q, NULL), "
		"(1, 'init', 'net.core.netdev_budget_usecs', %Q, %Q)",
		budget, usecs, usecs_end);
	struct err e;

	assert_int_equal(db_exec(db, sql, &e), 0);
	sqlite3_free(sql);
	spans_close(spans);
	assert_int_equal(spans_open(&spans, db, NULL, NULL), 0);
}

/* net_rx_action() counts a squeeze where the work reaches the budget, left over or not. */
static void test_squeeze(void **state)
{
	(void)state;
	budgets("100", "8000", NULL);
	run_in();
	poll("eth0", 64);
	poll("eth1", 35); /* 99: one less */
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	run_out();
	run_in();
	poll("eth0", 64);
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	poll("eth1", 36);
	run_out();
	run_in();
	poll("eth0", 64);
	poll("eth0", 64);
	EVENT(EV_SOFTIRQ_RAISE, F_VEC, U(3));
	run_out();
	/* a poll in a task is in no run */
	now.flags = 0;
	poll("eth0", 64);
	/* a run whose polls were lost in part */
	run_in();
	poll("eth0", 64);
	lose();
	poll("eth0", 64);
	run_out();
	finish();
	expect("SELECT kind, certain, polls, work, more FROM squeeze ORDER BY ts_ns",
	       "budget|1|2|100|0\nbudget|1|2|128|1\n");
	expect("SELECT dev, polls, work, full_polls, task_polls FROM napi_cpu ORDER BY dev",
	       "eth0|7|448|7|1\neth1|2|71|0|0\n");
}

static void test_squeeze_time(void **state)
{
	static const uint64_t ns[] = { 3998000, 4000000, 17999000, 18000000 };

	(void)state;
	budgets("300", "8000", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		run_in();
		now.ts += ns[i] - 1000;
		poll("eth0", 1);
		now.ts += 20000000; /* behind the last poll nothing is looked at */
		run_out();
	}
	finish();
	expect("SELECT kind, certain, ns FROM squeeze ORDER BY ts_ns",
	       "time|0|4000000\ntime|0|17999000\ntime|1|18000000\n");
}

/* A limit that was changed, or is not known, limits nothing here. */
static void test_squeeze_unknown(void **state)
{
	(void)state;
	budgets("100", "8000", "2000");
	run_in();
	now.ts += 50000000;
	poll("eth0", 1);
	run_out();
	finish();
	expect("SELECT count(*) FROM squeeze", "0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_softirq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_irq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_softirq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_ksoftirqd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_squeeze, setup, teardown),
		cmocka_unit_test_setup_teardown(test_squeeze_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_squeeze_unknown, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
