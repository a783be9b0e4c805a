-- SPDX-License-Identifier: MIT
-- cause: ephemeral-ports-exhausted
-- severity: info
-- tested: replay
-- uses: sockets, config, events
-- how: The connections of one address to one destination and port, TIME_WAIT included, held four fifths of the range of local ports or more at a snapshot, and
--   no connect() failed for want of a port. A hint before it hurts.
-- title: Local ports for connections to {flow_dst} port {flow_dport} run short
-- summary: {v_used} of {v_ports} local ports for {flow_src} to {flow_dst} port {flow_dport} were taken at a snapshot. No connect() failed so far.
WITH used AS (
	SELECT netns, src, dst, dport, max(n) AS n, max(waiting) AS waiting
	FROM (
		SELECT s.netns, s.src, s.dst, s.dport, s.snap_id, count(DISTINCT s.sport) AS n, sum(s.state = 'TIME_WAIT') AS waiting
		FROM socket s
		WHERE s.proto = 'tcp' AND s.state <> 'LISTEN' AND s.dport > 0
		GROUP BY s.netns, s.src, s.dst, s.dport, s.snap_id
	)
	GROUP BY netns, src, dst, dport
), span AS (
	SELECT netns, v, CAST(substr(v, instr(v, ' ') + 1) AS INTEGER) - CAST(v AS INTEGER) + 1 AS ports
	FROM (SELECT netns, replace(coalesce(value_end, value), char(9), ' ') AS v FROM sysctl WHERE name = 'net.ipv4.ip_local_port_range')
)
SELECT
	0.9 AS confidence,
	u.netns,
	'tcp' AS flow_proto,
	u.src AS flow_src,
	u.dst AS flow_dst,
	u.dport AS flow_dport,
	u.n AS v_used,
	p.ports AS v_ports,
	p.v AS v_range,
	nullif(u.waiting, 0) AS v_waiting
FROM used u JOIN span p ON p.netns = u.netns
WHERE p.ports > 0 AND u.n <= p.ports AND u.n * 5 >= p.ports * 4
	AND NOT EXISTS (SELECT 1 FROM event e WHERE e.name = 'inet_sock_set_state' AND json_extract(e.fields, '$.sport') = 0
		AND json_extract(e.fields, '$.oldstate') IN ('TCP_SYN_SENT', 2) AND json_extract(e.fields, '$.newstate') IN ('TCP_CLOSE', 7))
ORDER BY u.n DESC, u.netns, u.src, u.dst, u.dport
LIMIT 3;

-- evidence: {result:n local port} of {v_ports} were taken.
SELECT {v_used};
-- evidence?: {result} of them were in TIME_WAIT.
SELECT {v_waiting};
-- advice: Keep connections open and use them again, or widen the range.
-- command: {ns}sysctl -w net.ipv4.ip_local_port_range='1024 65535'
-- undo: {ns}sysctl -w net.ipv4.ip_local_port_range={v_range}
-- when: SELECT {v_range} <> '1024 65535'
-- advice: See who holds these connections.
-- command: {ns}ss -tnp dst \[{flow_dst}\] dport = {flow_dport}
