-- SPDX-License-Identifier: MIT
-- cause: udp-rcvbuf-overflow
-- severity: info
-- tested: replay
-- uses: sockets, counters, config
-- partial: yes
-- how: A UDP socket held four fifths of its receive buffer or more at a snapshot and lost nothing in the whole recording; half is enough where the buffer is exactly twice
--   net.core.rmem_max: to that the kernel cuts what SO_RCVBUF asks, so that the application has less than it wanted, or just as much. A hint before it hurts.
-- title: The receive buffer of UDP port {flow_dport} was {v_share:pct} full
-- summary: {v_used:size} of the receive buffer of {v_rcvbuf:size} were in use at {flow_dst} port {flow_dport}. Nothing was dropped so far.
SELECT
	0.9 AS confidence,
	s.netns,
	'udp' AS flow_proto,
	s.src AS flow_dst,
	s.sport AS flow_dport,
	(SELECT t.comm FROM _flow_task t WHERE t.proto = 'udp' AND t.dport = s.sport AND (t.dst = s.src OR s.src IN ('0.0.0.0', '::', '*')) ORDER BY t.times DESC, t.pid LIMIT 1) AS process,
	(SELECT t.pid FROM _flow_task t WHERE t.proto = 'udp' AND t.dport = s.sport AND (t.dst = s.src OR s.src IN ('0.0.0.0', '::', '*')) ORDER BY t.times DESC, t.pid LIMIT 1) AS pid,
	s.rmem_max AS v_used,
	s.rcvbuf_bytes AS v_rcvbuf,
	m.most AS v_rmem_max,
	max(8388608, 4 * m.most) AS v_rmem_new,
	CASE WHEN s.rcvbuf_bytes = 2 * m.most THEN 1 END AS v_cut,
	min(1.0, CAST(s.rmem_max AS REAL) / s.rcvbuf_bytes) AS v_share
FROM _socket_span s
LEFT JOIN (SELECT CAST(coalesce(value_end, value) AS INTEGER) AS most FROM sysctl WHERE name = 'net.core.rmem_max' ORDER BY netns_id LIMIT 1) m
WHERE s.proto = 'udp' AND s.rcvbuf_bytes > 0 AND s.rmem_max * 10 >= s.rcvbuf_bytes * CASE WHEN s.rcvbuf_bytes = 2 * m.most THEN 5 ELSE 8 END AND coalesce(s.drops_delta, 0) = 0
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.netns = s.netns AND m.name IN ('Udp.RcvbufErrors', 'Udp6RcvbufErrors', 'Udp.InErrors', 'Udp6InErrors') AND m.delta > 0)
ORDER BY s.rmem_max DESC, s.netns, s.src, s.sport, s.cookie
LIMIT 3;

-- evidence: At a snapshot {result:size} of {v_rcvbuf:size} were in use; the socket's drop counter stood still.
SELECT {v_used};
-- evidence?: The buffer is the largest that net.core.rmem_max ({v_rmem_max} bytes, doubled by the kernel) allows: what the application asks beyond it is cut.
SELECT {v_cut};
-- advice: Look at whether the reader keeps up; against bursts allow and ask for a larger buffer (SO_RCVBUF).
-- command: {ns}ss -uamnp sport = :{flow_dport}
-- advice: Allow a larger buffer; it takes effect when the application asks for it anew.
-- command: sysctl -w net.core.rmem_max={v_rmem_new}
-- undo: sysctl -w net.core.rmem_max={v_rmem_max}
-- when: SELECT {v_cut}
