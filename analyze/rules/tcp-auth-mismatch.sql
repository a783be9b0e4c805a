-- SPDX-License-Identifier: MIT
-- cause: tcp-auth-mismatch
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 3 drops with one of the TCP_MD5 or TCP_AO reasons.
-- title: TCP signatures (MD5 or AO) do not match[[: {flow_dst} port {flow_dport}]]
-- summary: {packets} TCP segments[[ from {flow_src} to {flow_dst} port {flow_dport}]] were dropped[[ in {netns}]] because their signature (TCP MD5 or TCP-AO) is missing, unexpected or
--   wrong: the two ends are not configured alike.
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
WHERE t.why LIKE 'TCP_MD5%' OR t.why LIKE 'TCP_AO%' OR t.why = 'TCP_AUTH_HDR'
GROUP BY t.netns
HAVING sum(t.drops) >= 3
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason LIKE 'TCP_MD5%' OR t.reason LIKE 'TCP_AO%' OR t.reason = 'TCP_AUTH_HDR');
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.netns IS {netns} AND t.why_by IS NOT NULL AND (t.why LIKE 'TCP_MD5%' OR t.why LIKE 'TCP_AO%' OR t.why = 'TCP_AUTH_HDR');
-- evidence?: The counters of TCP signatures grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('TcpExt.TCPMD5NotFound', 'TcpExt.TCPMD5Unexpected', 'TcpExt.TCPMD5Failure', 'TcpExt.TCPAORequired', 'TcpExt.TCPAOBad', 'TcpExt.TCPAOKeyNotFound') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason LIKE 'TCP_MD5%' OR t.reason LIKE 'TCP_AO%' OR t.reason = 'TCP_AUTH_HDR' OR (t.function = {function} AND t.reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Compare the keys and for which addresses they are set on both ends (BGP neighbours most of all).
-- ruled-out: Not a missing listener: the segment had found its socket.
