/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Findings and what was not seen stand on top, then the CPUs (what ran: tasks, softirqs, polls, interrupt handlers),
 * then each namespace's devices, then counters.
 *
 * A packet's stages are cut into visits: stages in a row on one device in one direction. A stage without a device
 * (a socket's, a free) belongs to the visit it follows. net_dev_xmit is the end of a call and may stand behind
 * stages of the next device; there it is left out. A visit is a slice named after the packet, and its stages are
 * slices in it, each as long as until the next one; what ends the story is an instant. Visits of a device overlap, so each goes to the
 * first of the device's lanes that is free; the viewer shows lanes of one name as one track. Arrows join the
 * visits of a packet, and a packet with what it was made of.
 *
 * Visits are put into a temporary table, because lanes need them in the order of time and the stages come packet by
 * packet.
 */
#include "export.h"
#include "track.h"
#include "../analyze/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MAX   1024 /* of one device and direction */
#define FAMILY_MAX  64	 /* arrows to children of one packet */
#define BINS	    500	 /* values of a rate over the whole trace */
#define BIN_MIN_NS  1000000
#define CHILD_ARROW (1ULL << 62) /* with a child's id; packets' own arrows have their ids */

enum { RANK_FINDINGS, RANK_UNSEEN, RANK_CPUS, RANK_COUNTERS, RANK_NETNS };

/* Tracks of one device and direction, or its drops; of a namespace where dev is "". */
struct place {
	char *key;
	uint64_t track;
	uint64_t *lane;
	int64_t *free_ns; /* when each lane is free again */
	size_t lanes;
	struct place *next;
};

struct draw {
	struct rep *r;
	struct tracks *t;
	struct export_range range;
	struct place *places[1024]; /* by hash of key */
	int64_t omitted;	    /* visits without a lane */
	int rc;
	struct err *e;
};

static void fail(struct draw *d, int rc, const char *why)
{
	if (!d->rc)
		d->rc = err_set(d->e, rc, "%s", why);
}

/* @sql with the range bound to ?1 and ?2. */
static sqlite3_stmt *ask(struct draw *d, const char *sql)
{
	sqlite3_stmt *st = rep_query(d->r, sql);

	if (st) {
		sqlite3_bind_int64(st, 1, d->range.from_ns);
		sqlite3_bind_int64(st, 2, d->range.to_ns);
	}
	return st;
}

/* Columns from @first on are arguments, named as the columns. */
static void put_args(struct draw *d, sqlite3_stmt *st, int first)
{
	for (int i = first; i < sqlite3_column_count(st); i++) {
		const char *key = sqlite3_column_name(st, i);

		switch (sqlite3_column_type(st, i)) {
		case SQLITE_INTEGER:
			track_int(d->t, key, col_int(st, i));
			break;
		case SQLITE_FLOAT:
			track_real(d->t, key, sqlite3_column_double(st, i));
			break;
		case SQLITE_TEXT:
			track_text(d->t, key, col_text(st, i));
			break;
		default:
			break;
		}
	}
}

static struct place *place_get(struct draw *d, uint64_t parent, const char *kind, const char *a, const char *b,
			       const char *name, int rank)
{
	char key[256];
	uint32_t h = 5381;
	struct place *p;

	snprintf(key, sizeof(key), "%s\n%s\n%s", kind, a, b);
	for (const char *s = key; *s; s++)
		h = h * 33 + (uint8_t)*s;
	for (p = d->places[h % ARRAY_SIZE(d->places)]; p; p = p->next)
		if (!strcmp(p->key, key))
			return p;
	p = calloc(1, sizeof(*p));
	if (p)
		p->key = strdup(key);
	if (!p || !p->key) {
		free(p);
		fail(d, -ENOMEM, "out of memory");
		return NULL;
	}
	p->next = d->places[h % ARRAY_SIZE(d->places)];
	d->places[h % ARRAY_SIZE(d->places)] = p;
	p->track = name ? track_add(d->t, parent, name, rank, NULL) : parent;
	return p;
}

static void places_free(struct draw *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->places); i++) {
		for (struct place *p = d->places[i], *next; p; p = next) {
			next = p->next;
			free(p->key);
			free(p->lane);
			free(p->free_ns);
			free(p);
		}
	}
}

/* A track under a device (or under its namespace, @dev ""). */
static struct place *device_track(struct draw *d, const char *netns, const char *dev, const char *what, int rank, bool lanes)
{
	char name[160];
	struct place *p;

	snprintf(name, sizeof(name), *netns ? "netns %s" : "netns not known", netns);
	p = place_get(d, 0, "netns", netns, "", name, RANK_NETNS);
	if (p && *dev)
		p = place_get(d, p->track, "dev", netns, dev, dev, 1);
	/* lanes are tracks of their own, made when they are needed */
	return p ? place_get(d, p->track, what, netns, dev, lanes ? NULL : what, rank) : NULL;
}

/* Spans that do not overlap within a group: group, start, end, name, arguments. */
static void put_spans(struct draw *d, uint64_t parent, const char *group_name, const char *track_name, int rank,
		      const char *sql)
{
	sqlite3_stmt *st = ask(d, sql);
	char name[64];
	int64_t done = 0;

	while (!d->rc && rep_row(d->r, &st)) {
		struct place *g, *p;
		int64_t start = col_int(st, 1), end = col_int(st, 2);
		char id[24];

		progress_at(track_name, ++done, 0);
		snprintf(id, sizeof(id), "%" PRId64, col_int(st, 0));
		snprintf(name, sizeof(name), "%s %s", group_name, id);
		g = place_get(d, parent, group_name, id, "", name, (int)(col_int(st, 0) & 0xffff));
		p = g ? place_get(d, g->track, track_name, id, "", track_name, rank) : NULL;
		if (!p)
			break;
		track_slice(d->t, p->track, start, col_text(st, 3));
		put_args(d, st, 4);
		track_event_end(d->t);
		track_slice_end(d->t, p->track, end > start ? end : start);
	}
	rep_done(&st);
}

#define SPANS(table, group)                                                                             \
	"FROM (SELECT *, lead(start_ns) OVER (PARTITION BY " group " ORDER BY start_ns, rowid) AS next_ns " \
	"FROM " table ") x "
#define SPAN_END "min(coalesce(x.end_ns, x.next_ns, ?2), coalesce(x.next_ns, x.end_ns, ?2))"

static void put_cpus(struct draw *d)
{
	uint64_t cpus;

	if (!rep_int(d->r, "SELECT EXISTS (SELECT 1 FROM run) OR EXISTS (SELECT 1 FROM softirq) OR EXISTS (SELECT 1 FROM irq) "
			   "OR EXISTS (SELECT 1 FROM napi_poll)", 0))
		return;
	cpus = track_add(d->t, 0, "CPUs", RANK_CPUS, NULL);
	put_spans(d, cpus, "CPU", "task", 0,
		  "SELECT x.cpu, x.start_ns, " SPAN_END ", coalesce(t.comm, 'pid ' || x.pid), x.pid, x.end_state " SPANS("run", "cpu")
		  "LEFT JOIN task t ON t.pid = x.pid WHERE x.start_ns BETWEEN ?1 AND ?2 ORDER BY x.cpu, x.start_ns");
	put_spans(d, cpus, "CPU", "softirq", 1,
		  "SELECT x.cpu, x.start_ns, " SPAN_END ", CASE x.vec WHEN 0 THEN 'HI' WHEN 1 THEN 'TIMER' WHEN 2 THEN 'NET_TX' "
		  "WHEN 3 THEN 'NET_RX' WHEN 4 THEN 'BLOCK' WHEN 5 THEN 'IRQ_POLL' WHEN 6 THEN 'TASKLET' WHEN 7 THEN 'SCHED' "
		  "WHEN 8 THEN 'HRTIMER' WHEN 9 THEN 'RCU' ELSE 'vector ' || x.vec END, x.latency_ns AS raised_before_ns, x.pid "
		  SPANS("softirq", "cpu") "WHERE x.start_ns BETWEEN ?1 AND ?2 ORDER BY x.cpu, x.start_ns");
	put_spans(d, cpus, "CPU", "NAPI poll", 2,
		  "SELECT x.cpu, x.start_ns, " SPAN_END ", x.dev, x.work, x.budget, x.pid "
		  SPANS("(SELECT rowid, coalesce(start_ns, end_ns) AS start_ns, end_ns, cpu, dev, work, budget, pid FROM napi_poll)", "cpu")
		  "WHERE x.start_ns BETWEEN ?1 AND ?2 ORDER BY x.cpu, x.start_ns");
	put_spans(d, cpus, "CPU", "irq", 3,
		  "SELECT x.cpu, x.start_ns, " SPAN_END ", x.name, x.irq " SPANS("irq", "cpu")
		  "WHERE x.start_ns BETWEEN ?1 AND ?2 ORDER BY x.cpu, x.start_ns");
}

/* Each its own track, as they overlap: start, end, name, arguments. */
static void put_list(struct draw *d, const char *title, int rank, const char *sql)
{
	sqlite3_stmt *st = ask(d, sql);
	uint64_t parent = 0;

	for (int n = 0; !d->rc && rep_row(d->r, &st); n++) {
		int64_t start = col_int(st, 0), end = col_int(st, 1);
		uint64_t track;

		if (!parent)
			parent = track_add(d->t, 0, title, rank, NULL);
		track = track_add(d->t, parent, col_text(st, 2), n, NULL);
		track_slice(d->t, track, start, col_text(st, 2));
		put_args(d, st, 3);
		track_event_end(d->t);
		track_slice_end(d->t, track, end > start ? end : start);
	}
	rep_done(&st);
}

/* --- packets --- */

enum { WAY_ANY, WAY_IN, WAY_OUT };

struct visit {
	int64_t packet, dev, way, seq, last_seq, start_ns, end_ns;
};

static void visit_put(struct draw *d, sqlite3_stmt *ins, const struct visit *v, int64_t end_ns)
{
	const int64_t value[] = { v->start_ns, end_ns, v->packet, v->seq, v->last_seq, v->dev, v->way };

	for (size_t i = 0; i < ARRAY_SIZE(value); i++)
		sqlite3_bind_int64(ins, (int)i + 1, value[i]);
	if (sqlite3_step(ins) != SQLITE_DONE)
		fail(d, -EIO, sqlite3_errmsg(db_handle(d->r->db)));
	sqlite3_reset(ins);
}

/* Cut packets' stages into visits. */
static void make_visits(struct draw *d)
{
	sqlite3_stmt *st, *ins;
	struct visit v = { .packet = -1 };
	int64_t done = 0;

	if (db_exec(d->r->db,
		    "PRAGMA query_only = OFF;"
		    "CREATE TEMP TABLE perfetto_visit(start_ns INTEGER, end_ns INTEGER, packet_id INTEGER, seq INTEGER, "
		    "last_seq INTEGER, dev_id INTEGER, way INTEGER);",
		    d->e)) {
		d->rc = -EIO;
		return;
	}
	ins = rep_query(d->r, "INSERT INTO temp.perfetto_visit VALUES(?, ?, ?, ?, ?, ?, ?)");
	st = ask(d, "SELECT h.packet_id, h.seq, h.ts_ns, coalesce(h.dev_id, 0), CASE WHEN s.name IN ('net_dev_queue', "
		    "'net_dev_start_xmit', 'net_dev_xmit', 'qdisc_enqueue', 'qdisc_dequeue') THEN 2 WHEN s.name GLOB 'netif_*' OR "
		    "s.name GLOB 'napi_*' THEN 1 ELSE 0 END, s.name = 'net_dev_xmit' FROM _packet p JOIN _hop h ON h.packet_id = p.id "
		    "JOIN _stage s ON s.id = h.stage WHERE p.first_ns <= ?2 AND p.last_ns >= ?1 ORDER BY p.id, h.seq");
	while (!d->rc && ins && rep_row(d->r, &st)) {
		int64_t packet = col_int(st, 0), ts = col_int(st, 2), dev = col_int(st, 3), way = col_int(st, 4);

		progress_at("packets", ++done, 0);
		if (packet == v.packet) {
			ts = ts > v.end_ns ? ts : v.end_ns; /* of two CPUs' clocks, one may lag */
			dev = dev ? dev : v.dev;
			way = way == WAY_ANY ? v.way : way;
			if (col_int(st, 5) && (dev != v.dev || way != v.way))
				continue;
			if (dev == v.dev && (way == v.way || v.way == WAY_ANY)) {
				v.way = way;
				v.end_ns = ts;
				v.last_seq = col_int(st, 1);
				continue;
			}
			visit_put(d, ins, &v, ts);
		} else if (v.packet >= 0) {
			visit_put(d, ins, &v, v.end_ns);
		}
		v = (struct visit){ packet, dev, way, col_int(st, 1), col_int(st, 1), ts, ts };
	}
	if (!d->rc && ins && v.packet >= 0)
		visit_put(d, ins, &v, v.end_ns);
	rep_done(&st);
	rep_done(&ins);
	if (db_exec(d->r->db, "PRAGMA query_only = ON", d->rc ? NULL : d->e) && !d->rc)
		d->rc = -EIO;
}

/* A lane that is free from @start on. Return: its track, 0: too many. */
static uint64_t lane_get(struct draw *d, struct place *p, const char *name, int rank, int64_t start_ns, int64_t end_ns)
{
	size_t i;

	for (i = 0; i < p->lanes && p->free_ns[i] > start_ns; i++)
		;
	if (i == p->lanes) {
		uint64_t *lane;
		int64_t *free_ns;

		if (i >= LANES_MAX)
			return 0;
		lane = realloc(p->lane, (i + 1) * sizeof(*lane));
		if (lane)
			p->lane = lane;
		free_ns = realloc(p->free_ns, (i + 1) * sizeof(*free_ns));
		if (free_ns)
			p->free_ns = free_ns;
		if (!lane || !free_ns) {
			fail(d, -ENOMEM, "out of memory");
			return 0;
		}
		lane[i] = track_add(d->t, p->track, name, rank, NULL);
		p->lanes++;
	}
	p->free_ns[i] = end_ns;
	return p->lane[i];
}

/* Arrows to what was made of it. */
static void put_family(struct draw *d, sqlite3_stmt *children, int64_t packet, bool has_parent)
{
	if (has_parent)
		track_flow(d->t, CHILD_ARROW | (uint64_t)packet);
	sqlite3_reset(children);
	sqlite3_bind_int64(children, 1, packet);
	for (int n = 0; n < FAMILY_MAX && sqlite3_step(children) == SQLITE_ROW; n++)
		track_flow(d->t, CHILD_ARROW | (uint64_t)col_int(children, 0));
}

/* The stages of one visit, each until the next. */
static void put_stages(struct draw *d, sqlite3_stmt *st, uint64_t track, const struct visit *v)
{
	int64_t last = v->start_ns;
	bool open = false;

	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, v->packet);
	sqlite3_bind_int64(st, 2, v->seq);
	sqlite3_bind_int64(st, 3, v->last_seq);
	while (sqlite3_step(st) == SQLITE_ROW) {
		int64_t ts = col_int(st, 0) > last ? col_int(st, 0) : last;

		ts = ts < v->end_ns ? ts : v->end_ns;
		if (open)
			track_slice_end(d->t, track, ts);
		open = ts < v->end_ns;
		if (open)
			track_slice(d->t, track, ts, col_text(st, 1));
		else
			track_instant(d->t, track, ts, col_text(st, 1));
		put_args(d, st, 2);
		track_event_end(d->t);
		last = ts;
	}
	if (open)
		track_slice_end(d->t, track, v->end_ns);
}

static void put_packets(struct draw *d)
{
	sqlite3_stmt *st, *stages, *children;
	int64_t done = 0, all;

	make_visits(d);
	if (d->rc)
		return;
	all = rep_int(d->r, "SELECT count(*) FROM temp.perfetto_visit", 0);
	stages = rep_query(d->r, "SELECT h.ts_ns, s.name, h.cpu, CASE h.context WHEN 1 THEN 'task' WHEN 2 THEN 'softirq' ELSE 'hardirq' "
				 "END AS context, h.pid, CASE h.confidence WHEN 1 THEN 'certain' WHEN 2 THEN 'high' WHEN 3 THEN 'medium' "
				 "ELSE 'low' END AS certainty FROM _hop h JOIN _stage s ON s.id = h.stage WHERE h.packet_id = ?1 AND "
				 "h.seq BETWEEN ?2 AND ?3 AND (s.name <> 'net_dev_xmit' OR h.dev_id IS NULL OR h.dev_id = (SELECT "
				 "x.dev_id FROM _hop x WHERE x.packet_id = ?1 AND x.seq >= ?2 AND x.dev_id IS NOT NULL ORDER BY x.seq "
				 "LIMIT 1)) ORDER BY h.seq");
	children = rep_query(d->r, "SELECT id FROM _packet WHERE parent_id = ? ORDER BY id");
	st = ask(d, "SELECT v.packet_id, v.dev_id, v.way, v.seq, v.last_seq, v.start_ns, v.end_ns, coalesce(n.text, ''), "
		    "coalesce(CASE WHEN v.way = 2 AND v.dev_id = q.dev_out_id THEN p.netns_out WHEN v.way <> 2 AND v.dev_id = q.dev_in_id "
		    "THEN p.netns_in WHEN v.dev_id = q.dev_out_id THEN p.netns_out WHEN v.dev_id = q.dev_in_id THEN p.netns_in ELSE "
		    "(SELECT CASE WHEN count(DISTINCT d.netns) = 1 THEN min(d.netns) END FROM netdev d WHERE d.name = n.text) END, ''), "
		    "p.parent_id, v.seq = 0 AS first, p.kind, p.outcome, f.flow, p.len_bytes, p.cpu_hops, p.link, p.confidence AS certainty, "
		    "p.id AS packet FROM temp.perfetto_visit v JOIN packet p ON p.id = v.packet_id JOIN _packet q ON q.id = p.id "
		    "LEFT JOIN _name n ON n.id = v.dev_id LEFT JOIN (SELECT id, proto || ' ' || src || coalesce(' port ' || sport, '') || "
		    "' > ' || dst || coalesce(' port ' || dport, '') AS flow FROM flow) f ON f.id = p.flow_id "
		    "WHERE v.start_ns <= ?2 AND v.end_ns >= ?1 ORDER BY v.start_ns, v.packet_id, v.seq");
	while (!d->rc && stages && children && rep_row(d->r, &st)) {
		struct visit v = { col_int(st, 0), col_int(st, 1), col_int(st, 2), col_int(st, 3),
				   col_int(st, 4), col_int(st, 5), col_int(st, 6) };
		const char *what = v.way == WAY_OUT ? "sent" : v.way == WAY_IN ? "received" : "packets";
		struct place *p = device_track(d, col_text(st, 8), col_text(st, 7), what, 0, true);
		uint64_t lane = p ? lane_get(d, p, what, v.way == WAY_OUT, v.start_ns, v.end_ns) : 0;

		progress_at("packets", ++done, all);
		if (!lane) {
			d->omitted++;
			continue;
		}
		track_slice_no(d->t, lane, v.start_ns, "packet", v.packet);
		track_flow(d->t, (uint64_t)v.packet);
		if (col_int(st, 10))
			put_family(d, children, v.packet, !col_null(st, 9));
		put_args(d, st, 11);
		track_event_end(d->t);
		put_stages(d, stages, lane, &v);
		track_slice_end(d->t, lane, v.end_ns);
	}
	rep_done(&st);
	rep_done(&stages);
	rep_done(&children);
}

static void put_drops(struct draw *d)
{
	sqlite3_stmt *st = ask(d, "SELECT x.ts_ns, coalesce(x.netns, ''), coalesce(x.dev, ''), coalesce(x.reason, 'no reason'), x.packet_id, "
				  "x.function, x.location, x.class, x.layer, x.cpu, x.context, x.pid, x.packet_id AS packet, x.id AS drop_id "
				  "FROM packet_drop x WHERE x.ts_ns BETWEEN ?1 AND ?2 ORDER BY x.ts_ns, x.id");

	while (!d->rc && rep_row(d->r, &st)) {
		struct place *p = device_track(d, col_text(st, 1), col_text(st, 2), "drops", 2, false);

		if (!p)
			break;
		track_instant(d->t, p->track, col_int(st, 0), col_text(st, 3));
		if (!col_null(st, 4))
			track_flow(d->t, (uint64_t)col_int(st, 4));
		put_args(d, st, 5);
		track_event_end(d->t);
	}
	rep_done(&st);
}

/* A rate from counts in bins: bin number, count. */
static void put_rate(struct draw *d, uint64_t parent, int rank, const char *name, const char *unit, const char *sql)
{
	int64_t width = (d->range.to_ns - d->range.from_ns) / BINS, last = -1;
	sqlite3_stmt *st;
	uint64_t track = 0;

	width = width > BIN_MIN_NS ? width : BIN_MIN_NS;
	st = ask(d, sql);
	if (st)
		sqlite3_bind_int64(st, 3, width);
	while (!d->rc && rep_row(d->r, &st)) {
		int64_t bin = col_int(st, 0), at = d->range.from_ns + bin * width;

		if (!track)
			track = track_add(d->t, parent, name, rank, unit);
		if (bin > last + 1)
			track_counter(d->t, track, d->range.from_ns + (last + 1) * width, 0);
		track_counter(d->t, track, at, (double)col_int(st, 1) * 1e9 / (double)width);
		last = bin;
	}
	if (track)
		track_counter(d->t, track, d->range.from_ns + (last + 1) * width, 0);
	rep_done(&st);
}

static void put_counters(struct draw *d)
{
	uint64_t counters = track_add(d->t, 0, "Counters", RANK_COUNTERS, NULL), track = 0;
	char name[256], last[256] = "";
	sqlite3_stmt *st;

	put_rate(d, counters, 0, "drops: loss, policy, error", "drops/s",
		 "SELECT (ts_ns - ?1) / ?3, count(*) FROM packet_drop WHERE class IN ('loss', 'policy', 'error') AND "
		 "ts_ns BETWEEN ?1 AND ?2 GROUP BY 1 ORDER BY 1");
	put_rate(d, counters, 1, "drops: protocol, noise, teardown", "drops/s",
		 "SELECT (ts_ns - ?1) / ?3, count(*) FROM packet_drop WHERE class NOT IN ('loss', 'policy', 'error') AND "
		 "ts_ns BETWEEN ?1 AND ?2 GROUP BY 1 ORDER BY 1");
	put_rate(d, counters, 2, "packets begun", "packets/s",
		 "SELECT (first_ns - ?1) / ?3, count(*) FROM _packet WHERE first_ns BETWEEN ?1 AND ?2 GROUP BY 1 ORDER BY 1");
	st = ask(d, "SELECT snap_ns, coalesce(netns, ''), dev, value FROM counter WHERE source = 'qdisc' AND name = 'backlog_packets' AND "
		    "snap_ns BETWEEN ?1 AND ?2 AND dev IN (SELECT dev FROM counter WHERE source = 'qdisc' AND name = "
		    "'backlog_packets' AND value > 0) ORDER BY 2, 3, 1");
	for (int rank = 3; !d->rc && rep_row(d->r, &st); rank++) {
		snprintf(name, sizeof(name), "queue of %s in netns %s", col_text(st, 2), col_text(st, 1));
		if (strcmp(name, last) != 0)
			track = track_add(d->t, counters, name, rank, "packets");
		strcpy(last, name);
		track_counter(d->t, track, col_int(st, 0), (double)col_int(st, 3));
	}
	rep_done(&st);
}

int export_perfetto(struct rep *r, const struct export_range *range, FILE *f, struct err *e)
{
	struct draw *d = calloc(1, sizeof(*d));
	int rc;

	if (!d || tracks_open(&d->t, f, r->start_ns)) {
		free(d);
		return err_set(e, -ENOMEM, "out of memory");
	}
	d->r = r;
	d->e = e;
	d->range = *range;
	put_list(d, "Findings", RANK_FINDINGS,
		 "SELECT max(coalesce(from_ns, ?1), ?1), min(coalesce(to_ns, ?2), ?2), title, cause, severity, confidence, summary, netns, "
		 "dev, packets FROM finding WHERE coalesce(from_ns, ?1) <= ?2 AND coalesce(to_ns, ?2) >= ?1 ORDER BY id");
	put_list(d, "Not seen", RANK_UNSEEN,
		 "SELECT from_ns, to_ns, kind || ': ' || source, note, count, cpu, dev FROM quality WHERE from_ns <= ?2 AND to_ns >= ?1 "
		 "ORDER BY id");
	put_cpus(d);
	put_packets(d);
	put_drops(d);
	put_counters(d);
	progress_end();
	rc = tracks_close(d->t);
	if (!d->rc && rc)
		d->rc = err_set(e, rc, rc == -ENOMEM ? "out of memory" : "writing the trace: no space, or a closed pipe");
	if (!d->rc)
		d->rc = rep_error(r, e);
	if (!d->rc && d->omitted)
		fprintf(stderr, "skbtape export: %" PRId64 " times that a packet was on a device are left out: more than %d packets "
				"were there at once; --from, --to or --filter make it less\n", d->omitted, LANES_MAX);
	rc = d->rc;
	places_free(d);
	free(d);
	return rc;
}
