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
 *
 * A CPU's time goes to what it does, the innermost (cpu_time.h). So a late
 * softirq can say what ran between its raise and its run: the sums at both times
 * are subtracted. A task that waited long takes the task that ran longest on the
 * CPU that it got at last.
 */
#include "spans.h"
#include "cpu_time.h"
#include "delays.h"
#include "netrx.h"
#include "rows.h"
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 4096
#define VECS	 CPU_TIME_VECS
#define IRQ_NEST 8
#define SLOTS	 BUILT_SIZE(65536, 256) /* open wakeups; the eldest one of a slot gives way */
#define NET_RX	 3
#define WOKEN_NS 20000 /* sock_def_readable() wakes right behind sk_data_ready, on the same CPU */

#define SOFTIRQ_LATE_NS 100000	/* no healthy CPU leaves a softirq pending for as long */
#define WAIT_LONG_NS	1000000 /* a task's wait that a reader of packets feels */
#define SERIES_MAX	8192

struct softirq {
	uint64_t raised;  /* 0: not pending, or not known since when */
	uint64_t entered; /* 0: not running */
	int64_t raised_ns, entered_ns;
	int64_t latency_ns; /* -1: not known */
	int pid;
	uint64_t spent[CPU_WHATS]; /* of the CPU's time, at the raise */
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
	struct cpu_time time;
	struct netrx_cpu netrx;
	int open_vec;	      /* the vector that runs, -1: none known */
	int64_t poll_from_ns; /* the next poll began after that; -1: not known */
	int64_t run_from_ns;  /* of the running task; -1: not known */
	int32_t run_pid;
	bool running; /* run_pid is known */
	int64_t ready_id, ready_ns; /* the packet that a socket was told of last, 0: none since the last wakeup */
};

struct wake {
	uint64_t ts; /* 0: free */
	int64_t ts_ns;
	int32_t pid;
	int32_t waker;
	uint32_t losses; /* spans.losses at that time */
	uint16_t cpu;
	uint8_t context;
	int64_t for_id, for_ns; /* the packet whose data woke it, 0: none, and its sk_data_ready */
};

struct spans {
	struct db *db;
	struct delays *delays;
	struct cpu *cpu;
	int cpu_n;
	struct wake *wake; /* SLOTS, by pid */
	struct wake *off;  /* SLOTS, by pid: taken off the CPU while it could go on */
	struct netrx *netrx;
	struct series_set *series; /* softirqs: enum softirq_part, cpu, vec */
	int32_t *on_cpu; /* SLOTS, by pid: the task of that slot that runs somewhere, 0: none known
			  */
	uint32_t losses;
	bool has_switch;
	struct rows *softirq, *irq, *wakeup, *run, *woken;
	sqlite3_stmt *ins_late, *ins_wait;
};

enum softirq_part {
	PART_HANDLER, /* extra[0]: runs */
	PART_DELAY    /* extra[0]: of more than 1 ms */
};

int spans_open(struct spans **out, struct db *d, const struct trace *t, struct err *e)
{
	struct spans *s = calloc(1, sizeof(*s));

	if (s) {
		s->db = d;
		s->has_switch = !t || trace_has(t, EV_SCHED_SWITCH);
		s->wake = calloc(SLOTS, sizeof(*s->wake));
		s->off = calloc(SLOTS, sizeof(*s->off));
		s->on_cpu = calloc(SLOTS, sizeof(*s->on_cpu));
	}
	if (!s || !s->wake || !s->off || !s->on_cpu || delays_open(&s->delays, d, false) ||
	    netrx_open(&s->netrx, d) || series_open(&s->series, SERIES_MAX) ||
	    rows_open(&s->softirq, d, "softirq", false) || rows_open(&s->irq, d, "irq", false) ||
	    rows_open(&s->wakeup, d, "wakeup", false) || rows_open(&s->run, d, "run", false) ||
	    rows_open(&s->woken, d, "_woken", false)) {
		spans_close(s);
		return err_set(e, -ENOMEM, "out of memory");
	}
	s->ins_late = db_prepare(
		d, "INSERT INTO _softirq_delay(start_ns, latency_ns, cpu, vec, irq_ns, softirq_ns, "
		   "softirq_vec, task_ns, pid, pid_ns, idle_ns, unknown_ns, run_pid) "
		   "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	s->ins_wait = db_prepare(d, "INSERT INTO wakeup_delay(start_ns, wait_ns, pid, cpu, state, "
				    "other_pid, other_ns) VALUES(?, ?, ?, ?, ?, ?, ?)");
	*out = s;
	return 0;
}

void spans_close(struct spans *s)
{
	if (!s)
		return;
	delays_close(s->delays);
	netrx_close(s->netrx);
	series_close(s->series);
	for (int i = 0; i < s->cpu_n; i++)
		cpu_time_free(&s->cpu[i].time);
	free(s->cpu);
	free(s->wake);
	free(s->off);
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
			v[s->cpu_n] = (struct cpu){ .open_vec = -1,
						    .poll_from_ns = -1,
						    .run_from_ns = -1 };
	}
	return &s->cpu[cpu];
}

/* What the CPU does from now on. */
static void set_what(struct cpu *c)
{
	if (c->irq_n)
		c->time.what = CPU_IRQ;
	else if (c->open_vec >= 0)
		c->time.what = (enum cpu_what)(CPU_SOFTIRQ + c->open_vec);
	else if (c->running)
		c->time.what = c->run_pid ? CPU_TASK : CPU_IDLE;
	else
		c->time.what = CPU_UNKNOWN;
}

static int series_of(struct spans *s, enum softirq_part part, int cpu, int vec, struct series **x)
{
	return series_get(s->series, (uint64_t)cpu << 8 | (uint64_t)vec << 1 | part, x);
}

static int softirq_write(struct spans *s, int cpu, int vec, int64_t end_ns)
{
	struct softirq *q = &s->cpu[cpu].vec[vec];
	struct rows *r = s->softirq;
	struct series *x;
	int rc = series_of(s, PART_HANDLER, cpu, vec, &x);

	if (!rc && x) {
		x->extra[0]++;
		if (end_ns >= q->entered_ns)
			rc = hist_add(&x->h, (uint64_t)(end_ns - q->entered_ns));
	}
	if (rc)
		return rc;
	rows_begin(r, 0);
	rows_int(r, q->entered_ns);
	rows_opt(r, end_ns, -1);
	rows_opt(r, q->latency_ns, -1);
	rows_int(r, cpu);
	rows_int(r, vec);
	rows_int(r, q->pid);
	q->entered = 0;
	return rows_end(r);
}

/* A softirq runs late: what the CPU did since its raise. */
static int late_write(struct spans *s, const struct event *ev, int vec)
{
	const struct cpu *c = &s->cpu[ev->cpu];
	const struct softirq *q = &c->vec[vec];
	uint64_t spent[CPU_WHATS], softirq = 0, pid_ns = 0;
	sqlite3_stmt *st = s->ins_late;
	int other = -1;
	int32_t pid = 0;

	for (int i = 0; i < CPU_WHATS; i++)
		spent[i] = c->time.ns[i] - q->spent[i];
	for (int i = 0; i < VECS; i++) {
		softirq += spent[CPU_SOFTIRQ + i];
		if (spent[CPU_SOFTIRQ + i] &&
		    (other < 0 || spent[CPU_SOFTIRQ + i] > spent[CPU_SOFTIRQ + other]))
			other = i;
	}
	if (!spent[CPU_TASK] ||
	    !cpu_time_longest(&c->time, q->raised, q->spent[CPU_TASK], 0, &pid, &pid_ns))
		pid = 0;
	db_bind_int(st, 1, q->raised_ns);
	db_bind_int(st, 2, q->latency_ns);
	db_bind_int(st, 3, ev->cpu);
	db_bind_int(st, 4, vec);
	db_bind_int(st, 5, (int64_t)spent[CPU_IRQ]);
	db_bind_int(st, 6, (int64_t)softirq);
	db_bind_opt(st, 7, other, -1);
	db_bind_int(st, 8, (int64_t)spent[CPU_TASK]);
	db_bind_opt(st, 9, pid, 0);
	db_bind_opt(st, 10, pid ? (int64_t)pid_ns : -1, -1);
	db_bind_int(st, 11, (int64_t)spent[CPU_IDLE]);
	db_bind_int(st, 12, (int64_t)spent[CPU_UNKNOWN]);
	db_bind_int(st, 13, ev->pid);
	return db_run(s->db, st);
}

static int latency_add(struct spans *s, const struct event *ev, int vec)
{
	const struct softirq *q = &s->cpu[ev->cpu].vec[vec];
	struct delays_who who = { ev->ts_ns, 0, -1, (uint16_t)ev->cpu };
	struct series *x;
	int rc = series_of(s, PART_DELAY, ev->cpu, vec, &x);

	if (!rc && x) {
		x->extra[0] += q->latency_ns > WAIT_LONG_NS;
		rc = hist_add(&x->h, (uint64_t)q->latency_ns);
	}
	if (!rc)
		rc = delays_add(s->delays, STAGE_SOFTIRQ_RAISE, STAGE_SOFTIRQ_ENTRY,
				(uint64_t)q->latency_ns, &who);
	return rc || q->latency_ns < SOFTIRQ_LATE_NS ? rc : late_write(s, ev, vec);
}

static int softirq_entry(struct spans *s, const struct event *ev, int vec)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct softirq *q = &c->vec[vec];
	int rc = 0;

	if (q->entered)
		rc = softirq_write(s, ev->cpu, vec, -1);
	q->entered = ev->ts;
	q->entered_ns = ev->ts_ns;
	q->pid = ev->pid;
	q->latency_ns = q->raised && q->raised <= ev->ts ? (int64_t)(ev->ts - q->raised) : -1;
	c->poll_from_ns = ev->ts_ns;
	cpu_time_to(&c->time, ev->ts);
	if (!rc && q->latency_ns >= 0)
		rc = latency_add(s, ev, vec);
	q->raised = 0;
	c->open_vec = vec;
	set_what(c);
	if (vec == NET_RX)
		netrx_entry(&c->netrx, ev->ts);
	return rc;
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
		if (vec == NET_RX)
			netrx_raise(&c->netrx);
		if (q->raised)
			return 0;
		q->raised = ev->ts;
		q->raised_ns = ev->ts_ns;
		cpu_time_to(&c->time, ev->ts);
		memcpy(q->spent, c->time.ns, sizeof(q->spent));
		return 0;
	case EV_SOFTIRQ_ENTRY:
		return softirq_entry(s, ev, (int)vec);
	default:
		c->poll_from_ns = -1;
		cpu_time_to(&c->time, ev->ts);
		c->open_vec = -1;
		set_what(c);
		if (vec == NET_RX)
			rc = netrx_exit(s->netrx, &c->netrx, ev);
		return !rc && q->entered ? softirq_write(s, ev->cpu, (int)vec, ev->ts_ns) : rc;
	}
}

static int irq_write(struct spans *s, int cpu, const struct irq *i, int64_t end_ns)
{
	struct rows *r = s->irq;

	rows_begin(r, 0);
	rows_int(r, i->start_ns);
	rows_opt(r, end_ns, -1);
	rows_null(r);
	rows_int(r, cpu);
	rows_int(r, i->irq);
	rows_text(r, i->name);
	return rows_end(r);
}

static int irq_event(struct spans *s, const struct event *ev)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct span name = SPAN_LIT("");
	uint64_t irq;
	int rc = 0;

	if (!event_u64(ev, F_IRQ, &irq))
		return 0;
	cpu_time_to(&c->time, ev->ts);
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
		set_what(c);
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
		set_what(c);
		return rc;
	}
	return 0;
}

static int poll_event(struct spans *s, const struct event *ev)
{
	struct cpu *c = &s->cpu[ev->cpu];
	bool in_softirq = event_context(ev) == 2;
	int rc = netrx_poll(s->netrx, &c->netrx, ev, in_softirq ? c->poll_from_ns : -1);

	if (in_softirq)
		c->poll_from_ns = ev->ts_ns;
	return rc;
}

static int wake_write(struct spans *s, const struct wake *w, int64_t end_ns, int64_t latency_ns,
		      int run_cpu)
{
	struct rows *r = s->wakeup;
	int rc;

	rows_begin(r, 0);
	rows_int(r, w->ts_ns);
	rows_opt(r, end_ns, -1);
	rows_opt(r, latency_ns, -1);
	rows_int(r, w->cpu);
	rows_opt(r, run_cpu, -1);
	rows_int(r, w->pid);
	rows_int(r, w->waker);
	rows_int(r, w->context);
	rc = rows_end(r);
	if (rc || !w->for_id)
		return rc;
	r = s->woken;
	rows_begin(r, 0);
	rows_int(r, w->for_id);
	rows_int(r, w->for_ns);
	rows_int(r, w->cpu);
	rows_int(r, w->pid);
	rows_opt(r, run_cpu, -1);
	rows_opt(r, latency_ns, -1);
	return rows_end(r);
}

/* sched_waking: on kernels without it sched_wakeup takes its place, which comes when the task is
 * enqueued. */
static int waking_event(struct spans *s, const struct event *ev)
{
	struct cpu *c = &s->cpu[ev->cpu];
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
	if (c->ready_id && ev->ts_ns - c->ready_ns <= WOKEN_NS) {
		w->for_id = c->ready_id;
		w->for_ns = c->ready_ns;
	}
	c->ready_id = 0;
	return rc;
}

void spans_ready(struct spans *s, int cpu, int64_t ts_ns, int64_t packet_id)
{
	if (cpu < 0 || cpu >= s->cpu_n)
		return;
	s->cpu[cpu].ready_id = packet_id;
	s->cpu[cpu].ready_ns = ts_ns;
}

static int run_write(struct spans *s, int cpu, int64_t end_ns, int64_t state)
{
	struct cpu *c = &s->cpu[cpu];
	struct rows *r = s->run;

	/* idle time is what no row covers */
	if (!c->running || c->run_from_ns < 0 || !c->run_pid)
		return 0;
	rows_begin(r, 0);
	rows_int(r, c->run_from_ns);
	rows_opt(r, end_ns, -1);
	rows_int(r, cpu);
	rows_int(r, c->run_pid);
	rows_opt(r, state, -1);
	return rows_end(r);
}

static void on_cpu_clear(struct spans *s, const struct cpu *c)
{
	uint32_t i = (uint32_t)c->run_pid % SLOTS;

	if (c->running && s->on_cpu[i] == c->run_pid)
		s->on_cpu[i] = 0;
}

/* @pid has waited since @w for the CPU that it runs on now. */
static int wait_write(struct spans *s, const struct event *ev, const struct wake *w,
		      const char *state)
{
	const struct cpu *c = &s->cpu[ev->cpu];
	sqlite3_stmt *st = s->ins_wait;
	uint64_t ns = 0;
	int32_t pid = 0;

	cpu_time_longest(&c->time, w->ts, UINT64_MAX, w->pid, &pid, &ns);
	db_bind_int(st, 1, w->ts_ns);
	db_bind_int(st, 2, (int64_t)(ev->ts - w->ts));
	db_bind_int(st, 3, w->pid);
	db_bind_int(st, 4, ev->cpu);
	db_bind_text(st, 5, state);
	db_bind_opt(st, 6, pid, 0);
	db_bind_opt(st, 7, pid ? (int64_t)ns : -1, -1);
	return db_run(s->db, st);
}

/* The wakeup @w has led to a switch. */
static int woken_runs(struct spans *s, const struct event *ev, const struct wake *w)
{
	uint64_t ns = ev->ts - w->ts;
	struct delays_who who = { ev->ts_ns, 0, w->pid, (uint16_t)ev->cpu };
	int rc = delays_add(s->delays, STAGE_SCHED_WAKING, STAGE_SCHED_SWITCH, ns, &who);

	if (!rc)
		rc = wake_write(s, w, ev->ts_ns, (int64_t)ns, ev->cpu);
	return rc || ns < WAIT_LONG_NS ? rc : wait_write(s, ev, w, "runnable");
}

/* @pid runs on this CPU from @ev on. @seen: by a switch, else at the latest. */
static int runs(struct spans *s, const struct event *ev, int32_t pid, bool seen)
{
	struct cpu *c = &s->cpu[ev->cpu];
	struct wake *w = &s->wake[(uint32_t)pid % SLOTS];
	struct wake *off = &s->off[(uint32_t)pid % SLOTS];
	int rc = cpu_time_task(&c->time, ev->ts, pid);

	on_cpu_clear(s, c);
	c->running = true;
	c->run_pid = pid;
	c->run_from_ns = ev->ts_ns;
	s->on_cpu[(uint32_t)pid % SLOTS] = pid;
	set_what(c);
	if (off->ts && off->pid == pid) {
		if (!rc && seen && off->losses == s->losses && ev->ts >= off->ts + WAIT_LONG_NS)
			rc = wait_write(s, ev, off, "preempted");
		off->ts = 0;
	}
	if (rc || !w->ts || w->pid != pid)
		return rc;
	if (w->losses != s->losses)
		rc = wake_write(s, w, -1, -1, -1); /* it may have run and slept again meanwhile */
	else if (!seen)
		rc = wake_write(s, w, ev->ts_ns, -1, ev->cpu);
	else if (ev->ts >= w->ts)
		rc = woken_runs(s, ev, w);
	w->ts = 0;
	return rc;
}

/* A task leaves the CPU. The low byte of prev_state is 0 where it could go on; above is the mark of
 * preemption (TASK_REPORT_MAX in include/linux/sched.h). */
static void leaves(struct spans *s, const struct event *ev, uint64_t state)
{
	struct wake *off = &s->off[(uint32_t)ev->pid % SLOTS];

	*off = (struct wake){ 0 };
	if (!(state & 0xff) && ev->pid)
		*off = (struct wake){
			.ts = ev->ts, .ts_ns = ev->ts_ns, .pid = ev->pid, .losses = s->losses
		};
}

static int switch_event(struct spans *s, const struct event *ev)
{
	uint64_t next, state;
	bool has_state = event_u64(ev, F_PREV_STATE, &state);
	int rc;

	if (!event_u64(ev, F_NEXT_PID, &next))
		return 0;
	rc = run_write(s, ev->cpu, ev->ts_ns, has_state ? (int64_t)(state & INT64_MAX) : -1);
	if (has_state)
		leaves(s, ev, state);
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
	cpu_time_reset(&c->time);
	*c = (struct cpu){ .time = c->time, .open_vec = -1, .poll_from_ns = -1, .run_from_ns = -1 };
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

void spans_lowered(struct spans *s, const struct trace *t)
{
	s->has_switch = trace_has(t, EV_SCHED_SWITCH);
}

/* --- softirq_cpu --- */

static void bind_handler(sqlite3_stmt *st, const struct series *x)
{
	db_bind_int(st, 3, x ? (int64_t)x->extra[0] : 0);
	db_bind_int(st, 4, x ? (int64_t)x->h.sum : 0);
	if (x && x->h.count) {
		db_bind_int(st, 5, (int64_t)hist_at(&x->h, 500));
		db_bind_int(st, 6, (int64_t)hist_at(&x->h, 990));
		db_bind_int(st, 7, (int64_t)x->h.max);
	}
}

static void bind_delay(sqlite3_stmt *st, const struct series *x)
{
	db_bind_int(st, 8, x ? (int64_t)x->h.count : 0);
	db_bind_int(st, 13, x ? (int64_t)x->extra[0] : 0);
	if (x && x->h.count) {
		db_bind_int(st, 9, (int64_t)hist_at(&x->h, 500));
		db_bind_int(st, 10, (int64_t)hist_at(&x->h, 900));
		db_bind_int(st, 11, (int64_t)hist_at(&x->h, 990));
		db_bind_int(st, 12, (int64_t)x->h.max);
	}
}

static int softirqs_write(struct spans *s)
{
	sqlite3_stmt *st = db_prepare(
		s->db, "INSERT INTO softirq_cpu(cpu, vec, runs, handler_ns, handler_p50_ns, "
		       "handler_p99_ns, handler_max_ns, delays, delay_p50_ns, delay_p90_ns, "
		       "delay_p99_ns, delay_max_ns, over_1ms) "
		       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	size_t n;
	struct series *const *v = series_sorted(s->series, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct series *x[2] = { NULL, NULL };
		uint64_t at = v[i]->key >> 1;

		x[v[i]->key & 1] = v[i];
		if (i + 1 < n && v[i + 1]->key >> 1 == at) {
			i++;
			x[v[i]->key & 1] = v[i];
		}
		db_bind_int(st, 1, (int64_t)(at >> 7));
		db_bind_int(st, 2, (int64_t)(at & 0x7f));
		bind_handler(st, x[PART_HANDLER]);
		bind_delay(st, x[PART_DELAY]);
		rc = db_run(s->db, st);
	}
	return rc;
}

int spans_finish(struct spans *s)
{
	int rc = 0;

	for (int i = 0; i < s->cpu_n && !rc; i++)
		rc = cpu_reset(s, i);
	for (size_t i = 0; i < SLOTS && !rc; i++)
		if (s->wake[i].ts)
			rc = wake_write(s, &s->wake[i], -1, -1, -1);
	if (!rc)
		rc = softirqs_write(s);
	if (!rc)
		rc = netrx_finish(s->netrx);
	return rc ? rc : delays_finish(s->delays);
}
