-- SPDX-License-Identifier: MIT
-- cause: tcp-sndbuf-full
-- severity: warning
-- tested: live
-- uses: sockets, frames, events, config
-- needs: frames, event net_dev_queue
-- how: A snapshot shows a sender whose send buffer is full (two thirds of it queued) with all of it on its way (nothing unsent), less than the congestion
--   window and less than the peer's window: it is the buffer that stops it. And the frames show what that costs: at least 10 times nothing left for 1 ms or
--   more until an acknowledgement came, and then the application itself (task context, it was woken by the free space) sent the next segment; 500 ms in
--   all and half of the time. A window that is full sends on from the softirq of the acknowledgement. A buffer at the limit of tcp_wmem that is worth a long path is
--   worth knowing only: then it is 'info' (not where tcp_wmem allows less than the 64 KiB that any kernel sets).
-- title: The send buffer ({v_sndbuf:size}) limits the connection to {flow_dst} port {flow_dport}
-- summary: {v_who} waits for room in its send buffer of {v_sndbuf:size} to {flow_dst} port {flow_dport}: {packets:n time} all of it was on its way and nothing was sent for up to
--   {delay_ns:time}, {v_total:time} in all ({v_share:pct} of the time), until the peer acknowledged. The congestion window and the peer's window allowed more.
WITH full AS (
	SELECT s.netns, s.src, s.sport, s.dst, s.dport, s.sndbuf_bytes, max(s.wmem_queued_bytes) AS queued,
		max(json_extract(s.tcp_info, '$.unacked')) AS unacked, max(json_extract(s.tcp_info, '$.snd_cwnd')) AS cwnd,
		max(json_extract(s.tcp_info, '$.snd_wnd')) AS wnd, max(json_extract(s.tcp_info, '$.sndbuf_limited')) AS limited
	FROM socket s
	WHERE s.proto = 'tcp' AND s.state = 'ESTABLISHED' AND s.sndbuf_bytes > 0 AND s.wmem_queued_bytes * 3 >= s.sndbuf_bytes * 2
		AND json_extract(s.tcp_info, '$.notsent_bytes') = 0 AND json_extract(s.tcp_info, '$.unacked') > 0
		AND json_extract(s.tcp_info, '$.unacked') < json_extract(s.tcp_info, '$.snd_cwnd')
		AND coalesce(nullif(json_extract(s.tcp_info, '$.snd_wnd'), 0) > s.wqueue + json_extract(s.tcp_info, '$.snd_mss'), 1)
	GROUP BY s.netns, s.src, s.sport, s.dst, s.dport
), f AS (
	-- at the loopback device each frame is captured twice; the outgoing one counts
	SELECT x.flow_id, x.netns_id, x.dev_id, x.ts_ns, x.payload_bytes AS len, x.direction, x.packet_id, x.flow_id = w.id AS own, w.id AS sender,
		lag(x.flow_id = w.id) OVER c AS own1, x.ts_ns - lag(x.ts_ns) OVER c AS after,
		x.ts_ns - max(CASE WHEN x.flow_id = w.id AND x.payload_bytes > 0 THEN x.ts_ns END) OVER (PARTITION BY w.id, x.netns_id, x.dev_id ORDER BY x.ts_ns, x.no
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS quiet
	FROM full u JOIN flow w ON w.proto = 'tcp' AND w.src = u.src AND w.sport = u.sport AND w.dst = u.dst AND w.dport = u.dport AND w.netns = u.netns
	JOIN _frame x ON x.flow_id IN (w.id, w.reverse_id)
	JOIN netns n ON n.id = x.netns_id AND n.name = u.netns
	WHERE x.tcp_flags & 7 = 0 AND x.direction IS NOT NULL AND NOT (x.direction = 0 AND x.dev_id = coalesce((SELECT id FROM _name WHERE text = 'lo'), -1))
	WINDOW c AS (PARTITION BY w.id, x.netns_id, x.dev_id ORDER BY x.ts_ns, x.no)
), stall AS (
	SELECT f.sender, f.dev_id, f.ts_ns, f.quiet, h.pid
	FROM f JOIN _hop h ON h.packet_id = f.packet_id AND h.seq = 0 AND h.context = 1
	WHERE f.own AND f.direction = 1 AND f.len > 0 AND f.quiet >= 1000000 AND f.own1 = 0 AND f.after <= 2000000
), conn AS (
	SELECT s.sender, s.dev_id, count(*) AS times, sum(s.quiet) AS total, max(s.quiet) AS longest, min(s.ts_ns) AS from_ns, max(s.ts_ns) AS to_ns,
		max(s.pid) AS pid, (SELECT max(k.last_ns) - min(k.first_ns) FROM flow k WHERE k.id = s.sender) AS span
	FROM stall s
	GROUP BY s.sender, s.dev_id
	HAVING count(*) >= 10 AND sum(s.quiet) >= 500000000
), shown AS (
	SELECT c.*, w.netns, w.src, w.sport, w.dst, w.dport, d.text AS dev, u.sndbuf_bytes, u.queued, u.unacked, u.cwnd, u.wnd, u.limited,
		(SELECT CAST(substr(rtrim(coalesce(y.value_end, y.value)), length(rtrim(rtrim(coalesce(y.value_end, y.value)), '0123456789')) + 1) AS INTEGER)
			FROM sysctl y WHERE y.name = 'net.ipv4.tcp_wmem' AND y.netns = w.netns) AS wmem,
		row_number() OVER (PARTITION BY c.sender ORDER BY c.total DESC, c.dev_id) AS nth
	FROM conn c JOIN flow w ON w.id = c.sender JOIN _name d ON d.id = c.dev_id
	JOIN full u ON u.netns = w.netns AND u.src = w.src AND u.sport = w.sport AND u.dst = w.dst AND u.dport = w.dport
	WHERE c.total * 2 >= c.span
)
SELECT
	-- no kernel of its own accord allows less than 64 KiB (tcp_init())
	CASE WHEN s.sndbuf_bytes >= s.wmem AND s.wmem >= 65536 THEN 'info' ELSE 'warning' END AS severity,
	0.9 AS confidence,
	s.netns,
	s.dev,
	s.sender AS flow_id,
	'tcp' AS flow_proto,
	s.src AS flow_src,
	s.sport AS flow_sport,
	s.dst AS flow_dst,
	s.dport AS flow_dport,
	t.comm AS process,
	s.pid,
	coalesce(t.comm || ' (pid ' || s.pid || ')', 'A task (pid ' || s.pid || ')') AS v_who,
	s.from_ns,
	s.to_ns,
	s.times AS packets,
	1 AS flows,
	s.longest AS delay_ns,
	s.total / 1e8 AS harm,
	s.total AS v_total,
	min(1.0, CAST(s.total AS REAL) / s.span) AS v_share,
	s.sndbuf_bytes AS v_sndbuf,
	s.queued AS v_queued,
	s.unacked AS v_unacked,
	s.cwnd AS v_cwnd,
	s.wnd AS v_wnd,
	nullif(s.limited, 0) AS v_limited,
	s.wmem AS v_wmem
FROM shown s LEFT JOIN task t ON t.pid = s.pid
WHERE s.nth = 1
ORDER BY s.total DESC, s.netns, s.sender
LIMIT 10;

-- evidence: At a snapshot {v_queued:size} of {v_sndbuf:size} were in use, all of it sent; {v_unacked:n segment} unacknowledged, the congestion window allows {v_cwnd}.
SELECT {v_queued};
-- evidence?: The peer's window allowed {result:size}.
SELECT {v_wnd};
-- evidence: {result:n time} nothing left until an acknowledgement came; then the task itself sent, not the softirq that took the acknowledgement.
SELECT {packets};
-- evidence?: The kernel counts {result} us in which this connection was limited by its send buffer (tcp_info).
SELECT {v_limited};
-- evidence?: net.ipv4.tcp_wmem allows buffers up to {result:size}.
SELECT {v_wmem};
-- packets:
SELECT packet_id FROM _frame WHERE flow_id = {flow_id} AND direction = 1 AND payload_bytes > 0 AND packet_id IS NOT NULL ORDER BY ts_ns LIMIT 20;
-- advice: Let the application not set SO_SNDBUF: the kernel then sizes the buffer itself, up to the third value of tcp_wmem. Else ask for twice the bandwidth times
--   the round trip time.
-- command: {ns}ss -tinmp dst \[{flow_dst}\] dport = {flow_dport}
-- when: SELECT coalesce({v_sndbuf} < {v_wmem}, 1)
-- advice: The buffer is as large as tcp_wmem allows: raise its third value for paths as long as this one.
-- command: {ns}sysctl net.ipv4.tcp_wmem
-- when: SELECT {v_sndbuf} >= {v_wmem}
-- ruled-out: Not the congestion window: it allowed more than was on its way.
-- ruled-out: Not the peer's window: it allowed more.
-- when: SELECT {v_wnd} IS NOT NULL
