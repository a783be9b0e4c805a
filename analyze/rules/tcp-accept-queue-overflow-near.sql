-- SPDX-License-Identifier: MIT
-- cause: tcp-accept-queue-overflow
-- severity: info
-- tested: replay
-- uses: sockets, counters, config
-- how: A listener with a backlog of 8 or more had three quarters of it or more waiting for accept() at a snapshot, and no listener of the namespace overflowed. It
--   is a hint before it hurts: the next burst of connections is refused.
-- title: The accept queue of port {flow_dport} was nearly full
-- summary: {v_queue:n connection} waited for accept() at {flow_dst} port {flow_dport}, of {v_backlog} that the backlog allows. None was refused so far.
SELECT
	0.9 AS confidence,
	s.netns,
	'tcp' AS flow_proto,
	s.src AS flow_dst,
	s.sport AS flow_dport,
	s.rqueue_max AS v_queue,
	s.wqueue_max AS v_backlog,
	coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.somaxconn' AND netns = s.netns), 0) AS v_somaxconn
FROM _socket_span s
WHERE s.proto = 'tcp' AND s.state = 'LISTEN' AND s.wqueue_max >= 8 AND s.rqueue_max * 4 >= s.wqueue_max * 3
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.netns = s.netns AND m.name IN ('TcpExt.ListenOverflows', 'TcpExt.ListenDrops') AND m.delta > 0)
ORDER BY s.rqueue_max DESC, s.netns, s.src, s.sport
LIMIT 3;

-- evidence: At a snapshot {result:n connection} stood in the queue; the backlog is {v_backlog}.
SELECT {v_queue};
-- advice: Raise the limit of the system, then the service's own backlog (listen(2)).
-- command: {ns}sysctl -w net.core.somaxconn=4096
-- undo: {ns}sysctl -w net.core.somaxconn={v_somaxconn}
-- when: SELECT {v_backlog} = {v_somaxconn} AND {v_somaxconn} < 4096
-- advice: Look at how the service accepts connections.
-- command: {ns}ss -ltnp sport = :{flow_dport}
