/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Counters are exact also where events were lost, but say neither when nor
 * whose; events say both. ledger.tsv ties them: for each counter a condition over
 * the drops that it counts. Four steps:
 *
 * 1. Working tables: counters that moved, drops grouped by reason, place and
 *    flow, frames per flow, readers per flow.
 * 2. Placing by elimination: kfree_skb names neither device nor namespace; what
 *    a task drops in its own call happens in the task's namespace. Else, where
 *    a counter of that kind moved further than the drops placed in its
 *    namespace explain, and in no other namespace, the drops without a place
 *    happened there; netns_by says that it was found so.
 * 3. What drops without a reason were (unsaid.c), and drops by their targets.
 * 4. The ledger: change, explained part, rest.
 *
 * The conditions are this program's own text, put into SQL as they stand.
 */
#include "ledger.h"
#include "embed.h"
#include "unsaid.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char source_glob[24], name_glob[40];
	struct span source, name, class, scope, from, place, where, explained, rest;
};

static const char WORK[] =
	"DELETE FROM ledger; DELETE FROM _moved; DELETE FROM _drop_group;"

	"INSERT INTO _moved(netns, source, name, dev, cpu, delta) "
	"SELECT netns, source, name, dev, cpu, delta FROM counter_delta WHERE delta <> 0 "
	"ORDER BY source, name, netns, dev, cpu;"

	"INSERT INTO _drop_group(reason, function, layer, class, netns, netns_by, dev, flow_id, proto, src, sport, dst, dport, "
	"	context, protocol, has_socket, drops, bytes, first_ns, last_ns, why) "
	"SELECT p.reason, p.function, p.layer, p.class, coalesce(p.netns, n.name) AS place, "
	"	CASE WHEN p.netns IS NULL AND n.name IS NOT NULL THEN 'task' END AS by, p.dev, p.flow_id, "
	"	f.proto, f.src, f.sport, f.dst, f.dport, "
	"	p.context, p.protocol, p.has_socket, count(*), coalesce(sum(k.len_bytes), 0), min(p.ts_ns), max(p.ts_ns), p.reason "
	"FROM packet_drop p LEFT JOIN flow f ON f.id = p.flow_id LEFT JOIN _packet k ON k.id = p.packet_id "
	/* in task context it is the sender's (or reader's) own call that drops */
	"LEFT JOIN task t ON p.netns IS NULL AND p.context = 'task' AND p.pid > 0 AND t.pid = p.pid "
	"LEFT JOIN netns n ON n.id = t.netns_id "
	"GROUP BY p.reason, p.function, p.layer, p.class, place, by, p.dev, p.flow_id, p.context, p.protocol, p.has_socket "
	"ORDER BY min(p.id);";

static const char READERS[] =
	"DELETE FROM _flow_task;"

	"UPDATE _reader SET comm = (SELECT comm FROM task t WHERE t.pid = _reader.pid);"
	/* without frames a received packet has no flow, but a dropped datagram may (lives_told.c) */
	"WITH bare AS ( "
	"	SELECT flow_id, netns_in_id, dev_in_id, len_bytes "
	"	FROM _packet "
	"	WHERE flow_id IS NOT NULL AND outcome = 4 AND kind IN (1, 4) AND NOT EXISTS (SELECT 1 FROM _frame) "
	"	GROUP BY flow_id, netns_in_id, dev_in_id, len_bytes "
	"	HAVING count(*) >= 3 "
	"), alike AS ( "
	"	SELECT b.flow_id, w.pid, count(*) AS times, count(*) OVER (PARTITION BY b.flow_id) AS tasks "
	"	FROM bare b JOIN _packet p ON p.flow_id IS NULL AND p.netns_in_id = b.netns_in_id AND p.dev_in_id = b.dev_in_id AND p.len_bytes = b.len_bytes "
	"	JOIN _woken w ON w.packet_id = p.id "
	"	GROUP BY b.flow_id, w.pid "
	"	HAVING count(*) >= 3 "
	") "
	"INSERT INTO _flow_task(flow_id, proto, src, sport, dst, dport, pid, comm, cgroup, times, who, nth, alike) "
	"SELECT "
	"	f.id AS flow_id, "
	"	f.proto, "
	"	f.src, "
	"	f.sport, "
	"	f.dst, "
	"	f.dport, "
	"	x.pid, "
	"	t.comm, "
	"	t.cgroup, "
	"	x.times, "
	"	coalesce(t.comm || ' (pid ' || x.pid || ')', 'a task (pid ' || x.pid || ')') AS who, "
	"	row_number() OVER (PARTITION BY f.id ORDER BY x.times DESC, x.pid) AS nth, "
	"	x.alike "
	"FROM ( "
	"	SELECT flow_id, pid, sum(times) AS times, min(alike) AS alike "
	"	FROM ( "
	"		SELECT p.flow_id, w.pid, count(*) AS times, 0 AS alike FROM _woken w JOIN _packet p ON p.id = w.packet_id GROUP BY p.flow_id, w.pid "
	"		UNION ALL "
	"		SELECT flow_id, pid, reads, 0 FROM _reader "
	"		UNION ALL "
	"		SELECT flow_id, pid, times, 1 FROM alike WHERE tasks = 1 "
	"	) "
	"	WHERE flow_id IS NOT NULL "
	"	GROUP BY flow_id, pid "
	"	HAVING sum(times) >= 3 "
	") x "
	"JOIN flow f ON f.id = x.flow_id "
	"LEFT JOIN task t ON t.pid = x.pid "
	"WHERE t.netns_id IS NULL OR EXISTS ( "
	"	SELECT 1 "
	"	FROM addr a "
	"	WHERE a.netns_id = t.netns_id AND (a.address = f.dst OR f.dst LIKE '127.%' OR f.dst = '::1' OR f.dst LIKE '22_.%' OR f.dst LIKE '23_.%' OR f.dst LIKE 'ff%'));";

static const char TARGETS[] =
	"DELETE FROM _drop_target;"
	"INSERT INTO _drop_target(netns, netns_by, dev, reason, function, layer, class, proto, src, sport, dst, dport, flows, "
	"	flow_id, drops, drops_max, bytes, seen, syns, from_ns, to_ns, why, why_by) "
	"SELECT g.netns, max(g.netns_by), g.dev, g.reason, g.function, g.layer, g.class, g.proto, "
	"	CASE WHEN min(g.src) = max(g.src) THEN min(g.src) END, "
	"	CASE WHEN min(g.sport) = max(g.sport) THEN min(g.sport) END, "
	"	g.dst, g.dport, count(g.flow_id), "
	/* the flow with the most drops, of several the one with the smallest number */
	"	999999999999999 - CAST(substr(max(CASE WHEN g.flow_id IS NOT NULL THEN "
	"		printf('%015d%015d', g.drops, 999999999999999 - g.flow_id) END), 16) AS INTEGER), "
	"	sum(g.drops), max(g.drops), sum(g.bytes), sum(max(s.frames, g.drops)), CAST(total(s.syns) AS INTEGER), "
	"	min(g.first_ns), max(g.last_ns), g.why, max(g.why_by) "
	"FROM (SELECT netns, max(netns_by) AS netns_by, dev, reason, why, max(why_by) AS why_by, function, layer, class, proto, src, sport, dst, dport, "
	"		flow_id, sum(drops) AS drops, sum(bytes) AS bytes, min(first_ns) AS first_ns, max(last_ns) AS last_ns "
	"	FROM _drop_group GROUP BY netns, dev, reason, why, function, layer, class, proto, src, sport, dst, dport, flow_id) g "
	"LEFT JOIN _flow_seen s ON s.flow_id = g.flow_id "
	"GROUP BY g.netns, g.dev, g.reason, g.why, g.function, g.layer, g.class, g.proto, g.dst, g.dport "
	"ORDER BY sum(g.drops) DESC, min(g.first_ns), g.dst, g.dport;";

/* Where the recorder ended the frames before the drops, they tell no share. */
static const char NO_FRAMES[] = "UPDATE _drop_target SET seen = NULL, syns = 0 WHERE EXISTS ("
				"SELECT 1 FROM quality WHERE kind = 'detail-lowered' AND source IN ('no-pcap', 'drops'));";

/* The next entry of ledger.tsv. */
static bool entry_next(struct span *text, struct entry *en)
{
	struct span f[9];

	if (!embed_row(text, f, ARRAY_SIZE(f)))
		return false;
	*en = (struct entry){ .source = f[0], .name = f[1], .class = f[2], .scope = f[3], .from = f[4], .place = f[5],
			      .where = f[6], .explained = f[7], .rest = f[8] };
	assert(en->source.n < sizeof(en->source_glob) && en->name.n < sizeof(en->name_glob));
	span_copy(en->source, en->source_glob, sizeof(en->source_glob));
	span_copy(en->name, en->name_glob, sizeof(en->name_glob));
	return true;
}

static int step(struct db *d, sqlite3_stmt *st, struct err *e)
{
	return sqlite3_step(st) == SQLITE_DONE ? 0 : err_set(e, -EIO, "ledger: %s", sqlite3_errmsg(db_handle(d)));
}

/* Run the statement that was put into @b (@rc: how that went); ?1 and ?2 are source and name. */
static int run(struct db *d, const struct entry *en, struct buf *b, int rc, struct err *e)
{
	sqlite3_stmt *st = NULL;

	rc = db_prepare_made(d, b, rc, "ledger.tsv", en->name, &st, e);
	if (!rc) {
		db_bind_span(st, 1, en->source);
		db_bind_span(st, 2, en->name);
		rc = step(d, st, e);
	}
	sqlite3_finalize(st);
	return rc;
}

/* Step 2 for one entry. A tenth more than the counter shows is allowed: snapshots and events do not end at the same instant. */
static int place(struct db *d, const struct entry *en, struct err *e)
{
	struct buf b = { 0 };
	int rc;

	rc = buf_printf(&b,
			"WITH moved AS ("
			"	SELECT m.netns, sum(m.delta) - (SELECT coalesce(sum(g.drops), 0) FROM _drop_group g "
			"		WHERE g.netns = m.netns AND (%.*s)) AS rest "
			"	FROM _moved m WHERE m.source = ?1 AND m.name = ?2 AND m.netns IS NOT NULL GROUP BY m.netns), "
			"open AS (SELECT netns, rest FROM moved WHERE rest > 0), "
			"lost AS (SELECT coalesce(sum(g.drops), 0) AS n FROM _drop_group g WHERE g.netns IS NULL AND (%.*s)) "
			"UPDATE _drop_group AS g SET netns = (SELECT netns FROM open), netns_by = 'counter' "
			"WHERE g.netns IS NULL AND (%.*s) AND (SELECT count(*) FROM open) = 1 "
			"AND (SELECT n FROM lost) <= (SELECT rest + rest / 10 + 2 FROM open)",
			(int)en->where.n, en->where.p, (int)en->where.n, en->where.p, (int)en->where.n, en->where.p);
	return run(d, en, &b, rc, e);
}

/*
 * A task may have its socket in another namespace than its own: where the counter of that kind stood still in the task's and moved far
 * enough in another, the place that was found by the task is taken back, before step 2.
 */
static int unplace(struct db *d, const struct entry *en, struct err *e)
{
	struct buf b = { 0 };
	int rc;

	rc = buf_printf(&b,
			"UPDATE _drop_group AS g SET netns = NULL, netns_by = NULL WHERE g.netns_by = 'task' AND (%.*s) "
			"AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.source = ?1 AND m.name = ?2 AND m.netns = g.netns AND m.delta > 0) "
			"AND EXISTS (SELECT 1 FROM _moved m WHERE m.source = ?1 AND m.name = ?2 AND m.netns <> g.netns AND m.delta >= g.drops)",
			(int)en->where.n, en->where.p);
	return run(d, en, &b, rc, e);
}

/* The part of the statement of step 4 that counts events, per row m of moved counters. */
static int put_explained(struct buf *b, const struct entry *en)
{
	const char *scope = span_is(en->scope, "netns")	 ? "g.netns IS m.netns" :
			    span_is(en->scope, "dev")	 ? "g.netns IS m.netns AND g.dev = m.dev" :
							   "1";

	if (span_is(en->from, "drop"))
		return buf_printf(b,
				  "(SELECT coalesce(sum(g.drops), 0) FROM _drop_group g WHERE %s AND (%.*s)) AS events, "
				  "(SELECT coalesce(sum(g.drops), 0) FROM _drop_group g WHERE %s AND g.netns_by = 'counter' "
				  "AND (%.*s)) AS placed",
				  scope, (int)en->where.n, en->where.p, scope, (int)en->where.n, en->where.p);
	/* such events name no namespace: they count where only one can have made them */
	if (span_is(en->from, "event"))
		return buf_printf(b,
				  "CASE WHEN EXISTS (SELECT 1 FROM event_type e WHERE %.*s) "
				  "AND (SELECT count(DISTINCT o.netns) FROM _moved o WHERE o.source = m.source "
				  "AND o.name = m.name AND o.delta > 0) = 1 "
				  "THEN (SELECT coalesce(sum(e.count), 0) FROM event_type e WHERE %.*s) END AS events, "
				  "-EXISTS (SELECT 1 FROM event_type e WHERE %.*s) AS placed",
				  (int)en->where.n, en->where.p, (int)en->where.n, en->where.p, (int)en->where.n,
				  en->where.p);
	return buf_printf(b, "NULL AS events, 0 AS placed");
}

/*
 * Still step 2: what a hook refuses on its way out (ip_finish_output() and behind it) was counted as a packet to send and never as one
 * sent: OutTransmits is counted behind them, in ip_finish_output2() and ip6_finish_output2(). The namespace that lacks as many is
 * theirs, if only one does; fragments and copies make a namespace lack fewer, and so only hide it.
 */
#define UNSENT_OF(functions, asked, passed, sent)                                                                              \
	"WITH lack AS (SELECT m.netns, sum(CASE m.name WHEN '" sent "' THEN -m.delta ELSE m.delta END) AS n FROM _moved m "            \
	"	WHERE m.netns IS NOT NULL AND m.name IN ('" asked "', '" passed "', '" sent "') GROUP BY m.netns), "                       \
	"lost AS (SELECT sum(g.drops) AS n FROM _drop_group g WHERE g.netns IS NULL AND g.function IN (" functions ") "                \
	"	AND g.flow_id IS NULL AND g.class = 'policy'), "                                                                           \
	"fit AS (SELECT l.netns FROM lack l, lost o WHERE l.n BETWEEN o.n - o.n / 10 - 2 AND o.n + o.n / 10 + 2 AND o.n >= 5) "        \
	"UPDATE _drop_group AS g SET netns = (SELECT netns FROM fit), netns_by = 'counter' "                                           \
	"WHERE g.netns IS NULL AND g.function IN (" functions ") AND g.flow_id IS NULL AND g.class = 'policy' "                        \
	"AND (SELECT count(*) FROM fit) = 1 AND EXISTS (SELECT 1 FROM counter_delta WHERE name = '" sent "');"

static const char UNSENT[] = UNSENT_OF("'ip_finish_output', 'ip_mc_finish_output'", "Ip.OutRequests", "Ip.ForwDatagrams", "Ip.OutTransmits")
	UNSENT_OF("'ip6_finish_output'", "Ip6OutRequests", "Ip6OutForwDatagrams", "Ip6OutTransmits");

static struct span words_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void bind_words(sqlite3_stmt *st, int at, struct span words)
{
	db_bind_span(st, at, span_is(words, "-") ? (struct span){ 0 } : words);
}

/* The statement of step 4 for the counters ?1 (source) ?2 (name); ?3 and ?4 are the words, ?5 the class. */
static int prepare_enter(struct db *d, const struct entry *en, sqlite3_stmt **st, struct err *e)
{
	struct buf b = { 0 };
	int rc;

	rc = buf_printf(&b, "WITH m AS MATERIALIZED (SELECT netns, source, name, dev, sum(delta) AS delta FROM _moved "
			    "	WHERE source = ?1 AND name = ?2 GROUP BY netns, dev HAVING sum(delta) > 0), "
			    "x AS (SELECT m.*, ");
	if (!rc)
		rc = put_explained(&b, en);
	if (!rc)
		rc = buf_printf(&b, " FROM m) "
				    "INSERT INTO ledger(netns, source, name, class, dev, delta, explained, unexplained, explanation) "
				    "SELECT netns, source, name, ?5, dev, delta, min(events, delta), max(delta - events, 0), "
				    "CASE WHEN events IS NULL AND placed < 0 THEN 'its events name no namespace, and it moved in several' "
				    "WHEN events > 0 THEN events || ' recorded: ' || ?3 "
				    "	|| CASE WHEN placed > 0 THEN ' (' || placed || ' of them placed here because this counter moved "
				    "nowhere else)' ELSE '' END "
				    "	|| CASE WHEN events < delta AND ?4 IS NOT NULL THEN '; the rest: ' || ?4 ELSE '' END "
				    "ELSE coalesce(?4, CASE WHEN events = 0 THEN 'no event of this kind was recorded' "
				    "	ELSE 'no event tells more about it' END) END "
				    "FROM x ORDER BY netns, dev");
	return db_prepare_made(d, &b, rc, "ledger.tsv", en->name, st, e);
}

/* Step 4 for one counter, in all namespaces and devices. @plain: the statement for what no event can explain, made when first used. */
static int enter(struct db *d, const struct entry *en, struct span source, struct span name, sqlite3_stmt **plain, struct err *e)
{
	bool events = span_is(en->from, "drop") || span_is(en->from, "event");
	sqlite3_stmt *own = NULL, **st = events ? &own : plain;
	int rc = *st ? 0 : prepare_enter(d, en, st, e);

	if (!rc) {
		db_bind_span(*st, 1, source);
		db_bind_span(*st, 2, name);
		bind_words(*st, 3, en->explained);
		bind_words(*st, 4, span_is(en->from, "traffic") ? words_of("traffic") : en->rest);
		db_bind_span(*st, 5, en->class);
		rc = step(d, *st, e);
		sqlite3_reset(*st);
	}
	sqlite3_finalize(own);
	return rc;
}

/* Step 4: each counter that grew, by the first entry whose patterns fit. */
static int enter_all(struct db *d, const struct entry *entries, size_t n, struct err *e)
{
	sqlite3_stmt *moved = NULL, *plain = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(db_handle(d), "SELECT DISTINCT source, name FROM _moved WHERE delta > 0 ORDER BY source, name", -1, &moved,
			       NULL) != SQLITE_OK)
		return err_set(e, -EIO, "ledger: %s", sqlite3_errmsg(db_handle(d)));
	while (!rc && sqlite3_step(moved) == SQLITE_ROW) {
		const char *source = (const char *)sqlite3_column_text(moved, 0);
		const char *name = (const char *)sqlite3_column_text(moved, 1);
		size_t i = 0;

		while (source && name && i < n && (sqlite3_strglob(entries[i].source_glob, source) || sqlite3_strglob(entries[i].name_glob, name)))
			i++;
		if (source && name && i < n)
			rc = enter(d, &entries[i], words_of(source), words_of(name), &plain, e);
	}
	sqlite3_finalize(moved);
	sqlite3_finalize(plain);
	return rc;
}

/* All entries. Return: a vector that the caller frees, NULL: out of memory. */
static struct entry *entries_read(size_t *n)
{
	struct span text = embed_find("analyze/ledger.tsv");
	size_t lines = 0;
	struct entry *v;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	v = calloc(lines + 1, sizeof(*v));
	for (*n = 0; v && *n <= lines && entry_next(&text, &v[*n]);)
		(*n)++;
	return v;
}

int ledger_build(struct db *d, struct err *e)
{
	size_t n = 0;
	struct entry *v = entries_read(&n);
	int rc = v ? db_exec(d, WORK, e) : -ENOMEM;

	for (size_t i = 0; !rc && i < n; i++)
		if (span_is(v[i].place, "y")) {
			rc = unplace(d, &v[i], e);
			if (!rc)
				rc = place(d, &v[i], e);
		}
	if (!rc)
		rc = db_exec(d, UNSENT, e);
	if (!rc)
		rc = db_exec(d, READERS, e);
	if (!rc)
		rc = db_exec(d,
			     "UPDATE _drop_group AS g SET netns_by = 'flow', netns = f.netns FROM flow f "
			     "WHERE g.netns IS NULL AND f.id = g.flow_id AND f.netns IS NOT NULL",
			     e);
	if (!rc)
		rc = unsaid_prove(d, e);
	if (!rc)
		rc = db_exec(d, TARGETS, e);
	if (!rc)
		rc = db_exec(d, NO_FRAMES, e);
	if (!rc)
		rc = enter_all(d, v, n, e);
	free(v);
	return rc == -ENOMEM ? err_set(e, rc, "out of memory") : rc;
}
