-- SPDX-License-Identifier: MIT
-- cause: tcp-cork-delay
-- severity: warning
-- tested: live
-- uses: frames, events
-- needs: frames, event net_dev_queue
-- how: At a sender: everything sent is acknowledged and the connection has been quiet for 150 ms or more, when a new segment leaves, not full,
--   sent by a softirq. No application sent it there and no acknowledgement: it is the timer by which the kernel gives up
--   to wait for the rest (200 ms, or the retransmission timeout where that is longer; TCP_CORK in tcp(7), tcp_check_probe_timer()). Only
--   TCP_CORK and MSG_MORE hold such a segment: Nagle's algorithm needs unacknowledged data, and the peer's window never
--   was closed. At least 5 times on a connection, and in at least a third of its pauses that long.
-- title: The sender holds small segments to {flow_dst} port {flow_dport} back for {delay_ns:time} (TCP_CORK)
-- summary: {packets:n time} a segment from {flow_src}[[ ({v_who})]] to {flow_dst} port {flow_dport} left only when a timer of the kernel ran out, with nothing
--   outstanding: the application set TCP_CORK or sent with MSG_MORE and did not say that the message ended. Each waited about {delay_ns:time}; nothing is lost.
WITH f AS (
	-- at the loopback device each frame is captured twice; the outgoing one counts
	SELECT x.flow_id, x.netns_id, x.dev_id, x.ts_ns, x.direction, x.payload_bytes AS len, x.tcp_seq AS seq, x.packet_id,
		x.ts_ns - lag(x.ts_ns) OVER c AS quiet,
		lag(x.flow_id) OVER c AS flow1, lag(x.payload_bytes) OVER c AS len1, lag(x.tcp_ack) OVER c AS ack1, lag(x.tcp_seq) OVER c AS seq1,
		lag(x.flow_id, 2) OVER c AS flow2, lag(x.tcp_ack, 2) OVER c AS ack2
	FROM _frame x JOIN flow w ON w.id = x.flow_id
	WHERE w.proto = 'tcp' AND x.direction IS NOT NULL AND x.tcp_flags & 7 = 0
		AND NOT (x.direction = 0 AND x.dev_id = coalesce((SELECT id FROM _name WHERE text = 'lo'), -1))
	WINDOW c AS (PARTITION BY x.netns_id, x.dev_id, min(x.flow_id, coalesce(w.reverse_id, x.flow_id)) ORDER BY x.ts_ns, x.no)
), pause AS (
	SELECT f.flow_id, f.netns_id, f.dev_id, f.ts_ns, f.quiet,
		coalesce(h.context = 2, 0) AND f.len BETWEEN 1 AND 1447
			AND ((f.flow1 <> f.flow_id AND f.ack1 = f.seq) OR (f.flow1 = f.flow_id AND f.len1 = 0 AND f.seq1 = f.seq AND f.flow2 <> f.flow_id AND f.ack2 = f.seq)) AS held
	FROM f LEFT JOIN _hop h ON h.packet_id = f.packet_id AND h.seq = 0 AND h.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue')
	WHERE f.direction = 1 AND f.len > 0 AND f.quiet >= 150000000
), conn AS (
	SELECT flow_id, netns_id, dev_id, sum(held) AS times, min(CASE WHEN held THEN quiet END) AS wait,
		min(CASE WHEN held THEN ts_ns END) AS from_ns, max(CASE WHEN held THEN ts_ns END) AS to_ns, count(*) AS pauses
	FROM pause
	GROUP BY flow_id, netns_id, dev_id
	HAVING sum(held) >= 5 AND sum(held) * 3 >= count(*)
), target AS (
	SELECT n.name AS netns, d.text AS dev, w.src, w.dst, w.dport, max(c.flow_id) AS flow_id, count(*) AS flows, CASE WHEN count(*) = 1 THEN max(w.sport) END AS sport,
		sum(c.times) AS times, min(c.wait) AS wait, min(c.from_ns) AS from_ns, max(c.to_ns) AS to_ns, sum(c.pauses) AS pauses
	FROM conn c JOIN flow w ON w.id = c.flow_id JOIN netns n ON n.id = c.netns_id JOIN _name d ON d.id = c.dev_id
	WHERE NOT EXISTS (SELECT 1 FROM _frame z WHERE z.flow_id = w.reverse_id AND z.tcp_window = 0 AND z.tcp_flags & 6 = 0)
	GROUP BY n.name, d.text, w.src, w.dst, w.dport
)
SELECT
	0.93 AS confidence,
	t.netns,
	t.dev,
	t.flow_id,
	'tcp' AS flow_proto,
	t.src AS flow_src,
	t.sport AS flow_sport,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	k.comm AS process,
	k.pid,
	k.who AS v_who,
	t.from_ns,
	t.to_ns,
	t.times AS packets,
	t.flows,
	t.wait AS delay_ns,
	t.times * t.wait / 1e8 AS harm,
	t.pauses AS v_pauses
FROM target t
-- whoever reads the answers
LEFT JOIN (
	SELECT src, dst, sport, pid, comm, who, row_number() OVER (PARTITION BY src, sport, dst ORDER BY sum(times) DESC, pid) AS nth
	FROM _flow_task
	WHERE proto = 'tcp'
	GROUP BY src, sport, dst, pid
) k ON k.nth = 1 AND k.src = t.dst AND k.sport = t.dport AND k.dst = t.src
-- where segments are dropped, what comes a timer later is a retransmission
WHERE NOT EXISTS (SELECT 1 FROM _drop_target d WHERE d.proto = 'tcp' AND d.dst = t.dst AND d.dport = t.dport AND d.class <> 'noise')
	-- and what a hook refuses on its way out, the sender tries again by the same timer as if the receiver had no room (tcp_check_probe_timer());
	-- nobody saw its flow
	AND NOT EXISTS (SELECT 1 FROM _drop_target d WHERE d.flows = 0 AND d.class IN ('policy', 'loss') AND (d.netns IS t.netns OR d.netns IS NULL)
		AND d.function IN ('ip_finish_output', 'ip6_finish_output', '__dev_queue_xmit', 'sch_handle_egress', 'nf_hook_slow', '?')
		AND d.drops >= t.times AND d.from_ns <= t.to_ns AND d.to_ns >= t.from_ns)
	-- and what a queue of its own refuses is not captured: TCP tries that again by a timer too (tcp_send_probe0())
	AND NOT EXISTS (SELECT 1 FROM qdisc q WHERE q.netns = t.netns AND q.dev = t.dev AND q.class = 0 AND q.drops_delta > 0)
ORDER BY t.times DESC, t.netns, t.dev, t.flow_id;

-- evidence: {result} of {v_pauses:n pause} of 150 ms or more ended with a segment that a softirq sent while nothing was unacknowledged.
SELECT {packets};
-- evidence?: TcpExt.TCPAutoCorking grew by {result} in {netns}; that holds data only as long as packets wait in the device, not for a timer.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPAutoCorking' AND netns IS {netns} AND delta > 0;
-- packets:
SELECT f.packet_id FROM _frame f JOIN _hop h ON h.packet_id = f.packet_id AND h.seq = 0 AND h.context = 2 WHERE f.flow_id = {flow_id} AND f.direction = 1 AND f.payload_bytes > 0 ORDER BY f.ts_ns LIMIT 20;
-- advice: The application clears TCP_CORK at the end of each message, or sends its last part without MSG_MORE; TCP_NODELAY does not
--   overrule a cork.
-- command: {ns}ss -tinp dst \[{flow_dst}\] dport = {flow_dport}
-- ruled-out: Not Nagle's algorithm with a delayed acknowledgement: nothing was unacknowledged.
-- ruled-out: Not a closed window of the peer: none was advertised.
-- ruled-out: Not a retransmission: these segments were sent for the first time.
