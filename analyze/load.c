/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Data flows one way: tape -> evidence -> packets -> findings. Each stage below
 * reads the tape or the tables of the stages before it and writes its own, all
 * in one transaction; indexes come when the rows are in, and the database gets
 * its final name only when everything is done.
 */
#include "load.h"
#include "beside.h"
#include "delays.h"
#include "events.h"
#include "facts.h"
#include "findings.h"
#include "flow_many.h"
#include "frames.h"
#include "host.h"
#include "ledger.h"
#include "lives.h"
#include "progress.h"
#include "ringstats.h"
#include "rows.h"
#include "snapshots.h"
#include "spans.h"
#include "tasks.h"
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct load {
	struct tape *tape;
	size_t n; /* files that were named, the tape among them */
	struct db *db;
	struct clocks *clocks;
	struct symbols *symbols;
	struct host *host;
	struct frames *frames;
	struct trace *trace;
	struct events *events;
	struct lives *lives;
	struct spans *spans;
	struct tasks *tasks;
	struct facts_hash *hash;
	int64_t first_ns, last_ns; /* of events */
};

static int load_symbols(struct load *l, struct err *e)
{
	long late = tape_find(l->tape, "kallsyms-end"); /* modules came or went */
	long i = late < 0 ? tape_find(l->tape, "kallsyms") : late;
	struct buf b = { 0 };
	int rc = i < 0 ? 0 : tape_load(l->tape, (size_t)i, &b, e);

	if (!rc)
		rc = symbols_load(&l->symbols, (struct span){ (const char *)b.data, b.len }, e);
	if (!rc && !symbols_count(l->symbols) && !tape_state(l->tape)->cut && !tape_state(l->tape)->foreign)
		db_quality(l->db, &(struct quality){ "source-missing", "kallsyms", -1, NULL, -1, -1, -1 },
			   "the tape names no kernel functions: /proc/kallsyms could not be read, or kernel.kptr_restrict hid "
			   "its addresses (record as root with kptr_restrict 0 or 1)");
	buf_free(&b);
	return rc;
}

/* Length of the recording, 0: not known. */
static int64_t length_ns(struct load *l)
{
	sqlite3_stmt *st = db_prepare(l->db, "SELECT (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'end_ns') - "
					     "(SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'start_ns')");
	int64_t v = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	return v;
}

static int load_events(struct load *l, struct err *e)
{
	int64_t all = length_ns(l);
	struct event ev;
	int rc;

	while ((rc = trace_next(l->trace, &ev, e)) > 0) {
		if (ev.kind != EV_LOST) {
			if (!l->first_ns)
				l->first_ns = ev.ts_ns;
			l->last_ns = ev.ts_ns;
			progress_at("following packets", l->last_ns - l->first_ns, all);
		}
		rc = lives_event(l->lives, &ev);
		if (!rc && ev.lowered)
			rc = lives_lowered(l->lives, l->trace);
		if (ev.lowered)
			spans_lowered(l->spans, l->trace);
		if (!rc)
			rc = spans_event(l->spans, &ev);
		if (!rc && ev.kind == EV_SK_DATA_READY && lives_ready_id(l->lives))
			spans_ready(l->spans, ev.cpu, ev.ts_ns, lives_ready_id(l->lives));
		if (!rc)
			rc = tasks_event(l->tasks, &ev);
		if (!rc && ev.kind != EV_LOST)
			rc = events_event(l->events, &ev);
		if (rc)
			return db_error(l->db, e) ? rc : err_set(e, rc, "out of memory while following packets");
	}
	return rc;
}

/* What the walk over the pages could not use. */
static void load_trace_state(struct load *l)
{
	const struct trace_state *s = trace_state(l->trace);

	if (s->pages_bad)
		db_quality(l->db, &(struct quality){ "tape-damaged", "ring buffer", -1, NULL, -1, -1, (int64_t)s->pages_bad },
			   "of %" PRIu64 " ring-buffer pages, %" PRIu64 " are malformed; what follows in them is not used",
			   s->pages, s->pages_bad);
	if (s->undecoded)
		db_quality(l->db, &(struct quality){ "undecoded", "ring buffer", -1, NULL, -1, -1, (int64_t)s->undecoded },
			   "events whose format is not on the tape, or shorter than it says");
	if (s->backwards)
		db_quality(l->db, &(struct quality){ "note", "ring buffer", -1, NULL, -1, -1, (int64_t)s->backwards },
			   "events earlier than the one before them on their CPU; the buffer's order was kept");
}

static const char INDEXES[] =
	"CREATE INDEX _packet_flow ON _packet(flow_id) WHERE flow_id IS NOT NULL;"
	"CREATE INDEX _packet_parent ON _packet(parent_id) WHERE parent_id IS NOT NULL;"
	"CREATE INDEX _drop_symbol ON _drop(symbol_id, reason);"
	"CREATE INDEX _drop_packet ON _drop(packet_id) WHERE packet_id IS NOT NULL;"
	"CREATE INDEX _counter_name ON _counter(source_id, name_id, netns_id, snap_ns);"
	"CREATE INDEX _event_type ON _event(type_id, ts_ns);"
	"CREATE INDEX flow_src ON flow(src, sport);"
	"CREATE INDEX flow_dst ON flow(dst, dport);"
	/* estimates do; counting all rows takes longer than an index */
	"PRAGMA analysis_limit = 10000; ANALYZE;";

/* Start and end where tape.json and end.json do not tell them. */
static int load_times(struct load *l, struct err *e)
{
	char sql[256];

	if (!l->first_ns)
		return db_exec(l->db,
			       "INSERT OR IGNORE INTO tape(key, value) SELECT 'start_ns', min(ts_ns) FROM _frame HAVING count(*);"
			       "INSERT OR IGNORE INTO tape(key, value) SELECT 'end_ns', max(ts_ns) FROM _frame HAVING count(*);"
			       "INSERT OR IGNORE INTO tape(key, value) SELECT 'start_ns', min(begin_ns) FROM snapshot HAVING count(*);"
			       "INSERT OR IGNORE INTO tape(key, value) SELECT 'end_ns', max(end_ns) FROM snapshot HAVING count(*);",
			       e);
	snprintf(sql, sizeof(sql),
		 "INSERT OR IGNORE INTO tape(key, value) VALUES('start_ns', '%" PRId64 "');"
		 "INSERT OR IGNORE INTO tape(key, value) VALUES('end_ns', '%" PRId64 "');",
		 l->first_ns, l->last_ns);
	return db_exec(l->db, sql, e);
}

static int load_evidence(struct load *l, struct err *e)
{
	int rc = clocks_load(&l->clocks, l->tape, e);

	if (rc)
		return rc;
	facts_tape_state(l->tape, l->db);
	if (l->n > 1)
		db_fact_int(l->db, "beside", (int64_t)l->n - 1);
	l->hash = facts_hash_begin(tape_path(l->tape));
	rc = facts_load(l->tape, l->db, l->clocks, e);
	if (!rc)
		rc = load_symbols(l, e);
	if (!rc)
		rc = host_load(&l->host, l->tape, l->db, e);
	if (!rc)
		rc = frames_begin(&l->frames, l->tape, l->db, l->host, l->clocks, e);
	progress_at("reading snapshots", 0, 0);
	if (!rc)
		rc = snapshots_load(l->tape, l->db, l->host, l->clocks, e);
	progress_at("reading frames", 0, 0);
	if (!rc)
		rc = frames_end(l->frames, e);
	if (!rc && tape_state(l->tape)->foreign && !frames_total(l->frames))
		db_quality(l->db, &(struct quality){ "source-missing", "frames", -1, NULL, -1, -1, -1 },
			   "no captured frames: give the capture files of the same time behind it");
	return rc;
}

/* Gives back what only events and frames needed. */
static void unload(struct load *l)
{
	spans_close(l->spans);
	lives_close(l->lives);
	events_close(l->events);
	tasks_close(l->tasks);
	trace_free(l->trace);
	frames_free(l->frames);
	l->spans = NULL;
	l->lives = NULL;
	l->events = NULL;
	l->tasks = NULL;
	l->trace = NULL;
	l->frames = NULL;
	tape_rest(l->tape);
}

/* The tables of many rows. */
static int write_rows(struct load *l)
{
	int rc = rows_pause(l->db);

	if (!rc)
		rc = lives_rows(l->lives);
	if (!rc)
		rc = frames_write(l->frames, l->db);
	if (!rc)
		rc = rows_finish(l->db);
	return rc ? rc : frames_finish(l->frames, l->db);
}

static int load_packets(struct load *l, struct err *e)
{
	int rc = trace_load(&l->trace, l->tape, l->clocks, e);

	if (rc)
		return rc;
	if (events_open(&l->events, l->db, l->trace, l->symbols) || tasks_open(&l->tasks, l->db))
		return err_set(e, -ENOMEM, "out of memory");
	rc = lives_open(&l->lives, l->db, l->host, l->trace, l->symbols, l->frames, l->clocks, e);
	if (!rc)
		rc = spans_open(&l->spans, l->db, l->trace, e);
	if (!rc)
		rc = load_events(l, e);
	if (!rc)
		rc = spans_finish(l->spans);
	if (!rc)
		rc = lives_end(l->lives);
	if (!rc)
		rc = write_rows(l);
	if (!rc)
		rc = lives_finish(l->lives);
	if (!rc)
		rc = events_finish(l->events, e);
	if (!rc)
		rc = tasks_finish(l->tasks, e);
	if (rc)
		return db_error(l->db, e) ? rc : rc;
	facts_hash_end(l->hash, l->db);
	l->hash = NULL;
	load_trace_state(l);
	rc = ringstats_load(l->tape, l->db, l->clocks, trace_state(l->trace), e);
	if (!rc && (lives_reassembled(l->lives) || lives_told(l->lives)))
		rc = db_error(l->db, e);
	if (!rc)
		rc = load_times(l, e);
	unload(l);
	if (!rc)
		rc = db_exec(l->db, INDEXES, e);
	return rc ? rc : flow_many_write(l->db, e);
}

/* Whether something that the recorder should have had is missing: the result is right, but not whole. */
static void load_completeness(struct load *l, struct load_result *r)
{
	const struct tape_state *s = tape_state(l->tape);
	/* what a file of another program never has is no defect of that file */
	sqlite3_stmt *st = db_prepare(l->db, "SELECT source, note, kind = 'tape-damaged' FROM quality "
					     "WHERE kind IN ('tape-damaged', 'permission') OR (kind = 'source-missing' "
					     "AND NOT EXISTS (SELECT 1 FROM tape WHERE key = 'import')) ORDER BY id LIMIT 1");

	*r = (struct load_result){ 0 };
	if (s->cut || s->frames_bad || s->frames_gap || s->bytes_bad || s->members_bad) {
		r->incomplete = true;
		snprintf(r->why, sizeof(r->why), "%s", s->foreign ? (s->cut ? "the file is cut" : "the file is damaged") :
			 s->cut ? "the tape is cut: it has no end" : "the tape is damaged");
	} else if (sqlite3_step(st) == SQLITE_ROW) {
		r->incomplete = true;
		snprintf(r->why, sizeof(r->why), "%s: %s: %s", sqlite3_column_int(st, 2) ? "damaged" : "the tape lacks a source",
			 sqlite3_column_text(st, 0), sqlite3_column_text(st, 1));
	}
	sqlite3_reset(st);
}

int load_tapes(char *const *paths, size_t n, const char *db_path, const char *rules_dir, struct db **out,
	       struct load_result *r, struct err *e)
{
	struct load l = { .n = n };
	int rc = beside_open(&l.tape, paths, n, e);

	if (rc)
		return rc;
	rc = db_create(&l.db, db_path, e);
	if (!rc)
		rc = load_evidence(&l, e);
	if (!rc)
		rc = load_packets(&l, e);
	progress_at("looking for causes", 0, 0);
	if (!rc)
		rc = ledger_build(l.db, e);
	if (!rc)
		rc = findings_run(l.db, rules_dir, e);
	if (!rc) {
		load_completeness(&l, r);
		rc = db_commit(l.db, e);
	}
	progress_end();
	facts_hash_end(l.hash, NULL);
	unload(&l);
	host_free(l.host);
	symbols_free(l.symbols);
	clocks_free(l.clocks);
	tape_close(l.tape);
	if (rc) {
		db_close(l.db);
		return rc;
	}
	*out = l.db;
	return 0;
}
