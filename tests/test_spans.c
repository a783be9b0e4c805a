/* SPDX-License-Identifier: MIT */
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
	assert_int_equal(spans_finish(spans), 0);
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
	assert_int_equal(spans_finish(spans), 0);
	expect("SELECT irq, name, end_ns - start_ns FROM irq WHERE irq < 30 ORDER BY irq",
	       "24|eth0-rx-0|4000\n25|nested|1000\n26|exit is lost|-\n");
	expect("SELECT count(*), count(end_ns) FROM irq WHERE irq = 30", "20|0\n");
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
	assert_int_equal(spans_finish(spans), 0);
	expect("SELECT pid, latency_ns, end_ns % 1000000000, waker_pid, run_cpu, context FROM "
	       "wakeup ORDER BY start_ns",
	       "70|3000|1004000|50|0|1\n80|-|-|0|-|1\n90|-|1010000|80|0|1\n");
	expect("SELECT pid, start_ns % 1000000000, end_ns - start_ns, end_state FROM run ORDER BY "
	       "start_ns",
	       "50|1000000|4000|1\n70|1004000|1000|0\n80|1007000|2000|0\n90|1010000|2000|1\n");
	expect("SELECT stage_from, stage_to, count, max_ns FROM latency",
	       "sched_waking|sched_switch|1|3000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_softirq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_irq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
