/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Three sets are made once, as temporary tables: frames (by their bytes on the tape, or by their flow
 * where there is no tape), flows and packets; drops and findings follow from these by SQL. Then each
 * table that holds packets is hidden behind a temporary view of its name that joins it with its set:
 * SQLite looks in the schema "temp" first (lang_naming.html), while views of the database itself go on
 * seeing its own tables, so a view such as `packet` is hidden on its own.
 *
 * Sums that cannot be taken apart are made anew (latency, cpu_hop) or left out (latency_total): a number
 * of all packets must not stand in a report of a few.
 *
 * A flow has no bytes. For an expression that looks at nothing but addresses, protocol and ports, a header
 * made of these gives the answer that its frames would.
 */
#include "only.h"
#include "dissect.h"
#include "pcapng.h"
#include "tmpfiles.h"

#include "../capture/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLL_BYTES 16 /* the cooked header, which an expression does not speak of */
#define HEADER_MAX 64

/* The expression of the command line, compiled by only_prepare(). */
static struct {
	const char *expr;
	struct filter *f;
} prepared;

struct maker {
	struct db *d;
	sqlite3 *h;
	struct filter *f;
	struct only_result r;
};

/* A table or view, the rows of it that stay, and whether it is a table (then only_write() deletes the others). */
static const struct {
	const char *name, *where;
	bool table;
} HIDDEN[] = {
	{ "_frame", "no IN temp.only_frame", true },
	{ "frame", "no IN temp.only_frame", false },
	{ "flow", "id IN temp.only_flow", true },
	{ "_packet", "id IN temp.only_packet", true },
	{ "packet", "id IN temp.only_packet", false },
	{ "_hop", "packet_id IN temp.only_packet", true },
	{ "hop", "packet_id IN temp.only_packet", false },
	{ "_cpu_hop", "packet_id IN temp.only_packet", true },
	{ "v_cpu_hop", "packet_id IN temp.only_packet", false },
	{ "_drop", "id IN temp.only_drop", true },
	{ "packet_drop", "id IN temp.only_drop", false },
	{ "socket_lock", "packet_id IN temp.only_packet", true },
	{ "latency", "0", true },
	{ "latency_total", "0", true },
	{ "latency_hist", "0", true },
	{ "latency_slow", "packet_id IN temp.only_packet", true },
	{ "latency_part", "part = 'flow' AND flow_id IN temp.only_flow", true },
	{ "cpu_hop", "0", true },
	{ "_drop_group", "flow_id IN temp.only_flow", true },
	{ "_drop_target", "flow_id IN temp.only_flow", true },
	{ "_flow_seen", "flow_id IN temp.only_flow", true },
	{ "_reader", "flow_id IN temp.only_flow", true },
	{ "_flow_many", "0", true }, /* some of its packets may be gone */
	{ "_flow_took", "0", true },
	{ "finding", "id IN temp.only_finding", true },
	{ "finding_evidence", "finding_id IN temp.only_finding", true },
	{ "finding_advice", "finding_id IN temp.only_finding", true },
	{ "finding_ruled_out", "finding_id IN temp.only_finding", true },
	{ "finding_packet", "packet_id IN temp.only_packet AND finding_id IN temp.only_finding", true },
	{ "v_packet", "packet_id IN temp.only_packet", false },
	{ "v_drop", "drop_id IN temp.only_drop", false },
	{ "v_flow", "flow_id IN temp.only_flow", false },
	{ "v_stage", "packet_id IN temp.only_packet", false },
	{ "v_latency", "0", false },
	{ "v_finding", "finding_id IN temp.only_finding", false },
};

static const char SETS[] =
	"CREATE TEMP TABLE only_frame(no INTEGER PRIMARY KEY);"
	"CREATE TEMP TABLE only_flow(id INTEGER PRIMARY KEY);"
	"CREATE TEMP TABLE only_packet(id INTEGER PRIMARY KEY);"
	"CREATE TEMP TABLE only_drop(id INTEGER PRIMARY KEY);"
	"CREATE TEMP TABLE only_finding(id INTEGER PRIMARY KEY);";

/* Packets of the frames, and those without a frame of their own whose flow decides (temp.only_flow holds
 * these flows then); then what they were made of, and what was made of them. */
static const char PACKETS[] =
	"INSERT OR IGNORE INTO temp.only_packet SELECT packet_id FROM main._frame "
	"WHERE packet_id IS NOT NULL AND no IN temp.only_frame;"
	"INSERT OR IGNORE INTO temp.only_packet SELECT id FROM main._packet p WHERE flow_id IN temp.only_flow "
	"AND NOT EXISTS (SELECT 1 FROM main._frame f WHERE f.packet_id = p.id);"
	"CREATE TEMP TABLE only_family AS WITH RECURSIVE "
	"up(id) AS (SELECT id FROM temp.only_packet UNION "
	"SELECT p.parent_id FROM up JOIN main._packet p ON p.id = up.id WHERE p.parent_id IS NOT NULL), "
	"down(id) AS (SELECT id FROM temp.only_packet UNION "
	"SELECT p.id FROM down JOIN main._packet p ON p.parent_id = down.id) "
	"SELECT id FROM up UNION SELECT id FROM down;"
	"INSERT OR IGNORE INTO temp.only_packet SELECT id FROM temp.only_family;"
	"DROP TABLE temp.only_family;"
	/* a drop of no packet is its flow's, where flows decide */
	"INSERT INTO temp.only_drop SELECT id FROM main._drop WHERE packet_id IN temp.only_packet "
	"OR (packet_id IS NULL AND flow_id IN temp.only_flow);"
	"INSERT OR IGNORE INTO temp.only_flow SELECT flow_id FROM main._frame WHERE flow_id IS NOT NULL "
	"AND no IN temp.only_frame UNION SELECT outer_flow_id FROM main._frame WHERE outer_flow_id IS NOT NULL "
	"AND no IN temp.only_frame;"
	"INSERT OR IGNORE INTO temp.only_flow SELECT flow_id FROM main._packet WHERE flow_id IS NOT NULL "
	"AND id IN temp.only_packet;"
	"INSERT OR IGNORE INTO temp.only_finding SELECT id FROM main.finding WHERE flow_id IN temp.only_flow "
	"UNION SELECT finding_id FROM main.finding_packet WHERE packet_id IN temp.only_packet;";

/* The sums that can be made anew. net_dev_xmit is the end of a call: where it stands behind later stages,
 * nothing but the call itself is measured by it. What was received is freed when it suits, so that is no delay. */
static const char SUMS[] =
	"CREATE TEMP TABLE latency AS WITH begun AS (SELECT id FROM main._stage WHERE name = 'net_dev_start_xmit'), "
	"ended AS (SELECT id FROM main._stage WHERE name = 'net_dev_xmit'), step AS ("
	"SELECT lag(stage) OVER w AS a, stage AS b, ts_ns - lag(ts_ns) OVER w AS ns FROM ("
	"SELECT packet_id, seq, ts_ns, stage, lag(stage) OVER (PARTITION BY packet_id ORDER BY seq) AS before "
	"FROM main._hop WHERE packet_id IN temp.only_packet) "
	"WHERE stage NOT IN ended OR before IN begun "
	"WINDOW w AS (PARTITION BY packet_id ORDER BY seq)), "
	"call AS (SELECT lag(stage) OVER w AS a, stage AS b, ts_ns - lag(ts_ns) OVER w AS ns FROM main._hop "
	"WHERE packet_id IN temp.only_packet AND (stage IN begun OR stage IN ended) "
	"WINDOW w AS (PARTITION BY packet_id ORDER BY seq)), "
	"pair AS (SELECT a, b, ns FROM step WHERE b NOT IN ended UNION ALL "
	"SELECT a, b, ns FROM call WHERE a IN begun AND b IN ended), "
	"ranked AS (SELECT a, b, ns, row_number() OVER (PARTITION BY a, b ORDER BY ns) AS k, "
	"count(*) OVER (PARTITION BY a, b) AS n FROM pair WHERE ns >= 0 AND (b NOT IN (SELECT id FROM main._stage "
	"WHERE name = 'consume_skb') OR a IN begun OR a IN ended)) "
	"SELECT s.name AS stage_from, t.name AS stage_to, n AS count, "
	"max(CASE WHEN k = (n * 50 + 99) / 100 THEN ns END) AS p50_ns, "
	"max(CASE WHEN k = (n * 90 + 99) / 100 THEN ns END) AS p90_ns, "
	"max(CASE WHEN k = (n * 99 + 99) / 100 THEN ns END) AS p99_ns, max(ns) AS max_ns "
	"FROM ranked JOIN main._stage s ON s.id = a JOIN main._stage t ON t.id = b GROUP BY a, b ORDER BY 1, 2;"
	"CREATE TEMP VIEW v_latency AS SELECT NULL AS way, * FROM temp.latency;"
	"CREATE TEMP TABLE cpu_hop AS WITH ranked AS ("
	"SELECT from_cpu, to_cpu, kind, delay_ns AS ns, row_number() OVER w AS k, "
	"count(*) OVER (PARTITION BY from_cpu, to_cpu, kind) AS n FROM main.v_cpu_hop "
	"WHERE packet_id IN temp.only_packet WINDOW w AS (PARTITION BY from_cpu, to_cpu, kind ORDER BY delay_ns)) "
	"SELECT from_cpu, to_cpu, kind, NULL AS netns, NULL AS dev, n AS count, "
	"max(CASE WHEN k = (n * 50 + 99) / 100 THEN ns END) AS p50_ns, "
	"max(CASE WHEN k = (n * 99 + 99) / 100 THEN ns END) AS p99_ns, max(ns) AS max_ns, "
	"(SELECT min(setting) FROM main.cpu_hop c WHERE c.from_cpu = ranked.from_cpu AND c.to_cpu = ranked.to_cpu "
	"AND c.kind = ranked.kind) AS setting FROM ranked GROUP BY from_cpu, to_cpu, kind ORDER BY 1, 2, 3;";

int only_prepare(const char *expr, struct err *e)
{
	struct filter *f;
	int rc;

	if (prepared.f)
		return 0;
	rc = filter_open(&f, expr, e);
	if (!rc) {
		prepared.expr = expr;
		prepared.f = f;
	}
	return rc;
}

static int fail(struct maker *m, struct err *e)
{
	return err_set(e, -EIO, "database: %s", sqlite3_errmsg(m->h));
}

static int insert_id(struct maker *m, sqlite3_stmt *st, int64_t id, struct err *e)
{
	int rc;

	sqlite3_bind_int64(st, 1, id);
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : fail(m, e);
	sqlite3_reset(st);
	return rc;
}

static bool frame_matches(const struct filter *f, const struct pcapng_packet *p)
{
	size_t skip = p->iface->linktype == LINK_SLL ? SLL_BYTES : 0;

	if (p->cap_bytes < skip || p->orig_bytes < skip)
		return false;
	return filter_match(f, p->iface->linktype == LINK_ETHERNET ? LINKTYPE_ETHERNET : LINKTYPE_RAW,
			    p->data + skip, p->cap_bytes - skip, p->orig_bytes - skip);
}

/* The frames of one member that match: @rows stands on its first row, and behind its last one afterwards. */
static int match_member(struct maker *m, struct tape *t, int64_t member, sqlite3_stmt *rows, sqlite3_stmt *ins,
			bool *more, struct buf *b, struct err *e)
{
	struct pcapng_packet p;
	struct pcapng g;
	int rc;

	if (member < 0 || (uint64_t)member >= tape_member_count(t))
		return err_set(e, -EINVAL, "%s: no member %" PRId64 ", of which the database has frames: not its tape",
			       tape_path(t), member);
	rc = tape_load(t, (size_t)member, b, e);
	if (rc)
		return rc;
	pcapng_init(&g, b->data, b->len);
	while (!rc && *more && sqlite3_column_int64(rows, 1) == member && pcapng_next(&g, &p) > 0) {
		if ((int64_t)p.offset != sqlite3_column_int64(rows, 2))
			continue;
		if (frame_matches(m->f, &p))
			rc = insert_id(m, ins, sqlite3_column_int64(rows, 0), e);
		*more = sqlite3_step(rows) == SQLITE_ROW;
	}
	pcapng_free(&g);
	while (!rc && *more && sqlite3_column_int64(rows, 1) == member) /* rows that the tape does not bear out */
		*more = sqlite3_step(rows) == SQLITE_ROW;
	return rc;
}

static int match_frames(struct maker *m, struct tape *t, struct err *e)
{
	sqlite3_stmt *rows = NULL, *ins = NULL;
	struct buf b = { 0 };
	bool more;
	int rc = 0;

	if (sqlite3_prepare_v2(m->h, "SELECT no, member, offset FROM main._frame ORDER BY no", -1, &rows, NULL) ||
	    sqlite3_prepare_v2(m->h, "INSERT INTO temp.only_frame VALUES(?)", -1, &ins, NULL))
		rc = fail(m, e);
	more = !rc && sqlite3_step(rows) == SQLITE_ROW;
	while (!rc && more)
		rc = match_member(m, t, sqlite3_column_int64(rows, 1), rows, ins, &more, &b, e);
	sqlite3_finalize(rows);
	sqlite3_finalize(ins);
	buf_free(&b);
	return rc;
}

/* Number of a protocol as table flow names it. Return: -1 for none. */
static int proto_number(const char *name)
{
	uint64_t n;

	for (int i = 0; i < 256; i++) {
		const char *known = dissect_proto_known((uint8_t)i);

		if (known && !strcmp(known, name))
			return i;
	}
	return span_u64((struct span){ name, strlen(name) }, &n) || n > 255 ? -1 : (int)n;
}

/* An Ethernet frame as a flow's could be; @sport < 0: a protocol without ports, or a later fragment.
 * Return: its length, 0 where the flow is none. */
static size_t make_header(uint8_t p[HEADER_MAX], const char *proto, const char *src, int sport, const char *dst,
			  int dport)
{
	int number = proto_number(proto);
	bool ported = number == 6 || number == 17 || number == 132 || number == 136; /* TCP, UDP, SCTP, UDP-Lite */
	size_t l4;

	memset(p, 0, HEADER_MAX);
	if (number < 0)
		return 0;
	if (inet_pton(AF_INET, src, p + 26) == 1 && inet_pton(AF_INET, dst, p + 30) == 1) {
		p[12] = 0x08;
		p[14] = 0x45;
		p[17] = 40;
		p[21] = ported && sport < 0 ? 1 : 0; /* fragment offset */
		p[22] = 64;
		p[23] = (uint8_t)number;
		l4 = 34;
	} else if (inet_pton(AF_INET6, src, p + 22) == 1 && inet_pton(AF_INET6, dst, p + 38) == 1) {
		if (ported && sport < 0)
			return 0; /* its fragment header would have to be made up, too */
		p[12] = 0x86;
		p[13] = 0xdd;
		p[14] = 0x60;
		p[19] = 20;
		p[20] = (uint8_t)number;
		p[21] = 64;
		l4 = 54;
	} else {
		return 0;
	}
	if (sport >= 0 && dport >= 0) {
		p[l4] = (uint8_t)(sport >> 8);
		p[l4 + 1] = (uint8_t)sport;
		p[l4 + 2] = (uint8_t)(dport >> 8);
		p[l4 + 3] = (uint8_t)dport;
	}
	return HEADER_MAX;
}

/* @sql gives id, proto, src, sport, dst, dport; ids that match go into the set that @into inserts to. */
static int match_flows(struct maker *m, const char *sql, const char *into, struct err *e)
{
	sqlite3_stmt *st = NULL, *ins = NULL;
	uint8_t head[HEADER_MAX];
	int rc = 0, step = SQLITE_DONE;

	if (sqlite3_prepare_v2(m->h, sql, -1, &st, NULL) || sqlite3_prepare_v2(m->h, into, -1, &ins, NULL))
		rc = fail(m, e);
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *proto = (const char *)sqlite3_column_text(st, 1);
		const char *src = (const char *)sqlite3_column_text(st, 2);
		const char *dst = (const char *)sqlite3_column_text(st, 4);
		int sport = sqlite3_column_type(st, 3) == SQLITE_NULL ? -1 : sqlite3_column_int(st, 3) & 0xffff;
		int dport = sqlite3_column_type(st, 5) == SQLITE_NULL ? -1 : sqlite3_column_int(st, 5) & 0xffff;

		if (proto && src && dst && make_header(head, proto, src, sport, dst, dport) &&
		    filter_match(m->f, LINKTYPE_ETHERNET, head, HEADER_MAX, HEADER_MAX))
			rc = insert_id(m, ins, sqlite3_column_int64(st, 0), e);
	}
	if (!rc && step != SQLITE_DONE)
		rc = fail(m, e);
	sqlite3_finalize(st);
	sqlite3_finalize(ins);
	return rc;
}

static int64_t count(struct maker *m, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t n = 0;

	if (!sqlite3_prepare_v2(m->h, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* Whether the database has such a table or view: an older one may lack a view. */
static bool is_there(struct maker *m, const char *name)
{
	sqlite3_stmt *st = NULL;
	bool yes = false;

	if (!sqlite3_prepare_v2(m->h, "SELECT 1 FROM main.sqlite_schema WHERE name = ? AND type IN ('table', 'view')", -1,
				&st, NULL)) {
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
		yes = sqlite3_step(st) == SQLITE_ROW;
	}
	sqlite3_finalize(st);
	return yes;
}

static int hide(struct maker *m, struct err *e)
{
	char sql[512];
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(HIDDEN); i++) {
		if (!is_there(m, HIDDEN[i].name) || !strcmp(HIDDEN[i].name, "latency") ||
		    !strcmp(HIDDEN[i].name, "cpu_hop") || !strcmp(HIDDEN[i].name, "v_latency"))
			continue;
		snprintf(sql, sizeof(sql), "CREATE TEMP VIEW %s AS SELECT * FROM main.%s WHERE %s", HIDDEN[i].name,
			 HIDDEN[i].name, HIDDEN[i].where);
		rc = db_exec(m->d, sql, e);
	}
	return rc;
}

/* The row of quality that tells it. */
static int hide_quality(struct maker *m, const char *expr, bool tape, struct err *e)
{
	sqlite3_stmt *st = NULL;
	char *note = NULL;
	int rc;

	if (asprintf(&note,
		     "only what belongs to packets that match '%s' is shown, chosen %s: %" PRId64 " frames, %" PRId64
		     " packets, %" PRId64 " drops, %" PRId64 " findings; %" PRId64
		     " packets and drops of which neither a frame nor a flow tells are left out%s. CPUs, counters and "
		     "settings are of the whole host",
		     expr, tape ? "by the frames' bytes" : "by flows, without the tape", m->r.frames, m->r.packets, m->r.drops,
		     m->r.findings, m->r.no_frame,
		     m->r.of_flow ? "" : ", as are those without a frame: the expression cannot be decided by a flow") < 0)
		return err_set(e, -ENOMEM, "out of memory");
	rc = db_exec(m->d,
		     "CREATE TEMP TABLE only_quality(note TEXT);"
		     "CREATE TEMP VIEW quality AS SELECT * FROM main.quality UNION ALL SELECT "
		     "(SELECT coalesce(max(id), 0) + 1 FROM main.quality), 'filter', 'reading', NULL, NULL, NULL, NULL, NULL, note "
		     "FROM temp.only_quality;",
		     e);
	if (!rc && sqlite3_prepare_v2(m->h, "INSERT INTO temp.only_quality VALUES(?)", -1, &st, NULL))
		rc = fail(m, e);
	if (!rc) {
		db_bind_text(st, 1, note);
		rc = sqlite3_step(st) == SQLITE_DONE ? 0 : fail(m, e);
	}
	sqlite3_finalize(st);
	free(note);
	return rc;
}

static int make_sets(struct maker *m, struct tape *t, const char *expr, struct err *e)
{
	int rc = db_exec(m->d, SETS, e);

	if (!rc && t)
		rc = match_frames(m, t, e);
	if (!rc && m->r.of_flow)
		rc = match_flows(m, "SELECT id, proto, src, sport, dst, dport FROM main.flow",
				 "INSERT OR IGNORE INTO temp.only_flow VALUES(?)", e);
	if (!rc && m->r.of_flow)
		rc = match_flows(m,
				 "SELECT id, flow_proto, flow_src, flow_sport, flow_dst, flow_dport FROM main.finding "
				 "WHERE flow_id IS NULL AND flow_sport IS NOT NULL AND flow_dport IS NOT NULL",
				 "INSERT OR IGNORE INTO temp.only_finding VALUES(?)", e);
	if (!rc && !t)
		rc = db_exec(m->d,
			     "INSERT OR IGNORE INTO temp.only_frame SELECT no FROM main._frame WHERE flow_id IN "
			     "temp.only_flow OR outer_flow_id IN temp.only_flow",
			     e);
	if (!rc)
		rc = db_exec(m->d, PACKETS, e);
	if (rc)
		return rc;
	m->r.frames = count(m, "SELECT count(*) FROM temp.only_frame");
	m->r.packets = count(m, "SELECT count(*) FROM temp.only_packet");
	m->r.flows = count(m, "SELECT count(*) FROM temp.only_flow");
	m->r.drops = count(m, "SELECT count(*) FROM main.packet_drop WHERE id IN temp.only_drop");
	m->r.findings = count(m, "SELECT count(*) FROM temp.only_finding");
	m->r.no_frame = count(m, "SELECT (SELECT count(*) FROM main._packet WHERE flow_id IS NULL AND id NOT IN "
				 "temp.only_packet) + (SELECT count(*) FROM main.packet_drop WHERE packet_id IS NULL "
				 "AND flow_id IS NULL)");
	rc = hide(m, e);
	if (!rc)
		rc = db_exec(m->d, SUMS, e);
	return rc ? rc : hide_quality(m, expr, t, e);
}

int only_apply(struct db *d, struct tape *t, const char *expr, struct only_result *r, struct err *e)
{
	struct maker m = { .d = d, .h = db_handle(d) };
	bool own = !prepared.f || strcmp(prepared.expr, expr) != 0;
	int rc = own ? filter_open(&m.f, expr, e) : 0;

	if (rc)
		return rc;
	if (!own)
		m.f = prepared.f;
	m.r.of_flow = filter_of_flow(m.f);
	if (filter_asks_kernel(m.f))
		rc = err_set(e, -EINVAL,
			     "filter '%s': asks for a direction or a device, which stand not in a frame: ask for them in SQL "
			     "(columns direction and dev of table frame)",
			     expr);
	else if (!t && !m.r.of_flow)
		rc = err_set(e, -EINVAL,
			     "filter '%s': only a frame's bytes can tell, and they stand on the tape: name it with --tape",
			     expr);
	if (!rc)
		rc = db_exec(d, "PRAGMA query_only = OFF", e);
	if (!rc)
		rc = make_sets(&m, t, expr, e);
	if (!rc)
		rc = db_exec(d, "PRAGMA query_only = ON", e);
	if (own)
		filter_close(m.f);
	if (!rc)
		*r = m.r;
	return rc;
}

/* Delete what is hidden; the sums that were made anew replace the old ones. */
static int strip(struct db *d, struct err *e)
{
	char sql[512];
	int rc = db_exec(d,
			 "PRAGMA query_only = OFF; BEGIN;"
			 "INSERT INTO main.quality SELECT (SELECT max(id) + 1 FROM main.quality), 'filter', 'reading', NULL, NULL, "
			 "NULL, NULL, NULL, note FROM temp.only_quality;",
			 e);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(HIDDEN); i++) {
		if (!HIDDEN[i].table)
			continue;
		snprintf(sql, sizeof(sql), "DELETE FROM main.%s WHERE NOT coalesce(%s, 0)", HIDDEN[i].name, HIDDEN[i].where);
		rc = db_exec(d, sql, e);
	}
	if (!rc)
		rc = db_exec(d,
			     "INSERT INTO main.latency SELECT * FROM temp.latency;"
			     "INSERT INTO main.cpu_hop SELECT * FROM temp.cpu_hop;"
			     "UPDATE main.flow SET reverse_id = NULL WHERE reverse_id NOT IN temp.only_flow;"
			     "UPDATE main.finding SET symptom_of = NULL WHERE symptom_of NOT IN temp.only_finding;"
			     "UPDATE main.finding SET flow_id = NULL WHERE flow_id NOT IN temp.only_flow;"
			     "UPDATE main._frame SET outer_flow_id = NULL WHERE outer_flow_id NOT IN temp.only_flow;"
			     "UPDATE main._frame SET packet_id = NULL, tie = NULL WHERE packet_id NOT IN temp.only_packet;"
			     "COMMIT; DROP VIEW temp.quality; DROP TABLE temp.latency; DROP TABLE temp.cpu_hop;"
			     "DROP VIEW temp.v_latency;",
			     e);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(HIDDEN); i++) { /* VACUUM would stumble over them */
		snprintf(sql, sizeof(sql), "DROP VIEW IF EXISTS temp.%s", HIDDEN[i].name);
		if (strcmp(HIDDEN[i].name, "latency") != 0 && strcmp(HIDDEN[i].name, "cpu_hop") != 0)
			rc = db_exec(d, sql, e);
	}
	return rc;
}

int only_write(struct db *d, const char *path, struct err *e)
{
	sqlite3 *h = db_handle(d);
	sqlite3_stmt *st = NULL;
	char *tmp = NULL, *journal = NULL; /* VACUUM makes a journal beside its file */
	int rc = strip(d, e);

	if (rc)
		return rc;
	if (asprintf(&tmp, "%s.tmp-%d", path, (int)getpid()) < 0 || asprintf(&journal, "%s-journal", tmp) < 0) {
		free(tmp);
		return err_set(e, -ENOMEM, "out of memory");
	}
	unlink(tmp);
	tmpfiles_add(tmp);
	tmpfiles_add(journal);
	if (sqlite3_prepare_v2(h, "VACUUM INTO ?", -1, &st, NULL))
		rc = err_set(e, -EIO, "%s: %s", path, sqlite3_errmsg(h));
	if (!rc) {
		sqlite3_bind_text(st, 1, tmp, -1, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = err_set(e, -EIO, "cannot write %s: %s", path, sqlite3_errmsg(h));
	}
	sqlite3_finalize(st);
	if (!rc && rename(tmp, path))
		rc = err_sys(e, "cannot rename %s to %s", tmp, path);
	if (rc)
		unlink(tmp);
	tmpfiles_done(tmp);
	tmpfiles_done(journal);
	free(tmp);
	free(journal);
	return rc;
}
