/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Most rows of one recording: what is beyond is counted in event_type all the same. */
#define EVENTS_MAX 2000000

struct events {
	struct db *d;
	const struct trace *t;
	const struct symbols *s;
	sqlite3_stmt *ins;
	struct buf json;
	uint64_t rows, left_out;
};

int events_open(struct events **out, struct db *d, const struct trace *t, const struct symbols *s)
{
	struct events *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->d = d;
	v->t = t;
	v->s = s;
	v->ins = db_prepare(d, "INSERT INTO _event(ts_ns, cpu, pid, flags, type_id, fields) VALUES(?, ?, ?, ?, ?, ?)");
	*out = v;
	return 0;
}

/* Rare by nature; all other kinds become packets, spans or runs. */
static bool has_row(const struct event *ev)
{
	struct span text;

	if (ev->kind == EV_MARK) /* the recorder's own anchors are no event of the host */
		return event_text(ev, F_BUF, &text) && !span_starts(text, "skbtape anchor ");
	return ev->kind == EV_OTHER || ev->kind == EV_TCP_RETRANSMIT_SKB;
}

int events_event(struct events *v, const struct event *ev)
{
	int rc;

	if (!has_row(ev))
		return 0;
	if (v->rows >= EVENTS_MAX) {
		v->left_out++;
		return 0;
	}
	v->rows++;
	buf_reset(&v->json);
	rc = trace_fields_json(v->t, ev, v->s, &v->json);
	if (rc)
		return rc;
	db_bind_int(v->ins, 1, ev->ts_ns);
	db_bind_int(v->ins, 2, ev->cpu);
	db_bind_int(v->ins, 3, ev->pid);
	db_bind_int(v->ins, 4, ev->flags);
	db_bind_int(v->ins, 5, ev->type->id);
	db_bind_span(v->ins, 6, (struct span){ (const char *)v->json.data, v->json.len });
	return db_run(v->d, v->ins);
}

int events_finish(struct events *v, struct err *e)
{
	sqlite3_stmt *st = db_prepare(v->d, "INSERT OR IGNORE INTO event_type(id, system, name, count, bytes) "
					    "VALUES(?, ?, ?, ?, ?)");

	for (size_t i = 0; i < trace_type_count(v->t); i++) {
		const struct ev_type *t = trace_type(v->t, i);

		db_bind_int(st, 1, t->id);
		db_bind_text(st, 2, t->system);
		db_bind_text(st, 3, t->name);
		db_bind_int(st, 4, (int64_t)t->count);
		db_bind_int(st, 5, (int64_t)t->bytes);
		db_run(v->d, st);
	}
	if (v->left_out)
		db_quality(v->d, &(struct quality){ "limit", "event", -1, NULL, -1, -1, (int64_t)v->left_out },
			   "only the first %d events without a table of their own are kept", EVENTS_MAX);
	return db_error(v->d, e);
}

void events_close(struct events *v)
{
	if (!v)
		return;
	buf_free(&v->json);
	free(v);
}
