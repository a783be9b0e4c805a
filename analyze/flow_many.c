/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Sorting all packets of a flow for its percentiles takes seconds where there are a million. So they
 * are read once, flow by flow, and put into histograms: by kind and outcome, and one of those that
 * arrived with both ends seen, whose median gives the typical one. Memory is one flow's.
 */
#include "flow_many.h"
#include "series.h"

#include <errno.h>

#define FLOWS_MAX "1024"
#define KINDS	  8 /* both are below, see _packet */
#define OUTCOMES  8

struct group {
	struct hist took;
	int64_t packet_id; /* any */
};

struct many {
	struct db *d;
	struct group group[KINDS][OUTCOMES];
	struct hist arrived;
	int64_t packets, sure[5], slow_id, slow_ns;
};

static void forget(struct many *m)
{
	for (int k = 0; k < KINDS; k++)
		for (int o = 0; o < OUTCOMES; o++)
			hist_free(&m->group[k][o].took);
	hist_free(&m->arrived);
	*m = (struct many){ .d = m->d };
}

static int add_packet(struct many *m, sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, 0), took = sqlite3_column_int64(st, 1);
	int kind = sqlite3_column_int(st, 2), outcome = sqlite3_column_int(st, 3), flags = sqlite3_column_int(st, 4),
	    sure = sqlite3_column_int(st, 5);
	struct group *g = &m->group[kind & (KINDS - 1)][outcome & (OUTCOMES - 1)];
	int rc = hist_add(&g->took, took > 0 ? (uint64_t)took : 0);

	g->packet_id = id;
	m->packets++;
	m->sure[sure >= 1 && sure <= 3 ? sure : 4]++;
	if (outcome > 3 || flags & 22) /* see put_examples() in reports/why.c */
		return rc;
	if (!m->slow_id || took > m->slow_ns) {
		m->slow_id = id;
		m->slow_ns = took;
	}
	return rc ? rc : hist_add(&m->arrived, took > 0 ? (uint64_t)took : 0);
}

static int write_group(struct many *m, const struct group *g, int64_t flow_id)
{
	sqlite3_stmt *st = db_prepare(m->d, "INSERT INTO _flow_took SELECT ?1, kind, outcome, ?3, ?4 FROM packet WHERE id = ?2");
	uint64_t ns, count;
	size_t at = 0;
	int rc = 0;

	while (!rc && hist_next(&g->took, &at, &ns, &count)) {
		db_bind_int(st, 1, flow_id);
		db_bind_int(st, 2, g->packet_id);
		db_bind_int(st, 3, (int64_t)ns);
		db_bind_int(st, 4, (int64_t)count);
		rc = db_run(m->d, st);
	}
	return rc;
}

static int write_flow(struct many *m, int64_t flow_id)
{
	/* no wider than the histogram's buckets */
	sqlite3_stmt *st = db_prepare(m->d, "UPDATE _flow_many SET packets = ?2, certain = ?3, high = ?4, medium = ?5, low = ?6, slow_id = ?7, "
					    "typical_id = (SELECT id FROM _packet WHERE flow_id = ?1 AND outcome <= 3 AND flags & 22 = 0 AND "
					    "last_ns - first_ns BETWEEN ?8 - ?8 / 128 AND ?8 + ?8 / 128 LIMIT 1) WHERE flow_id = ?1");
	int rc = 0;

	db_bind_int(st, 1, flow_id);
	db_bind_int(st, 2, m->packets);
	for (int i = 1; i <= 4; i++)
		db_bind_int(st, 2 + i, m->sure[i]);
	db_bind_opt(st, 7, m->slow_id, 0);
	db_bind_int(st, 8, (int64_t)hist_at(&m->arrived, 500));
	rc = db_run(m->d, st);
	for (int k = 0; k < KINDS; k++)
		for (int o = 0; !rc && o < OUTCOMES; o++)
			rc = write_group(m, &m->group[k][o], flow_id);
	return rc;
}

int flow_many_write(struct db *d, struct err *e)
{
	static const char few[] = "DELETE FROM _flow_many WHERE flow_id NOT IN (SELECT flow_id FROM _flow_many ORDER BY frames_unique + "
				  "frames_ordered + frames_ambiguous + frames_none DESC, flow_id LIMIT " FLOWS_MAX ")";
	struct many m = { .d = d };
	int rc = db_exec(d, few, e);
	sqlite3_stmt *flows = db_prepare(d, "SELECT flow_id FROM _flow_many ORDER BY flow_id");
	sqlite3_stmt *st = db_prepare(d, "SELECT id, last_ns - first_ns, kind, outcome, flags, confidence FROM _packet WHERE flow_id = ? ORDER BY id");

	while (!rc && sqlite3_step(flows) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(flows, 0);

		db_bind_int(st, 1, id);
		while (!rc && sqlite3_step(st) == SQLITE_ROW)
			rc = add_packet(&m, st);
		sqlite3_reset(st);
		if (!rc)
			rc = write_flow(&m, id);
		forget(&m);
	}
	sqlite3_reset(flows);
	return rc && e && !e->text[0] ? (db_error(d, e) ? rc : err_set(e, rc, "out of memory")) : rc;
}
