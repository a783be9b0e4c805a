/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Two stages tell that a packet changed CPU, and mostly by what. RPS and RFS
 * look alike: both put it into another CPU's backlog (get_rps_cpu() in
 * net/core/dev.c), RPS by the packet's hash, RFS where its reader last ran. So a
 * move is RFS's where that is switched on for the device and the packet was then
 * read on the CPU it was moved to, or the device has no RPS. Where the snapshots
 * say that it has neither, something else moved it. Where it is not known which
 * namespace's device it is, such a move is called RPS's.
 */
#include "moves.h"
#include "series.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SERIES_MAX 16384

static const char *const kind_names[] = { "other",	"rps",	  "rfs",      "qdisc",
					  "completion", "wakeup", "migration" };
static_assert(ARRAY_SIZE(kind_names) == MOVE_KINDS, "kind_names");

struct moves {
	struct db *db;
	struct series_set *series;
	sqlite3_stmt *get;
	bool has_flow_table;
};

int moves_open(struct moves **out, struct db *db)
{
	struct moves *m = calloc(1, sizeof(*m));
	sqlite3_stmt *st;

	if (!m)
		return -ENOMEM;
	m->db = db;
	if (series_open(&m->series, SERIES_MAX)) {
		free(m);
		return -ENOMEM;
	}
	/* a mask of zeros and commas is none */
	m->get = db_prepare(
		db,
		"SELECT count(CASE WHEN name = 'rps_cpus' THEN 1 END), "
		"count(CASE WHEN name = 'rps_cpus' AND trim(value, '0,') <> '' THEN 1 END), "
		"count(CASE WHEN name = 'rps_flow_cnt' THEN 1 END), "
		"count(CASE WHEN name = 'rps_flow_cnt' AND value <> '0' THEN 1 END) "
		"FROM queue_setting WHERE netns_id = ?1 AND dev = (SELECT text FROM _name WHERE id "
		"= ?2)");
	st = db_prepare(db, "SELECT count(*) FROM sysctl WHERE name = "
			    "'net.core.rps_sock_flow_entries' AND (value <> '0' OR value_end <> "
			    "'0')");
	m->has_flow_table = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	*out = m;
	return 0;
}

void moves_close(struct moves *m)
{
	if (!m)
		return;
	series_close(m->series);
	free(m);
}

enum move_kind moves_kind(const struct hop *a, const struct hop *b)
{
	switch (b->stage) {
	case STAGE_NETIF_RECEIVE_SKB:
		return stage_receives(a->stage) && a->stage < STAGE_NETIF_RECEIVE_SKB ? MOVE_RPS
										      : MOVE_OTHER;
	case STAGE_SKB_COPY:
	case STAGE_SOCK_RECV_LENGTH:
		if (a->stage == STAGE_SKB_COPY ||
		    (a->stage == STAGE_CONSUME_SKB && a->context == 1))
			return MOVE_MIGRATION;
		return b->context == 1 && stage_receives(a->stage) ? MOVE_WAKEUP : MOVE_OTHER;
	case STAGE_QDISC_DEQUEUE:
	case STAGE_NET_DEV_START_XMIT:
		return a->stage >= STAGE_NET_DEV_QUEUE && a->stage <= STAGE_NET_DEV_XMIT
			       ? MOVE_QDISC
			       : MOVE_OTHER;
	case STAGE_CONSUME_SKB:
	case STAGE_KFREE_SKB:
		if (a->stage == STAGE_NET_DEV_START_XMIT || a->stage == STAGE_NET_DEV_XMIT)
			return MOVE_COMPLETION;
		if (b->context == 1 && b->stage == STAGE_CONSUME_SKB && stage_receives(a->stage))
			return a->context == 1 ? MOVE_MIGRATION : MOVE_WAKEUP;
		return MOVE_OTHER;
	default:
		return MOVE_OTHER;
	}
}

void moves_settings(struct moves *m, struct move_dev *d)
{
	sqlite3_stmt *st = m->get;

	d->rps = d->rfs = -1;
	if (!d->netns_id)
		return;
	db_bind_int(st, 1, d->netns_id);
	db_bind_int(st, 2, d->name_id);
	if (sqlite3_step(st) == SQLITE_ROW) {
		if (sqlite3_column_int64(st, 0))
			d->rps = sqlite3_column_int64(st, 1) > 0;
		if (sqlite3_column_int64(st, 2))
			d->rfs = m->has_flow_table && sqlite3_column_int64(st, 3) > 0;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

static uint64_t key_of(const struct delays_move *x, enum move_kind kind)
{
	return (uint64_t)x->from << 40 | (uint64_t)x->to << 24 | (uint64_t)kind << 16 | x->dev;
}

int moves_add(struct moves *m, const struct delays_move *x, const struct move_dev *d, int read_on,
	      enum move_kind *kind)
{
	*kind = (enum move_kind)x->kind;
	if (*kind == MOVE_RPS && d) {
		if (d->rfs == 1 && (read_on == x->to || !d->rps))
			*kind = MOVE_RFS;
		else if (!d->rps && !d->rfs)
			*kind = MOVE_OTHER;
	}
	return series_add(m->series, key_of(x, *kind), x->ns);
}

/* What set each kind of move, as the last snapshot shows it. Queues of one value are named
 * together, those where it is off are not. Each table is made once: a host has many devices. */
static const char SETTINGS[] =
	"CREATE TEMP TABLE moves_named(netns TEXT, dev TEXT, name TEXT, text TEXT, PRIMARY KEY "
	"(netns, dev, name));"
	"INSERT INTO moves_named SELECT netns, dev, name, group_concat(text, ', ') FROM (SELECT "
	"netns, dev, name, name || ' ' || value || ' (' || CASE WHEN count(*) = 1 THEN min(queue) "
	"ELSE count(*) || ' queues' END || ')' AS text FROM queue_setting WHERE name IN "
	"('rps_cpus', 'rps_flow_cnt', 'xps_cpus') AND trim(value, '0,') <> '' GROUP BY netns, dev, "
	"name, value ORDER BY min(queue)) GROUP BY netns, dev, name HAVING count(*) <= 8;"
	"UPDATE cpu_hop SET setting = (SELECT text FROM moves_named n WHERE n.netns = "
	"cpu_hop.netns AND n.dev = cpu_hop.dev AND n.name = CASE cpu_hop.kind WHEN 'rps' THEN "
	"'rps_cpus' WHEN 'rfs' THEN 'rps_flow_cnt' ELSE 'xps_cpus' END) WHERE kind IN ('rps', "
	"'rfs', 'qdisc');"
	"UPDATE cpu_hop SET setting = setting || ', net.core.rps_sock_flow_entries ' || (SELECT "
	"coalesce(value_end, value) FROM sysctl WHERE name = 'net.core.rps_sock_flow_entries' "
	"ORDER BY netns_id LIMIT 1) WHERE kind = 'rfs';"
	"CREATE TEMP TABLE moves_irq(dev TEXT PRIMARY KEY, text TEXT);"
	"INSERT INTO moves_irq SELECT dev, (SELECT group_concat(text, ', ') FROM (SELECT 'irq ' || "
	"irq || ' (' || actions || ') on CPU ' || affinity AS text FROM irq_affinity WHERE actions "
	"= h.dev OR substr(actions, 1, length(h.dev) + 1) = h.dev || '-' ORDER BY irq LIMIT 8)) "
	"FROM (SELECT DISTINCT dev FROM cpu_hop WHERE kind = 'completion' AND netns = 'init') h;"
	"UPDATE cpu_hop SET setting = (SELECT text FROM moves_irq i WHERE i.dev = cpu_hop.dev) "
	"WHERE kind = 'completion' AND netns = 'init';"
	"DROP TABLE moves_named; DROP TABLE moves_irq;";

int moves_finish(struct moves *m, const struct move_dev *devs, size_t dev_n)
{
	sqlite3_stmt *st = db_prepare(
		m->db, "INSERT INTO cpu_hop(from_cpu, to_cpu, kind, netns, dev, count, p50_ns, "
		       "p99_ns, max_ns) VALUES(?1, ?2, ?3, (SELECT name FROM netns WHERE id = "
		       "?4), (SELECT text FROM _name WHERE id = ?5), ?6, ?7, ?8, ?9)");
	size_t n;
	struct series *const *v = series_sorted(m->series, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct series *x = v[i];
		size_t dev = x->key & UINT16_MAX;

		db_bind_int(st, 1, (int64_t)(x->key >> 40));
		db_bind_int(st, 2, (int64_t)(x->key >> 24 & UINT16_MAX));
		db_bind_text(st, 3, kind_names[x->key >> 16 & 0xff]);
		db_bind_int(st, 4, dev < dev_n ? devs[dev].netns_id : 0);
		db_bind_int(st, 5, dev < dev_n ? devs[dev].name_id : 0);
		db_bind_int(st, 6, (int64_t)x->h.count);
		db_bind_int(st, 7, (int64_t)hist_at(&x->h, 500));
		db_bind_int(st, 8, (int64_t)hist_at(&x->h, 990));
		db_bind_int(st, 9, (int64_t)x->h.max);
		rc = db_run(m->db, st);
	}
	if (!rc && series_left_out(m->series))
		db_quality(m->db,
			   &(struct quality){ "limit", "cpu_hop", -1, NULL, -1, -1,
					      (int64_t)series_left_out(m->series) },
			   "changes of CPU of packets are missing in the table cpu_hop: it keeps "
			   "at most %d pairs of CPUs, kinds and devices",
			   SERIES_MAX);
	return rc ? rc : db_exec(m->db, SETTINGS, NULL);
}
