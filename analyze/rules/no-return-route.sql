-- SPDX-License-Identifier: MIT
-- cause: no-return-route
-- severity: warning
-- tested: live
-- uses: counters, config, events, frames
-- how: In one namespace TcpExt.ListenDrops grew by at least 3 more than the full queues explain (ListenOverflows,
--   TCPReqQFullDrop), and Ip.OutNoRoutes or Ip6OutNoRoutes grew with it: a SYN whose answer has no route is refused by the listener.
--   UDP: at least 5 route lookups failed (fib_table_lookup) for what is the answer to a flow that came in to an address of this namespace, of which
--   no answer ever left, while Ip.OutNoRoutes grew there as far.
-- title: Requests arrive, but there is no route back[[ to {flow_dst}]][[ ({netns})]]
-- summary: {packets} requests that arrived[[ in {netns}]][[ for port {v_port}]] could not be answered, because the answer has no route to the client[[ {flow_dst}]].
WITH replies AS (
	SELECT r.netns, CASE WHEN min(r.client) = max(r.client) THEN min(r.client) END AS client, CASE WHEN min(r.server) = max(r.server) THEN min(r.server) END AS server,
		CASE WHEN min(r.port) = max(r.port) THEN min(r.port) END AS port, count(*) AS flows, sum(r.n) AS n, min(r.from_ns) AS from_ns, max(r.to_ns) AS to_ns,
		(SELECT CAST(total(m.delta) AS INTEGER) FROM _moved m WHERE m.name = 'Ip.OutNoRoutes' AND m.netns = r.netns AND m.delta > 0) AS counted
	FROM _reply_unrouted r GROUP BY r.netns
), c AS (
	SELECT netns,
		total(CASE name WHEN 'TcpExt.ListenDrops' THEN delta END) - max(total(CASE name WHEN 'TcpExt.ListenOverflows' THEN delta END), 0)
			- total(CASE name WHEN 'TcpExt.TCPReqQFullDrop' THEN delta END) AS refused,
		total(CASE WHEN name IN ('Ip.OutNoRoutes', 'Ip6OutNoRoutes') THEN delta END) AS noroute,
		max(CASE WHEN name = 'Ip6OutNoRoutes' THEN 10 ELSE 2 END) AS family
	FROM _moved
	WHERE name IN ('TcpExt.ListenDrops', 'TcpExt.ListenOverflows', 'TcpExt.TCPReqQFullDrop', 'Ip.OutNoRoutes', 'Ip6OutNoRoutes')
	GROUP BY netns
)
SELECT
	CASE WHEN refused >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	netns,
	CAST(min(refused, noroute) AS INTEGER) AS packets,
	NULL AS flow_proto,
	NULL AS flow_src,
	NULL AS flow_sport,
	NULL AS flow_dst,
	NULL AS from_ns,
	NULL AS to_ns,
	NULL AS flows,
	family AS v_family,
	'tcp' AS v_proto,
	NULL AS v_port
FROM c
WHERE refused >= 3 AND noroute >= 3
UNION ALL
SELECT CASE WHEN n >= 50 THEN 'critical' ELSE 'warning' END, netns, n, 'udp', server, port, client, from_ns, to_ns, flows, 2, 'udp', port
FROM replies
WHERE n >= 5 AND counted >= n * 9 / 10
ORDER BY packets DESC, netns, v_proto;

-- evidence?: TcpExt.ListenDrops grew by {result}, more than full queues explain.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.ListenDrops' AND netns IS {netns} AND delta > 0 AND {v_proto} = 'tcp';
-- evidence: {name} grew by {result} there.
SELECT sum(delta), min(name) AS name FROM _moved WHERE name IN ('Ip.OutNoRoutes', 'Ip6OutNoRoutes') AND netns IS {netns} AND delta > 0;
-- evidence?: {result} of these lookups, to {dst} port {dport}, are recorded as failed.
SELECT count(*), json_extract(fields, '$.dst') AS dst, json_extract(fields, '$.dport') AS dport FROM event WHERE name = 'fib_table_lookup' AND json_extract(fields, '$.err') IN (-11, -101) AND json_extract(fields, '$.dst') = {flow_dst} AND json_extract(fields, '$.tb_id') IN (253, 254) GROUP BY dst, dport ORDER BY count(*) DESC, dport;
-- evidence?: Routes in the last snapshot: {result}.
SELECT group_concat(dst || coalesce(' via ' || gateway, '') || ' dev ' || dev, ', ') FROM (SELECT dst, gateway, dev FROM route WHERE netns IS {netns} AND family = {v_family} AND type = 'unicast' AND dev IS NOT NULL ORDER BY dst, dev LIMIT 10);
-- advice: Add a route to the clients' network.
-- command: {ns}ip route show table all
-- when: SELECT {v_family} = 2
-- advice: Add a route to the clients' network.
-- command: {ns}ip -6 route show table all
-- when: SELECT {v_family} = 10
-- ruled-out: Not a full accept or SYN queue: their counters explain fewer refusals.
-- when: SELECT {v_proto} = 'tcp'
