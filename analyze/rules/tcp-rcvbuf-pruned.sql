-- SPDX-License-Identifier: MIT
-- cause: tcp-rcvbuf-pruned
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 5 drops with reason TCP_OFO_QUEUE_PRUNE.
-- title: TCP receive queue pruned for lack of buffer
-- summary: {packets} TCP segments[[ to {flow_dst} port {flow_dport}]] that had arrived were thrown away[[ in {netns}]] to make room in a full receive buffer; they must be sent again.
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
	nullif(sum(t.flows), 0) AS flows
FROM _drop_target t
WHERE t.reason = 'TCP_OFO_QUEUE_PRUNE'
GROUP BY t.netns
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason = 'TCP_OFO_QUEUE_PRUNE');
-- evidence?: The prune counters grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('TcpExt.OfoPruned', 'TcpExt.PruneCalled', 'TcpExt.RcvPruned') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'TCP_OFO_QUEUE_PRUNE') AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Allow a larger receive buffer (third value of tcp_rmem), make the reader faster, and look for the loss on the path that fills
--   the out-of-order queue.
-- command: {ns}sysctl net.ipv4.tcp_rmem
