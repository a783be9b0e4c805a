-- SPDX-License-Identifier: MIT
-- cause: no-route-forward
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- symptom-of: link-down/netns
-- how: Drops at ip_error with reason IP_INNOROUTES (without reasons: at ip_error while IpExt.InNoRoutes grows), at least 5 to one
--   destination, in a namespace that forwards; with forwarding off the cause is forwarding-disabled. IPv6: ip6_pkt_discard
--   for packets that came in, where forwarding is on. ip_error without any reason, in a namespace that forwards and has a route or
--   rule of type unreachable, prohibit or blackhole: only these end there so (ip_error(), net/ipv4/route.c).
-- title: No route for forwarded packets[[ to {flow_dst}]]
-- summary: {packets}[[ of {v_seen}]] packets[[ to {flow_dst}]] that should have been forwarded[[ by {netns}]] were dropped: its routing table {v_how}.
WITH refusal AS (
	SELECT netns, type, dst FROM route WHERE type IN ('unreachable', 'prohibit', 'blackhole') AND dst LIKE '%.%' OR type IN ('unreachable', 'prohibit', 'blackhole') AND dst = 'default'
	UNION ALL
	SELECT netns, CASE action WHEN 6 THEN 'blackhole' WHEN 7 THEN 'unreachable' ELSE 'prohibit' END, coalesce(dst, 'all') FROM route_rule WHERE action BETWEEN 6 AND 8 AND family = 2
), hit AS (
	SELECT t.*, sum(t.drops) OVER (PARTITION BY t.netns, t.dst) AS dst_drops, sum(t.seen) OVER (PARTITION BY t.netns, t.dst) AS dst_seen,
		row_number() OVER (PARTITION BY t.netns, t.dst ORDER BY t.drops DESC, t.id) AS nth
	FROM _drop_target t
	WHERE (t.function = '?' AND t.reason = 'IP_INNOROUTES' AND t.dst LIKE '%.%.%.%')
		OR (t.function = 'ip_error' AND (t.reason = 'IP_INNOROUTES' OR (t.reason IS NULL
			AND EXISTS (SELECT 1 FROM _moved m WHERE m.name = 'IpExt.InNoRoutes' AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL)))))
		OR (t.function = 'ip_error' AND t.reason = 'NOT_SPECIFIED' AND EXISTS (SELECT 1 FROM refusal r WHERE r.netns = t.netns)
			AND EXISTS (SELECT 1 FROM sysctl s WHERE s.netns = t.netns AND s.name = 'net.ipv4.ip_forward' AND s.value = '1'))
		OR (t.function = 'ip6_pkt_discard' AND t.reason = 'IP_INNOROUTES' AND t.dst IS NOT NULL AND t.dst NOT LIKE 'ff%' AND t.dst NOT LIKE 'fe80:%'
			AND EXISTS (SELECT 1 FROM sysctl s WHERE s.netns = t.netns AND s.name = 'net.ipv6.conf.all.forwarding' AND s.value = '1'))
)
SELECT
	CASE WHEN h.dst_drops >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.function = '?' THEN 0.75 WHEN h.reason = 'NOT_SPECIFIED' THEN 0.85 WHEN h.reason IS NOT NULL AND h.netns_by IS NULL THEN 0.97 WHEN h.reason IS NOT NULL THEN 0.88 ELSE 0.75 END AS confidence,
	h.netns,
	h.dev,
	h.function,
	h.reason,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.sport AS flow_sport,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	h.dst_drops AS packets,
	nullif(h.flows, 0) AS flows,
	h.dst_seen AS v_seen,
	h.netns_by AS v_placed,
	CASE WHEN h.reason = 'NOT_SPECIFIED' THEN 'refuses that destination' ELSE 'has no route to that destination' END AS v_how
FROM hit h
WHERE h.nth = 1 AND h.dst_drops >= 5
	AND NOT EXISTS (SELECT 1 FROM sysctl s WHERE h.function IN ('ip_error', '?') AND s.netns IS h.netns AND s.name = 'net.ipv4.ip_forward'
		AND coalesce(s.value_end, s.value) = '0')
ORDER BY h.dst_drops DESC, h.netns, h.dst
LIMIT 10;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND dst IS {flow_dst};
-- evidence?: IpExt.InNoRoutes grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('IpExt.InNoRoutes', 'Ip6InNoRoutes') AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because this counter grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence?: It refuses: {result}.
SELECT group_concat(type || ' ' || dst, ', ') FROM (SELECT type, dst FROM route WHERE {reason} IS 'NOT_SPECIFIED' AND netns IS {netns} AND type IN ('unreachable', 'prohibit', 'blackhole') UNION ALL SELECT CASE action WHEN 6 THEN 'blackhole' WHEN 7 THEN 'unreachable' ELSE 'prohibit' END, coalesce(dst, 'all') || ' (rule)' FROM route_rule WHERE {reason} IS 'NOT_SPECIFIED' AND netns IS {netns} AND action BETWEEN 6 AND 8 ORDER BY 1, 2 LIMIT 10);
-- evidence?: Its routes: {result}.
SELECT group_concat(dst || coalesce(' via ' || gateway, '') || ' dev ' || dev, ', ') FROM (SELECT dst, gateway, dev FROM route WHERE netns IS {netns} AND type = 'unicast' AND dev IS NOT NULL ORDER BY family, dst, dev LIMIT 10);
-- evidence?: Forwarding is on (net.ipv4.ip_forward = {result}).
SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE netns IS {netns} AND name = 'net.ipv4.ip_forward';
-- packets:
SELECT d.packet_id FROM packet_drop d LEFT JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND d.reason IS {reason} AND f.dst IS {flow_dst} ORDER BY d.id LIMIT 20;
-- advice: See what the router knows of the destination, then add the route or correct the sender's gateway.
-- command: {ns}ip route get {flow_dst}
-- when: SELECT {flow_dst} IS NOT NULL
-- ruled-out: Not an unresolved neighbour: the route lookup failed before a next hop was known.
-- ruled-out: Not a firewall rule: netfilter dropped nothing in this namespace.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _drop_group WHERE reason = 'NETFILTER_DROP' AND (netns IS {netns} OR netns IS NULL))
