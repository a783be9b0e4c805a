/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Flows of packets that no frame shows: recorded without frames, or beyond the
 * capture's filter. udp_fail_queue_rcv_skb names no skb, but since 6.10 both
 * addresses and ports of the one that its function frees right behind it, on
 * the same CPU (__udp_queue_rcv_skb(), net/ipv4/udp.c): the next drop there is
 * that one if a UDP function did it in the same task, no other such event came
 * between, and none was lost.
 */
#include "lives_int.h"

#include <errno.h>

/* More than an interrupt or two between the event and the drop; a softirq does not come there. */
#define TOLD_NS "1000000"

int lives_told(struct lives *v)
{
	static const char find[] =
		"CREATE TEMP TABLE lives_fail AS SELECT e.ts_ns, e.cpu, e.pid, "
		"json_extract(e.fields, '$.sport') AS sport, "
		"json_extract(e.fields, '$.dport') AS dport, "
		"json_extract(e.fields, '$.saddr') AS src, "
		"json_extract(e.fields, '$.daddr') AS dst "
		"FROM event_type t JOIN _event e ON e.type_id = t.id "
		"WHERE t.system = 'udp' AND t.name = 'udp_fail_queue_rcv_skb';"
		/* what has no addresses, or other ports in them, is another kernel's */
		"DELETE FROM lives_fail WHERE src IS NULL OR dst IS NULL OR sport IS NULL OR "
		"dport IS NULL OR src NOT LIKE '%_:' || sport OR dst NOT LIKE '%_:' || dport;"
		"UPDATE lives_fail SET "
		"src = trim(substr(src, 1, length(src) - length(sport) - 1), '[]'), "
		"dst = trim(substr(dst, 1, length(dst) - length(dport) - 1), '[]');"
		"CREATE INDEX lives_fail_at ON lives_fail(cpu, ts_ns);"
		"CREATE TEMP TABLE lives_free AS SELECT cpu, ts_ns, id FROM _drop "
		"WHERE EXISTS (SELECT 1 FROM lives_fail);"
		"CREATE INDEX lives_free_at ON lives_free(cpu, ts_ns, id);"
		"CREATE TEMP TABLE lives_said AS SELECT d.id AS drop_id, d.packet_id, "
		"coalesce(d.netns_id, p.netns_in_id) AS netns_id, d.ts_ns, f.src, f.sport, f.dst, "
		"f.dport, NULL AS flow_id FROM lives_fail f JOIN _drop d ON d.id = (SELECT n.id "
		"FROM lives_free n WHERE n.cpu = f.cpu AND n.ts_ns >= f.ts_ns ORDER BY n.ts_ns, "
		"n.id LIMIT 1) "
		"JOIN symbol s ON s.id = d.symbol_id LEFT JOIN _packet p ON p.id = d.packet_id "
		"WHERE d.flow_id IS NULL AND d.pid = f.pid AND d.ts_ns - f.ts_ns < " TOLD_NS " "
		"AND s.function GLOB '*udp*queue_rcv*' "
		"AND NOT EXISTS (SELECT 1 FROM lives_fail o WHERE o.cpu = f.cpu AND o.rowid <> "
		"f.rowid AND o.ts_ns BETWEEN f.ts_ns AND d.ts_ns);"
		"DROP TABLE lives_fail; DROP TABLE lives_free;";
	static const char set[] =
		"CREATE INDEX lives_flow ON flow(src, sport, dst, dport);"
		"INSERT INTO flow(netns_id, netns, proto, src, sport, dst, dport, first_ns, "
		"last_ns) "
		"SELECT s.netns_id, (SELECT name FROM netns n WHERE n.id = s.netns_id), 'udp', "
		"s.src, s.sport, s.dst, s.dport, min(s.ts_ns), max(s.ts_ns) FROM lives_said s "
		"WHERE NOT EXISTS (SELECT 1 FROM flow w WHERE w.netns_id IS s.netns_id AND "
		"w.proto = 'udp' AND w.src = s.src AND w.sport = s.sport AND w.dst = s.dst AND "
		"w.dport = s.dport) "
		"GROUP BY s.netns_id, s.src, s.sport, s.dst, s.dport ORDER BY min(s.drop_id);"
		"UPDATE lives_said AS s SET flow_id = (SELECT min(w.id) FROM flow w WHERE "
		"w.netns_id IS s.netns_id AND w.proto = 'udp' AND w.src = s.src AND "
		"w.sport = s.sport AND w.dst = s.dst AND w.dport = s.dport);"
		"UPDATE flow AS w SET reverse_id = (SELECT min(r.id) FROM flow r WHERE "
		"r.netns_id IS w.netns_id AND r.proto = 'udp' AND r.src = w.dst AND "
		"r.sport = w.dport AND r.dst = w.src AND r.dport = w.sport) WHERE reverse_id IS "
		"NULL AND proto = 'udp';"
		"UPDATE _drop SET flow_id = s.flow_id FROM lives_said s WHERE s.drop_id = _drop.id;"
		"UPDATE _packet SET flow_id = s.flow_id FROM lives_said s WHERE "
		"s.packet_id = _packet.id AND _packet.flow_id IS NULL;"
		"DROP INDEX lives_flow; DROP TABLE lives_said;";
	sqlite3_stmt *st;
	int rc;

	if (v->loss_n || v->has_lite)
		return 0;
	rc = db_exec(v->db, find, NULL);
	if (rc)
		return rc;
	st = db_prepare(v->db, "SELECT 1 FROM lives_said");
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	if (rc == SQLITE_ROW)
		return db_exec(v->db, set, NULL);
	return rc == SQLITE_DONE ? 0 : -EIO;
}
