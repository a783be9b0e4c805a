/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * net_rx_action() (net/core/dev.c) polls one NAPI instance after the other until
 * none is left, or until their work adds up to net.core.netdev_budget, or
 * netdev_budget_usecs have passed when a poll ends; the two latter it counts as
 * time_squeeze, whether or not anything is left. The sum of napi_poll's work
 * tells the first one exactly. The second one is measured in ticks, which are
 * not on the tape: the limit is rounded up to ticks and begins in the middle of
 * one. A run that took the limit and a tick more was certainly stopped by it, one
 * of half the limit (one tick of two, as by default) perhaps.
 *
 * NAPI threads and busy polling have neither limit.
 */
#include "netrx.h"
#include "rows.h"
#include "series.h"

#include <errno.h>
#include <stdlib.h>

#define SERIES_MAX 4096
#define TICK_NS	   10000000 /* the longest one: HZ is 100 or more (kernel/Kconfig.hz) */

enum { POLLS, WORK, FULL, TASK };

struct netrx {
	struct db *db;
	struct series_set *series; /* cpu, device */
	int64_t budget, usecs;	   /* -1: not known, or changed during the recording */
	struct rows *polls;
	sqlite3_stmt *ins_squeeze;
	bool has_work;
};

static int64_t get_sysctl(struct db *d, const char *name)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = ? "
					 "AND value_end IS NULL ORDER BY netns_id LIMIT 1");
	int64_t v = -1;

	db_bind_text(st, 1, name);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 0) > 0)
		v = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return v;
}

int netrx_open(struct netrx **out, struct db *d)
{
	struct netrx *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->db = d;
	if (series_open(&n->series, SERIES_MAX) || rows_open(&n->polls, d, "napi_poll", false)) {
		netrx_close(n);
		return -ENOMEM;
	}
	n->budget = get_sysctl(d, "net.core.netdev_budget");
	n->usecs = get_sysctl(d, "net.core.netdev_budget_usecs");
	n->ins_squeeze = db_prepare(
		d, "INSERT INTO squeeze(ts_ns, cpu, kind, certain, polls, work, ns, more) "
		   "VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	*out = n;
	return 0;
}

void netrx_close(struct netrx *n)
{
	if (!n)
		return;
	series_close(n->series);
	free(n);
}

void netrx_entry(struct netrx_cpu *c, uint64_t ts)
{
	*c = (struct netrx_cpu){ .entered = ts, .work_known = true };
}

void netrx_raise(struct netrx_cpu *c)
{
	c->more = true;
}

int netrx_poll(struct netrx *n, struct netrx_cpu *c, const struct event *ev, int64_t from_ns)
{
	struct span dev = SPAN_LIT("");
	uint64_t work = 0, budget = 0;
	bool has_work = event_u64(ev, F_WORK, &work), has_budget = event_u64(ev, F_BUDGET, &budget);
	struct rows *r = n->polls;
	struct series *x;
	int rc;

	event_text(ev, F_DEV_NAME, &dev);
	rows_begin(r, 0);
	rows_opt(r, from_ns, -1);
	rows_int(r, ev->ts_ns);
	rows_null(r); /* latency_ns */
	rows_int(r, ev->cpu);
	rows_span(r, dev);
	rows_opt(r, has_work ? (int64_t)work : -1, -1);
	rows_opt(r, has_budget ? (int64_t)budget : -1, -1);
	rows_int(r, ev->pid);
	rows_int(r, event_context(ev));
	rc = rows_end(r);
	if (c->entered && event_context(ev) == 2) {
		c->polled = ev->ts;
		c->polls++;
		c->work += (int64_t)work > 0 ? work : 0;
		c->more = false;
		c->work_known &= has_work;
	}
	if (!rc)
		rc = series_get(n->series, (uint64_t)ev->cpu << 40 | (uint64_t)db_name(n->db, dev),
				&x);
	if (rc || !x)
		return rc;
	n->has_work |= has_work;
	x->extra[POLLS]++;
	x->extra[WORK] += (int64_t)work > 0 ? work : 0;
	x->extra[FULL] += has_work && has_budget && work >= budget;
	x->extra[TASK] += event_context(ev) == 1;
	return from_ns >= 0 && ev->ts_ns >= from_ns
		       ? hist_add(&x->h, (uint64_t)(ev->ts_ns - from_ns))
		       : 0;
}

int netrx_exit(struct netrx *n, struct netrx_cpu *c, const struct event *ev)
{
	struct netrx_cpu run = *c;
	uint64_t ns = run.polled - run.entered, limit = (uint64_t)n->usecs * 1000;
	sqlite3_stmt *st = n->ins_squeeze;
	bool budget, certain = true;

	*c = (struct netrx_cpu){ 0 };
	if (!run.entered || !run.polls || !run.work_known || n->budget < 0)
		return 0;
	budget = run.work >= (uint64_t)n->budget;
	if (!budget) {
		if (n->usecs < 0 || n->usecs > INT32_MAX || ns < limit / 2)
			return 0;
		certain = ns >= limit + TICK_NS;
	}
	db_bind_int(st, 1, ev->ts_ns);
	db_bind_int(st, 2, ev->cpu);
	db_bind_text(st, 3, budget ? "budget" : "time");
	db_bind_int(st, 4, certain);
	db_bind_int(st, 5, (int64_t)run.polls);
	db_bind_int(st, 6, (int64_t)run.work);
	db_bind_int(st, 7, (int64_t)ns);
	db_bind_int(st, 8, run.more);
	return db_run(n->db, st);
}

int netrx_finish(struct netrx *n)
{
	sqlite3_stmt *st = db_prepare(
		n->db, "INSERT INTO napi_cpu(cpu, dev, polls, work, full_polls, task_polls, "
		       "poll_p50_ns, poll_p99_ns, poll_max_ns) VALUES(?1, (SELECT text FROM _name "
		       "WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
	size_t count;
	struct series *const *v = series_sorted(n->series, &count);
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++) {
		const struct series *x = v[i];

		db_bind_int(st, 1, (int64_t)(x->key >> 40));
		db_bind_int(st, 2, (int64_t)(x->key & ((1ULL << 40) - 1)));
		db_bind_int(st, 3, (int64_t)x->extra[POLLS]);
		if (n->has_work) {
			db_bind_int(st, 4, (int64_t)x->extra[WORK]);
			db_bind_int(st, 5, (int64_t)x->extra[FULL]);
		}
		db_bind_int(st, 6, (int64_t)x->extra[TASK]);
		if (x->h.count) {
			db_bind_int(st, 7, (int64_t)hist_at(&x->h, 500));
			db_bind_int(st, 8, (int64_t)hist_at(&x->h, 990));
			db_bind_int(st, 9, (int64_t)x->h.max);
		}
		rc = db_run(n->db, st);
	}
	return rc;
}
