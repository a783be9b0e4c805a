-- SPDX-License-Identifier: MIT
-- cause: tcp-accept-queue-overflow
-- severity: info
-- tested: replay
-- uses: sockets, counters, config
-- how: A listener with a backlog of 8 or more had three quarters of it or more waiting for accept() at a snapshot, or half where the backlog is as large as net.core.somaxconn,
--   to which the kernel cuts what listen(2) asks, and no listener of the namespace overflowed. It is a hint before it hurts: the next burst of connections is refused.
-- title: The accept queue of port {flow_dport} was {v_share:pct} full
-- summary: {v_queue:n connection} waited for accept() at {flow_dst} port {flow_dport}, of {v_backlog} that the backlog allows. None was refused so far.
SELECT
	0.9 AS confidence,
	s.netns,
	'tcp' AS flow_proto,
	s.src AS flow_dst,
	s.sport AS flow_dport,
	s.rqueue_max AS v_queue,
	s.wqueue_max AS v_backlog,
	min(1.0, CAST(s.rqueue_max AS REAL) / s.wqueue_max) AS v_share,
	m.most AS v_somaxconn,
	max(4096, 2 * m.most) AS v_somaxconn_new
FROM _socket_span s
LEFT JOIN (SELECT netns, CAST(coalesce(value_end, value) AS INTEGER) AS most FROM sysctl WHERE name = 'net.core.somaxconn') m ON m.netns = s.netns
WHERE s.proto = 'tcp' AND s.state = 'LISTEN' AND s.wqueue_max >= 8 AND s.rqueue_max * 4 >= s.wqueue_max * CASE WHEN s.wqueue_max = m.most THEN 2 ELSE 3 END
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.netns = s.netns AND m.name IN ('TcpExt.ListenOverflows', 'TcpExt.ListenDrops') AND m.delta > 0)
ORDER BY s.rqueue_max DESC, s.netns, s.src, s.sport
LIMIT 3;

-- evidence: At a snapshot {result:n connection} stood in the queue; the backlog is {v_backlog}.
SELECT {v_queue};
-- evidence?: net.core.somaxconn is {result}: listen(2) gets no larger backlog than that.
SELECT CASE WHEN {v_backlog} = {v_somaxconn} THEN {v_somaxconn} END;
-- advice: Raise the limit of the system, then the service's own backlog (listen(2)); it takes effect when the service listens anew.
-- command: {ns}sysctl -w net.core.somaxconn={v_somaxconn_new}
-- undo: {ns}sysctl -w net.core.somaxconn={v_somaxconn}
-- when: SELECT {v_backlog} = {v_somaxconn}
-- advice: The backlog is the application's own ({v_backlog}): raise it in its configuration.
-- when: SELECT {v_backlog} < {v_somaxconn}
-- advice: Look at how the service accepts connections.
-- command: {ns}ss -ltnp sport = :{flow_dport}
