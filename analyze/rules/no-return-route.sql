-- SPDX-License-Identifier: MIT
-- cause: no-return-route
-- severity: warning
-- tested: live
-- uses: counters, config
-- how: In one namespace TcpExt.ListenDrops grew by at least 3 more than the full queues explain (ListenOverflows,
--   TCPReqQFullDrop), and Ip.OutNoRoutes grew with it: a SYN whose answer has no route is refused by the listener.
-- title: Requests arrive, but there is no route back[[ ({netns})]]
-- summary: {packets} connection attempts were refused[[ in {netns}]] because the answer (SYN-ACK) has no route to the client.
WITH c AS (
	SELECT netns,
		total(CASE name WHEN 'TcpExt.ListenDrops' THEN delta END) - max(total(CASE name WHEN 'TcpExt.ListenOverflows' THEN delta END), 0)
			- total(CASE name WHEN 'TcpExt.TCPReqQFullDrop' THEN delta END) AS refused,
		total(CASE name WHEN 'Ip.OutNoRoutes' THEN delta END) AS noroute
	FROM _moved
	WHERE name IN ('TcpExt.ListenDrops', 'TcpExt.ListenOverflows', 'TcpExt.TCPReqQFullDrop', 'Ip.OutNoRoutes')
	GROUP BY netns
)
SELECT
	CASE WHEN refused >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	netns,
	CAST(min(refused, noroute) AS INTEGER) AS packets
FROM c
WHERE refused >= 3 AND noroute >= 3
ORDER BY packets DESC, netns;

-- evidence: TcpExt.ListenDrops grew by {result}, more than full queues explain.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.ListenDrops' AND netns IS {netns} AND delta > 0;
-- evidence: Ip.OutNoRoutes grew by {result} beside it.
SELECT sum(delta) FROM _moved WHERE name = 'Ip.OutNoRoutes' AND netns IS {netns} AND delta > 0;
-- evidence?: Routes in the last snapshot: {result}.
SELECT group_concat(dst || coalesce(' via ' || gateway, '') || ' dev ' || dev, ', ') FROM (SELECT dst, gateway, dev FROM route WHERE netns IS {netns} AND family = 2 AND type = 'unicast' AND dev IS NOT NULL ORDER BY dst, dev LIMIT 10);
-- advice: Add a route to the clients' network.
-- command: {ns}ip route show table all
-- ruled-out: Not a full accept or SYN queue: their counters explain fewer refusals.
