-- SPDX-License-Identifier: MIT
-- cause: tcp-zero-window
-- severity: warning
-- tested: live
-- uses: frames, counters, sockets
-- symptom-of: tcp-memory-limit/any
-- how: Frames of one TCP flow that advertise a receive window of 0 (no SYN or RST), and how long until the next frame that opens
--   it; one closing of at least 200 ms makes a finding, critical from 2 s in all with one of 1 s: as much harm as 20 lost packets, from which on a loss is
--   critical. It is the receiving application that does not
--   read. Shorter closings of 1 s in all are 'info': a reader slower than the sender, which flow control is made for. Without frames: TCPToZeroWindowAdv grew and a socket was seen probing a closed window (timer 4).
-- title: {v_who} does not read: TCP window closed[[ for {delay_ns:time}]]
-- summary: The receiver of the connection[[ {flow_src} port {flow_sport}]] to {flow_dst} port {flow_dport}[[ ({v_reader})]] did not read: its
--   window was closed[[ {v_times:n time}, the longest for {delay_ns:time}]][[ ({v_total:time} in all)]]. The sender had to wait; the network lost nothing.
WITH flows AS (
	SELECT flow_id FROM _flow_seen WHERE closed > 0
), f AS (
	SELECT x.flow_id, x.netns_id, x.dev_id, x.direction, x.ts_ns, x.no, x.tcp_window = 0 AS closed,
		lag(x.tcp_window = 0) OVER w AS before
	FROM (SELECT 1 FROM flows LIMIT 1) CROSS JOIN _frame x JOIN flows USING (flow_id)
	WHERE x.tcp_flags & 6 = 0
	WINDOW w AS (PARTITION BY x.flow_id, x.netns_id, x.dev_id, x.direction ORDER BY x.ts_ns, x.no)
), turn AS (
	SELECT f.*, lead(f.ts_ns) OVER (PARTITION BY f.flow_id, f.netns_id, f.dev_id, f.direction ORDER BY f.ts_ns, f.no) AS next_ns
	FROM f
	WHERE f.closed IS NOT f.before
), last AS (
	SELECT flow_id, netns_id, dev_id, direction, max(ts_ns) AS ts_ns FROM f GROUP BY flow_id, netns_id, dev_id, direction
), stall AS (
	SELECT t.flow_id, t.netns_id, t.dev_id, t.direction, count(*) AS times,
		max(coalesce(t.next_ns, l.ts_ns) - t.ts_ns) AS longest, sum(coalesce(t.next_ns, l.ts_ns) - t.ts_ns) AS total,
		total(CASE WHEN coalesce(t.next_ns, l.ts_ns) - t.ts_ns >= 200000000 THEN coalesce(t.next_ns, l.ts_ns) - t.ts_ns END) AS felt,
		min(t.ts_ns) AS from_ns, max(coalesce(t.next_ns, l.ts_ns)) AS to_ns
	FROM turn t JOIN last l USING (flow_id, netns_id, dev_id, direction)
	WHERE t.closed
	GROUP BY t.flow_id, t.netns_id, t.dev_id, t.direction
), named AS (
	SELECT s.*, w.src, w.sport, w.dst, w.dport, w.reverse_id, n.name AS netns, d.text AS dev,
		row_number() OVER (PARTITION BY w.src, w.sport, w.dst, w.dport ORDER BY s.direction DESC, s.longest DESC, s.dev_id) AS nth
	FROM stall s JOIN flow w ON w.id = s.flow_id JOIN netns n ON n.id = s.netns_id JOIN _name d ON d.id = s.dev_id
), reader AS (
	SELECT w.src, w.sport, w.dst, w.dport, x.pid, x.comm,
		row_number() OVER (PARTITION BY w.src, w.sport, w.dst, w.dport ORDER BY x.reads DESC, x.pid) AS nth
	FROM _reader x JOIN flow w ON w.id = x.flow_id
	WHERE w.proto = 'tcp'
)
SELECT
	CASE WHEN s.longest >= 1000000000 AND s.felt >= 2000000000 THEN 'critical' WHEN s.longest >= 200000000 THEN 'warning' ELSE 'info' END AS severity,
	CASE WHEN s.direction = 1 THEN 0.97 ELSE 0.9 END AS confidence,
	s.netns,
	s.dev,
	coalesce(s.reverse_id, s.flow_id) AS flow_id,
	'tcp' AS flow_proto,
	s.dst AS flow_src,
	s.dport AS flow_sport,
	s.src AS flow_dst,
	s.sport AS flow_dport,
	r.comm AS process,
	r.pid,
	s.from_ns,
	s.to_ns,
	s.longest AS delay_ns,
	s.felt / 1e8 AS harm,
	1 AS flows,
	s.times AS v_times,
	s.total AS v_total,
	s.flow_id AS v_flow,
	coalesce(r.comm || ' (pid ' || r.pid || ')', 'a task (pid ' || r.pid || ')') AS v_reader,
	CASE WHEN s.direction = 1 THEN 'Receiver on this host' ELSE 'The peer' END AS v_who
FROM named s
LEFT JOIN reader r ON r.nth = 1 AND r.src = s.dst AND r.sport = s.dport AND r.dst = s.src AND r.dport = s.sport
WHERE s.nth = 1 AND (s.longest >= 200000000 OR s.total >= 1000000000)
UNION ALL
SELECT 'warning', 0.75, coalesce(p.netns, k.netns), NULL, NULL, 'tcp', k.src, k.sport, k.dst, k.dport, NULL, NULL, min(k.snap_ns), max(k.snap_ns), NULL,
	2, -- the probe timer runs 200 ms at least
	1,
	NULL, NULL, NULL, NULL, CASE WHEN p.netns IS NULL THEN 'A receiver' ELSE 'Receiver on this host' END
FROM socket k
-- the peer's socket, where that is on this host too
LEFT JOIN (SELECT DISTINCT netns, src, sport, dst, dport FROM _socket_span WHERE proto = 'tcp') p
	ON p.src = k.dst AND p.sport = k.dport AND p.dst = k.src AND p.dport = k.sport
WHERE k.proto = 'tcp' AND k.timer = 4 AND k.wqueue > 0
	AND EXISTS (SELECT 1 FROM _moved m WHERE m.name IN ('TcpExt.TCPFromZeroWindowAdv', 'TcpExt.TCPToZeroWindowAdv') AND m.delta > 0)
	AND NOT EXISTS (SELECT 1 FROM flow w JOIN _flow_seen fs ON fs.flow_id = w.id WHERE w.proto = 'tcp' AND w.src = k.src AND w.sport = k.sport
		AND w.dst = k.dst AND w.dport = k.dport)
GROUP BY coalesce(p.netns, k.netns), k.src, k.sport, k.dst, k.dport
ORDER BY 15 DESC, 3, 10
LIMIT 10;

-- evidence?: {result} frames that advertise a window of 0 were captured of this flow, from {src} port {sport}.
SELECT count(*), w.src, w.sport FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE f.flow_id = {v_flow} AND f.tcp_window = 0 AND f.tcp_flags & 6 = 0 AND f.dev_id = (SELECT id FROM _name WHERE text = {dev});
-- evidence?: TcpExt.TCPToZeroWindowAdv grew by {result} in {netns}: the kernel closed a window so often there.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPToZeroWindowAdv' AND netns IS {netns} AND delta > 0;
-- evidence?: The receiver's socket held up to {result} bytes unread of a buffer of {rcvbuf_bytes}.
SELECT rqueue_max, rcvbuf_bytes FROM _socket_span WHERE proto = 'tcp' AND sport = {flow_dport} AND dport = {flow_sport} AND src = {flow_dst} ORDER BY rqueue_max DESC;
-- evidence?: The sender's socket held up to {result} bytes that it could not send.
SELECT wqueue_max FROM _socket_span WHERE proto = 'tcp' AND sport = {flow_sport} AND dport = {flow_dport} AND src = {flow_src} ORDER BY wqueue_max DESC;
-- evidence?: The sender probed the closed window {result} times (TcpExt.TCPWinProbe).
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPWinProbe' AND delta > 0;
-- packets:
SELECT packet_id FROM _frame WHERE flow_id = {v_flow} AND tcp_window = 0 AND packet_id IS NOT NULL ORDER BY ts_ns LIMIT 20;
-- advice: Find out what the receiving application does while it does not read: blocked on a disk, a lock, another service?
-- command: {ns}ss -tmip dst \[{flow_src}\]
-- when: SELECT {flow_src} IS NOT NULL
-- ruled-out: Not a loss and not congestion: the receiver itself said that it takes no more.
-- ruled-out: Drops with TCP_ZEROWINDOW, TCP_OLD_DATA or TCP_OLD_SEQUENCE beside it are probes of the closed window, a consequence.
-- when: SELECT EXISTS (SELECT 1 FROM _drop_group WHERE reason IN ('TCP_ZEROWINDOW', 'TCP_OLD_DATA', 'TCP_OLD_SEQUENCE'))
