-- SPDX-License-Identifier: MIT
-- cause: reader-blocked
-- severity: warning
-- tested: live
-- uses: events, sched, frames
-- needs: event sched_switch
-- symptom-of: tcp-zero-window/flow, tcp-accept-queue-overflow/flow
-- how: The task that reads a flow slept (not: was runnable) for 100 ms or more while data of it lay in the socket: it did not wait for
--   the socket, for nobody sleeps in recv, poll or epoll with data there (sock_def_readable() wakes them), but for something else: a lock, a disk, another
--   service, a timer. At least 3 such sleeps with 500 ms in all, or one of 1 s, on the side that serves. And someone waited for it: it answered
--   after that, or its socket lost datagrams. Where another task was woken by the data, that one is the reader. Shorter sleeps between reads are a slow reader,
--   and a client that takes its time with an answer harms no one. What may have waited
--   for accept() does not count (tcp-accept-delayed). Critical from 2 s in all with one of 1 s: as much harm as 20 lost packets, from which on a
--   loss is critical.
-- title: {v_task}, the reader of port {flow_dport}, is blocked on something else for {delay_ns:time}
-- summary: {v_who} reads {flow_dst} port {flow_dport}. {v_times:n time} data waited for it in the socket, up to {delay_ns:time}, {v_total:time} in all, while it slept
--   and was not woken by the data: it waited for something else than this socket[[; {v_lost:n datagram} were dropped meanwhile]]. The CPU was not what it lacked.
WITH victim AS (
	SELECT flow_id, pid FROM _flow_task WHERE nth = 1 AND proto IN ('tcp', 'udp')
), ready AS (
	SELECT coalesce((SELECT id FROM _stage WHERE name = 'sk_data_ready'), (SELECT id FROM _stage WHERE name = 'netif_receive_skb')) AS stage
), got AS (
	SELECT c.packet_id, p.flow_id, c.pid, max(b.ts_ns) AS from_ns, c.ts_ns AS to_ns
	-- a packet that lived for less did not wait for so long
	FROM _packet p NOT INDEXED CROSS JOIN _hop c ON c.packet_id = p.id AND c.stage IN (SELECT id FROM _stage WHERE name IN ('skb_copy_datagram_iovec', 'sock_recv_length'))
	CROSS JOIN _hop b ON b.packet_id = c.packet_id AND b.seq < c.seq AND b.stage = (SELECT stage FROM ready)
	WHERE p.last_ns - p.first_ns >= 100000000 AND p.flow_id IS NOT NULL AND c.context = 1
		AND c.ts_ns - b.ts_ns >= 100000000
	GROUP BY c.packet_id
), sleep AS (
	SELECT pid, from_ns, to_ns
	FROM (
		SELECT pid, end_ns AS from_ns, end_state,
			coalesce(lead(start_ns) OVER (PARTITION BY pid ORDER BY start_ns), (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'end_ns')) AS to_ns
		FROM run
		WHERE pid IN (SELECT pid FROM victim UNION SELECT pid FROM got) AND end_ns IS NOT NULL
	)
	WHERE end_state & 3 AND to_ns - from_ns >= 100000000
), woken AS (
	SELECT s.pid, s.from_ns, coalesce(max(w.start_ns), s.to_ns) AS to_ns
	FROM sleep s LEFT JOIN wakeup w ON w.pid = s.pid AND w.start_ns BETWEEN s.from_ns AND s.to_ns
	GROUP BY s.pid, s.from_ns
), came AS (
	-- data that arrived and was never seen being read
	SELECT v.flow_id, v.pid, w.from_ns, w.to_ns, h.packet_id, min(h.ts_ns) AS ts_ns
	FROM _packet p NOT INDEXED CROSS JOIN victim v ON v.flow_id = p.flow_id
	CROSS JOIN woken w ON w.pid = v.pid AND p.last_ns > w.from_ns AND p.first_ns < w.to_ns AND w.to_ns - w.from_ns >= 100000000
	CROSS JOIN _hop h ON h.packet_id = p.id AND h.stage = (SELECT stage FROM ready) AND h.ts_ns BETWEEN w.from_ns AND w.to_ns - 100000000
	WHERE p.last_ns > (SELECT min(from_ns) FROM woken WHERE to_ns - from_ns >= 100000000)
		AND p.first_ns < (SELECT max(to_ns) FROM woken WHERE to_ns - from_ns >= 100000000)
		AND EXISTS (SELECT 1 FROM _frame f WHERE f.packet_id = p.id AND f.payload_bytes > 0)
	GROUP BY v.flow_id, v.pid, w.from_ns, h.packet_id
), each AS (
	-- a packet and a sleep of its reader in which it waited
	SELECT g.flow_id, g.pid, g.packet_id, g.from_ns AS ready_ns, max(g.from_ns, s.from_ns) AS from_ns, min(g.to_ns, s.to_ns) AS to_ns, s.to_ns AS sleep
	FROM got g JOIN woken s ON s.pid = g.pid AND s.from_ns < g.to_ns AND s.to_ns > g.from_ns
	WHERE min(g.to_ns, s.to_ns) - max(g.from_ns, s.from_ns) >= 100000000
	UNION ALL
	SELECT c.flow_id, c.pid, c.packet_id, c.ts_ns, c.ts_ns, c.to_ns, c.to_ns
	FROM came c
	WHERE c.packet_id NOT IN (SELECT packet_id FROM got) AND c.packet_id NOT IN (SELECT packet_id FROM _woken)
), held AS (
	-- what came before a connection was answered for the first time may have waited for accept(), where the accept queue was seen to stand
	SELECT e.*
	FROM each e JOIN flow f ON f.id = e.flow_id
	WHERE f.proto <> 'tcp' OR EXISTS (SELECT 1 FROM _frame x WHERE x.flow_id = f.reverse_id AND x.payload_bytes > 0 AND x.ts_ns < e.ready_ns)
		OR NOT EXISTS (SELECT 1 FROM socket k WHERE k.proto = 'tcp' AND k.state = 'LISTEN' AND k.sport = f.dport AND k.src IN (f.dst, '0.0.0.0', '::', '*') AND k.rqueue > 0)
), late AS (
	SELECT h.flow_id, h.pid, h.packet_id, h.ready_ns, sum(h.to_ns - h.from_ns) AS ns, min(h.from_ns) AS from_ns, min(h.to_ns) AS first_ns, max(h.to_ns) AS to_ns
	FROM held h
	GROUP BY h.flow_id, h.pid, h.packet_id
), judged AS (
	SELECT f.proto, f.src, f.sport, f.dst, f.dport, l.pid, l.flow_id, l.from_ns, l.to_ns, l.ns,
		-- nothing was sent back before the first of these sleeps was over, and then something was
		coalesce((SELECT min(x.ts_ns) FROM _frame x WHERE x.flow_id = f.reverse_id AND x.payload_bytes > 0 AND x.ts_ns > l.ready_ns) >= l.first_ns, 0) AS answered
	FROM late l JOIN flow f ON f.id = l.flow_id
	-- the side that serves: nobody waits for what a client does with its answer
	WHERE CASE f.proto WHEN 'tcp' THEN EXISTS (SELECT 1 FROM _flow_seen s WHERE s.flow_id = f.id AND s.syns > 0)
			OR EXISTS (SELECT 1 FROM socket k WHERE k.proto = 'tcp' AND k.state = 'LISTEN' AND k.sport = f.dport AND k.src IN (f.dst, '0.0.0.0', '::', '*'))
		ELSE EXISTS (SELECT 1 FROM socket k WHERE k.proto = 'udp' AND coalesce(k.dport, 0) = 0 AND k.sport = f.dport AND k.src IN (f.dst, '0.0.0.0', '::', '*')) END
), place AS (
	SELECT proto, dst, dport, pid, max(flow_id) AS flow_id, count(DISTINCT flow_id) AS flows,
		CASE WHEN min(src) = max(src) THEN min(src) END AS src, CASE WHEN min(sport) = max(sport) THEN min(sport) END AS sport,
		count(*) AS packets, max(ns) AS longest, sum(answered) AS answers, min(from_ns) AS from_ns, max(to_ns) AS to_ns
	FROM judged
	GROUP BY proto, dst, dport, pid
), span AS (
	-- each sleep once
	SELECT proto, dst, dport, pid, count(*) AS times, sum(ns) AS total
	FROM (SELECT f.proto, f.dst, f.dport, h.pid, max(h.to_ns - h.from_ns) AS ns FROM held h JOIN flow f ON f.id = h.flow_id GROUP BY f.proto, f.dst, f.dport, h.pid, h.sleep)
	GROUP BY proto, dst, dport, pid
), harm AS (
	SELECT p.*, s.times, s.total, t.comm, coalesce(t.comm || ' (pid ' || p.pid || ')', 'a task (pid ' || p.pid || ')') AS who, (SELECT sum(t.drops) FROM _drop_target t WHERE p.proto = 'udp' AND t.proto = 'udp' AND t.dst = p.dst AND t.dport = p.dport
		AND (t.reason = 'SOCKET_RCVBUFF' OR (t.reason IS NULL AND t.function LIKE '%queue_rcv%'))) AS lost
	FROM place p JOIN span s USING (proto, dst, dport, pid) LEFT JOIN task t ON t.pid = p.pid
)
SELECT
	CASE WHEN (h.longest >= 1000000000 AND h.total >= 2000000000) OR h.lost >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN EXISTS (SELECT 1 FROM _stage WHERE name = 'sk_data_ready') THEN 0.92 ELSE 0.8 END AS confidence,
	CASE WHEN h.dst LIKE '127.%' OR h.dst = '::1' THEN (SELECT f.netns FROM flow f WHERE f.id = h.flow_id)
		ELSE (SELECT a.netns FROM addr a WHERE a.address = h.dst ORDER BY a.netns_id LIMIT 1) END AS netns,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.sport AS flow_sport,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.comm AS process,
	h.pid,
	coalesce(h.comm, 'A task') AS v_task,
	h.who AS v_who,
	h.from_ns,
	h.to_ns,
	-- what was lost, where any was: the others were late
	coalesce(nullif(h.lost, 0), h.packets) AS packets,
	h.packets AS v_packets,
	h.flows,
	h.longest AS delay_ns,
	coalesce(h.lost, 0) + h.total / 1e8 AS harm,
	h.times AS v_times,
	h.total AS v_total,
	h.answers AS v_answers,
	h.lost AS v_lost
FROM harm h
WHERE ((h.times >= 3 AND h.total >= 500000000) OR h.longest >= 1000000000) AND (h.answers * 2 >= h.packets OR h.answers >= 10 OR h.lost >= 3)
ORDER BY harm DESC, h.pid, h.proto, h.dst, h.dport
LIMIT 10;

-- evidence: {result:n packet} with data for {flow_dst} port {flow_dport} waited in the socket while {v_who} slept for 100 ms or more.
SELECT {v_packets};
-- evidence?: It is the reader: data for this port woke it at other times, or it was seen reading it ({result:n time}).
SELECT sum(times) FROM _flow_task WHERE proto = {flow_proto} AND dst = {flow_dst} AND dport = {flow_dport} AND pid = {pid};
-- evidence?: {result} of them were answered only afterwards: the peer waited for that.
SELECT {v_answers};
-- evidence?: It ran {result:time} in all during the recording: its time went by asleep.
SELECT sum(end_ns - start_ns) FROM run WHERE pid = {pid};
-- evidence?: {result} datagrams for it were dropped because its receive buffer was full.
SELECT {v_lost};
-- packets:
SELECT id FROM _packet WHERE flow_id = {flow_id} ORDER BY last_ns - first_ns DESC, id LIMIT 20;
-- advice: Find out what it waits for while it does not read: where it sleeps in the kernel, which other service, lock or file.
-- command: cat /proc/{pid}/wchan /proc/{pid}/stack
-- advice: Give slow work to other threads, so that the one that reads the sockets never blocks.
-- ruled-out: Not a lack of CPU: it slept, it was not waiting for its turn.
-- ruled-out: Not a late packet: the data was in its socket already.
