-- SPDX-License-Identifier: MIT
-- cause: tcp-accept-queue-overflow
-- severity: critical
-- tested: live
-- uses: counters, sockets, frames, config
-- partial: yes
-- how: TcpExt.ListenOverflows grew by at least 3 in a namespace; no drop event tells of it, because the refused SYN is freed as
--   consumed. The listener is the one whose queue was seen above its limit, else the only one; the captured SYNs to its port show the retries.
-- title: Accept queue full[[ at {flow_dst} port {flow_dport}]]
-- summary: {packets:n time} a handshake was refused[[ in {netns}]] because the listener's accept queue was full[[ ({v_queue} connections waited
--   for accept(), the backlog allows {v_backlog})]]: the application accepts connections too slowly or not at all. Clients
--   retry their SYN after 1, 3, 7 seconds, so they see slow connects, not errors.
WITH over AS (
	SELECT netns, sum(delta) AS delta
	FROM _moved
	WHERE name = 'TcpExt.ListenOverflows' AND delta > 0
	GROUP BY netns
	HAVING sum(delta) >= 3
), listener AS (
	SELECT s.*,
		s.rqueue_max > s.wqueue_max AS full,
		row_number() OVER (PARTITION BY s.netns ORDER BY s.rqueue_max > s.wqueue_max DESC, s.rqueue_max - s.wqueue_max DESC, s.sport, s.src) AS nth,
		count(*) OVER (PARTITION BY s.netns) AS listeners
	FROM _socket_span s
	WHERE s.proto = 'tcp' AND s.state = 'LISTEN'
), syn AS (
	SELECT f.netns, f.dst, f.dport, sum(s.syns) AS syns, count(*) AS flows, max(f.id) AS flow_id, min(f.first_ns) AS from_ns, max(f.last_ns) AS to_ns,
		CASE WHEN min(f.src) = max(f.src) THEN min(f.src) END AS src
	FROM flow f JOIN _flow_seen s ON s.flow_id = f.id
	WHERE f.proto = 'tcp' AND s.syns > 0
		-- others may have come when frames were no longer recorded
		AND NOT EXISTS (SELECT 1 FROM quality WHERE kind = 'detail-lowered' AND source IN ('no-pcap', 'drops'))
	GROUP BY f.netns, f.dst, f.dport
)
SELECT
	CASE WHEN o.delta >= 10 OR l.full THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN l.full THEN 0.98 WHEN l.sport IS NOT NULL THEN 0.85 ELSE 0.8 END AS confidence,
	o.netns,
	(SELECT min(a.dev) FROM addr a WHERE a.netns = o.netns AND a.address = coalesce(y.dst, l.src)) AS dev,
	y.flow_id,
	CASE WHEN l.sport IS NOT NULL THEN 'tcp' END AS flow_proto,
	y.src AS flow_src,
	coalesce(y.dst, l.src) AS flow_dst,
	l.sport AS flow_dport,
	y.from_ns,
	y.to_ns,
	o.delta AS packets,
	y.flows,
	l.rqueue_max AS v_queue,
	l.wqueue_max AS v_backlog,
	l.src AS v_src,
	y.syns AS v_syns,
	coalesce((SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.somaxconn' AND netns IS o.netns), (SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.somaxconn' ORDER BY netns_id LIMIT 1)) AS v_somaxconn,
	(SELECT max(4096, 2 * CAST(coalesce(value_end, value) AS INTEGER)) FROM sysctl WHERE name = 'net.core.somaxconn' AND netns IS o.netns) AS v_somaxconn_new,
	(SELECT coalesce(value_end, value) FROM sysctl WHERE name = 'net.ipv4.tcp_abort_on_overflow' AND netns IS o.netns) AS v_abort
FROM over o
LEFT JOIN listener l ON l.netns = o.netns AND l.nth = 1 AND (l.full OR l.listeners = 1)
LEFT JOIN syn y ON y.netns = o.netns AND y.dport = l.sport AND (y.dst = l.src OR l.src IN ('0.0.0.0', '::', '*'))
GROUP BY o.netns
ORDER BY o.delta DESC, o.netns;

-- evidence: TcpExt.ListenOverflows grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.ListenOverflows' AND netns IS {netns} AND delta > 0;
-- evidence?: The listener on {src} port {sport} had {result} connections waiting for accept(), its backlog is {wqueue_max}.
SELECT rqueue_max, src, sport, wqueue_max FROM _socket_span WHERE proto = 'tcp' AND state = 'LISTEN' AND netns IS {netns} AND sport = {flow_dport} AND src IS {v_src};
-- evidence?: {result} SYNs of {flows} flows to this port were captured: more than one each, so clients retried.
SELECT sum(s.syns), count(*) AS flows FROM flow f JOIN _flow_seen s ON s.flow_id = f.id WHERE f.proto = 'tcp' AND f.netns IS {netns} AND f.dport = {flow_dport} AND s.syns > 0 HAVING sum(s.syns) > count(*);
-- evidence?: TcpExt.TCPSynRetrans grew by {result} on the clients of this host.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPSynRetrans' AND delta > 0;
-- evidence?: net.core.somaxconn is {result}: listen(2) gets no larger backlog than that.
SELECT {v_somaxconn};
-- advice: Find out why the application does not call accept(): all its workers busy, blocked, stopped?
-- command: {ns}ss -ltnp sport = :{flow_dport}
-- when: SELECT {flow_dport} IS NOT NULL
-- advice: The backlog is at the limit of net.core.somaxconn: raise it, then restart the service so that it calls listen(2) again.
-- command: {ns}sysctl -w net.core.somaxconn={v_somaxconn_new}
-- undo: {ns}sysctl -w net.core.somaxconn={v_somaxconn}
-- when: SELECT {v_backlog} = {v_somaxconn} AND {v_somaxconn_new} IS NOT NULL
-- advice: The backlog is the application's own ({v_backlog}): raise it in its configuration.
-- when: SELECT {v_backlog} < {v_somaxconn}
-- ruled-out: Not a loss on the network: the SYNs arrived and the listener refused them.
-- ruled-out: Not the SYN queue: TcpExt.TCPReqQFullDrop did not move.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE name = 'TcpExt.TCPReqQFullDrop' AND netns IS {netns} AND delta > 0)
