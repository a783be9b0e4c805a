-- SPDX-License-Identifier: MIT
-- cause: tcp-accept-delayed
-- severity: warning
-- tested: live
-- uses: events, frames, sockets
-- needs: frames | event inet_sock_set_state
-- symptom-of: tcp-accept-queue-overflow/flow, reader-blocked/flow
-- how: At least 3 connections to a listener whose accept queue was not empty at a snapshot that lies between their
--   handshake and the first data from the server, which came 200 ms or more after the request (or, where the server speaks first, after the
--   handshake); no listener of that namespace overflowed. 200 ms is what a user feels. The queue shows that it is accept() that
--   is late, not the answer. Of connections without frames: a snapshot shows them without an inode, which accept() gives them, 200 ms or more
--   after inet_sock_set_state told that they were established; they waited longer than that.
-- title: Connections to {flow_dst} port {flow_dport} wait up to {delay_ns:time} to be accepted
-- summary: {packets:n connection} to {flow_dst} port {flow_dport} stood in the accept queue (up to {v_queue} at once[[, of {v_backlog}]]): the server[[, {v_who},]] did not call
--   accept(). [[They waited up to {v_first:time} for its first byte.]][[At a snapshot they had waited up to {v_unseen:time}.]] Nothing was lost and the queue never was full.
WITH listener AS (
	SELECT netns, src, sport, max(rqueue) AS queue, max(wqueue) AS backlog FROM socket
	WHERE proto = 'tcp' AND state = 'LISTEN'
	GROUP BY netns, src, sport
	HAVING max(rqueue) >= 2
), hold AS (
	-- a row stands until the next one of the same listener
	SELECT netns, src, sport, rqueue, snap_ns AS from_ns
	FROM socket
	WHERE proto = 'tcp' AND state = 'LISTEN' AND rqueue > 0
), conn AS (
	SELECT l.netns, l.src AS listen, l.queue, l.backlog, w.id AS flow_id, w.src, w.sport, w.dst, w.dport,
		(SELECT min(x.ts_ns) FROM _frame x WHERE x.flow_id = w.reverse_id AND x.tcp_flags & 18 = 18) AS shake_ns,
		(SELECT min(x.ts_ns) FROM _frame x WHERE x.flow_id = w.id AND x.payload_bytes > 0) AS ask_ns,
		(SELECT min(x.ts_ns) FROM _frame x WHERE x.flow_id = w.reverse_id AND x.payload_bytes > 0) AS answer_ns
	FROM listener l JOIN flow w ON w.netns = l.netns AND w.proto = 'tcp' AND w.dport = l.sport AND (l.src IN ('0.0.0.0', '::', '*') OR l.src = w.dst)
), late AS (
	SELECT c.*, c.answer_ns - CASE WHEN c.ask_ns < c.answer_ns THEN c.ask_ns ELSE c.shake_ns END AS wait
	FROM conn c
	WHERE c.shake_ns IS NOT NULL AND c.answer_ns IS NOT NULL
		AND EXISTS (SELECT 1 FROM hold h WHERE h.netns = c.netns AND h.src = c.listen AND h.sport = c.dport AND h.from_ns BETWEEN c.shake_ns AND c.answer_ns)
), up AS (
	SELECT json_extract(fields, '$.sport') AS sport, json_extract(fields, '$.dport') AS dport, json_extract(fields, '$.saddr') AS src,
		json_extract(fields, '$.saddr_v6') AS src6, json_extract(fields, '$.daddr') AS dst, json_extract(fields, '$.daddr_v6') AS dst6, ts_ns
	FROM event
	WHERE name = 'inet_sock_set_state' AND json_extract(fields, '$.newstate') IN ('TCP_ESTABLISHED', 1)
), orphan AS (
	-- inet_diag gives a socket that nobody has accepted no inode
	SELECT l.netns, l.src AS listen, l.queue, l.backlog, k.dst AS src, k.dport AS sport, k.src AS dst, k.sport AS dport,
		max(u.ts_ns) AS shake_ns, k.snap_ns AS answer_ns, k.snap_ns - max(u.ts_ns) AS wait
	FROM listener l JOIN socket k ON k.netns = l.netns AND k.proto = 'tcp' AND k.sport = l.sport AND (l.src IN ('0.0.0.0', '::', '*') OR l.src = k.src)
		AND k.state IN ('ESTABLISHED', 'CLOSE_WAIT') AND k.inode = 0
	JOIN up u ON u.sport = k.sport AND u.dport = k.dport AND k.src IN (u.src, u.src6) AND k.dst IN (u.dst, u.dst6) AND u.ts_ns <= k.snap_ns
	WHERE NOT EXISTS (SELECT 1 FROM flow w WHERE w.proto = 'tcp' AND w.src = k.dst AND w.sport = k.dport AND w.dst = k.src AND w.dport = k.sport)
	GROUP BY k.netns, k.src, k.sport, k.dst, k.dport, k.snap_id
), unseen AS (
	-- the last snapshot that shows it so
	SELECT *, row_number() OVER (PARTITION BY netns, src, sport, dst, dport ORDER BY wait DESC) AS nth FROM orphan
), either AS (
	SELECT netns, queue, backlog, flow_id, src, dst, dport, shake_ns, answer_ns, wait FROM late
	UNION ALL
	SELECT netns, queue, backlog, NULL, src, dst, dport, shake_ns, answer_ns, wait FROM unseen WHERE nth = 1
)
SELECT
	CASE WHEN count(*) >= 10 OR max(l.wait) >= 5000000000 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN max(l.flow_id) IS NULL THEN 0.85 ELSE 0.9 END AS confidence,
	l.netns,
	max(l.flow_id) AS flow_id,
	'tcp' AS flow_proto,
	CASE WHEN min(l.src) = max(l.src) THEN min(l.src) END AS flow_src,
	l.dst AS flow_dst,
	l.dport AS flow_dport,
	(SELECT t.comm FROM _flow_task t WHERE t.nth = 1 AND t.proto = 'tcp' AND t.dst = l.dst AND t.dport = l.dport ORDER BY t.times DESC, t.pid LIMIT 1) AS process,
	(SELECT t.pid FROM _flow_task t WHERE t.nth = 1 AND t.proto = 'tcp' AND t.dst = l.dst AND t.dport = l.dport ORDER BY t.times DESC, t.pid LIMIT 1) AS pid,
	(SELECT t.who FROM _flow_task t WHERE t.nth = 1 AND t.proto = 'tcp' AND t.dst = l.dst AND t.dport = l.dport ORDER BY t.times DESC, t.pid LIMIT 1) AS v_who,
	min(l.shake_ns) AS from_ns,
	max(l.answer_ns) AS to_ns,
	count(*) AS packets,
	count(*) AS flows,
	max(l.wait) AS delay_ns,
	sum(l.wait) / 1e8 AS harm,
	max(l.queue) AS v_queue,
	max(l.backlog) AS v_backlog,
	CASE WHEN max(l.flow_id) IS NOT NULL THEN max(l.wait) END AS v_first,
	CASE WHEN max(l.flow_id) IS NULL THEN max(l.wait) END AS v_unseen
FROM either l
WHERE l.wait >= 200000000
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.netns = l.netns AND m.name IN ('TcpExt.ListenOverflows', 'TcpExt.ListenDrops') AND m.delta > 0)
GROUP BY l.netns, l.dst, l.dport
HAVING count(*) >= 3
ORDER BY max(l.wait) DESC, l.netns, l.dst, l.dport;

-- evidence: At {result:n snapshot} connections were waiting in the accept queue of port {flow_dport}, up to {most} at once.
SELECT count(*), max(rqueue) AS most FROM socket WHERE proto = 'tcp' AND state = 'LISTEN' AND netns IS {netns} AND sport = {flow_dport} AND rqueue > 0;
-- evidence?: {packets:n connection} with a finished handshake got the first data from the server only after up to {result:time}.
SELECT {delay_ns} WHERE {flow_id} IS NOT NULL;
-- evidence?: {packets:n connection} with a finished handshake had not been accepted up to {result:time} later: no process had the socket yet.
SELECT {delay_ns} WHERE {flow_id} IS NULL;
-- packets:
SELECT packet_id FROM _frame WHERE flow_id = {flow_id} AND packet_id IS NOT NULL ORDER BY ts_ns LIMIT 20;
-- advice: Find out what the server does instead of calling accept(): an event loop that is blocked by other work, too few workers, lack of CPU?
-- command: {ns}ss -ltnp sport = {flow_dport}
-- ruled-out: Not a full accept queue: ListenOverflows and ListenDrops did not grow.
-- ruled-out: Not the network: the handshake was finished.
