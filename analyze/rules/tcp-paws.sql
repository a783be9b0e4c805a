-- SPDX-License-Identifier: MIT
-- cause: tcp-paws
-- severity: warning
-- tested: replay
-- uses: events, frames
-- how: At least 5 drops with reason TCP_RFC7323_PAWS or TCP_RFC7323_TW_PAWS. Old pure ACKs (PAWS_ACK) are mere reordering and left out.
-- title: Segments refused for old timestamps (PAWS)
-- summary: {packets} TCP segments[[ from {flow_src}]][[ to {flow_dst} port {flow_dport}]] were dropped[[ in {netns}]] because their timestamp is older than the last one seen: several hosts behind one
--   NAT address, or a peer whose clock of timestamps jumped.
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
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
	sum(t.drops) AS packets,
	nullif(sum(t.flows), 0) AS flows,
	(SELECT coalesce(value_end, value) FROM sysctl s WHERE s.netns = t.netns AND s.name = 'net.ipv4.tcp_timestamps') AS v_stamps
FROM _drop_target t
WHERE t.reason IN ('TCP_RFC7323_PAWS', 'TCP_RFC7323_TW_PAWS')
GROUP BY t.netns
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason IN ('TCP_RFC7323_PAWS', 'TCP_RFC7323_TW_PAWS'));
-- evidence?: The PAWS counters grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('TcpExt.PAWSEstab', 'TcpExt.PAWSActive', 'TcpExt.PAWSTimewait') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason IN ('TCP_RFC7323_PAWS', 'TCP_RFC7323_TW_PAWS')) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Behind NAT, let the translator rewrite or strip timestamps, or use more addresses.
-- advice: For a test, switch timestamps off.
-- command: {ns}sysctl -w net.ipv4.tcp_timestamps=0
-- undo: {ns}sysctl -w net.ipv4.tcp_timestamps={v_stamps}
-- when: SELECT {v_stamps} <> '0'
