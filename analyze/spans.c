/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Each CPU has at most one open softirq run per vector, a short stack of irq
 * handlers, and one running task; each task at most one open wakeup. A span is
 * written when it closes, with what is known; events that were lost close all
 * spans of their CPU without an end.
 *
 * Softirq latency is a queue of one (include/linux/interrupt.h, the pending
 * bit): from the first raise after the last run began to the next run. A raise
 * from inside the handler belongs to the next round.
 *
 * Every event names the task that runs (common_pid). Kernels were seen to leave
 * out switches from the idle task: where the task is another one than the last
 * switch said, it has been running since this event at the latest, and how long
 * it had waited is not known.
 *
 * napi_poll comes after the poll. Where that began is bounded by the last thing
 * the CPU did in the same softirq run that ended another poll or began the run.
 */
#include "spans.h"
#include "delays.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 4096
#define VECS	 10 /* NR_SOFTIRQS */
#define IRQ_NEST 8
#define SLOTS	 65536 /* open wakeups; the eldest one of a slot gives way */

struct softirq {
	uint64_t raised;  /* 0: not pending, or not known since when */
	uint64_t entered; /* 0: not running */
	int64_t entered_ns;
	int64_t latency_ns; /* -1: not known */
	int pid;
};

struct irq {
	int64_t start_ns;
	int32_t irq;
	char name[32];
};

struct cpu {
	struct softirq vec[VECS];
	struct irq irq[IRQ_NEST];
	int irq_n;
	int64_t poll_from_ns; /* the next poll began after that; -1: not known */
	int64_t run_from_ns;  /* of the running task; -1: not known */
	int32_t run_pid;
	bool running; /* run_pid is known */
};

struct wake {
	uint64_t ts; /* 0: free */
	int64_t ts_ns;
	int32_t pid;
	int32_t waker;
	uint32_t losses; /* spans.losses at that time */
	uint16_t cpu;
	uint8_t context;
};

struct spans {
	struct db *db;
	struct delays *delays;
	struct cpu *cpu;
	int cpu_n;
	struct wake *wake; /* SLOTS, by pid */
	int32_t *on_cpu; /* SLOTS, by pid: the task of that slot that runs somewhere, 0: none known
			  */
	uint32_t losses;
	bool has_switch;
	sqlite3_stmt *ins_softirq, *ins_irq, *ins_poll, *ins_wake, *ins_run;
};

int spans_open(struct spans **out, struct db *d, const struct trace *t, struct err *e)
{
	struct spans *s = calloc(1, sizeof(*s));

	if (s) {
		s->db = d;
		s->has_switch = !t || trace_has(t, EV_SCHED_SWITCH);
		s->wake = calloc(SLOTS, sizeof(*s->wake));
		s->on_cpu = calloc(SLOTS, sizeof(*s->on_cpu));
	}
	if (!s || !s->wake || !s->on_cpu || delays_open(&s->delays, d, false)) {
		spans_close(s);
		return err_set(e, -ENOMEM, "out of memory");
	}
	s->ins_softirq =
		db_prepare(d, "INSERT INTO softirq(start_ns, end_ns, latency_ns, cpu, vec, pid) "
			      "VALUES(?, ?, ?, ?, ?, ?)");
	s->ins_irq = db_prepare(
		d, "INSERT INTO irq(start_ns, end_ns, cpu, irq, name) VALUES(?, ?, ?, ?, ?)");
	s->ins_poll = db_prepare(
		d, "INSERT INTO napi_poll(start_ns, end_ns, cpu, dev, work, budget, pid, context) "
		   "VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	s->ins_wake = db_prepare(
		d, "INSERT INTO wakeup(start_ns, end_ns, latency_ns, cpu, run_cpu, pid, waker_pid, "
		   "context) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	s->ins_run = db_prepare(
		d, "INSERT INTO run(start_ns, end_ns, cpu, pid, end_state) VALUES(?, ?, ?, ?, ?)");
	*out = s;
	return 0;
}

void spans_close(struct spans *s)
{
	if (!s)
		return;
	delays_close(s->delays);
	free(s->cpu);
	free(s->wake);
	free(s->on_cpu);
	free(s);
}

static struct cpu *cpu_get(struct spans *s, int cpu)
{
	if (cpu >= s->cpu_n) {
		struct cpu *v = realloc(s->cpu, ((size_t)cpu + 1) * sizeof(*v));

		if (!v)
			return NULL;
		s->cpu = v;
		for (; s->cpu_n <= cpu; s->cpu_n++)
			v[s->cpu_n] = (struct cpu){ .poll_from_ns = -1, .run_from_ns = -1 };
	}
	return &s->cpu[cpu];
}

static int softirq_write(struct spans *s, int cpu, int vec, int64_t end_ns)
{
	struct softirq *q = &s->cpu[cpu].vec[vec];
	sqlite3_stmt *st = s->ins_softirq;

	db_bind_int(st, 1, q->entered_ns);
	db_bind_opt(st, 2, end_ns, -1);
	db_bind_opt(st, 3, q->latency_ns, -1);
	db_bind_int(st, 4, cpu);
	db_bind_int(st, 5, vec);
	db_bind_int(st, 6, q->pid);
	q->entered = 0;
	return db_run(s->db, st);
}

static int softirq_event(struct spans *s, const struct event *ev)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct softirq *q;
	uint64_t vec;
	int rc = 0;

	if (!event_u64(ev, F_VEC, &vec) || vec >= VECS)
		return 0;
	q = &c->vec[vec];
	switch (ev->kind) {
	case EV_SOFTIRQ_RAISE:
		if (!q->raised)
			q->raised = ev->ts;
		return 0;
	case EV_SOFTIRQ_ENTRY:
		if (q->entered)
			rc = softirq_write(s, ev->cpu, (int)vec, -1);
		q->entered = ev->ts;
		q->entered_ns = ev->ts_ns;
		q->pid = ev->pid;
		q->latency_ns =
			q->raised && q->raised <= ev->ts ? (int64_t)(ev->ts - q->raised) : -1;
		q->raised = 0;
		c->poll_from_ns = ev->ts_ns;
		if (!rc && q->latency_ns >= 0)
			rc = delays_add(s->delays, STAGE_SOFTIRQ_RAISE, STAGE_SOFTIRQ_ENTRY,
					(uint64_t)q->latency_ns);
		return rc;
	default:
		c->poll_from_ns = -1;
		return q->entered ? softirq_write(s, ev->cpu, (int)vec, ev->ts_ns) : 0;
	}
}

static int irq_write(struct spans *s, int cpu, const struct irq *i, int64_t end_ns)
{
	sqlite3_stmt *st = s->ins_irq;

	db_bind_int(st, 1, i->start_ns);
	db_bind_opt(st, 2, end_ns, -1);
	db_bind_int(st, 3, cpu);
	db_bind_int(st, 4, i->irq);
	db_bind_text(st, 5, i->name);
	return db_run(s->db, st);
}

static int irq_event(struct spans *s, const struct event *ev)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct span name = SPAN_LIT("");
	uint64_t irq;
	int rc = 0;

	if (!event_u64(ev, F_IRQ, &irq))
		return 0;
	if (ev->kind == EV_IRQ_HANDLER_ENTRY) {
		struct irq *i;

		if (c->irq_n == IRQ_NEST) {
			rc = irq_write(s, ev->cpu, &c->irq[0], -1);
			memmove(&c->irq[0], &c->irq[1], (IRQ_NEST - 1) * sizeof(c->irq[0]));
			c->irq_n--;
		}
		i = &c->irq[c->irq_n++];
		*i = (struct irq){ .start_ns = ev->ts_ns, .irq = (int32_t)irq };
		event_text(ev, F_NAME, &name);
		span_copy(name, i->name, sizeof(i->name));
		return rc;
	}
	/* handlers nest; those above the one that returns have lost their exit */
	for (int k = c->irq_n - 1; k >= 0; k--) {
		if (c->irq[k].irq != (int32_t)irq)
			continue;
		while (c->irq_n - 1 > k && !rc)
			rc = irq_write(s, ev->cpu, &c->irq[--c->irq_n], -1);
		if (!rc)
			rc = irq_write(s, ev->cpu, &c->irq[--c->irq_n], ev->ts_ns);
		return rc;
	}
	return 0;
}

static int poll_event(struct spans *s, const struct event *ev)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct span dev = SPAN_LIT("");
	uint64_t work, budget;
	sqlite3_stmt *st = s->ins_poll;
	bool in_softirq = event_context(ev) == 2;

	event_text(ev, F_DEV_NAME, &dev);
	db_bind_opt(st, 1, in_softirq ? c->poll_from_ns : -1, -1);
	db_bind_int(st, 2, ev->ts_ns);
	db_bind_int(st, 3, ev->cpu);
	db_bind_span(st, 4, dev);
	db_bind_opt(st, 5, event_u64(ev, F_WORK, &work) ? (int64_t)work : -1, -1);
	db_bind_opt(st, 6, event_u64(ev, F_BUDGET, &budget) ? (int64_t)budget : -1, -1);
	db_bind_int(st, 7, ev->pid);
	db_bind_int(st, 8, event_context(ev));
	if (in_softirq)
		c->poll_from_ns = ev->ts_ns;
	return db_run(s->db, st);
}

static int wake_write(struct spans *s, const struct wake *w, int64_t end_ns, int64_t latency_ns,
		      int run_cpu)
{
	sqlite3_stmt *st = s->ins_wake;

	db_bind_int(st, 1, w->ts_ns);
	db_bind_opt(st, 2, end_ns, -1);
	db_bind_opt(st, 3, latency_ns, -1);
	db_bind_int(st, 4, w->cpu);
	db_bind_opt(st, 5, run_cpu, -1);
	db_bind_int(st, 6, w->pid);
	db_bind_int(st, 7, w->waker);
	db_bind_int(st, 8, w->context);
	return db_run(s->db, st);
}

/* sched_waking: on kernels without it sched_wakeup takes its place, which comes when the task is
 * enqueued. */
static int waking_event(struct spans *s, const struct event *ev)
{
	struct wake *w;
	uint64_t pid;
	int rc = 0;

	if (!event_u64(ev, F_PID, &pid))
		return 0;
	w = &s->wake[pid % SLOTS];
	/* a task that already runs does not wait, see try_to_wake_up(); one that was woken waits
	 * since then */
	if (s->on_cpu[pid % SLOTS] == (int32_t)pid)
		return 0;
	if (w->ts && w->pid == (int32_t)pid && w->losses == s->losses)
		return 0;
	if (w->ts)
		rc = wake_write(s, w, -1, -1, -1);
	*w = (struct wake){ .ts = ev->ts,
			    .ts_ns = ev->ts_ns,
			    .pid = (int32_t)pid,
			    .waker = ev->pid,
			    .losses = s->losses,
			    .cpu = (uint16_t)ev->cpu,
			    .context = (uint8_t)event_context(ev) };
	return rc;
}

static int run_write(struct spans *s, int cpu, int64_t end_ns, int64_t state)
{
	struct cpu *c = &s->cpu[cpu];
	sqlite3_stmt *st = s->ins_run;

	/* idle time is what no row covers */
	if (!c->running || c->run_from_ns < 0 || !c->run_pid)
		return 0;
	db_bind_int(st, 1, c->run_from_ns);
	db_bind_opt(st, 2, end_ns, -1);
	db_bind_int(st, 3, cpu);
	db_bind_int(st, 4, c->run_pid);
	db_bind_opt(st, 5, state, -1);
	return db_run(s->db, st);
}

static void on_cpu_clear(struct spans *s, const struct cpu *c)
{
	uint32_t i = (uint32_t)c->run_pid % SLOTS;

	if (c->running && s->on_cpu[i] == c->run_pid)
		s->on_cpu[i] = 0;
}

/* @pid runs on this CPU from @ev on. @seen: by a switch, else at the latest. */
static int runs(struct spans *s, const struct event *ev, int32_t pid, bool seen)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct wake *w = &s->wake[(uint32_t)pid % SLOTS];
	int rc = 0;

	on_cpu_clear(s, c);
	c->running = true;
	c->run_pid = pid;
	c->run_from_ns = ev->ts_ns;
	s->on_cpu[(uint32_t)pid % SLOTS] = pid;
	if (!w->ts || w->pid != pid)
		return 0;
	if (w->losses != s->losses) {
		rc = wake_write(s, w, -1, -1, -1); /* it may have run and slept again meanwhile */
	} else if (!seen) {
		rc = wake_write(s, w, ev->ts_ns, -1, ev->cpu);
	} else if (ev->ts >= w->ts) {
		rc = delays_add(s->delays, STAGE_SCHED_WAKING, STAGE_SCHED_SWITCH, ev->ts - w->ts);
		if (!rc)
			rc = wake_write(s, w, ev->ts_ns, (int64_t)(ev->ts - w->ts), ev->cpu);
	}
	w->ts = 0;
	return rc;
}

static int switch_event(struct spans *s, const struct event *ev)
{
	uint64_t next, state;
	int rc;

	if (!event_u64(ev, F_NEXT_PID, &next))
		return 0;
	rc = run_write(s, ev->cpu, ev->ts_ns,
		       event_u64(ev, F_PREV_STATE, &state) ? (int64_t)(state & INT64_MAX) : -1);
	return rc ? rc : runs(s, ev, (int32_t)next, true);
}

/* Closes what is open on a CPU without an end. */
static int cpu_reset(struct spans *s, int cpu)
{
	struct cpu *c = &s->cpu[cpu];
	int rc = run_write(s, cpu, -1, -1);

	for (int v = 0; v < VECS && !rc; v++)
		if (c->vec[v].entered)
			rc = softirq_write(s, cpu, v, -1);
	while (c->irq_n && !rc)
		rc = irq_write(s, cpu, &c->irq[--c->irq_n], -1);
	on_cpu_clear(s, c);
	*c = (struct cpu){ .poll_from_ns = -1, .run_from_ns = -1 };
	return rc;
}

int spans_event(struct spans *s, const struct event *ev)
{
	if (ev->cpu < 0 || ev->cpu >= CPUS_MAX)
		return 0;
	if (!cpu_get(s, ev->cpu))
		return -ENOMEM;
	if (s->has_switch && ev->kind != EV_LOST && s->cpu[ev->cpu].running &&
	    s->cpu[ev->cpu].run_pid != ev->pid) {
		int rc = run_write(s, ev->cpu, -1, -1);

		if (!rc)
			rc = runs(s, ev, ev->pid, false);
		if (rc)
			return rc;
	}
	switch (ev->kind) {
	case EV_LOST:
		s->losses++; /* any CPU may have lost the switch that a wakeup waits for */
		return cpu_reset(s, ev->cpu);
	case EV_SOFTIRQ_RAISE:
	case EV_SOFTIRQ_ENTRY:
	case EV_SOFTIRQ_EXIT:
		return softirq_event(s, ev);
	case EV_IRQ_HANDLER_ENTRY:
	case EV_IRQ_HANDLER_EXIT:
		return irq_event(s, ev);
	case EV_NAPI_POLL:
		return poll_event(s, ev);
	case EV_SCHED_WAKING:
	case EV_SCHED_WAKEUP:
		return waking_event(s, ev);
	case EV_SCHED_SWITCH:
		return switch_event(s, ev);
	default:
		return 0;
	}
}

int spans_finish(struct spans *s)
{
	int rc = 0;

	for (int i = 0; i < s->cpu_n && !rc; i++)
		rc = cpu_reset(s, i);
	for (size_t i = 0; i < SLOTS && !rc; i++)
		if (s->wake[i].ts)
			rc = wake_write(s, &s->wake[i], -1, -1, -1);
	return rc ? rc : delays_finish(s->delays);
}
