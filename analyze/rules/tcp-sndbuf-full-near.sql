-- SPDX-License-Identifier: MIT
-- cause: tcp-sndbuf-full
-- severity: info
-- tested: replay
-- uses: sockets, config
-- order: last
-- how: Between two snapshots the kernel counted (tcp_info, tcpi_sndbuf_limited) 500 ms or more in which a connection had sent all that its send buffer held
--   and could have sent more, and that was a fifth or more of the time in which it had something to send (tcpi_busy_time). Less is what the
--   growing of a buffer takes. Where tcp-sndbuf-full shows what that cost, nothing is said.
-- title: The send buffer ({v_sndbuf:size}) holds the connection to {flow_dst} port {flow_dport} back
-- summary: For {v_limited:time} of the {v_busy:time} in which it had something to send, the connection from {flow_src} to {flow_dst} port {flow_dport} had sent
--   all that its send buffer of {v_sndbuf:size} could hold; the congestion window and the peer allowed more[[. The buffer {v_why}]].
WITH span AS (
	SELECT netns, src, sport, dst, dport, cookie, max(sndbuf_bytes) AS sndbuf,
		max(json_extract(tcp_info, '$.sndbuf_limited')) - min(json_extract(tcp_info, '$.sndbuf_limited')) AS limited,
		max(json_extract(tcp_info, '$.busy_time')) - min(json_extract(tcp_info, '$.busy_time')) AS busy,
		min(snap_ns) AS from_ns, max(snap_ns) AS to_ns
	FROM socket
	WHERE proto = 'tcp' AND state = 'ESTABLISHED' AND tcp_info IS NOT NULL
	GROUP BY netns, src, sport, dst, dport, cookie
	HAVING limited >= 500000 AND limited * 5 >= busy
), setting AS (
	SELECT s.*, w.value AS wmem, CAST(substr(rtrim(w.value), length(rtrim(rtrim(w.value), '0123456789')) + 1) AS INTEGER) AS most,
		coalesce((SELECT CAST(m.value AS INTEGER) FROM sysctl m WHERE m.name = 'net.core.wmem_max' AND m.netns IS s.netns),
			(SELECT CAST(m.value AS INTEGER) FROM sysctl m WHERE m.name = 'net.core.wmem_max' ORDER BY m.netns_id LIMIT 1)) AS wmem_max
	FROM span s LEFT JOIN sysctl w ON w.netns IS s.netns AND w.name = 'net.ipv4.tcp_wmem'
)
SELECT
	0.85 AS confidence,
	s.netns,
	'tcp' AS flow_proto,
	s.src AS flow_src,
	s.sport AS flow_sport,
	s.dst AS flow_dst,
	s.dport AS flow_dport,
	s.from_ns,
	s.to_ns,
	s.limited / 1e5 AS harm,
	s.sndbuf AS v_sndbuf,
	s.limited * 1000 AS v_limited,
	s.busy * 1000 AS v_busy,
	s.wmem AS v_wmem,
	s.most AS v_most,
	CASE WHEN s.sndbuf >= s.most THEN 'has grown to the last value of net.ipv4.tcp_wmem'
		WHEN s.sndbuf = 2 * s.wmem_max THEN 'is twice net.core.wmem_max, the most that SO_SNDBUF may ask for: an application that asks for a size has none that grows' END AS v_why,
	substr(s.wmem, 1, length(rtrim(rtrim(s.wmem), '0123456789'))) || min(4 * s.most, 2147483647) AS v_wmem_new
FROM setting s
WHERE NOT EXISTS (SELECT 1 FROM _claim c WHERE c.cause = 'tcp-sndbuf-full')
ORDER BY s.limited DESC, s.netns, s.src, s.sport, s.dst, s.dport
LIMIT 3;

-- evidence: By tcp_info its send buffer limited it for {result:time} between the first and the last snapshot, of {v_busy:time} in which it was busy.
SELECT {v_limited};
-- evidence?: net.ipv4.tcp_wmem is {result} (least, at first, most).
SELECT {v_wmem};
-- advice: Let the buffers of connections grow further.
-- command: {ns}sysctl -w net.ipv4.tcp_wmem={v_wmem_new}
-- undo: {ns}sysctl -w net.ipv4.tcp_wmem={v_wmem}
-- when: SELECT {v_sndbuf} >= {v_most}
-- advice: The application leaves SO_SNDBUF alone, so that the buffer grows with the connection up to the last value of net.ipv4.tcp_wmem.
-- when: SELECT {v_sndbuf} < {v_most}
-- ruled-out: Not the congestion window and not the peer's window: the kernel counts the time that those limit elsewhere.
