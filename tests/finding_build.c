/* SPDX-License-Identifier: MIT */
/* Evidence for small databases, as the kernel gives it. */
#include "finding_cases.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the others */
#include <cmocka.h>

struct db *db;
static int64_t next_id; /* of packets and drops */

void sql(const char *fmt, ...)
{
	char text[4096];
	struct err e = { "" };
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(text, sizeof(text), fmt, ap) < (int)sizeof(text));
	va_end(ap);
	if (db_exec(db, text, &e))
		fail_msg("%s in %s", e.text, text);
}

/* Namespaces init, a, b; device a0 in a and its veth peer b0 in b; two snapshots. */
void host(void)
{
	next_id = 0;
	sql("INSERT INTO netns VALUES(1, 100, 'init', '', 1, 1), (2, 200, 'a', 'a', 20, 1), (3, "
	    "300, 'b', 'b', 30, 1)");
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, arphrd, mac, mtu, flags, "
	    "operstate, carrier, peer_id, tx_queue_len) VALUES"
	    "(1, 2, 'a', 2, 'a0', 'veth', 1, '02:00:00:00:00:0a', 1500, 4163, 'UP', 1, 2, 1000),"
	    "(2, 3, 'b', 2, 'b0', 'veth', 1, '02:00:00:00:00:0b', 1500, 4163, 'UP', 1, 1, 1000),"
	    "(3, 3, 'b', 3, 'b1', NULL, 1, '02:00:00:00:01:0b', 1500, 4163, 'UP', 1, NULL, 1000)");
	sql("INSERT INTO addr VALUES(3, 'b', 'b0', 2, '10.0.0.2', 24, 0, 0), (2, 'a', 'a0', 2, "
	    "'10.0.0.1', 24, 0, 0)");
	sql("INSERT INTO snapshot VALUES(0, 'before', %lld, %lld), (1, 'after', %lld, %lld)",
	    T0 - 1000, T0 - 900, T0 + 5000000000LL, T0 + 5000001000LL);
	sql("INSERT INTO tape VALUES('events_recorded', '100000'), ('events_lost', '0'), "
	    "('frames', '1000'), ('frames_lost', '0')");
	sql("INSERT INTO task VALUES(4242, 4242, 'slowd', 3, '/')");
	sql("INSERT INTO _stage VALUES(1, 'netif_receive_skb'), (2, 'skb_copy_datagram_iovec'), "
	    "(3, 'consume_skb')");
}

void flow(int id, int ns, const char *proto, const char *src, int sport, const char *dst, int dport)
{
	sql("INSERT INTO flow(id, netns_id, netns, proto, src, sport, dst, dport, first_ns, "
	    "last_ns) VALUES(%d, %d, "
	    "(SELECT name FROM netns WHERE id = %d), '%s', '%s', nullif(%d, 0), '%s', nullif(%d, "
	    "0), %lld, %lld)",
	    id, ns, ns, proto, src, sport, dst, dport, T0, T0 + 1000000000LL);
}

int64_t name_id(const char *text)
{
	return db_name_text(db, text);
}

/* @n packets freed with @reason (NULL: a kernel without reasons) in @function; ns and flow 0, dev
 * NULL: not known. */
void drops(int n, const char *reason, const char *function, const char *class, int ns,
	   const char *dev, int flow_id)
{
	static int reasons;

	if (reason)
		sql("INSERT INTO _drop_reason(value, name) SELECT %d, '%s' WHERE NOT EXISTS "
		    "(SELECT 1 FROM _drop_reason WHERE name = '%s')",
		    ++reasons + 100, reason, reason);
	sql("INSERT OR IGNORE INTO symbol(function, location) VALUES('%s', '%s+0x10')", function,
	    function);
	for (int i = 0; i < n; i++) {
		char why[128] = "NULL", d[64] = "NULL";
		int64_t id = ++next_id;

		if (reason)
			snprintf(why, sizeof(why),
				 "(SELECT value FROM _drop_reason WHERE name = '%s')", reason);
		if (dev)
			snprintf(d, sizeof(d), "%" PRId64, name_id(dev));
		sql("INSERT INTO _packet(id, first_ns, last_ns, kind, len_bytes, protocol, "
		    "flow_id, outcome, drop_id, cpu_hops, confidence) "
		    "VALUES(%" PRId64 ", %lld, %lld, 1, 200, 2048, nullif(%d, 0), 4, %" PRId64
		    ", 0, 1)",
		    id, T0 + i * 1000000LL, T0 + i * 1000000LL + 500, flow_id, id);
		sql("INSERT INTO _drop VALUES(%" PRId64 ", %" PRId64
		    ", %lld, 0, 0, 2, %s, (SELECT id FROM symbol WHERE function = '%s'), "
		    "2048, 'x', '%s', nullif(%d, 0), %s, nullif(%d, 0), NULL)",
		    id, id, T0 + i * 1000000LL + 500, why, function, class, ns, d, flow_id);
	}
}

/* @n frames of a flow; the newest drops of that flow get those of them that are left over. */
void frames(int n, int flow_id, int ns, const char *dev, int direction, int flags)
{
	for (int i = 0; i < n; i++)
		sql("INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, "
		    "cap_bytes, flow_id, tcp_flags, member, offset) "
		    "VALUES((SELECT coalesce(max(no), 0) + 1 FROM _frame), %lld, %d, %" PRId64
		    ", %d, 200, 64, %d, nullif(%d, 0), 0, 0)",
		    T0 + i * 1000000LL, ns, name_id(dev), direction, flow_id, flags);
}

void counter(int ns, const char *source, const char *name, const char *dev, int cpu, int64_t delta)
{
	char d[64] = "NULL";

	if (dev)
		snprintf(d, sizeof(d), "%" PRId64, name_id(dev));
	sql("INSERT INTO _counter_delta VALUES(nullif(%d, 0), %" PRId64 ", %" PRId64
	    ", %s, nullif(%d, -1), 7, %" PRId64 ")",
	    ns, name_id(source), name_id(name), d, cpu, 7 + delta);
}

void sysctl(int ns, const char *name, const char *first, const char *last)
{
	sql("INSERT INTO sysctl VALUES(%d, (SELECT name FROM netns WHERE id = %d), '%s', '%s', "
	    "%s%s%s)",
	    ns, ns, name, first, last ? "'" : "", last ? last : "NULL", last ? "'" : "");
}

void sock(int snap, int ns, const char *proto, const char *state, const char *src, int sport,
	  int rqueue, int wqueue, int drop_count)
{
	sql("INSERT INTO socket(snap_id, snap_ns, netns_id, netns, proto, family, state, src, "
	    "sport, cookie, rqueue, wqueue, "
	    "rmem_bytes, rcvbuf_bytes, drops) VALUES(%d, %lld, %d, (SELECT name FROM netns WHERE "
	    "id = %d), '%s', 2, '%s', '%s', %d, %d, "
	    "%d, %d, 212000, 212992, %d)",
	    snap, T0 + snap * 1000000000LL, ns, ns, proto, state, src, sport, sport + 7, rqueue,
	    wqueue, drop_count);
}

void qdisc(const char *kind, const char *handle, const char *parent, int class, int drop_count,
	   int passed, int backlog)
{
	sql("INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, limit_bytes, "
	    "rate_bps, burst_bytes, drops_delta, "
	    "packets_delta, max_backlog_packets, max_backlog_bytes) VALUES(2, 'a', 'a0', %d, '%s', "
	    "'%s', '%s', 6000, 2000000, 4096, %d, %d, %d, %d)",
	    class, kind, handle, parent, drop_count, passed, backlog, backlog * 1000);
}

void nft(int id, const char *text, const char *verdict, int delta)
{
	sql("INSERT INTO nft_chain VALUES(3, 'b', 'inet', 'fw', 'input', 'filter', 'input', 0, "
	    "'accept', NULL) ");
	sql("INSERT INTO nft_rule VALUES(%d, 3, 'b', 'inet', 'fw', 'input', 'input', %d, 1, '%s', "
	    "'%s', %d, %d, %d, %d)",
	    id, id + 10, text, verdict, delta, delta * 100, delta, delta * 100);
}

void wake(int64_t at, int cpu, int pid, int run_cpu, int64_t latency)
{
	sql("INSERT INTO wakeup VALUES(%lld, %lld, %lld, %d, %d, %d, 0, 2)", (long long)at,
	    (long long)(at + latency), (long long)latency, cpu, run_cpu, pid);
}

void runs(int64_t from, int64_t to, int cpu, int pid, int state)
{
	sql("INSERT INTO run VALUES(%lld, %lld, %d, %d, %d)", (long long)from, (long long)to, cpu,
	    pid, state);
}

void event(const char *name, int64_t at, const char *fields)
{
	sql("INSERT INTO event_type SELECT coalesce(max(id), 0) + 1, 'x', '%s', 1, 1 FROM "
	    "event_type WHERE NOT EXISTS (SELECT 1 FROM event_type WHERE name = '%s') HAVING NOT "
	    "EXISTS (SELECT 1 FROM event_type WHERE name = '%s')",
	    name, name, name);
	sql("INSERT INTO _event(ts_ns, cpu, pid, flags, type_id, fields) SELECT %lld, 0, 20, 0, "
	    "id, '%s' FROM event_type WHERE name = '%s'",
	    (long long)at, fields, name);
}

void segment(int flow_id, int ns, int64_t at, int out, int flags, int len, int seq, int ack)
{
	sql("INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, cap_bytes, "
	    "flow_id, payload_bytes, tcp_flags, tcp_seq, tcp_ack, tcp_window, member, offset) "
	    "VALUES((SELECT coalesce(max(no), 0) + 1 FROM _frame), %lld, %d, %lld, %d, %d, 64, %d, "
	    "%d, %d, %d, %d, 500, 0, 0)",
	    (long long)at, ns, (long long)name_id("a0"), out, len + 54, flow_id, len, flags, seq,
	    ack);
}

void stage(const char *name)
{
	sql("INSERT INTO _stage(name) SELECT '%s' WHERE '%s' NOT IN (SELECT name FROM _stage)",
	    name, name);
}

void packet(int id, int flow_id, int64_t first, int64_t last)
{
	sql("INSERT INTO _packet(id, first_ns, last_ns, kind, flow_id, outcome, cpu_hops, "
	    "confidence) VALUES(%d, %lld, %lld, 1, nullif(%d, 0), 1, 0, 1)",
	    id, (long long)first, (long long)last, flow_id);
}

void hop(int id, int seq, int64_t at, const char *name, int cpu, int context, int pid)
{
	stage(name);
	sql("INSERT INTO _hop SELECT %d, %d, %lld, id, %d, %lld, %d, %d, 1 FROM _stage WHERE name "
	    "= '%s'",
	    id, seq, (long long)at, cpu, (long long)name_id("a0"), context, pid, name);
}

void summed(void)
{
	sql("DELETE FROM softirq_cpu; DELETE FROM latency; DELETE FROM cpu_hop; DELETE FROM _woken; "
	    "DELETE FROM _flow_seen; DELETE FROM _reader");
	/* with max(), SQLite takes the other columns from the row that has the maximum */
	sql("INSERT INTO _flow_seen SELECT flow_id, max(n), bytes, syns, sum(closed) FROM (SELECT flow_id, count(*) AS n, sum(len_bytes) AS "
	    "bytes, total((tcp_flags & 18) = 2) AS syns, total(tcp_window = 0 AND tcp_flags & 6 = 0) AS closed FROM _frame WHERE flow_id IS NOT "
	    "NULL GROUP BY flow_id, netns_id, dev_id, direction) GROUP BY flow_id");
	sql("INSERT INTO _reader SELECT flow_id, f.netns, f.proto, f.dst, f.dport, pid, NULL, max(n) FROM (SELECT p.flow_id, h.pid, "
	    "count(DISTINCT h.packet_id) AS n FROM _hop h JOIN _packet p ON p.id = h.packet_id WHERE h.stage IN (SELECT id FROM _stage WHERE "
	    "name IN ('skb_copy_datagram_iovec', 'sock_recv_length')) AND p.flow_id IS NOT NULL AND h.context = 1 AND h.pid > 0 GROUP BY "
	    "p.flow_id, h.pid) x JOIN flow f ON f.id = x.flow_id GROUP BY x.flow_id");
	sql("INSERT INTO softirq_cpu(cpu, vec, runs, handler_ns, delays, delay_max_ns, over_1ms) SELECT cpu, vec, count(*), "
	    "CAST(total(end_ns - start_ns) AS INTEGER), count(latency_ns), max(latency_ns), CAST(total(latency_ns > 1000000) AS INTEGER) "
	    "FROM softirq GROUP BY cpu, vec");
	sql("INSERT INTO latency SELECT s.name, t.name, count(*), 0, 0, 0, max(b.ts_ns - a.ts_ns) FROM _hop a JOIN _hop b ON "
	    "b.packet_id = a.packet_id AND b.seq = a.seq + 1 JOIN _stage s ON s.id = a.stage JOIN _stage t ON t.id = b.stage GROUP BY 1, 2");
	sql("INSERT INTO cpu_hop SELECT a.cpu, b.cpu, 'rps', NULL, NULL, count(*), 0, 0, 0, NULL FROM _hop a JOIN _hop b ON "
	    "b.packet_id = a.packet_id AND b.seq = a.seq + 1 AND b.cpu <> a.cpu GROUP BY 1, 2");
	/* a wakeup right behind sk_data_ready, on the same CPU */
	sql("INSERT INTO _woken SELECT before, before_ns, cpu, pid, run_cpu, latency_ns FROM (SELECT ts_ns, cpu, packet_id, pid, run_cpu, "
	    "latency_ns, lag(packet_id) OVER w AS before, lag(ts_ns) OVER w AS before_ns FROM (SELECT ts_ns, cpu, packet_id, NULL AS pid, NULL "
	    "AS run_cpu, NULL AS latency_ns FROM _hop WHERE stage = (SELECT id FROM _stage WHERE name = 'sk_data_ready') UNION ALL SELECT "
	    "start_ns, cpu, NULL, pid, run_cpu, latency_ns FROM wakeup) WINDOW w AS (PARTITION BY cpu ORDER BY ts_ns, packet_id IS NULL)) "
	    "WHERE packet_id IS NULL AND before IS NOT NULL AND ts_ns - before_ns <= 20000");
}
