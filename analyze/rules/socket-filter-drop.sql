-- SPDX-License-Identifier: MIT
-- cause: socket-filter-drop
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 10 drops with reason SOCKET_FILTER at the TCP or UDP receive functions. Raw, packet and ping sockets filter what they do
--   not want as a matter of course and are left out. So is a namespace with a task in a control group that has a BPF program on ingress, which drops with the
--   same reason (cgroup-bpf-drop).
-- title: A socket's own filter refuses packets[[ ({flow_dst} port {flow_dport})]]
-- summary: {packets} packets[[ to {flow_dst} port {flow_dport}]] were dropped[[ in {netns}]] because a BPF filter attached to the receiving socket itself
--   (SO_ATTACH_FILTER, SO_ATTACH_BPF) refuses them.
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN max(t.function) = '?' THEN 0.75 WHEN t.netns IS NULL OR max(t.why_by) IS NOT NULL THEN 0.85 ELSE 0.95 END AS confidence,
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
WHERE t.why = 'SOCKET_FILTER' AND (t.function LIKE '%udp%' OR t.function LIKE 'tcp%' OR (t.function = '?' AND t.proto IN ('udp', 'tcp')))
	AND NOT EXISTS (
		SELECT 1 FROM cgroup_program g JOIN task k ON k.cgroup = g.path OR g.path = '/' AND k.cgroup IS NOT NULL OR substr(k.cgroup, 1, length(g.path) + 1) = g.path || '/'
		JOIN netns n ON n.id = k.netns_id
		WHERE g.ingress IS NOT NULL AND n.name = t.netns
			AND NOT EXISTS (SELECT 1 FROM _flow_task f WHERE f.proto = t.proto AND f.dst = t.dst AND f.dport = t.dport AND f.nth = 1 AND g.path <> '/'
				AND f.cgroup <> g.path AND substr(f.cgroup, 1, length(g.path) + 1) <> g.path || '/'))
GROUP BY t.netns
HAVING sum(t.drops) >= 10
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason = 'SOCKET_FILTER' AND (t.function LIKE '%udp%' OR t.function LIKE 'tcp%' OR (t.function = '?' AND t.proto IN ('udp', 'tcp'))));
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.netns IS {netns} AND t.why_by IS NOT NULL AND (t.why = 'SOCKET_FILTER' AND (t.function LIKE '%udp%' OR t.function LIKE 'tcp%'));
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'SOCKET_FILTER' AND (t.function LIKE '%udp%' OR t.function LIKE 'tcp%' OR (t.function = '?' AND (SELECT f.proto FROM flow f WHERE f.id = t.flow_id) IN ('udp', 'tcp'))) OR (t.function = {function} AND t.reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: See which filter the socket has, and ask the application's owner.
-- command: {ns}ss -lnp --bpf
-- ruled-out: Not the firewall: the packets had reached their socket.
-- ruled-out: Not a full receive buffer: that has a reason of its own.
