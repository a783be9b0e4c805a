-- SPDX-License-Identifier: MIT
-- cause: no-route-output
-- severity: warning
-- tested: live
-- uses: counters, config
-- symptom-of: link-down/netns
-- how: Ip.OutNoRoutes grew by at least 5 in a namespace that did not refuse SYNs for the same reason (ListenDrops): a
--   send() or connect() failed with "network unreachable"; no packet was made, so no drop event tells of it. Answers to datagrams that came
--   in are left to no-return-route, and packets for which no neighbour entry could be made, which Ip6OutNoRoutes counts too (ip6_finish_output2()), to
--   neighbour-table-full. The route lookups
--   that failed (fib_table_lookup) name the destination where they were recorded. IPv6 (Ip6OutNoRoutes) counts only where it is all
--   that the namespace has: an address beyond link-local, and no default route for IPv4. Elsewhere programs try it as a matter of course and go on.
-- title: No route out[[ of {netns}]][[ to {flow_dst}]]
-- summary: {packets:n time} send() or connect() failed[[ in {netns}]] with "network unreachable", because there was no route[[ to {flow_dst}]]; no
--   packet was made.
WITH miss AS (
	SELECT json_extract(e.fields, '$.dst') AS dst, count(*) AS n, min(e.ts_ns) AS from_ns, max(e.ts_ns) AS to_ns
	FROM event e
	WHERE e.name = 'fib_table_lookup' AND json_extract(e.fields, '$.err') IN (-11, -101) AND json_extract(e.fields, '$.tb_id') IN (253, 254)
		AND coalesce(json_extract(e.fields, '$.iif'), 0) <= 1
	GROUP BY 1
), answer AS ( -- of them answers to what came in: no-return-route
	SELECT netns, sum(n) AS n FROM _reply_unrouted GROUP BY netns
)
SELECT
	CASE WHEN sum(m.delta) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	m.netns,
	CASE WHEN m.name = 'Ip.OutNoRoutes' AND (SELECT count(*) FROM miss) = 1 THEN (SELECT dst FROM miss) END AS flow_dst,
	CASE WHEN m.name = 'Ip.OutNoRoutes' THEN (SELECT min(from_ns) FROM miss) END AS from_ns,
	CASE WHEN m.name = 'Ip.OutNoRoutes' THEN (SELECT max(to_ns) FROM miss) END AS to_ns,
	sum(m.delta) AS packets,
	m.name AS v_name,
	CASE m.name WHEN 'Ip.OutNoRoutes' THEN 2 ELSE 10 END AS v_family -- AF_INET, AF_INET6
FROM _moved m
WHERE m.delta > 0
	AND (m.name = 'Ip.OutNoRoutes' OR (m.name = 'Ip6OutNoRoutes'
		AND EXISTS (SELECT 1 FROM addr a WHERE a.netns = m.netns AND a.address LIKE '%:%' AND a.address NOT LIKE 'fe80:%' AND a.address <> '::1')
		AND NOT EXISTS (SELECT 1 FROM route r WHERE r.netns = m.netns AND r.family = 2 AND r.dst = 'default' AND r.type = 'unicast')))
GROUP BY m.netns, m.name
HAVING sum(m.delta) - (SELECT CAST(total(l.delta) AS INTEGER) FROM _moved l WHERE l.name = 'TcpExt.ListenDrops' AND l.netns IS m.netns)
	- CASE WHEN m.name = 'Ip.OutNoRoutes' THEN coalesce((SELECT a.n FROM answer a WHERE a.netns IS m.netns), 0)
		ELSE (SELECT CAST(total(t.drops) AS INTEGER) FROM _drop_target t WHERE t.why = 'NEIGH_CREATEFAIL' AND t.function = 'ip6_finish_output2' AND (t.netns IS m.netns OR t.netns IS NULL)) END >= 5
ORDER BY sum(m.delta) DESC, m.netns, m.name;

-- evidence: {v_name} grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = {v_name} AND netns IS {netns} AND delta > 0;
-- evidence?: {result} route lookups of this host failed, most for {dst} ({n}).
SELECT sum(count(*)) OVER (), json_extract(fields, '$.dst') AS dst, count(*) AS n FROM event WHERE name = 'fib_table_lookup' AND json_extract(fields, '$.err') IN (-11, -101) AND json_extract(fields, '$.tb_id') IN (253, 254) AND {v_family} = 2 GROUP BY dst ORDER BY n DESC, dst;
-- evidence?: Routes in the last snapshot: {result}.
SELECT group_concat(dst || coalesce(' via ' || gateway, '') || ' dev ' || dev, ', ') FROM (SELECT dst, gateway, dev FROM route WHERE netns IS {netns} AND family = {v_family} AND type = 'unicast' AND dev IS NOT NULL ORDER BY dst, dev LIMIT 10);
-- evidence?: These refuse by route or rule: {result}.
SELECT group_concat(what, ', ') FROM (SELECT type || ' ' || dst AS what FROM route WHERE netns IS {netns} AND family = {v_family} AND type IN ('unreachable', 'prohibit', 'blackhole') AND dev IS NOT 'lo'
	UNION SELECT CASE action WHEN 6 THEN 'blackhole' WHEN 7 THEN 'unreachable' ELSE 'prohibit' END || ' ' || coalesce(dst, 'all') || ' (rule)' FROM route_rule WHERE netns IS {netns} AND family = {v_family} AND action BETWEEN 6 AND 8 ORDER BY 1 LIMIT 10);
-- evidence?: There is no default route in the last snapshot.
SELECT NOT EXISTS (SELECT 1 FROM route WHERE netns IS {netns} AND family = {v_family} AND dst = 'default' AND type = 'unicast');
-- advice: Add the route, or find out who took it away (a DHCP client, a VPN, a routing daemon, a link that went down).
-- command: {ns}ip rule; {ns}ip route show table all
-- when: SELECT {v_family} = 2
-- advice: Add the route, or find out who took it away (router advertisements that expired, a VPN, a routing daemon, a link that went down).
-- command: {ns}ip -6 rule; {ns}ip -6 route show table all
-- when: SELECT {v_family} = 10
-- ruled-out: Not an unresolved neighbour, not a firewall, not a qdisc: the packets were never built.
