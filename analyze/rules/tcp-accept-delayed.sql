-- SPDX-License-Identifier: MIT
-- cause: tcp-accept-delayed
-- severity: warning
-- tested: live
-- uses: frames, sockets
-- needs: frames
-- symptom-of: tcp-accept-queue-overflow/flow
-- how: At least 3 connections to a listener whose accept queue was not empty at a snapshot that lies between their
--   handshake and the first data from the server, which came 200 ms or more after the request (or, where the server speaks first, after the
--   handshake); no listener of that namespace overflowed. 200 ms is what a user feels. The queue shows that it is accept() that
--   is late, not the answer.
-- title: Connections to {flow_dst} port {flow_dport} wait up to {delay_ns:time} to be accepted
-- summary: {packets:n connection} to {flow_dst} port {flow_dport} stood in the accept queue (up to {v_queue} at once, of {v_backlog}): the server[[, {v_who},]] did not call
--   accept(). They waited up to {delay_ns:time} for its first byte. Nothing was lost and the queue never was full.
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
)
SELECT
	CASE WHEN count(*) >= 10 OR max(l.wait) >= 5000000000 THEN 'critical' ELSE 'warning' END AS severity,
	0.9 AS confidence,
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
	max(l.backlog) AS v_backlog
FROM late l
WHERE l.wait >= 200000000
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.netns = l.netns AND m.name IN ('TcpExt.ListenOverflows', 'TcpExt.ListenDrops') AND m.delta > 0)
GROUP BY l.netns, l.dst, l.dport
HAVING count(*) >= 3
ORDER BY max(l.wait) DESC, l.netns, l.dst, l.dport;

-- evidence: At {result:n snapshot} connections were waiting in the accept queue of port {flow_dport}, up to {most} at once.
SELECT count(*), max(rqueue) AS most FROM socket WHERE proto = 'tcp' AND state = 'LISTEN' AND netns IS {netns} AND sport = {flow_dport} AND rqueue > 0;
-- evidence: {packets:n connection} with a finished handshake got the first data from the server only after up to {result:time}.
SELECT {delay_ns};
-- packets:
SELECT packet_id FROM _frame WHERE flow_id = {flow_id} AND packet_id IS NOT NULL ORDER BY ts_ns LIMIT 20;
-- advice: Find out what the server does instead of calling accept(): an event loop that is blocked by other work, too few workers, lack of CPU?
-- command: {ns}ss -ltnp sport = {flow_dport}
-- ruled-out: Not a full accept queue: ListenOverflows and ListenDrops did not grow.
-- ruled-out: Not the network: the handshake was finished.
