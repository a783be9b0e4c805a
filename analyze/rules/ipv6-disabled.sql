-- SPDX-License-Identifier: MIT
-- cause: ipv6-disabled
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 10 unicast packets dropped with reason IPV6DISABLED; multicast (neighbour discovery of others) is left out.
-- title: IPv6 packets reach an interface where IPv6 is off
-- summary: {packets} IPv6 packets[[ to {flow_dst}]] were dropped[[ at {dev}]][[ in {netns}]] because IPv6 is disabled there (disable_ipv6).
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
WHERE t.why = 'IPV6DISABLED' AND t.dst IS NOT NULL AND t.dst NOT LIKE 'ff%'
GROUP BY t.netns
HAVING sum(t.drops) >= 10
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason = 'IPV6DISABLED' AND t.dst IS NOT NULL AND t.dst NOT LIKE 'ff%');
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.netns IS {netns} AND t.why_by IS NOT NULL AND (t.why = 'IPV6DISABLED' AND t.dst IS NOT NULL AND t.dst NOT LIKE 'ff%');
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'IPV6DISABLED' OR (t.function = {function} AND t.reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Enable IPv6 on the interface, or stop announcing IPv6 addresses of this host.
-- command: {ns}sysctl -w net/ipv6/conf/{dev}/disable_ipv6=0
-- undo: {ns}sysctl -w net/ipv6/conf/{dev}/disable_ipv6=1
-- when: SELECT {dev} IS NOT NULL
