-- SPDX-License-Identifier: MIT
-- cause: tcp-paws
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 5 drops with reason TCP_RFC7323_PAWS or TCP_RFC7323_TW_PAWS. Old pure ACKs (PAWS_ACK, on kernels before 6.14 by their frames) are mere reordering and left out, and so are
--   segments whose data the receiver acknowledged before, or within 200 ms (the least retransmission timeout): what comes late, behind retransmissions, has an old
--   timestamp too (RFC 7323 5.3), another copy of it arrives, and nothing waits for it.
-- title: Segments refused for old timestamps (PAWS)
-- summary: {packets} TCP segments[[ from {flow_src}]][[ to {flow_dst} port {flow_dport}]] were dropped[[ in {netns}]] because their timestamp is older than the last one seen: several hosts behind one
--   NAT address, or a peer whose clock of timestamps jumped.
WITH refused AS (
	SELECT d.id, d.netns, w.reverse_id AS flow_id, f.ts_ns, f.tcp_seq + f.payload_bytes AS upto
	FROM packet_drop d JOIN _frame f ON f.packet_id = d.packet_id JOIN flow w ON w.id = f.flow_id
	WHERE d.reason = 'TCP_RFC7323_PAWS' AND f.payload_bytes > 0 AND f.direction = 0 AND w.reverse_id IS NOT NULL
), acked AS (
	SELECT f.flow_id, f.ts_ns, f.tcp_ack AS ack, first_value(f.tcp_ack) OVER (PARTITION BY f.flow_id ORDER BY f.no) AS base
	FROM (SELECT DISTINCT flow_id FROM refused) r CROSS JOIN _frame f ON f.flow_id = r.flow_id
	WHERE f.direction = 1 AND f.tcp_flags & 20 = 16
), line AS (
	SELECT flow_id, ts_ns, ack - base & 0xffffffff AS ack, NULL AS id, NULL AS netns, NULL AS upto FROM acked
	UNION ALL
	SELECT r.flow_id, r.ts_ns, NULL, r.id, r.netns, r.upto - b.base & 0xffffffff FROM refused r JOIN (SELECT DISTINCT flow_id, base FROM acked) b USING (flow_id)
), late AS (
	SELECT netns, count(DISTINCT id) AS n
	FROM (SELECT id, netns, upto, max(ack) OVER (PARTITION BY flow_id ORDER BY ts_ns RANGE BETWEEN UNBOUNDED PRECEDING AND 200000000 FOLLOWING) AS ack FROM line)
	WHERE id IS NOT NULL AND (upto <= ack OR upto >= 0x80000000)
	GROUP BY netns
), bare AS (
	SELECT d.netns, count(DISTINCT d.id) AS n
	FROM packet_drop d JOIN _frame f ON f.packet_id = d.packet_id
	WHERE d.reason = 'TCP_RFC7323_PAWS' AND f.payload_bytes = 0 AND f.tcp_flags & 7 = 0
	GROUP BY d.netns
)
SELECT
	CASE WHEN sum(t.drops) - coalesce(l.n, 0) - coalesce(b.n, 0) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns IS NULL THEN 0.85 ELSE 0.95 END AS confidence,
	t.netns,
	CASE WHEN min(t.dev) = max(t.dev) THEN min(t.dev) END AS dev,
	max(t.function) AS function,
	max(t.reason) AS reason,
	max(t.flow_id) AS flow_id,
	CASE WHEN min(t.proto) = max(t.proto) THEN min(t.proto) END AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	CASE WHEN min(t.dst) = max(t.dst) THEN min(t.dst) END AS flow_dst,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) - coalesce(l.n, 0) - coalesce(b.n, 0) AS packets,
	nullif(sum(t.flows), 0) AS flows,
	(SELECT coalesce(value_end, value) FROM sysctl s WHERE s.netns = t.netns AND s.name = 'net.ipv4.tcp_timestamps') AS v_stamps,
	l.n AS v_late
FROM _drop_target t LEFT JOIN late l ON l.netns IS t.netns LEFT JOIN bare b ON b.netns IS t.netns
WHERE t.reason IN ('TCP_RFC7323_PAWS', 'TCP_RFC7323_TW_PAWS')
GROUP BY t.netns
HAVING sum(t.drops) - coalesce(l.n, 0) - coalesce(b.n, 0) >= 5
ORDER BY packets DESC, t.netns;

-- evidence: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason IN ('TCP_RFC7323_PAWS', 'TCP_RFC7323_TW_PAWS'));
-- evidence?: {result} more came late, behind retransmissions, and their data was acknowledged all the same: reordering, no harm.
SELECT {v_late};
-- evidence?: The PAWS counters grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('TcpExt.PAWSEstab', 'TcpExt.PAWSActive', 'TcpExt.PAWSTimewait') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason IN ('TCP_RFC7323_PAWS', 'TCP_RFC7323_TW_PAWS')) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Behind NAT, let the translator rewrite or strip timestamps, or use more addresses.
-- advice: For a test, switch timestamps off.
-- command: {ns}sysctl -w net.ipv4.tcp_timestamps=0
-- undo: {ns}sysctl -w net.ipv4.tcp_timestamps={v_stamps}
-- when: SELECT {v_stamps} <> '0'
