-- SPDX-License-Identifier: MIT
-- cause: ipsec-policy-drop
-- severity: warning
-- tested: live
-- uses: events, frames, counters
-- how: At least 5 drops with reason XFRM_POLICY; /proc/net/xfrm_stat says more. What this host itself sends is refused before
--   there is a packet (send() fails), without an event: there XfrmOutPolBlock or XfrmOutNoStates alone, at least 5.
-- title: An IPsec policy drops packets
-- summary: {packets} packets[[ from {flow_src} to {flow_dst}]] were dropped[[ in {netns}]] because they do not satisfy the IPsec (xfrm) policy: {v_why}.
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
	CASE WHEN EXISTS (SELECT 1 FROM _moved m WHERE m.name IN ('XfrmInPolBlock', 'XfrmFwdHdrError', 'XfrmOutPolBlock') AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL))
		THEN 'it blocks them' ELSE 'they came unprotected where protection is demanded, or their state is missing or expired' END AS v_why
FROM _drop_target t
WHERE t.reason = 'XFRM_POLICY'
GROUP BY t.netns
HAVING sum(t.drops) >= 5
UNION ALL
SELECT CASE WHEN sum(m.delta) >= 50 THEN 'critical' ELSE 'warning' END, 0.85, m.netns, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(m.delta), NULL,
	CASE WHEN max(m.name) = min(m.name) THEN CASE min(m.name) WHEN 'XfrmOutPolBlock' THEN 'it blocks what this host sends'
		ELSE 'it demands protection of what this host sends, for which there is no state (keys)' END
	ELSE 'it blocks what this host sends, or the state that it demands is missing' END
FROM _moved m
WHERE m.name IN ('XfrmOutPolBlock', 'XfrmOutNoStates') AND m.delta > 0
	AND NOT EXISTS (SELECT 1 FROM _drop_target t WHERE t.reason = 'XFRM_POLICY' AND (t.netns = m.netns OR t.netns IS NULL))
GROUP BY m.netns
HAVING sum(m.delta) >= 5
ORDER BY 14 DESC, 3;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason = 'XFRM_POLICY');
-- evidence?: The xfrm counters grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('XfrmInNoPols', 'XfrmInTmplMismatch', 'XfrmInNoStates', 'XfrmInPolBlock', 'XfrmOutPolBlock', 'XfrmOutNoStates') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'XFRM_POLICY') AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Compare policies and states of both ends.
-- command: {ns}ip -s xfrm state; {ns}ip xfrm policy
