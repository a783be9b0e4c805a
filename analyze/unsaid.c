/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A function frees packets for a few reasons only, and most of these count in
 * an SNMP counter of their own. So where the kernel names no reason, the drops
 * of a function in a namespace are of that reason whose counter moved there as
 * far as they are many: all of them together, or those to one destination and
 * port alone. Both directions are asked: a counter that moved much further than
 * the drops had others in it, drops far beyond the counter were of another kind.
 * Some reasons have no counter; there the condition of the entry has to prove it.
 *
 * A reason that the tape's kernel knows may still be missing at one place of
 * several (6.1 has UDP_CSUM, but not in udp_recvmsg()), so a counter is believed
 * beside NOT_SPECIFIED too. What only a condition proves is not: such a kernel
 * would have said it.
 *
 * The conditions are this program's own text, put into SQL as they stand.
 */
#include "unsaid.h"
#include "embed.h"

#include <errno.h>

struct proof {
	struct span why, functions, counters, scope, by, where;
};

/* The next entry of drop_proofs.tsv. */
static bool proof_next(struct span *text, struct proof *p)
{
	struct span f[6];

	if (!embed_row(text, f, ARRAY_SIZE(f)))
		return false;
	*p = (struct proof){ f[0], f[1], f[2], f[3], f[4], f[5] };
	return true;
}

/* Whom one entry may speak of: ?1 is its reason. */
static int put_open(struct buf *b, const struct proof *p)
{
	return buf_printf(b,
			  "g.why_by IS NULL AND (g.reason IS NULL OR g.reason = 'NOT_SPECIFIED') "
			  "AND g.function IN (%.*s) AND (%.*s)",
			  (int)p->functions.n, p->functions.p, (int)p->where.n, p->where.p);
}

/* A tenth more than the counter shows is allowed: snapshots and events do not end at the same
 * instant. */
static int put_fit(struct buf *b, const struct proof *p)
{
	bool machine = span_is(p->scope, "machine");
	int rc = buf_printf(
		b, "WITH open AS MATERIALIZED ("
		   "	SELECT g.id, g.netns, g.dst, g.dport, g.drops FROM _drop_group g WHERE ");

	if (!rc)
		rc = put_open(b, p);
	if (!rc)
		rc = buf_printf(b,
				"), moved AS MATERIALIZED (SELECT netns, sum(n) AS n FROM ("
				"	SELECT netns, delta AS n FROM _moved WHERE name IN (%.*s) "
				"AND delta > 0 AND netns IS %sNULL "
				"	UNION ALL SELECT netns, drops_delta FROM qdisc WHERE kind "
				"IN (%.*s) AND drops_delta > 0"
				") GROUP BY netns), ",
				(int)p->counters.n, p->counters.p, machine ? "" : "NOT ",
				(int)p->counters.n, p->counters.p);
	if (!rc)
		rc = buf_printf(
			b,
			"target AS MATERIALIZED ("
			"	SELECT netns, dst, dport, sum(drops) AS n, sum(sum(drops)) OVER "
			"(%s) AS every "
			"	FROM open GROUP BY netns, dst, dport), "
			"fit AS (SELECT t.netns, t.dst, t.dport FROM target t JOIN moved m ON %s "
			"	WHERE t.n * 10 <= m.n * 11 + 20 AND (t.n * 2 >= m.n OR (t.every * "
			"2 >= m.n AND t.every * 10 <= m.n * 11 + 20)))",
			machine ? "" : "PARTITION BY netns", machine ? "1" : "m.netns = t.netns");
	return rc;
}

static int prove(struct db *d, const struct proof *p, struct err *e)
{
	bool counted = !span_is(p->counters, "-");
	sqlite3_stmt *st = NULL;
	struct buf b = { 0 };
	int rc = counted ? put_fit(&b, p) : 0;

	if (!rc)
		rc = buf_printf(&b, "UPDATE _drop_group AS g SET why = ?1, why_by = ?2 WHERE ");
	if (!rc)
		rc = counted ? buf_printf(&b,
					  "g.id IN (SELECT o.id FROM open o JOIN fit f ON o.netns "
					  "IS f.netns AND o.dst IS f.dst AND o.dport IS f.dport)")
			     : put_open(&b, p);
	if (!rc && !counted)
		rc = buf_printf(&b,
				" AND NOT EXISTS (SELECT 1 FROM _drop_reason r WHERE r.name = ?1)");
	rc = db_prepare_made(d, &b, rc, "drop_proofs.tsv", p->why, &st, e);
	if (!rc) {
		db_bind_span(st, 1, p->why);
		db_bind_span(st, 2, p->by);
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = err_set(e, -EIO, "drop_proofs.tsv: %s", sqlite3_errmsg(db_handle(d)));
	}
	sqlite3_finalize(st);
	return rc;
}

/* Whether there is any such drop: on most kernels the reasons say all. Return: 1, 0, -EIO. */
static int any_unsaid(struct db *d, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = -EIO;

	if (sqlite3_prepare_v2(db_handle(d),
			       "SELECT EXISTS (SELECT 1 FROM _drop_group WHERE reason IS NULL OR "
			       "reason = 'NOT_SPECIFIED')",
			       -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		rc = sqlite3_column_int(st, 0);
	if (rc < 0)
		err_set(e, rc, "drops without a reason: %s", sqlite3_errmsg(db_handle(d)));
	sqlite3_finalize(st);
	return rc;
}

int unsaid_prove(struct db *d, struct err *e)
{
	struct span text = embed_find("analyze/drop_proofs.tsv");
	struct proof p;
	int rc = any_unsaid(d, e);

	if (rc <= 0)
		return rc;
	rc = 0;
	while (!rc && proof_next(&text, &p))
		rc = prove(d, &p, e);
	return rc;
}
