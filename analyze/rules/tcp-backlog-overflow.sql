-- SPDX-License-Identifier: MIT
-- cause: tcp-backlog-overflow
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 5 drops with reason SOCKET_BACKLOG (TcpExt.TCPBacklogDrop grows with them).
-- title: TCP socket backlog full[[ ({flow_dst} port {flow_dport})]]
-- summary: {packets} TCP segments[[ to {flow_dst} port {flow_dport}]] were dropped[[ in {netns}]] because their socket was locked by its owner and the queue for that time was full:
--   the owner held the lock too long (a long read or write, no CPU).
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns IS NULL OR max(t.why_by) IS NOT NULL THEN 0.85 ELSE 0.95 END AS confidence,
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
WHERE t.why = 'SOCKET_BACKLOG'
GROUP BY t.netns
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason = 'SOCKET_BACKLOG');
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.netns IS {netns} AND t.why_by IS NOT NULL AND (t.why = 'SOCKET_BACKLOG');
-- evidence?: TcpExt.TCPBacklogDrop grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('TcpExt.TCPBacklogDrop') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'SOCKET_BACKLOG' OR (t.function = {function} AND t.reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Look at what the owner does while it holds the socket (very large reads or writes) and whether it gets its CPU; larger
--   socket buffers make this queue longer too.
-- command: {ns}ss -tmip
